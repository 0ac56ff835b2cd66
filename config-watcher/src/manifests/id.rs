//! The identity of an object.

use snapshot::ObjectKey;

use crate::objects::Kind;

/// Kind and key.
pub(crate) type Id = (Kind, ObjectKey);
