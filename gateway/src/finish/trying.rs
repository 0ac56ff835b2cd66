//! A try under way: its place at an endpoint, and in the backend's numbers.

use std::pin::{Pin, pin};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::backend::{Backend, Picked};
use crate::connect::ClientIdentity;
use crate::endpoint::{Endpoint, Kind};
use crate::failure::Failure;
use crate::pool::Target;
use crate::telemetry::TryFailure;

/// Counted in until dropped: keep it to the end of the response's body, or of the tunnel.
pub(crate) struct Trying {
    picked: Picked,
    backend: Arc<Backend>,
}

impl Trying {
    /// A try at `picked` begins.
    pub(crate) fn begin(backend: &Arc<Backend>, picked: Picked) -> Self {
        backend.metrics().begin();
        Self { picked, backend: backend.clone() }
    }

    /// Where.
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        self.picked.endpoint()
    }

    /// How a request gets there.
    pub(crate) fn target<'t>(
        &'t self,
        identity: Option<&'t Arc<ClientIdentity>>,
        want_h2: bool,
        again: bool,
    ) -> Target<'t> {
        let (config, endpoint) = (self.picked.config(), self.picked.endpoint());
        Target { config, endpoint, identity, want_h2, again }
    }

    /// It is of this kind.
    pub(crate) fn is(&mut self, kind: Kind) {
        self.picked.turn_into(kind);
    }

    /// Which kind it is of.
    pub(crate) fn kind(&self) -> Kind {
        self.picked.kind()
    }

    /// Returns when a drain cuts it, which is counted; `None` for what no drain ever cuts. `news`
    /// are those of the worker.
    pub(crate) fn cut(&self, news: &Arc<Notify>) -> Option<Cut> {
        let kind = self.kind();
        if kind == Kind::Request && !self.picked.config().cuts_requests() {
            return None;
        }
        let (endpoint, backend) = (self.endpoint().clone(), self.backend.clone());
        let news = news.clone();
        Some(Box::pin(async move {
            // A cut between the look and the wait is heard of.
            let mut heard = pin!(news.notified());
            heard.as_mut().enable();
            while !endpoint.is_cut(kind) {
                heard.as_mut().await;
                heard.set(news.notified());
                heard.as_mut().enable();
            }
            backend.metrics().cut(kind);
        }))
    }

    /// What comes of `waiting`, unless a drain cuts it.
    pub(crate) async fn unless_cut<T>(
        &self,
        news: &Arc<Notify>,
        waiting: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let Some(cut) = self.cut(news) else { return waiting.await };
        tokio::select! {
            done = waiting => done,
            () = cut => Err(Failure::Drained),
        }
    }

    /// The response broke off in its body.
    pub(crate) fn truncated(&self) {
        self.backend.metrics().failed(TryFailure::Truncated);
    }
}

/// Returns when a drain cuts what waits for it.
pub(crate) type Cut = Pin<Box<dyn Future<Output = ()>>>;

impl Drop for Trying {
    fn drop(&mut self) {
        self.backend.metrics().end();
    }
}
