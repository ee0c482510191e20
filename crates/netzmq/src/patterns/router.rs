//! ROUTER: each message to the peer that its first part names; each received message with its sender's id in front.
//! RFC 28.
//!
//! STREAM is the same over plain byte streams (`stream.rs`): ids are always this side's, an unknown peer is always an
//! error, an empty body closes the peer, and an empty message tells of each connect and disconnect.
//!
//! Invariants:
//! - A pipe takes part once it has an id: raw from the start, else when its handshake says who it is (or when the
//!   application named it before connecting).
//! - An id stays with its pipe across reconnects, as libzmq keeps it.
//! - What can't be delivered vanishes without a word, unless `mandatory`; so does a message of an id only.

use super::fair_queue::FairQueue;
use super::notices::Notices;
use super::options::{NOTIFY_CONNECT, NOTIFY_DISCONNECT, PatternOptions};
use super::pattern::{Rules, probe};
use super::routing_table::RoutingTable;
use super::{Next, Outgoing, Part, PeerInfo, PipeId, Pipes, Refusal, Verdict};
use netzmq_memory::Message;

/// How far the outgoing message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Between,
    To(PipeId),
    /// There is nobody to take the rest.
    Dropping,
}

#[derive(Debug)]
struct Settings {
    mandatory: bool,
    handover: bool,
    raw: bool,
    probe: bool,
    notify_connect: bool,
    notify_disconnect: bool,
}

impl Settings {
    fn new(options: &PatternOptions, stream: bool) -> Settings {
        let raw = stream || options.router_raw;
        let notify = |bit| if raw { options.stream_notify } else { options.router_notify & bit != 0 };
        Settings {
            mandatory: stream || options.router_mandatory,
            handover: options.router_handover,
            raw,
            probe: options.probe_router && !raw,
            notify_connect: notify(NOTIFY_CONNECT),
            notify_disconnect: notify(NOTIFY_DISCONNECT),
        }
    }
}

/// ROUTER, or STREAM if `STREAM`. See the module.
#[derive(Debug)]
pub(crate) struct Routing<const STREAM: bool> {
    settings: Settings,
    table: RoutingTable,
    queue: FairQueue,
    notices: Notices,
    sending: Sending,
    /// The id of this pipe's peer has been given out, the message behind it not yet begun.
    announced: Option<PipeId>,
    /// Has lost its id to another, and is to be closed once the message being read of it is.
    superseded: Option<PipeId>,
}

pub(crate) type Router = Routing<false>;

impl<const STREAM: bool> Routing<STREAM> {
    pub(crate) fn new(options: &PatternOptions, seed: u32) -> Routing<STREAM> {
        Routing {
            settings: Settings::new(options, STREAM),
            table: RoutingTable::new(seed),
            queue: FairQueue::new(),
            notices: Notices::default(),
            sending: Sending::Between,
            announced: None,
            superseded: None,
        }
    }

    /// Gives `pipe` the id that its peer claims. False if another has it and keeps it.
    fn identify<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, id: &[u8]) -> bool {
        if id.is_empty() {
            self.table.insert_automatic(pipe);
            return true;
        }
        if let Some(old) = self.table.find(id) {
            if !self.settings.handover {
                return false;
            }
            // Messages of the old peer may still be read; it gets a name that no one knows.
            self.table.remove(old);
            self.table.insert_automatic(old);
            if self.is_reading(old) {
                self.superseded = Some(old);
            } else {
                pipes.close(old);
            }
        }
        self.table.insert(pipe, id)
    }

    /// The next pipe to read from, with the parts of the pattern's own making done.
    fn find<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        if let Some(old) = self.superseded
            && !self.is_reading(old)
        {
            self.superseded = None;
            pipes.close(old);
        }
        self.queue.next(pipes)
    }

    #[inline]
    fn is_between(&self) -> bool {
        self.announced.is_none() && !self.queue.is_partway()
    }

    /// The next message's routing id and pipe, if that pipe has a message and there is nothing else to be told or done.
    #[inline]
    pub(crate) fn next_id(&self) -> Option<(PipeId, &Message)> {
        if !self.is_between() || self.superseded.is_some() || !self.notices.is_empty() {
            return None;
        }
        let pipe = self.queue.next_source()?;
        Some((pipe, self.table.id_of(pipe)?))
    }

    /// The application has the id that `next_id` told.
    #[inline]
    pub(crate) fn id_taken(&mut self, pipe: PipeId) {
        self.announced = Some(pipe);
        self.table.foresee(pipe);
    }

    /// The peer with this id, if it is the first part of a message that is looked for.
    #[inline]
    pub(crate) fn target_named(&mut self, id: &[u8]) -> Option<PipeId> {
        if self.sending == Sending::Between { self.table.look_up(id) } else { None }
    }

    /// `target_named` was told, and has room.
    #[inline]
    pub(crate) fn begin_send(&mut self, pipe: PipeId) {
        self.sending = Sending::To(pipe);
    }
}

impl<const STREAM: bool> Rules for Routing<STREAM> {
    fn set_options(&mut self, options: &PatternOptions) {
        self.settings = Settings::new(options, STREAM);
    }

    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, connect_routing_id: Option<Vec<u8>>) -> bool {
        if let Some(id) = connect_routing_id.filter(|id| !id.is_empty()) {
            if !self.table.insert(pipe, &id) {
                return false;
            }
        } else if self.settings.raw {
            self.table.insert_automatic(pipe);
        } else {
            return true;
        }
        self.queue.attach(pipe);
        true
    }

    fn connected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, peer: &PeerInfo<'_>) -> bool {
        if self.table.id_of(pipe).is_none() && !self.identify(pipes, pipe, peer.routing_id) {
            return false;
        }
        self.queue.attach(pipe);
        if self.settings.probe && self.sending != Sending::To(pipe) {
            probe(pipes, pipe);
        }
        self.table.set_connected(pipe, true);
        if let Some(id) = self.table.id_of(pipe) {
            // Back before its last messages were read: the news of its going can wait no longer.
            if self.notices.stop_leaving(pipe) {
                self.notices.push(id.clone());
            }
            if self.settings.notify_connect {
                self.notices.push(id.clone());
            }
        }
        true
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.queue.disconnected(pipes, pipe);
        if self.announced == Some(pipe) && !pipes.has_message(pipe) {
            self.announced = None;
        }
        if self.table.set_connected(pipe, false)
            && self.settings.notify_disconnect
            && let Some(id) = self.table.id_of(pipe)
        {
            self.notices.leave(pipes, pipe, id);
        }
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        let leaving = self.notices.stop_leaving(pipe);
        if let Some((id, connected)) = self.table.remove(pipe)
            && (leaving || connected && self.settings.notify_disconnect)
        {
            self.notices.push(id);
        }
        self.queue.detach(pipe);
        if self.announced == Some(pipe) {
            self.announced = None;
        }
        if self.superseded == Some(pipe) {
            self.superseded = None;
        }
        if self.sending == Sending::To(pipe) {
            self.sending = Sending::Dropping;
        }
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
    }

    #[inline(never)]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        let raw = self.settings.raw;
        match self.sending {
            Sending::Between => {
                if !part.more {
                    return Verdict::Drop;
                }
                self.sending = match self.table.look_up(part.body) {
                    Some(pipe) if pipes.can_write(pipe) => Sending::To(pipe),
                    Some(_) if self.settings.mandatory => return Verdict::Block,
                    None if self.settings.mandatory => return Verdict::Refuse(Refusal::Unroutable),
                    _ => Sending::Dropping,
                };
                Verdict::Absorbed
            }
            Sending::To(pipe) => {
                if !part.more || raw {
                    self.sending = Sending::Between;
                }
                if raw && part.body.is_empty() {
                    // The application's own doing is no news to it.
                    self.table.set_connected(pipe, false);
                    pipes.close(pipe);
                    return Verdict::Absorbed;
                }
                Verdict::To(pipe)
            }
            Sending::Dropping => {
                if !part.more || raw {
                    self.sending = Sending::Between;
                }
                Verdict::Drop
            }
        }
    }

    fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        if let Sending::To(pipe) = self.sending {
            pipes.rollback(pipe);
        }
        self.sending = Sending::Between;
    }

    /// Always, for who knows whom the next message is for; a mandatory ROUTER: when any peer has room.
    #[inline]
    fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        STREAM
            || !self.settings.mandatory
            || self.sending != Sending::Between
            || self.table.any_writable(pipes)
    }

    fn waits_for_room(&self) -> bool {
        self.settings.mandatory
    }

    #[inline(never)]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        if self.is_between()
            && let Some(part) = self.notices.next_part(pipes, &self.table)
        {
            return Next::Made(part);
        }
        let Some(pipe) = self.find(pipes) else { return Next::Empty };
        if self.queue.is_partway() || self.announced == Some(pipe) {
            return Next::From(pipe);
        }
        self.id_taken(pipe);
        let body = self.table.id_of(pipe).map_or_else(Message::new, Message::clone);
        Next::Made(Part { body, more: true })
    }

    /// The message behind its id; the id itself is `next_id`'s.
    #[inline]
    fn next_source(&self) -> Option<PipeId> {
        let head = self.queue.next_source();
        let is_begun = self.queue.is_partway() || self.announced.is_some() && self.announced == head;
        if is_begun && self.superseded.is_none() { head } else { None }
    }

    /// The body behind its id; the id itself is `target_named`'s.
    #[inline]
    fn next_target(&self) -> Option<PipeId> {
        match self.sending {
            Sending::To(pipe) if !self.settings.raw => Some(pipe),
            _ => None,
        }
    }

    #[inline]
    fn target_taken(&mut self) {
        self.sending = Sending::Between;
    }

    #[inline]
    fn taken(&mut self, _: PipeId, more: bool) {
        self.announced = None;
        self.queue.taken(more);
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.is_between() && self.notices.has_part(pipes, &self.table) || self.find(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.announced == Some(pipe) || self.queue.is_reading(pipe)
    }

    fn pipe_of(&self, routing_id: &[u8]) -> Option<PipeId> {
        self.table.find(routing_id)
    }

    fn routing_id_of(&self, pipe: PipeId) -> Option<&[u8]> {
        self.table.id_of(pipe).map(|id| &id[..])
    }

    #[inline]
    fn is_raw(&self) -> bool {
        self.settings.raw
    }
}

#[cfg(test)]
mod tests;
