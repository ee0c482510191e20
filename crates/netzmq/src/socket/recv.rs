//! Receiving: the pattern says where from, the pipe hands it out, and if there is nothing this caller goes and reads.

use std::sync::Arc;

use netzmq_memory::{Annotations, Message};
use netzmq_proto::SocketType;

use super::core::{Core, Guard, Lead, Shared};
use super::flow::Tour;
use super::send::Wait;
use super::wait::Woken;
use crate::connection::inbound::Taken;
use crate::deadline;
use crate::error::RecvError;
use crate::multipart::Multipart;
use crate::patterns::{Next, Part, PipeId, Refusal};

/// With several connections, the others are asked for news after so many messages from those already read.
pub(super) const POLL_EVERY: u32 = 64;

/// Who answers many connections in turn reads first what they have sent, and writes when so many answers wait.
const TURN_PIPES: usize = 32;
/// And after so many times [`POLL_EVERY`] receives, some 0.4 ms of nothing else.
const TURN_LOOKS: u32 = 32;

/// A sender that never pauses must not keep a conflating receiver from its message.
const CATCH_UP_READS: usize = 64;

impl Shared {
    /// Hands the next part to `sink`; returns what that made of it, and whether more parts follow.
    #[inline]
    pub(crate) fn recv<R>(
        &self,
        wait: Wait,
        sink: impl FnOnce(Taken<'_>) -> R,
    ) -> Result<(R, bool), RecvError> {
        self.recv_in(self.lock_for_short_way(), wait, sink)
    }

    /// The same under a lock that was taken for it, by the short way.
    #[inline]
    pub(crate) fn recv_in<R>(
        &self,
        mut core: Guard<'_>,
        wait: Wait,
        sink: impl FnOnce(Taken<'_>) -> R,
    ) -> Result<(R, bool), RecvError> {
        let received = self.recv_next(&mut core, wait, None, sink);
        core.unlock();
        received
    }

    /// Receives in place of what `message` held by a permit, if there is one, and returns `None`; otherwise the lock. As
    /// `send_along`, for receiving.
    #[inline(never)]
    pub(crate) fn recv_along(&self, message: &mut Message) -> Option<Guard<'_>> {
        let mut core = self.lock_for_short_way();
        if self.recv_by_permit(&mut core, None, |taken| taken.assign_to(message)).is_ok() {
            core.unlock();
            return None;
        }
        Some(core)
    }

    /// Receives in place of what `message` held, under a lock that was taken for it.
    #[inline(never)]
    pub(crate) fn recv_assign_in(
        &self,
        core: Guard<'_>,
        message: &mut Message,
        wait: Wait,
    ) -> Result<(), RecvError> {
        let ((), more) = self.recv_in(core, wait, |taken| taken.assign_to(message))?;
        message.set_more(more);
        Ok(())
    }

    /// Receives in place of what `message` held, and says on it what is known of the sender.
    #[inline]
    pub(crate) fn recv_described(
        &self,
        mut core: Guard<'_>,
        wait: Wait,
        message: &mut Message,
    ) -> Result<(), RecvError> {
        // Who receives into the same message again and again mostly finds its sender there: nothing to be counted.
        let mut sender = message.take_annotations();
        let received = self.recv_next(&mut core, wait, Some(&mut sender), |taken| taken.assign_to(message));
        core.unlock();
        let more = match received {
            Ok(((), more)) => more,
            Err(error) => {
                message.set_annotations(sender);
                return Err(error);
            }
        };
        if sender.is_some() {
            message.set_annotations(sender);
        }
        message.set_more(more);
        Ok(())
    }

    /// The next part as a `Vec`; large bodies to come will be read into one from the start.
    pub(crate) fn recv_vec(&self, wait: Wait) -> Result<(Vec<u8>, bool), RecvError> {
        let mut core = self.lock();
        core.pipes.buffers.expect_vecs();
        self.recv_next(&mut core, wait, None, |taken| taken.into_vec())
    }

    #[inline]
    fn recv_next<R>(
        &self,
        core: &mut Guard<'_>,
        wait: Wait,
        mut describe: Describe<'_>,
        mut sink: impl FnOnce(Taken<'_>) -> R,
    ) -> Result<(R, bool), RecvError> {
        match self.recv_by_permit(core, describe.as_deref_mut(), sink) {
            Ok(taken) => return Ok((taken, false)),
            Err(back) => sink = back,
        }
        if !Labels::are_of(self.socket_type) {
            match self.recv_at_once(core, describe.as_deref_mut(), sink) {
                Ok(taken) => return Ok(taken),
                Err(back) => sink = back,
            }
        }
        core.end_permits();
        self.recv_part(core, wait, true, describe, sink)
    }

    /// All parts of the next message, taken under one lock: no other thread gets any of them.
    pub(crate) fn recv_each(&self, wait: Wait, mut take: impl FnMut(Message)) -> Result<(), RecvError> {
        let mut core = self.lock_for_short_way();
        let mut received = self.recv_next(&mut core, wait, None, |taken| taken.into_message())?;
        loop {
            let (mut part, more) = received;
            part.set_more(more);
            take(part);
            if !more {
                core.unlock();
                return Ok(());
            }
            core.end_permits();
            received = self.recv_part(&mut core, wait, false, None, |taken| taken.into_message())?;
        }
    }

    /// The same as one.
    pub(crate) fn recv_whole(&self, wait: Wait) -> Result<Multipart, RecvError> {
        let mut message = Multipart::new();
        self.recv_each(wait, |part| message.push(part))?;
        Ok(message)
    }

    /// `look`: other connections may be looked at first. The lock is kept if not, and the part is here.
    fn recv_part<R>(
        &self,
        core: &mut Guard<'_>,
        wait: Wait,
        look: bool,
        mut describe: Describe<'_>,
        sink: impl FnOnce(Taken<'_>) -> R,
    ) -> Result<(R, bool), RecvError> {
        let mut sink = Some(sink);
        let mut deadline = None;
        loop {
            if let Some(signal) = &core.signal {
                signal.lower();
            }
            self.read_mail(core);
            if core.terminated {
                core.end_told = true;
                return Err(RecvError::Terminated);
            }
            if core.closed {
                return Err(RecvError::Closed);
            }
            if look {
                self.look_around(core);
                if core.options.conflate {
                    self.catch_up(core);
                }
            }
            let c = &mut **core;
            match c.pattern.next(&mut c.pipes) {
                Next::From(id) => {
                    let Some(sink) = sink.take() else { return Err(RecvError::WouldBlock) };
                    let labelled = Labels::are_of(self.socket_type);
                    if let Some(sender) = describe.as_deref_mut() {
                        let known = c.pipes.get(id).and_then(|pipe| pipe.properties.as_ref());
                        if labelled { *sender = None } else { tell_sender(sender, known) }
                    }
                    let taken = if labelled {
                        let labels = Labels::of(self.socket_type, c, id, describe.is_some());
                        let message = c.pipes.take_with(id, |taken| labels.put_on(taken.into_message()));
                        message.map(|(message, more)| (sink(Taken::Owned(message)), more))
                    } else {
                        c.pipes.take_with(id, sink)
                    };
                    let Some((result, more)) = taken else { return Err(RecvError::WouldBlock) };
                    c.pattern.taken(id, more);
                    self.settle(c);
                    return Ok((result, more));
                }
                Next::Made(part) => {
                    let Some(sink) = sink.take() else { return Err(RecvError::WouldBlock) };
                    let Part { body, more } = match describe {
                        Some(sender) => {
                            *sender = None;
                            Labels::of_made(c, &part).put_on_part(part)
                        }
                        None => part,
                    };
                    self.settle(c);
                    return Ok((sink(Taken::Owned(body)), more));
                }
                Next::Refuse(refusal) => return Err(refusal.into()),
                Next::Empty => {}
            }
            if core.pipes.dirty.len() >= TURN_PIPES {
                core.last_send = None;
                self.flush_dirty(core);
                continue;
            }
            if let Some(id) = core.next_readable() {
                core.last_read = Some(id);
                self.count_driven();
                Tour::is_over();
                let news = self.read(core, id, false);
                self.share(core, news);
                continue;
            }
            if !core.stopped.is_empty() {
                core.resume_stopped();
                continue;
            }
            if !core.pipes.dirty.is_empty() {
                // What was sent and still lies here may be what the answer waits for.
                core.last_send = None;
                self.flush_dirty(core);
                continue;
            }
            let timeout = core.options.recv_timeout;
            if wait == Wait::Never || timeout.is_some_and(|t| t.is_zero()) {
                if core.lead == Lead::Nobody && core.reactor.is_some() {
                    self.poll_now(core);
                    if !core.readable.is_empty() {
                        continue;
                    }
                }
                return Err(RecvError::WouldBlock);
            }
            let deadline = *deadline.get_or_insert_with(|| timeout.map(deadline::after));
            core.last_send = None;
            Tour::is_over();
            match self.wait_message(core, deadline) {
                Woken::Maybe => {}
                Woken::TimedOut => return Err(RecvError::WouldBlock),
                Woken::Interrupted => return Err(RecvError::Interrupted),
            }
        }
    }

    /// A read may bring more than its reader takes, and leave more to be read than its reader goes on with: the others
    /// who wait look, too.
    #[inline]
    pub(crate) fn share(&self, core: &Core, news: bool) {
        let others = core.followers > 0 || core.watchers > 0 || core.lead == Lead::Caller;
        if others && (news || !core.readable.is_empty()) {
            self.mailbox.wake();
        }
    }

    /// Reads what has come, so that the newest message is the newest that is here.
    #[cold]
    fn catch_up(&self, core: &mut Guard<'_>) {
        if core.lead == Lead::Nobody && core.reactor.is_some() {
            self.poll_now(core);
        }
        for _ in 0..CATCH_UP_READS {
            let Some(id) = core.next_readable() else { break };
            self.read(core, id, true);
        }
    }

    /// Fairness among connections: those that are not being taken from get their bytes read now and then.
    #[inline]
    fn look_around(&self, core: &mut Guard<'_>) {
        core.since_poll += 1;
        if core.since_poll < POLL_EVERY {
            return;
        }
        core.since_poll = 0;
        if core.pipes.len() < 2 {
            return;
        }
        if !core.pipes.dirty.is_empty() {
            // Answers are gathered as long as there are questions, but not for ever.
            self.count_driven();
            core.looks += 1;
            if core.looks >= TURN_LOOKS {
                self.flush_dirty(core);
            }
        }
        if core.lead != Lead::Nobody {
            return;
        }
        self.poll_now(core);
        for _ in 0..core.readable.len() {
            let Some(id) = core.next_readable() else { break };
            let news = self.read(core, id, true);
            self.share(core, news);
        }
    }

    /// REP: the request that was received gets no reply.
    pub(crate) fn decline(&self) {
        let mut core = self.lock();
        let c = &mut *core;
        c.pattern.decline(&mut c.pipes);
    }

    /// The context is over, and this socket is not closed yet.
    pub(crate) fn is_terminated(&self) -> bool {
        let core = self.lock();
        core.terminated && !core.closed
    }

    /// The socket is open and its context is not over.
    pub(crate) fn check_usable(&self) -> Result<(), RecvError> {
        let core = self.lock();
        match (core.terminated, core.closed) {
            (true, _) => Err(RecvError::Terminated),
            (_, true) => Err(RecvError::Closed),
            _ => Ok(()),
        }
    }
}

/// Where to put what is known of a part's sender, for those who want to know.
pub(super) type Describe<'a> = Option<&'a mut Option<Arc<Annotations>>>;

/// Nothing is counted if the sender is the same as before.
#[inline]
pub(super) fn tell_sender(sender: &mut Option<Arc<Annotations>>, known: Option<&Arc<Annotations>>) {
    if known.map(Arc::as_ptr) != sender.as_ref().map(Arc::as_ptr) {
        *sender = known.cloned();
    }
}

/// What is written on a message: whom it came from, which group it was for.
struct Labels {
    routing_id: u32,
    group: Option<Box<str>>,
    sender: Option<Arc<Annotations>>,
}

impl Labels {
    const NONE: Labels = Labels { routing_id: 0, group: None, sender: None };

    /// Whether every message of this type has some.
    #[inline]
    fn are_of(socket_type: SocketType) -> bool {
        matches!(socket_type, SocketType::Server | SocketType::Peer | SocketType::Dish)
    }

    #[cold]
    fn of(socket_type: SocketType, core: &mut Core, id: PipeId, describe: bool) -> Labels {
        let mut labels = Labels::NONE;
        if describe {
            labels.sender = core.pipes.get(id).and_then(|pipe| pipe.properties.clone());
        }
        match socket_type {
            SocketType::Server | SocketType::Peer => labels.routing_id = core.pattern.stamp_for(id),
            SocketType::Dish => {
                let group = core.pattern.group().unwrap_or_default();
                labels.group = Some(String::from_utf8_lossy(group).into());
            }
            _ => {}
        }
        labels
    }

    /// A part that the pattern made: a routing id tells whose it is, and so do the parts that it made behind it.
    #[cold]
    fn of_made(core: &mut Core, part: &Part) -> Labels {
        if part.more {
            let id = core.pattern.pipe_of(&part.body);
            core.told_of = id.and_then(|id| core.pipes.get(id)).and_then(|pipe| pipe.properties.clone());
            return Labels { sender: core.told_of.clone(), ..Labels::NONE };
        }
        Labels { sender: core.told_of.take(), ..Labels::NONE }
    }

    fn put_on_part(self, part: Part) -> Part {
        Part { body: self.put_on(part.body), more: part.more }
    }

    fn put_on(self, mut message: Message) -> Message {
        if self.routing_id != 0 {
            message.set_routing_id(self.routing_id);
        }
        match (self.group, self.sender) {
            (None, None) => {}
            (None, sender) => message.set_annotations(sender),
            (Some(group), sender) => {
                let properties = sender.and_then(|sender| sender.properties.clone());
                message.set_annotations(Some(Arc::new(Annotations::new(group, properties))));
            }
        }
        message
    }
}

impl From<Refusal> for RecvError {
    fn from(refusal: Refusal) -> RecvError {
        match refusal {
            Refusal::NotSupported => RecvError::NotSupported,
            _ => RecvError::WrongState,
        }
    }
}
