//! Idle and shared upstream connections of one worker thread.

mod body;
mod error;

use std::error::Error;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;

pub(crate) use self::body::{ResponseBody, Tunnel};
pub(crate) use self::error::{Cause, SendError, Stage};
use crate::backend::{BackendConfig, Backends};
use crate::connect::ClientIdentity;
use crate::endpoint::Endpoint;
use crate::settings::Settings;

/// The upstream connections of one worker thread. `B` is the body of the requests it sends.
///
/// Cloning gives another handle of the same pool.
pub(crate) struct Pool<B> {
    settings: Arc<Settings>,
    body: PhantomData<Rc<B>>,
}

/// Where one try goes, and how.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// How the backend is reached.
    pub(crate) config: &'a Arc<BackendConfig>,
    /// The endpoint, as picked.
    pub(crate) endpoint: &'a Arc<Endpoint>,
    /// What we present when the backend asks for a certificate.
    pub(crate) identity: Option<&'a Arc<ClientIdentity>>,
    /// HTTP/2 where the backend leaves the choice to us (gRPC).
    pub(crate) want_h2: bool,
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// An empty pool, which hears of endpoints that leave `backends`.
    pub(crate) fn new(settings: Arc<Settings>, _backends: &Backends) -> Self {
        Self { settings, body: PhantomData }
    }

    /// Sends a request on a pooled or a new connection and waits for the head of its response.
    ///
    /// The request is in its HTTP/1 form: origin-form target, one `Host`, no hop-by-hop fields
    /// except `Connection: upgrade` with `Upgrade`, and `te: trailers`. What HTTP/2 wants instead is
    /// made here. There is no time limit on the response: drop the future to give up.
    ///
    /// Cancel safe: a dropped future closes its connection or resets its stream.
    pub(crate) async fn send(
        &self,
        _target: Target<'_>,
        _request: Request<B>,
    ) -> Result<Response<ResponseBody<B>>, SendError<B>> {
        unimplemented!("lands next")
    }

    /// Keeps the pool tidy: closes what was idle or open for too long, once a second, and at once
    /// what leads to endpoints that left. Runs for as long as it is polled; the worker owns it.
    pub(crate) async fn tend(&self) {
        unimplemented!("lands next")
    }

    /// Takes nothing new, closes what is idle, and waits until every connection has ended or
    /// `limit` is over.
    pub(crate) async fn close(&self, _limit: Duration) {
        unimplemented!("lands next")
    }
}
