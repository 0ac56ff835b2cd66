//! The strict reader in front of HTTP/1: nothing ambiguous reaches the parser behind it.
