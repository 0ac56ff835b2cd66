//! Integration tests: the real binary, real sockets on port 0.

mod fuzz;
mod tidy;
