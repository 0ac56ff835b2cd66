//! Session persistence: which endpoint a token names.
