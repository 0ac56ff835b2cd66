//! From a head as it came to the rule that it matches.

use std::rc::Rc;

use http::header::EXPECT;
use http::request::Parts;
use hyper::upgrade::OnUpgrade;

use super::head::{self, Named};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::finish::Finish;
use crate::forwarding::{request_id, strip_request};
use crate::table::{Found, Hit, Seek};
use crate::upgrade;

/// What a client wants besides an answer; read before the fields that say so are stripped.
pub(super) struct Asks {
    /// To go on as WebSocket.
    pub(super) upgrade: Option<OnUpgrade>,
    /// To be told to send the body.
    pub(super) continuation: bool,
}

impl Asks {
    pub(super) fn of(head: &mut Parts) -> Self {
        let wanted = upgrade::is_asked(&head.method, head.version, &head.headers);
        let way = head.extensions.remove::<OnUpgrade>();
        Self { upgrade: way.filter(|_| wanted), continuation: head.headers.contains_key(EXPECT) }
    }
}

/// A request with the rule that it matches.
pub(super) struct Routed {
    /// What it is for.
    pub(super) named: Named,
    /// What it found.
    pub(super) hit: Hit,
    /// The client speaks TLS, to us or to a proxy that we trust.
    pub(super) https: bool,
    /// The port that it speaks to.
    pub(super) port: u16,
}

/// Brings the head into the form in which it is matched and forwarded, and matches it.
pub(super) fn route(
    connection: &Rc<Connection>,
    head: &mut Parts,
    finish: &mut Finish,
) -> Result<Routed, Failure> {
    let origin = &connection.origin;
    let settings = &connection.worker.settings;
    head::expectation(head)?;
    strip_request(&mut head.headers, origin.is_trusted());
    finish.identify(request_id(&mut head.headers, origin.is_trusted(), fastrand::u128(..)));
    let encrypted = connection.tls.is_some();
    let named = head::canonical(head, encrypted, &settings.head)?;
    finish.hosted(named.authority().clone());
    if let Some(client) = origin.client(&head.headers, &settings.client.trusted_proxies) {
        finish.comes_from(client);
    }
    let own_port = connection.port;
    let (https, port) = origin.front(&head.headers, own_port);
    origin.tell(&mut head.headers, named.authority());
    let hit = find(connection, &named, head, finish)?;
    finish.matched(hit.rule.clone());
    // Behind a socket that was handed to us, the port is the listener's and not the socket's.
    let port = if port == own_port { hit.listener.port } else { port };
    Ok(Routed { named, hit, https, port })
}

fn find(
    connection: &Connection,
    named: &Named,
    head: &Parts,
    finish: &mut Finish,
) -> Result<Hit, Failure> {
    let found = connection.slot.load().find(&Seek {
        host: named.host(),
        path: named.path(),
        query: named.query(),
        method: &head.method,
        headers: &head.headers,
        sni: connection.tls.as_ref().and_then(|tls| tls.sni.as_deref()),
        https: connection.tls.is_some(),
    });
    match found {
        Found::Rule(hit) => {
            finish.listened(hit.listener.clone());
            Ok(hit)
        }
        Found::NoRoute(listener) => {
            finish.listened(listener);
            Err(Failure::NoRoute)
        }
        Found::NoListener => Err(Failure::NoListener),
        Found::Misdirected => Err(Failure::Misdirected),
    }
}
