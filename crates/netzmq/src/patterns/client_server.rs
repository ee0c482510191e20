//! CLIENT, SERVER and PEER: single-part messages; a SERVER addresses its peers by number. RFC 41, RFC 51.
//!
//! CLIENT sends in turn and receives in fair turn, as DEALER does. SERVER gives each peer a number, which messages
//! carry (`Message::routing_id`): received ones say who sent them, sent ones whom they are for. PEER is a SERVER
//! that also connects. A message of several parts can't be sent, and is dropped if one comes.
//!
//! Invariant: numbers are never 0, and a number in use is not given again.

use super::fair_queue::FairQueue;
use super::load_balancer::LoadBalancer;
use super::pattern::Rules;
use super::{Next, Outgoing, PipeId, Pipes, Refusal, Verdict};
use std::collections::HashMap;

/// See the module.
#[derive(Debug)]
pub(crate) struct Client {
    queue: FairQueue,
    balancer: LoadBalancer,
}

impl Client {
    pub(crate) fn new() -> Client {
        Client { queue: FairQueue::new(), balancer: LoadBalancer::new() }
    }
}

impl Rules for Client {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.queue.attach(pipe);
        self.balancer.attach(pipe);
        true
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.detach(pipe);
        self.balancer.detach(pipe);
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
    }

    #[inline]
    fn writable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.balancer.writable(pipe);
    }

    #[inline]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        if part.more {
            return Verdict::Refuse(Refusal::Malformed);
        }
        self.balancer.route(pipes, false)
    }

    #[inline]
    fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.balancer.can_send(pipes)
    }

    #[inline]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        self.queue.next_single(pipes).into()
    }

    #[inline]
    fn taken(&mut self, _: PipeId, more: bool) {
        self.queue.taken(more);
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.queue.next_single(pipes).is_some()
    }
}

/// SERVER and PEER. See the module.
#[derive(Debug)]
pub(crate) struct Server {
    queue: FairQueue,
    by_stamp: HashMap<u32, PipeId>,
    /// 0: no such pipe.
    by_pipe: Vec<u32>,
    next_stamp: u32,
}

impl Server {
    /// `seed`: where numbers start.
    pub(crate) fn new(seed: u32) -> Server {
        Server { queue: FairQueue::new(), by_stamp: HashMap::new(), by_pipe: Vec::new(), next_stamp: seed }
    }

    fn new_stamp(&mut self) -> u32 {
        loop {
            let stamp = self.next_stamp;
            self.next_stamp = stamp.wrapping_add(1);
            if stamp != 0 && !self.by_stamp.contains_key(&stamp) {
                return stamp;
            }
        }
    }
}

impl Rules for Server {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        let stamp = self.new_stamp();
        let index = pipe.0 as usize;
        if index >= self.by_pipe.len() {
            self.by_pipe.resize(index + 1, 0);
        }
        if let Some(place) = self.by_pipe.get_mut(index) {
            *place = stamp;
        }
        self.by_stamp.insert(stamp, pipe);
        self.queue.attach(pipe);
        true
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.detach(pipe);
        if let Some(place) = self.by_pipe.get_mut(pipe.0 as usize) {
            self.by_stamp.remove(&std::mem::take(place));
        }
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
    }

    #[inline(never)]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        if part.more {
            return Verdict::Refuse(Refusal::Malformed);
        }
        match self.by_stamp.get(&part.routing_id) {
            Some(&pipe) if pipes.can_write(pipe) => Verdict::To(pipe),
            Some(_) => Verdict::Block,
            None => Verdict::Refuse(Refusal::Unroutable),
        }
    }

    /// Always: who knows whom the next message is for.
    #[inline]
    fn can_send<P: Pipes>(&mut self, _: &mut P) -> bool {
        true
    }

    #[inline]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        self.queue.next_single(pipes).into()
    }

    #[inline]
    fn taken(&mut self, _: PipeId, more: bool) {
        self.queue.taken(more);
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.queue.next_single(pipes).is_some()
    }

    #[inline]
    fn stamp_for(&self, pipe: PipeId) -> u32 {
        self.by_pipe.get(pipe.0 as usize).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, parts};
    use super::super::{Outgoing, PatternOptions, PipeId, Refusal, Verdict};
    use netzmq_proto::SocketType;

    /// Goal: a server answers whom it means. Method: two peers, answers crosswise, then one of them gone.
    #[test]
    fn a_server_addresses_by_number() {
        for socket_type in [SocketType::Server, SocketType::Peer] {
            let mut bench = Bench::new(socket_type, &PatternOptions::default());
            bench.join(0);
            bench.join(1);
            bench.arrive(1, &["hello"]);
            let (body, more, from) = bench.recv_part().unwrap();
            assert_eq!((&body[..], more, from), (&b"hello"[..], false, Some(1)));
            let stamps: Vec<u32> = (0..2).map(|p| bench.pattern.stamp_for(PipeId(p))).collect();
            assert!(stamps[0] != 0 && stamps[1] != 0 && stamps[0] != stamps[1]);
            for (pipe, &stamp) in stamps.iter().enumerate() {
                let part = Outgoing { routing_id: stamp, ..Outgoing::part(b"you", false) };
                assert_eq!(bench.send_outgoing(&part), Verdict::To(PipeId(pipe as u32)));
            }
            let to_first = Outgoing { routing_id: stamps[0], ..Outgoing::part(b"you", false) };
            bench.set_room(0, 0);
            assert_eq!(bench.send_outgoing(&to_first), Verdict::Block);
            bench.detach(0);
            assert_eq!(bench.send_outgoing(&to_first), Verdict::Refuse(Refusal::Unroutable));
            assert_eq!(bench.send_part("x", true), Verdict::Refuse(Refusal::Malformed));
            assert!(bench.can_send());
        }
    }

    /// Goal: number 0 means nobody. Method: a counter that begins just below it.
    #[test]
    fn numbers_are_never_zero() {
        let mut server = super::Server::new(u32::MAX);
        assert_eq!((server.new_stamp(), server.new_stamp()), (u32::MAX, 1));
    }

    /// Goal: several parts neither go out nor come in. Method: some of each between single ones.
    #[test]
    fn single_parts_only() {
        for socket_type in [SocketType::Client, SocketType::Server, SocketType::Gather, SocketType::Channel] {
            let mut bench = Bench::new(socket_type, &PatternOptions::default());
            bench.join(0);
            bench.arrive(0, &["a", "b", "c"]);
            bench.arrive(0, &["one"]);
            bench.arrive(0, &["d", "e"]);
            assert_eq!(bench.recv(), Some(parts(&["one"])));
            assert_eq!(bench.recv(), None);
            bench.arrive(0, &["two"]);
            assert_eq!(bench.recv(), Some(parts(&["two"])));
        }
        for socket_type in [SocketType::Client, SocketType::Scatter, SocketType::Channel, SocketType::Radio] {
            let mut bench = Bench::new(socket_type, &PatternOptions::default());
            bench.join(0);
            assert_eq!(bench.send_part("x", true), Verdict::Refuse(Refusal::Malformed));
        }
    }
}
