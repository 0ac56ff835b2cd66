//! Paths that ask for something else than a description.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::sleep;

use super::body::{self, Body};
use super::describe::Description;

/// Between the lines of `/stream`.
const LINE_PAUSE: Duration = Duration::from_millis(100);
/// The most that `/delay` waits: longer than any timeout a test needs to see.
const MAX_DELAY: Duration = Duration::from_secs(600);

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Status(StatusCode),
    Delay(Duration),
    Bytes(u64),
    Sink,
    Stream(u32),
    Close,
}

impl Wish {
    /// The first word that is known, with the segment behind it.
    fn find(path: &str) -> Option<Self> {
        let mut segments = path.split('/').peekable();
        while let Some(word) = segments.next() {
            let number = segments.peek().and_then(|next| next.parse::<u64>().ok());
            let wish = match (word, number) {
                ("status", Some(code)) => {
                    u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok()).map(
                        // A 1xx is no final answer.
                        |code| Self::Status(code.max(StatusCode::OK)),
                    )
                }
                ("delay", Some(millis)) => Some(Self::Delay(Duration::from_millis(millis))),
                ("bytes", Some(count)) => Some(Self::Bytes(count)),
                ("stream", count) => {
                    let count = u32::try_from(count.unwrap_or(10)).unwrap_or(u32::MAX);
                    Some(Self::Stream(count))
                }
                ("sink", _) => Some(Self::Sink),
                ("close", _) => Some(Self::Close),
                _ => None,
            };
            if wish.is_some() {
                return wish;
            }
        }
        None
    }
}

pub(super) async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    name: &str,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match Wish::find(parts.uri.path()) {
        Some(Wish::Bytes(count)) => {
            let mut answer = response(StatusCode::OK, "text/plain", body::zeros(count));
            answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(count));
            answer
        }
        Some(Wish::Stream(count)) => {
            response(StatusCode::OK, "text/plain", body::lines(count, LINE_PAUSE))
        }
        Some(Wish::Close) => {
            let mut answer = response(StatusCode::OK, "text/plain", body::cut(b"half of it\n"));
            answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(22));
            answer
        }
        Some(Wish::Sink) => {
            let count = drained(body).await;
            response(StatusCode::OK, "application/json", body::full(format!("{count}\n")))
        }
        wish => {
            let received = drained(body).await;
            if let Some(Wish::Delay(time)) = wish {
                sleep(time.min(MAX_DELAY)).await;
            }
            let status =
                if let Some(Wish::Status(status)) = wish { status } else { StatusCode::OK };
            let text = Description::new(&parts, received, peer, name).to_json();
            let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
            let body = if bodiless { body::empty() } else { body::full(text) };
            response(status, "application/json", body)
        }
    }
}

/// Takes a body and forgets it; the bytes there were until its end or its failure.
async fn drained(mut body: Incoming) -> u64 {
    let mut count = 0;
    while let Some(Ok(frame)) = body.frame().await {
        count += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    count
}

fn response(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::Wish;

    #[test]
    fn words_are_found_behind_any_prefix() {
        let teapot = Some(Wish::Status(StatusCode::IM_A_TEAPOT));
        assert_eq!(Wish::find("/status/418"), teapot);
        assert_eq!(Wish::find("/shop/status/418/more"), teapot);
        assert_eq!(Wish::find("/delay/20"), Some(Wish::Delay(Duration::from_millis(20))));
        assert_eq!(Wish::find("/stream"), Some(Wish::Stream(10)));
    }

    #[test]
    fn what_is_no_wish_is_described() {
        for path in ["/", "/status", "/status/x", "/status/99999", "/bytes/-1", "/mystatus/200"] {
            assert_eq!(Wish::find(path), None, "{path}");
        }
    }
}
