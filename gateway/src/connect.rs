//! Opening upstream connections: TCP, TLS, HTTP/1 or HTTP/2.
