//! Objects in, snapshot and statuses out: pure, incremental, equal to a whole translation.
