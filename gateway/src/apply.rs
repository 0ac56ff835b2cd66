//! Snapshot in, live tables out: the only module that stores a table.
