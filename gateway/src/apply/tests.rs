//! What an apply keeps, changes and refuses.
