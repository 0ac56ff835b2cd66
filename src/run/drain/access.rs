//! Who may order drains.
//!
//! Promises: a caller may drain the address that it calls from, and nothing else without a token;
//! only on the admin address whoever is on this machine may do all. No browser may do anything: a
//! page from anywhere can make it call.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use config_watcher::drains::Place;
use config_watcher::kubernetes::{Reviewer, Verdict};
use http::HeaderMap;
use http::header::{AUTHORIZATION, ORIGIN};

use super::ask::{Ask, Verb};
use super::{Door, pods};
use crate::drain::answer::Answer;

/// A token file holds no more; a token of Kubernetes has about 1 KiB.
const MOST_TOKEN: u64 = 16 * 1_024;

/// What tokens are judged by.
pub(in crate::run) struct Access {
    /// `--drain-token-file`: whoever has its content may do all.
    pub(in crate::run) file: Option<PathBuf>,
    /// The Kubernetes API, where there is one.
    pub(in crate::run) reviewer: Option<Reviewer>,
}

impl Access {
    /// Who the caller is, for people; or the refusal.
    pub(super) async fn admit(
        &self,
        door: Door,
        peer: SocketAddr,
        ask: &Ask,
        found: &[Place],
        headers: &HeaderMap,
    ) -> Result<Arc<str>, Answer> {
        if headers.contains_key(ORIGIN) {
            return Err(forbidden("a browser calls", "call with `headgate drain` or curl"));
        }
        if door == Door::Admin && peer.ip().to_canonical().is_loopback() {
            return Ok("admin".into());
        }
        let Some(token) = bearer(headers) else {
            return match ask.own {
                false => Err(self.no_token(peer)),
                // Pods on their node's network: who of them calls is not known.
                true if pods(found).len() > 1 => {
                    let remedy = "name address and port, with a token";
                    Err(forbidden("several pods share this address", remedy))
                }
                true => Ok("itself".into()),
            };
        };
        if self.is_of_file(token) {
            return Ok("token".into());
        }
        let Some(reviewer) = &self.reviewer else {
            return Err(forbidden("the token is not the one", "see --drain-token-file"));
        };
        let verb = match ask.verb {
            Verb::Order => "create",
            Verb::Undo => "delete",
            Verb::List => "list",
        };
        let places = found.iter().map(|place| place.backend.service.namespace.clone());
        match reviewer.review(token, verb, &places.collect()).await {
            Ok(Verdict::Allowed { user }) => Ok(user),
            Ok(Verdict::Unknown) => Err(forbidden(
                "the API server does not know the token",
                "use a token of a ServiceAccount with the audience headgate-drain",
            )),
            Ok(Verdict::Forbidden { user }) => Err(forbidden(
                &format!("{user} may not {verb} drains there"),
                "bind the ClusterRole headgate-drain to it: deploy/kubernetes/drain.yaml",
            )),
            Err(error) => Err(Answer::Busy { reason: format!("the token is not judged: {error}") }),
        }
    }

    fn no_token(&self, peer: SocketAddr) -> Answer {
        let remedy = match (&self.file, &self.reviewer) {
            (None, None) => "set --drain-token-file, or call from the address itself",
            _ => "send a token: Authorization: Bearer TOKEN, or headgate drain --token-file FILE",
        };
        forbidden(&format!("{} may drain itself only", peer.ip().to_canonical()), remedy)
    }

    /// Read at each call, so that a token that was changed holds at once.
    fn is_of_file(&self, token: &[u8]) -> bool {
        let Some(path) = &self.file else { return false };
        match read(path) {
            Ok(secret) => {
                let secret = secret.trim_ascii();
                !secret.is_empty() && verify_slices_are_equal(secret, token).is_ok()
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the drain token is not readable");
                false
            }
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut secret = Vec::new();
    std::fs::File::open(path)?.take(MOST_TOKEN).read_to_end(&mut secret)?;
    Ok(secret)
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn forbidden(reason: &str, remedy: &str) -> Answer {
    Answer::Forbidden { reason: reason.to_owned(), remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderName, HeaderValue, Method};
    use snapshot::{BackendKey, Endpoint, EndpointState, ObjectKey};

    use super::*;

    const POD: &str = "10.0.0.7:4711";
    const HERE: &str = "127.0.0.1:4711";

    async fn admit(
        access: &Access,
        door: Door,
        peer: &str,
        query: &str,
        header: (HeaderName, &'static str),
    ) -> Result<String, String> {
        let peer = peer.parse().unwrap();
        let ask = Ask::read(&Method::POST, query, peer).unwrap();
        assert_eq!(ask.timeout, Duration::from_secs(30));
        let headers = HeaderMap::from_iter([(header.0, HeaderValue::from_static(header.1))]);
        let admitted = access.admit(door, peer, &ask, &[], &headers).await;
        match admitted {
            Ok(by) => Ok(by.to_string()),
            Err(Answer::Forbidden { reason, .. }) => Err(reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn whoever_has_no_token_may_drain_itself_only() {
        let access = Access { file: None, reviewer: None };
        let none = (HeaderName::from_static("x"), "");
        for (door, peer, query, expected) in [
            (Door::Drain, POD, "self", Some("itself")),
            (Door::Drain, POD, "address=10.0.0.7:8080", Some("itself")),
            (Door::Drain, POD, "address=10.0.0.8", None),
            (Door::Drain, HERE, "address=10.0.0.8", None),
            (Door::Admin, POD, "address=10.0.0.8", None),
            (Door::Admin, POD, "self", Some("itself")),
            (Door::Admin, HERE, "address=10.0.0.8", Some("admin")),
        ] {
            let admitted = admit(&access, door, peer, query, none.clone()).await;
            assert_eq!(admitted.ok().as_deref(), expected, "{door:?} {peer} {query}");
        }
    }

    #[tokio::test]
    async fn who_of_several_pods_at_one_address_calls_is_not_known() {
        let access = Access { file: None, reviewer: None };
        let place = |uid: &str| Place {
            backend: BackendKey { service: ObjectKey::new("shop", "cart"), port: 80 },
            endpoint: Endpoint {
                address: "10.0.0.7:80".parse().unwrap(),
                uid: Some(uid.into()),
                state: EndpointState::Ready,
                zone: None,
                node: None,
            },
        };
        let peer = POD.parse().unwrap();
        let ask = Ask::read(&Method::POST, "self", peer).unwrap();
        for (found, good) in
            [(&[place("a"), place("a")][..], true), (&[place("a"), place("b")], false)]
        {
            let admitted = access.admit(Door::Drain, peer, &ask, found, &HeaderMap::new()).await;
            assert_eq!(admitted.is_ok(), good);
        }
    }

    #[tokio::test]
    async fn no_page_in_a_browser_may_drain_anything() {
        let access = Access { file: None, reviewer: None };
        let page = (ORIGIN, "http://evil.example");
        assert!(admit(&access, Door::Admin, HERE, "address=10.0.0.8", page).await.is_err());
    }

    #[tokio::test]
    async fn a_token_holds_as_long_as_the_file_says_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let access = Access { file: Some(file.path().to_owned()), reviewer: None };
        let try_with = async |header| {
            let header = (AUTHORIZATION, header);
            admit(&access, Door::Drain, POD, "address=10.0.0.8", header).await.is_ok()
        };
        assert!(!try_with("Bearer ").await, "an empty file is no token");
        std::fs::write(file.path(), "first\n").unwrap();
        assert!(try_with("Bearer first").await && try_with("bearer first").await);
        for wrong in ["Bearer second", "Bearer firs", "Bearer first2", "Basic first", "first", ""] {
            assert!(!try_with(wrong).await, "{wrong}");
        }
        std::fs::write(file.path(), "second").unwrap();
        assert!(!try_with("Bearer first").await && try_with("Bearer second").await);
        std::fs::remove_file(file.path()).unwrap();
        assert!(!try_with("Bearer second").await);
    }
}
