//! Header modifiers (Gateway API `HTTPHeaderFilter`): set, then add, then remove.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::normalise;

/// Which message a modifier changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Response,
}

/// A change of headers.
pub(crate) struct HeaderModifier {
    set: Box<[(HeaderName, HeaderValue)]>,
    add: Box<[(HeaderName, HeaderValue)]>,
    remove: Box<[HeaderName]>,
}

impl HeaderModifier {
    /// Leaves out what a modifier may not do, with a note for each.
    ///
    /// `Host` may be set on requests, which sends them as if for another host; it is never added
    /// to nor removed, as every request has exactly one.
    pub(super) fn new(
        from: &snapshot::HeaderModifier,
        message: Message,
        notes: &mut Vec<String>,
    ) -> Self {
        let mut allowed = |name: &HeaderName| {
            let host = *name == header::HOST;
            if host || is_ours(name) {
                notes.push(format!("the header {name} is the gateway's own and stays as it is"));
            }
            !host && !is_ours(name)
        };
        let add = from.add.iter().filter(|(name, _)| allowed(name)).cloned().collect();
        let remove = from.remove.iter().filter(|name| allowed(name)).cloned().collect();
        let sets_host = |name: &HeaderName, value: &HeaderValue| {
            *name == header::HOST && message == Message::Request && is_host(value)
        };
        let set = from.set.iter().filter(|(name, value)| sets_host(name, value) || allowed(name));
        Self { set: set.cloned().collect(), add, remove }
    }

    /// Applies all changes.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name, value.clone());
        }
        for name in &self.remove {
            headers.remove(name);
        }
    }
}

/// Names that no filter may touch: they frame a message (RFC 9112 §6) or belong to one connection
/// (RFC 9110 §7.6.1), so that a change would let two servers see two different messages.
fn is_ours(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::EXPECT,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ]
    .contains(name)
        || ["keep-alive", "proxy-connection", "http2-settings"].contains(&name.as_str())
}

fn is_host(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| normalise::authority(text).is_ok())
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{HeaderModifier, Message};

    fn pair(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    }

    fn all(headers: &HeaderMap) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
    }

    fn apply(from: &snapshot::HeaderModifier, message: Message) -> (HeaderMap, Vec<String>) {
        let mut notes = Vec::new();
        let modifier = HeaderModifier::new(from, message, &mut notes);
        let before = [pair("host", "h"), pair("a", "1"), pair("a", "2"), pair("b", "3")];
        let mut headers = HeaderMap::new();
        for (name, value) in before {
            headers.append(name, value);
        }
        modifier.apply(&mut headers);
        (headers, notes)
    }

    #[test]
    fn headers_are_set_then_added_then_removed() {
        let from = snapshot::HeaderModifier {
            set: vec![pair("a", "set"), pair("new", "n")],
            add: vec![pair("a", "added"), pair("c", "4")],
            remove: vec![HeaderName::from_static("b")],
        };
        let (headers, notes) = apply(&from, Message::Request);
        // In the order of the map: what is appended stands with its name.
        let expect = [("host", "h"), ("a", "set"), ("a", "added"), ("c", "4"), ("new", "n")];
        assert_eq!(all(&headers), expect);
        assert!(notes.is_empty());
    }

    #[test]
    fn what_frames_a_message_is_out_of_reach() {
        for name in [
            "connection",
            "content-length",
            "expect",
            "http2-settings",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ] {
            let from = snapshot::HeaderModifier {
                set: vec![pair(name, "1")],
                add: vec![pair(name, "2")],
                remove: vec![HeaderName::from_static(name)],
            };
            for message in [Message::Request, Message::Response] {
                let (headers, notes) = apply(&from, message);
                assert!(!headers.contains_key(name), "{name}");
                assert_eq!(notes.len(), 3, "{name}");
            }
        }
    }

    #[test]
    fn a_request_has_one_host_which_may_be_another() {
        let host = |value| snapshot::HeaderModifier {
            set: vec![pair("host", value)],
            add: vec![pair("host", "added")],
            remove: vec![HeaderName::from_static("host")],
        };
        let (headers, notes) = apply(&host("other:80"), Message::Request);
        assert_eq!(headers.get_all("host").iter().collect::<Vec<_>>(), ["other:80"]);
        assert_eq!(notes.len(), 2);
        for (value, message) in [("user@h", Message::Request), ("other", Message::Response)] {
            let (headers, notes) = apply(&host(value), message);
            assert_eq!(headers["host"], "h");
            assert_eq!(notes.len(), 3);
        }
    }
}
