//! Asks a running gateway's admin address.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A gateway that is busy with a large snapshot still answers within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where `headgate run` has its admin address unless it is told otherwise.
pub(crate) const DEFAULT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9900));

/// Which gateway is asked.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Admin address of the running gateway.
    #[arg(
        long = "admin",
        value_name = "ADDR",
        default_value = "127.0.0.1:9900",
        value_parser = address,
        env = "HEADGATE_ADMIN"
    )]
    pub(crate) address: SocketAddr,
}

/// Reads `127.0.0.1:9900`, with or without `http://`.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    bare.parse().map_err(|_| "is no address; write 127.0.0.1:9900".to_owned())
}

/// The JSON at `path`, query included.
pub(crate) fn get(address: SocketAddr, path: &str) -> anyhow::Result<Value> {
    let body = get_bytes(address, path)?;
    serde_json::from_slice(&body).with_context(|| format!("{address} did not answer with JSON"))
}

/// What stands at `path`, query included.
pub(crate) fn get_bytes(address: SocketAddr, path: &str) -> anyhow::Result<Bytes> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(async { timeout(PATIENCE, ask(address, path)).await });
    let (status, body) = asked
        .with_context(|| format!("{address} did not answer within {PATIENCE:?}"))?
        .with_context(|| {
            format!(
                "no gateway answers at {address}; is `headgate run` running, and is this its \
                 --admin address?"
            )
        })?;
    if status != StatusCode::OK {
        bail!("{address}: {}", String::from_utf8_lossy(&body).trim_end());
    }
    Ok(body)
}

async fn ask(address: SocketAddr, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        anyhow::Ok((status, response.into_body().collect().await?.to_bytes()))
    };
    // The connection is driven by whoever waits for the answer; it ends with it.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
