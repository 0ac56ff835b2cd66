//! Idle and shared upstream connections of one worker thread.
