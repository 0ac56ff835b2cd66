//! The end of a request: exactly one log line and one set of metrics.
