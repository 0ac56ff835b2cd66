//! Requests, good and bad, each with what the gate must make of it (hardening catalogue S01–S32).

/// What must become of the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expect {
    /// All pass.
    Pass,
    /// None pass; refused for this.
    Refuse(&'static str),
    /// The first request of two passes, the second is refused for this.
    RefuseSecond(&'static str),
    /// The head passes and so many bytes of the body, then reading fails.
    Break(usize),
    /// Only so many bytes pass, the rest is dropped.
    PassFirst(usize),
}

use Expect::{Break, Pass, PassFirst, Refuse, RefuseSecond};

pub(super) type Case = (&'static str, &'static [u8], Expect);

macro_rules! get {
    ($fields:literal) => {
        concat!("GET / HTTP/1.1\r\nHost: a\r\n", $fields, "\r\n").as_bytes()
    };
}

macro_rules! post {
    ($fields:literal, $body:literal) => {
        concat!("POST / HTTP/1.1\r\nHost: a\r\n", $fields, "\r\n", $body).as_bytes()
    };
}

macro_rules! chunked {
    ($body:literal) => {
        concat!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", $body)
            .as_bytes()
    };
}

/// Length of the head that `chunked!` writes.
const CHUNKED_HEAD: usize = chunked!("").len();

pub(super) static CASES: &[Case] = &[
    ("plain get", get!(""), Pass),
    ("many fields", get!("accept: */*\r\nx-y_z!: \t v \t\r\nempty:\r\n"), Pass),
    ("post with length", post!("Content-Length: 5\r\n", "hello"), Pass),
    ("length zero", post!("Content-Length: 0\r\n", ""), Pass),
    ("length without space", post!("Content-Length:5\r\n", "hello"), Pass),
    ("chunked", chunked!("5\r\nhello\r\n0\r\n\r\n"), Pass),
    ("CHUNKED", post!("TRANSFER-ENCODING: CHUNKED\r\n", "0\r\n\r\n"), Pass),
    ("chunks with trailers", chunked!("5\r\nhello\r\n0\r\nx: y\r\nz: 1\r\n\r\n"), Pass),
    ("query", b"GET /a?b=c&d=[e]|\\ HTTP/1.1\r\nHost: a\r\n\r\n", Pass),
    (
        "S01 length and coding",
        post!("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        Refuse("two_framings"),
    ),
    (
        "S01 coding and length",
        post!("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        Refuse("two_framings"),
    ),
    (
        "S02 request behind a length and a coding",
        post!(
            "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\nGET /canary HTTP/1.1\r\nHost: a\r\n\r\n"
        ),
        Refuse("two_framings"),
    ),
    (
        "S04 coding twice",
        post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""),
        Refuse("coding_repeated"),
    ),
    (
        "S04 coding and identity",
        post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", ""),
        Refuse("coding_repeated"),
    ),
    ("S04 identity", post!("Transfer-Encoding: identity\r\n", ""), Refuse("coding")),
    (
        "S04 chunked twice in a list",
        post!("Transfer-Encoding: chunked, chunked\r\n", ""),
        Refuse("coding"),
    ),
    ("S04 gzip, chunked", post!("Transfer-Encoding: gzip, chunked\r\n", ""), Refuse("coding")),
    ("S04 parameter", post!("Transfer-Encoding: chunked;q=1\r\n", ""), Refuse("coding")),
    ("S04 xchunked", post!("Transfer-Encoding: xchunked\r\n", ""), Refuse("coding")),
    ("S04 comma before", post!("Transfer-Encoding: ,chunked\r\n", ""), Refuse("coding")),
    ("S04 comma behind", post!("Transfer-Encoding: chunked,\r\n", ""), Refuse("coding")),
    ("S04 empty", post!("Transfer-Encoding:\r\n", ""), Refuse("coding")),
    ("S04 tab before", post!("Transfer-Encoding:\tchunked\r\n", ""), Refuse("coding")),
    ("S04 tab behind", post!("Transfer-Encoding: chunked\t\r\n", ""), Refuse("coding")),
    ("S04 vertical tab", post!("Transfer-Encoding: \x0bchunked\r\n", ""), Refuse("field_value")),
    ("S04 form feed", post!("Transfer-Encoding: chunked\x0c\r\n", ""), Refuse("field_value")),
    ("S04 NUL", post!("Transfer-Encoding: chunked\0\r\n", ""), Refuse("field_value")),
    (
        "S04 obs-text",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\xff\r\n\r\n",
        Refuse("coding"),
    ),
    (
        "S05 space before colon",
        post!("Transfer-Encoding : chunked\r\n", ""),
        Refuse("spaced_colon"),
    ),
    ("S05 tab before colon", post!("Transfer-Encoding\t: chunked\r\n", ""), Refuse("spaced_colon")),
    ("S08 expect", post!("Expect: 100-continue\r\nContent-Length: 2\r\n", "ab"), Pass),
    (
        "S08 expect obfuscated",
        post!("Expect: y 100-continue\r\nContent-Length: 2\r\n", "ab"),
        Refuse("expectation"),
    ),
    (
        "S08 expect twice",
        post!("Expect: 100-continue\r\nExpect: 100-continue\r\n", ""),
        Refuse("expectation"),
    ),
    ("S08 expect unknown", get!("Expect: 200-ok\r\n"), Refuse("expectation")),
    (
        "S09 lengths equal",
        post!("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        Refuse("length_repeated"),
    ),
    (
        "S09 lengths differ",
        post!("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
        Refuse("length_repeated"),
    ),
    ("S09 list of equals", post!("Content-Length: 5, 5\r\n", "hello"), Refuse("length")),
    ("S09 list", post!("Content-Length: 5, 6\r\n", "hello"), Refuse("length")),
    ("S10 plus", post!("Content-Length: +5\r\n", "hello"), Refuse("length")),
    ("S10 minus", post!("Content-Length: -5\r\n", "hello"), Refuse("length")),
    ("S10 minus zero", post!("Content-Length: -0\r\n", ""), Refuse("length")),
    ("S10 hexadecimal", post!("Content-Length: 0x5\r\n", "hello"), Refuse("length")),
    ("S10 octal", post!("Content-Length: 0o5\r\n", "hello"), Refuse("length")),
    ("S10 underscore", post!("Content-Length: 5_0\r\n", "hello"), Refuse("length")),
    ("S10 space within", post!("Content-Length: 5 0\r\n", "hello"), Refuse("length")),
    ("S10 point", post!("Content-Length: 5.0\r\n", "hello"), Refuse("length")),
    ("S10 two spaces", post!("Content-Length:  5\r\n", "hello"), Refuse("length")),
    ("S10 empty", post!("Content-Length:\r\n", ""), Refuse("length")),
    ("S10 tab", post!("Content-Length:\t5\r\n", "hello"), Refuse("length")),
    (
        "S10 too many digits",
        post!("Content-Length: 18446744073709551616\r\n", ""),
        Refuse("length"),
    ),
    ("S10 leading zeros", post!("Content-Length: 005\r\n", "hello"), Refuse("length")),
    ("S10 space behind", post!("Content-Length: 5 \r\n", "hello"), Refuse("length")),
    ("S11 hexadecimal mark", chunked!("0x5\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD + 1)),
    ("S11 plus", chunked!("+5\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD)),
    ("S11 minus", chunked!("-5\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD)),
    ("S11 underscore", chunked!("5_0\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD + 1)),
    ("S11 space before", chunked!(" 5\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD)),
    ("S11 space behind", chunked!("5 \r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD + 1)),
    ("S11 empty", chunked!("\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD)),
    (
        "S11 17 digits",
        chunked!("00000000000000005\r\nhello\r\n0\r\n\r\n"),
        Break(CHUNKED_HEAD + 16),
    ),
    ("S11 no digit", chunked!("5g\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD + 1)),
    ("S12 extension", chunked!("5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n"), Pass),
    ("S12 bare semicolon", chunked!("5;\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD + 2)),
    ("S12 CR in extension", chunked!("5;a\rb\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD + 4)),
    ("S12 LF in extension", chunked!("5;a\nb\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD + 3)),
    ("S12 NUL in extension", chunked!("5;a\0b\r\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD + 3)),
    ("S13 LF ends request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", Refuse("bare_lf")),
    ("S13 LF ends field", b"GET / HTTP/1.1\r\nHost: a\n\r\n", Refuse("bare_lf")),
    ("S13 LF ends head", b"GET / HTTP/1.1\r\nHost: a\r\n\n", Refuse("bare_lf")),
    ("S13 LF everywhere", b"GET / HTTP/1.1\nHost: a\n\n", Refuse("bare_lf")),
    ("S13 LF in chunk line", chunked!("5\nhello\r\n0\r\n\r\n"), Break(CHUNKED_HEAD + 1)),
    ("S13 LF in trailer", chunked!("0\r\nx: y\n\r\n"), Break(CHUNKED_HEAD + 3)),
    ("S14 CR in line", b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S14 CR in value", get!("x: a\rb\r\n"), Refuse("bare_cr")),
    ("S14 CR ends lines", b"GET / HTTP/1.1\rHost: a\r\r", Refuse("bare_cr")),
    ("S14 CR LF X at the end", b"GET / HTTP/1.1\r\nHost: a\r\n\rX", Refuse("bare_cr")),
    ("S15 folded host", b"GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", Refuse("host")),
    (
        "S15 folded coding",
        post!("Transfer-Encoding: chunked\r\n , identity\r\n", ""),
        Refuse("folded"),
    ),
    ("S15 folded with tab", get!("x: y\r\n\tz\r\n"), Refuse("folded")),
    ("S15 space before first field", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", Refuse("folded")),
    (
        "S16 chunk longer than its size",
        chunked!("3\r\nhello\r\n0\r\n\r\n"),
        Break(CHUNKED_HEAD + 6),
    ),
    (
        "S16 chunk shorter than its size",
        chunked!("7\r\nhello\r\n0\r\n\r\n"),
        Break(CHUNKED_HEAD + 10),
    ),
    ("S16 no CR LF behind data", chunked!("5\r\nhello0\r\n\r\n"), Break(CHUNKED_HEAD + 8)),
    (
        "S17 get with length",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n\
            Host: a\r\n\r\n",
        Pass,
    ),
    (
        "S17 delete with chunks",
        b"DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n\
            GET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        Pass,
    ),
    (
        "S18 coding in 1.0",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Refuse("coding_in_10"),
    ),
    (
        "S18 body in 1.0 without length",
        b"POST / HTTP/1.0\r\nHost: a\r\n\r\nbody",
        Refuse("length_missing"),
    ),
    ("S18 1.0 closes", b"GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", PassFirst(18)),
    (
        "S18 1.0 keeps alive when asked",
        b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
        Pass,
    ),
    (
        "1.1 closes when asked",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\nGET /2 HTTP/1.1\r\n\
            Host: a\r\n\r\n",
        PassFirst(49),
    ),
    ("S19 1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", Refuse("version_unknown")),
    ("S19 01.1", b"GET / HTTP/01.1\r\nHost: a\r\n\r\n", Refuse("version")),
    ("S19 1.10", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", Refuse("version")),
    ("S19 2.0", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", Refuse("version_unknown")),
    ("S19 1", b"GET / HTTP/1\r\nHost: a\r\n\r\n", Refuse("version")),
    ("S19 lower case", b"GET / http/1.1\r\nHost: a\r\n\r\n", Refuse("version")),
    ("S19 0.9", b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", Refuse("version_unknown")),
    ("S19 no version", b"GET /\r\n", Refuse("target")),
    ("S20 no host", b"GET / HTTP/1.1\r\nAccept: x\r\n\r\n", Refuse("host_missing")),
    ("S20 empty host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", Refuse("host")),
    (
        "S20 two equal hosts",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        Refuse("host_repeated"),
    ),
    ("S20 two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Refuse("host_repeated")),
    ("S20 host list", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Refuse("host")),
    ("S20 user in host", b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Refuse("host")),
    ("S20 path in host", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Refuse("host")),
    ("S20 port too large", b"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", Refuse("host")),
    ("S20 two ports", b"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", Refuse("host")),
    ("S20 empty port", b"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", Refuse("host")),
    ("S20 signed port", b"GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n", Refuse("host")),
    ("S20 space in host", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Refuse("host")),
    ("S20 host not ASCII", b"GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", Refuse("host")),
    ("S20 open bracket", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Refuse("host")),
    ("S20 address", b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", Pass),
    ("S20 trailing dot", b"GET / HTTP/1.1\r\nHost: a.:80\r\n\r\n", Pass),
    ("S21 absolute form", b"GET http://a/b?c HTTP/1.1\r\nHost: A\r\n\r\n", Pass),
    ("S21 absolute form without path", b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", Pass),
    ("S21 other host", b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", Refuse("host_differs")),
    ("S21 absolute form without host", b"GET http://a/ HTTP/1.1\r\n\r\n", Refuse("host_missing")),
    ("S21 user in target", b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S21 https in the clear", b"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S21 no authority", b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S21 authority form", b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S21 asterisk with get", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S21 asterisk with options", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Pass),
    ("S21 connect", b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("connect")),
    (
        "S22 connection not ASCII",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: \xff\r\n\r\n",
        Refuse("connection"),
    ),
    ("S23 tab", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("method")),
    ("S23 two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S23 two spaces before version", b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("version")),
    ("S23 one empty line", b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Pass),
    ("S23 two empty lines", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("leading_lines")),
    ("S23 fragment", b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S23 target not ASCII", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S23 NUL", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S23 backslash", b"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    ("S23 DEL", b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("target")),
    (
        "S23 long method",
        b"GETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Refuse("method"),
    ),
    ("S23 bad method", b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("method")),
    ("S23 lower case", b"get / HTTP/1.1\r\nHost: a\r\n\r\n", Refuse("method")),
    ("S24 empty name", get!(": x\r\n"), Refuse("field_name")),
    ("S24 space in name", get!("a b: x\r\n"), Refuse("spaced_colon")),
    ("S24 no colon", get!("abc\r\n"), Refuse("field_name")),
    ("S24 brackets", get!("a[]: x\r\n"), Refuse("field_name")),
    ("S24 NUL", get!("a\0: x\r\n"), Refuse("field_name")),
    ("S24 not ASCII", b"GET / HTTP/1.1\r\nHost: a\r\na\x80: x\r\n\r\n", Refuse("field_name")),
    ("S25 NUL", get!("a: x\0y\r\n"), Refuse("field_value")),
    ("S25 control", get!("a: x\x01y\r\n"), Refuse("field_value")),
    ("S25 DEL", get!("a: x\x7f\r\n"), Refuse("field_value")),
    ("S25 obs-text", b"GET / HTTP/1.1\r\nHost: a\r\na: \x80\xff\r\n\r\n", Pass),
    (
        "S27 good and bad",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        RefuseSecond("host_missing"),
    ),
    (
        "S27 bad and good",
        b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Refuse("host_missing"),
    ),
    ("S29 TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Refuse("method")),
    (
        "S29 PROXY v1",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Refuse("target"),
    ),
    ("S29 PROXY v2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", Refuse("leading_lines")),
    (
        "S31 upgrade with body",
        get!("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n"),
        Refuse("upgrade_body"),
    ),
    (
        "S31 post to upgrade",
        post!("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n", "x"),
        Pass,
    ),
    (
        "S32 upgrade that Connection lacks",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Pass,
    ),
];
