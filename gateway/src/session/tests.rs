//! Tokens there and back, and those that must not open.

use std::time::{Duration, SystemTime};

use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use snapshot::{BackendKey, ObjectKey, Session, SessionCarrier};

use super::Sessions;
use crate::settings::SessionKey;

fn with_key(byte: u8) -> Sessions {
    Sessions::new(Some(&SessionKey([byte; 32])))
}

fn backend(name: &str) -> BackendKey {
    BackendKey { service: ObjectKey::new("shop", name), port: 80 }
}

fn by_cookie(timeout: Option<u64>, permanent: bool) -> Session {
    Session {
        carrier: SessionCarrier::Cookie { name: "s".into(), path: "/a".into(), permanent },
        absolute_timeout: timeout.map(Duration::from_secs),
    }
}

fn by_header() -> Session {
    Session {
        carrier: SessionCarrier::Header { name: HeaderName::from_static("x-session") },
        absolute_timeout: None,
    }
}

/// The `Set-Cookie` of a new session, and what the client sends back.
fn begin(sessions: &Sessions, session: &Session, secure: bool) -> (String, HeaderMap) {
    let mut response = HeaderMap::new();
    let endpoint = "10.1.2.3:8080".parse().unwrap();
    let now = SystemTime::now();
    sessions.begin(session, &backend("cart"), endpoint, secure, now, &mut response);
    let set = response[SET_COOKIE].to_str().unwrap().to_owned();
    let pair = set.split(';').next().unwrap();
    let mut request = HeaderMap::new();
    request.append(COOKIE, HeaderValue::from_str(&format!("a=b;{pair}; c=d")).unwrap());
    (set, request)
}

#[test]
fn a_token_leads_back_to_its_endpoint() {
    let sessions = Sessions::new(None);
    for endpoint in ["10.1.2.3:8080", "[2001:db8::1]:443"] {
        let mut response = HeaderMap::new();
        let endpoint = endpoint.parse().unwrap();
        let now = SystemTime::now();
        sessions.begin(&by_header(), &backend("cart"), endpoint, true, now, &mut response);
        let token = sessions.read(&by_header(), &backend("cart"), &response, now).unwrap();
        assert_eq!(token.endpoint, endpoint);
    }
}

#[test]
fn a_cookie_carries_the_attributes_that_its_life_asks_for() {
    let sessions = Sessions::new(None);
    for (session, secure, expected) in [
        (by_cookie(None, false), false, "; Path=/a; HttpOnly; SameSite=Strict"),
        (by_cookie(Some(60), false), true, "; Path=/a; HttpOnly; SameSite=Strict; Secure"),
        (by_cookie(Some(60), true), false, "; Path=/a; HttpOnly; SameSite=Strict; Max-Age=60"),
    ] {
        let (set, request) = begin(&sessions, &session, secure);
        let attributes = &set[set.find(';').unwrap()..];
        assert_eq!(attributes, expected);
        let now = SystemTime::now();
        assert!(sessions.read(&session, &backend("cart"), &request, now).is_some());
    }
}

#[test]
fn no_address_can_be_read_from_a_token() {
    let (one, _) = begin(&Sessions::new(None), &by_cookie(None, false), false);
    let (two, _) = begin(&Sessions::new(None), &by_cookie(None, false), false);
    assert_ne!(one, two);
    let (one, _) = begin(&with_key(7), &by_cookie(None, false), false);
    let (two, _) = begin(&with_key(7), &by_cookie(None, false), false);
    assert_ne!(one, two, "the same endpoint looks different in each token");
}

#[test]
fn a_session_ends_on_time_however_busy() {
    let sessions = Sessions::new(None);
    let session = by_cookie(Some(60), false);
    let (_, request) = begin(&sessions, &session, false);
    let at = |seconds| SystemTime::now() + Duration::from_secs(seconds);
    assert!(sessions.read(&session, &backend("cart"), &request, at(58)).is_some());
    assert!(sessions.read(&session, &backend("cart"), &request, at(61)).is_none());
}

#[test]
fn what_is_not_a_token_of_ours_for_this_backend_is_as_good_as_none() {
    let sessions = with_key(1);
    let session = by_cookie(None, false);
    let (_, request) = begin(&sessions, &session, false);
    let now = SystemTime::now();
    assert!(sessions.read(&session, &backend("other"), &request, now).is_none());
    let another_key = with_key(2);
    assert!(another_key.read(&session, &backend("cart"), &request, now).is_none());
    for text in ["s=", "s=!", "s=AAAA", &format!("s={}", "A".repeat(4_000)), "t=x", ""] {
        let mut request = HeaderMap::new();
        request.insert(COOKIE, HeaderValue::from_str(text).unwrap());
        assert!(sessions.read(&session, &backend("cart"), &request, now).is_none(), "{text:.20}");
    }
}

#[test]
fn replicas_with_one_key_share_their_sessions() {
    let session = by_cookie(None, false);
    let (_, request) = begin(&with_key(9), &session, false);
    let other = with_key(9);
    assert!(other.read(&session, &backend("cart"), &request, SystemTime::now()).is_some());
}
