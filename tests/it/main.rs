//! Integration tests: the real binary, real sockets on port 0.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that fails panics and says why"
)]

mod change;
mod command;
mod drain;
mod echo;
mod failure;
mod fuzz;
mod handover;
mod harness;
mod input;
mod memory;
mod operation;
mod policy;
mod protocol;
mod quickstart;
mod routing;
mod secure;
mod tidy;
