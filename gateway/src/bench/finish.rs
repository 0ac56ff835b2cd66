//! The end of a request: its line in the access log, its numbers.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::{StatusCode, Version};
use snapshot::{BackendKey, ListenerKey, ObjectKey, ParentKind, RouteKey, RouteKind};

use super::Run;
use crate::telemetry::{AccessLog, Finished, LogFormat, Record, Telemetry};

pub(super) fn text_line() -> Run {
    line(LogFormat::Text)
}

pub(super) fn json_line() -> Run {
    line(LogFormat::Json)
}

fn line(format: LogFormat) -> Run {
    let cart = || ObjectKey::new("shop", "cart");
    let key = ListenerKey {
        kind: ParentKind::Gateway,
        parent: ObjectKey::new("infra", "public"),
        section: "http".into(),
    };
    let listener = key.to_string();
    let route = RouteKey { kind: RouteKind::Http, object: cart(), rule: 0 }.to_string();
    let backend = BackendKey { service: cart(), port: 80 }.to_string();
    let (log, flusher) =
        AccessLog::start(format, io::sink(), &Telemetry::new()).expect("a thread can be started");
    let writer = log.writer();
    Box::new(move || {
        let _ = &flusher;
        writer.write(&Record {
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
            id: "0c9f1c6e-5d1f-4b43-9a9e-0b7b9d1c2f3a",
            client: SocketAddr::from(([192, 0, 2, 7], 50_000)),
            method: "GET",
            host: "shop.example",
            path: "/cart/items?page=2",
            protocol: Version::HTTP_11,
            status: Some(200),
            received: 0,
            sent: 1024,
            duration: Duration::from_micros(812),
            first_byte: Some(Duration::from_micros(790)),
            upstream: Some(Duration::from_micros(655)),
            listener: Some(&listener),
            route: Some(&route),
            backend: Some(&backend),
            endpoint: Some(SocketAddr::from(([10, 0, 3, 4], 8080))),
            tries: 1,
            retry: None,
            retry_reason: None,
            flag: None,
            tls: None,
            user_agent: Some(b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"),
        });
    })
}

/// The route's numbers and the backend's.
pub(super) fn metrics() -> Run {
    let telemetry = Telemetry::new();
    let cart = || ObjectKey::new("shop", "cart");
    let route = telemetry.route(&RouteKey { kind: RouteKind::Http, object: cart(), rule: 0 });
    let backend = telemetry.backend(&BackendKey { service: cart(), port: 80 });
    Box::new(move || {
        route.begin();
        backend.begin();
        backend.answered(StatusCode::OK, Duration::from_micros(655));
        backend.end();
        route.finish(&Finished {
            status: Some(StatusCode::OK),
            duration: Duration::from_micros(812),
            received: 0,
            sent: 1024,
        });
    })
}
