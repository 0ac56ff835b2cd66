//! Backends that do as they are told, one step for each request.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a backend does with a request that it has read.
#[derive(Clone, Copy)]
pub(super) enum Does {
    /// Sends these bytes and goes on with the next request.
    Says(&'static str),
    /// Sends these bytes and closes.
    SaysAndLeaves(&'static str),
    /// Says nothing until the connection ends.
    Hangs,
    /// Accepts the upgrade and echoes, then says goodbye when the client ends.
    Echoes,
}

/// 200 with a body.
pub(super) const OK: Does = Does::Says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
/// Closes without a byte.
pub(super) const LEAVES: Does = Does::SaysAndLeaves("");

/// A backend on a port of its own, and all that it was asked.
pub(super) struct Scripted {
    pub(super) address: SocketAddr,
    seen: Rc<RefCell<Vec<Seen>>>,
    left: Rc<Cell<usize>>,
}

/// One request as its bytes came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: String,
}

/// An address where nobody listens.
pub(super) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

impl Scripted {
    /// Does one thing after the other; the last one for all requests that follow.
    pub(super) async fn new(script: &'static [Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let left = Rc::new(Cell::new(0));
        let (all, gone) = (seen.clone(), left.clone());
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, gone) = (all.clone(), gone.clone());
                tokio::task::spawn_local(async move {
                    serve(stream, script, all).await;
                    gone.set(gone.get() + 1);
                });
            }
        });
        Self { address, seen, left }
    }

    /// Connections that have ended.
    pub(super) fn left(&self) -> usize {
        self.left.get()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }
}

async fn serve(stream: TcpStream, script: &'static [Does], seen: Rc<RefCell<Vec<Seen>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let does = {
            let mut seen = seen.borrow_mut();
            seen.push(request);
            script[(seen.len() - 1).min(script.len() - 1)]
        };
        match does {
            Does::Says(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Does::SaysAndLeaves(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                return;
            }
            Does::Hangs => {
                let _ = stream.read_u8().await;
                return;
            }
            Does::Echoes => {
                stream.write_all(UPGRADED).await.unwrap();
                let (mut from, mut to) = stream.get_mut().split();
                tokio::io::copy(&mut from, &mut to).await.unwrap();
                to.write_all(b"bye").await.unwrap();
                return;
            }
        }
    }
}

const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
    upgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n";

/// One request; `None` at the end of the connection.
async fn read(from: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let field = |name: &str| {
        let line = head.lines().find(|line| line.starts_with(name))?;
        Some(line[name.len()..].trim().to_owned())
    };
    let mut body = Vec::new();
    if let Some(length) = field("content-length:") {
        body.resize(length.parse().unwrap(), 0);
        from.read_exact(&mut body).await.ok()?;
    } else if field("transfer-encoding:").is_some() {
        loop {
            let mut size = String::new();
            from.read_line(&mut size).await.ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            from.read_exact(&mut chunk).await.ok()?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
    Some(Seen { head, body: String::from_utf8(body).unwrap() })
}
