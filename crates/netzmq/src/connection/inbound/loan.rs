//! The chunk that is being handed out, lent to the one who hands it out.
//!
//! The counterpart of the outgoing [`Tail`](crate::connection::outbound::Tail): in a stream of small messages only the
//! chunk is looked at, and what was taken is counted when it comes back.
//!
//! Invariants:
//! - While the chunk is away, nothing else is read, taken or counted: its holder gives it back before.
//! - It comes back with a message in it at least, so that what ends with a chunk is not this file's business.

use super::chunk::Chunk;
use super::{Inbound, Taken};
use crate::options::ReceiveMemory;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Loan {
    chunk: Chunk,
    /// So many messages may still be taken.
    left: usize,
    /// And so many at first.
    lent: usize,
    memory: ReceiveMemory,
}

impl Loan {
    /// Hands out the next message, if it is a plain one of one part, and `wanted`. Otherwise gives `f` back.
    #[inline(always)]
    pub(crate) fn take<R, F: FnOnce(Taken<'_>) -> R>(
        &mut self,
        wanted: impl FnOnce(&[u8]) -> bool,
        f: F,
    ) -> Result<R, F> {
        if self.left == 0 {
            return Err(f);
        }
        let Some(part) = self.chunk.plain_part() else { return Err(f) };
        let Some(body) = self.chunk.buffer.get(part.start..part.end) else { return Err(f) };
        if part.more || !wanted(body) {
            return Err(f);
        }
        self.chunk.off = part.end;
        self.left -= 1;
        Ok(f(Taken::Bytes(body, &self.memory)))
    }
}

impl Inbound {
    /// Lends the chunk for at most so many messages, and not for the last one.
    pub(crate) fn lend(&mut self, messages: usize) -> Option<Loan> {
        let lent = messages.min(self.messages.saturating_sub(1));
        if lent == 0 || self.raw || !self.ready.is_empty() {
            return None;
        }
        Some(Loan { chunk: self.chunk.take()?, left: lent, lent, memory: self.memory.clone() })
    }

    /// Takes the chunk back, and says how many messages were taken.
    pub(crate) fn restore(&mut self, loan: Loan) -> usize {
        let taken = loan.lent - loan.left;
        self.messages -= taken;
        self.chunk = Some(loan.chunk);
        taken
    }
}
