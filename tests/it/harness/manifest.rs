//! Texts of manifests; everything stands in the namespace `default`.

use std::net::SocketAddr;

/// The Gateway `web` with these listeners.
pub(crate) fn gateway(listeners: &[String]) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: web, namespace: default}}
spec:
  gatewayClassName: headgate
  listeners:
{}",
        listeners.join("\n")
    )
}

/// A listener for HTTP.
pub(crate) fn http_listener(name: &str, port: u16) -> String {
    format!("  - {{name: {name}, protocol: HTTP, port: {port}}}")
}

/// A listener for HTTPS with the certificate of a Secret.
pub(crate) fn https_listener(name: &str, port: u16, hostname: &str, secret: &str) -> String {
    let tls = format!("tls: {{certificateRefs: [{{name: {secret}}}]}}");
    format!("  - {{name: {name}, protocol: HTTPS, port: {port}, hostname: {hostname:?}, {tls}}}")
}

/// The Service `name`, port 80, with these endpoints, each ready.
pub(crate) fn service(name: &str, endpoints: &[SocketAddr]) -> String {
    let endpoints: Vec<_> = endpoints.iter().map(|address| (*address, "{}")).collect();
    service_with(name, "", &endpoints)
}

/// The same with more of the port's fields, and with each endpoint's conditions.
pub(crate) fn service_with(
    name: &str,
    port_fields: &str,
    endpoints: &[(SocketAddr, &str)],
) -> String {
    let comma = if port_fields.is_empty() { "" } else { ", " };
    let service = format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec: {{ports: [{{name: main, port: 80{comma}{port_fields}}}]}}
"
    );
    let slices = endpoints.iter().enumerate().map(|(index, (address, conditions))| {
        let (ip, port) = (address.ip(), address.port());
        let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
        format!(
            "---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-{index}
  namespace: default
  labels: {{kubernetes.io/service-name: {name}}}
addressType: {family}
ports: [{{name: main, port: {port}}}]
endpoints: [{{addresses: [\"{ip}\"], conditions: {conditions}}}]
"
        )
    });
    service + &slices.collect::<String>()
}

/// An HTTPRoute of the Gateway `web`; `rules` is a YAML list in flow or block style, indented by
/// two.
pub(crate) fn route(name: &str, hostname: &str, rules: &str) -> String {
    route_of("HTTPRoute", name, hostname, rules)
}

/// The same for a GRPCRoute.
pub(crate) fn grpc_route(name: &str, hostname: &str, rules: &str) -> String {
    route_of("GRPCRoute", name, hostname, rules)
}

fn route_of(kind: &str, name: &str, hostname: &str, rules: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: {name}, namespace: default}}
spec:
  parentRefs: [{{name: web}}]
  hostnames: [{hostname:?}]
  rules:
{rules}
"
    )
}

/// One rule that sends everything to a Service.
pub(crate) fn everything_to(service: &str) -> String {
    format!("  - backendRefs: [{{name: {service}, port: 80}}]")
}
