//! The addresses that may be endpoints. Whoever may write an EndpointSlice could point the gateway
//! at itself, at its node, or at a cloud's metadata service: such addresses are refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::api::core::SliceEndpoint;

/// Reads the addresses of one slice.
pub(super) struct Addresses<'a> {
    family: &'a str,
    port: u16,
    allow_loopback: bool,
}

impl<'a> Addresses<'a> {
    /// For a slice with this `addressType`, whose port is `port`.
    pub(super) fn new(family: &'a str, port: u16, allow_loopback: bool) -> Self {
        Self { family, port, allow_loopback }
    }

    /// The address of an endpoint; only the first counts.
    ///
    /// # Errors
    /// Why it is ignored, for people.
    pub(super) fn of(&self, endpoint: &SliceEndpoint) -> Result<SocketAddr, String> {
        let Some(text) = endpoint.addresses.first() else {
            return Err("an endpoint without address".to_owned());
        };
        if !matches!(self.family, "IPv4" | "IPv6") {
            return Err(format!("`{text}`: addressType `{}` is not resolved", self.family));
        }
        let address: IpAddr = text.parse().map_err(|_| format!("`{text}`: no IP address"))?;
        // `::ffff:127.0.0.1` is 127.0.0.1 to every socket.
        let address = address.to_canonical();
        match refused(address) {
            Some("loopback") if self.allow_loopback => {}
            Some(what) => return Err(format!("`{text}`: {what} addresses are refused")),
            None => {}
        }
        Ok(SocketAddr::new(address, self.port))
    }
}

/// The kind of an address that is no pod's.
fn refused(address: IpAddr) -> Option<&'static str> {
    let (loopback, link_local, none) = match address {
        IpAddr::V4(v4) => (v4.is_loopback(), v4.is_link_local(), v4.octets()[0] == 0),
        IpAddr::V6(v6) => (v6.is_loopback(), v6.is_unicast_link_local(), v6.is_unspecified()),
    };
    if loopback {
        Some("loopback")
    } else if link_local {
        Some("link-local")
    } else if none {
        Some("unspecified")
    } else if address.is_multicast() {
        Some("multicast")
    } else if address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some("broadcast")
    } else if hides_another(address) {
        Some("IPv4-compatible")
    } else {
        None
    }
}

/// `::a.b.c.d` (deprecated, RFC 4291 §2.5.5.1) would name an IPv4 address past the checks.
fn hides_another(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => v6 != Ipv6Addr::LOCALHOST && v6.segments()[..6] == [0; 6],
    }
}
