//! RADIO and DISH: single-part messages to those who joined the message's group. RFC 48.
//!
//! In a pipe such a message is two parts, the group and the body, which is how it travels: RADIO writes the group in
//! front of the body, DISH takes it off and keeps it for whoever asks (`group`). Joining and leaving go the other
//! way as subscriptions do: DISH through `write_subscription`, RADIO reads parts of a byte 1 or 0 and the group.
//!
//! Invariants: a group is at most 255 bytes and matches only itself; DISH drops what it did not join.

use super::fair_queue::FairQueue;
use super::fan_out::FanOut;
use super::options::PatternOptions;
use super::pattern::Rules;
use super::subscription::{Filter, Matcher};
use super::xpub::parse_request;
use super::{Next, Outgoing, PeerInfo, PipeId, Pipes, Refusal, Verdict};
use netzmq_memory::Message;
use netzmq_proto::SocketType;

/// Longest group, in bytes: it travels with a length of one byte.
pub(crate) const GROUP_MAX: usize = 255;

/// See the module.
#[derive(Debug)]
pub(crate) struct Radio {
    fan: FanOut,
    matcher: Matcher,
    /// Datagram peers, which can't join and get everything.
    everything: Vec<PipeId>,
    nodrop: bool,
    per_peer_max: usize,
}

impl Radio {
    pub(crate) fn new(options: &PatternOptions) -> Radio {
        let mut radio = Radio {
            fan: FanOut::new(),
            matcher: Matcher::new(),
            everything: Vec::new(),
            nodrop: false,
            per_peer_max: 0,
        };
        radio.set_options(options);
        radio
    }
}

impl Radio {
    pub(crate) fn passed_over(&self) -> u64 {
        self.fan.passed_over()
    }
}

impl Rules for Radio {
    fn set_options(&mut self, options: &PatternOptions) {
        self.nodrop = options.xpub_nodrop;
        self.per_peer_max = match options.subscriptions_per_peer_max {
            0 => usize::MAX,
            max => max,
        };
    }

    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.fan.attach(pipe);
        true
    }

    fn connected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, peer: &PeerInfo<'_>) -> bool {
        if peer.socket_type == SocketType::Dgram && !self.everything.contains(&pipe) {
            self.everything.push(pipe);
        }
        self.readable(pipes, pipe);
        true
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.readable(pipes, pipe);
        self.matcher.forget_pipe(pipe);
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.matcher.forget_pipe(pipe);
        self.fan.detach(pipe);
        self.everything.retain(|&other| other != pipe);
    }

    /// Reads who joins and who leaves; anything else is not for a RADIO.
    fn readable<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        if !self.fan.knows(pipe) {
            return;
        }
        while pipes.has_message(pipe) {
            let request =
                pipes.peek(pipe).filter(|(_, more)| !more).and_then(|(body, _)| parse_request(body));
            let full = self.matcher.count_of(pipe) >= self.per_peer_max;
            match request {
                Some((true, _)) if full => {
                    pipes.close(pipe);
                    return;
                }
                Some((true, group)) if group.len() <= GROUP_MAX => {
                    self.matcher.add(group, pipe);
                }
                Some((false, group)) => {
                    self.matcher.remove(group, pipe);
                }
                _ => {}
            }
            while pipes.skip(pipe) {}
        }
    }

    fn writable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.fan.writable(pipe);
    }

    #[inline(never)]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        if part.more || part.group.len() > GROUP_MAX {
            return Verdict::Refuse(Refusal::Malformed);
        }
        let fan = &mut self.fan;
        fan.begin();
        self.matcher.matching_exactly(part.group, |pipe| fan.offer(pipes, pipe));
        self.everything.iter().for_each(|&pipe| fan.offer(pipes, pipe));
        let verdict = fan.settle(self.nodrop, false);
        if verdict == Verdict::Fan {
            fan.fan().iter().for_each(|&pipe| pipes.write(pipe, part.group, true));
        }
        verdict
    }

    fn fan(&self) -> &[PipeId] {
        self.fan.fan()
    }

    fn can_send<P: Pipes>(&mut self, _: &mut P) -> bool {
        true
    }

    fn waits_for_room(&self) -> bool {
        self.nodrop
    }

    fn topics_count(&self) -> usize {
        self.matcher.len()
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Dish {
    queue: FairQueue,
    groups: Filter,
    connected: Vec<PipeId>,
    /// The group of the message at hand.
    group: Message,
}

impl Dish {
    pub(crate) fn new() -> Dish {
        Dish { queue: FairQueue::new(), groups: Filter::new(), connected: Vec::new(), group: Message::new() }
    }

    /// The pipe with the next message of a joined group; its group part taken already if the queue is partway.
    fn find<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        loop {
            let pipe = self.queue.next(pipes)?;
            if self.queue.is_partway() {
                return Some(pipe);
            }
            let (group, more) = pipes.peek(pipe)?;
            if more && self.groups.contains(group) {
                self.group = pipes.take(pipe)?.body;
                self.queue.taken(true);
                if pipes.peek(pipe).is_some_and(|(_, more)| !more) {
                    return Some(pipe);
                }
            }
            self.queue.skip_message(pipes);
        }
    }
}

impl Rules for Dish {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.queue.attach(pipe);
        true
    }

    fn connected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, _: &PeerInfo<'_>) -> bool {
        if !self.connected.contains(&pipe) {
            self.connected.push(pipe);
        }
        self.groups.for_each(|group| pipes.write_subscription(pipe, true, group));
        true
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.queue.disconnected(pipes, pipe);
        self.connected.retain(|&other| other != pipe);
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.detach(pipe);
        self.connected.retain(|&other| other != pipe);
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
    }

    #[inline(never)]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        self.find(pipes).into()
    }

    fn taken(&mut self, _: PipeId, more: bool) {
        self.queue.taken(more);
    }

    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.find(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.queue.is_reading(pipe)
    }

    fn subscribe<P: Pipes>(&mut self, pipes: &mut P, group: &[u8]) -> Result<(), Refusal> {
        if group.len() > GROUP_MAX || self.groups.contains(group) {
            return Err(Refusal::Malformed);
        }
        self.groups.add(group);
        self.connected.iter().for_each(|&pipe| pipes.write_subscription(pipe, true, group));
        Ok(())
    }

    fn unsubscribe<P: Pipes>(&mut self, pipes: &mut P, group: &[u8]) -> Result<(), Refusal> {
        if !self.groups.remove(group) {
            return Err(Refusal::Malformed);
        }
        self.connected.iter().for_each(|&pipe| pipes.write_subscription(pipe, false, group));
        Ok(())
    }

    fn topics_count(&self) -> usize {
        self.groups.len()
    }

    fn group(&self) -> Option<&[u8]> {
        Some(&self.group)
    }
}
