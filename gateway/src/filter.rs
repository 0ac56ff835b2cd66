//! Filters in their compiled form.
