//! Sending: the pattern says where to, the pipe takes it, and somebody writes.

use std::time::{Duration, Instant};

use netzmq_proto::FrameHeader;

use super::core::{Core, Guard, Shared};
use super::lane::PermitKind;
use super::wait::Woken;
use crate::connection::outbound::{Body, REFERENCE_FROM, WRITE_BYTES};
use crate::deadline;
use crate::engine::job::{Fault, Job};
use crate::error::{SendError, SendFailure, SendMultipartError};
use crate::multipart::Multipart;
use crate::patterns::{Outgoing, PipeId, Refusal, Verdict};
use crate::pipe::Link;
use crate::pipe::pace::STALLED_AFTER;
use crate::transport::stream::Moved;

/// Whether a call may wait.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Wait {
    /// As long as the socket's time-out allows.
    Timeout,
    /// Not at all.
    Never,
    /// Not at all, and as libzmq counts: messages that the kernel took since the high-water mark was reached last give
    /// room only with the I/O thread's next turn, or after [`CREDIT_AFTER`].
    Throttled,
}

/// How long a sender that never waits lives with the room that was counted last, if the I/O thread has not counted anew.
/// libzmq's senders look every millisecond or two; but they share no lock with the I/O thread, beside which a first burst may
/// take that long for one high-water mark's messages.
const CREDIT_AFTER: Duration = Duration::from_millis(5);

/// A borrowed body of this size is written from where it lies instead of being copied first.
const WRITE_THROUGH_FROM: usize = 32 * 1024;

/// Drops what was sent. Where there is nothing to be dropped, the compiler would find that out by a call.
#[inline(always)]
fn drop_sent(body: Body<'_>) {
    if matches!(body, Body::Borrowed(_)) {
        std::mem::forget(body);
    }
}

impl Shared {
    #[inline(always)]
    pub(crate) fn send(&self, mut body: Body<'_>, more: bool, wait: Wait) -> Result<(), SendError> {
        let core = if more || !self.sends_along || wait == Wait::Throttled {
            self.lock_for_short_way()
        } else if let Some(core) = self.send_along(body.bytes()) {
            core
        } else {
            drop_sent(body);
            return Ok(());
        };
        match self.send_on(core, &mut body, more, wait) {
            Ok(()) => {
                drop_sent(body);
                Ok(())
            }
            Err(reason) => Err(SendError { message: body.into_message(), reason }),
        }
    }

    /// `send_in`, as a function.
    #[inline(never)]
    fn send_on(
        &self,
        core: Guard<'_>,
        body: &mut Body<'_>,
        more: bool,
        wait: Wait,
    ) -> Result<(), SendFailure> {
        self.send_in(core, body, more, wait)
    }

    /// Sends by a permit, if there is one, and returns `None`; otherwise the lock. A function of its own, and small: it is
    /// all that most of the messages of a stream meet.
    #[inline(never)]
    fn send_along(&self, body: &[u8]) -> Option<Guard<'_>> {
        let mut core = self.lock_for_short_way();
        if self.send_by_permit(&mut core, body) {
            core.unlock();
            return None;
        }
        Some(core)
    }

    /// Sends under a lock that was taken for it, by the short way. The body is dropped by the caller: by then the lock is
    /// free.
    #[inline]
    pub(crate) fn send_in(
        &self,
        mut core: Guard<'_>,
        body: &mut Body<'_>,
        more: bool,
        wait: Wait,
    ) -> Result<(), SendFailure> {
        let done = match core.permits.kind() {
            PermitKind::None => self.try_at_once(&mut core, body, more, wait),
            PermitKind::Send => {
                (!more && wait != Wait::Throttled && self.send_by_permit(&mut core, body.bytes()))
                    || self.try_at_once(&mut core, body, more, wait)
            }
            PermitKind::Fan => !more && self.fan_by_permit(&mut core, body.bytes()),
        };
        if done {
            core.unlock();
            return Ok(());
        }
        core.end_permits();
        self.send_part(&mut core, body, more, wait)
    }

    /// Goes the short way if it can, with permits ended.
    #[inline]
    fn try_at_once(&self, core: &mut Core, body: &Body<'_>, more: bool, wait: Wait) -> bool {
        core.end_send();
        if more {
            return wait != Wait::Throttled && self.address_at_once(core, body.bytes());
        }
        (wait != Wait::Throttled || core.has_counted_room()) && self.send_at_once(core, body)
    }

    /// All parts of a message under one lock: no other thread's come between them.
    pub(crate) fn send_whole(&self, message: Multipart, wait: Wait) -> Result<(), SendMultipartError> {
        let mut core = self.lock();
        let mut begun = false;
        let mut parts = message.into_iter();
        let Some(mut part) = parts.next() else {
            return Err(SendMultipartError { message: Box::default(), reason: SendFailure::Malformed });
        };
        loop {
            let next = parts.next();
            let mut body = Body::Owned(part);
            if let Err(reason) = self.send_part(&mut core, &mut body, next.is_some(), wait) {
                if begun {
                    let c = &mut *core;
                    c.pattern.abort_send(&mut c.pipes);
                    c.sending = false;
                }
                let message = std::iter::once(body.into_message()).chain(next).chain(parts).collect();
                return Err(SendMultipartError { message: Box::new(message), reason });
            }
            match next {
                Some(next) => part = next,
                None => return Ok(()),
            }
            begun = true;
        }
    }

    /// Takes the body, if it succeeds. The lock is held all the time if more parts are to follow: nobody is let in
    /// between. (By reference, and a failure as a mere word: moving them costs more than all the rest.)
    fn send_part(
        &self,
        core: &mut Guard<'_>,
        body: &mut Body<'_>,
        more: bool,
        wait: Wait,
    ) -> Result<(), SendFailure> {
        let mut deadline = None;
        let mut throttled = wait == Wait::Throttled;
        self.hear_subscribers(core);
        loop {
            self.read_mail(core);
            if core.terminated {
                core.end_told = true;
                return Err(SendFailure::Terminated);
            }
            if core.closed {
                return Err(SendFailure::Closed);
            }
            let c = &mut **core;
            let (routing_id, group) = match &*body {
                Body::Owned(message) => {
                    (message.routing_id(), message.annotations().map_or("", |a| &a.group).as_bytes())
                }
                Body::Borrowed(_) | Body::Given(_) => (0, "".as_bytes()),
            };
            let outgoing = Outgoing { body: body.bytes(), more, routing_id, group };
            if throttled {
                c.pipes.throttled = c.pattern.waits_for_room();
            }
            let verdict = c.pattern.route(&mut c.pipes, &outgoing);
            c.pipes.throttled = false;
            match verdict {
                Verdict::To(id) => {
                    c.sending = more;
                    let large = !more && body.bytes().len() >= WRITE_THROUGH_FROM;
                    let until = if large && wait == Wait::Timeout { self.patience(core, id) } else { None };
                    if large && self.can_write_through(core, id, body) {
                        self.write_through(core, id, body.bytes(), until);
                        return Ok(());
                    }
                    // Peers that speak no ZMTP know no parts.
                    let more = more && !core.pattern.is_raw();
                    core.pipes.push(id, body, more);
                    if !more {
                        self.count_sent();
                        self.after_send(core, id);
                        if let Some(until) = until {
                            self.drive(core, id, until);
                        }
                        self.settle(core);
                    }
                    return Ok(());
                }
                Verdict::Fan => {
                    core.sending = more;
                    self.fan_out(core, body, more);
                    return Ok(());
                }
                verdict @ (Verdict::Absorbed | Verdict::Drop) => {
                    core.counts.no_receiver += u64::from(verdict == Verdict::Drop && !more);
                    core.sending = more;
                    self.settle(core);
                    if !more && !core.pipes.dirty.is_empty() {
                        self.see_to_writing(core);
                    }
                    return Ok(());
                }
                Verdict::Refuse(refusal) => return Err(refusal.into()),
                Verdict::Block if throttled && core.awaits_credit() => {
                    self.post_credit(core);
                    return Err(SendFailure::WouldBlock);
                }
                Verdict::Block => {}
            }
            if std::mem::take(&mut throttled) {
                core.credit();
                continue;
            }
            if !core.pipes.dirty.is_empty() {
                // Room may be only a write away.
                self.flush_dirty(core);
                continue;
            }
            let timeout = core.options.send_timeout;
            if wait != Wait::Timeout || timeout.is_some_and(|t| t.is_zero()) {
                return Err(SendFailure::WouldBlock);
            }
            let deadline = *deadline.get_or_insert_with(|| timeout.map(deadline::after));
            match self.wait_room(core, deadline) {
                Woken::Maybe => {}
                Woken::TimedOut => return Err(SendFailure::WouldBlock),
                Woken::Interrupted => return Err(SendFailure::Interrupted),
            }
        }
    }

    /// Has the I/O thread write what there is, and count what has left.
    #[cold]
    fn post_credit(&self, core: &mut Core) {
        core.credit_wanted = true;
        if !std::mem::replace(&mut core.flush_posted, true) {
            let seen = self.sent().messages;
            self.context.post(self.home_thread(), Job::Flush { shared: self.arc(), seen });
        }
    }

    /// Encoded once for each peer: a small body is copied, a large one shared.
    fn fan_out(&self, core: &mut Guard<'_>, body: &mut Body<'_>, more: bool) {
        if !matches!(body, Body::Owned(_)) && body.bytes().len() >= REFERENCE_FROM {
            *body = Body::Owned(body.take());
        }
        let c = &mut **core;
        let mut full = std::mem::take(&mut c.scratch);
        let small = !more && body.bytes().len() < REFERENCE_FROM;
        for &id in c.pattern.fan() {
            if small {
                if c.pipes.push_small(id, body.bytes()) {
                    full.push(id);
                }
                continue;
            }
            let mut copy = match &*body {
                Body::Owned(message) if message.len() >= REFERENCE_FROM => Body::Owned(message.clone()),
                body => Body::Borrowed(body.bytes()),
            };
            c.pipes.push(id, &mut copy, more);
            if !more && c.pipes.get(id).is_some_and(|p| p.wants_write()) {
                full.push(id);
            }
        }
        if !full.is_empty() {
            self.count_driven();
        } else if small {
            self.permit_fan(core, body.bytes());
        }
        for &id in &full {
            self.flush(core, id, 1);
        }
        full.clear();
        core.scratch = full;
        if more {
            return;
        }
        self.count_sent();
        if !core.pipes.dirty.is_empty() {
            self.see_to_writing(core);
        }
        self.settle(core);
    }

    /// A large body can go out from the caller's own memory: nothing is before it, nobody is writing.
    #[inline]
    fn can_write_through(&self, core: &mut Guard<'_>, id: PipeId, body: &Body<'_>) -> bool {
        let Body::Borrowed(_) = body else { return false };
        let Some(pipe) = core.pipes.get(id) else { return false };
        let conflate = pipe.conflate;
        let Link::Wire(wire) = &pipe.link else { return false };
        !conflate
            && wire.stream.is_some()
            && wire.writing.is_free()
            && !wire.broken
            && wire.out.takes_write_through()
    }

    #[cold]
    fn write_through(&self, core: &mut Guard<'_>, id: PipeId, body: &[u8], until: Option<Instant>) {
        let mut header = [0; FrameHeader::MAX_LEN];
        let n = FrameHeader::encode(false, false, body.len() as u64, &mut header);
        let header = &header[..n];
        let Some(pipe) = core.pipes.get(id) else { return };
        pipe.stats.messages_out += 1;
        let Some(wire) = pipe.wire() else { return };
        let session = wire.session;
        let Some(stream) = wire.stream.clone() else { return };
        let total = header.len() + body.len();
        wire.writing.take();
        wire.out.begin_write_through(total as u64);
        let (mut written, mut fault, mut stalled) = (0, None, false);
        core.unlocked(|| {
            while written < total {
                let head = &header[written.min(header.len())..];
                let rest = &body[written.saturating_sub(header.len())..];
                let rest = &rest[..rest.len().min(WRITE_BYTES)];
                match stream.write_vectored(&[std::io::IoSlice::new(head), std::io::IoSlice::new(rest)]) {
                    Ok(Moved::Bytes(n)) => {
                        written += n;
                        if n == head.len() + rest.len() {
                            continue;
                        }
                    }
                    Ok(Moved::WouldBlock | Moved::End) => {}
                    Err(error) => {
                        fault = Some(Fault::Io(error));
                        break;
                    }
                }
                if until.is_some_and(|until| Instant::now() < until) {
                    if stream.wait_room(STALLED_AFTER) {
                        continue;
                    }
                    stalled = true;
                }
                self.report_room(session, &stream);
                break;
            }
        });
        if let Some(pipe) = core.pipes.get(id)
            && let Some(wire) = pipe.wire().filter(|w| w.session == session)
        {
            wire.writing.give_back(written < total);
            if wire.pace.writer_is_back() {
                self.mailbox.wake();
            }
            if stalled {
                wire.pace.stall();
            } else if written > 0 {
                wire.pace.moved();
            }
            wire.out.wrote_through(header, body, written);
            pipe.stats.bytes_out += written as u64;
            if let Some(fault) = fault {
                self.fault(core, id, fault);
            }
            self.let_go(core, id);
            // What others have queued meanwhile, and the rest of this one if there is room again.
            self.flush(core, id, 1);
        }
        self.settle(core);
    }
}

impl Core {
    /// What was counted last is so young that a sender who never waits has to live with it.
    fn awaits_credit(&self) -> bool {
        self.credited_at.is_some_and(|at| at.elapsed() < CREDIT_AFTER)
    }

    /// The next message has room by what was counted last.
    fn has_counted_room(&mut self) -> bool {
        let target = self.pattern.next_target();
        let pipe = target.and_then(|id| self.pipes.get(id));
        pipe.is_some_and(|pipe| pipe.has_credit() || matches!(pipe.link, Link::Inproc(_)))
    }

    /// Counts anew what has left the pipes that were found full, and tells the pattern of those with room. Says whether
    /// there are any.
    pub(crate) fn credit(&mut self) -> bool {
        self.credited_at = Some(Instant::now());
        let mut roomier = Vec::new();
        for pipe in self.pipes.iter_mut() {
            if pipe.full && pipe.has_room() {
                roomier.push(pipe.id);
            }
        }
        for &id in &roomier {
            self.pattern.writable(&mut self.pipes, id);
        }
        !roomier.is_empty()
    }
}

impl From<Refusal> for SendFailure {
    fn from(refusal: Refusal) -> SendFailure {
        match refusal {
            Refusal::NotSupported => SendFailure::NotSupported,
            Refusal::WrongState => SendFailure::WrongState,
            Refusal::Unroutable => SendFailure::Unroutable,
            Refusal::Malformed => SendFailure::Malformed,
        }
    }
}
