//! One command frame of a handshake, collected from however many pieces.
//!
//! Invariants: never a byte of what follows is taken; memory grows with the bytes received; the body is wiped when
//! dropped, since it may hold a password.

use crate::error::{PeerMisbehaved, ProtocolError};
use crate::frame::FrameHeader;
use crate::limits::COMMAND_BYTES_MAX;
use zeroize::Zeroizing;

/// Collects one command frame, byte by byte if it must, and never a byte of the next.
#[derive(Debug, Default)]
pub(super) struct CommandBuffer {
    header_bytes: Vec<u8>,
    header: Option<FrameHeader>,
    body: Zeroizing<Vec<u8>>,
}

impl CommandBuffer {
    /// Takes bytes from the front of `input`, up to the end of the frame, and returns how many.
    pub(super) fn fill(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut rest = input;
        while self.header.is_none() {
            let Some((&byte, after)) = rest.split_first() else { return Ok(input.len()) };
            self.header_bytes.push(byte);
            rest = after;
            self.header = FrameHeader::parse(&self.header_bytes)?;
            if let Some(header) = self.header {
                if !header.command {
                    return Err(PeerMisbehaved::NotACommand { len: header.body_len }.into());
                }
                if header.body_len > COMMAND_BYTES_MAX as u64 {
                    return Err(ProtocolError::command_too_long(header.body_len, COMMAND_BYTES_MAX as u64));
                }
            }
        }
        // Enough for any PLAIN HELLO, so that no growing leaves an unwiped copy of a password behind.
        let missing = self.missing();
        self.body.reserve(missing.min(1024));
        let taken = rest.len().min(missing);
        self.body.extend_from_slice(rest.get(..taken).unwrap_or_default());
        Ok(input.len() - rest.len() + taken)
    }

    fn missing(&self) -> usize {
        let len = self.header.map_or(0, |header| usize::try_from(header.body_len).unwrap_or(usize::MAX));
        len.saturating_sub(self.body.len())
    }

    /// The whole body, if it is here.
    pub(super) fn take(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        if self.header.is_none() || self.missing() > 0 {
            return None;
        }
        self.header = None;
        self.header_bytes.clear();
        Some(std::mem::take(&mut self.body))
    }
}
