//! Requests as they are written, to endpoints that take them in pieces.

use std::convert::Infallible;

use http_body::{Body, Frame, SizeHint};
use std::task::Waker;

use super::*;

/// A body of frames, `None` for a wait.
struct Frames {
    frames: VecDeque<Option<Frame<Bytes>>>,
    exact: Option<u64>,
    taken: usize,
}

fn frames(frames: impl IntoIterator<Item = Option<&'static str>>) -> Frames {
    let data = |text: Option<&'static str>| text.map(|text| Frame::data(Bytes::from(text)));
    Frames { frames: frames.into_iter().map(data).collect(), exact: None, taken: 0 }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.taken += 1;
        match self.frames.pop_front() {
            Some(Some(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(None) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.exact.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// Takes so many bytes at a time.
struct Takes {
    most: usize,
    text: Vec<u8>,
    writes: usize,
    flushed: usize,
}

impl Takes {
    fn new(most: usize) -> Self {
        Self { most, text: Vec::new(), writes: 0, flushed: 0 }
    }
}

impl AsyncWrite for Takes {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(from)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let most = self.most;
        let bytes: Vec<u8> =
            from.iter().flat_map(|slice| slice.iter()).take(most).copied().collect();
        self.text.extend_from_slice(&bytes);
        self.writes += 1;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed = self.text.len();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn request(fields: &[(&'static str, &'static str)], body: Frames) -> Request<Frames> {
    let mut request = Request::post("/a?b");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

fn poll(sending: &mut Sending<Frames>, to: &mut Takes) -> Poll<Result<(), Unsent>> {
    sending.poll(&mut Context::from_waker(Waker::noop()), Pin::new(to))
}

/// What is written of a request that never has to wait.
fn sent(request: Request<Frames>, most: usize) -> Result<String, Unsent> {
    let (mut sending, mut to) = (Sending::new(), Takes::new(most));
    sending.begin(request);
    let Poll::Ready(sent) = poll(&mut sending, &mut to) else { unreachable!("nothing waits") };
    sent?;
    assert!(sending.is_whole());
    assert_eq!(to.flushed, to.text.len());
    Ok(String::from_utf8(to.text).unwrap())
}

#[test]
fn a_request_is_written_as_its_head_says() {
    let sized = || Frames { exact: Some(5), ..frames([Some("he"), Some("llo")]) };
    let line = "POST /a?b HTTP/1.1\r\n";
    let chunks = "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    for most in [1, 7, usize::MAX] {
        for (fields, body, expected) in [
            (&[("host", "a")][..], frames([]), "host: a\r\n\r\n".to_owned()),
            (&[("transfer-encoding", "chunked")], frames([]), "\r\n".to_owned()),
            (&[("content-length", "5")], frames([]), "content-length: 0\r\n\r\n".to_owned()),
            (&[], sized(), "content-length: 5\r\n\r\nhello".to_owned()),
            (&[("content-length", "5")], sized(), "content-length: 5\r\n\r\nhello".to_owned()),
            (
                &[("transfer-encoding", "chunked")],
                sized(),
                format!("transfer-encoding: chunked\r\n\r\n{chunks}"),
            ),
            (
                &[("host", "a")],
                frames([Some("he"), Some(""), Some("llo")]),
                format!("host: a\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"),
            ),
        ] {
            let sent = sent(request(fields, body), most).unwrap();
            assert_eq!(sent, format!("{line}{expected}"), "{fields:?}, {most} at a time");
        }
    }
}

#[test]
fn trailers_follow_the_last_chunk() {
    let mut body = frames([Some("hi")]);
    let trailers = HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]);
    body.frames.push_back(Some(Frame::trailers(trailers)));
    let text = sent(request(&[], body), usize::MAX).unwrap();
    assert!(text.ends_with("\r\n\r\n2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n"), "{text}");
}

#[test]
fn a_body_that_is_not_as_long_as_its_head_says_is_never_whole() {
    for length in ["4", "6"] {
        let body = frames([Some("he"), Some("llo")]);
        let sent = sent(request(&[("content-length", length)], body), usize::MAX);
        assert!(matches!(sent, Err(Unsent::Body)), "{length}");
    }
}

#[test]
fn what_has_come_is_written_in_one_piece_and_flushed_before_the_next_wait() {
    let (mut sending, mut to) = (Sending::new(), Takes::new(usize::MAX));
    sending.begin(request(&[], frames([Some("a"), Some("b"), None, Some("c")])));
    assert!(poll(&mut sending, &mut to).is_pending());
    assert_eq!((to.writes, to.flushed), (1, to.text.len()));
    assert!(to.text.ends_with(b"1\r\na\r\n1\r\nb\r\n"));
    assert!(!sending.is_over());
    assert!(poll(&mut sending, &mut to).is_ready());
    assert!(to.text.ends_with(b"1\r\nc\r\n0\r\n\r\n"));
    assert_eq!(to.writes, 2);
}

#[test]
fn no_more_of_a_body_is_taken_than_can_be_written() {
    let large: &'static str = Box::leak("x".repeat(48 << 10).into_boxed_str());
    let (mut sending, mut to) = (Sending::new(), Takes::new(0));
    sending.begin(request(&[], frames([Some(large); 10])));
    // A writer that takes nothing is an error; what matters is how much was asked for before.
    assert!(poll(&mut sending, &mut to).is_ready());
    assert_eq!(sending.body.as_ref().unwrap().taken, 2);
}

#[test]
fn what_was_given_up_is_over_and_not_whole() {
    let (mut sending, mut to) = (Sending::new(), Takes::new(usize::MAX));
    sending.begin(request(&[], frames([Some("a"), None, Some("b")])));
    assert!(poll(&mut sending, &mut to).is_pending());
    sending.give_up();
    assert!(sending.is_over() && !sending.is_whole());
    sending.begin(request(&[], frames([])));
    assert!(!sending.is_over());
}

#[test]
fn a_large_head_leaves_no_large_memory_behind() {
    let large: &'static str = Box::leak("x".repeat(60 << 10).into_boxed_str());
    let mut sending = Sending::new();
    sending.begin(request(&[("a", large)], frames([])));
    sending.begin(request(&[], frames([])));
    assert!(sending.head.capacity() <= KEPT);
}
