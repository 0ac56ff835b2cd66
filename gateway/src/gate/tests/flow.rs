//! The gate over time: upgrades, slow clients, lingering.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::task::noop_waker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Bench;
use crate::gate::Lease;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const ROOM: usize = 64 << 10;

fn text(read: Option<std::io::Result<Vec<u8>>>) -> String {
    String::from_utf8(read.expect("something comes").expect("no error")).unwrap()
}

#[test]
fn bytes_behind_an_upgrade_wait_for_its_answer_and_then_pass_unread() {
    let mut bench = Bench::new([[UPGRADE, b"\x81\x00\n\n"].concat()], false);
    assert_eq!(text(bench.read(ROOM)).as_bytes(), UPGRADE);
    assert!(bench.read(ROOM).is_none(), "held");
    bench.send(b"\x00more");
    bench.handle.request_begins();
    assert!(bench.read(ROOM).is_none(), "still held");
    bench.handle.upgraded();
    let passed = bench.drain(&[3]);
    assert_eq!(passed.passed, r"\x81\x00\n\n\x00more");
    bench.send(b"\nraw\0");
    assert_eq!(bench.drain(&[ROOM]).passed, r"\nraw\x00");
}

#[test]
fn a_connection_is_at_its_end_behind_its_last_request_unless_more_came() {
    const LAST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (sent, at_end) in [(GET, false), (LAST, true), (&[LAST, b"more"].concat(), false)] {
        let mut bench = Bench::new([sent.to_vec()], false);
        let _ = bench.drain(&[ROOM]);
        assert_eq!(bench.pace.is_at_end(), at_end, "{}", sent.escape_ascii());
        bench.pace.request_begins();
        assert!(!bench.pace.is_at_end(), "a request is open");
    }
}

#[test]
fn bytes_behind_a_refused_upgrade_are_the_next_request() {
    let mut bench = Bench::new([[UPGRADE, GET, b"nonsense\n"].concat()], false);
    assert_eq!(text(bench.read(ROOM)).as_bytes(), UPGRADE);
    bench.handle.request_begins();
    bench.handle.not_upgraded();
    let rest = bench.drain(&[ROOM]);
    assert_eq!(rest.passed, GET.escape_ascii().to_string());
    assert_eq!(rest.refused, Some("method"));
}

#[test]
fn the_answer_to_an_earlier_request_does_not_release_an_upgrade() {
    let mut bench = Bench::new([[GET, UPGRADE, b"\x81\x00"].concat()], false);
    assert_eq!(text(bench.read(ROOM)).as_bytes(), [GET, UPGRADE].concat());
    bench.handle.request_begins();
    bench.handle.not_upgraded();
    assert!(bench.read(ROOM).is_none(), "that was the answer to the first request");
    bench.handle.request_begins();
    bench.handle.upgraded();
    assert_eq!(bench.drain(&[ROOM]).passed, r"\x81\x00");
}

#[test]
fn little_is_read_behind_an_upgrade_before_its_answer() {
    let flood = vec![b'x'; 4 << 10];
    let mut bench =
        Bench::new(std::iter::once(UPGRADE.to_vec()).chain(std::iter::repeat_n(flood, 64)), false);
    assert_eq!(text(bench.read(ROOM)).as_bytes(), UPGRADE);
    assert!(bench.read(ROOM).is_none());
    let unread: usize = bench.gate.stream().pieces.iter().map(Vec::len).sum();
    assert!(unread >= 64 * (4 << 10) - (20 << 10), "{unread} bytes stay in the socket");
}

#[test]
fn a_client_that_leaves_while_its_upgrade_is_asked_for_is_seen_to_leave() {
    let mut bench = Bench::new([[UPGRADE, b"\x81\x00"].concat()], true);
    assert_eq!(text(bench.read(ROOM)).as_bytes(), UPGRADE);
    assert_eq!(text(bench.read(ROOM)), "", "closed, and nothing of what was held");
}

#[test]
fn a_head_that_takes_too_long_is_refused_and_one_that_does_not_is_not() {
    let mut bench = Bench::new([GET[..10].to_vec()], false);
    assert!(bench.read(ROOM).is_none());
    for second in 1..=10 {
        bench.clock.set(second);
        bench.send(&GET[9 + second as usize..10 + second as usize]);
        assert!(bench.read(ROOM).is_none(), "drips don't prolong it, {second} s is in time");
    }
    bench.clock.set(11);
    assert_eq!(bench.drain(&[ROOM]).refused, Some("header_timeout"));
}

#[test]
fn an_idle_connection_ends_quietly_and_a_busy_one_stays() {
    let mut bench = Bench::new([GET.to_vec()], false);
    assert_eq!(text(bench.read(ROOM)).as_bytes(), GET);
    bench.pace.request_begins();
    assert!(bench.read(ROOM).is_none());
    bench.clock.set(1000);
    assert!(bench.read(ROOM).is_none(), "a response that takes long is not the client's fault");
    bench.pace.request_ends();
    bench.clock.set(1005);
    assert!(bench.read(ROOM).is_none());
    bench.clock.set(1006);
    assert_eq!(text(bench.read(ROOM)), "");
    assert!(bench.gate.dozes(), "only the parser ends");
    bench.gate.wake();
    bench.clock.set(1076);
    assert_eq!(text(bench.read(ROOM)), "");
    assert!(!bench.gate.dozes());
}

#[test]
fn a_gate_that_dozes_comes_back_and_one_that_is_awake_goes_with_its_parser() {
    let mut bench = Bench::new([GET.to_vec()], false);
    assert_eq!(text(bench.read(ROOM)).as_bytes(), GET);
    assert!(bench.read(ROOM).is_none());
    bench.clock.set(6);
    let (mut lease, back) = Lease::new(Box::new(bench.gate));
    let waker = noop_waker();
    let mut room = [0; 16];
    let mut buf = ReadBuf::new(&mut room);
    let read = Pin::new(&mut lease).poll_read(&mut Context::from_waker(&waker), &mut buf);
    assert!(matches!(read, Poll::Ready(Ok(()))) && buf.filled().is_empty());
    drop(lease);
    let gate = back.take().expect("it dozed");
    let (lease, back) = Lease::new(gate);
    drop(lease);
    assert!(back.take().is_none(), "handing it out woke it");
}

fn shut(bench: &mut Bench) -> Poll<std::io::Result<()>> {
    let waker = noop_waker();
    Pin::new(&mut bench.gate).poll_shutdown(&mut Context::from_waker(&waker))
}

#[test]
fn closing_after_a_refusal_waits_a_moment_for_the_client_to_stop_sending() {
    let mut bench = Bench::new([b"GARBAGE\n".to_vec()], false);
    assert_eq!(bench.drain(&[ROOM]).refused, Some("bare_lf"));
    assert!(shut(&mut bench).is_pending());
    bench.send(b"more garbage");
    assert!(shut(&mut bench).is_pending());
    bench.clock.set(2);
    assert!(shut(&mut bench).is_pending());
    bench.clock.set(3);
    assert!(shut(&mut bench).is_ready(), "not for ever");

    let mut bench = Bench::new([b"GARBAGE\n".to_vec()], false);
    assert_eq!(bench.drain(&[ROOM]).refused, Some("bare_lf"));
    bench.gate.stream().closes = true;
    assert!(shut(&mut bench).is_ready());

    let mut bench = Bench::new([GET.to_vec()], false);
    assert_eq!(bench.drain(&[ROOM]).refused, None);
    assert!(shut(&mut bench).is_ready(), "nothing is unread");
}

#[test]
fn a_flood_behind_a_refusal_is_read_up_to_a_bound() {
    let flood = std::iter::repeat_n(vec![b'x'; 16 << 10], 64);
    let mut bench = Bench::new(std::iter::once(b"GARBAGE\n".to_vec()).chain(flood), false);
    assert_eq!(bench.drain(&[ROOM]).refused, Some("bare_lf"));
    assert!(shut(&mut bench).is_ready());
    assert!(bench.gate.stream().pieces.len() >= 59, "64 KiB may be thrown away, no more");
}
