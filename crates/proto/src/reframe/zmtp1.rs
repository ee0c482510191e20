//! ZMTP 1.0's framing: a length of one or nine bytes that counts the flags, the flags, the body.
//!
//! Its peers know no commands: the encoder leaves them out. Invariant: a decoder holds no more than a header.
//!
//! Source: RFC 13 (ZMTP 1.0), and what libzmq 4.3.5 makes of it.

use super::{FrameWalker, Piece, append_head};
use crate::error::{PeerMisbehaved, ProtocolError};

const MORE: u8 = 1;
/// Announces a length of eight bytes.
const LONG: u8 = 0xFF;

/// Turns a ZMTP 1.0 peer's bytes into ZMTP 3 frames.
///
/// ```
/// let mut frames = Vec::new();
/// netzmq_proto::Zmtp1Decoder::new().decode(b"\x04\x01abc\x01\0", &mut frames)?;
/// assert_eq!(frames, b"\x01\x03abc\0\0");
/// # Ok::<(), netzmq_proto::ProtocolError>(())
/// ```
#[derive(Debug, Default)]
pub struct Zmtp1Decoder {
    head: Vec<u8>,
    left: u64,
}

impl Zmtp1Decoder {
    /// A decoder at the start of a frame.
    #[must_use]
    pub fn new() -> Zmtp1Decoder {
        Zmtp1Decoder::default()
    }

    /// Appends what `input` becomes.
    ///
    /// # Errors
    /// A frame without flags or with unknown ones, or of 2^63 bytes or more. The decoder is of no use after that.
    pub fn decode(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        while !input.is_empty() {
            if self.left > 0 {
                let length = input.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                let (body, rest) = input.split_at(length);
                out.extend_from_slice(body);
                self.left -= length as u64;
                input = rest;
            } else if let Some((&byte, rest)) = input.split_first() {
                self.head.push(byte);
                input = rest;
                self.finish_head(out)?;
            }
        }
        Ok(())
    }

    fn finish_head(&mut self, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        let (length, flags) = match self.head[..] {
            [LONG, a, b, c, d, e, f, g, h, flags] => (u64::from_be_bytes([a, b, c, d, e, f, g, h]), flags),
            [LONG, ..] => return Ok(()),
            [0, ..] => return Err(PeerMisbehaved::FrameWithoutFlags.into()),
            [length, flags] => (u64::from(length), flags),
            _ => return Ok(()),
        };
        self.head.clear();
        let body = length.checked_sub(1).ok_or(PeerMisbehaved::FrameWithoutFlags)?;
        if body >> 63 != 0 {
            return Err(PeerMisbehaved::FrameTooLong { len: length }.into());
        }
        if flags & !MORE != 0 {
            return Err(PeerMisbehaved::ReservedFrameFlags { flags }.into());
        }
        self.left = body;
        append_head(flags & MORE != 0, false, body, out);
        Ok(())
    }
}

/// Turns ZMTP 3 frames into what a ZMTP 1.0 peer understands.
#[derive(Debug, Default)]
pub struct Zmtp1Encoder {
    walker: FrameWalker,
    /// The frame at hand is a command, and left out.
    skips: bool,
}

impl Zmtp1Encoder {
    /// An encoder at the start of a frame.
    #[must_use]
    pub fn new() -> Zmtp1Encoder {
        Zmtp1Encoder::default()
    }

    /// Appends what `input` becomes.
    ///
    /// # Errors
    /// The input is not made of ZMTP 3 frames: our own fault.
    pub fn encode(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        while let Some(piece) = self.walker.next(&mut input)? {
            match piece {
                Piece::Head(header) => {
                    self.skips = header.command;
                    if self.skips {
                        continue;
                    }
                    let length = header.body_len + 1;
                    match u8::try_from(length) {
                        Ok(length) if length != LONG => out.push(length),
                        _ => {
                            out.push(LONG);
                            out.extend_from_slice(&length.to_be_bytes());
                        }
                    }
                    out.push(u8::from(header.more));
                }
                Piece::Body(body) if !self.skips => out.extend_from_slice(body),
                Piece::Body(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameHeader;
    use proptest::prelude::*;

    fn frames(parts: &[(Vec<u8>, bool)]) -> Vec<u8> {
        let mut out = Vec::new();
        parts.iter().for_each(|(body, more)| FrameHeader::append_frame(*more, false, body, &mut out));
        out
    }

    /// The lengths at which the form changes.
    #[test]
    fn short_and_long_frames() {
        for (length, head) in [(0, &b"\x01\0"[..]), (253, b"\xfe\0"), (254, b"\xff\0\0\0\0\0\0\0\xff\0")] {
            let mut out = Vec::new();
            let body = vec![7; length];
            Zmtp1Encoder::new().encode(&frames(&[(body.clone(), false)]), &mut out).unwrap();
            assert_eq!(out, [head, &body[..]].concat(), "{length}");
        }
        let mut out = Vec::new();
        assert!(Zmtp1Decoder::new().decode(b"\0", &mut out).is_err());
        assert!(Zmtp1Decoder::new().decode(b"\xff\0\0\0\0\0\0\0\0\0", &mut out).is_err());
        assert!(Zmtp1Decoder::new().decode(b"GET / HTTP/1.1", &mut out).is_err());
        assert!(Zmtp1Decoder::new().decode(b"\xff\xff\0\0\0\0\0\0\0\0", &mut out).is_err());
        assert_eq!(out, b"");
    }

    #[test]
    fn commands_are_left_out() {
        let mut input = frames(&[(b"a".to_vec(), false)]);
        crate::command::encode_ping(1, b"x", &mut input);
        input.extend(frames(&[(b"b".to_vec(), false)]));
        let mut out = Vec::new();
        Zmtp1Encoder::new().encode(&input, &mut out).unwrap();
        assert_eq!(out, b"\x02\0a\x02\0b");
    }

    proptest! {
        /// Goal: what is encoded comes back, however both directions are cut.
        #[test]
        fn there_and_back(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), any::<bool>()), 0..5),
            cut in 1..40usize,
            cut_back in 1..40usize,
        ) {
            let input = frames(&parts);
            let (mut encoder, mut decoder) = (Zmtp1Encoder::new(), Zmtp1Decoder::new());
            let (mut wire, mut output) = (Vec::new(), Vec::new());
            input.chunks(cut).for_each(|piece| encoder.encode(piece, &mut wire).unwrap());
            for piece in wire.chunks(cut_back) {
                decoder.decode(piece, &mut output).unwrap();
            }
            prop_assert_eq!(output, input);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 1..9usize) {
            let (mut whole, mut pieces) = (Vec::new(), Vec::new());
            let result = Zmtp1Decoder::new().decode(&bytes, &mut whole);
            let mut decoder = Zmtp1Decoder::new();
            let error = bytes.chunks(cut).find_map(|piece| decoder.decode(piece, &mut pieces).err());
            prop_assert_eq!(result.err(), error);
            prop_assert_eq!(whole, pieces);
        }
    }
}
