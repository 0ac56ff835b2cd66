//! Copies of requests whose answers nobody waits for.
