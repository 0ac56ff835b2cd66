//! Who the client is, as we tell backends: `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`, and
//! `Forwarded` (RFC 7239).
//!
//! What the peer of the connection says about others is believed only where the peer is in
//! `trusted_proxies`, and then our own entry is appended.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// What is the same for every request of a connection. Made once per connection.
pub(crate) struct Origin {
    peer: IpAddr,
    https: bool,
    trusted: bool,
    /// The fields as they stand in a request of an untrusted peer.
    address: HeaderValue,
    port: HeaderValue,
    /// The last host, and what `Forwarded` says with it: most requests of a connection ask for the
    /// same one.
    last: RefCell<Option<(HeaderValue, HeaderValue)>>,
}

impl Origin {
    /// A connection from `peer` to our port `port`.
    pub(crate) fn new(peer: SocketAddr, port: u16, https: bool, trusted: &[IpNet]) -> Self {
        // A dual-stack socket shows IPv4 clients as ::ffff:a.b.c.d.
        let peer = peer.ip().to_canonical();
        Self {
            peer,
            https,
            trusted: trusted.iter().any(|net| net.contains(&peer)),
            address: HeaderValue::try_from(peer.to_string()).expect("it is visible ASCII"),
            port: HeaderValue::from(port),
            last: RefCell::default(),
        }
    }

    /// Whether the peer is a trusted proxy.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Whether the client speaks TLS, and to which port: ours, which is `port`, or as a trusted
    /// proxy tells.
    pub(crate) fn front(&self, headers: &HeaderMap, port: u16) -> (bool, u16) {
        let told = |name: &HeaderName| headers.get(name).filter(|_| self.trusted)?.to_str().ok();
        let https = told(&PROTO).map_or(self.https, |proto| proto == "https");
        let told_port = told(&PORT).and_then(|port| port.parse().ok());
        let own = if https { 443 } else { 80 };
        (https, told_port.unwrap_or(if https == self.https { port } else { own }))
    }

    /// The client's address, when a trusted proxy hands over a chain: the nearest one in it that is
    /// not itself trusted.
    pub(crate) fn client(&self, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
        self.trusted.then(|| self.nearest(headers, trusted))
    }

    fn nearest(&self, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
        let mut nearest = self.peer;
        for value in headers.get_all(FOR).iter().rev() {
            for hop in value.as_bytes().rsplit(|b| *b == b',') {
                let Some(hop) = address(hop.trim_ascii()) else { return nearest };
                nearest = hop;
                if !trusted.iter().any(|net| net.contains(&hop)) {
                    return nearest;
                }
            }
        }
        nearest
    }

    /// Says in `headers` who the client is. `host` is the authority it asked for. Claims of
    /// untrusted peers must be stripped already.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, host: &HeaderValue) {
        let proto = HeaderValue::from_static(if self.https { "https" } else { "http" });
        let forwarded = self.forwarded(host);
        if !self.trusted {
            headers.insert(FOR, self.address.clone());
            headers.insert(PROTO, proto);
            headers.insert(PORT, self.port.clone());
            if !host.is_empty() {
                headers.insert(HOST, host.clone());
            }
            headers.insert(FORWARDED, forwarded);
            return;
        }
        append(headers, FOR, &self.address);
        append(headers, FORWARDED, &forwarded);
        headers.entry(PROTO).or_insert(proto);
        headers.entry(PORT).or_insert_with(|| self.port.clone());
        headers.entry(HOST).or_insert_with(|| host.clone());
    }

    fn forwarded(&self, host: &HeaderValue) -> HeaderValue {
        let mut last = self.last.borrow_mut();
        match &*last {
            Some((of, forwarded)) if of == host => forwarded.clone(),
            _ => {
                // A copy, as a value on its own holds the whole buffer that it was read into.
                let own = HeaderValue::from_bytes(host.as_bytes()).expect("it was one before");
                last.insert((own, self.forwarded_for(host))).1.clone()
            }
        }
    }

    fn forwarded_for(&self, host: &HeaderValue) -> HeaderValue {
        let proto = if self.https { "https" } else { "http" };
        let mut text = String::with_capacity(64 + host.len());
        let (before, behind) = if self.peer.is_ipv4() { ("for=", "") } else { ("for=\"[", "]\"") };
        text.push_str(before);
        text.push_str(self.address.to_str().expect("it is visible ASCII"));
        text.push_str(behind);
        if let Ok(host) = host.to_str()
            && !host.is_empty()
            && !host.contains(['"', '\\'])
        {
            text.push_str(";host=\"");
            text.push_str(host);
            text.push('"');
        }
        text.push_str(";proto=");
        text.push_str(proto);
        HeaderValue::try_from(text).expect("made of visible ASCII")
    }
}

/// Appends to the last value, so that backends which read one field only see the whole chain.
fn append(headers: &mut HeaderMap, name: HeaderName, entry: &HeaderValue) {
    let before: Vec<_> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
    let mut chain = before.join(&b", "[..]);
    if !chain.is_empty() {
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(entry.as_bytes());
    let chain = HeaderValue::from_bytes(&chain).expect("valid values, joined with visible ASCII");
    headers.insert(name, chain);
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let ip = text.parse().ok().or_else(|| text.parse().ok().map(|a: SocketAddr| a.ip()));
    ip.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|ip: IpAddr| ip.to_canonical())
}
