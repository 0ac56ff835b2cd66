//! The admin address: health, readiness, metrics, JSON views.
//!
//! Promises: nothing here changes anything (GET and HEAD only); whatever it is asked, no request
//! of a client waits for it, because it runs on the control runtime and renders beside it; what it
//! holds for slow readers is bounded. What the views say is up to whoever registers them.

mod answer;
mod query;
mod readiness;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use answer::Answer;
pub use query::Query;
pub use readiness::{Readiness, State};

use crate::telemetry::Telemetry;

/// Scrapers, probes and people with room to spare; more wait to be accepted.
const MAX_CONNECTIONS: usize = 64;
/// Views rendered at the same time: each may hold the text of a whole snapshot.
const MAX_RENDERING: usize = 4;
/// A head that takes longer, and a connection idle for longer, is given up.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A reader that is not done by then is not going to be; scrapers connect again.
const CONNECTION_LIFE: Duration = Duration::from_secs(300);
/// A pause after an accept that failed for want of descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Responses begun get this long when the server stops.
const FAREWELL: Duration = Duration::from_millis(500);

/// Renders one view; called on a thread where it may take its time.
type View = Box<dyn Fn(&Query) -> Answer + Send + Sync>;

/// The admin server; see the module.
pub struct Admin {
    listener: TcpListener,
    site: Site,
}

/// What there is to ask for.
struct Site {
    readiness: Readiness,
    telemetry: Telemetry,
    views: BTreeMap<&'static str, Arc<View>>,
    rendering: Semaphore,
}

impl Admin {
    /// Listens; serving begins with [`Self::serve`].
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(
        address: SocketAddr,
        telemetry: Telemetry,
        readiness: Readiness,
    ) -> io::Result<Self> {
        Ok(Self::at(TcpListener::bind(address).await?, telemetry, readiness))
    }

    /// Serves on a socket that listens already. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the runtime does not take it.
    pub fn on(
        socket: std::net::TcpListener,
        telemetry: Telemetry,
        readiness: Readiness,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self::at(TcpListener::from_std(socket)?, telemetry, readiness))
    }

    fn at(listener: TcpListener, telemetry: Telemetry, readiness: Readiness) -> Self {
        let rendering = Semaphore::new(MAX_RENDERING);
        Self { listener, site: Site { readiness, telemetry, views: BTreeMap::new(), rendering } }
    }

    /// The listening socket, for another process.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn socket(&self) -> io::Result<std::net::TcpListener> {
        Ok(SockRef::from(&self.listener).try_clone()?.into())
    }

    /// Where it listens: the port is known even when 0 was asked for.
    ///
    /// # Errors
    /// When the socket does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers `GET path` with what `render` makes of the query.
    #[must_use]
    pub fn view(
        mut self,
        path: &'static str,
        render: impl Fn(&Query) -> Answer + Send + Sync + 'static,
    ) -> Self {
        self.site.views.insert(path, Arc::new(Box::new(render)));
        self
    }

    /// Serves until `stop` ends, and then what has begun.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let site = Arc::new(self.site);
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            // Cancel safe: a permit not taken and a connection not accepted stay where they are.
            let accepted = async {
                let slot = slots.clone().acquire_owned().await.expect("never closed");
                (slot, self.listener.accept().await)
            };
            tokio::select! {
                () = &mut stop => break,
                (slot, accepted) = accepted => match accepted {
                    Ok((stream, _)) => {
                        let site = site.clone();
                        connections.spawn(async move {
                            serve_connection(stream, site).await;
                            drop(slot);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the admin address accepts no connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
        let ended = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(FAREWELL, ended).await;
        connections.shutdown().await;
    }
}

async fn serve_connection(stream: TcpStream, site: Arc<Site>) {
    let service = service_fn(|request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(site.respond(&request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_LIFE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the admin address failed"),
        Err(_) => tracing::debug!("a connection to the admin address was open for too long"),
    }
}

#[cfg(test)]
mod tests;
