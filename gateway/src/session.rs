//! Sessions: requests that carry our token go to the endpoint it names (Gateway API GEP-1619).
//!
//! A token is the endpoint's address and the session's end, sealed with a key: clients learn no
//! address and can make no token. It is bound to one backend. The choice among weighted backends
//! comes before it and is never changed by it; a token for another backend, of another key, too
//! old, or naming an endpoint that takes nothing any more is as good as none, and the response
//! carries a new one. Unless a key is set, each process makes its own: sessions then end with
//! the process and are not shared between replicas.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use snapshot::{BackendKey, Session, SessionCarrier};

use crate::settings::SessionKey;

/// Seconds since 1970 (8), port (2), address (16).
const PLAIN: usize = 26;
/// The longest token we read: nonce, text and seal in base64, with room to spare.
const MAX_TOKEN: usize = 128;

/// Makes and opens tokens. One per process.
pub(crate) struct Sessions {
    key: LessSafeKey,
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The endpoint.
    pub(crate) endpoint: SocketAddr,
    /// When the session ends, in seconds since 1970; 0 is never.
    ends: u64,
}

impl Sessions {
    /// Seals with `key`, or with one made up now.
    pub(crate) fn new(key: Option<&SessionKey>) -> Self {
        let key = key.cloned().unwrap_or_else(SessionKey::made_up);
        let key = UnboundKey::new(&AES_256_GCM, &key.0).expect("the key has the cipher's length");
        Self { key: LessSafeKey::new(key) }
    }

    /// The token that a request to `backend` carries, if it is one of ours and still good.
    pub(crate) fn read(
        &self,
        session: &Session,
        backend: &BackendKey,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Option<Token> {
        let text = match &session.carrier {
            SessionCarrier::Cookie { name, .. } => cookie(headers, name)?,
            SessionCarrier::Header { name } => headers.get(name)?.as_bytes(),
        };
        let token = self.open(text, backend)?;
        (token.ends == 0 || seconds(now) < token.ends).then_some(token)
    }

    /// Begins a session at `endpoint`: the response tells the client.
    pub(crate) fn begin(
        &self,
        session: &Session,
        backend: &BackendKey,
        endpoint: SocketAddr,
        secure: bool,
        now: SystemTime,
        response: &mut HeaderMap,
    ) {
        let ends = session.absolute_timeout.map_or(0, |timeout| {
            // Rounded up: a session of half a second is not one without end.
            seconds(now).saturating_add(whole_seconds(timeout).max(1))
        });
        let token = self.seal(Token { endpoint, ends }, backend);
        match &session.carrier {
            SessionCarrier::Header { name } => {
                let value = HeaderValue::try_from(token).expect("base64 is visible ASCII");
                response.insert(name, value);
            }
            SessionCarrier::Cookie { name, path, permanent } => {
                let mut text = format!("{name}={token}; Path={path}; HttpOnly; SameSite=Strict");
                if secure {
                    // Without TLS a browser would never send it back.
                    text.push_str("; Secure");
                }
                if let Some(timeout) = session.absolute_timeout.filter(|_| *permanent) {
                    text.push_str("; Max-Age=");
                    text.push_str(&whole_seconds(timeout).to_string());
                }
                // A name or path that is no header text makes no cookie, and no session.
                if let Ok(value) = HeaderValue::try_from(text) {
                    response.append(SET_COOKIE, value);
                }
            }
        }
    }

    fn seal(&self, token: Token, backend: &BackendKey) -> String {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce);
        let mut text = token.to_bytes().to_vec();
        let bound = Aad::from(backend.to_string());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut text)
            .expect("a few bytes are within the cipher's limit");
        URL_SAFE_NO_PAD.encode([&nonce[..], &text].concat())
    }

    fn open(&self, text: &[u8], backend: &BackendKey) -> Option<Token> {
        if text.len() > MAX_TOKEN {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.key.open_in_place(nonce, Aad::from(backend.to_string()), sealed).ok()?;
        Some(Token::from_bytes((&*plain).try_into().ok()?))
    }
}

impl Token {
    fn to_bytes(self) -> [u8; PLAIN] {
        let ip = match self.endpoint.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let mut bytes = [0; PLAIN];
        bytes[..8].copy_from_slice(&self.ends.to_be_bytes());
        bytes[8..10].copy_from_slice(&self.endpoint.port().to_be_bytes());
        bytes[10..].copy_from_slice(&ip.octets());
        bytes
    }

    fn from_bytes(bytes: &[u8; PLAIN]) -> Self {
        let (ends, rest) = bytes.split_first_chunk::<8>().expect("26 bytes hold 8");
        let (port, ip) = rest.split_first_chunk::<2>().expect("18 bytes hold 2");
        let ip: [u8; 16] = ip.try_into().expect("16 bytes are left");
        let ip = IpAddr::from(ip).to_canonical();
        let endpoint = SocketAddr::new(ip, u16::from_be_bytes(*port));
        Self { endpoint, ends: u64::from_be_bytes(*ends) }
    }
}

fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the system's random source is open");
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The value of a cookie (RFC 6265 §5.4), the first of its name.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let fields = headers.get_all(COOKIE).into_iter();
    let mut pairs = fields.flat_map(|field| field.as_bytes().split(|b| *b == b';'));
    pairs.find_map(|pair| {
        pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::trim_ascii)
    })
}

#[cfg(test)]
mod tests;
