//! What a listener wants of its port, and which values of its fields we do not know.

use std::str::FromStr;

use snapshot::{Hostname, HostnameError};

use crate::api::gateway::Listener;
use crate::translate::conflict::{Claim, Family};
use crate::translate::refusal::Refusal;

/// The claims of the listeners of one object. A listener claims its port whether or not we can
/// serve it, so that whether it conflicts does not depend on what else is wrong with it.
pub(crate) fn all(listeners: &[Listener]) -> Vec<Claim> {
    listeners.iter().filter_map(one).collect()
}

fn one(listener: &Listener) -> Option<Claim> {
    let family = match &*listener.protocol {
        "HTTP" => Family::Http,
        "HTTPS" | "TLS" => Family::Tls,
        "TCP" => Family::Tcp,
        // UDP ports are others than TCP ports; of further protocols we do not know what they bind.
        _ => return None,
    };
    let hostname = match family {
        Family::Tcp => Hostname::Any,
        Family::Http | Family::Tls => hostname(listener).ok()?,
    };
    Some(Claim { section: listener.name.clone(), port: listener.port, family, hostname })
}

/// `hostname`; absent and empty are every name.
pub(crate) fn hostname(listener: &Listener) -> Result<Hostname, HostnameError> {
    match listener.hostname.as_deref() {
        None | Some("") => Ok(Hostname::Any),
        Some(name) => Hostname::from_str(name),
    }
}

/// The first field with a value that we do not serve.
pub(super) fn unsupported(listener: &Listener) -> Option<Refusal> {
    if !matches!(&*listener.protocol, "HTTP" | "HTTPS") {
        let message = format!("protocol: `{}` is not served; use HTTP or HTTPS", listener.protocol);
        return Some(Refusal::new("UnsupportedProtocol", message));
    }
    if let Err(error) = hostname(listener) {
        return Some(Refusal::new("UnsupportedValue", format!("hostname: {error}")));
    }
    let requests = listener.filters.as_ref().and_then(|filters| filters.get("requests"));
    if requests.and_then(|list| list.as_array()).is_some_and(|list| !list.is_empty()) {
        // Such filters decide who may come in: without them nobody may.
        let message = "filters.requests: filters before routing are not supported; remove them";
        return Some(Refusal::new("UnsupportedValue", message));
    }
    let tls = listener.tls.as_ref()?;
    if let Some(mode) = tls.mode.as_deref().filter(|mode| *mode != "Terminate") {
        let message = format!("tls.mode: `{mode}` does not go with protocol {}", listener.protocol);
        return Some(Refusal::new("UnsupportedValue", message));
    }
    let option = tls.options.keys().next()?;
    let message = format!("tls.options: `{option}` is no option of ours; remove it");
    Some(Refusal::new("UnsupportedValue", message))
}
