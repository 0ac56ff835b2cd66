//! Trailers: fields after a body, where they can smuggle what a head would have been checked for.

use http::HeaderMap;

/// Most bytes of a request's trailers. Checksums and gRPC's are far below.
const MAX_TO_BACKEND: usize = 8 * 1_024;
/// Most bytes of a response's trailers: as much as a head, for gRPC puts its details of an error
/// and an application's own metadata here.
const MAX_TO_CLIENT: usize = 32 * 1_024;

/// Trailers of a request as a backend may see them. Only names on an allow-list pass, for a backend
/// may merge trailers into the fields that our rules have checked. `None`: too large.
pub(crate) fn to_backend(trailers: &HeaderMap) -> Option<HeaderMap> {
    filter(trailers, MAX_TO_BACKEND, |name| {
        name.starts_with("grpc-")
            || name.starts_with("x-amz-checksum-")
            || matches!(name, "content-md5" | "content-digest" | "repr-digest" | "digest")
    })
}

/// Trailers of a response as a client may see them: all but fields that mean something only in a
/// head (RFC 9110 §6.5.1). gRPC applications choose names freely. `None`: too large.
pub(crate) fn to_client(trailers: &HeaderMap) -> Option<HeaderMap> {
    filter(trailers, MAX_TO_CLIENT, |name| {
        !matches!(
            name,
            "connection"
                | "keep-alive"
                | "proxy-connection"
                | "transfer-encoding"
                | "te"
                | "trailer"
                | "upgrade"
                | "host"
                | "content-length"
                | "content-type"
                | "content-encoding"
                | "content-range"
                | "content-disposition"
                | "cache-control"
                | "expires"
                | "vary"
                | "age"
                | "date"
                | "location"
                | "retry-after"
                | "set-cookie"
                | "authorization"
                | "proxy-authenticate"
                | "proxy-authorization"
                | "www-authenticate"
                | "strict-transport-security"
                | "alt-svc"
        ) && !name.starts_with("access-control-")
            && !name.starts_with("x-forwarded-")
    })
}

fn filter(trailers: &HeaderMap, limit: usize, keep: impl Fn(&str) -> bool) -> Option<HeaderMap> {
    let size: usize = trailers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    (size <= limit).then(|| {
        trailers
            .iter()
            .filter(|(name, _)| keep(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    })
}
