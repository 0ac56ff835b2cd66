//! Integration tests: the real binary, real sockets on port 0.
