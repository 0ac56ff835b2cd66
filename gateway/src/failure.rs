//! Every failure of ours in one table: fault, retry, status, flag.
