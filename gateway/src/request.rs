//! One request, from its head to the head of its response.

use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::connection::Connection;
use crate::finish::Body;

/// Answers one request. Dropped before it is done, whatever was begun for it ends.
pub(crate) async fn handle(
    _connection: &Rc<Connection>,
    _request: Request<Incoming>,
) -> Response<Body> {
    unimplemented!("lands next")
}
