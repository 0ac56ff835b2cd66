//! The Kubernetes objects we read, as lean types: they decode only the fields that we use, so a
//! watch costs memory for what we serve and not for what others keep in the object.
//!
//! Field names, defaults and meanings are those of Gateway API v1.7 (experimental channel) and of
//! the Kubernetes core API; each type names its source. Unknown fields are ignored here: the
//! manifests source checks them against the schemas before it decodes, an API server has done so.
//! Enumerations that may grow stay strings and are judged in `translate`, where a condition can
//! answer.

pub mod core;
pub mod gateway;
pub mod grant;
pub mod meta;
pub mod policy;
pub mod route;
mod word;
