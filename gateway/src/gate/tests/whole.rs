//! Every case at once, and in every way that a network may cut it.

use proptest::prelude::*;

use super::cases::{CASES, Case, Expect};
use super::{Bench, at_once};

fn check((name, bytes, expect): &Case) {
    let outcome = at_once(bytes);
    let passed = |count: usize| bytes[..count].escape_ascii().to_string();
    match *expect {
        Expect::Pass => {
            assert_eq!((outcome.refused, &outcome.error), (None, &None), "{name}");
            assert_eq!(outcome.passed, passed(bytes.len()), "{name}");
        }
        Expect::Refuse(flag) => {
            assert_eq!(outcome.refused, Some(flag), "{name}");
            assert_eq!(outcome.passed, "", "{name}");
        }
        Expect::RefuseSecond(flag) => {
            let first = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            assert_eq!(outcome.refused, Some(flag), "{name}");
            assert_eq!(outcome.passed, passed(first), "{name}");
        }
        Expect::Break(good) => {
            assert_eq!(outcome.refused, None, "{name}");
            assert!(outcome.error.is_some(), "{name} must fail");
            assert_eq!(outcome.passed, passed(good), "{name}");
        }
        Expect::PassFirst(good) => {
            assert_eq!((outcome.refused, &outcome.error), (None, &None), "{name}");
            assert_eq!(outcome.passed, passed(good), "{name}");
        }
    }
}

#[test]
fn every_case_is_judged_as_the_catalogue_says() {
    CASES.iter().for_each(check);
}

#[test]
fn limits_hold_to_the_byte() {
    let head = |len: usize| {
        let rest = len - "GET / HTTP/1.1\r\nHost: a\r\nx: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n", "v".repeat(rest))
    };
    let target = |len: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(len - 1));
    let method = |len: usize| format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(len));
    let fields =
        |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "a: b\r\n".repeat(count - 1));
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let extension = |len: usize| format!("{chunked}0;{}\r\n\r\n", "e".repeat(len - 1));
    let trailers = |len: usize| format!("{chunked}0\r\nt: {}\r\n\r\n", "v".repeat(len - 7));

    for good in [head(32 << 10), target(8 << 10), method(32), fields(100), extension(4 << 10)] {
        assert_eq!(at_once(good.as_bytes()).passed, good.as_bytes().escape_ascii().to_string());
    }
    for (bad, flag) in [
        (head((32 << 10) + 1), "head_length"),
        (target((8 << 10) + 1), "target_length"),
        (method(33), "method"),
        (fields(101), "fields"),
    ] {
        assert_eq!(at_once(bad.as_bytes()).refused, Some(flag));
    }
    assert!(at_once(extension((4 << 10) + 1).as_bytes()).error.is_some());
    assert_eq!(at_once(trailers(8 << 10).as_bytes()).error, None);
    assert!(at_once(trailers((8 << 10) + 2).as_bytes()).error.is_some());
}

#[test]
fn a_refusal_is_known_by_its_method_and_by_no_other() {
    for refusal in super::super::refusal::ALL {
        let request = String::from_utf8(refusal.request()).unwrap();
        let method = request.split(' ').next().unwrap();
        let method = http::Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(super::super::refusal(&method).map(|found| found.flag), Some(refusal.flag));
        assert_eq!(at_once(&refusal.request()).refused, Some("method"), "a client cannot pretend");
    }
    assert_eq!(super::super::refusal(&http::Method::GET), None);
}

/// Cuts `bytes` at these places, given in thousandths.
fn cut(bytes: &[u8], places: &[usize]) -> Vec<Vec<u8>> {
    let mut ends: Vec<_> = places.iter().map(|place| place * bytes.len() / 1000).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn how_bytes_are_cut_changes_nothing(
        chosen in prop::collection::vec(0..CASES.len(), 1..4),
        places in prop::collection::vec(0usize..1000, 0..12),
        rooms in prop::collection::vec(1usize..300, 1..4),
    ) {
        let bytes: Vec<u8> = chosen.iter().flat_map(|&case| CASES[case].1).copied().collect();
        let whole = at_once(&bytes);
        let mut bench = Bench::new(cut(&bytes, &places), true);
        prop_assert_eq!(bench.drain(&rooms), whole);
    }

    #[test]
    fn every_byte_alone_changes_nothing(case in 0..CASES.len()) {
        let bytes = CASES[case].1;
        let mut bench = Bench::new(bytes.iter().map(|byte| vec![*byte]), true);
        prop_assert_eq!(bench.drain(&[16]), at_once(bytes));
    }

    #[test]
    fn a_damaged_request_is_judged_alike_however_it_is_cut(
        case in 0..CASES.len(),
        at in 0usize..1000,
        byte in any::<u8>(),
        places in prop::collection::vec(0usize..1000, 0..12),
    ) {
        let mut bytes = CASES[case].1.to_vec();
        let at = at * bytes.len() / 1000;
        bytes[at] = byte;
        let whole = at_once(&bytes);
        prop_assert_eq!(Bench::new(cut(&bytes, &places), true).drain(&[100]), whole);
    }
}
