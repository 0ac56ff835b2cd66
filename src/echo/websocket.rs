//! WebSocket: every message comes back (RFC 6455).

use futures::{SinkExt, StreamExt};
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::body::{self, Body};

pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

pub(super) fn answer(headers: &HeaderMap, name: &str) -> Response<Body> {
    let Some(accept) = accept_key(headers) else {
        let mut refused = Response::new(body::full("Sec-WebSocket-Version must be 13\n"));
        *refused.status_mut() = StatusCode::UPGRADE_REQUIRED;
        refused.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return refused;
    };
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let Ok(name) = HeaderValue::from_str(name) {
        headers.insert("echo-name", name);
    }
    response
}

fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    if headers.get(SEC_WEBSOCKET_VERSION)?.as_bytes() != b"13" {
        return None;
    }
    let key = derive_accept_key(headers.get(SEC_WEBSOCKET_KEY)?.as_bytes());
    HeaderValue::from_str(&key).ok()
}

/// Serves the connection until either side closes.
pub(super) async fn echo(stream: TokioIo<hyper::upgrade::Upgraded>) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    // Pings are answered and closes are repeated by the library while we read.
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}
