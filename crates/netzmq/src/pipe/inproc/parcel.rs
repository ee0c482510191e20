//! What is handed from one socket of a process to another at one go: any number of whole messages, for the price of a
//! swap.
//!
//! A short body that its sender keeps, or that lies in its message or in pooled memory, is copied into one run of bytes,
//! behind the last one, and copied out by the receiver. So it costs no block of memory that is rented by one thread and returned by
//! another, and the two processors exchange as few cache lines as there are bytes. Every other body goes as the message
//! that it is, never copied.
//!
//! Invariant: `marks` names the parts in order, those before `mark` taken; `bytes` from `byte` on are the bodies of the
//! others that were copied, `owned` are those that were not. Emptied by taking, it begins anew in the same memory.

use std::collections::VecDeque;

use netzmq_memory::{Message, MessageKind};

use crate::connection::inbound::Taken;
use crate::connection::outbound::Body;
use crate::options::ReceiveMemory;
use crate::pipe::tally::Tally;

/// A body up to this size is copied twice rather than rented, handed over and returned.
pub(crate) const COPIED_MAX: usize = 1024;
/// A message in pooled memory is copied up to this size: its block then goes back to the thread that rented it. Lower than
/// the other, because only the receiver's half is saved.
const OWNED_COPIED_MAX: usize = 512;
/// At most so many bytes lie in one run; what comes behind them is rented. A queue so long keeps both sides busy anyway,
/// and the memory of a run is kept.
const RUN_BYTES_MAX: usize = 256 * 1024;
/// A run of this size is kept, however little of it was used.
const RUN_BYTES_KEPT: usize = 8 * 1024;

const MORE: u32 = 1;
const OWNED: u32 = 2;
const LENGTH_SHIFT: u32 = 2;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    /// A word a part: whether more follow, whether it is owned, the length if not.
    marks: Vec<u32>,
    bytes: Vec<u8>,
    owned: VecDeque<Message>,
    /// The next mark to be taken, and where its body is if it was copied.
    mark: usize,
    byte: usize,
    /// Whole messages.
    messages: usize,
}

/// Whether the body may be copied: it is short, and there is nothing in it that a copy would lack.
#[inline]
pub(crate) fn is_copied(body: &Body<'_>) -> bool {
    match body {
        Body::Borrowed(bytes) => bytes.len() <= COPIED_MAX,
        Body::Given(bytes) => bytes.len() <= COPIED_MAX,
        Body::Owned(message) => {
            let copied_max = match message.kind() {
                MessageKind::Inline => Message::INLINE_MAX,
                MessageKind::Pooled => OWNED_COPIED_MAX,
                // Its owner may wait for the very same memory, or there is none to return.
                _ => return false,
            };
            message.len() <= copied_max && message.annotations().is_none() && message.routing_id() == 0
        }
    }
}

impl Parcel {
    /// Whole messages that were not taken.
    #[inline]
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// Nothing is in it, not even a part.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Appends a part. Whoever shares the parcel under a lock makes sure that a long body is a message before.
    #[inline]
    pub(super) fn push(&mut self, body: &mut Body<'_>, more: bool) {
        if !is_copied(body) || !self.push_copy(body.bytes(), more) {
            self.push_owned(body.take(), more);
        }
    }

    /// Appends a copy, if there is room for one.
    #[inline]
    pub(super) fn push_copy(&mut self, body: &[u8], more: bool) -> bool {
        if body.len() > COPIED_MAX || self.bytes.len() + body.len() > RUN_BYTES_MAX {
            return false;
        }
        self.marks.push((body.len() as u32) << LENGTH_SHIFT | u32::from(more));
        self.bytes.extend_from_slice(body);
        self.messages += usize::from(!more);
        true
    }

    pub(super) fn push_owned(&mut self, mut message: Message, more: bool) {
        message.set_more(more);
        self.marks.push(OWNED | u32::from(more));
        self.owned.push_back(message);
        self.messages += usize::from(!more);
    }

    /// Moves all that is in another one behind what is in this one.
    pub(super) fn append(&mut self, other: &mut Parcel) {
        self.marks.extend_from_slice(other.marks.get(other.mark..).unwrap_or_default());
        self.bytes.extend_from_slice(other.bytes.get(other.byte..).unwrap_or_default());
        self.owned.append(&mut other.owned);
        self.messages += other.messages;
        other.clear();
    }

    pub(super) fn clear(&mut self) {
        self.owned.clear();
        self.begin_anew();
    }

    /// The next part, and whether more follow.
    pub(super) fn peek(&self) -> Option<(&[u8], bool)> {
        let mark = *self.marks.get(self.mark)?;
        let body = if mark & OWNED != 0 {
            self.owned.front()?.as_slice()
        } else {
            self.bytes.get(self.byte..self.byte + (mark >> LENGTH_SHIFT) as usize)?
        };
        Some((body, mark & MORE != 0))
    }

    /// Hands the next part to `f`, counts its bytes, and says whether more follow. Otherwise gives `f` back.
    #[inline]
    pub(super) fn take_with<R, F: FnOnce(Taken<'_>) -> R>(
        &mut self,
        memory: &ReceiveMemory,
        bytes_taken: &mut Tally,
        f: F,
    ) -> Result<(R, bool), F> {
        let Some(&mark) = self.marks.get(self.mark) else { return Err(f) };
        let more = mark & MORE != 0;
        let result = if mark & OWNED != 0 {
            let Some(message) = self.owned.pop_front() else { return Err(f) };
            *bytes_taken += message.len() as u64;
            f(Taken::Owned(message))
        } else {
            let end = self.byte + (mark >> LENGTH_SHIFT) as usize;
            let Some(body) = self.bytes.get(self.byte..end) else { return Err(f) };
            self.byte = end;
            *bytes_taken += body.len() as u64;
            f(Taken::Bytes(body, memory))
        };
        self.mark += 1;
        self.messages -= usize::from(!more);
        if self.mark == self.marks.len() {
            self.begin_anew();
        }
        Ok((result, more))
    }

    /// Everything was taken: the same memory again, if most of it was of use.
    fn begin_anew(&mut self) {
        if self.bytes.capacity() > RUN_BYTES_KEPT && self.bytes.len() < self.bytes.capacity() / 16 {
            self.bytes = Vec::new();
            self.marks = Vec::new();
            self.owned = VecDeque::new();
        }
        self.bytes.clear();
        self.marks.clear();
        (self.mark, self.byte, self.messages) = (0, 0, 0);
    }
}

#[cfg(all(test, not(netzmq_loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(size: usize, fill: u8) -> Vec<u8> {
        vec![fill; size]
    }

    fn take(parcel: &mut Parcel) -> Option<(Vec<u8>, bool, bool)> {
        let peeked = parcel.peek().map(|(body, more)| (body.to_vec(), more));
        let taken = parcel.take_with(&ReceiveMemory::Shared, &mut 0, |taken| {
            let owned = matches!(taken, Taken::Owned(_));
            (taken.bytes().to_vec(), owned)
        });
        let taken = taken.ok().map(|((body, owned), more)| (body, more, owned));
        assert_eq!(peeked, taken.clone().map(|(body, more, _)| (body, more)));
        taken
    }

    proptest! {
        /// Goal: parts come out whole, in order, copied or owned, whatever was appended, taken and moved over in between.
        /// Method: random parts of all sizes into one of two parcels, beside a queue.
        #[test]
        fn parts_come_out_as_they_went_in(
            steps in prop::collection::vec((0..4u8, 0..1500usize, prop::bool::ANY), 0..200),
        ) {
            let (mut parcel, mut behind) = (Parcel::default(), Parcel::default());
            let (mut queue, mut pending) = (VecDeque::new(), VecDeque::new());
            let mut serial = 0u8;
            for (what, size, more) in steps {
                serial = serial.wrapping_add(1);
                let bytes = body(size, serial);
                match what {
                    0 => {
                        let owned = size > COPIED_MAX;
                        behind.push(&mut Body::Borrowed(&bytes), more);
                        pending.push_back((bytes, more, owned));
                    }
                    1 => {
                        let owned = size > OWNED_COPIED_MAX;
                        behind.push(&mut Body::Owned(Message::copy_from_slice(&bytes)), more);
                        pending.push_back((bytes, more, owned));
                    }
                    2 => {
                        parcel.append(&mut behind);
                        queue.append(&mut pending);
                        prop_assert!(behind.is_empty() && behind.messages() == 0);
                    }
                    _ => prop_assert_eq!(take(&mut parcel), queue.pop_front()),
                }
                prop_assert_eq!(parcel.messages(), queue.iter().filter(|(_, more, _)| !more).count());
            }
        }
    }

    /// Goal: a run has an end, and the memory of a burst goes again. Method: more than fits, then little.
    #[test]
    fn a_run_is_bounded_and_shrinks() {
        let mut parcel = Parcel::default();
        let bytes = body(COPIED_MAX, 1);
        let fitting = RUN_BYTES_MAX / COPIED_MAX;
        for index in 0..fitting + 10 {
            parcel.push(&mut Body::Borrowed(&bytes), false);
            assert_eq!(parcel.owned.len(), (index + 1).saturating_sub(fitting));
        }
        for index in 0..fitting + 10 {
            assert_eq!(take(&mut parcel), Some((bytes.clone(), false, index >= fitting)));
        }
        assert!(parcel.bytes.capacity() >= RUN_BYTES_MAX, "all of it was used");
        parcel.push(&mut Body::Borrowed(&bytes), false);
        take(&mut parcel);
        assert!(parcel.is_empty() && parcel.bytes.capacity() == 0);
    }
}
