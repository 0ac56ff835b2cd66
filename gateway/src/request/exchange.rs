//! A request that has a rule: filters, backend, response.

use std::rc::Rc;
use std::sync::Arc;

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use snapshot::RouteKind;
use tokio::time::timeout;

use super::answer::{self, Shape};
use super::filters::{self, Answer, Facts, Mirrors};
use super::route::{Asks, Routed};
use crate::backend::Backend;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::filter::Filter;
use crate::finish::{Body, Finish, Upstream};
use crate::forward::{self, Answered, Job};
use crate::forwarding::strip_response;
use crate::mirror;
use crate::replay::pace::{Demand, Pace};
use crate::replay::{self, Replay};
use crate::session::Token;
use crate::upgrade::{self, Tunnel};

/// One request and all that belongs to it.
pub(super) struct Exchange<'a> {
    pub(super) connection: &'a Rc<Connection>,
    pub(super) finish: Finish,
    pub(super) shape: Shape,
    pub(super) asks: Asks,
    pub(super) head: Parts,
    /// `None` when it has no body.
    pub(super) body: Option<Replay>,
}

/// Who takes a request, and what its filters leave to be done.
struct Course<'r> {
    backend: &'r Arc<Backend>,
    /// The rule's, then the chosen backend's.
    filters: [&'r [Filter]; 2],
    mirrors: Mirrors,
}

/// The body of a request, where it has one.
pub(super) fn body(
    connection: &Connection,
    head: &Parts,
    body: Incoming,
    finish: &mut Finish,
) -> Option<Replay> {
    if body.is_end_stream() {
        return None;
    }
    let settings = &connection.worker.settings;
    // A gRPC stream may be silent for as long as it likes.
    let pace = (!answer::is_grpc(&head.headers)).then(|| {
        Pace::new(Demand {
            idle: settings.client.body_idle,
            rate: settings.client.min_body_rate.into(),
            grace: settings.client.body_idle,
        })
    });
    let replay = Replay::new(body, settings.retry.replay_bytes, pace);
    finish.reads(replay.clone());
    Some(replay)
}

/// What is left of a body that nobody wants is read for a while, so that the client sees its answer
/// before the connection breaks, and keeps the connection if that was all. A client that waits to
/// be told to send is not; HTTP/2 ends just the stream.
pub(super) fn leave(connection: &Connection, body: Option<Replay>, waits: bool) {
    let Some(body) = body else { return };
    let untouched = body.received() == 0;
    if connection.h2 || (waits && untouched) || body.is_whole() || body.failure().is_some() {
        return;
    }
    let client = &connection.worker.settings.client;
    let (limit, most) = (client.linger, client.linger_bytes);
    connection.worker.tasks.spawn(async move {
        let _ = timeout(limit, body.discard(most)).await;
    });
}

impl Exchange<'_> {
    /// Filters the request, forwards it, and filters what comes back.
    pub(super) async fn run(mut self, routed: &Routed) -> Response<Body> {
        let rule = &routed.hit.rule;
        let origin = filters::origin([&rule.filters, &[]], &self.head.headers);
        let course = match self.course(routed) {
            Ok(course) => course,
            Err(answer) => {
                let mut response = self.answer(answer);
                filters::mark(&rule.filters, origin.as_ref(), response.headers_mut());
                return response;
            }
        };
        let origin = filters::origin(course.filters, &self.head.headers).or(origin);
        let token = self.token(routed, course.backend);
        self.prepare();
        self.mirror(routed, &course.mirrors);
        // A client that waits to be told to send is told when the backend wants it.
        if let Some(body) = self.body.as_ref().filter(|_| !self.asks.continuation) {
            body.gather().await;
        }
        let job = Job {
            connection: self.connection,
            rule,
            backend: course.backend,
            identity: routed.hit.listener.identity.as_ref(),
            head: &self.head,
            body: self.body.as_ref(),
            grpc: self.is_call(routed),
            prefer: token.map(|token| token.endpoint),
        };
        let result = forward::forward(&job, &mut self.finish).await;
        let mut answered = match result {
            Ok(answered) => answered,
            Err(failure) => {
                let mut response = self.answer(Answer::Fail(failure));
                for filters in course.filters {
                    filters::mark(filters, origin.as_ref(), response.headers_mut());
                }
                return response;
            }
        };
        let headers = answered.response.headers_mut();
        strip_response(headers);
        for filters in course.filters {
            filters::response(filters, origin.as_ref(), headers);
        }
        self.keep_session(routed, course.backend, token, &mut answered);
        match self.asks.upgrade.take() {
            Some(way) if answered.response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                self.switch(way, answered)
            }
            _ => self.pass_on(answered),
        }
    }

    /// Runs the request's filters and chooses the backend.
    fn course<'r>(&mut self, routed: &'r Routed) -> Result<Course<'r>, Answer> {
        let hit = &routed.hit;
        let mut mirrors = Mirrors::new();
        let facts = Facts {
            named: &routed.named,
            https: routed.https,
            port: routed.port,
            prefix: hit.prefix,
        };
        filters::request(&hit.rule.filters, facts, &mut self.head, &mut mirrors)?;
        let choice = hit.rule.choose(fastrand::u32(..)).ok_or(Answer::Fail(Failure::NoBackend))?;
        let backend = choice.target.as_ref().map_err(|_| Answer::Fail(Failure::InvalidBackend))?;
        filters::request(&choice.filters, facts, &mut self.head, &mut mirrors)?;
        self.finish.chose(backend.clone());
        Ok(Course { backend, filters: [&hit.rule.filters, &choice.filters], mirrors })
    }

    /// Whether it is a gRPC call, by its kind or its route's.
    fn is_call(&self, routed: &Routed) -> bool {
        self.shape == Shape::Grpc || routed.hit.rule.kind == RouteKind::Grpc
    }

    /// An answer of ours.
    fn answer(self, answer: Answer) -> Response<Body> {
        leave(self.connection, self.body, self.asks.continuation);
        match answer {
            Answer::Redirect(status, to) => answer::redirect(self.finish, status, to, self.shape),
            Answer::Preflight(preflight) => answer::preflight(self.finish, preflight),
            Answer::Fail(failure) => answer::failure(self.finish, failure, self.shape),
        }
    }

    /// The last changes, which are the connection's and not the client's.
    fn prepare(&mut self) {
        let headers = &mut self.head.headers;
        if self.asks.upgrade.is_some() {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
    }

    /// Sends the copies on their way.
    fn mirror(&self, routed: &Routed, mirrors: &Mirrors) {
        if self.asks.upgrade.is_some() {
            return;
        }
        let worker = &self.connection.worker;
        let limit = worker.settings.upstream.mirror_bytes;
        for backend in mirrors {
            let body = self.body.as_ref().map_or_else(replay::Body::empty, |b| b.copy(limit));
            let copy = mirror::Copy {
                backend: backend.clone(),
                identity: routed.hit.listener.identity.clone(),
                request: mirror::request(&self.head, body),
                grpc: self.is_call(routed),
            };
            mirror::start(worker, copy);
        }
    }

    /// Where the client's session lives.
    fn token(&self, routed: &Routed, backend: &Backend) -> Option<Token> {
        let session = routed.hit.rule.session.as_ref()?;
        let sessions = &self.connection.worker.sessions;
        sessions.read(session, backend.key(), &self.head.headers, self.finish.time())
    }

    /// Tells the client where its session lives from now on, if that is news.
    fn keep_session(
        &self,
        routed: &Routed,
        backend: &Backend,
        token: Option<Token>,
        answered: &mut Answered,
    ) {
        let Some(session) = &routed.hit.rule.session else { return };
        let endpoint = answered.trying.endpoint().address();
        if token.is_some_and(|token| token.endpoint == endpoint) {
            return;
        }
        self.connection.worker.sessions.begin(
            session,
            backend.key(),
            endpoint,
            routed.https,
            self.finish.time(),
            answered.response.headers_mut(),
        );
    }

    /// Hands the backend's response on to the client.
    fn pass_on(mut self, answered: Answered) -> Response<Body> {
        let Answered { response, trying, came, deadline } = answered;
        let (mut head, body) = response.into_parts();
        // The version is the connection's.
        head.version = Version::HTTP_11;
        self.finish.answers(head.status, came);
        let cut = trying.cut(&self.connection.worker.cuts);
        let body = Body::upstream(self.finish, Upstream { body, trying, deadline, cut });
        Response::from_parts(head, body)
    }

    /// Agrees to the upgrade and lets the tunnel begin behind the answer.
    fn switch(mut self, client: OnUpgrade, answered: Answered) -> Response<Body> {
        let (mut head, backend) = answered.response.into_parts();
        head.version = Version::HTTP_11;
        head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        self.finish.answers(head.status, answered.came);
        if let Some(gate) = &self.connection.gate {
            gate.upgraded();
        }
        let tunnel = Tunnel { client, backend, trying: answered.trying, finish: self.finish };
        upgrade::start(self.connection, tunnel);
        Response::from_parts(head, Body::none())
    }
}
