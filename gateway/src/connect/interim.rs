//! Counts the responses 1xx that come before the one that counts (RFC 9110 §15.2), in the bytes as
//! they are read.

use std::cell::Cell;

/// A count, and where in the heads the next byte stands.
#[derive(Debug)]
pub(super) struct Interim {
    count: Cell<usize>,
    at: Cell<At>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// So many bytes of a status line have come.
    Status(u8),
    /// In a head of which only the end matters; `true` at the beginning of a line.
    Head(bool),
    /// Behind the first byte of a final status: nothing more to count.
    Final,
}

/// `HTTP/1.1 ` stands before a status code.
const CODE: u8 = 9;

impl Interim {
    /// Nothing to count until [`Interim::begin`].
    pub(super) fn new() -> Self {
        Self { count: Cell::new(0), at: Cell::new(At::Final) }
    }

    /// A request is sent: heads come.
    pub(super) fn begin(&self) {
        self.count.set(0);
        self.at.set(At::Status(0));
    }

    /// How many have come since then.
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    /// These bytes were read.
    pub(super) fn read(&self, bytes: &[u8]) {
        for byte in bytes {
            let next = match (self.at.get(), byte) {
                (At::Final, _) => return,
                // Parsers skip empty lines before a status line.
                (At::Status(0), b'\r' | b'\n') => At::Status(0),
                (At::Status(CODE), b'1') => {
                    self.count.set(self.count.get() + 1);
                    At::Head(false)
                }
                (At::Status(CODE), _) => At::Final,
                (At::Status(seen), _) => At::Status(seen + 1),
                (At::Head(true), b'\n') => At::Status(0),
                (At::Head(_), b'\n') => At::Head(true),
                (At::Head(begins), b'\r') => At::Head(begins),
                (At::Head(_), _) => At::Head(false),
            };
            self.at.set(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Interim;

    #[test]
    fn heads_are_counted_however_they_are_cut() {
        let heads = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\r\nHTTP/1.0 100 \n\n";
        let text = format!("{heads}HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
        for size in 1..text.len() {
            let interim = Interim::new();
            interim.read(text.as_bytes());
            assert_eq!(interim.count(), 0, "nobody asked");
            interim.begin();
            text.as_bytes().chunks(size).for_each(|chunk| interim.read(chunk));
            assert_eq!(interim.count(), 2, "in pieces of {size}");
        }
    }
}
