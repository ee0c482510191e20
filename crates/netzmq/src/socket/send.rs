//! Sending: the pattern says where to, the pipe takes it, and somebody writes.

use netzmq_memory::Message;
use netzmq_proto::FrameHeader;

use super::core::{Guard, Shared};
use super::wait::Woken;
use crate::connection::outbound::{Body, REFERENCE_FROM, WRITE_BYTES};
use crate::deadline;
use crate::engine::job::Fault;
use crate::error::{SendError, SendFailure, SendMultipartError};
use crate::multipart::Multipart;
use crate::patterns::{Outgoing, PipeId, Refusal, Verdict};
use crate::pipe::Link;
use crate::transport::stream::Moved;

/// Whether a call may wait.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Wait {
    /// As long as the socket's time-out allows.
    Timeout,
    /// Not at all.
    Never,
}

/// A borrowed body of this size is written from where it lies instead of being copied first.
const WRITE_THROUGH_FROM: usize = 32 * 1024;

impl Shared {
    pub(crate) fn send(&self, body: Body<'_>, more: bool, wait: Wait) -> Result<(), SendError> {
        self.send_part(self.lock(), body, more, wait).1
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
            let result;
            (core, result) = self.send_part(core, Body::Owned(part), next.is_some(), wait);
            if let Err(SendError { message, reason }) = result {
                if begun {
                    let c = &mut *core;
                    c.pattern.abort_send(&mut c.pipes);
                    c.sending = false;
                }
                let message = std::iter::once(message).chain(next).chain(parts).collect();
                return Err(SendMultipartError { message: Box::new(message), reason });
            }
            match next {
                Some(next) => part = next,
                None => return Ok(()),
            }
            begun = true;
        }
    }

    /// Gives the lock back still held after a part with more to follow: nobody was let in between.
    #[inline]
    fn send_part<'a>(
        &'a self,
        mut core: Guard<'a>,
        body: Body<'_>,
        more: bool,
        wait: Wait,
    ) -> (Guard<'a>, Result<(), SendError>) {
        let mut deadline = None;
        loop {
            self.read_mail(&mut core);
            if core.terminated {
                return (core, fail(body, SendFailure::Terminated));
            }
            if core.closed {
                return (core, fail(body, SendFailure::Closed));
            }
            let c = &mut *core;
            let (routing_id, group) = match &body {
                Body::Owned(message) => {
                    (message.routing_id(), message.annotations().map_or("", |a| &a.group).as_bytes())
                }
                Body::Borrowed(_) | Body::Given(_) => (0, "".as_bytes()),
            };
            let outgoing = Outgoing { body: body.bytes(), more, routing_id, group };
            match c.pattern.route(&mut c.pipes, &outgoing) {
                Verdict::To(id) => {
                    core.sending = more;
                    if self.can_write_through(&mut core, id, &body, more) {
                        return (self.write_through(core, id, body.bytes()), Ok(()));
                    }
                    // Peers that speak no ZMTP know no parts.
                    let more = more && !core.pattern.is_raw();
                    core.pipes.push(id, body, more);
                    if !more {
                        core = self.after_send(core, id);
                        self.settle(&mut core);
                    }
                    return (core, Ok(()));
                }
                Verdict::Fan => {
                    core.sending = more;
                    return (self.fan_out(core, body, more), Ok(()));
                }
                verdict @ (Verdict::Absorbed | Verdict::Drop) => {
                    core.counts.no_receiver += u64::from(verdict == Verdict::Drop && !more);
                    core.sending = more;
                    self.settle(&mut core);
                    if !more && !core.pipes.dirty.is_empty() && !core.flush_posted {
                        core = self.write_or_post(core);
                    }
                    return (core, Ok(()));
                }
                Verdict::Refuse(refusal) => return (core, fail(body, refusal.into())),
                Verdict::Block => {}
            }
            if !core.pipes.dirty.is_empty() {
                // Room may be only a write away.
                core = self.flush_dirty(core);
                continue;
            }
            let timeout = core.options.send_timeout;
            if wait == Wait::Never || timeout.is_some_and(|t| t.is_zero()) {
                return (core, fail(body, SendFailure::WouldBlock));
            }
            let deadline = *deadline.get_or_insert_with(|| timeout.map(deadline::after));
            let woken;
            (core, woken) = self.wait_room(core, deadline);
            match woken {
                Woken::Maybe => {}
                Woken::TimedOut => return (core, fail(body, SendFailure::WouldBlock)),
                Woken::Interrupted => return (core, fail(body, SendFailure::Interrupted)),
            }
        }
    }

    /// Encoded once for each peer: a small body is copied, a large one shared.
    fn fan_out<'a>(&'a self, mut core: Guard<'a>, body: Body<'_>, more: bool) -> Guard<'a> {
        let body = match body {
            Body::Borrowed(bytes) if bytes.len() >= REFERENCE_FROM => {
                Body::Owned(Message::copy_from_slice(bytes))
            }
            Body::Given(bytes) if bytes.len() >= REFERENCE_FROM => Body::Owned(Message::from(bytes)),
            body => body,
        };
        let c = &mut *core;
        let mut full = std::mem::take(&mut c.scratch);
        for &id in c.pattern.fan() {
            let copy = match &body {
                Body::Owned(message) if message.len() >= REFERENCE_FROM => Body::Owned(message.clone()),
                body => Body::Borrowed(body.bytes()),
            };
            c.pipes.push(id, copy, more);
            if !more && c.pipes.get(id).is_some_and(|p| p.wants_write()) {
                full.push(id);
            }
        }
        for &id in &full {
            core = self.flush(core, id, 1);
        }
        full.clear();
        core.scratch = full;
        if more {
            return core;
        }
        if !core.flush_posted && !core.pipes.dirty.is_empty() {
            core = self.write_or_post(core);
        }
        self.settle(&mut core);
        core
    }

    /// The body can go out from the caller's own memory: it is large, nothing is before it, nobody is writing.
    fn can_write_through(&self, core: &mut Guard<'_>, id: PipeId, body: &Body<'_>, more: bool) -> bool {
        let Body::Borrowed(bytes) = body else { return false };
        if more || bytes.len() < WRITE_THROUGH_FROM {
            return false;
        }
        let Some(pipe) = core.pipes.get(id) else { return false };
        let conflate = pipe.conflate;
        let Link::Wire(wire) = &pipe.link else { return false };
        !conflate
            && wire.stream.is_some()
            && wire.writing.is_free()
            && !wire.broken
            && wire.out.takes_write_through()
    }

    fn write_through<'a>(&'a self, mut core: Guard<'a>, id: PipeId, body: &[u8]) -> Guard<'a> {
        let mut header = [0; FrameHeader::MAX_LEN];
        let n = FrameHeader::encode(false, false, body.len() as u64, &mut header);
        let header = &header[..n];
        let Some(pipe) = core.pipes.get(id) else { return core };
        pipe.stats.messages_out += 1;
        let Some(wire) = pipe.wire() else { return core };
        let session = wire.session;
        let Some(stream) = wire.stream.clone() else { return core };
        let total = header.len() + body.len();
        wire.writing.take();
        wire.out.begin_write_through(total as u64);
        drop(core);
        let mut written = 0;
        let mut fault = None;
        while written < total {
            let head = &header[written.min(header.len())..];
            let rest = &body[written.saturating_sub(header.len())..];
            let rest = &rest[..rest.len().min(WRITE_BYTES)];
            match stream.write_vectored(&[std::io::IoSlice::new(head), std::io::IoSlice::new(rest)]) {
                Ok(Moved::Bytes(n)) => {
                    written += n;
                    if n < head.len() + rest.len() {
                        break;
                    }
                }
                Ok(Moved::WouldBlock | Moved::End) => break,
                Err(error) => {
                    fault = Some(Fault::Io(error));
                    break;
                }
            }
        }
        core = self.lock();
        if let Some(pipe) = core.pipes.get(id)
            && let Some(wire) = pipe.wire().filter(|w| w.session == session)
        {
            wire.writing.give_back(written < total);
            wire.out.wrote_through(header, body, written);
            pipe.stats.bytes_out += written as u64;
            if let Some(fault) = fault {
                self.fault(&mut core, id, fault);
            }
            self.let_go(&mut core, id);
            // What others have queued meanwhile, and the rest of this one if there is room again.
            core = self.flush(core, id, 1);
        }
        self.settle(&mut core);
        core
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

fn fail(body: Body<'_>, reason: SendFailure) -> Result<(), SendError> {
    Err(SendError { message: body.into_message(), reason })
}
