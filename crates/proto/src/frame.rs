//! ZMTP 3.x frames: a flag byte, a length of one or eight bytes, a body. The hot path.
//!
//! This file reads and writes *headers*; a body is the caller's and is never touched, copied or waited for here.
//! Nothing allocates, everything is `#[inline]`, and every error path is `#[cold]`.
//!
//! Invariants: a header that parsed has no reserved bit, is not both command and more, and claims less than 2^63
//! bytes. `encode` followed by `parse` gives the same header back, in the shorter form that fits.
//!
//! Source: RFC 37 (ZMTP 3.1), "Framing"; the same in RFC 23.

use crate::error::{PeerMisbehaved, ProtocolError};

const MORE: u8 = 0x01;
const LONG: u8 = 0x02;
const COMMAND: u8 = 0x04;
const KNOWN: u8 = MORE | LONG | COMMAND;

/// What stands in front of a frame's body.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    /// Another part of the same message follows.
    pub more: bool,
    /// The body is a command rather than a message part.
    pub command: bool,
    /// Bytes of this header: 2 or 9.
    pub header_len: u8,
    /// Bytes of the body that follows, below 2^63. A claim: allocate with what arrives, not with this.
    pub body_len: u64,
}

impl FrameHeader {
    /// Bytes of the longest header.
    pub const MAX_LEN: usize = 9;

    /// Longest body that a header of two bytes can announce.
    pub const SHORT_BODY_MAX: u64 = 255;

    /// Reads the header at the front of `input`. `None`: more bytes are needed.
    ///
    /// # Errors
    /// Reserved flag bits, a command with the more flag, a length of 2^63 or more. They show as early as possible:
    /// flags after the first byte.
    ///
    /// ```
    /// use netzmq_proto::FrameHeader;
    /// let header = FrameHeader::parse(b"\x01\x05hello\x00\x05world")?.expect("complete");
    /// assert!(header.more);
    /// assert_eq!((header.header_len, header.body_len), (2, 5));
    /// # Ok::<(), netzmq_proto::ProtocolError>(())
    /// ```
    #[inline]
    pub fn parse(input: &[u8]) -> Result<Option<FrameHeader>, ProtocolError> {
        let Some((&flags, rest)) = input.split_first() else { return Ok(None) };
        if flags & !KNOWN != 0 || flags & (COMMAND | MORE) == COMMAND | MORE {
            return Err(bad_flags(flags));
        }
        let (header_len, body_len) = if flags & LONG == 0 {
            let Some(&len) = rest.first() else { return Ok(None) };
            (2, u64::from(len))
        } else {
            let Some(&len) = rest.first_chunk::<8>() else { return Ok(None) };
            let len = u64::from_be_bytes(len);
            if len >> 63 != 0 {
                return Err(too_long(len));
            }
            (9, len)
        };
        Ok(Some(FrameHeader { more: flags & MORE != 0, command: flags & COMMAND != 0, header_len, body_len }))
    }

    /// Writes the header of a frame with `body_len` bytes into `out` and returns how many bytes it takes: 2 for a
    /// body of at most 255 bytes, else 9.
    ///
    /// The caller never asks for a command with more, nor for 2^63 bytes (both checked in debug builds).
    #[inline]
    pub fn encode(more: bool, command: bool, body_len: u64, out: &mut [u8; Self::MAX_LEN]) -> usize {
        debug_assert!(!(more && command), "a command is never followed by more");
        debug_assert!(body_len >> 63 == 0, "no memory holds 2^63 bytes");
        let flags = (u8::from(more) * MORE) | (u8::from(command) * COMMAND);
        if let Ok(len) = u8::try_from(body_len) {
            out[0] = flags;
            out[1] = len;
            2
        } else {
            out[0] = flags | LONG;
            out[1..].copy_from_slice(&body_len.to_be_bytes());
            9
        }
    }

    /// Bytes of the header that [`FrameHeader::encode`] writes for a body of `body_len` bytes: 2 or 9.
    #[inline]
    #[must_use]
    pub const fn len_for(body_len: u64) -> usize {
        if body_len <= Self::SHORT_BODY_MAX { 2 } else { 9 }
    }

    /// Appends a whole frame.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "`encode` says how much of `header` it wrote")]
    pub fn append_frame(more: bool, command: bool, body: &[u8], out: &mut Vec<u8>) {
        let mut header = [0; Self::MAX_LEN];
        let header_len = Self::encode(more, command, body.len() as u64, &mut header);
        out.reserve(header_len + body.len());
        out.extend_from_slice(&header[..header_len]);
        out.extend_from_slice(body);
    }
}

#[cold]
#[inline(never)]
fn bad_flags(flags: u8) -> ProtocolError {
    if flags & !KNOWN != 0 {
        PeerMisbehaved::ReservedFrameFlags { flags }.into()
    } else {
        PeerMisbehaved::CommandWithMore { flags }.into()
    }
}

#[cold]
#[inline(never)]
fn too_long(len: u64) -> ProtocolError {
    PeerMisbehaved::FrameTooLong { len }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_bytes() {
        let parse = |bytes: &[u8]| FrameHeader::parse(bytes).unwrap().unwrap();
        assert_eq!(
            parse(&[0x00, 0x00]),
            FrameHeader { more: false, command: false, header_len: 2, body_len: 0 }
        );
        assert_eq!(parse(&[0x04, 0x1a]).body_len, 26);
        assert!(parse(&[0x04, 0x1a]).command);
        let long = parse(&[0x03, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!((long.more, long.header_len, long.body_len), (true, 9, 65536));
        // The long form of a short length is legal.
        assert_eq!(parse(&[0x02, 0, 0, 0, 0, 0, 0, 0, 7]).body_len, 7);
    }

    #[test]
    fn refuses_at_the_first_possible_byte() {
        let error = |bytes: &[u8]| FrameHeader::parse(bytes).unwrap_err();
        assert_eq!(error(&[0x08]), PeerMisbehaved::ReservedFrameFlags { flags: 8 }.into());
        assert_eq!(error(&[0xff]), PeerMisbehaved::ReservedFrameFlags { flags: 255 }.into());
        assert_eq!(error(&[0x05]), PeerMisbehaved::CommandWithMore { flags: 5 }.into());
        let huge = [0x02, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(error(&huge), PeerMisbehaved::FrameTooLong { len: 1 << 63 }.into());
        assert_eq!(FrameHeader::parse(&huge[..8]), Ok(None));
        assert_eq!(FrameHeader::parse(&[]), Ok(None));
        assert_eq!(FrameHeader::parse(&[1]), Ok(None));
    }

    proptest! {
        #[test]
        fn encode_then_parse(more: bool, len in prop_oneof![0..600u64, 0..1u64 << 63]) {
            for command in [false, true] {
                let more = more && !command;
                let mut out = [0; FrameHeader::MAX_LEN];
                let n = FrameHeader::encode(more, command, len, &mut out);
                prop_assert_eq!(n, FrameHeader::len_for(len));
                let header = FrameHeader { more, command, header_len: n as u8, body_len: len };
                prop_assert_eq!(FrameHeader::parse(&out[..n]).unwrap(), Some(header));
                for cut in 0..n {
                    prop_assert_eq!(FrameHeader::parse(&out[..cut]).unwrap(), None);
                }
            }
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(Some(header)) = FrameHeader::parse(&bytes) {
                prop_assert!(usize::from(header.header_len) <= bytes.len());
                prop_assert!(header.body_len >> 63 == 0);
                prop_assert!(!(header.more && header.command));
            }
        }
    }
}
