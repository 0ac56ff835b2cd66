//! Snapshots in, traffic served: the data side of Headgate. Knows nothing of Kubernetes.
//!
//! Modules stand in the order in which data meets them: a snapshot is applied to tables, listeners
//! take connections, a connection yields requests, a request is matched, filtered, forwarded and
//! finished.

pub mod admin;
mod apply;
mod backend;
mod balance;
mod connect;
mod connection;
mod endpoint;
mod failure;
mod filter;
mod finish;
mod forward;
mod forwarding;
mod gate;
mod listen;
mod mirror;
mod normalise;
mod pool;
mod replay;
mod request;
mod session;
pub mod settings;
mod table;
pub mod telemetry;
mod tls;
mod upgrade;
mod worker;
