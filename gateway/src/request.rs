//! One request, from its head to the head of its response.
//!
//! ```text
//! gate's verdict -> strip -> canonical head -> match -> filters -> forward -> filters -> body
//! ```
//! Promises: the table is loaded once; what is matched is what is forwarded; every request gets
//! one answer and one [`Finish`]. A request that is dropped before it is answered takes everything
//! that was begun for it along.

mod answer;
mod exchange;
mod filters;
mod head;
mod route;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::finish::{Body, Finish};
use crate::gate;
use crate::overload::Level;
use answer::Shape;
use exchange::Exchange;

/// Answers one request.
pub(crate) async fn handle(
    connection: &Rc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    if let Some(refusal) = gate::refusal(&head.method) {
        // What stands in for the refused head is not the client's.
        head.method = Method::from_bytes(b"-").expect("`-` is a token");
        head.headers.clear();
        return answer::refusal(Finish::begin(connection, &head), refusal);
    }
    let mut finish = Finish::begin(connection, &head);
    let _held = Held(connection);
    let shape = Shape::of(&head.method, &head.headers);
    let asks = route::Asks::of(&mut head);
    if connection.worker.overload.level() >= Level::Short {
        return answer::failure(finish, Failure::Shed, shape);
    }
    let body = exchange::body(connection, &head, body, &mut finish);
    match route::route(connection, &mut head, &mut finish) {
        Ok(routed) => Exchange { connection, finish, shape, asks, head, body }.run(&routed).await,
        Err(failure) => {
            exchange::leave(connection, body, asks.continuation);
            answer::failure(finish, failure, shape)
        }
    }
}

/// Lets the gate go on behind the request, unless its connection was upgraded.
struct Held<'a>(&'a Connection);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(gate) = &self.0.gate {
            gate.not_upgraded();
        }
    }
}
