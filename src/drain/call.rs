//! Calls of `/v1/drain`, to every gateway behind a name.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::answer::Answer;

/// A gateway that runs takes a connection at once; a preStop hook must not wait for one that does
/// not. 2 s: one lost SYN.
const CONNECT: Duration = Duration::from_secs(2);
/// Beyond the timeout that the gateway keeps: what it cuts then gets 1.5 s, the way back the rest.
const MARGIN: Duration = Duration::from_secs(5);
/// The longest list of drains.
const MOST_ANSWER: usize = 16 << 20;

/// Where gateways are: a host, by address or by name, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gateways {
    host: String,
    port: u16,
}

/// One question for all of them.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) token: Option<String>,
    pub(super) patience: Duration,
}

/// Why a gateway gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// Nothing runs there: it serves nobody.
    #[error("nothing runs there: {0}")]
    Gone(std::io::Error),
    /// Whether it serves is not known.
    #[error("{0:#}")]
    Failed(anyhow::Error),
}

impl FromStr for Gateways {
    type Err = String;

    /// Reads `http://host:port`, `host:port` and `[::1]:port`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no gateway; write http://headgate-drain.ns:9902");
        let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let (host, port) = bare.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains('/') {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| wrong())? })
    }
}

impl From<SocketAddr> for Gateways {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl Gateways {
    /// Every address behind the name: a headless Service has one for each replica.
    pub(super) async fn resolve(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let found = timeout(CONNECT, lookup_host((&*self.host, self.port))).await;
        let found = found
            .with_context(|| format!("{} is not resolved within {CONNECT:?}", self.host))?
            .with_context(|| format!("{} is not resolved", self.host))?;
        let addresses: BTreeSet<_> = found.collect();
        if addresses.is_empty() {
            bail!("{} has no address: no gateway runs", self.host);
        }
        Ok(addresses.into_iter().collect())
    }
}

impl Call {
    /// Asks one gateway.
    pub(super) async fn make(&self, address: SocketAddr) -> Result<Answer, NoAnswer> {
        let stream = match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(NoAnswer::Gone(error)),
            Err(_) => {
                let late = anyhow::anyhow!("does not take a connection within {CONNECT:?}");
                return Err(NoAnswer::Failed(late));
            }
        };
        let answer = timeout(self.patience + MARGIN, self.ask(address, stream)).await;
        let answer = answer.context("does not answer in time").and_then(|answer| answer);
        answer.map_err(NoAnswer::Failed)
    }

    async fn ask(&self, address: SocketAddr, stream: TcpStream) -> anyhow::Result<Answer> {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(HOST, address.to_string())
            .header(CONNECTION, "close");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Empty::<Bytes>::new()).context("the token is no token")?;
        let answer = async {
            let response = sender.send_request(request).await?;
            let body = Limited::new(response.into_body(), MOST_ANSWER).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
            let text = || String::from_utf8_lossy(&body).into_owned();
            serde_json::from_slice(&body)
                .with_context(|| format!("is this a drain listener? It says: {}", text().trim()))
        };
        // The connection is driven by whoever waits for the answer; it ends with it.
        let (answer, _) = tokio::join!(answer, connection);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::Gateways;

    #[test]
    fn gateways_are_read_with_and_without_a_scheme() {
        let read = |text: &str| text.parse().map(|Gateways { host, port }| (host, port));
        for (text, host) in [
            ("http://headgate-drain.ns:9902", "headgate-drain.ns"),
            ("http://headgate-drain.ns:9902/", "headgate-drain.ns"),
            ("10.0.0.1:9902", "10.0.0.1"),
            ("[::1]:9902", "::1"),
        ] {
            assert_eq!(read(text), Ok((host.to_owned(), 9902)), "{text}");
        }
        for text in ["", "host", "http://host", "host:port", ":80", "http://a/b:80"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
