//! The pipes of one socket, by name, and what the patterns may do to them.

use std::collections::VecDeque;

use netzmq_memory::Message;
use netzmq_proto::command;

use super::{Link, Pipe};
use crate::connection::buffers::Buffers;
use crate::connection::inbound::Taken;
use crate::connection::outbound::{Body, WRITE_NOW_BYTES, near};
use crate::patterns::{Part, PipeId, Pipes};
use crate::stats::{Drops, Traffic};

/// See the module's text. Lists are worked off by the socket when the pattern is done.
#[derive(Debug)]
pub(crate) struct PipeTable {
    pipes: Vec<Option<Box<Pipe>>>,
    free: Vec<u32>,
    pub(crate) buffers: Buffers,
    /// Wires with committed bytes that nobody has been told of.
    pub(crate) dirty: VecDeque<PipeId>,
    /// Pipes that the pattern wants terminated.
    pub(crate) closing: Vec<PipeId>,
    /// Ended pipes that have just been read empty.
    pub(crate) emptied: Vec<PipeId>,
    /// What the pattern subscribes to are groups (DISH), not topics.
    groups: bool,
    /// What went through pipes that are gone.
    pub(crate) retired: Traffic,
    /// What was in them when they went.
    pub(crate) lost: Drops,
    /// Room is what was counted last, for the send at hand: messages that have left since are credited later.
    pub(crate) throttled: bool,
}

impl PipeTable {
    pub(crate) fn new(buffers: Buffers, groups: bool) -> PipeTable {
        PipeTable {
            pipes: Vec::new(),
            free: Vec::new(),
            buffers,
            dirty: VecDeque::new(),
            closing: Vec::new(),
            emptied: Vec::new(),
            groups,
            retired: Traffic::default(),
            lost: Drops::default(),
            throttled: false,
        }
    }

    /// Gives the pipe a name and keeps it.
    pub(crate) fn insert(&mut self, make: impl FnOnce(PipeId) -> Pipe) -> PipeId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.pipes.push(None);
            (self.pipes.len() - 1) as u32
        });
        let id = PipeId(index);
        self.pipes[index as usize] = Some(Box::new(make(id)));
        id
    }

    pub(crate) fn remove(&mut self, id: PipeId) -> Option<Box<Pipe>> {
        let mut pipe = self.pipes.get_mut(id.0 as usize)?.take()?;
        let traffic = pipe.traffic();
        if matches!(pipe.link, Link::Wire(_)) {
            self.lost.unsent += traffic.queued_out;
        }
        self.lost.unread += traffic.queued_in;
        self.lost.conflated += pipe.conflated();
        self.retired.add(&Traffic { queued_in: 0, queued_out: 0, ..traffic });
        self.free.push(id.0);
        self.dirty.retain(|p| *p != id);
        self.closing.retain(|p| *p != id);
        self.emptied.retain(|p| *p != id);
        Some(pipe)
    }

    #[inline]
    pub(crate) fn get(&mut self, id: PipeId) -> Option<&mut Pipe> {
        self.pipes.get_mut(id.0 as usize)?.as_deref_mut()
    }

    /// The pipe and the buffers that its operations need.
    #[inline]
    pub(crate) fn with_buffers(&mut self, id: PipeId) -> Option<(&mut Pipe, &mut Buffers)> {
        let pipe = self.pipes.get_mut(id.0 as usize)?.as_deref_mut()?;
        Some((pipe, &mut self.buffers))
    }

    pub(crate) fn ids(&self) -> Vec<PipeId> {
        self.pipes.iter().flatten().map(|p| p.id).collect()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pipe> {
        self.pipes.iter_mut().flatten().map(|p| &mut **p)
    }

    pub(crate) fn len(&self) -> usize {
        self.pipes.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends one part to a pipe, in the socket's hand or the pattern's.
    #[inline]
    pub(crate) fn push(&mut self, id: PipeId, body: &mut Body<'_>, more: bool) {
        let Some(pipe) = self.pipes.get_mut(id.0 as usize).and_then(Option::as_deref_mut) else { return };
        if pipe.ended {
            return;
        }
        match &mut pipe.link {
            Link::Wire(wire) => {
                wire.push(&mut self.buffers, body, more, pipe.conflate);
                if !more && !wire.dirty && wire.stream.is_some() {
                    wire.dirty = true;
                    self.dirty.push_back(id);
                }
            }
            Link::Inproc(end) => {
                pipe.stats.bytes_out += body.bytes().len() as u64;
                end.push(body, more);
            }
        }
        if !more {
            pipe.stats.messages_out += 1;
        }
    }

    /// Appends a whole small message of one part. True: so much waits now that its sender should write.
    #[inline]
    pub(crate) fn push_small(&mut self, id: PipeId, body: &[u8]) -> bool {
        let Some(pipe) = self.get(id) else { return false };
        let (hwm, is_plain) = (pipe.send_hwm, !pipe.ended && !pipe.conflate);
        if let Link::Wire(wire) = &mut pipe.link
            && wire.dirty
            && is_plain
            && wire.stream.is_some()
        {
            // Where nobody can write, nothing tells its sender to.
            let (bytes, messages) = match (wire.writing.is_free(), hwm) {
                (false, _) => (u64::MAX, usize::MAX),
                (true, 0) => (WRITE_NOW_BYTES, usize::MAX),
                (true, hwm) => (WRITE_NOW_BYTES, near(hwm)),
            };
            if wire.out.push_at_once(body, bytes, messages) {
                pipe.stats.messages_out += 1;
                return false;
            }
        }
        self.push(id, &mut Body::Borrowed(body), false);
        self.get(id).is_some_and(|pipe| pipe.wants_write())
    }

    /// Appends a command frame.
    pub(crate) fn push_command(&mut self, id: PipeId, frame: &[u8]) {
        let Some(pipe) = self.pipes.get_mut(id.0 as usize).and_then(Option::as_deref_mut) else { return };
        if let Link::Wire(wire) = &mut pipe.link
            && wire.stream.is_some()
        {
            wire.out.push_command(&mut self.buffers, frame);
            if !wire.dirty {
                wire.dirty = true;
                self.dirty.push_back(id);
            }
        }
    }

    /// Puts a wire on the list of those with something to write.
    pub(crate) fn mark_dirty(&mut self, id: PipeId) {
        if let Some(wire) = self.get(id).and_then(Pipe::wire)
            && wire.has_output()
            && !std::mem::replace(&mut wire.dirty, true)
        {
            self.dirty.push_back(id);
        }
    }

    /// Hands the next part of a pipe to `f`.
    #[inline]
    pub(crate) fn take_with<R>(&mut self, id: PipeId, f: impl FnOnce(Taken<'_>) -> R) -> Option<(R, bool)> {
        let pipe = self.pipes.get_mut(id.0 as usize)?.as_deref_mut()?;
        let taken = pipe.take_with(f);
        if pipe.ended && !pipe.has_message() {
            self.emptied.push(id);
        }
        taken
    }
}

impl Pipes for PipeTable {
    #[inline]
    fn has_message(&mut self, pipe: PipeId) -> bool {
        self.get(pipe).is_some_and(Pipe::has_message)
    }

    fn peek(&mut self, pipe: PipeId) -> Option<(&[u8], bool)> {
        let pipe = self.get(pipe)?;
        match &mut pipe.link {
            Link::Wire(wire) => wire.inbound.peek(),
            Link::Inproc(end) => end.peek(),
        }
    }

    fn take(&mut self, pipe: PipeId) -> Option<Part> {
        let (body, more) = self.take_with(pipe, |taken| taken.into_message())?;
        Some(Part { body, more })
    }

    fn skip(&mut self, pipe: PipeId) -> bool {
        self.take_with(pipe, |_| ()).is_some_and(|((), more)| more)
    }

    #[inline]
    fn can_write(&mut self, pipe: PipeId) -> bool {
        let throttled = self.throttled;
        self.get(pipe).is_some_and(|pipe| if throttled { pipe.has_counted_room() } else { pipe.has_room() })
    }

    fn write(&mut self, pipe: PipeId, body: &[u8], more: bool) {
        self.push(pipe, &mut Body::Borrowed(body), more);
    }

    fn rollback(&mut self, pipe: PipeId) {
        if let Some((pipe, buffers)) = self.with_buffers(pipe) {
            match &mut pipe.link {
                Link::Wire(wire) => wire.rollback(buffers),
                Link::Inproc(end) => end.rollback(),
            }
        }
    }

    fn write_subscription(&mut self, pipe: PipeId, subscribe: bool, topic: &[u8]) {
        let groups = self.groups;
        let Some(p) = self.get(pipe) else { return };
        if let Link::Wire(wire) = &p.link {
            if wire.stream.is_none() {
                // Sent anew when the connection stands.
                return;
            }
            if wire.commands || groups {
                let mut frame = Vec::with_capacity(topic.len() + 20);
                match (groups, subscribe) {
                    (false, _) => command::encode_subscription(subscribe, topic, &mut frame),
                    (true, true) => command::encode_join(topic, &mut frame),
                    (true, false) => command::encode_leave(topic, &mut frame),
                }
                self.push_command(pipe, &frame);
                return;
            }
        }
        let mut message = Vec::with_capacity(topic.len() + 1);
        message.push(u8::from(subscribe));
        message.extend_from_slice(topic);
        self.push(pipe, &mut Body::Owned(Message::from(message)), false);
    }

    fn close(&mut self, pipe: PipeId) {
        if !self.closing.contains(&pipe) {
            self.closing.push(pipe);
        }
    }
}
