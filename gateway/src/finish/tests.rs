//! How requests end.
