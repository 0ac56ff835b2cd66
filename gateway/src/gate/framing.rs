//! Where messages begin and end in what a client sends: the gate's judgement, without any I/O.

use super::Rules;
use super::chunked::{Chunks, Followed};
use super::fields::{self, Line, Progress};
use super::head::{Body, Head, HeadReader};
use super::refusal::Refusal;

/// Follows one connection's bytes from the first to the last.
#[derive(Debug)]
pub(super) struct Framing {
    rules: Rules,
    at: At,
    /// No request follows the one whose body is being read.
    last: bool,
    /// Heads passed on so far.
    heads: u32,
}

/// Where the next byte belongs.
#[derive(Debug)]
enum At {
    Head(HeadReader),
    Sized(u64),
    Chunks(Chunks),
    Trailers(Trailers),
    /// Behind a request to upgrade that is not answered yet.
    Held,
    /// Behind one that was answered with 101.
    Open,
    /// Behind the last request.
    Over,
}

/// What to do with the bytes that were given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// So many from the beginning are good and may be passed on.
    pub(super) pass: usize,
    /// What holds for the rest.
    pub(super) rest: Rest,
}

/// What to do with bytes that may not be passed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Keep them and give them again with more behind.
    Keep,
    /// They and all that follow are nobody's.
    Drop,
    /// They begin a request that is refused; all that follow are nobody's.
    Refuse(&'static Refusal),
    /// They are no body of the request before them; all that follow are nobody's.
    Fault(&'static str),
}

/// What a reader waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// The first byte of a request.
    ForRequest,
    /// The rest of a head.
    ForHead,
    /// The rest of a body.
    ForBody,
    /// Nothing that has a time.
    Freely,
}

impl Framing {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, at: At::Head(HeadReader::default()), last: false, heads: 0 }
    }

    /// Judges `bytes`: those that were to be kept the last time, and more behind them.
    pub(super) fn judge(&mut self, bytes: &[u8]) -> Judged {
        let mut pass = 0;
        while pass < bytes.len() {
            match self.step(&bytes[pass..]) {
                Ok(0) => return Judged { pass, rest: Rest::Keep },
                Ok(good) => pass += good,
                Err((good, rest)) => {
                    self.at = At::Over;
                    return Judged { pass: pass + good, rest };
                }
            }
        }
        Judged { pass, rest: Rest::Keep }
    }

    /// How many of `bytes` (never empty) are good; none when more are needed to say.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, (usize, Rest)> {
        match &mut self.at {
            At::Head(reader) => match reader.read(bytes, &self.rules) {
                Ok(Some(head)) => {
                    self.begin(&head);
                    Ok(head.len)
                }
                Ok(None) => Ok(0),
                Err(refusal) => Err((0, Rest::Refuse(refusal))),
            },
            At::Sized(left) => {
                let taken = (*left).min(bytes.len() as u64);
                *left -= taken;
                if *left == 0 {
                    self.next();
                }
                // It is at most `bytes.len()`.
                Ok(taken as usize)
            }
            At::Chunks(chunks) => match chunks.follow(bytes) {
                Followed::All => Ok(bytes.len()),
                Followed::Last(good) => {
                    self.at = At::Trailers(Trailers::default());
                    Ok(good)
                }
                Followed::Fault(good, fault) => Err((good, Rest::Fault(fault))),
            },
            At::Trailers(trailers) => match trailers.read(bytes, &self.rules) {
                Ok(0) => Ok(0),
                Ok(len) => {
                    self.next();
                    Ok(len)
                }
                Err(fault) => Err((0, Rest::Fault(fault))),
            },
            At::Held => Ok(0),
            At::Open => Ok(bytes.len()),
            At::Over => Err((0, Rest::Drop)),
        }
    }

    fn begin(&mut self, head: &Head) {
        self.last = head.last;
        self.heads = self.heads.wrapping_add(1);
        match head.body {
            _ if head.upgrade => self.at = At::Held,
            Body::Sized(0) => self.next(),
            Body::Sized(size) => self.at = At::Sized(size),
            Body::Chunked => self.at = At::Chunks(Chunks::new(self.rules.head.chunk_extensions)),
        }
    }

    fn next(&mut self) {
        self.at = if self.last { At::Over } else { At::Head(HeadReader::default()) };
    }

    /// Whether bytes must wait for the answer to a request to upgrade.
    pub(super) fn held(&self) -> bool {
        matches!(self.at, At::Held)
    }

    /// The request to upgrade was answered.
    pub(super) fn answered(&mut self, upgraded: bool) {
        if !self.held() {
            return;
        }
        if upgraded {
            self.at = At::Open;
        } else {
            self.next();
        }
    }

    /// How many heads were passed on.
    pub(super) fn heads(&self) -> u32 {
        self.heads
    }

    /// Ends here: whatever comes is nobody's.
    pub(super) fn end(&mut self) {
        self.at = At::Over;
    }

    /// Whether no request follows those that were passed on.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.at, At::Over)
    }

    /// What the next byte is needed for; `kept`: some bytes had to be kept.
    pub(super) fn waits(&self, kept: bool) -> Waits {
        match &self.at {
            At::Head(_) if kept => Waits::ForHead,
            At::Head(_) => Waits::ForRequest,
            At::Sized(_) | At::Chunks(_) | At::Trailers(_) => Waits::ForBody,
            At::Held | At::Open | At::Over => Waits::Freely,
        }
    }
}

/// Reads a trailer section, kept whole until its end is there.
#[derive(Debug, Default)]
struct Trailers {
    /// Where the first line begins that is not read yet.
    at: usize,
    /// How far that line was read.
    line: Progress,
    fields: usize,
}

impl Trailers {
    /// The length of the section that `bytes` begin with; 0 when its end has not arrived.
    fn read(&mut self, bytes: &[u8], rules: &Rules) -> Result<usize, &'static str> {
        let window = &bytes[..bytes.len().min(rules.head.trailers + 1)];
        loop {
            let line = fields::line(&window[self.at..], &mut self.line);
            match line.map_err(|refusal| refusal.text)? {
                Line::More if window.len() > rules.head.trailers => {
                    return Err("the trailers are too long");
                }
                Line::More => return Ok(0),
                Line::End => return Ok(self.at + 2),
                Line::Field { len, .. } => {
                    self.at += len;
                    self.fields += 1;
                    if self.fields > rules.head.fields {
                        return Err("the trailers have too many fields");
                    }
                }
            }
        }
    }
}
