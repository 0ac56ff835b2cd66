//! The ports of Services, as routes may refer to them.

use snapshot::{BackendKey, Protocol};

use super::fault::{BACKEND_NOT_FOUND, UNSUPPORTED_PROTOCOL, UNSUPPORTED_VALUE};
use super::reads::Reads;
use super::refusal::Refusal;
use crate::api::core::{Service, ServicePort};

/// A port that requests can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port<'a> {
    /// Joins it to EndpointSlices and to policies; empty where a single port has none.
    pub(crate) name: &'a str,
    /// What its endpoints speak.
    pub(crate) protocol: Protocol,
    /// Its `appProtocol` says that they speak it over TLS.
    pub(crate) tls: bool,
}

/// Finds the port that `key` names.
///
/// # Errors
/// `BackendNotFound` without such a Service or port, `UnsupportedProtocol` where it is not TCP or
/// its `appProtocol` is unknown, `UnsupportedValue` for an `ExternalName` that is not allowed.
pub(crate) fn port<'a>(reads: &Reads<'a>, key: &BackendKey) -> Result<Port<'a>, Refusal> {
    let Some(service) = reads.service(&key.service) else {
        let message = format!("Service `{}` does not exist; create it", key.service);
        return Err(Refusal::new(BACKEND_NOT_FOUND, message));
    };
    find(&service.spec, key, reads.options().allow_external_name)
}

fn find<'a>(
    service: &'a Service,
    key: &BackendKey,
    allow_external_name: bool,
) -> Result<Port<'a>, Refusal> {
    let refuse = |reason, what: String| {
        Err(Refusal::new(reason, format!("Service `{}` {what}", key.service)))
    };
    if service.kind.as_deref() == Some("ExternalName") && !allow_external_name {
        let what = "is of type ExternalName, which could lead anywhere; give it a selector or \
                    EndpointSlices";
        return refuse(UNSUPPORTED_VALUE, what.to_owned());
    }
    let mut same = service.ports.iter().filter(|port| port.port == key.port).peekable();
    let Some(first) = same.peek() else {
        let ports: Vec<_> = service.ports.iter().map(|port| port.port.to_string()).collect();
        let ports = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
        let what = format!("has no port {}; its ports are: {ports}", key.port);
        return refuse(BACKEND_NOT_FOUND, what);
    };
    let other = first.protocol.clone();
    let Some(port) = same.find(|port| is_tcp(port)) else {
        let (number, other) = (key.port, other.as_deref().unwrap_or_default());
        let what = format!("speaks {other} on port {number}; routes of this kind need TCP");
        return refuse(UNSUPPORTED_PROTOCOL, what);
    };
    let name = port.name.as_deref().unwrap_or_default();
    let said = port.app_protocol.as_deref().unwrap_or_default();
    match protocol(said) {
        Some((protocol, tls)) => Ok(Port { name, protocol, tls }),
        None => refuse(
            UNSUPPORTED_PROTOCOL,
            format!(
                "has appProtocol `{said}` on port {}; use http, https, grpc, kubernetes.io/h2c, \
                 kubernetes.io/ws or kubernetes.io/wss, or leave it out",
                key.port
            ),
        ),
    }
}

fn is_tcp(port: &ServicePort) -> bool {
    port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP")
}

/// What an `appProtocol` means, and whether over TLS. IANA's names and those of Kubernetes
/// (KEP-3726), in any case.
fn protocol(said: &str) -> Option<(Protocol, bool)> {
    let lower = said.to_ascii_lowercase();
    match lower.strip_prefix("kubernetes.io/").unwrap_or(&lower) {
        "" if said.is_empty() => Some((Protocol::Auto, false)),
        "http" | "ws" => Some((Protocol::Http1, false)),
        "h2c" | "http2" | "grpc" => Some((Protocol::Http2, false)),
        "https" => Some((Protocol::Auto, true)),
        "wss" => Some((Protocol::Http1, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Port, find};
    use crate::api::core::Service;
    use snapshot::{BackendKey, ObjectKey, Protocol};

    fn found(service: &str, allow: bool) -> Result<(String, Protocol, bool), (String, String)> {
        let service: Service = serde_json::from_str(service).unwrap();
        let key = BackendKey { service: ObjectKey::new("a", "b"), port: 80 };
        match find(&service, &key, allow) {
            Ok(Port { name, protocol, tls }) => Ok((name.to_owned(), protocol, tls)),
            Err(refusal) => Err((refusal.reason.to_owned(), refusal.message)),
        }
    }

    #[test]
    fn the_app_protocol_says_what_endpoints_speak() {
        use Protocol::{Auto, Http1, Http2};
        for (said, protocol, tls) in [
            ("", Auto, false),
            ("http", Http1, false),
            ("HTTPS", Auto, true),
            ("https", Auto, true),
            ("kubernetes.io/ws", Http1, false),
            ("kubernetes.io/wss", Http1, true),
            ("kubernetes.io/h2c", Http2, false),
            ("h2c", Http2, false),
            ("grpc", Http2, false),
        ] {
            let service =
                format!(r#"{{"ports": [{{"port": 80, "name": "n", "appProtocol": "{said}"}}]}}"#);
            assert_eq!(found(&service, false), Ok(("n".to_owned(), protocol, tls)), "{said}");
        }
        assert_eq!(
            found(r#"{"ports": [{"port": 80}], "clusterIP": "None"}"#, false),
            Ok((String::new(), Auto, false))
        );
    }

    #[test]
    fn of_two_protocols_on_one_port_tcp_is_meant() {
        let service = r#"{"ports": [{"port": 80, "name": "u", "protocol": "UDP"},
                                    {"port": 80, "name": "t", "protocol": "TCP"}]}"#;
        assert_eq!(found(service, false), Ok(("t".to_owned(), Protocol::Auto, false)));
    }

    #[test]
    fn what_cannot_be_sent_to_is_named() {
        for (service, reason, message) in [
            (r#"{}"#, "BackendNotFound", "Service `a/b` has no port 80; its ports are: none"),
            (
                r#"{"ports": [{"port": 8080}, {"port": 443}]}"#,
                "BackendNotFound",
                "Service `a/b` has no port 80; its ports are: 8080, 443",
            ),
            (
                r#"{"ports": [{"port": 80, "protocol": "UDP"}]}"#,
                "UnsupportedProtocol",
                "Service `a/b` speaks UDP on port 80",
            ),
            (
                r#"{"ports": [{"port": 80, "appProtocol": "kubernetes.io/"}]}"#,
                "UnsupportedProtocol",
                "Service `a/b` has appProtocol `kubernetes.io/` on port 80",
            ),
            (
                r#"{"ports": [{"port": 80, "appProtocol": "mysql"}]}"#,
                "UnsupportedProtocol",
                "Service `a/b` has appProtocol `mysql` on port 80",
            ),
            (
                r#"{"type": "ExternalName", "ports": [{"port": 80}]}"#,
                "UnsupportedValue",
                "Service `a/b` is of type ExternalName",
            ),
        ] {
            let error = found(service, false).unwrap_err();
            assert!(error.0 == reason && error.1.starts_with(message), "{error:?}");
        }
        assert!(found(r#"{"type": "ExternalName", "ports": [{"port": 80}]}"#, true).is_ok());
    }
}
