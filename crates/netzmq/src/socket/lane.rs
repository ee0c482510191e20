//! The short way: a send or a receive for which nothing is to be done but a copy.
//!
//! In a stream of small messages nearly every call is of this kind: somebody else is going to write, the segment has
//! room, the next message lies in the chunk that was read last. These calls ask only what they must to know that, and
//! otherwise leave everything as it was to the general way ([`super::send`], [`super::recv`]), which is the one that
//! defines what happens. Nothing here waits, writes or reads. Nobody is told anything, but a peer in this process that
//! has run out of messages, or of room.
//!
//! What such a call has found out holds for the next one, too, if nobody else has had the socket's lock in between: it
//! leaves a *permit*, by which so many more may go on without asking. With it comes the memory that they work on, the
//! segment being filled or the chunk being handed out; what they did is entered in the pipe's books when it goes back.
//!
//! Invariants:
//! - A permit lasts until the lock is taken by any other way than `lock_for_short_way` (which is what whoever comes back
//!   from a system call does, too), a call goes the general way, or somebody writes. So nobody sees a pipe whose memory
//!   is lent, but calls on the short way, which end the permit of their direction before they look.
//! - A permit to send is used up before the sender's next look at the clock, a full batch, or the high-water mark; one to
//!   receive before the next look at the other connections, or the last message that was read.

use super::core::{Core, Shared};
use super::fan_lane::FanPermit;
use super::recv::{Describe, POLL_EVERY, tell_sender};
use super::stay::Ask;
use crate::connection::inbound::{Loan, Taken};
use crate::connection::outbound::{Body, Tail, WRITE_NOW_BYTES, near};
use crate::gathering::LOOK_EVERY;
use crate::options::ReceiveMemory;
use crate::patterns::{Pattern, PipeId};
use crate::pipe::Link;
use crate::pipe::inproc::is_copied;
use crate::poller::Interest;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Permits {
    /// To this pipe.
    tail: Option<Tail>,
    tail_of: PipeId,
    /// From this pipe.
    loan: Option<Loan>,
    loan_of: PipeId,
    /// Not everything that comes is wanted (SUB).
    is_filtered: bool,
    pub(super) fan: FanPermit,
}

impl Permits {
    pub(super) const NONE: Permits = Permits {
        tail: None,
        tail_of: PipeId(0),
        loan: None,
        loan_of: PipeId(0),
        is_filtered: false,
        fan: FanPermit::none(),
    };
}

/// What kind of message may go on alike.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) enum PermitKind {
    None,
    Send,
    Fan,
}

impl Permits {
    /// What may be sent. Never both: a socket type has one target, or a fan.
    #[inline]
    pub(super) fn kind(&self) -> PermitKind {
        if self.tail.is_some() {
            PermitKind::Send
        } else if self.fan.is_open() {
            PermitKind::Fan
        } else {
            PermitKind::None
        }
    }
}

impl Core {
    /// From now on nothing is known, and everything is where it belongs.
    #[inline]
    pub(super) fn end_permits(&mut self) {
        self.end_send();
        self.end_recv();
        if self.permits.fan.is_open() {
            self.close_fan();
        }
    }

    #[inline]
    pub(super) fn end_send(&mut self) {
        if self.permits.tail.is_some() {
            self.return_tail();
        }
    }

    #[inline]
    pub(super) fn end_recv(&mut self) {
        if self.permits.loan.is_some() {
            self.restore_loan();
        }
    }

    #[inline(never)]
    fn return_tail(&mut self) {
        let Some(tail) = self.permits.tail.take() else { return };
        let Some(pipe) = self.pipes.get(self.permits.tail_of) else { return };
        if let Some(wire) = pipe.wire() {
            debug_assert!(wire.dirty, "nobody would write this");
            let messages = wire.out.return_tail(tail);
            pipe.stats.messages_out += messages as u64;
        }
    }

    #[inline(never)]
    fn restore_loan(&mut self) {
        let Some(loan) = self.permits.loan.take() else { return };
        let Some(pipe) = self.pipes.get(self.permits.loan_of) else { return };
        if let Some(wire) = pipe.wire() {
            let messages = wire.inbound.restore(loan);
            pipe.stats.messages_in += messages as u64;
            self.since_poll += messages as u32;
        }
    }
}

impl Shared {
    /// Whether a send would not wait. What the last one found out is enough, if it holds.
    pub(crate) fn has_room(&self) -> bool {
        let core = self.lock_for_short_way();
        let known = core.permits.tail.as_ref().is_some_and(Tail::is_open);
        core.unlock();
        known || self.events(Interest::WRITABLE, Ask::Yes).1
    }

    /// Appends a whole message of one part, as the last one was. False: nothing has happened.
    #[inline(always)]
    pub(super) fn send_by_permit(&self, core: &mut Core, body: &[u8]) -> bool {
        let Some(tail) = &mut core.permits.tail else { return false };
        if self.mailbox.has_mail() || !tail.append(body) {
            return false;
        }
        self.count_sent();
        true
    }

    /// Appends a whole message of one part, if that is all there is to do. False: nothing has happened.
    #[inline]
    pub(super) fn send_at_once(&self, core: &mut Core, body: &Body<'_>) -> bool {
        if core.closed || core.terminated || self.mailbox.has_mail() || self.is_time_to_look() {
            return false;
        }
        let Some(id) = core.pattern.next_target() else { return false };
        let someone_will_write = core.flush_posted;
        let Some(pipe) = core.pipes.get(id) else { return false };
        let wire = match &mut pipe.link {
            Link::Wire(wire) => wire,
            Link::Inproc(end) => {
                if pipe.ended || !is_copied(body) || !end.push_at_once(body.bytes()) {
                    return false;
                }
                pipe.stats.bytes_out += body.bytes().len() as u64;
                pipe.stats.messages_out += 1;
                core.pattern.target_taken();
                core.sending = false;
                self.count_sent();
                return true;
            }
        };
        // A writer that has the token looks again before it lets go, and one that waits for room has enough.
        let writable = wire.writing.is_free();
        if (writable && !someone_will_write) || !wire.dirty || pipe.ended || pipe.conflate || pipe.full {
            return false;
        }
        let (bytes, messages) = match (writable, pipe.send_hwm) {
            (true, 0) => (WRITE_NOW_BYTES, usize::MAX),
            (true, hwm) => (WRITE_NOW_BYTES, near(hwm)),
            (false, 0) => (u64::MAX, usize::MAX),
            (false, hwm) => (u64::MAX, hwm),
        };
        if wire.stream.is_none() {
            return false;
        }
        let Some((bytes, messages)) = wire.out.room_at_once(bytes, messages) else { return false };
        let Some(added) = wire.out.append_at_once(body.bytes(), bytes) else { return false };
        pipe.stats.messages_out += 1;
        core.pattern.target_taken();
        core.sending = false;
        if core.pattern.has_one_target() {
            let until_look = LOOK_EVERY - 1 - self.sent().messages % LOOK_EVERY;
            let messages = (messages - 1).min(until_look as usize);
            if messages > 0 {
                core.permits.tail = wire.out.lend_tail(bytes - added, messages);
                core.permits.tail_of = id;
            }
        }
        self.count_sent();
        true
    }

    /// Notes whom the message behind this routing id goes to, if that is all there is to do. False: nothing has happened.
    #[inline(never)]
    pub(super) fn address_at_once(&self, core: &mut Core, routing_id: &[u8]) -> bool {
        if core.closed || core.terminated || self.mailbox.has_mail() {
            return false;
        }
        let Some(id) = core.pattern.target_named(routing_id) else { return false };
        let Some(pipe) = core.pipes.get(id) else { return false };
        let is_open = pipe.send_hwm == 0 && !pipe.ended && matches!(pipe.link, Link::Wire(_));
        if !is_open && !pipe.has_credit() {
            return false;
        }
        core.pattern.begin_send(id);
        core.sending = true;
        true
    }

    /// Hands out the next message of one part, as the last one was. Otherwise gives `sink` back.
    #[inline(always)]
    pub(super) fn recv_by_permit<R, F: FnOnce(Taken<'_>) -> R>(
        &self,
        core: &mut Core,
        describe: Describe<'_>,
        sink: F,
    ) -> Result<R, F> {
        let Some(loan) = &mut core.permits.loan else { return Err(sink) };
        if self.mailbox.has_mail() {
            return Err(sink);
        }
        let (is_filtered, pattern) = (core.permits.is_filtered, &core.pattern);
        let result = loan.take(|body| !is_filtered || pattern.wants(body), sink)?;
        if let Some(sender) = describe {
            let pipe = core.pipes.get(core.permits.loan_of);
            tell_sender(sender, pipe.and_then(|pipe| pipe.properties.as_ref()));
        }
        Ok(result)
    }

    /// Hands out the next part, if it is here and that is all there is to do. Otherwise gives `sink` back.
    #[inline]
    pub(super) fn recv_at_once<R, F: FnOnce(Taken<'_>) -> R>(
        &self,
        core: &mut Core,
        describe: Describe<'_>,
        sink: F,
    ) -> Result<(R, bool), F> {
        core.end_recv();
        if core.closed || core.terminated || core.signal.is_some() || core.options.conflate {
            return Err(sink);
        }
        // Also leaves it to the general way to look at the other connections now and then.
        if core.since_poll >= POLL_EVERY || self.mailbox.has_mail() {
            return Err(sink);
        }
        let Some(id) = core.pattern.next_source() else {
            return Shared::recv_id_at_once(core, describe, sink);
        };
        let is_single = core.pipes.len() == 1;
        let Some(pipe) = core.pipes.get(id) else { return Err(sink) };
        if pipe.ended {
            return Err(sink);
        }
        let pattern = &core.pattern;
        let (result, more) = match &mut pipe.link {
            Link::Wire(wire) => wire.inbound.take_at_once(|body| pattern.wants(body), sink)?,
            Link::Inproc(_) if matches!(pattern, Pattern::Sub(_)) => return Err(sink),
            Link::Inproc(end) => end.take_at_once(&mut pipe.stats.bytes_in, sink)?,
        };
        if let Some(sender) = describe {
            tell_sender(sender, pipe.properties.as_ref());
        }
        pipe.stats.messages_in += u64::from(!more);
        core.since_poll += 1;
        core.pattern.taken(id, more);
        if core.pattern.has_one_source()
            && let Link::Wire(wire) = &mut pipe.link
        {
            // A single connection keeps no other one waiting.
            let until_look = if is_single { u32::MAX } else { POLL_EVERY.saturating_sub(core.since_poll) };
            core.permits.loan = wire.inbound.lend(until_look as usize);
            core.permits.loan_of = id;
            core.permits.is_filtered = !core.pattern.wants_all();
        }
        Ok((result, more))
    }

    /// The same for the routing id in front of a message that is here. Out of line, so that it costs the other types
    /// nothing.
    #[inline(never)]
    fn recv_id_at_once<R, F: FnOnce(Taken<'_>) -> R>(
        core: &mut Core,
        describe: Describe<'_>,
        sink: F,
    ) -> Result<(R, bool), F> {
        let Some((id, name)) = core.pattern.next_id() else { return Err(sink) };
        let Some(pipe) = core.pipes.get(id) else { return Err(sink) };
        let Link::Wire(wire) = &pipe.link else { return Err(sink) };
        if pipe.ended || wire.inbound.messages() == 0 {
            return Err(sink);
        }
        if let Some(sender) = describe {
            tell_sender(sender, pipe.properties.as_ref());
        }
        let result = sink(Taken::Bytes(name, &ReceiveMemory::Shared));
        core.pattern.id_taken(id);
        Ok((result, true))
    }
}
