//! Servers by hand: what they say is written out, byte for byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A listening socket.
pub(super) struct Server(TcpListener);

/// A connection from the pool.
pub(super) struct Peer {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Server {
    pub(super) async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(super) async fn accept(&self) -> Peer {
        let (stream, _) = self.0.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer { stream, buffer: Vec::new() }
    }

    /// Accepts a connection and answers its first request.
    pub(super) async fn answer(&self, answer: impl AsRef<str>) -> Peer {
        let mut peer = self.accept().await;
        peer.answer(answer).await;
        peer
    }
}

impl Peer {
    /// Reads the head of a request.
    pub(super) async fn request(&mut self) -> String {
        loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let rest = self.buffer.split_off(end + 4);
                let head = std::mem::replace(&mut self.buffer, rest);
                return String::from_utf8(head).unwrap();
            }
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0, "no request");
        }
    }

    /// Answers the next request on the connection; gives its head.
    pub(super) async fn answer(&mut self, answer: impl AsRef<str>) -> String {
        let head = self.request().await;
        self.say(answer.as_ref()).await;
        head
    }

    /// Reads exactly so many bytes.
    pub(super) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0, "no more bytes");
        }
        let rest = self.buffer.split_off(count);
        std::mem::replace(&mut self.buffer, rest)
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.write(text.as_bytes()).await;
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Writes as long as the other side reads.
    pub(super) async fn write_until_closed(&mut self, bytes: &[u8]) {
        while self.stream.write_all(bytes).await.is_ok() {}
    }

    /// Closes with a RST instead of a FIN.
    pub(super) fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Waits until the other side has closed; gives what it had still said.
    pub(super) async fn closed(&mut self) -> Vec<u8> {
        // A reset is a close as well.
        self.stream.read_to_end(&mut self.buffer).await.ok();
        std::mem::take(&mut self.buffer)
    }
}

/// A 200 with this body.
pub(super) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
