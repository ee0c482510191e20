//! ZMTP 3 frames into WebSocket frames, one for one.
//!
//! Invariant: a control frame never falls into another frame; it waits until that is complete.

use super::{BINARY, CLOSE, COMMAND, CONTROL_MAX, FINAL, MASKED, MORE, PING, PONG, apply_mask};
use crate::error::ProtocolError;
use crate::frame::FrameHeader;
use crate::reframe::{FrameWalker, Piece};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use std::fmt;

/// Turns ZMTP 3 frames into WebSocket frames.
pub struct WsEncoder {
    walker: FrameWalker,
    /// Where a client's masks come from.
    masks: Option<ChaCha20Rng>,
    mask: [u8; 4],
    position: u64,
    /// Control frames that wait for the frame at hand to be complete.
    late: Vec<u8>,
}

impl WsEncoder {
    /// The server's end: nothing is masked.
    #[must_use]
    pub fn server() -> WsEncoder {
        WsEncoder { walker: FrameWalker::default(), masks: None, mask: [0; 4], position: 0, late: Vec::new() }
    }

    /// The client's end, which masks what it sends. `seed` is fresh randomness: proxies between must not be able to
    /// foretell the masks.
    #[must_use]
    pub fn client(seed: [u8; 32]) -> WsEncoder {
        WsEncoder { masks: Some(ChaCha20Rng::from_seed(seed)), ..WsEncoder::server() }
    }

    /// Appends what `input` becomes.
    ///
    /// # Errors
    /// The input is not made of ZMTP 3 frames: our own fault.
    pub fn encode(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        while let Some(piece) = self.walker.next(&mut input)? {
            match piece {
                Piece::Head(header) => self.begin(&header, out),
                Piece::Body(body) => self.append_masked(body, out),
            }
            if self.walker.is_whole() {
                out.append(&mut self.late);
            }
        }
        Ok(())
    }

    /// Asks the peer for a sign of life.
    pub fn ping(&mut self, out: &mut Vec<u8>) {
        self.control(PING, b"", out);
    }

    /// Answers a ping, with its payload.
    pub fn pong(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.control(PONG, payload, out);
    }

    /// Says that nothing more will come.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        self.control(CLOSE, b"", out);
    }

    fn control(&mut self, opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
        let payload = payload.get(..CONTROL_MAX).unwrap_or(payload);
        // The mask of a frame that is not complete is still needed.
        let (mask, position) = (self.mask, self.position);
        let mut frame = Vec::with_capacity(payload.len() + 6);
        self.append_head(opcode, payload.len() as u64, &mut frame);
        self.append_masked(payload, &mut frame);
        (self.mask, self.position) = (mask, position);
        let target = if self.walker.is_whole() { out } else { &mut self.late };
        target.append(&mut frame);
    }

    fn begin(&mut self, header: &FrameHeader, out: &mut Vec<u8>) {
        self.append_head(BINARY, header.body_len + 1, out);
        let flags = (u8::from(header.more) * MORE) | (u8::from(header.command) * COMMAND);
        self.append_masked(&[flags], out);
    }

    fn append_head(&mut self, opcode: u8, length: u64, out: &mut Vec<u8>) {
        let masked = if self.masks.is_some() { MASKED } else { 0 };
        out.push(FINAL | opcode);
        match length {
            0..=125 => out.push(masked | length as u8),
            126..=0xFFFF => {
                out.push(masked | 126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                out.push(masked | 127);
                out.extend_from_slice(&length.to_be_bytes());
            }
        }
        self.position = 0;
        if let Some(masks) = &mut self.masks {
            masks.fill_bytes(&mut self.mask);
            out.extend_from_slice(&self.mask);
        }
    }

    fn append_masked(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(bytes);
        if self.masks.is_some() {
            apply_mask(self.mask, self.position, out.get_mut(start..).unwrap_or_default());
        }
        self.position += bytes.len() as u64;
    }
}

/// Shows no randomness.
impl fmt::Debug for WsEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsEncoder").field("masks", &self.masks.is_some()).finish_non_exhaustive()
    }
}
