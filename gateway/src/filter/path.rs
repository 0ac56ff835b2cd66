//! Path modifiers, as redirects and rewrites share them.

use std::sync::Arc;

/// How a path becomes another.
#[derive(Clone, Debug)]
pub(crate) enum PathModifier {
    /// The whole path becomes this.
    Full(Arc<str>),
    /// The matched prefix becomes this.
    Prefix(Arc<str>),
}
