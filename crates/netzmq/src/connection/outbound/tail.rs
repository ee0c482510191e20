//! The last segment of a connection's output, lent to the one who fills it.
//!
//! In a stream of small messages the books that are kept for each of them (offsets, who waits for what) cost more than
//! the copy. Whoever borrows the tail keeps none but where the messages end; the books are put right when it comes back.
//!
//! Invariants:
//! - While the tail is away, nothing else is appended, taken or counted: its holder gives it back before.
//! - It holds whole messages of one part, as plain ZMTP frames.

use netzmq_proto::FrameHeader;

use super::item::{Item, Segment, append_frame};
use super::{Ends, Outbound, REFERENCE_FROM};

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Tail {
    segment: Segment,
    /// No message may reach beyond.
    limit: usize,
    /// How many more messages may be appended.
    messages: usize,
    /// Where the messages in it end, those that were there before aside.
    ends: Ends,
    /// Where it ended when it was lent.
    lent_at: usize,
}

impl Tail {
    /// More messages may be appended: as far as the high-water mark goes, there is room.
    pub(crate) fn is_open(&self) -> bool {
        self.messages > 0
    }

    /// Appends a whole message of one part. False: nothing has happened, there is no room.
    #[inline(always)]
    pub(crate) fn append(&mut self, body: &[u8]) -> bool {
        if self.messages == 0 || body.len() >= REFERENCE_FROM {
            return false;
        }
        let room = self.segment.buffer.get_mut(self.segment.end..self.limit);
        let Some(room) = room.filter(|room| room.len() > body.len() + FrameHeader::MAX_LEN) else {
            return false;
        };
        self.segment.end += append_frame(room, body, false);
        self.ends.push(self.segment.end as u64);
        self.messages -= 1;
        true
    }
}

impl Outbound {
    /// Lends the last segment for at most so many messages, of so many bytes in all. Only after `room_at_once`.
    pub(crate) fn lend_tail(&mut self, bytes: u64, messages: usize) -> Option<Tail> {
        match self.items.back() {
            Some(Item::Bytes(segment)) if segment.buffer.len() - segment.end > FrameHeader::MAX_LEN => {}
            _ => return None,
        }
        let Some(Item::Bytes(segment)) = self.items.pop_back() else { return None };
        let lent_at = segment.end;
        let room = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut ends = self.spare_ends.take();
        ends.restart(lent_at as u64);
        Some(Tail {
            limit: lent_at.saturating_add(room).min(segment.buffer.len()),
            segment,
            messages,
            ends,
            lent_at,
        })
    }

    /// Takes the tail back, and says how many messages were appended.
    pub(crate) fn return_tail(&mut self, tail: Tail) -> usize {
        let Tail { segment, mut ends, lent_at, .. } = tail;
        let (added, messages) = ((segment.end - lent_at) as u64, ends.len());
        self.ends.append(self.appended - lent_at as u64, &ends);
        self.appended += added;
        self.committed = self.appended;
        self.items.push_back(Item::Bytes(segment));
        ends.clear();
        self.spare_ends = ends;
        messages
    }
}
