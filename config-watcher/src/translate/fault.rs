//! What is wrong with a part of an object: the condition it belongs to, the reason for machines,
//! the sentence for people.

use super::field::Field;

/// A value that we do not know, or that the rest of the object contradicts
/// (`RouteReasonUnsupportedValue`).
pub(crate) const UNSUPPORTED_VALUE: &str = "UnsupportedValue";
/// Filters that exclude each other (`RouteReasonIncompatibleFilters`).
pub(crate) const INCOMPATIBLE_FILTERS: &str = "IncompatibleFilters";
/// A reference to a kind that we do not serve (`RouteReasonInvalidKind`).
pub(crate) const INVALID_KIND: &str = "InvalidKind";
/// A reference to what does not exist (`RouteReasonBackendNotFound`).
pub(crate) const BACKEND_NOT_FOUND: &str = "BackendNotFound";
/// A reference into another namespace without a grant (`RouteReasonRefNotPermitted`).
pub(crate) const REF_NOT_PERMITTED: &str = "RefNotPermitted";
/// A backend that speaks what we, or the route's kind, cannot (`RouteReasonUnsupportedProtocol`).
pub(crate) const UNSUPPORTED_PROTOCOL: &str = "UnsupportedProtocol";

/// One fault of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// A CamelCase reason of the Gateway API.
    pub(crate) reason: &'static str,
    /// The field, what is wrong with it, the way out.
    pub(crate) message: String,
}

impl Fault {
    /// A fault of `field`; `what` says what is wrong and the way out.
    pub(crate) fn new(
        reason: &'static str,
        field: &Field<'_>,
        what: impl std::fmt::Display,
    ) -> Self {
        Self { reason, message: format!("{field}: {what}") }
    }

    /// A value that we do not know or cannot take.
    pub(crate) fn value(field: &Field<'_>, what: impl std::fmt::Display) -> Self {
        Self::new(UNSUPPORTED_VALUE, field, what)
    }

    /// A value outside an enumeration: names what it may be.
    pub(crate) fn choice(field: &Field<'_>, value: &str, known: &[&str]) -> Self {
        let (last, others) = known.split_last().expect("a list of what is known is not empty");
        let or = if others.is_empty() { "" } else { " or " };
        let others = others.join(", ");
        Self::value(field, format_args!("`{value}` is not supported; use {others}{or}{last}"))
    }
}

/// The faults of one rule, by the condition they show in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// What makes the rule invalid: `Accepted` false where every rule has such a fault, else
    /// `PartiallyInvalid`.
    pub(crate) rule: Vec<Fault>,
    /// References that do not resolve: `ResolvedRefs` false.
    pub(crate) references: Vec<Fault>,
}
