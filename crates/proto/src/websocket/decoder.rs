//! WebSocket frames into ZMTP 3 frames.
//!
//! Invariants: a message that came in one frame is passed on as it comes, never held; one in fragments is held until it
//! is whole, up to the largest message. Of pings only the newest is kept. After a close nothing more is taken.

use super::{
    BINARY, CLOSE, COMMAND, CONTINUATION, CONTROL_MAX, FINAL, MASKED, MORE, PING, PONG, RESERVED, apply_mask,
};
use crate::error::{PeerMisbehaved, ProtocolError, WsFault};
use crate::reframe::append_head;

/// Two bytes, eight of length, four of mask.
const HEAD_MAX: usize = 14;

/// Turns a peer's WebSocket frames into ZMTP 3 frames, from the first byte behind the upgrade.
#[derive(Debug)]
pub struct WsDecoder {
    expects_mask: bool,
    max_message_size: u64,
    head: [u8; HEAD_MAX],
    have: usize,
    frame: Option<Frame>,
    /// Flags and body of a message in fragments.
    fragments: Option<Vec<u8>>,
    control: Vec<u8>,
    ping: Option<Vec<u8>>,
    controls: u64,
    closed: bool,
}

/// The frame whose payload is coming.
#[derive(Debug, Copy, Clone)]
struct Frame {
    kind: Kind,
    mask: [u8; 4],
    length: u64,
    taken: u64,
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
enum Kind {
    Whole,
    Fragment { last: bool },
    Control(u8),
}

impl WsDecoder {
    /// `expects_mask`: this side is the server, and clients mask. `max_message_size` bounds a message in fragments, in
    /// bytes; `None`: by what arrives alone.
    #[must_use]
    pub fn new(expects_mask: bool, max_message_size: Option<u64>) -> WsDecoder {
        WsDecoder {
            expects_mask,
            max_message_size: max_message_size.unwrap_or(u64::MAX),
            head: [0; HEAD_MAX],
            have: 0,
            frame: None,
            fragments: None,
            control: Vec::new(),
            ping: None,
            controls: 0,
            closed: false,
        }
    }

    /// Appends what `input` becomes.
    ///
    /// # Errors
    /// The peer broke the rules: what came before is in `out`, and the decoder is of no use any more.
    pub fn decode(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        while !input.is_empty() && !self.closed {
            let Some(mut frame) = self.frame else {
                input = self.take_head(input)?;
                // It may be complete without a payload.
                self.finish_frame(out)?;
                continue;
            };
            let left = usize::try_from(frame.length - frame.taken).unwrap_or(usize::MAX);
            let (payload, rest) = input.split_at(input.len().min(left));
            input = rest;
            self.take_payload(&mut frame, payload, out)?;
            self.frame = Some(frame);
            self.finish_frame(out)?;
        }
        Ok(())
    }

    /// The peer has sent a close frame: nothing more will come.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The payload of the newest ping that was not asked for yet: it is to be sent back.
    pub fn take_ping(&mut self) -> Option<Vec<u8>> {
        self.ping.take()
    }

    /// Control frames so far: signs of life that are no messages.
    #[must_use]
    pub fn controls(&self) -> u64 {
        self.controls
    }

    /// Takes bytes of a frame's head, and returns the rest.
    fn take_head<'a>(&mut self, input: &'a [u8]) -> Result<&'a [u8], ProtocolError> {
        let mut rest = input;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if let Some(slot) = self.head.get_mut(self.have) {
                *slot = byte;
                self.have += 1;
            }
            if self.have == 1 {
                self.check_opcode(byte)?;
            }
            if self.have < 2 {
                continue;
            }
            let second = self.head[1];
            if self.have == 2 && (second & MASKED != 0) != self.expects_mask {
                return Err(WsFault::Mask { expected: self.expects_mask }.into());
            }
            let extended = match second & !MASKED {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            let mask = if self.expects_mask { 4 } else { 0 };
            if self.have == 2 + extended + mask {
                self.have = 0;
                self.begin_frame(extended)?;
                return Ok(rest);
            }
        }
        Ok(rest)
    }

    fn check_opcode(&self, first: u8) -> Result<(), ProtocolError> {
        if first & RESERVED != 0 {
            return Err(WsFault::ReservedBits { first }.into());
        }
        let last = first & FINAL != 0;
        match (first & 0x0F, self.fragments.is_some()) {
            (BINARY, false) | (CONTINUATION, true) => Ok(()),
            (BINARY, true) | (CONTINUATION, false) => Err(WsFault::Sequence.into()),
            (CLOSE | PING | PONG, _) if last => Ok(()),
            (CLOSE | PING | PONG, _) => Err(WsFault::ControlInFragments.into()),
            (opcode, _) => Err(WsFault::Opcode { opcode }.into()),
        }
    }

    fn begin_frame(&mut self, extended: usize) -> Result<(), ProtocolError> {
        let [first, second, rest @ ..] = self.head;
        let (numbers, behind) = rest.split_at(extended.min(rest.len()));
        let length = match extended {
            0 => u64::from(second & !MASKED),
            _ => numbers.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        };
        if length >> 63 != 0 {
            return Err(PeerMisbehaved::FrameTooLong { len: length }.into());
        }
        let mask = match behind.first_chunk::<4>() {
            Some(&mask) if self.expects_mask => mask,
            _ => [0; 4],
        };
        let last = first & FINAL != 0;
        let kind = match first & 0x0F {
            BINARY if last => Kind::Whole,
            BINARY | CONTINUATION => Kind::Fragment { last },
            opcode => Kind::Control(opcode),
        };
        match kind {
            Kind::Whole if length == 0 => return Err(WsFault::NoFlags.into()),
            Kind::Whole => {}
            Kind::Fragment { .. } => {
                let held = self.fragments.get_or_insert_default().len() as u64;
                // The flags' byte is not the message's.
                let total = held.saturating_add(length).saturating_sub(1);
                if total > self.max_message_size {
                    return Err(ProtocolError::message_too_long(total, self.max_message_size));
                }
            }
            Kind::Control(_) if length > CONTROL_MAX as u64 => {
                return Err(WsFault::ControlTooLong { len: length }.into());
            }
            Kind::Control(_) => self.control.clear(),
        }
        self.frame = Some(Frame { kind, mask, length, taken: 0 });
        Ok(())
    }

    fn take_payload(
        &mut self,
        frame: &mut Frame,
        mut payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        let mut position = frame.taken;
        frame.taken += payload.len() as u64;
        if frame.kind == Kind::Whole
            && position == 0
            && let Some((&flags, rest)) = payload.split_first()
        {
            append_message_head(flags ^ frame.mask[0], frame.length - 1, out)?;
            position = 1;
            payload = rest;
        }
        let target = match frame.kind {
            Kind::Whole => out,
            Kind::Fragment { .. } => self.fragments.get_or_insert_default(),
            Kind::Control(_) => &mut self.control,
        };
        let start = target.len();
        target.extend_from_slice(payload);
        if self.expects_mask {
            apply_mask(frame.mask, position, target.get_mut(start..).unwrap_or_default());
        }
        Ok(())
    }

    /// Closes the frame if its payload is complete.
    fn finish_frame(&mut self, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        let Some(frame) = self.frame.filter(|frame| frame.taken == frame.length) else { return Ok(()) };
        self.frame = None;
        match frame.kind {
            Kind::Whole | Kind::Fragment { last: false } => {}
            Kind::Fragment { last: true } => {
                let whole = self.fragments.take().unwrap_or_default();
                let (&flags, body) = whole.split_first().ok_or(WsFault::NoFlags)?;
                append_message_head(flags, body.len() as u64, out)?;
                out.extend_from_slice(body);
            }
            Kind::Control(opcode) => {
                self.controls += 1;
                match opcode {
                    PING => self.ping = Some(std::mem::take(&mut self.control)),
                    CLOSE => self.closed = true,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn append_message_head(flags: u8, body_len: u64, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
    if flags & !(MORE | COMMAND) != 0 || flags == MORE | COMMAND {
        return Err(WsFault::Flags { flags }.into());
    }
    append_head(flags & MORE != 0, flags & COMMAND != 0, body_len, out);
    Ok(())
}
