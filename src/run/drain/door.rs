//! The drain listener: serves `/v1/drain` and nothing else; and how answers look in HTTP.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use gateway::admin::{Reply, Server};
use gateway::handover::Purpose;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::{Body, Incoming};
use tokio::sync::watch;

use super::{Desk, Door, ask};
use crate::drain::answer::Answer;
use crate::run::control::{Control, Place};

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
    drain: Option<SocketAddr>,
    /// Whoever sends the content of this file as a bearer token may drain any address. Read anew
    /// at each call.
    #[arg(long, value_name = "FILE", env = "HEADGATE_DRAIN_TOKEN_FILE")]
    pub(in crate::run) drain_token_file: Option<PathBuf>,
}

impl Args {
    /// Where it is to be.
    pub(in crate::run) fn address(&self) -> Option<SocketAddr> {
        self.drain
    }
}

/// Serves at the address that the arguments give, if they give one; on an `inherited` socket not
/// before we have `entered`.
pub(in crate::run) async fn start(
    args: &Args,
    inherited: Option<TcpListener>,
    entered: watch::Receiver<bool>,
    desk: &Arc<Desk>,
) -> anyhow::Result<Control> {
    let Some(address) = args.drain else { return Ok(Control::off()) };
    let is_inherited = inherited.is_some();
    let bound = match inherited {
        Some(socket) => Server::on(socket, MOST_CONNECTIONS),
        None => Server::bind(address, MOST_CONNECTIONS).await,
    };
    let server =
        bound.with_context(|| format!("--drain {address} cannot be bound; give another"))?;
    // A call that waits when another process takes over waits for what runs here.
    let server = server.patient(ask::MOST_TIMEOUT);
    tracing::info!(address = %server.local_addr()?, "drain");
    let desk = desk.clone();
    let answer = move |peer, request: Request<Incoming>| {
        let desk = desk.clone();
        async move {
            let mut reply = match request.uri().path() {
                "/v1/drain" => reply(desk, Door::Drain, peer, request).await,
                _ => text(StatusCode::NOT_FOUND, "only /v1/drain is here\n"),
            };
            // Callers have one question, and nothing idle is to be waited for at the end.
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            reply
        }
    };
    let socket = server.socket()?;
    let place = Place { purpose: Purpose::Drain, address, socket, inherited: is_inherited };
    Ok(Control::start(place, entered, |stop| server.serve(answer, stop)))
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
