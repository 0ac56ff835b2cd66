//! The admin address: health, readiness, metrics, JSON views.
//!
//! Promises: views and probes change nothing (GET and HEAD only); whatever it is asked, no request
//! of a client waits for it, because it runs on the control runtime and renders beside it; what it
//! holds for slow readers is bounded. What the views say and the actions do is up to whoever
//! registers them.

mod answer;
mod query;
mod readiness;
mod server;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::Request;
use hyper::body::Incoming;
use tokio::sync::Semaphore;

pub use answer::Answer;
pub use query::Query;
pub use readiness::{Readiness, State};
pub use server::{Reply, Server};

use crate::telemetry::Telemetry;

/// Scrapers, probes and people with room to spare; more wait to be accepted.
const MAX_CONNECTIONS: usize = 64;
/// Views rendered at the same time: each may hold the text of a whole snapshot.
const MAX_RENDERING: usize = 4;

/// Renders one view; called on a thread where it may take its time.
type View = Box<dyn Fn(&Query) -> Answer + Send + Sync>;

/// Does something for a caller with this address.
type Action = Box<dyn Fn(SocketAddr, Request<Incoming>) -> BoxFuture<'static, Reply> + Send + Sync>;

/// The admin server; see the module.
pub struct Admin {
    server: Server,
    site: Site,
}

/// What there is to ask for.
struct Site {
    readiness: Readiness,
    telemetry: Telemetry,
    views: BTreeMap<&'static str, Arc<View>>,
    actions: BTreeMap<&'static str, Action>,
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
        Ok(Self::at(Server::bind(address, MAX_CONNECTIONS).await?, telemetry, readiness))
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
        Ok(Self::at(Server::on(socket, MAX_CONNECTIONS)?, telemetry, readiness))
    }

    fn at(server: Server, telemetry: Telemetry, readiness: Readiness) -> Self {
        let (views, actions) = (BTreeMap::new(), BTreeMap::new());
        let rendering = Semaphore::new(MAX_RENDERING);
        Self { server, site: Site { readiness, telemetry, views, actions, rendering } }
    }

    /// The listening socket, for another process.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn socket(&self) -> io::Result<std::net::TcpListener> {
        self.server.socket()
    }

    /// Where it listens: the port is known even when 0 was asked for.
    ///
    /// # Errors
    /// When the socket does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.server.local_addr()
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

    /// Lets `act` answer whatever is asked of `path`, by any method.
    #[must_use]
    pub fn action<A>(mut self, path: &'static str, act: A) -> Self
    where
        A: Fn(SocketAddr, Request<Incoming>) -> BoxFuture<'static, Reply> + Send + Sync + 'static,
    {
        self.site.actions.insert(path, Box::new(act));
        self
    }

    /// Serves until `stop` ends, and then what has begun.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let site = Arc::new(self.site);
        let answer = move |peer, request: Request<Incoming>| {
            let site = site.clone();
            async move {
                match site.actions.get(request.uri().path()) {
                    Some(act) => act(peer, request).await,
                    None => site.respond(&request).await,
                }
            }
        };
        self.server.serve(answer, stop).await;
    }
}

#[cfg(test)]
mod tests;
