//! Heads of responses, byte for byte.

use bytes::BytesMut;
use http::Version;

use super::*;

const PLAIN: Asked = Asked { head_only: false, upgrade: false };

fn taken(text: &str, asked: Asked) -> Result<Option<Head>, &'static str> {
    take(&mut BytesMut::from(text), asked)
}

/// The length that a response with these fields has, and whether the connection goes on.
fn judged(line: &str, fields: &[&str], asked: Asked) -> Result<(Length, bool), &'static str> {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let head = taken(&format!("{line}\r\n{fields}\r\n"), asked)?.expect("it is whole");
    Ok((head.length, head.keep_alive))
}

#[test]
fn a_head_is_taken_once_it_is_whole() {
    let text = "HTTP/1.1 404 Gone Fishing\r\nServer: x\r\na:\t b c \r\na: d\r\n\r\n";
    for cut in 0..text.len() {
        assert!(taken(&text[..cut], PLAIN).unwrap().is_none(), "{cut}");
    }
    let mut bytes = BytesMut::from(format!("{text}behind").as_str());
    let Head { response, .. } = take(&mut bytes, PLAIN).unwrap().unwrap();
    assert_eq!(&bytes[..], b"behind");
    assert_eq!((response.status().as_u16(), response.version()), (404, Version::HTTP_11));
    assert_eq!(response.headers()["server"], "x");
    let of_a: Vec<_> = response.headers().get_all("a").iter().collect();
    assert_eq!(of_a, ["b c", "d"]);
    let reason = response.extensions().get::<ReasonPhrase>().unwrap();
    assert_eq!(reason.as_bytes(), b"Gone Fishing");
}

#[test]
fn the_usual_reason_is_not_kept() {
    let head = taken("HTTP/1.0 404 Not Found\r\n\r\n", PLAIN).unwrap().unwrap();
    assert_eq!(head.response.version(), Version::HTTP_10);
    assert!(head.response.extensions().is_empty());
}

#[test]
fn the_head_says_how_long_the_body_is() {
    let head_only = Asked { head_only: true, ..PLAIN };
    let (length, none) = ("content-length: 5", Length::Known(0));
    let chunked = "Transfer-Encoding: Chunked";
    for (line, fields, asked, expected) in [
        ("HTTP/1.1 200 OK", &[length][..], PLAIN, (Length::Known(5), true)),
        ("HTTP/1.1 200 OK", &[chunked], PLAIN, (Length::Chunked, true)),
        ("HTTP/1.1 200 OK", &[], PLAIN, (Length::UntilClose, false)),
        ("HTTP/1.1 200 OK", &[length], head_only, (none, true)),
        ("HTTP/1.1 200 OK", &[], head_only, (none, true)),
        ("HTTP/1.1 204 No Content", &[chunked], PLAIN, (none, true)),
        ("HTTP/1.1 304 Not Modified", &[length], PLAIN, (none, true)),
        ("HTTP/1.1 103 Early Hints", &[], PLAIN, (none, true)),
    ] {
        assert_eq!(judged(line, fields, asked), Ok(expected), "{line} {fields:?}");
    }
}

#[test]
fn the_head_says_whether_the_connection_goes_on() {
    for (version, fields, goes_on) in [
        ("1.1", &[][..], true),
        ("1.1", &["connection: keep-alive, Close"], false),
        ("1.1", &["connection: close", "connection: keep-alive"], false),
        ("1.1", &["connection: closed"], true),
        ("1.0", &[], false),
        ("1.0", &["connection: Keep-Alive"], true),
        ("1.0", &["connection: keep-alive", "connection: close"], false),
    ] {
        let fields: Vec<_> = fields.iter().copied().chain(["content-length: 1"]).collect();
        let judged = judged(&format!("HTTP/{version} 200 OK"), &fields, PLAIN);
        assert_eq!(judged, Ok((Length::Known(1), goes_on)), "{version} {fields:?}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let length = "content-length: 5";
    for (line, fields) in [
        ("HTTP/1.1 200 OK", &[length, length][..]),
        ("HTTP/1.1 200 OK", &[length, "transfer-encoding: chunked"]),
        ("HTTP/1.1 200 OK", &["transfer-encoding: gzip, chunked"]),
        ("HTTP/1.1 200 OK", &["transfer-encoding: identity"]),
        ("HTTP/1.1 200 OK", &["transfer-encoding: gzip", "transfer-encoding: chunked"]),
        ("HTTP/1.0 200 OK", &["transfer-encoding: chunked"]),
        ("HTTP/1.1 200 OK", &["content-length: 5, 5"]),
        ("HTTP/1.1 200 OK", &["content-length: +5"]),
        ("HTTP/1.1 200 OK", &["content-length:"]),
        ("HTTP/1.1 200 OK", &["content-length: 18446744073709551616"]),
        ("HTTP/1.1 200 OK", &["a: b", " folded"]),
        ("HTTP/1.1 200 OK", &["a : b"]),
        ("HTTP/1.1 200 OK", &["a: \u{0}"]),
        ("HTTP/1.1 999999 OK", &[]),
        ("HTTP/1.1 099 OK", &[]),
        ("HTTP/2.0 200 OK", &[]),
        ("GET / HTTP/1.1", &[]),
    ] {
        assert!(judged(line, fields, PLAIN).is_err(), "{line} {fields:?}");
    }
}

#[test]
fn a_switch_of_protocols_is_for_those_who_asked() {
    let line = "HTTP/1.1 101 Switching Protocols";
    assert!(judged(line, &["upgrade: websocket"], PLAIN).is_err());
    let asked = Asked { upgrade: true, ..PLAIN };
    assert_eq!(judged(line, &["upgrade: websocket"], asked), Ok((Length::Known(0), false)));
}

#[test]
fn trailers_are_fields_behind_which_the_rest_stays() {
    let mut bytes = BytesMut::from("grpc-status: 0\r\nA: b\r\n\r\nHTTP");
    let trailers = take_trailers(&mut bytes).unwrap().unwrap();
    assert_eq!((trailers.len(), trailers["a"].as_bytes()), (2, &b"b"[..]));
    assert_eq!(&bytes[..], b"HTTP");
    assert!(take_trailers(&mut BytesMut::from("a: b\r\n")).unwrap().is_none());
    assert!(take_trailers(&mut BytesMut::from("a b\r\n\r\n")).is_err());
    assert!(take_trailers(&mut "a: b\r\n".repeat(101).as_str().into()).is_err());
}
