//! Copies of requests, sent elsewhere and forgotten (Gateway API `HTTPRequestMirrorFilter`).
//!
//! A mirror never holds up or changes the request that it copies: it gets the body as fast as the
//! main backend takes it, holds no more than its bound, and is abandoned, and counted, when it
//! falls behind, fails, or takes too long. It is not tried again; its answer is read and dropped.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use http::Request;
use http::request::Parts;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::backend::Backend;
use crate::connect::ClientIdentity;
use crate::finish::Trying;
use crate::pool::Cause;
use crate::replay::Body;
use crate::telemetry::TryFailure;
use crate::worker::Worker;

/// A copy that is ready to go.
pub(crate) struct Copy {
    /// Who gets it.
    pub(crate) backend: Arc<Backend>,
    /// What we present to backends that ask for a certificate.
    pub(crate) identity: Option<Arc<ClientIdentity>>,
    /// The request, in the form that `Pool::send` asks for.
    pub(crate) request: Request<Body>,
    /// It is a gRPC call.
    pub(crate) grpc: bool,
}

/// A request with this head and body.
pub(crate) fn request(head: &Parts, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.headers_mut() = head.headers.clone();
    request
}

/// Sends a copy on its way. The worker owns its task.
pub(crate) fn start(worker: &Rc<Worker>, copy: Copy) {
    let of = worker.clone();
    worker.tasks.spawn(async move {
        // The same time that a request without a time of its own gets for its first byte; the
        // answer's body is not worth more.
        let limit = of.settings.upstream.first_byte_timeout;
        let backend = copy.backend.clone();
        tokio::select! {
            done = timeout(limit, send(&of, copy)) => {
                if done.is_err() {
                    backend.metrics().failed(TryFailure::Timeout);
                }
            }
            () = of.clone().ending() => {}
        }
    });
}

async fn send(worker: &Worker, copy: Copy) {
    let Ok(picked) = copy.backend.pick(&[], None, None).await else { return };
    let trying = Trying::begin(&copy.backend, picked);
    let metrics = copy.backend.metrics();
    let begun = Instant::now();
    let target = trying.target(copy.identity.as_ref(), copy.grpc, false);
    match worker.pool.send(target, copy.request).await {
        Ok(response) => {
            metrics.answered(response.status(), begun.elapsed());
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                if frame.is_err() {
                    return trying.truncated();
                }
            }
        }
        Err(error) => metrics.failed(match error.cause {
            Cause::Refused | Cause::Unreachable(_) | Cause::ConnectTimeout => TryFailure::Connect,
            Cause::Tls(_) => TryFailure::Tls,
            Cause::Malformed(_) => TryFailure::Protocol,
            Cause::RequestBody => TryFailure::Abandoned,
            Cause::Overflow | Cause::PendingTimeout | Cause::Closing => TryFailure::Timeout,
            Cause::Closed | Cause::Reset(_) | Cause::GoAway => TryFailure::Reset,
        }),
    }
}
