//! Headers that an intermediary owns: hop-by-hop, Via, X-Forwarded-*, Forwarded.
