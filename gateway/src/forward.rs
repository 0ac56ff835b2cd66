//! From a matched request to a response: pick, try, and the retry law.
