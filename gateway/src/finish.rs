//! The end of a request: one line in the access log, one set of numbers.

mod body;

pub(crate) use body::Body;
