//! A listening socket of the control side: HTTP/1 for few and mostly friendly callers.
//!
//! Promises: connections, the time for a head and the life of a connection are bounded; a
//! connection lives on while an answer is being made for it, and no longer.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// A head that takes longer, and a connection idle for longer, is given up.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A reader that is not done by then is not going to be; scrapers connect again.
const CONNECTION_LIFE: Duration = Duration::from_secs(300);
/// A pause after an accept that failed for want of descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Responses begun get this long when the server stops, unless it is told otherwise.
const FAREWELL: Duration = Duration::from_millis(500);

/// See the module.
pub struct Server {
    listener: TcpListener,
    most: usize,
    farewell: Duration,
}

/// What a caller gets.
pub type Reply = Response<Full<Bytes>>;

impl Server {
    /// Listens; serving begins with [`Self::serve`]. At most so many connections are open at once,
    /// more wait to be accepted.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr, most: usize) -> io::Result<Self> {
        Ok(Self::new(TcpListener::bind(address).await?, most))
    }

    /// Serves on a socket that listens already. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the runtime does not take it.
    pub fn on(socket: std::net::TcpListener, most: usize) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self::new(TcpListener::from_std(socket)?, most))
    }

    fn new(listener: TcpListener, most: usize) -> Self {
        Self { listener, most, farewell: FAREWELL }
    }

    /// Gives what has begun so much time when it stops.
    #[must_use]
    pub fn patient(self, farewell: Duration) -> Self {
        Self { farewell, ..self }
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

    /// Answers with what `answer` makes of the caller's address and request, until `stop` ends, and
    /// then what has begun. An answer whose caller went away is dropped where it is.
    pub async fn serve<A, F>(self, answer: A, stop: impl Future<Output = ()>)
    where
        A: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send,
    {
        let slots = Arc::new(Semaphore::new(self.most));
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
                    Ok((stream, peer)) => {
                        let answer = answer.clone();
                        connections.spawn(async move {
                            serve_connection(stream, peer, answer).await;
                            drop(slot);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a control address accepts no connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
        // Nobody else is to come here for nothing.
        drop(self.listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(self.farewell, ended).await;
        connections.shutdown().await;
    }
}

async fn serve_connection<A, F>(stream: TcpStream, peer: SocketAddr, answer: A)
where
    A: Fn(SocketAddr, Request<Incoming>) -> F,
    F: Future<Output = Reply>,
{
    let busy = AtomicUsize::new(0);
    let service = service_fn(|request| {
        let (answer, busy) = (answer(peer, request), Busy::begin(&busy));
        async move {
            let reply = answer.await;
            drop(busy);
            Ok::<_, Infallible>(reply)
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
    );
    loop {
        match timeout(CONNECTION_LIFE, &mut connection).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                return tracing::debug!(%error, "a connection to a control address failed");
            }
            Err(_) if busy.load(Ordering::Relaxed) > 0 => {}
            Err(_) => {
                return tracing::debug!("a connection to a control address was open for too long");
            }
        }
    }
}

/// An answer that is being made.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
