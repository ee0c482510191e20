//! A publisher's short way: messages that go to the same peers as the last one are encoded once, for all of them.
//!
//! They are gathered in one segment that belongs to nobody yet. As soon as anybody else takes the socket's lock, or a
//! message comes that is not of this kind, the segment is handed to every peer: shared if it is large, else copied. So
//! such a message costs the same for one subscriber and for a hundred, and what each of them holds, waits for and counts
//! is as if it had been given every message by itself.
//!
//! Invariants:
//! - What is gathered is handed out before anybody can look at the pipes: see `Permits`.
//! - None of these messages would have filled a pipe, or made its sender write: the permit is used up before that.

use std::time::Instant;

use netzmq_memory::PooledBuffer;

use super::core::{Core, Guard, Shared};
use crate::connection::buffers::SEGMENT_BYTES;
use crate::connection::outbound::{Ends, REFERENCE_FROM, WRITE_NOW_BYTES, append_frame, near};
use crate::patterns::PipeId;
use crate::pipe::Link;
use netzmq_proto::FrameHeader;

/// A topic of which more bytes than these decide who gets it is looked up for each message.
const PREFIX_MAX: usize = 64;
/// For fewer messages it is not worth the while.
const MESSAGES_MIN: usize = 4;

/// So many messages that begin with `prefix`, of so many bytes in all, to these pipes; and those that were gathered.
#[derive(Debug)]
pub(super) struct FanPermit {
    messages: usize,
    bytes: usize,
    pipes: Vec<PipeId>,
    prefix: Vec<u8>,
    segment: Option<PooledBuffer>,
    used: usize,
    ends: Ends,
}

impl FanPermit {
    pub(super) const fn none() -> FanPermit {
        FanPermit {
            messages: 0,
            bytes: 0,
            pipes: Vec::new(),
            prefix: Vec::new(),
            segment: None,
            used: 0,
            ends: Ends::new(),
        }
    }

    /// There is one, used or not.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.messages > 0 || self.used > 0
    }
}

impl Shared {
    /// Gathers a whole message of one part, if it goes where the last one went. False: nothing has happened.
    #[inline(never)]
    pub(super) fn fan_by_permit(&self, core: &mut Guard<'_>, body: &[u8]) -> bool {
        let c = &mut **core;
        let permit = &mut c.permits.fan;
        if permit.messages == 0 || self.mailbox.has_mail() {
            return false;
        }
        let longest = body.len() + FrameHeader::MAX_LEN;
        if longest >= permit.bytes || body.len() >= REFERENCE_FROM || !body.starts_with(&permit.prefix) {
            return false;
        }
        let segment = permit.segment.get_or_insert_with(|| c.pipes.buffers.rent(permit.bytes));
        let Some(room) = segment.get_mut(permit.used..).filter(|room| room.len() >= longest) else {
            return false;
        };
        let added = append_frame(room, body, false);
        permit.used += added;
        permit.bytes -= added;
        permit.messages -= 1;
        permit.ends.push(permit.used as u64);
        let look = self.is_time_to_look();
        self.count_sent();
        if look && self.is_overdue(c, Instant::now()) {
            c.end_permits();
            self.flush_dirty(core);
        }
        true
    }

    /// Leaves a permit for messages like this one, which has just been sent to all that want it.
    pub(super) fn permit_fan(&self, core: &mut Core, body: &[u8]) {
        let Some(prefix) = core.pattern.fan_prefix(body).and_then(|length| body.get(..length)) else {
            return;
        };
        if prefix.len() > PREFIX_MAX {
            return;
        }
        let (mut bytes, mut messages) = (SEGMENT_BYTES as u64, usize::MAX);
        // Its senders may be of those who are turned away by what was counted last.
        let counts_credit = core.pattern.waits_for_room();
        for &id in core.pattern.fan() {
            let Some(pipe) = core.pipes.get(id) else { return };
            let Link::Wire(wire) = &pipe.link else { return };
            // As for one peer, see `send_at_once`.
            let writable = wire.writing.is_free();
            if (writable && !core.flush_posted) || !wire.dirty || pipe.ended || pipe.conflate || pipe.full {
                return;
            }
            let limits = match (writable, pipe.send_hwm) {
                (true, 0) => (WRITE_NOW_BYTES, usize::MAX),
                (true, hwm) => (WRITE_NOW_BYTES, near(hwm)),
                (false, 0) => (u64::MAX, usize::MAX),
                (false, hwm) => (u64::MAX, hwm),
            };
            if wire.stream.is_none() {
                return;
            }
            let Some(room) = wire.out.room_at_once(limits.0, limits.1) else { return };
            if counts_credit {
                messages = messages.min(pipe.credit());
            }
            (bytes, messages) = (bytes.min(room.0), messages.min(room.1));
        }
        if messages < MESSAGES_MIN || bytes < REFERENCE_FROM as u64 {
            return;
        }
        let permit = &mut core.permits.fan;
        permit.pipes.clear();
        permit.pipes.extend_from_slice(core.pattern.fan());
        permit.prefix.clear();
        permit.prefix.extend_from_slice(prefix);
        (permit.messages, permit.bytes) = (messages, bytes as usize);
    }
}

impl Core {
    /// Hands out what was gathered, and ends the permit.
    #[cold]
    #[inline(never)]
    pub(super) fn close_fan(&mut self) {
        let permit = &mut self.permits.fan;
        (permit.messages, permit.bytes) = (0, 0);
        let used = std::mem::take(&mut permit.used);
        let ends = permit.ends.take();
        let Some(mut segment) = permit.segment.take().filter(|_| used > 0) else { return };
        if segment.set_len(used).is_err() {
            return;
        }
        let batch = segment.freeze();
        for &id in &permit.pipes {
            let Some((pipe, buffers)) = self.pipes.with_buffers(id) else { continue };
            pipe.stats.messages_out += ends.len() as u64;
            if let Some(wire) = pipe.wire() {
                debug_assert!(wire.dirty, "nobody would write this");
                wire.out.append_encoded(buffers, &batch, &ends);
            }
        }
    }
}
