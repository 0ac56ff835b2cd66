//! The compiled form of everything on one address and port: what a request finds.
