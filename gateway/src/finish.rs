//! The end of a request: one line in the access log, one set of numbers.
//!
//! Promises: a [`Finish`] is made when a request's head is complete, and when it is dropped the
//! request is finished, once: after the last byte of the response, at a failure, or because
//! whoever held it was cancelled. It goes from `request` into the response's [`Body`], or into the
//! task of a tunnel.

mod body;
mod trying;

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::{HOST, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};

use crate::backend::Backend;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::replay::Replay;
use crate::table::{ListenerInfo, Rule};
use crate::telemetry::{Finished, Record, RetryBy, RetryReason, TlsRecord};
use crate::worker::Stage;

pub(crate) use body::{Body, Upstream};
pub(crate) use trying::{Cut, Trying};

/// What is known of a request until it ends.
///
/// Boxed, so that it costs the futures and bodies that carry it a pointer.
pub(crate) struct Finish(Box<Known>);

struct Known {
    connection: Rc<Connection>,
    begun: Instant,
    time: SystemTime,
    method: Method,
    target: Uri,
    version: Version,
    user_agent: Option<HeaderValue>,
    client: SocketAddr,
    id: Option<HeaderValue>,
    host: Option<HeaderValue>,
    listener: Option<Arc<ListenerInfo>>,
    rule: Option<Arc<Rule>>,
    backend: Option<Arc<Backend>>,
    endpoint: Option<SocketAddr>,
    tries: u32,
    retry: Option<(RetryBy, RetryReason)>,
    status: Option<StatusCode>,
    first_byte: Option<Duration>,
    upstream: Option<Duration>,
    failure: Option<Failure>,
    /// Says more than the failure's own flag: a word of the gate.
    flag: Option<&'static str>,
    body: Option<Replay>,
    received: u64,
    sent: u64,
    /// The response reached its end.
    complete: bool,
}

impl Finish {
    /// A request begins.
    pub(crate) fn begin(connection: &Rc<Connection>, head: &Parts) -> Self {
        Self(Box::new(Known {
            connection: connection.clone(),
            begun: Instant::now(),
            time: SystemTime::now(),
            method: head.method.clone(),
            target: head.uri.clone(),
            version: head.version,
            user_agent: head.headers.get(USER_AGENT).cloned(),
            client: connection.peer,
            id: None,
            host: head.headers.get(HOST).cloned(),
            listener: None,
            rule: None,
            backend: None,
            endpoint: None,
            tries: 0,
            retry: None,
            status: None,
            first_byte: None,
            upstream: None,
            failure: None,
            flag: None,
            body: None,
            received: 0,
            sent: 0,
            complete: false,
        }))
    }

    /// When the head was complete.
    pub(crate) fn begun(&self) -> Instant {
        self.0.begun
    }

    /// The same, by the clock on the wall.
    pub(crate) fn time(&self) -> SystemTime {
        self.0.time
    }

    /// The request's id.
    pub(crate) fn identify(&mut self, id: HeaderValue) {
        self.0.id = Some(id);
    }

    /// A trusted proxy told who the client is. Its port is not known.
    pub(crate) fn comes_from(&mut self, client: IpAddr) {
        self.0.client = SocketAddr::new(client, 0);
    }

    /// The host in its canonical form.
    pub(crate) fn hosted(&mut self, host: HeaderValue) {
        self.0.host = Some(host);
    }

    /// A listener takes the request.
    pub(crate) fn listened(&mut self, listener: Arc<ListenerInfo>) {
        self.0.listener = Some(listener);
    }

    /// A rule matched.
    pub(crate) fn matched(&mut self, rule: Arc<Rule>) {
        rule.metrics.begin();
        self.0.rule = Some(rule);
    }

    /// A backend was chosen.
    pub(crate) fn chose(&mut self, backend: Arc<Backend>) {
        self.0.backend = Some(backend);
    }

    /// The request's body is sent from here; its bytes count.
    pub(crate) fn reads(&mut self, body: Replay) {
        self.0.body = Some(body);
    }

    /// A try is sent.
    pub(crate) fn tries(&mut self, endpoint: SocketAddr) {
        self.0.endpoint = Some(endpoint);
        self.0.tries += 1;
    }

    /// There is another try, by whose leave and why.
    pub(crate) fn retries(&mut self, by: RetryBy, reason: RetryReason) {
        self.0.retry = Some((by, reason));
        if let Some(rule) = &self.0.rule {
            rule.metrics.retry(by, reason);
        }
    }

    /// So much time was spent waiting for a backend.
    pub(crate) fn waited(&mut self, time: Duration) {
        *self.0.upstream.get_or_insert_default() += time;
    }

    /// Something went wrong. The first failure counts: others follow from it.
    pub(crate) fn fails(&mut self, failure: Failure) {
        self.0.failure.get_or_insert(failure);
    }

    /// The response broke off in its body. Gives what that is put down to: when the client's own
    /// body broke off before, everything else follows from it.
    pub(crate) fn breaks(&mut self, failure: Failure) -> Failure {
        let blamed = self.0.body.as_ref().and_then(Replay::failure).unwrap_or(failure);
        self.fails(blamed);
        blamed
    }

    /// The gate's word for what went wrong.
    pub(crate) fn flags(&mut self, flag: &'static str) {
        self.0.flag = Some(flag);
    }

    /// The head of the response leaves, which is there since `at`.
    pub(crate) fn answers(&mut self, status: StatusCode, at: Instant) {
        self.0.status = Some(status);
        self.0.first_byte = Some(at - self.0.begun);
    }

    /// So many bytes of a response's body, or of a tunnel, left.
    pub(crate) fn sends(&mut self, bytes: u64) {
        self.0.sent += bytes;
    }

    /// So many bytes of a tunnel came.
    pub(crate) fn receives(&mut self, bytes: u64) {
        self.0.received += bytes;
    }

    /// The response is complete; nothing is left but to drop this.
    pub(crate) fn completes(&mut self) {
        self.0.complete = true;
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let known = &mut *self.0;
        if std::thread::panicking() {
            // `serve` answers for us.
            known.failure = Some(Failure::Internal);
            known.status = Some(Failure::Internal.row().status);
        }
        if !known.complete && known.failure.is_none() {
            known.failure = Some(known.why_cut());
        }
        if let Some(body) = &known.body {
            known.received += body.received();
        }
        let duration = known.begun.elapsed();
        known.count(duration);
        known.log(duration);
    }
}

impl Known {
    /// Why a response that nobody failed did not reach its end: its holder was dropped.
    fn why_cut(&self) -> Failure {
        if let Some(failure) = self.body.as_ref().and_then(Replay::failure) {
            return failure;
        }
        if self.connection.worker.stage() >= Stage::Ending {
            Failure::Stopping
        } else {
            Failure::ClientGone
        }
    }

    fn count(&self, duration: Duration) {
        let worker = &self.connection.worker;
        if let Some(failure) = self.failure {
            worker.failures.count(failure);
        }
        if let Some(reason) = self.flag {
            worker.failures.refuse(reason);
        }
        let how =
            Finished { status: self.status, duration, received: self.received, sent: self.sent };
        match &self.rule {
            Some(rule) => rule.metrics.finish(&how),
            None => {
                let unrouted = worker.telemetry.unrouted();
                unrouted.begin();
                unrouted.finish(&how);
            }
        }
    }

    fn log(&self, duration: Duration) {
        let connection = &self.connection;
        let tls = connection.tls.as_ref();
        let path = self.target.path_and_query().map_or("", |path| path.as_str());
        connection.worker.log.write(&Record {
            time: self.time,
            id: text(self.id.as_ref()),
            client: self.client,
            method: self.method.as_str(),
            host: text(self.host.as_ref()),
            path,
            protocol: self.version,
            status: self.status.map(|status| status.as_u16()),
            received: self.received,
            sent: self.sent,
            duration,
            first_byte: self.first_byte,
            upstream: self.upstream,
            listener: self.listener.as_ref().map(|listener| &*listener.label),
            route: self.rule.as_ref().map(|rule| rule.metrics.route()),
            backend: self.backend.as_ref().map(|backend| backend.label()),
            endpoint: self.endpoint,
            tries: self.tries,
            retry: self.retry.map(|(by, _)| by.as_str()),
            retry_reason: self.retry.map(|(_, reason)| reason.as_str()),
            flag: self.flag.or(self.failure.map(|failure| failure.row().flag)),
            tls: tls.map(|tls| TlsRecord {
                version: tls.version,
                sni: tls.sni.as_deref(),
                client_certificate: tls.client.as_str(),
            }),
            user_agent: self.user_agent.as_ref().map(HeaderValue::as_bytes),
        });
    }
}

/// Host and id are made of visible ASCII by us; what a refused request had instead is not shown.
fn text(value: Option<&HeaderValue>) -> &str {
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}
