//! Which endpoint takes a request: the least loaded of two.
