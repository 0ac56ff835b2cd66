//! Whether a ReferenceGrant allows a reference from one namespace into another.

use std::sync::Arc;

use super::reads::Reads;
use crate::objects::Kind;

/// Whether an object of kind `from` in namespace `from_namespace` may refer to the object `name`
/// of kind `to` in namespace `to_namespace`. Within one namespace everything is granted.
pub(crate) fn granted(
    reads: &Reads<'_>,
    (from, from_namespace): (Kind, &Arc<str>),
    (to, to_namespace, name): (Kind, &Arc<str>, &str),
) -> bool {
    let _ = (reads, from, from_namespace, to, to_namespace, name);
    unimplemented!("written with the grants")
}
