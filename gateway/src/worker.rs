//! Worker threads: one single-threaded runtime each; a connection lives and dies on one.
