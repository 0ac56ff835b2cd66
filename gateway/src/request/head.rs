//! What a request's head must be, beyond what the parsers hold: limits, one host, one path.
//!
//! HTTP/1 heads have passed the gate; h2 checks frames and fields but compares nothing and sets no
//! limits of ours. After [`canonical`] a head has one form, whatever the protocol: `Host` is the
//! canonical authority, the URI is a canonical path with its query.

use std::borrow::Cow;

use http::header::{EXPECT, HOST, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Uri, Version};

use crate::failure::Failure;
use crate::normalise::{self, Authority};
use crate::settings::Head;

/// Names of what a request is for. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Named {
    authority: HeaderValue,
    /// How much of the authority is the host.
    host: usize,
    target: Uri,
}

impl Named {
    /// Canonical; empty for an HTTP/1.0 request without a host.
    pub(super) fn host(&self) -> &str {
        &self.text()[..self.host]
    }

    /// Host, and port where one was written.
    pub(super) fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// Canonical.
    pub(super) fn path(&self) -> &str {
        self.target.path()
    }

    /// As sent.
    pub(super) fn query(&self) -> Option<&str> {
        self.target.query()
    }

    fn text(&self) -> &str {
        self.authority.to_str().expect("canonical hosts are visible ASCII")
    }
}

/// Checks the head and brings it into its one form.
pub(super) fn canonical(head: &mut Parts, https: bool, most: &Head) -> Result<Named, Failure> {
    limits(head, most)?;
    scheme(head, https)?;
    let (authority, host) = authority(head, https)?;
    let target = target(&head.uri)?;
    head.uri = target.clone();
    if authority.is_empty() {
        head.headers.remove(HOST);
    } else {
        head.headers.insert(HOST, authority.clone());
    }
    Ok(Named { authority, host, target })
}

fn limits(head: &Parts, most: &Head) -> Result<(), Failure> {
    if head.method == Method::CONNECT {
        return Err(Failure::MethodRefused);
    }
    if head.method.as_str().len() > most.method {
        return Err(Failure::Malformed);
    }
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > most.uri {
        return Err(Failure::UriTooLong);
    }
    if head.headers.len() > most.fields {
        return Err(Failure::HeadTooLarge);
    }
    Ok(())
}

/// A client that names a scheme must mean the one it speaks. A proxy in front of us that ends TLS
/// may say `https` in clear.
fn scheme(head: &Parts, https: bool) -> Result<(), Failure> {
    match head.uri.scheme() {
        None => Ok(()),
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(()),
        Some(scheme) if *scheme == Scheme::HTTP && !https => Ok(()),
        Some(_) => Err(Failure::Malformed),
    }
}

/// Only `100-continue` can be expected. It is answered here, when the body is first read.
pub(super) fn expectation(head: &Parts) -> Result<(), Failure> {
    let known = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if head.headers.get_all(EXPECT).iter().all(known) { Ok(()) } else { Err(Failure::Expectation) }
}

/// The one authority that the request names, and the length of its host.
fn authority(head: &Parts, https: bool) -> Result<(HeaderValue, usize), Failure> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (field, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(Failure::Malformed);
    }
    let target = head.uri.authority().map(|authority| authority.as_str());
    let text = field.map(|value| value.to_str().map_err(|_| Failure::Malformed)).transpose()?;
    let (written, other) = match (target, text) {
        (Some(target), field) => (target, field),
        (None, Some(field)) => (field, None),
        (None, None) if head.version <= Version::HTTP_10 => {
            return Ok((HeaderValue::from_static(""), 0));
        }
        (None, None) => return Err(Failure::Malformed),
    };
    let read = |text| normalise::authority(text).map_err(|_| Failure::Malformed);
    let named = read(written)?;
    if let Some(other) = other
        && other != written
        && !is_same(&named, &read(other)?, https)
    {
        return Err(Failure::Malformed);
    }
    let length = named.host.len();
    let unchanged = matches!(named.host, Cow::Borrowed(host)
        if host.len() + port_length(&named) == written.len());
    let value = match field {
        Some(field) if unchanged && text == Some(written) => field.clone(),
        _ => {
            let text = match named.port {
                Some(port) => format!("{}:{port}", named.host),
                None => named.host.into_owned(),
            };
            HeaderValue::try_from(text).map_err(|_| Failure::Malformed)?
        }
    };
    Ok((value, length))
}

/// Length of `:port` as we would write it.
fn port_length(of: &Authority<'_>) -> usize {
    of.port.map_or(0, |port| 2 + port.checked_ilog10().unwrap_or(0) as usize)
}

/// A port that is left out is the scheme's own.
fn is_same(one: &Authority<'_>, other: &Authority<'_>, https: bool) -> bool {
    let own = if https { 443 } else { 80 };
    one.host == other.host && one.port.unwrap_or(own) == other.port.unwrap_or(own)
}

fn target(uri: &Uri) -> Result<Uri, Failure> {
    let Some(given) = uri.path_and_query() else { return Err(Failure::Malformed) };
    let path = normalise::path(given.path()).map_err(|_| Failure::BadPath)?;
    let target = match path {
        Cow::Borrowed(same) if same.len() == given.path().len() => given.clone(),
        path => {
            let mut text = path.into_owned();
            if let Some(query) = given.query() {
                text.push('?');
                text.push_str(query);
            }
            PathAndQuery::try_from(text).map_err(|_| Failure::BadPath)?
        }
    };
    Ok(Uri::from(target))
}

#[cfg(test)]
mod tests;
