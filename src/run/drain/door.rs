//! The drain listener: serves `/v1/drain` and nothing else; and how answers look in HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use gateway::admin::{Reply, Server};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::{Body, Incoming};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Desk, Door};
use crate::drain::answer::Answer;

/// Calls wait for long, so there may be more than anywhere else on the control side.
const MOST_CONNECTIONS: usize = 512;
/// All that is asked stands in the query. What some clients send anyway is smaller than this.
const MOST_BODY: u64 = 1_024;

/// See `headgate run --help`.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(in crate::run) struct Args {
    /// Where pods drain themselves before they end (POST /v1/drain?self); nothing else is served
    /// there [default: nowhere].
    #[arg(long, value_name = "ADDR", env = "HEADGATE_DRAIN")]
    pub(super) drain: Option<SocketAddr>,
    /// Whoever sends the content of this file as a bearer token may drain any address. Read anew
    /// at each call.
    #[arg(long, value_name = "FILE", env = "HEADGATE_DRAIN_TOKEN_FILE")]
    pub(in crate::run) drain_token_file: Option<PathBuf>,
}

/// The listener's task, if there is one.
pub(in crate::run) struct DrainServer(Option<(oneshot::Sender<()>, JoinHandle<()>)>);

impl DrainServer {
    /// Serves at the address that the arguments give, if they give one.
    pub(in crate::run) async fn start(args: &Args, desk: &Arc<Desk>) -> anyhow::Result<Self> {
        let Some(address) = args.drain else { return Ok(Self(None)) };
        let server = Server::bind(address, MOST_CONNECTIONS)
            .await
            .with_context(|| format!("--drain {address} cannot be bound; give another"))?;
        tracing::info!(address = %server.local_addr()?, "drain");
        let desk = desk.clone();
        let answer = move |peer, request: Request<Incoming>| {
            let desk = desk.clone();
            async move {
                match request.uri().path() {
                    "/v1/drain" => reply(desk, Door::Drain, peer, request).await,
                    _ => text(StatusCode::NOT_FOUND, "only /v1/drain is here\n"),
                }
            }
        };
        let (stop, stopped) = oneshot::channel::<()>();
        // Both an answer and a sender that is gone mean the end.
        let task = tokio::spawn(server.serve(answer, async { drop(stopped.await) }));
        Ok(Self(Some((stop, task))))
    }

    /// Accepts no more, and gives what has begun a moment.
    pub(in crate::run) async fn stop(self) {
        let Some((stop, task)) = self.0 else { return };
        drop(stop);
        // A panic in it has been logged by the panic hook.
        let _ = task.await;
    }
}

/// What the desk says, in HTTP.
pub(in crate::run) fn reply(
    desk: Arc<Desk>,
    door: Door,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> BoxFuture<'static, Reply> {
    async move {
        let (head, body) = request.into_parts();
        if body.size_hint().upper().is_none_or(|size| size > MOST_BODY) {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "write it in the query, not in a body\n");
        }
        drop(body);
        let query = head.uri.query().unwrap_or_default();
        let answer = desk.answer(door, peer, &head.method, query, &head.headers).await;
        in_http(&head.method, &answer)
    }
    .boxed()
}

fn in_http(method: &Method, answer: &Answer) -> Reply {
    let status = match answer {
        Answer::Drained(_) | Answer::Undone { .. } | Answer::List { .. } => StatusCode::OK,
        Answer::Deadline(_) => StatusCode::GATEWAY_TIMEOUT,
        Answer::Unknown { .. } => StatusCode::NOT_FOUND,
        Answer::Forbidden { .. } => StatusCode::FORBIDDEN,
        Answer::Wrong { .. } if !matches!(*method, Method::POST | Method::DELETE | Method::GET) => {
            StatusCode::METHOD_NOT_ALLOWED
        }
        Answer::Wrong { .. } => StatusCode::BAD_REQUEST,
        Answer::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut body = serde_json::to_vec(answer).expect("answers are plain data");
    body.push(b'\n');
    let mut reply = Reply::new(body.into());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("POST, DELETE, GET, HEAD"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        StatusCode::FORBIDDEN => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    reply
}

fn text(status: StatusCode, line: &'static str) -> Reply {
    let mut reply = Reply::new(line.into());
    *reply.status_mut() = status;
    reply
}
