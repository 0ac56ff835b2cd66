//! One address of a backend: in-flight count, health, draining; shared by all threads.
