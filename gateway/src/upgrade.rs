//! Upgraded connections: WebSocket over HTTP/1.1, copied both ways until both sides are done.
//!
//! Promises: only `websocket` is ever upgraded to, and only when the backend answered 101; what a
//! side says goes to the other unchanged, an end of one side included; memory is flat; a tunnel
//! counts at its endpoint until it ends, ends when it is idle for too long, and says goodbye
//! (close code 1001) when the
//! gateway stops or a drain cuts it. Its task is the worker's.

mod frames;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, Method, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, WriteHalf, split};
use tokio::time::{Instant, sleep_until, timeout};

use crate::connection::Connection;
use crate::endpoint::Kind;
use crate::failure::Failure;
use crate::finish::{Finish, Trying};
use crate::forwarding::has_token;
use crate::pool::ResponseBody;
use crate::replay;
use crate::worker::Worker;
use frames::{Frames, GOING_AWAY, going_away_masked};

/// Bytes held for each direction: one read of a busy socket; more gains nothing.
const BUFFER: usize = 8 * 1_024;

/// How long the other side may be silent once one side has ended. Some seconds for the last words;
/// nobody has a use for a tunnel that is open on one side for longer.
const HALF_CLOSED_IDLE: Duration = Duration::from_secs(30);

/// What it means when the client's connection breaks, and when the backend's does.
const CLIENT: Failure = Failure::ClientGone;
const BACKEND: Failure = Failure::Incomplete;

/// Whether the request asks for WebSocket. Any other upgrade is not done: the request is served as
/// if it had not been asked for (RFC 9110 §7.8).
pub(crate) fn is_asked(method: &Method, version: Version, headers: &HeaderMap) -> bool {
    version == Version::HTTP_11
        && method == Method::GET
        && has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, "websocket")
}

/// A connection that the backend has agreed to upgrade.
pub(crate) struct Tunnel {
    /// The client's side, once the 101 has left.
    pub(crate) client: OnUpgrade,
    /// The backend's side.
    pub(crate) backend: ResponseBody<replay::Body>,
    /// Counts it.
    pub(crate) trying: Trying,
    /// Finishes the request that began it.
    pub(crate) finish: Finish,
}

/// Copies until both sides have ended.
pub(crate) fn start(connection: &Rc<Connection>, tunnel: Tunnel) {
    let worker = connection.worker.clone();
    connection.worker.tasks.spawn(async move {
        worker.telemetry.connections().tunnel_begins();
        run(&worker, tunnel).await;
        worker.telemetry.connections().tunnel_ends();
    });
}

async fn run(worker: &Rc<Worker>, tunnel: Tunnel) {
    let Tunnel { client, backend, mut trying, mut finish } = tunnel;
    trying.is(Kind::Tunnel);
    let cut = trying.cut(&worker.cuts).expect("tunnels can be cut");
    let Ok(client) = client.await else { return finish.fails(Failure::ClientGone) };
    let Some(backend) = backend.into_tunnel() else { return finish.fails(Failure::Reset) };
    let (mut from_client, mut to_client) = split(TokioIo::new(client));
    let (mut from_backend, mut to_backend) = split(backend);
    let (up, down) = (Way::default(), Way::default());
    let result = {
        let both = async {
            tokio::try_join!(
                up.copy(&mut from_client, &mut to_backend, [CLIENT, BACKEND]),
                down.copy(&mut from_backend, &mut to_client, [BACKEND, CLIENT]),
            )
        };
        tokio::select! {
            result = both => result.map(|_| ()),
            () = idle(worker.settings.upstream.tunnel_idle, &up, &down) => {
                Err(Failure::TunnelIdle)
            }
            () = worker.clone().ending() => Err(Failure::Stopping),
            () = cut => Err(Failure::Drained),
        }
    };
    finish.receives(up.moved.get());
    finish.sends(down.moved.get());
    match result {
        Ok(()) => finish.completes(),
        Err(failure) => finish.fails(failure),
    }
    if !matches!(result, Err(CLIENT | BACKEND)) {
        let limit = worker.settings.stop.farewell;
        let masked = going_away_masked(fastrand::u32(..).to_ne_bytes());
        let _ = timeout(limit, async {
            tokio::join!(
                say_goodbye(&down, &mut to_client, &GOING_AWAY),
                say_goodbye(&up, &mut to_backend, &masked),
            )
        })
        .await;
    }
    drop(trying);
}

/// One direction.
struct Way {
    moved: Cell<u64>,
    last: Cell<Instant>,
    ended: Cell<bool>,
    frames: RefCell<Frames>,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            moved: Cell::new(0),
            last: Cell::new(Instant::now()),
            ended: Cell::new(false),
            frames: RefCell::default(),
        }
    }
}

impl Way {
    /// Copies until the end of `from`, and passes that on. Dropped at any point, `frames` and
    /// `moved` are exact. `blame` are the failures of either end.
    async fn copy(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        blame: [Failure; 2],
    ) -> Result<(), Failure> {
        let mut buffer = vec![0; BUFFER].into_boxed_slice();
        loop {
            let read = from.read(&mut buffer).await.map_err(|_| blame[0])?;
            if read == 0 {
                self.ended.set(true);
                self.last.set(Instant::now());
                return to.shutdown().await.map_err(|_| blame[1]);
            }
            self.pass(&buffer[..read], to).await.map_err(|_| blame[1])?;
        }
    }

    async fn pass(&self, mut rest: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while !rest.is_empty() {
            let wrote = to.write(rest).await?;
            if wrote == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.frames.borrow_mut().pass(&rest[..wrote]);
            self.moved.set(self.moved.get() + wrote as u64);
            self.last.set(Instant::now());
            rest = &rest[wrote..];
        }
        to.flush().await
    }
}

/// Returns when nothing has moved for too long.
async fn idle(limit: Duration, up: &Way, down: &Way) {
    loop {
        let ended = up.ended.get() || down.ended.get();
        let limit = if ended { limit.min(HALF_CLOSED_IDLE) } else { limit };
        let end = up.last.get().max(down.last.get()) + limit;
        if Instant::now() >= end {
            return;
        }
        // An end of one side shortens the limit; look in time to notice.
        sleep_until(end.min(Instant::now() + HALF_CLOSED_IDLE)).await;
    }
}

/// Sends the close frame where a frame may stand, and ends our side.
async fn say_goodbye<S>(way: &Way, to: &mut WriteHalf<S>, frame: &[u8])
where
    S: AsyncWrite,
{
    if !way.ended.get() && way.frames.borrow().between() {
        let _ = to.write_all(frame).await;
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderMap, HeaderName, HeaderValue};
    use http::{Method, Version};

    use tokio::time::{Duration, Instant, advance};

    use super::{HALF_CLOSED_IDLE, Way, idle, is_asked};

    #[tokio::test(start_paused = true)]
    async fn a_silent_tunnel_ends_sooner_when_one_side_has_ended() {
        let limit = Duration::from_secs(3_600);
        for (ended, expected) in [(false, limit), (true, HALF_CLOSED_IDLE)] {
            let (up, down) = (Way::default(), Way::default());
            up.ended.set(ended);
            let begun = Instant::now();
            idle(limit, &up, &down).await;
            assert_eq!(begun.elapsed().as_secs(), expected.as_secs());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_in_use_is_not_idle() {
        let (up, down) = (Way::default(), Way::default());
        advance(Duration::from_secs(50)).await;
        down.last.set(Instant::now());
        let begun = Instant::now();
        idle(Duration::from_secs(60), &up, &down).await;
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

    #[test]
    fn only_a_plain_websocket_upgrade_is_one() {
        let good = [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")];
        for (method, version, fields, expected) in [
            (Method::GET, Version::HTTP_11, &good[..], true),
            (Method::POST, Version::HTTP_11, &good[..], false),
            (Method::GET, Version::HTTP_10, &good[..], false),
            (Method::GET, Version::HTTP_2, &good[..], false),
            (Method::GET, Version::HTTP_11, &good[..1], false),
            (Method::GET, Version::HTTP_11, &good[1..], false),
            (Method::GET, Version::HTTP_11, &[good[0], ("upgrade", "h2c")], false),
            (Method::GET, Version::HTTP_11, &[good[0], ("upgrade", "h2c, websocket")], true),
        ] {
            let headers: HeaderMap = fields
                .iter()
                .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
                .collect();
            assert_eq!(is_asked(&method, version, &headers), expected, "{method} {fields:?}");
        }
    }
}
