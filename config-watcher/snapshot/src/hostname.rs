//! Hostnames as listeners and routes carry them: exact, or with one leading wildcard label.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;

/// A hostname pattern (Gateway API `Hostname`), lower case, without a trailing dot.
///
/// A wildcard stands for one or more whole labels: `*.example.com` matches `a.example.com` and
/// `a.b.example.com`, never `example.com`.
///
/// `Ord` is precedence: the more specific comes first. Exact before wildcard, the longer wildcard
/// before the shorter, `Any` last; the rest by name, so that the order is total.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hostname {
    /// This name only.
    Exact(Arc<str>),
    /// The part behind `*.`: for `*.example.com`, `example.com`.
    Wildcard(Arc<str>),
    /// Every name: what a listener or route without a hostname takes.
    Any,
}

/// Why a text is no hostname of the Gateway API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// Empty, or longer than 253 characters.
    #[error("a hostname has 1 to 253 characters")]
    Length,
    /// A label is empty, too long, or holds a character outside `a-z`, `0-9` and `-`.
    #[error("`{0}` is no DNS label: 1 to 63 of a-z, 0-9 and -, not at its ends")]
    Label(String),
    /// Gateway API forbids addresses as hostnames.
    #[error("an IP address is no hostname")]
    Address,
}

impl FromStr for Hostname {
    type Err = HostnameError;

    fn from_str(text: &str) -> Result<Self, HostnameError> {
        let text = text.to_ascii_lowercase();
        if text.is_empty() || text.len() > 253 {
            return Err(HostnameError::Length);
        }
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Err(HostnameError::Address);
        }
        let name = text.strip_prefix("*.").unwrap_or(&text);
        if let Some(label) = name.split('.').find(|label| !is_label(label)) {
            return Err(HostnameError::Label(label.to_owned()));
        }
        let wildcard = name.len() != text.len();
        Ok(if wildcard { Self::Wildcard(name.into()) } else { Self::Exact(name.into()) })
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl Hostname {
    /// Whether a request for `host` (lower case, no port, no trailing dot) is meant.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => **name == *host,
            Self::Wildcard(parent) => is_below(host, parent),
        }
    }

    /// The names that both take, if there are any: the more specific of the two.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, one) | (one, Self::Any) => Some(one.clone()),
            (Self::Exact(name), pattern) | (pattern, Self::Exact(name)) => {
                pattern.matches(name).then(|| Self::Exact(name.clone()))
            }
            (Self::Wildcard(a), Self::Wildcard(b)) => {
                let (longer, shorter) = if a.len() >= b.len() { (a, b) } else { (b, a) };
                (longer == shorter || is_below(longer, shorter))
                    .then(|| Self::Wildcard(longer.clone()))
            }
        }
    }

    fn rank(&self) -> (u8, usize, &str) {
        match self {
            Self::Exact(name) => (0, usize::MAX - name.len(), name),
            Self::Wildcard(parent) => (1, usize::MAX - parent.len(), parent),
            Self::Any => (2, 0, ""),
        }
    }
}

fn is_below(host: &str, parent: &str) -> bool {
    host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

impl Ord for Hostname {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Hostname {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(parent) => write!(f, "*.{parent}"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl Serialize for Hostname {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Hostname;

    fn host(text: &str) -> Hostname {
        if text == "*" { Hostname::Any } else { text.parse().unwrap() }
    }

    #[test]
    fn a_wildcard_stands_for_one_or_more_labels() {
        let wild = host("*.example.com");
        assert!(wild.matches("a.example.com"));
        assert!(wild.matches("a.b.example.com"));
        assert!(!wild.matches("example.com"));
        assert!(!wild.matches("aexample.com"));
        assert!(!wild.matches(".example.com"));
    }

    #[test]
    fn the_intersection_is_the_more_specific_of_two() {
        for (a, b, both) in [
            ("*", "a.com", Some("a.com")),
            ("*.com", "a.com", Some("a.com")),
            ("*.a.com", "*.com", Some("*.a.com")),
            ("*.com", "*.com", Some("*.com")),
            ("*.a.com", "a.com", None),
            ("a.com", "b.com", None),
            ("*.ba.com", "*.a.com", None),
        ] {
            assert_eq!(host(a).intersection(&host(b)), both.map(host), "{a} with {b}");
            assert_eq!(host(b).intersection(&host(a)), both.map(host), "{b} with {a}");
        }
    }

    #[test]
    fn the_more_specific_comes_first() {
        let mut hosts = ["*", "*.com", "a.com", "*.example.com", "long.example.com"].map(host);
        hosts.sort();
        let names: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["long.example.com", "a.com", "*.example.com", "*.com", "*"]);
    }

    #[test]
    fn what_is_no_hostname_is_refused() {
        for text in ["", "*", "*.", "a..b", "-a.com", "a_b.com", "1.2.3.4", "a.*.com", "a.com."] {
            assert!(text.parse::<Hostname>().is_err(), "{text:?}");
        }
    }
}
