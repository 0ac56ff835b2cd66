//! Request in, response out.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::Site;
use super::query::Query;
use super::readiness::State;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// What a view says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A JSON text.
    Json(Vec<u8>),
    /// Text for people.
    Text(String),
    /// The query is wrong: which part, and what to write instead.
    Wrong(String),
    /// It cannot be told now, and why.
    Unavailable(String),
}

impl Answer {
    /// `value` as JSON.
    #[must_use]
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(mut text) => {
                text.push(b'\n');
                Self::Json(text)
            }
            Err(error) => Self::Unavailable(format!("it does not fit into JSON: {error}")),
        }
    }
}

impl Site {
    pub(super) async fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let view = self.views.get(path).cloned();
        if view.is_none() && !matches!(path, "/healthz" | "/readyz" | "/metrics") {
            return plain(StatusCode::NOT_FOUND, "there is nothing here");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match (view, path) {
            (Some(view), _) => {
                let query = Query::parse(request.uri().query().unwrap_or_default());
                self.render(move || rendered(view(&query))).await
            }
            (None, "/metrics") => {
                let telemetry = self.telemetry.clone();
                let render = move || response(StatusCode::OK, METRICS, telemetry.render());
                self.render(render).await
            }
            (None, "/readyz") => self.ready(),
            (None, _) => plain(StatusCode::OK, "ok"),
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        match self.readiness.state() {
            State::Ready => plain(StatusCode::OK, "ready"),
            state => plain(StatusCode::SERVICE_UNAVAILABLE, state.as_str()),
        }
    }

    /// Renders on a thread of its own kind: a whole snapshot takes many milliseconds.
    async fn render(
        &self,
        render: impl FnOnce() -> Response<Full<Bytes>> + Send + 'static,
    ) -> Response<Full<Bytes>> {
        let _slot = self.rendering.acquire().await.expect("never closed");
        spawn_blocking(render).await.unwrap_or_else(|_| {
            plain(StatusCode::INTERNAL_SERVER_ERROR, "this view failed; the log says why")
        })
    }
}

fn rendered(answer: Answer) -> Response<Full<Bytes>> {
    match answer {
        Answer::Json(text) => response(StatusCode::OK, JSON, text),
        Answer::Text(text) => response(StatusCode::OK, TEXT, text),
        Answer::Wrong(why) => plain(StatusCode::BAD_REQUEST, why),
        Answer::Unavailable(why) => plain(StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response<Full<Bytes>> {
    let mut text: String = text.into();
    text.push('\n');
    response(status, TEXT, text)
}

fn response(
    status: StatusCode,
    kind: HeaderValue,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
