//! Every way in which a request fails, in one table: whose fault it is, whether another try may
//! help, what the client sees, and the word in the access log.
//!
//! Promises: the set is closed; each failure has one row and each row one flag. Whether a try is
//! in fact repeated is judged by `forward::law`; how a failure becomes a response is the business
//! of `request::answer`.

use std::cell::{OnceCell, RefCell};

use http::StatusCode;
use metrics::Counter;

use crate::telemetry::Telemetry;

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// The request was not right, or its sender went away.
    Client,
    /// What users configured does not lead anywhere.
    Config,
    /// The backend did not answer, or not as it should.
    Backend,
    /// We could not or would not do it.
    Gateway,
}

impl Fault {
    /// The word in metrics and the access log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Config => "config",
            Self::Backend => "backend",
            Self::Gateway => "gateway",
        }
    }
}

/// What is known of a failure before anybody asks for details.
#[derive(Debug)]
pub(crate) struct Row {
    /// Whose fault.
    pub fault: Fault,
    /// Status for clients that speak plain HTTP. Failures in the middle of a response have one for
    /// the access log only: the client sees the response break off.
    pub status: StatusCode,
    /// `grpc-status` for gRPC clients.
    pub grpc: u8,
    /// The word in the access log and in metrics; never changes once released.
    pub flag: &'static str,
    /// One line for the client. Names nothing that lies behind the gateway.
    pub text: &'static str,
    /// Another try, perhaps on another endpoint, could end otherwise.
    pub another_try_may_help: bool,
}

// grpc-status codes, by the names of the gRPC specification.
const CANCELLED: u8 = 1;
const UNKNOWN: u8 = 2;
const DEADLINE_EXCEEDED: u8 = 4;
const RESOURCE_EXHAUSTED: u8 = 8;
const UNIMPLEMENTED: u8 = 12;
const INTERNAL: u8 = 13;
const UNAVAILABLE: u8 = 14;

macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident, $fault:ident, $status:literal, $grpc:ident, $flag:literal,
       $retry:literal, $text:literal;)*) => {
        /// Why a request was not served, or not to its end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Failure {
            $($(#[$doc])* $name,)*
        }

        impl Failure {
            /// Every failure there is, in the order of the table.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its row of the table.
            pub(crate) fn row(self) -> &'static Row {
                match self {
                    $(Self::$name => const {
                        &Row {
                            fault: Fault::$fault,
                            status: match StatusCode::from_u16($status) {
                                Ok(status) => status,
                                Err(_) => panic!("no status code"),
                            },
                            grpc: $grpc,
                            flag: $flag,
                            text: $text,
                            another_try_may_help: $retry,
                        }
                    },)*
                }
            }
        }
    };
}

failures! {
    /// The head breaks the rules of HTTP, or is ambiguous.
    Malformed, Client, 400, INTERNAL, "malformed", false, "the request is malformed";
    /// The path holds what could be read in two ways (an encoded slash, for instance).
    BadPath, Client, 400, INTERNAL, "bad_path", false, "the path is ambiguous";
    /// The body breaks the rules of its framing.
    BadBody, Client, 400, INTERNAL, "bad_body", false, "the request's body is malformed";
    /// CONNECT, or a method we never forward.
    MethodRefused, Client, 405, UNIMPLEMENTED, "method", false, "the method is not allowed";
    /// The body did not come in time, or too slowly.
    ClientSlow, Client, 408, CANCELLED, "client_slow", false, "the request's body is too slow";
    /// The request target is too long.
    UriTooLong, Client, 414, INTERNAL, "uri_too_long", false, "the request target is too long";
    /// An expectation other than `100-continue`.
    Expectation, Client, 417, INTERNAL, "expectation", false, "the expectation is unknown";
    /// Too many fields, or too many bytes in them.
    HeadTooLarge, Client, 431, RESOURCE_EXHAUSTED, "head_too_large", false,
        "the request's head is too large";
    /// A version of HTTP that we do not speak.
    VersionRefused, Client, 505, INTERNAL, "version", false, "the HTTP version is not supported";
    /// The authority belongs to another listener than the connection's certificate.
    Misdirected, Client, 421, UNKNOWN, "misdirected", false,
        "the host is not served on this connection";
    /// The client closed or reset before its answer was complete. 499 is for the log only.
    ClientGone, Client, 499, CANCELLED, "client_gone", false, "the client is gone";

    /// No listener takes the host.
    NoListener, Config, 404, UNIMPLEMENTED, "no_listener", false, "no route";
    /// No rule matches.
    NoRoute, Config, 404, UNIMPLEMENTED, "no_route", false, "no route";
    /// The rule names no backend, or all weights are zero.
    NoBackend, Config, 500, UNAVAILABLE, "no_backend", false, "the route has no backend";
    /// The chosen reference does not resolve (`GRPCRouteRule.backendRefs` names the status).
    InvalidBackend, Config, 500, UNAVAILABLE, "invalid_backend", false,
        "the route's backend is not valid";
    /// The backend exists but a policy forbids its use.
    RefusedBackend, Config, 500, UNAVAILABLE, "refused_backend", false,
        "the route's backend must not be used";
    /// The rule has a filter that we cannot do.
    UnsupportedFilter, Config, 500, UNKNOWN, "unsupported_filter", false,
        "the route has a filter that is not supported";

    /// No endpoint, and none came while the request was held.
    NoEndpoint, Backend, 503, UNAVAILABLE, "no_endpoint", false, "no endpoint is available";
    /// As many connections or waiting requests as the backend may have.
    Busy, Backend, 503, UNAVAILABLE, "busy", false, "the backend is busy";
    /// The connection was refused or could not be made.
    ConnectFailed, Backend, 502, UNAVAILABLE, "connect_failed", true,
        "the backend could not be reached";
    /// The connection was not made in time.
    ConnectTimeout, Backend, 504, UNAVAILABLE, "connect_timeout", true,
        "the backend could not be reached in time";
    /// The TLS handshake failed, or the certificate is not the one we must see.
    TlsFailed, Backend, 502, UNAVAILABLE, "tls_failed", true,
        "the backend could not be reached securely";
    /// The connection ended before a byte of the response came.
    Reset, Backend, 502, UNAVAILABLE, "reset", true, "the backend closed the connection";
    /// The backend ended the connection before it processed the request (GOAWAY).
    GoAway, Backend, 502, UNAVAILABLE, "goaway", true, "the backend did not take the request";
    /// The backend said that it did not process the request (REFUSED_STREAM).
    Unprocessed, Backend, 502, UNAVAILABLE, "unprocessed", true,
        "the backend did not take the request";
    /// The response breaks the rules of HTTP.
    Garbage, Backend, 502, UNAVAILABLE, "garbage", false, "the backend's response is malformed";
    /// 101 without a request to switch, or a switch to something else.
    Switched, Backend, 502, UNAVAILABLE, "switched", false,
        "the backend switched protocols unasked";
    /// No byte of the response within the default time.
    FirstByteTimeout, Backend, 504, DEADLINE_EXCEEDED, "first_byte_timeout", false,
        "the backend did not answer in time";
    /// `timeouts.backendRequest` ended the last try.
    TryTimeout, Backend, 504, DEADLINE_EXCEEDED, "try_timeout", true,
        "the backend did not answer in time";
    /// `timeouts.request` ended it all.
    RequestTimeout, Backend, 504, DEADLINE_EXCEEDED, "request_timeout", false,
        "the request took too long";
    /// The response's body broke off.
    Incomplete, Backend, 502, UNAVAILABLE, "incomplete", false, "the response broke off";
    /// A timeout ended the response in its body.
    BodyTimeout, Backend, 504, DEADLINE_EXCEEDED, "body_timeout", false,
        "the response took too long";
    /// Neither side of a tunnel said anything for too long.
    TunnelIdle, Backend, 504, DEADLINE_EXCEEDED, "tunnel_idle", false, "the tunnel was idle";

    /// A drain of the endpoint has come to its deadline.
    Drained, Backend, 503, UNAVAILABLE, "drained", true, "the endpoint is being drained";

    /// The gateway stops, and the time for finishing is over.
    Stopping, Gateway, 503, UNAVAILABLE, "stopping", false, "the gateway is stopping";
    /// Memory is short: new work is refused.
    Shed, Gateway, 503, UNAVAILABLE, "shed", false, "the gateway is overloaded";
    /// A bug of ours.
    Internal, Gateway, 500, INTERNAL, "internal", false, "internal error";
}

impl Failure {
    /// Seconds for `Retry-After`, where coming back soon is good advice.
    pub(crate) fn retry_after(self) -> Option<&'static str> {
        // An endpoint is usually back within seconds; a second is the header's smallest step.
        let soon = matches!(
            self,
            Self::NoEndpoint | Self::Busy | Self::Drained | Self::Stopping | Self::Shed
        );
        soon.then_some("1")
    }
}

/// One counter for each failure, of one thread. A failure that never happened has no series.
pub(crate) struct Counters {
    telemetry: Telemetry,
    made: [OnceCell<Counter>; Failure::ALL.len()],
    /// By the gate's word, of which there are some thirty.
    refusals: RefCell<Vec<(&'static str, Counter)>>,
}

impl Counters {
    /// Nothing counted yet.
    pub(crate) fn new(telemetry: Telemetry) -> Self {
        let made = [const { OnceCell::new() }; Failure::ALL.len()];
        Self { telemetry, made, refusals: RefCell::default() }
    }

    /// One more of these.
    pub(crate) fn count(&self, failure: Failure) {
        let counter = &self.made[failure as usize];
        let row = failure.row();
        counter.get_or_init(|| self.telemetry.failure(row.flag, row.fault.as_str())).increment(1);
    }

    /// One more request that the gate refused, for this reason.
    pub(crate) fn refuse(&self, reason: &'static str) {
        let mut made = self.refusals.borrow_mut();
        if let Some((_, counter)) = made.iter().find(|(word, _)| *word == reason) {
            return counter.increment(1);
        }
        let counter = self.telemetry.connections().request_refused(reason);
        counter.increment(1);
        made.push((reason, counter));
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Fault};
    use std::collections::BTreeSet;

    #[test]
    fn each_failure_has_a_flag_of_its_own() {
        let flags: BTreeSet<_> = Failure::ALL.iter().map(|f| f.row().flag).collect();
        assert_eq!(flags.len(), Failure::ALL.len());
        for flag in flags {
            assert!(flag.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{flag}");
        }
    }

    #[test]
    fn the_status_says_whose_fault_it_is() {
        for failure in Failure::ALL {
            let row = failure.row();
            let status = row.status.as_u16();
            let fits = match row.fault {
                Fault::Client => (400..500).contains(&status) || status == 505,
                Fault::Config => matches!(status, 404 | 500),
                Fault::Backend => (502..=504).contains(&status),
                Fault::Gateway => matches!(status, 500 | 503),
            };
            assert!(fits, "{failure:?} answers {status}");
            assert!((1..=16).contains(&row.grpc), "{failure:?}");
        }
    }

    #[test]
    fn only_backends_failures_are_worth_another_try() {
        for failure in Failure::ALL {
            let row = failure.row();
            assert!(!row.another_try_may_help || row.fault == Fault::Backend, "{failure:?}");
        }
    }

    #[test]
    fn every_503_says_when_to_come_back() {
        for failure in Failure::ALL {
            assert_eq!(
                failure.row().status.as_u16() == 503,
                failure.retry_after().is_some(),
                "{failure:?}"
            );
        }
    }
}
