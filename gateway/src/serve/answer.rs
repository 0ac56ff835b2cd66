//! hyper's service: one request in, its response out, both counted.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use http::header::{CONNECTION, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};

use super::life::{Life, Wish};
use super::streams::Mark;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::finish::Body;
use crate::overload::Level;
use crate::request;
use crate::worker::Stage;

/// Answers the requests of one connection.
pub(super) fn answers(
    connection: Rc<Connection>,
    life: Rc<Life>,
) -> impl Clone
+ Service<
    Request<Incoming>,
    Response = Response<Counted>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Counted>, Infallible>>,
> {
    service_fn(move |request| {
        // Begun before the future is made: `streams` relies on it.
        let open = Open::begin(&connection, &life);
        answer(connection.clone(), open, request)
    })
}

async fn answer(
    connection: Rc<Connection>,
    mut open: Open,
    request: Request<Incoming>,
) -> Result<Response<Counted>, Infallible> {
    // What a panic leaves behind is this request's own, and is dropped with it.
    let handled = AssertUnwindSafe(request::handle(&connection, request)).catch_unwind().await;
    let mut response = handled.unwrap_or_else(|panic| bug(&*panic));
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if !connection.h2 && !switches && open.is_last(&connection) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if connection.h2 {
        unshare(response.headers_mut());
    }
    open.answered = true;
    Ok(response.map(|body| Counted { body, open }))
}

/// Gives the values a place of their own. What HTTP/2 compresses with keeps values for as long as
/// the connection lasts, and each would hold the whole buffer that the backend's head came in.
fn unshare(headers: &mut HeaderMap) {
    let size = headers.values().map(HeaderValue::len).sum();
    let mut all = BytesMut::with_capacity(size);
    for value in headers.values_mut() {
        all.extend_from_slice(value.as_bytes());
        let (own, sensitive) = (all.split().freeze(), value.is_sensitive());
        *value = HeaderValue::from_maybe_shared(own).expect("it was one before");
        value.set_sensitive(sensitive);
    }
}

/// A panic is a bug of ours; it costs the one request, which is finished already.
fn bug(panic: &(dyn Any + Send)) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("without a message"), "a request failed by a bug");
    let mut response = Response::new(Body::none());
    *response.status_mut() = Failure::Internal.row().status;
    response
}

/// A request that is not answered to its end.
struct Open {
    life: Rc<Life>,
    /// HTTP/2 only.
    mark: Option<Rc<Mark>>,
    answered: bool,
}

impl Open {
    fn begin(connection: &Connection, life: &Rc<Life>) -> Self {
        life.pace.request_begins();
        life.request_comes();
        let mark = connection.h2.then(|| {
            life.resets.stream(life.pace.now());
            let mark = Rc::<Mark>::default();
            life.marks.borrow_mut().push(mark.clone());
            mark
        });
        if let Some(gate) = &connection.gate {
            gate.request_begins();
        }
        Self { life: life.clone(), mark, answered: false }
    }

    /// Whether the connection should close behind this response.
    fn is_last(&self, connection: &Connection) -> bool {
        let worker = &connection.worker;
        self.life.wished() >= Wish::Leave
            || worker.stage() >= Stage::Draining
            || worker.overload.level() >= Level::Tight
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.life.pace.request_ends();
        if self.mark.is_some() && !self.answered && self.life.resets.reset() {
            self.life.wish(Wish::Cut);
        }
    }
}

/// A response's body; its request is open until this is dropped.
pub(super) struct Counted {
    body: Body,
    open: Open,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(mark) = self.open.mark.clone() else {
            return Pin::new(&mut self.body).poll_frame(cx);
        };
        mark.asked();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_some() {
            mark.gave();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
