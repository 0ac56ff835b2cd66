//! Opening upstream connections: TCP, TLS, and what ALPN answered.
//!
//! Promises: no wait without a limit; what failed is told apart from what was refused, and both
//! from what we lack ourselves. Which endpoint, when and how often, and what is spoken over the
//! connection are left to `backend` and `pool`.

mod identity;
mod tls;
mod transport;
mod verify;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(crate) use self::identity::ClientIdentity;
pub(crate) use self::tls::{Offer, Tls};
use self::transport::Socket;
pub(crate) use self::transport::{Probe, Transport, Wire};
use crate::settings::Upstream;

/// TCP probes on connections without traffic: tunnels to a node that vanished end after 15 s of
/// silence and three lost probes, and no request ever waits for that.
const KEEP_ALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(15))
    .with_interval(Duration::from_secs(5))
    .with_retries(3);

/// How to reach an endpoint over TLS.
pub(crate) struct TlsClient<'a> {
    /// What the backend's certificate must be.
    pub(crate) tls: &'a Tls,
    /// What we present when asked.
    pub(crate) identity: Option<&'a Arc<ClientIdentity>>,
    /// Protocols that we offer.
    pub(crate) offer: Offer,
}

/// A connection on which nothing has been said yet.
pub(crate) struct Connected {
    /// The connection.
    pub(crate) transport: Transport,
    /// ALPN settled on HTTP/2.
    pub(crate) http2: bool,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The endpoint refused.
    #[error("connection refused")]
    Refused,
    /// The endpoint could not be reached, or closed during the handshake.
    #[error("unreachable: {0}")]
    Unreachable(ErrorKind),
    /// We lack a port, a file descriptor or memory: not the endpoint's fault.
    #[error("no connection can be opened: {0}")]
    Exhausted(ErrorKind),
    /// No TCP connection within the time.
    #[error("connect timeout")]
    Timeout,
    /// TLS failed: certificate, name, protocol or time.
    #[error("TLS: {0}")]
    Tls(Arc<str>),
}

/// Connects. Cancel safe: a dropped future closes what it had opened.
pub(crate) async fn connect(
    address: SocketAddr,
    tls: Option<TlsClient<'_>>,
    limits: &Upstream,
) -> Result<Connected, ConnectError> {
    let stream = match timeout(limits.connect_timeout, TcpStream::connect(address)).await {
        Ok(connected) => connected.map_err(|error| tcp_error(&error))?,
        Err(_) => return Err(ConnectError::Timeout),
    };
    // Requests are written whole, and their answers waited for: Nagle's delay helps nobody.
    let tuned = stream.set_nodelay(true);
    tuned
        .and_then(|()| SockRef::from(&stream).set_tcp_keepalive(&KEEP_ALIVE))
        .map_err(|error| tcp_error(&error))?;
    let (socket, wire) = Socket::new(stream);
    let Some(client) = tls else {
        return Ok(Connected { transport: Transport::plain(socket, wire), http2: false });
    };
    let connector = TlsConnector::from(client.tls.config(client.identity, client.offer));
    let handshake = connector.connect(client.tls.name().clone(), socket);
    let stream = match timeout(limits.tls_handshake_timeout, handshake).await {
        Ok(shaken) => shaken.map_err(|error| tls_error(&error))?,
        Err(_) => return Err(ConnectError::Tls("handshake timeout".into())),
    };
    let http2 = stream.get_ref().1.alpn_protocol() == Some(tls::H2);
    Ok(Connected { transport: Transport::tls(stream, wire), http2 })
}

fn tcp_error(error: &io::Error) -> ConnectError {
    match error.kind() {
        ErrorKind::ConnectionRefused => ConnectError::Refused,
        ErrorKind::TimedOut => ConnectError::Timeout,
        kind @ (ErrorKind::AddrNotAvailable | ErrorKind::OutOfMemory) => {
            ConnectError::Exhausted(kind)
        }
        // EMFILE and ENFILE have no kind of their own: file descriptors, ours or the host's.
        kind if matches!(error.raw_os_error(), Some(23 | 24)) => ConnectError::Exhausted(kind),
        kind => ConnectError::Unreachable(kind),
    }
}

fn tls_error(error: &io::Error) -> ConnectError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => ConnectError::Tls(inner.to_string().into()),
        None => ConnectError::Unreachable(error.kind()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
