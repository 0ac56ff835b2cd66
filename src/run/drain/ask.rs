//! What a caller of `/v1/drain` asks for.

use std::net::SocketAddr;
use std::time::Duration;

use gateway::admin::Query;
use http::Method;
use snapshot::DrainKey;

use crate::duration;

/// What `timeout` may be. Below a second nothing can end in order; beyond an hour a call is a lost
/// one: kubelets wait for minutes at most, and the order stands without it.
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);
pub(super) const MOST_TIMEOUT: Duration = Duration::from_secs(3600);
/// Without one: what Kubernetes gives a pod to end.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) const NO_ADDRESS: &str = "whom? write /v1/drain?address=10.0.0.1:8080, or ?self";

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) verb: Verb,
    /// `None` for all of them.
    pub(super) key: Option<DrainKey>,
    /// The address is the caller's own.
    pub(super) own: bool,
    pub(super) timeout: Duration,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// Drain it (POST).
    Order,
    /// Take that back (DELETE).
    Undo,
    /// Say how it stands (GET).
    List,
}

impl Ask {
    /// Reads method and query; an error says what to write instead.
    pub(super) fn read(method: &Method, query: &str, peer: SocketAddr) -> Result<Self, String> {
        let verb = match *method {
            Method::POST => Verb::Order,
            Method::DELETE => Verb::Undo,
            Method::GET | Method::HEAD => Verb::List,
            _ => return Err("write POST to drain, DELETE to undo, GET to list".to_owned()),
        };
        let query = Query::parse(query);
        let me = DrainKey::whole(peer.ip());
        let key = match (query.get("self"), query.get("address")) {
            (Some(_), Some(_)) => return Err("either self or address, not both".to_owned()),
            (Some(_), None) => Some(me),
            (None, Some(address)) => Some(address.parse::<DrainKey>().map_err(|e| e.to_string())?),
            (None, None) if verb == Verb::List => None,
            (None, None) => return Err(NO_ADDRESS.to_owned()),
        };
        let timeout = match query.get("timeout") {
            None => DEFAULT_TIMEOUT,
            Some(text) => duration::parse(text).map_err(|why| format!("timeout: {text} {why}"))?,
        };
        if !(LEAST_TIMEOUT..=MOST_TIMEOUT).contains(&timeout) {
            return Err(format!(
                "timeout: {timeout:?} is not between {LEAST_TIMEOUT:?} and {MOST_TIMEOUT:?}"
            ));
        }
        let own = key.is_some_and(|key| key.address == me.address);
        Ok(Self { verb, key, own, timeout })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &Method, query: &str) -> Result<Ask, String> {
        Ask::read(method, query, "[::ffff:10.0.0.7]:4711".parse().unwrap())
    }

    #[test]
    fn a_caller_is_itself_whatever_its_address_is_dressed_in() {
        for query in ["self", "address=10.0.0.7", "address=10.0.0.7:80"] {
            assert!(read(&Method::POST, query).unwrap().own, "{query}");
        }
        let ask = read(&Method::POST, "self&timeout=1m").unwrap();
        assert_eq!(ask.key, "10.0.0.7".parse().ok());
        assert_eq!((ask.verb, ask.timeout), (Verb::Order, Duration::from_secs(60)));
        assert!(!read(&Method::DELETE, "address=10.0.0.8").unwrap().own);
        assert_eq!(read(&Method::GET, "").unwrap().key, None);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        for (method, query, expected) in [
            (Method::PUT, "self", "POST"),
            (Method::POST, "", "address="),
            (Method::DELETE, "", "address="),
            (Method::POST, "self&address=10.0.0.7", "not both"),
            (Method::POST, "address=pod-1", "\"pod-1\" is no address"),
            (Method::POST, "self&timeout=0s", "timeout: 0ns is not between 1s and 3600s"),
            (Method::POST, "self&timeout=24h", "timeout: 86400s is not between"),
            (Method::POST, "self&timeout=30", "timeout: 30 is no time"),
            (Method::POST, "self&timeout=-1s", "must not be negative"),
        ] {
            let error = read(&method, query).unwrap_err();
            assert!(error.contains(expected), "{query}: {error}");
        }
    }
}
