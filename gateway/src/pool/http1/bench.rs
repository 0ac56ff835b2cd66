//! A request and its response as bytes, without a connection: for `benches/micro`.

use std::io::Cursor;
use std::pin::Pin;
use std::task::{Context, Waker};

use http::Request;
use tokio::io::sink;

use super::head::Asked;
use super::reading::Reading;
use super::sending::Sending;
use crate::replay;
use crate::settings::Upstream;

const RESPONSE: &str = "HTTP/1.1 200 OK\r\n\
    Server: bench\r\n\
    Date: Sun, 22 Nov 2026 12:00:00 GMT\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 12\r\n\
    Connection: keep-alive\r\n\r\n\
    Hello, world";

/// Writes the same request and reads the same response at every call.
pub(crate) fn exchange() -> Box<dyn FnMut()> {
    let (mut sending, mut reading) = (Sending::new(), Reading::new(&Upstream::default()));
    let request = Request::get("/cart/items?page=2")
        .header("host", "shop.example")
        .header("user-agent", "bench")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "https")
        .header("x-request-id", "0198f0c2-7a3b-7c41-9d52-1f6a0b3c4d5e");
    let request = request.body(()).expect("every part of it is valid");
    Box::new(move || {
        let cx = &mut Context::from_waker(Waker::noop());
        sending.begin(request.clone().map(|()| replay::Body::<hyper::body::Incoming>::empty()));
        let sent = sending.poll(cx, Pin::new(&mut sink()));
        assert!(sent.is_ready() && sending.is_whole(), "a sink takes all");
        let mut endpoint = Cursor::new(RESPONSE);
        reading.begin(Asked::default());
        let head = reading.poll_head(cx, Pin::new(&mut endpoint));
        let body = reading.poll_frame(cx, Pin::new(&mut endpoint));
        assert!(head.is_ready() && body.is_ready() && reading.is_ended(), "all of it is there");
    })
}
