//! Every limit and time that the gateway keeps, with its default and the reason for it.

/// Settings.
pub struct Settings;
