//! `headgate echo`: a backend that shows what reached it.

mod body;
mod describe;
mod grpc;
mod path;
mod websocket;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::output;
use crate::signals::Signals;

use body::Body;

/// Time for what runs, after a signal.
const GRACE: Duration = Duration::from_secs(5);
/// A pause after an accept that failed for want of descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Run a demo backend: HTTP/1.1, HTTP/2 (h2c), gRPC and WebSocket on one port.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Run a demo backend: HTTP/1.1, HTTP/2 (h2c), gRPC and WebSocket on one port.

Every request is answered with a JSON description of what reached the backend. Some paths, wherever
their words stand in the path, do something else:

  /status/NNN   answer with this status
  /delay/MS     answer after so many milliseconds
  /bytes/N      stream N bytes
  /sink         take the body and tell how many bytes it had
  /stream/N     stream N lines, ten a second
  /close        end the connection in the middle of the body

WebSocket: every message comes back, on every path.

gRPC: any service with these methods, without reflection (deploy/quickstart/echo.proto):

  message Payload { repeated string text = 1; }
  service Echo {
    rpc Unary(Payload) returns (Payload);                        // the message comes back
    rpc ServerStream(Payload) returns (stream Payload);          // it comes back five times
    rpc ClientStream(stream Payload) returns (Payload);          // all messages in one
    rpc BidiStream(stream Payload) returns (stream Payload);     // each comes back at once
  }

  The request header `echo-status: N` ends the call with that grpc-status.",
    after_long_help = "Examples:
  headgate echo --listen 127.0.0.1:3001 --name v1
  curl -s http://127.0.0.1:3001/hello?x=1
  curl -s --http2-prior-knowledge http://127.0.0.1:3001/bytes/1000000 -o /dev/null
  grpcurl -plaintext -proto deploy/quickstart/echo.proto -d '{\"text\":[\"hi\"]}' \\
      127.0.0.1:3001 headgate.echo.Echo/Unary"
)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one and prints it.
    #[arg(long, value_name = "ADDR", env = "HEADGATE_ECHO_LISTEN")]
    listen: SocketAddr,
    /// The name that answers carry.
    #[arg(long, value_name = "NAME", default_value = "echo", env = "HEADGATE_ECHO_NAME")]
    name: String,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("--listen {} cannot be bound", args.listen))?;
    output::print(&format!("echo {} listens on {}", args.name, listener.local_addr()?));
    let name: Arc<str> = args.name.into();
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(signals.next());
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let connection = Connection::new(name.clone(), peer);
                    connections.spawn(connection.serve(stream, graceful.watcher()));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    let _ = timeout(GRACE, graceful.shutdown()).await;
    connections.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// What answers need to know of their connection.
#[derive(Clone)]
struct Connection {
    name: Arc<str>,
    peer: SocketAddr,
    /// Set by the request that asks for WebSocket; HTTP on the connection ends with it.
    upgrade: Arc<Mutex<Option<OnUpgrade>>>,
}

impl Connection {
    fn new(name: Arc<str>, peer: SocketAddr) -> Self {
        Self { name, peer, upgrade: Arc::default() }
    }

    async fn serve(self, stream: TcpStream, watcher: Watcher) {
        // Small messages of streams should leave at once.
        let _ = stream.set_nodelay(true);
        let upgrade = self.upgrade.clone();
        let service = service_fn(move |request| self.clone().answer(request));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new());
        builder.http2().timer(TokioTimer::new());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        // What a client does wrong is the client's to report.
        let _ = watcher.watch(connection.into_owned()).await;
        let upgrade = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(upgrade) = upgrade
            && let Ok(upgraded) = upgrade.await
        {
            websocket::echo(TokioIo::new(upgraded)).await;
        }
    }

    /// One request: the kind of call decides, then the path.
    async fn answer(self, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        if grpc::is_call(request.headers()) {
            return Ok(grpc::answer(request, &self.name));
        }
        if !websocket::is_upgrade(request.headers()) {
            return Ok(path::answer(request, self.peer, &self.name).await);
        }
        let answer = websocket::answer(request.headers(), &self.name);
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let upgrade = hyper::upgrade::on(&mut request);
            *self.upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgrade);
        }
        Ok(answer)
    }
}
