//! `sessionPersistence` of rules.

use std::sync::Arc;
use std::time::Duration;

use snapshot::{ObjectKey, RouteKind, Session, SessionCarrier};

use super::duration;
use super::fault::Fault;
use super::field::Field;
use super::matching::header_name;
use crate::api::route::{CookieConfig, SessionPersistence};

/// The rule that a session belongs to: makes the names of cookies that routes do not name.
#[derive(Debug)]
pub(crate) struct Owner<'a> {
    /// Kind of the route.
    pub(crate) kind: RouteKind,
    /// The route.
    pub(crate) route: &'a ObjectKey,
    /// The rule's index, and its name if it has one.
    pub(crate) rule: (usize, Option<&'a str>),
}

/// The session persistence of the rule `at`.
pub(crate) fn read(
    from: Option<&SessionPersistence>,
    owner: &Owner<'_>,
    at: &Field<'_>,
) -> Result<Option<Session>, Fault> {
    let Some(from) = from else { return Ok(None) };
    let at = at.at("sessionPersistence");
    // Zero is no limit, as with every other timeout of the API.
    let absolute_timeout =
        duration::optional(from.absolute_timeout.as_ref(), &at.at("absoluteTimeout"))?
            .filter(|limit| *limit != Duration::ZERO);
    let carrier = match from.kind.as_deref().unwrap_or("Cookie") {
        "Cookie" => cookie(from.cookie.as_ref(), absolute_timeout, owner, &at)?,
        "Header" => {
            let at = at.at("header");
            let Some(header) = &from.header else {
                return Err(Fault::value(&at, "is missing; the type requires it"));
            };
            SessionCarrier::Header { name: header_name(&header.name, &at.at("name"))? }
        }
        other => return Err(Fault::choice(&at.at("type"), other, &["Cookie", "Header"])),
    };
    Ok(Some(Session { carrier, absolute_timeout }))
}

fn cookie(
    from: Option<&CookieConfig>,
    limit: Option<Duration>,
    owner: &Owner<'_>,
    session: &Field<'_>,
) -> Result<SessionCarrier, Fault> {
    let none = CookieConfig::default();
    let from = from.unwrap_or(&none);
    let at = session.at("cookie");
    let permanent = match from.lifetime_type.as_deref().unwrap_or("Session") {
        "Session" => false,
        "Permanent" if limit.is_some() => true,
        "Permanent" => {
            let what = "is missing; a permanent cookie lives that long";
            return Err(Fault::value(&session.at("absoluteTimeout"), what));
        }
        other => {
            return Err(Fault::choice(&at.at("lifetimeType"), other, &["Session", "Permanent"]));
        }
    };
    let name = match &from.name {
        // Cookie names and header names are the same tokens (RFC 6265 §4.1.1).
        Some(name) => header_name(name, &at.at("name")).map(|_| name.clone())?,
        None => own_name(owner),
    };
    let path = from.path.clone().unwrap_or_else(|| "/".into());
    if !path.starts_with('/') || !path.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b';') {
        let what = format_args!("`{}` is no cookie path; use `/` or `/shop`", path.escape_debug());
        return Err(Fault::value(&at.at("path"), what));
    }
    Ok(SessionCarrier::Cookie { name, path, permanent })
}

/// A cookie name that no other rule has, and that stays while the rule does: sessions outlive
/// every restart. FNV-1a, because the standard library's hashes may change between versions.
fn own_name(owner: &Owner<'_>) -> Arc<str> {
    let (index, name) = owner.rule;
    let rule = name.map_or_else(|| index.to_string(), ToOwned::to_owned);
    let text = format!("{}/{}/{rule}", owner.kind.as_str(), owner.route);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("headgate-{hash:016x}").into()
}

#[cfg(test)]
mod tests {
    use super::{Owner, read};
    use crate::translate::field::Field;
    use snapshot::{ObjectKey, RouteKind, Session, SessionCarrier};
    use std::time::Duration;

    fn session(json: &str, rule: (usize, Option<&str>)) -> Result<Session, String> {
        let from = serde_json::from_str(json).unwrap();
        let route = ObjectKey::new("shop", "cart");
        let owner = Owner { kind: RouteKind::Http, route: &route, rule };
        let session = read(Some(&from), &owner, &Field::SPEC.nth("rules", 0));
        session.map(|found| found.expect("it was given")).map_err(|fault| fault.message)
    }

    fn cookie_name(rule: (usize, Option<&str>)) -> String {
        match session("{}", rule).unwrap().carrier {
            SessionCarrier::Cookie { name, .. } => name.to_string(),
            SessionCarrier::Header { .. } => panic!("cookies are the default"),
        }
    }

    #[test]
    fn cookies_have_the_defaults_of_the_api_and_a_name_of_their_own() {
        let found = session(r#"{"cookie": {"name": "sid"}}"#, (0, None)).unwrap();
        let carrier =
            SessionCarrier::Cookie { name: "sid".into(), path: "/".into(), permanent: false };
        assert_eq!(found, Session { carrier, absolute_timeout: None });
        assert_eq!(cookie_name((0, None)), "headgate-544bc9792fede039");
        assert_ne!(cookie_name((0, None)), cookie_name((1, None)));
        // A named rule keeps its sessions when it moves.
        assert_eq!(cookie_name((0, Some("pay"))), cookie_name((1, Some("pay"))));
    }

    #[test]
    fn a_permanent_cookie_lives_for_the_absolute_timeout() {
        let found = session(
            r#"{"absoluteTimeout": "1h", "cookie": {"name": "a", "path": "/p",
                "lifetimeType": "Permanent"}}"#,
            (0, None),
        )
        .unwrap();
        assert_eq!(found.absolute_timeout, Some(Duration::from_secs(3_600)));
        let carrier =
            SessionCarrier::Cookie { name: "a".into(), path: "/p".into(), permanent: true };
        assert_eq!(found.carrier, carrier);
    }

    #[test]
    fn a_header_can_carry_the_token() {
        let found = session(
            r#"{"type": "Header", "header": {"name": "X-Sid"}, "absoluteTimeout": "0s"}"#,
            (0, None),
        );
        let carrier = SessionCarrier::Header { name: "x-sid".parse().unwrap() };
        assert_eq!(found, Ok(Session { carrier, absolute_timeout: None }));
    }

    #[test]
    fn what_is_no_session_is_named() {
        for (json, start) in [
            (r#"{"type": "Url"}"#, "type: `Url` is not supported; use Cookie or Header"),
            (r#"{"type": "Header"}"#, "header: is missing"),
            (r#"{"type": "Header", "header": {"name": "a b"}}"#, "header.name: `a b` is no"),
            (r#"{"absoluteTimeout": "1"}"#, "absoluteTimeout: `1` is no duration"),
            (r#"{"cookie": {"name": "a;b"}}"#, "cookie.name: `a;b` is no"),
            (r#"{"cookie": {"path": "a"}}"#, "cookie.path: `a` is no cookie path"),
            (r#"{"cookie": {"path": "/; Domain=x"}}"#, "cookie.path: `/; Domain=x` is no"),
            (r#"{"cookie": {"lifetimeType": "Long"}}"#, "cookie.lifetimeType: `Long` is not"),
            (
                r#"{"absoluteTimeout": "0s", "cookie": {"lifetimeType": "Permanent"}}"#,
                "absoluteTimeout: is missing",
            ),
        ] {
            let error = session(json, (0, None)).unwrap_err();
            let start = format!("spec.rules[0].sessionPersistence.{start}");
            assert!(error.starts_with(&start), "{error} for {json}");
        }
    }
}
