//! The table of spellings, and what holds for every path.

use std::borrow::Cow;

use proptest::prelude::*;

use super::super::Refused;
use super::path;

#[test]
fn every_spelling_of_a_path_has_one_form() {
    for (text, canonical) in [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b/"),
        ("/.", "/"),
        ("/./", "/"),
        ("/a/.", "/a/"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/a/b/../c", "/a/c"),
        ("/a/./b", "/a/b"),
        ("/a/../admin", "/admin"),
        ("/a/%2e%2e/admin", "/admin"),
        ("/a/.%2E/admin", "/admin"),
        ("/a/%2E./", "/"),
        ("/.hidden", "/.hidden"),
        ("/...", "/..."),
        ("/a../b", "/a../b"),
        ("//", "/"),
        ("//admin", "/admin"),
        ("/admin//", "/admin/"),
        ("/a//../b", "/b"),
        ("/a///b", "/a/b"),
        ("/%61%7e%2D", "/a~-"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/caf%e9", "/caf%E9"),
        ("/%E0%B8%81", "/%E0%B8%81"),
        ("/%252e", "/%252e"),
        ("/%252E%252E/x", "/%252E%252E/x"),
        ("/a%20b", "/a%20b"),
        ("/a%3bb;c=1", "/a%3Bb;c=1"),
        ("/admin;x=1", "/admin;x=1"),
        ("/x[1]|{y}", "/x%5B1%5D%7C%7By%7D"),
        ("/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
    ] {
        assert_eq!(path(text).as_deref(), Ok(canonical), "{text}");
    }
}

#[test]
fn what_servers_read_differently_is_refused() {
    use Refused::{
        Character, Climbs, DotParameter, EncodedControl, EncodedSeparator, Escape, Overlong,
        Relative,
    };
    for (text, why) in [
        ("", Relative),
        ("*", Relative),
        ("a/b", Relative),
        ("http://h/", Relative),
        ("/..", Climbs),
        ("/../x", Climbs),
        ("/a/../../x", Climbs),
        ("/a/%2e%2e/%2e%2e/x", Climbs),
        ("/a/..;/admin", DotParameter),
        ("/a/..;x=1/admin", DotParameter),
        ("/a/%2e%2e;/admin", DotParameter),
        ("/a/..%3b/admin", DotParameter),
        ("/a/.;/admin", DotParameter),
        ("/a\\..\\admin", Character),
        ("/a b", Character),
        ("/a#b", Character),
        ("/a?b", Character),
        ("/a\u{7f}", Character),
        ("/a\0", Character),
        ("/é", Character),
        ("/a%5cb", EncodedSeparator),
        ("/%2fadmin", EncodedSeparator),
        ("/foo%2Fbar", EncodedSeparator),
        ("/%00", EncodedControl),
        ("/%0d%0a", EncodedControl),
        ("/%7f", EncodedControl),
        ("/%c0%ae%c0%ae/", Overlong),
        ("/%C1%9C", Overlong),
        ("/%e0%80%af", Overlong),
        ("/%f0%80%80%af", Overlong),
        ("/%zz", Escape),
        ("/%4", Escape),
        ("/%", Escape),
        ("/%+1", Escape),
    ] {
        assert_eq!(path(text), Err(why), "{text:?}");
    }
}

/// Texts made of the pieces that matter, so that most cases reach the rewriting.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("/"),
        2 => Just("a"),
        1 => prop_oneof![
            Just("."), Just(".."), Just(";"), Just("%2e"), Just("%2E"), Just("%41"), Just("%3B"),
            Just("%25"), Just("%c3%a9"), Just("%C0"), Just("%E0"), Just("%80"), Just("%"),
            Just("{"), Just("\\"), Just("%2f"), Just("é"), Just("~"), Just("%F0")
        ],
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn a_canonical_path_stays_and_is_borrowed(text in texts()) {
        let Ok(once) = path(&text) else { return Ok(()) };
        prop_assert_eq!(matches!(once, Cow::Borrowed(_)), once == text);
        let twice = path(&once);
        prop_assert!(matches!(twice, Ok(Cow::Borrowed(_))), "{} then {:?}", once, twice);
    }

    #[test]
    fn no_canonical_path_climbs_or_hides_a_separator(text in texts()) {
        let Ok(canonical) = path(&text) else { return Ok(()) };
        prop_assert!(canonical.starts_with('/') && canonical.is_ascii());
        prop_assert!(!canonical.contains("//") && !canonical.contains('\\'));
        let decoded = percent_encoding::percent_decode_str(&canonical).collect::<Vec<_>>();
        let slashes = decoded.iter().filter(|byte| **byte == b'/').count();
        prop_assert_eq!(slashes, canonical.matches('/').count());
        for segment in decoded.split(|byte| *byte == b'/') {
            let name = segment.split(|byte| *byte == b';').next().unwrap();
            prop_assert!(name != b"." && name != b"..", "{}", canonical);
        }
    }

    #[test]
    fn any_text_has_an_answer(text in "\\PC*") {
        let _ = path(&text);
        let _ = super::super::authority(&text);
    }
}
