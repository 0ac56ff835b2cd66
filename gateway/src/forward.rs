//! Pick, send, judge: a request and the tries it takes.

mod law;
