//! Other framings than ZMTP 3's, turned into it and out of it, so that the rest of the engine knows only one.
//!
//! A connection whose bytes are framed otherwise (a WebSocket, a ZMTP 1.0 peer) gets a decoder and an encoder in front of
//! its stream. Both take any cut of the bytes.
//!
//! Never here: what a message means. Invariant: what a decoder puts out are whole and valid ZMTP 3 frames, in whatever
//! pieces; what an encoder takes in is the same.

pub(crate) mod zmtp1;

use crate::error::ProtocolError;
use crate::frame::FrameHeader;

/// Finds the frames in a stream of ZMTP 3 bytes.
#[derive(Debug, Default)]
pub(crate) struct FrameWalker {
    head: [u8; FrameHeader::MAX_LEN],
    have: usize,
    left: u64,
}

/// What comes next in the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A frame begins.
    Head(FrameHeader),
    /// Bytes of the frame's body, never none.
    Body(&'a [u8]),
}

impl FrameWalker {
    /// Takes the next piece from the front of `input`; `None` when more bytes are needed.
    pub(crate) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, ProtocolError> {
        if self.left > 0 {
            if input.is_empty() {
                return Ok(None);
            }
            let length = input.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let (body, rest) = input.split_at(length);
            *input = rest;
            self.left -= length as u64;
            return Ok(Some(Piece::Body(body)));
        }
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            if let Some(slot) = self.head.get_mut(self.have) {
                *slot = byte;
                self.have += 1;
            }
            if let Some(header) = FrameHeader::parse(self.head.get(..self.have).unwrap_or_default())? {
                self.have = 0;
                self.left = header.body_len;
                return Ok(Some(Piece::Head(header)));
            }
        }
        Ok(None)
    }

    /// The frame whose pieces were handed out last is complete.
    pub(crate) fn is_whole(&self) -> bool {
        self.left == 0
    }
}

/// Appends the header of a ZMTP 3 frame.
pub(crate) fn append_head(more: bool, command: bool, body_len: u64, out: &mut Vec<u8>) {
    let mut head = [0; FrameHeader::MAX_LEN];
    let length = FrameHeader::encode(more, command, body_len, &mut head);
    out.extend_from_slice(head.get(..length).unwrap_or_default());
}
