//! Objects in, snapshots and statuses out: the control side of Headgate.
//!
//! A source (a folder of manifests, or a Kubernetes API) sends [`objects::Change`]s; `translate`
//! keeps the [`snapshot::Snapshot`] and the statuses that follow from the objects. Nothing after
//! the source knows which source it was. This crate opens no traffic socket.

pub mod api;
pub mod decode;
pub mod drains;
pub mod kubernetes;
pub mod manifests;
pub mod objects;
pub mod schema;
mod shared;
pub mod status;
pub mod translate;
