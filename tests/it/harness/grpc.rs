//! gRPC calls by hand: messages of raw bytes, status from the trailers.

use bytes::{BufMut, Bytes, BytesMut};
use futures::SinkExt;
use futures::channel::mpsc;
use http::{HeaderMap, Method, Response, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};

use super::client::{Body, Client};
use super::within;

/// A call in flight: messages go in and come out in any order.
pub(crate) struct Call {
    /// `None` when no more will be sent.
    messages: Option<mpsc::Sender<std::io::Result<Frame<Bytes>>>>,
    response: Response<Incoming>,
    buffer: BytesMut,
    trailers: Option<HeaderMap>,
}

impl Call {
    /// Begins a call of `path`, which is `/package.Service/Method`.
    pub(crate) async fn begin(
        client: &mut Client,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
        first: &[&str],
    ) -> Self {
        let (mut messages, body) = mpsc::channel(8);
        for message in first {
            messages.send(Ok(framed(message))).await.unwrap();
        }
        let mut request = client
            .request(Method::POST, host, path)
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body: Body = BodyExt::boxed_unsync(StreamBody::new(body));
        // Servers may answer at the first message or at the last, so all that is known is sent.
        if path.ends_with("/Unary") || path.ends_with("/ClientStream") {
            messages.close_channel();
        }
        let response = client.send(request.body(body).unwrap()).await.unwrap();
        let messages = Some(messages);
        Self { messages, response, buffer: BytesMut::new(), trailers: None }
    }

    pub(crate) async fn send(&mut self, message: &str) {
        let messages = self.messages.as_mut().expect("not yet closed");
        messages.send(Ok(framed(message))).await.unwrap();
    }

    /// No more messages will be sent.
    pub(crate) fn close(&mut self) {
        self.messages = None;
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next message; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(message) = unframed(&mut self.buffer) {
                return Some(message);
            }
            let frame = within("a message", self.response.body_mut().frame()).await?.unwrap();
            match frame.into_data() {
                Ok(data) => self.buffer.put(data),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    /// Every message left, with the status.
    pub(crate) async fn finish(mut self) -> (Vec<String>, String) {
        self.close();
        let mut all = Vec::new();
        while let Some(message) = self.next().await {
            all.push(message);
        }
        // A call that fails at once has its status among the headers.
        let status = |headers: &HeaderMap| headers.get("grpc-status").cloned();
        let status = self.trailers.as_ref().and_then(status).or_else(|| status(self.headers()));
        (all, status.expect("a call ends with a status").to_str().unwrap().to_owned())
    }
}

fn framed(message: &str) -> Frame<Bytes> {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap());
    bytes.put(message.as_bytes());
    Frame::data(bytes.freeze())
}

fn unframed(buffer: &mut BytesMut) -> Option<String> {
    let len = u32::from_be_bytes(buffer.get(1..5)?.try_into().unwrap()) as usize;
    if buffer.len() < 5 + len {
        return None;
    }
    let message = buffer.split_to(5 + len);
    Some(String::from_utf8(message[5..].to_vec()).unwrap())
}
