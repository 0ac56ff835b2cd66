//! Where the frames of a WebSocket stream begin and end (RFC 6455 §5.2), so that a close frame of
//! ours is put between two of them and never into one.

/// Longest header of a frame: two bytes, an eight-byte length, a four-byte mask.
const LONGEST: usize = 14;

/// Follows one direction. Reads headers, never payloads.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; LONGEST],
    have: usize,
    /// Bytes of payload that are still to come.
    left: u64,
}

impl Frames {
    /// So many bytes have passed.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while let [next, rest @ ..] = bytes {
            if self.left > 0 {
                let skip = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= skip as u64;
                bytes = &bytes[skip..];
                continue;
            }
            self.header[self.have] = *next;
            self.have += 1;
            bytes = rest;
            if self.have == self.length() {
                self.left = self.payload();
                self.have = 0;
            }
        }
    }

    /// Whether a frame of ours may come now.
    pub(super) fn between(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    /// Length of the header as far as it is known.
    fn length(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        let extended = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        2 + extended + mask
    }

    fn payload(&self) -> u64 {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n: u64, b| n << 8 | u64::from(*b));
        match self.header[1] & 0x7f {
            126 => number(&self.header[2..4]),
            127 => number(&self.header[2..10]),
            short => u64::from(short),
        }
    }
}

/// A close frame that says "going away" (1001), as a server sends it.
pub(super) const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

/// The same as a client sends it: masked.
pub(super) fn going_away_masked(mask: [u8; 4]) -> [u8; 8] {
    let [a, b, c, d] = mask;
    [0x88, 0x82, a, b, c, d, 0x03 ^ a, 0xe9 ^ b]
}

#[cfg(test)]
mod tests {
    use super::Frames;

    /// A frame of `payload` bytes, masked or not.
    fn frame(payload: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut bytes = vec![0x82];
        match payload {
            0..126 => bytes.push(mask | u8::try_from(payload).unwrap()),
            126..65_536 => {
                bytes.push(mask | 126);
                bytes.extend(u16::try_from(payload).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((payload as u64).to_be_bytes());
            }
        }
        bytes.extend(vec![0xff; if masked { 4 } else { 0 } + payload]);
        bytes
    }

    #[test]
    fn a_boundary_is_seen_only_where_there_is_one() {
        for masked in [false, true] {
            for payload in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
                let bytes = frame(payload, masked);
                let mut frames = Frames::default();
                assert!(frames.between());
                for byte in &bytes[..bytes.len() - 1] {
                    frames.pass(&[*byte]);
                    assert!(!frames.between(), "{payload} {masked}");
                }
                frames.pass(&bytes[bytes.len() - 1..]);
                assert!(frames.between(), "{payload} {masked}");
            }
        }
    }

    #[test]
    fn frames_in_one_piece_are_followed_as_well() {
        let mut bytes: Vec<u8> = [5, 200, 0, 70_000].iter().flat_map(|n| frame(*n, true)).collect();
        let mut frames = Frames::default();
        frames.pass(&bytes);
        assert!(frames.between());
        bytes.pop();
        frames.pass(&bytes);
        assert!(!frames.between());
    }
}
