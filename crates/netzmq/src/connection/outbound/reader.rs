//! Messages out of frames again, when the connection that they were encoded for is lost.

use std::collections::VecDeque;

use netzmq_memory::Message;
use netzmq_proto::{CurveSealer, FrameHeader};

use super::Framing;
use super::item::Item;

/// Walks over what was never written, to get messages back out of frames.
pub(super) struct Reader<'a> {
    pub(super) items: &'a mut VecDeque<Item>,
}

impl Reader<'_> {
    pub(super) fn skip(&mut self, mut n: usize) {
        while n > 0 {
            let Some(item) = self.items.front_mut() else { return };
            let step = item.len().min(n);
            item.consume(step);
            n -= step;
            if item.len() == 0 {
                self.items.pop_front();
            }
        }
    }

    /// The next part; `Some(None)` for a command that was walked over; `None` at the end.
    pub(super) fn next_part(
        &mut self,
        framing: Framing,
        sealer: Option<&CurveSealer>,
    ) -> Option<Option<Message>> {
        while self.items.front().is_some_and(|item| item.len() == 0) {
            self.items.pop_front();
        }
        let front = self.items.front()?;
        if framing == Framing::Raw {
            let whole = Message::copy_from_slice(front.bytes());
            self.items.pop_front();
            return Some(Some(whole));
        }
        let header = FrameHeader::parse(front.bytes()).ok()??;
        self.skip(header.header_len as usize);
        while self.items.front().is_some_and(|item| item.len() == 0) {
            self.items.pop_front();
        }
        let length = header.body_len as usize;
        if header.command {
            // It may lie in several pieces.
            self.skip(length);
            return Some(None);
        }
        let body = match self.items.front() {
            Some(Item::Body(message, 0)) if message.len() == length => {
                let body = message.clone();
                self.items.pop_front();
                body
            }
            Some(item) if length > 0 => {
                let body = Message::copy_from_slice(item.bytes().get(..length)?);
                self.skip(length);
                body
            }
            _ => Message::new(),
        };
        if let Some(sealer) = sealer {
            return Some(sealer.recover(&body).map(|(more, bytes)| {
                let mut message = Message::copy_from_slice(&bytes);
                message.set_more(more);
                message
            }));
        }
        let mut body = body;
        body.set_more(header.more);
        Some(Some(body))
    }
}
