//! Why a reference is refused, in the words of a condition.

/// Reason and message of a condition that is False.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// CamelCase word for machines, such as `InvalidCertificateRef`.
    pub reason: &'static str,
    /// What is wrong, naming the referent, and the way out. The field stands before it.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
