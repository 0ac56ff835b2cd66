//! Hosts and paths in one canonical form: what is matched is what is forwarded.
