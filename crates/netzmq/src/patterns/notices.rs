//! News of peers: messages of a routing id and an empty part that tell of a connect or a disconnect.
//!
//! For STREAM and for ROUTER when it asks. A connect is told before the peer's first message, a disconnect after its
//! last: as long as the lost peer's pipe holds messages, the news waits.
//!
//! Invariant: no more than `WAITING_MAX` wait; beyond it news is lost, so that a peer that connects over and over
//! costs an application that does not listen no memory.

use super::routing_table::RoutingTable;
use super::{Part, PipeId, Pipes};
use netzmq_memory::Message;
use std::collections::VecDeque;

/// A notice takes some 70 bytes; this many peers may come and go between two receives.
const WAITING_MAX: usize = 1 << 16;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    waiting: VecDeque<Message>,
    /// Pipes whose peer is lost and whose messages are not all read.
    leaving: Vec<PipeId>,
    /// The routing id has been given out, its empty part not yet.
    halfway: bool,
}

impl Notices {
    /// There is no news, nor any that waits for a pipe to be read empty.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.leaving.is_empty() && !self.halfway
    }

    /// News of the peer with this id.
    pub(crate) fn push(&mut self, id: Message) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(id);
        }
    }

    /// The peer of `pipe` is lost; tell of it when all its messages are read.
    pub(crate) fn leave<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, id: &Message) {
        if pipes.has_message(pipe) {
            self.leaving.push(pipe);
        } else {
            self.push(id.clone());
        }
    }

    /// Whether `pipe` was leaving, which it now no longer is.
    pub(crate) fn stop_leaving(&mut self, pipe: PipeId) -> bool {
        let before = self.leaving.len();
        self.leaving.retain(|&other| other != pipe);
        self.leaving.len() < before
    }

    /// Whether the next part is of a notice. To be asked between messages only.
    #[inline]
    pub(crate) fn has_part<P: Pipes>(&mut self, pipes: &mut P, table: &RoutingTable) -> bool {
        if !self.leaving.is_empty() {
            let mut index = 0;
            while let Some(&pipe) = self.leaving.get(index) {
                if pipes.has_message(pipe) {
                    index += 1;
                    continue;
                }
                self.leaving.remove(index);
                if let Some(id) = table.id_of(pipe) {
                    self.push(id.clone());
                }
            }
        }
        self.halfway || !self.waiting.is_empty()
    }

    /// The next part of a notice.
    #[inline]
    pub(crate) fn next_part<P: Pipes>(&mut self, pipes: &mut P, table: &RoutingTable) -> Option<Part> {
        if !self.has_part(pipes, table) {
            return None;
        }
        if self.halfway {
            self.halfway = false;
            return Some(Part { body: Message::new(), more: false });
        }
        let body = self.waiting.pop_front()?;
        self.halfway = true;
        Some(Part { body, more: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an application that does not listen costs bounded memory. Method: more news than may wait.
    #[test]
    fn what_waits_is_bounded() {
        let mut notices = Notices::default();
        for _ in 0..2 * WAITING_MAX {
            notices.push(Message::new());
        }
        assert_eq!(notices.waiting.len(), WAITING_MAX);
    }
}
