//! Clients on one connection each.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::within;

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A whole body.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// One connection; ends when dropped.
pub(crate) struct Client {
    sender: Sender,
    connection: JoinHandle<()>,
    scheme: &'static str,
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A response with all of its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    /// HTTP/1.1 in the clear.
    pub(crate) async fn http1(address: SocketAddr) -> Self {
        Self::http1_on(connect(address).await, "http").await
    }

    /// HTTP/2 by prior knowledge.
    pub(crate) async fn http2(address: SocketAddr) -> Self {
        Self::http2_on(connect(address).await, "http").await
    }

    pub(crate) async fn http1_on(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        scheme: &'static str,
    ) -> Self {
        let handshake = http1::handshake(TokioIo::new(stream));
        let (sender, connection) = within("HTTP/1", handshake).await.unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Self { sender: Sender::Http1(sender), connection, scheme }
    }

    pub(crate) async fn http2_on(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        scheme: &'static str,
    ) -> Self {
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = within("HTTP/2", handshake).await.unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self { sender: Sender::Http2(sender), connection, scheme }
    }

    /// A request in the form that the connection's protocol wants.
    pub(crate) fn request(&self, method: Method, host: &str, path: &str) -> http::request::Builder {
        let builder = Request::builder().method(method);
        match &self.sender {
            Sender::Http1(_) => builder.uri(path).header(header::HOST, host),
            Sender::Http2(_) => {
                let uri = Uri::builder().scheme(self.scheme).authority(host).path_and_query(path);
                builder.uri(uri.build().unwrap())
            }
        }
    }

    /// Sends a request; the body of the response is still to come.
    pub(crate) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let sent = async {
            match &mut self.sender {
                Sender::Http1(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
                Sender::Http2(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
            }
        };
        within("a response", sent).await
    }

    /// Sends a request and takes the whole response.
    pub(crate) async fn call(&mut self, request: Request<Body>) -> Answer {
        let response = self.send(request).await.unwrap();
        Answer::of(response).await.unwrap()
    }

    pub(crate) async fn get(&mut self, host: &str, path: &str) -> Answer {
        let request = self.request(Method::GET, host, path).body(full("")).unwrap();
        self.call(request).await
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Answer {
    /// Takes the whole body; an error when it is cut.
    pub(crate) async fn of(response: Response<Incoming>) -> Result<Self, hyper::Error> {
        let (parts, body) = response.into_parts();
        let collected = within("the body of a response", body.collect()).await?;
        Ok(Self {
            status: parts.status,
            version: parts.version,
            headers: parts.headers,
            body: collected.to_bytes(),
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The name of the echo that answered; empty when none did.
    pub(crate) fn name(&self) -> String {
        let json = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        json["name"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A TCP connection that sends small writes at once.
pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let stream = within("a connection", TcpStream::connect(address)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
