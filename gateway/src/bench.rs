//! Parts of the request path on their own, with input made here: what `benches/micro` measures.
//!
//! Promises: a case does the same work at every call, whatever the time and the machine, so that
//! its instructions can be counted. Left to others: counting and timing.

mod endpoints;
mod finish;
mod head;
mod routes;

use crate::pool::bench as pool;

/// A part, with a name for tables.
pub struct Case {
    /// What is measured, and at what size.
    pub name: &'static str,
    /// Makes everything that the part needs.
    pub ready: fn() -> Run,
}

/// Does the work of a case once.
pub type Run = Box<dyn FnMut()>;

const fn case(name: &'static str, ready: fn() -> Run) -> Case {
    Case { name, ready }
}

/// Every part.
pub const CASES: &[Case] = &[
    case("head: gate, 2 fields", head::short),
    case("head: gate, 12 fields", head::long),
    case("head: normalise host and path", head::normalise),
    case("match: 10 routes", routes::find::<10>),
    case("match: 1,000 routes", routes::find::<1_000>),
    case("match: 40,000 routes", routes::find::<40_000>),
    case("match: 1,000 header rules on one path", routes::find_by_header::<1_000>),
    case("pick: 3 endpoints", endpoints::pick::<3>),
    case("pick: 100 endpoints", endpoints::pick::<100>),
    case("pick: 1,000 endpoints", endpoints::pick::<1_000>),
    case("send: a request and its response", pool::exchange),
    case("compile: a route of 40,000", routes::change::<40_000>),
    case("compile: an endpoint of 1,000", endpoints::change::<1_000>),
    case("finish: access log line, text", finish::text_line),
    case("finish: access log line, JSON", finish::json_line),
    case("finish: metrics of a request", finish::metrics),
];
