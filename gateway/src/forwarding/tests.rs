//! Heads in, heads out.
