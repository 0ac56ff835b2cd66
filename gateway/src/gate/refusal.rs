//! Why a request was not let through, and how that travels to whoever answers it.
//!
//! A refused head is replaced by a request that says so in its method: `PREFIX` and the flag.
//! That method is longer than any that clients may send, so none can pretend.

use http::StatusCode;

/// Longer than `METHOD_MOST`.
const PREFIX: &str = "HEADGATE-DID-NOT-LET-PASS-BECAUSE-OF-";

/// Characters of the longest method that clients may send, whatever the settings say.
pub(super) const METHOD_MOST: usize = 32;

const _: () = assert!(PREFIX.len() > METHOD_MOST, "no client may be able to send the prefix");

/// A request that the gate did not let through. The connection closes after its answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What the client gets: 4xx or 505.
    pub(crate) status: StatusCode,
    /// A word for metrics and the log, such as `bare_lf`.
    pub(crate) flag: &'static str,
    /// A sentence for people.
    pub(crate) text: &'static str,
}

impl Refusal {
    /// The refusal that this method stands for, if it is one of ours.
    pub(super) fn of_method(method: &str) -> Option<&'static Self> {
        let flag = method.strip_prefix(PREFIX)?;
        ALL.iter().copied().find(|refusal| refusal.flag == flag)
    }

    /// The request that stands for this refusal.
    pub(super) fn request(&self) -> Vec<u8> {
        let flag = self.flag;
        format!("{PREFIX}{flag} / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n").into()
    }
}

macro_rules! refusals {
    ($($name:ident $status:ident $flag:literal $text:literal;)*) => {
        $(pub(super) static $name: Refusal =
            Refusal { status: StatusCode::$status, flag: $flag, text: $text };)*
        pub(super) static ALL: &[&Refusal] = &[$(&$name),*];
    };
}

refusals! {
    BARE_LF BAD_REQUEST "bare_lf" "a line ends with LF alone";
    BARE_CR BAD_REQUEST "bare_cr" "CR stands where no line ends";
    LEADING_LINES BAD_REQUEST "leading_lines" "more than one empty line before the request";
    METHOD BAD_REQUEST "method" "the method is empty, too long, or has a wrong character";
    CONNECT METHOD_NOT_ALLOWED "connect" "CONNECT is not served here";
    TARGET BAD_REQUEST "target" "the request target has no valid form";
    TARGET_LENGTH URI_TOO_LONG "target_length" "the request target is too long";
    VERSION BAD_REQUEST "version" "the request line does not end with an HTTP version";
    VERSION_UNKNOWN HTTP_VERSION_NOT_SUPPORTED "version_unknown"
        "this version of HTTP is not served here";
    FOLDED BAD_REQUEST "folded" "a field is folded, or a space stands before the first";
    SPACED_COLON BAD_REQUEST "spaced_colon" "a space stands between a field's name and its colon";
    FIELD_NAME BAD_REQUEST "field_name" "a field's name is missing or has a wrong character";
    FIELD_VALUE BAD_REQUEST "field_value" "a field's value has a control character";
    HEAD_LENGTH REQUEST_HEADER_FIELDS_TOO_LARGE "head_length" "the head is too long";
    FIELDS REQUEST_HEADER_FIELDS_TOO_LARGE "fields" "the head has too many fields";
    HOST_MISSING BAD_REQUEST "host_missing" "the Host field is missing";
    HOST_REPEATED BAD_REQUEST "host_repeated" "there is more than one Host field";
    HOST BAD_REQUEST "host" "Host is empty or no valid host and port";
    HOST_DIFFERS BAD_REQUEST "host_differs" "Host is not the host of the request target";
    LENGTH BAD_REQUEST "length" "Content-Length is no plain number";
    LENGTH_REPEATED BAD_REQUEST "length_repeated" "there is more than one Content-Length";
    LENGTH_MISSING LENGTH_REQUIRED "length_missing" "this HTTP/1.0 request needs a Content-Length";
    CODING BAD_REQUEST "coding" "Transfer-Encoding is not just `chunked`";
    CODING_REPEATED BAD_REQUEST "coding_repeated" "there is more than one Transfer-Encoding";
    CODING_IN_10 BAD_REQUEST "coding_in_10" "HTTP/1.0 knows no Transfer-Encoding";
    TWO_FRAMINGS BAD_REQUEST "two_framings" "both Content-Length and Transfer-Encoding are given";
    CONNECTION BAD_REQUEST "connection" "Connection is no list of names";
    EXPECTATION EXPECTATION_FAILED "expectation" "only 100-continue can be expected, and once";
    UPGRADE_BODY BAD_REQUEST "upgrade_body" "a request to upgrade has a body";
    TIMEOUT REQUEST_TIMEOUT "header_timeout" "the head did not arrive in time";
}
