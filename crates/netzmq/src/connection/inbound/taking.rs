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
            && let Some(part) = chunk.plain_part()
        {
            let result = f(Taken::Bytes(chunk.buffer.get(part.start..part.end)?, &self.memory));
            chunk.off = part.end;
            if chunk.off == chunk.len {
                self.release();
            }
            self.count_taken(part.more);
            return Some((result, part.more));
        }
        self.take_slow(f)
    }

    /// [`take_with`](Inbound::take_with) for the usual case only: a plain frame in the chunk that was read last, and
    /// not the last one there, whose body is `wanted`. Otherwise gives `f` back.
    #[inline]
    pub(crate) fn take_at_once<R, F: FnOnce(Taken<'_>) -> R>(
        &mut self,
        wanted: impl FnOnce(&[u8]) -> bool,
        f: F,
    ) -> Result<(R, bool), F> {
        if self.messages < 2 || self.raw || !self.ready.is_empty() {
            return Err(f);
        }
        let Some(chunk) = &mut self.chunk else { return Err(f) };
        let Some(part) = chunk.plain_part() else { return Err(f) };
        let Some(body) = chunk.buffer.get(part.start..part.end) else { return Err(f) };
        if !wanted(body) {
            return Err(f);
        }
        chunk.off = part.end;
        // Not the last message, so the chunk is neither used up, nor are only commands left.
        self.messages -= usize::from(!part.more);
        Ok((f(Taken::Bytes(body, &self.memory)), part.more))
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
