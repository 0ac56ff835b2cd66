//! One request from head to finish; reads like the drawing in ARCHITECTURE.md.
