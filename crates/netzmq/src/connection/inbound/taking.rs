//! Handing out what was scanned: part after part, in order, from the front.
//!
//! Never reads and never meets an error: what is not a whole valid frame was not counted by the scan.

use super::chunk::layout;
use super::{Inbound, Ready, Taken};

impl Inbound {
    /// The part that `take_with` would hand out, and whether more follow.
    pub(crate) fn peek(&mut self) -> Option<(&[u8], bool)> {
        self.find()?;
        match self.ready.front() {
            Some(Ready::Whole { body, more, command }) => {
                let part = layout(body, *more, *command)?;
                Some((body.get(part.start..)?, part.more))
            }
            Some(Ready::Chunk(chunk)) => chunk.peek(self.raw),
            None => self.chunk.as_ref()?.peek(self.raw),
        }
    }

    /// Hands the next part to `f`, and says whether more follow. `None`: no whole message is here.
    #[inline]
    pub(crate) fn take_with<R>(&mut self, f: impl FnOnce(Taken<'_>) -> R) -> Option<(R, bool)> {
        if self.messages == 0 {
            return None;
        }
        // The usual case first: a plain frame in the chunk that was read last.
        if self.ready.is_empty()
            && let Some(chunk) = &mut self.chunk
            && !self.raw
            && let Some(&[flags, length]) = chunk.buffer.get(chunk.off..chunk.off + 2)
            && flags <= 1
        {
            let start = chunk.off + 2;
            let end = start + length as usize;
            let result = f(Taken::Bytes(chunk.buffer.get(start..end)?, &self.memory));
            chunk.off = end;
            if chunk.off == chunk.len {
                self.release();
            }
            let more = flags == 1;
            self.count_taken(more);
            return Some((result, more));
        }
        self.take_slow(f)
    }

    /// [`take_with`](Inbound::take_with) for the usual case only: a plain frame in the chunk that was read last, and
    /// not the last one there. Otherwise gives `f` back.
    #[inline]
    pub(crate) fn take_at_once<R, F: FnOnce(Taken<'_>) -> R>(&mut self, f: F) -> Result<(R, bool), F> {
        if self.messages < 2 || self.raw || !self.ready.is_empty() {
            return Err(f);
        }
        let Some(chunk) = &mut self.chunk else { return Err(f) };
        let bytes = chunk.buffer.get(chunk.off..).unwrap_or_default();
        let (more, header, length) = match *bytes {
            [flags @ 0..=1, length, ..] => (flags == 1, 2, length as usize),
            [flags @ 2..=3, a, b, c, d, e, f, g, h, ..] => {
                (flags == 3, 9, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize)
            }
            _ => return Err(f),
        };
        let Some(body) = bytes.get(header..).and_then(|rest| rest.get(..length)) else { return Err(f) };
        chunk.off += header + length;
        // Not the last message, so the chunk is neither used up, nor are only commands left.
        self.messages -= usize::from(!more);
        Ok((f(Taken::Bytes(body, &self.memory)), more))
    }

    fn take_slow<R>(&mut self, f: impl FnOnce(Taken<'_>) -> R) -> Option<(R, bool)> {
        self.find()?;
        if let Some(Ready::Whole { .. }) = self.ready.front() {
            let Some(Ready::Whole { body, more, command }) = self.ready.pop_front() else { return None };
            let part = layout(&body, more, command)?;
            let body = if part.start == 0 { body } else { body.slice(part.start..) };
            self.count_taken(part.more);
            return Some((f(Taken::Owned(body)), part.more));
        }
        let raw = self.raw;
        let chunk = match self.ready.front_mut() {
            Some(Ready::Chunk(chunk)) => chunk,
            _ => self.chunk.as_mut()?,
        };
        let part = chunk.part(raw)?;
        let result = f(Taken::Bytes(chunk.buffer.get(part.start..part.end)?, &self.memory));
        chunk.off = part.end;
        if chunk.off == chunk.len {
            self.release();
        }
        self.count_taken(part.more);
        Some((result, part.more))
    }

    #[inline]
    fn count_taken(&mut self, more: bool) {
        self.messages -= usize::from(!more);
        if self.messages == 0 && !self.scan_more && (self.chunk.is_some() || !self.ready.is_empty()) {
            // Nothing but commands is left of what was scanned.
            self.ready.clear();
            if let Some(chunk) = &mut self.chunk {
                chunk.off = chunk.scanned;
                if chunk.off == chunk.len {
                    self.chunk = None;
                }
            }
        }
    }

    /// Gives the emptied front chunk back.
    fn release(&mut self) {
        match self.ready.front() {
            Some(Ready::Chunk(_)) => drop(self.ready.pop_front()),
            _ => self.chunk = None,
        }
    }

    /// Goes past commands and emptied chunks to the next part.
    fn find(&mut self) -> Option<()> {
        if self.messages == 0 {
            return None;
        }
        loop {
            let raw = self.raw;
            let (chunk, is_ready) = match self.ready.front_mut() {
                Some(Ready::Whole { body, more, command }) => {
                    if layout(body, *more, *command).is_some() {
                        return Some(());
                    }
                    self.ready.pop_front();
                    continue;
                }
                Some(Ready::Chunk(chunk)) => (chunk, true),
                None => (self.chunk.as_mut()?, false),
            };
            if chunk.off == chunk.scanned {
                if !is_ready {
                    return None;
                }
                self.release();
                continue;
            }
            match chunk.part(raw) {
                Some(_) => return Some(()),
                None => chunk.off = chunk.frame_end(raw)?,
            }
        }
    }
}
