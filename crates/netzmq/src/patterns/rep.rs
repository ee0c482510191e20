//! REP: a request, then its reply, by strict turns. RFC 28.
//!
//! A request comes in an envelope: parts up to and with the first empty one, put there by REQ and by the routers on
//! its way. The envelope is kept aside and goes in front of the reply, to the pipe that the request came from. A
//! request without an empty part, or with nothing behind it, is passed over. If the requester has gone, or does not
//! take its replies, the reply vanishes.
//!
//! Invariant: the envelope is complete or empty; the application sees a request's first part only after its envelope
//! is complete.

use super::fair_queue::FairQueue;
use super::pattern::Rules;
use super::{Next, Outgoing, PipeId, Pipes, Refusal, Verdict};
use netzmq_memory::Message;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waiting for a request, or in the midst of one.
    Receiving,
    /// The request is read; the reply goes there.
    Replying(Option<PipeId>),
    /// In the midst of the reply.
    Partway(Option<PipeId>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Rep {
    queue: FairQueue,
    state: State,
    envelope: Vec<Message>,
}

impl Rep {
    pub(crate) fn new() -> Rep {
        Rep { queue: FairQueue::new(), state: State::Receiving, envelope: Vec::new() }
    }

    /// The pipe with the next part of a request's body, its envelope taken.
    #[inline]
    fn find<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        if self.queue.is_partway() {
            return self.queue.next(pipes);
        }
        loop {
            let pipe = self.queue.next(pipes)?;
            if self.take_envelope(pipes, pipe)? {
                return Some(pipe);
            }
        }
    }

    /// False if the message ended before its envelope did.
    #[inline]
    fn take_envelope<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) -> Option<bool> {
        self.envelope.clear();
        loop {
            let part = pipes.take(pipe)?;
            self.queue.taken(part.more);
            if !part.more {
                return Some(false);
            }
            let bottom = part.body.is_empty();
            self.envelope.push(part.body);
            if bottom {
                return Some(true);
            }
        }
    }
}

impl Rep {
    /// The request that was read gets no reply (what is written of one is taken back); the next one may be read.
    pub(crate) fn decline<P: Pipes>(&mut self, pipes: &mut P) {
        self.abort_send(pipes);
        self.state = State::Receiving;
    }
}

impl Rules for Rep {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.queue.attach(pipe);
        true
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.queue.disconnected(pipes, pipe);
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.detach(pipe);
        match &mut self.state {
            State::Replying(to) | State::Partway(to) if *to == Some(pipe) => *to = None,
            _ => {}
        }
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
    }

    #[inline(never)]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        let to = match self.state {
            State::Receiving => return Verdict::Refuse(Refusal::WrongState),
            State::Replying(to) => {
                let to = to.filter(|&pipe| pipes.can_write(pipe));
                if let Some(pipe) = to {
                    self.envelope.iter().for_each(|part| pipes.write(pipe, part, true));
                }
                to
            }
            State::Partway(to) => to,
        };
        self.state = if part.more { State::Partway(to) } else { State::Receiving };
        to.map_or(Verdict::Drop, Verdict::To)
    }

    /// The whole reply may be sent again; if it had no way to go, it will have none.
    fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        if let State::Partway(to) = self.state {
            if let Some(pipe) = to {
                pipes.rollback(pipe);
            }
            self.state = State::Replying(to);
        }
    }

    #[inline]
    fn can_send<P: Pipes>(&mut self, _: &mut P) -> bool {
        self.state != State::Receiving
    }

    fn waits_for_room(&self) -> bool {
        false
    }

    #[inline(never)]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        if self.state != State::Receiving {
            return Next::Refuse(Refusal::WrongState);
        }
        self.find(pipes).into()
    }

    #[inline]
    fn taken(&mut self, pipe: PipeId, more: bool) {
        self.queue.taken(more);
        if !more {
            self.state = State::Replying(Some(pipe));
        }
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.state == State::Receiving && self.find(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.queue.is_reading(pipe)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, Parts, parts};
    use super::super::{Next, PatternOptions, PipeId, Refusal, Verdict};
    use netzmq_proto::SocketType;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, VecDeque};

    fn rep() -> Bench {
        Bench::new(SocketType::Rep, &PatternOptions::default())
    }

    /// Goal: the envelope comes back in front of the reply, to the requester. Method: a request through two routers.
    #[test]
    fn returns_the_envelope() {
        let mut bench = rep();
        bench.join(0);
        bench.join(1);
        assert_eq!(bench.send(&["too early"]), Verdict::Refuse(Refusal::WrongState));
        bench.arrive(1, &["hop2", "hop1", "", "question", "", "more"]);
        assert_eq!(bench.recv(), Some(parts(&["question", "", "more"])));
        assert!(matches!(bench.recv_part(), Err(Next::Refuse(Refusal::WrongState))));
        assert!(bench.can_send());
        assert_eq!(bench.send(&["answer", "and more"]), Verdict::To(PipeId(1)));
        assert_eq!(bench.sent(1), [parts(&["hop2", "hop1", "", "answer", "and more"])]);
        assert!(!bench.can_send());
    }

    /// Goal: a declined request gets no reply, and the next one is read; in every state. Method: decline before anything,
    /// after a request, in mid-reply.
    #[test]
    fn a_request_may_be_declined() {
        let mut bench = rep();
        let decline = |bench: &mut Bench| bench.pattern.decline(&mut bench.fake);
        bench.join(0);
        decline(&mut bench);
        for question in ["one", "two", "three"] {
            bench.arrive(0, &["", question]);
        }
        assert_eq!(bench.recv(), Some(parts(&["one"])));
        decline(&mut bench);
        assert_eq!(bench.recv(), Some(parts(&["two"])));
        assert_eq!(bench.send_part("half an answer", true), Verdict::To(PipeId(0)));
        decline(&mut bench);
        assert_eq!(bench.recv(), Some(parts(&["three"])));
        assert_eq!(bench.send(&["answer"]), Verdict::To(PipeId(0)));
        assert_eq!(bench.sent(0), [parts(&["", "answer"])]);
    }

    /// Goal: malformed requests are passed over. Method: no empty part, nothing behind it, then a good one.
    #[test]
    fn skips_what_is_no_request() {
        let mut bench = rep();
        bench.join(0);
        bench.arrive(0, &["bare"]);
        bench.arrive(0, &["a", "b"]);
        bench.arrive(0, &["a", ""]);
        bench.arrive(0, &[""]);
        assert_eq!(bench.recv(), None);
        bench.arrive(0, &["", "good"]);
        assert_eq!(bench.recv(), Some(parts(&["good"])));
        assert_eq!(bench.send(&["answer"]), Verdict::To(PipeId(0)));
        assert_eq!(bench.sent(0), [parts(&["", "answer"])]);
    }

    /// Goal: a reply that was given up may be sent again, envelope and all. Method: abort in mid-reply.
    #[test]
    fn an_aborted_reply_can_be_repeated() {
        let mut bench = rep();
        bench.join(0);
        bench.arrive(0, &["id", "", "question"]);
        bench.recv().unwrap();
        bench.send_part("half", true);
        bench.pattern.abort_send(&mut bench.fake);
        assert_eq!(bench.send(&["whole"]), Verdict::To(PipeId(0)));
        assert_eq!(bench.sent(0), [parts(&["id", "", "whole"])]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Join(u32),
        Detach(u32),
        Room(u32, usize),
        Arrive(u32, usize, bool, usize),
        Recv,
        Send(bool),
        Ready,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..4u32).prop_map(Step::Join),
            1 => (0..4u32).prop_map(Step::Detach),
            2 => (0..4u32, 0..3usize).prop_map(|(p, room)| Step::Room(p, room)),
            5 => (0..4u32, 0..3usize, any::<bool>(), 0..3usize)
                .prop_map(|(p, hops, delimiter, bodies)| Step::Arrive(p, hops, delimiter, bodies)),
            6 => Just(Step::Recv),
            6 => any::<bool>().prop_map(Step::Send),
            2 => Just(Step::Ready),
        ]
    }

    #[derive(Debug)]
    enum Turn {
        Receive,
        Reply(Option<u32>, Parts),
        Partway(Option<u32>, Parts),
    }

    proptest! {
        /// Goal: every well-formed request is answered where it came from or not at all, in strict turns. Method:
        /// random steps beside queues of requests per peer.
        #[test]
        fn random_turns(steps in proptest::collection::vec(step(), 0..150)) {
            let mut bench = rep();
            let mut peers: BTreeMap<u32, (usize, VecDeque<(Parts, Parts)>)> = BTreeMap::new();
            let mut turn = Turn::Receive;
            let mut serial = 0u32;
            for step in steps {
                match step {
                    Step::Join(p) => {
                        peers.entry(p).or_insert_with(|| {
                            bench.join(p);
                            (1000, VecDeque::new())
                        });
                    }
                    Step::Detach(p) => {
                        if !bench.pattern.is_reading(PipeId(p)) && peers.remove(&p).is_some() {
                            bench.detach(p);
                            if let Turn::Reply(to, _) | Turn::Partway(to, _) = &mut turn
                                && *to == Some(p)
                            {
                                *to = None;
                            }
                        }
                    }
                    Step::Room(p, room) => {
                        let begun = matches!(&turn, Turn::Partway(Some(to), _) if *to == p);
                        if !begun && let Some(peer) = peers.get_mut(&p) {
                            peer.0 = room;
                            bench.set_room(p, room);
                        }
                    }
                    Step::Arrive(p, hops, delimiter, bodies) => {
                        if let Some(peer) = peers.get_mut(&p) {
                            serial += 1;
                            let mut envelope: Parts = vec![b"hop".to_vec(); hops];
                            if delimiter {
                                envelope.push(Vec::new());
                            }
                            let body: Parts = (0..bodies).map(|n| format!("{serial}.{n}").into_bytes()).collect();
                            let message = [&envelope[..], &body[..]].concat();
                            if !message.is_empty() {
                                bench.arrive_bytes(p, &message);
                                if delimiter && bodies > 0 {
                                    peer.1.push_back((envelope, body));
                                }
                            }
                        }
                    }
                    Step::Ready => {
                        let (receive, send) = match turn {
                            Turn::Receive => (peers.values().any(|peer| !peer.1.is_empty()), false),
                            _ => (false, true),
                        };
                        prop_assert_eq!((bench.can_recv(), bench.can_send()), (receive, send));
                    }
                    Step::Recv => {
                        if !matches!(turn, Turn::Receive) {
                            prop_assert!(matches!(bench.recv_part(), Err(Next::Refuse(Refusal::WrongState))));
                        } else if let Some(body) = bench.recv() {
                            let peer = peers.iter_mut().find(|(_, peer)| {
                                peer.1.front().is_some_and(|(_, wanted)| *wanted == body)
                            });
                            let (&p, peer) = peer.unwrap();
                            turn = Turn::Reply(Some(p), peer.1.pop_front().unwrap().0);
                        } else {
                            prop_assert!(peers.values().all(|peer| peer.1.is_empty()));
                        }
                    }
                    Step::Send(more) => {
                        serial += 1;
                        let body = serial.to_string();
                        let verdict = bench.send_part(&body, more);
                        let (to, mut reply) = match turn {
                            Turn::Receive => {
                                prop_assert_eq!(verdict, Verdict::Refuse(Refusal::WrongState));
                                continue;
                            }
                            Turn::Reply(to, envelope) => (to.filter(|p| peers[p].0 > 0), envelope),
                            Turn::Partway(to, reply) => (to, reply),
                        };
                        prop_assert_eq!(verdict, to.map_or(Verdict::Drop, |p| Verdict::To(PipeId(p))));
                        reply.push(body.into_bytes());
                        turn = Turn::Partway(to, reply);
                        if !more {
                            if let Turn::Partway(Some(p), reply) = turn {
                                prop_assert_eq!(bench.sent(p), vec![reply]);
                                peers.get_mut(&p).unwrap().0 -= 1;
                            }
                            turn = Turn::Receive;
                        }
                    }
                }
            }
        }
    }
}
