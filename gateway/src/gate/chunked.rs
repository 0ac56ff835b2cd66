//! Chunks (RFC 9112 §7.1), followed byte by byte, so that their end is known and nothing in their
//! frames can be read in two ways.

use super::chars::{self, EXTENSION, TOKEN};

/// Follows one chunked body up to its trailers.
#[derive(Debug)]
pub(crate) struct Chunks {
    at: At,
    /// Bytes of extensions that may still come.
    extensions: usize,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// In a chunk's size; so many digits came.
    Size { digits: u8, size: u64 },
    /// Behind the `;` that begins an extension.
    ExtensionName { size: u64 },
    /// In an extension.
    Extension { size: u64 },
    /// Before the LF that ends a size line.
    SizeLf { size: u64 },
    /// In a chunk's data, so many bytes before its end.
    Data(u64),
    /// Before the CR behind a chunk's data.
    DataCr,
    /// Before its LF.
    DataLf,
}

/// How far the frames were followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// All bytes belong to chunks; more come.
    All,
    /// So many bytes and the last chunk's size line ends; the trailers follow.
    Last(usize),
    /// So many bytes are good, then comes this fault.
    Fault(usize, &'static str),
}

/// What bytes of a chunked body are, so many from the beginning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Between data: sizes, extensions, ends of lines.
    Frame(usize),
    /// Data of a chunk.
    Data(usize),
    /// The rest of the last chunk's size line; the trailers follow.
    Last(usize),
}

/// 16 hexadecimal digits fill 64 bits.
const DIGITS_MOST: u8 = 16;

impl Chunks {
    /// A body whose extensions together are no longer than `extensions`.
    pub(crate) fn new(extensions: usize) -> Self {
        Self { at: SIZE, extensions }
    }

    /// Follows the frames through `bytes`.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Followed {
        let mut done = 0;
        while done < bytes.len() {
            match self.piece(&bytes[done..]) {
                Ok(Piece::Frame(count) | Piece::Data(count)) => done += count,
                Ok(Piece::Last(count)) => return Followed::Last(done + count),
                Err((good, fault)) => return Followed::Fault(done + good, fault),
            }
        }
        Followed::All
    }

    /// What `bytes` (never empty) begin with; or how many are good, and the fault behind them.
    pub(crate) fn piece(&mut self, bytes: &[u8]) -> Result<Piece, (usize, &'static str)> {
        if let At::Data(left) = self.at {
            let taken = left.min(bytes.len() as u64);
            self.at = if taken == left { At::DataCr } else { At::Data(left - taken) };
            // It is at most `bytes.len()`.
            return Ok(Piece::Data(taken as usize));
        }
        for (at, &byte) in bytes.iter().enumerate() {
            match self.step(byte) {
                Ok(Step::On) if matches!(self.at, At::Data(_)) => return Ok(Piece::Frame(at + 1)),
                Ok(Step::On) => {}
                Ok(Step::Last) => return Ok(Piece::Last(at + 1)),
                Err(fault) => return Err((at, fault)),
            }
        }
        Ok(Piece::Frame(bytes.len()))
    }

    /// One byte of a frame, outside data.
    fn step(&mut self, byte: u8) -> Result<Step, &'static str> {
        self.at = match (self.at, byte) {
            (At::Size { digits, size }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if digits == DIGITS_MOST {
                    return Err("a chunk's size has too many digits");
                }
                let value = char::from(byte).to_digit(16).expect("matched as a hex digit above");
                At::Size { digits: digits + 1, size: size << 4 | u64::from(value) }
            }
            (At::Size { digits: 1.., size }, b'\r') => At::SizeLf { size },
            (At::Size { digits: 1.., size }, b';') => {
                self.spend_extension()?;
                At::ExtensionName { size }
            }
            (At::Size { .. }, _) => return Err("a chunk's size is no hexadecimal number"),
            (At::ExtensionName { size }, byte) if chars::is(TOKEN, byte) => {
                self.spend_extension()?;
                At::Extension { size }
            }
            (At::ExtensionName { .. }, _) => return Err("a chunk extension has no name"),
            (At::Extension { size }, b'\r') => At::SizeLf { size },
            (At::Extension { size }, byte) if chars::is(EXTENSION, byte) => {
                self.spend_extension()?;
                At::Extension { size }
            }
            (At::Extension { .. }, _) => return Err("a chunk extension has a wrong character"),
            (At::SizeLf { size: 0 }, b'\n') => return Ok(Step::Last),
            (At::SizeLf { size }, b'\n') => At::Data(size),
            (At::SizeLf { .. }, _) => return Err("CR without LF behind a chunk's size"),
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => SIZE,
            (At::DataCr | At::DataLf, _) => return Err("a chunk is longer than its size"),
            (At::Data(_), _) => unreachable!("data is skipped, not stepped through"),
        };
        Ok(Step::On)
    }

    fn spend_extension(&mut self) -> Result<(), &'static str> {
        let left = self.extensions.checked_sub(1);
        self.extensions = left.ok_or("chunk extensions are too long")?;
        Ok(())
    }
}

const SIZE: At = At::Size { digits: 0, size: 0 };

enum Step {
    On,
    Last,
}
