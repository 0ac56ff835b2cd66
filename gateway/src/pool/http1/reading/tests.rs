//! Bodies of responses, however they are cut, and what is none.

use std::collections::VecDeque;

use http_body::Frame;
use proptest::prelude::*;

use super::*;

/// An endpoint that says this, in these pieces, and then closes.
struct Says(VecDeque<Vec<u8>>);

impl Says {
    fn new(text: &[u8], cuts: &[usize]) -> Self {
        let mut pieces = VecDeque::new();
        let mut rest = text;
        for cut in cuts {
            let (piece, behind) = rest.split_at((*cut).min(rest.len()));
            pieces.push_back(piece.to_vec());
            rest = behind;
        }
        pieces.push_back(rest.to_vec());
        pieces.retain(|piece| !piece.is_empty());
        Self(pieces)
    }
}

impl AsyncRead for Says {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(piece) = self.0.front_mut() {
            let taken: Vec<u8> = piece.drain(..piece.len().min(to.remaining())).collect();
            to.put_slice(&taken);
            if piece.is_empty() {
                self.0.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What came of one response: its status, body and trailers, and what was behind it.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    status: u16,
    body: Vec<u8>,
    trailers: usize,
    behind: Vec<u8>,
    goes_on: bool,
}

fn read(text: &[u8], cuts: &[usize]) -> Result<Came, Broken> {
    let (mut says, mut reading) = (Says::new(text, cuts), Reading::new(&Upstream::default()));
    let mut cx = Context::from_waker(Waker::noop());
    reading.begin(Asked::default());
    let Poll::Ready(head) = reading.poll_head(&mut cx, Pin::new(&mut says)) else {
        unreachable!("it closes")
    };
    let status = head?.response.status().as_u16();
    let (mut body, mut trailers) = (Vec::new(), 0);
    while !reading.is_ended() {
        let Poll::Ready(next) = reading.poll_frame(&mut cx, Pin::new(&mut says)) else {
            unreachable!("it closes")
        };
        let Some(frame) = next else { break };
        match frame?.into_data() {
            Ok(data) => body.extend_from_slice(&data),
            Err(frame) => trailers += frame.into_trailers().unwrap().len(),
        }
    }
    let goes_on = reading.keep_alive;
    let mut behind = reading.take_rest().to_vec();
    says.0.into_iter().for_each(|piece| behind.extend(piece));
    Ok(Came { status, body, trailers, behind, goes_on })
}

const EARLY: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";

fn chunked(body: &[u8], sizes: &[usize], trailers: usize) -> Vec<u8> {
    let mut text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let mut rest = body;
    for size in sizes.iter().copied().chain([usize::MAX]) {
        let (chunk, behind) = rest.split_at(size.min(rest.len()));
        if !chunk.is_empty() {
            text.extend_from_slice(format!("{:x};a=b\r\n", chunk.len()).as_bytes());
            text.extend_from_slice(chunk);
            text.extend_from_slice(b"\r\n");
        }
        rest = behind;
    }
    text.extend_from_slice(b"0\r\n");
    (0..trailers).for_each(|at| text.extend_from_slice(format!("t{at}: x\r\n").as_bytes()));
    text.extend_from_slice(b"\r\n");
    text
}

proptest! {
    #[test]
    fn a_response_is_the_same_however_it_is_cut(
        body in proptest::collection::vec(any::<u8>(), 0..3_000),
        sizes in proptest::collection::vec(1..900_usize, 0..6),
        trailers in 0..3_usize,
        cuts in proptest::collection::vec(0..200_usize, 0..40),
        early in 0..3_usize,
    ) {
        let early = EARLY.repeat(early);
        let sized = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        for (text, trailers) in [
            ([sized.as_bytes(), &body].concat(), 0),
            (chunked(&body, &sizes, trailers), trailers),
        ] {
            let text = [early.as_bytes(), &text, b"behind"].concat();
            let came = read(&text, &cuts).unwrap();
            let behind = b"behind".to_vec();
            let body = body.clone();
            prop_assert_eq!(came, Came { status: 200, body, trailers, behind, goes_on: true });
        }
    }

    #[test]
    fn a_response_that_breaks_off_never_looks_whole(
        body in proptest::collection::vec(any::<u8>(), 1..300),
        cut in 0.0..1.0_f64,
    ) {
        let sized = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        for text in [[sized.as_bytes(), &body].concat(), chunked(&body, &[7, 100], 1)] {
            let end = (text.len() as f64 * cut) as usize;
            prop_assert_eq!(read(&text[..end], &[]), Err(Broken::Closed));
        }
    }

    #[test]
    fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        for text in [&bytes, &[head, bytes.as_slice()].concat()] {
            let _ = read(text, &[]);
        }
    }
}

#[test]
fn a_body_without_a_length_ends_with_the_connection() {
    let came = read(b"HTTP/1.1 200 OK\r\n\r\nall of it", &[]).unwrap();
    assert_eq!((came.body.as_slice(), came.goes_on), (&b"all of it"[..], false));
}

#[test]
fn frames_of_chunks_are_read_strictly() {
    for (body, fault) in [
        ("5\nhello\r\n0\r\n\r\n", "a chunk's size is no hexadecimal number"),
        ("5\r\nhello!\r\n0\r\n\r\n", "a chunk is longer than its size"),
        ("-5\r\nhello\r\n", "a chunk's size is no hexadecimal number"),
        ("0\r\nno field\r\n\r\n", "a field's name"),
    ] {
        let text = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        assert_eq!(read(text.as_bytes(), &[]), Err(Broken::Malformed(fault)), "{body}");
    }
}

#[test]
fn heads_and_trailers_are_bounded() {
    let endless = "a".repeat(100 << 10);
    for (text, fault) in [
        (format!("HTTP/1.1 200 OK\r\na: {endless}"), "the head is too long"),
        (
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: {endless}"),
            "the trailers are too long",
        ),
        (EARLY.repeat(17), "too many 1xx"),
    ] {
        assert_eq!(read(text.as_bytes(), &[]), Err(Broken::Malformed(fault)));
    }
}

#[test]
fn the_end_comes_with_the_last_data_when_it_has_come() {
    let mut reading = Reading::new(&Upstream::default());
    let mut says = Says::new(&chunked(b"hello", &[], 0), &[]);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(reading.poll_head(&mut cx, Pin::new(&mut says)).is_ready());
    assert!(!reading.is_ended());
    let frame = reading.poll_frame(&mut cx, Pin::new(&mut says));
    let Poll::Ready(Some(Ok(frame))) = frame.map_ok(Frame::into_data) else {
        unreachable!("it has come")
    };
    assert_eq!(frame.unwrap(), "hello");
    assert!(reading.is_ended());
}

#[test]
fn large_responses_leave_no_large_memory_behind() {
    let body = vec![b'x'; 1 << 20];
    let text =
        [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), &body]
            .concat();
    let (mut reading, mut says) = (Reading::new(&Upstream::default()), Says::new(&text, &[]));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(reading.poll_head(&mut cx, Pin::new(&mut says)).is_ready());
    while !reading.is_ended() {
        assert!(reading.poll_frame(&mut cx, Pin::new(&mut says)).is_ready());
    }
    assert!(reading.buffer.capacity() <= ROOM, "{}", reading.buffer.capacity());
}
