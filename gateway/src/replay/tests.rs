//! Bodies by hand: what tries send, what is kept, what breaks off.
