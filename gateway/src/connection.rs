//! One client connection, as its requests see it.
//!
//! Facts that hold from the end of the handshakes to the close; how a connection is served is
//! `serve`'s.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use crate::apply::Slot;
use crate::forwarding::origin::Origin;
use crate::gate;
use crate::tls::TlsInfo;
use crate::worker::Worker;

/// A connection that requests come on.
pub(crate) struct Connection {
    /// The thread that serves it.
    pub(crate) worker: Rc<Worker>,
    /// Who opened it.
    pub(crate) peer: SocketAddr,
    /// Our own port of it.
    pub(crate) port: u16,
    /// What backends are told of it.
    pub(crate) origin: Origin,
    /// Where its tables are found.
    pub(crate) slot: Arc<Slot>,
    /// `Some` when it is encrypted.
    pub(crate) tls: Option<TlsInfo>,
    /// HTTP/2; else HTTP/1.
    pub(crate) h2: bool,
    /// HTTP/1 only: lets bytes behind an upgrade request pass, or not.
    pub(crate) gate: Option<gate::Handle>,
}
