//! Fair queueing: whose message is received next.
//!
//! Round robin, one whole message a turn, over the pipes that have something; once a message is begun its pipe keeps
//! the turn until the last part. A pipe found empty is not asked again until `readable` names it. Never takes a
//! message itself: it says whose turn it is, and is told what was taken.
//!
//! Invariant: while a message is partly read (`partway`), its pipe is the ring's head.

use super::ring::Ring;
use super::{PipeId, Pipes};

/// See the module.
#[derive(Debug)]
pub(crate) struct FairQueue {
    ring: Ring,
    partway: bool,
}

impl FairQueue {
    pub(crate) fn new() -> FairQueue {
        FairQueue { ring: Ring::new(), partway: false }
    }

    pub(crate) fn attach(&mut self, pipe: PipeId) {
        self.ring.attach(pipe);
    }

    /// Forgets `pipe`. True if a message of its was partly read, so that its rest will never come.
    pub(crate) fn detach(&mut self, pipe: PipeId) -> bool {
        let cut = self.is_reading(pipe);
        self.partway &= !cut;
        self.ring.detach(pipe);
        cut
    }

    /// The wire behind `pipe` is lost. What had arrived may still be read; if the pipe does not hold the rest of
    /// the message that is partly read, that message is over, and the answer is true.
    pub(crate) fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) -> bool {
        let cut = self.is_reading(pipe) && pipes.peek(pipe).is_none();
        if cut {
            self.partway = false;
            self.ring.advance();
        }
        cut
    }

    #[inline]
    pub(crate) fn readable(&mut self, pipe: PipeId) {
        self.ring.wake(pipe);
    }

    /// The pipe to take the next part from: the one being read, or the next in turn that has a message.
    #[inline]
    pub(crate) fn next<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        if self.partway {
            return self.ring.head();
        }
        while let Some(pipe) = self.ring.head() {
            if pipes.has_message(pipe) {
                return Some(pipe);
            }
            self.ring.sleep(pipe);
        }
        None
    }

    /// Whose turn it is, empty or not.
    #[inline]
    pub(crate) fn next_source(&self) -> Option<PipeId> {
        self.ring.head()
    }

    /// `next_source` goes on naming the same pipe as long as nothing but whole messages are taken.
    #[inline]
    pub(crate) fn has_one_source(&self) -> bool {
        !self.partway && self.ring.has_one()
    }

    /// A part was taken from the pipe that `next` named.
    #[inline]
    pub(crate) fn taken(&mut self, more: bool) {
        self.partway = more;
        if !more {
            self.ring.advance();
        }
    }

    /// Some parts of a message were taken and more are to come.
    #[inline]
    pub(crate) fn is_partway(&self) -> bool {
        self.partway
    }

    /// Some parts of a message of this pipe were taken and more are to come.
    #[inline]
    pub(crate) fn is_reading(&self, pipe: PipeId) -> bool {
        self.partway && self.ring.head() == Some(pipe)
    }

    /// Drops what is left of the message of the pipe that `next` named (all of it, if it is not begun).
    pub(crate) fn skip_message<P: Pipes>(&mut self, pipes: &mut P) {
        if let Some(pipe) = self.ring.head() {
            while pipes.skip(pipe) {}
            self.taken(false);
        }
    }

    /// As `next`, but a message of several parts is dropped, for the socket types that know single parts only.
    #[inline]
    pub(crate) fn next_single<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        loop {
            let pipe = self.next(pipes)?;
            match pipes.peek(pipe) {
                Some((_, false)) => return Some(pipe),
                Some((_, true)) => self.skip_message(pipes),
                None => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, Parts};
    use super::super::{Next, PatternOptions};
    use netzmq_proto::SocketType;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, VecDeque};

    #[derive(Clone, Debug)]
    enum Step {
        Join(u32),
        Detach(u32),
        Arrive(u32, usize),
        Recv,
        Ready,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..5u32).prop_map(Step::Join),
            1 => (0..5u32).prop_map(Step::Detach),
            5 => ((0..5u32), 1..4usize).prop_map(|(p, parts)| Step::Arrive(p, parts)),
            10 => Just(Step::Recv),
            2 => Just(Step::Ready),
        ]
    }

    proptest! {
        /// Goal: messages whole and in each pipe's order, pipes in exact turn, nothing said to be there that is not.
        /// Method: random steps on a PULL, beside queues per pipe and a queue of the pipes' turns.
        #[test]
        fn fair_turns_of_whole_messages(steps in proptest::collection::vec(step(), 0..200)) {
            let mut bench = Bench::new(SocketType::Pull, &PatternOptions::default());
            let mut queues: BTreeMap<u32, VecDeque<Parts>> = BTreeMap::new();
            // Pipes in the order in which they will be asked; an empty one is forgotten when asked.
            let mut turns: VecDeque<u32> = VecDeque::new();
            let mut rest: Parts = Parts::new();
            let mut serial = 0u32;
            for step in steps {
                match step {
                    Step::Join(p) => {
                        if let std::collections::btree_map::Entry::Vacant(vacant) = queues.entry(p) {
                            vacant.insert(VecDeque::new());
                            bench.join(p);
                            turns.push_back(p);
                        }
                    }
                    Step::Detach(p) => {
                        if queues.remove(&p).is_some() {
                            if turns.front() == Some(&p) {
                                rest.clear();
                            }
                            turns.retain(|&other| other != p);
                            bench.detach(p);
                        }
                    }
                    Step::Arrive(p, count) => {
                        if let Some(queue) = queues.get_mut(&p) {
                            let message: Parts = (0..count)
                                .map(|_| {
                                    serial += 1;
                                    serial.to_string().into_bytes()
                                })
                                .collect();
                            bench.arrive_bytes(p, &message);
                            queue.push_back(message);
                            if !turns.contains(&p) {
                                turns.push_back(p);
                            }
                        }
                    }
                    Step::Recv | Step::Ready => {
                        while rest.is_empty()
                            && let Some(&p) = turns.front()
                        {
                            match queues.get_mut(&p).and_then(VecDeque::pop_front) {
                                Some(message) => rest = message,
                                None => {
                                    turns.pop_front();
                                }
                            }
                        }
                        if matches!(step, Step::Ready) {
                            prop_assert_eq!(bench.can_recv(), !rest.is_empty());
                            // Put back what only a receive takes.
                            if let Some(&p) = turns.front()
                                && !rest.is_empty()
                                && !bench.pattern.is_reading(super::PipeId(p))
                            {
                                queues.get_mut(&p).unwrap().push_front(std::mem::take(&mut rest));
                            }
                            continue;
                        }
                        if rest.is_empty() {
                            prop_assert!(matches!(bench.recv_part(), Err(Next::Empty)));
                            continue;
                        }
                        let body = rest.remove(0);
                        let from = *turns.front().unwrap();
                        prop_assert_eq!(bench.recv_part().unwrap(), (body, !rest.is_empty(), Some(from)));
                        if rest.is_empty() {
                            turns.rotate_left(1);
                        }
                    }
                }
            }
        }
    }

    /// Goal: a message that is begun is received to its end across a lost wire, unless the pipe lost it too.
    /// Method: lose the wire with the rest in the pipe, then with the pipe emptied.
    #[test]
    fn a_lost_wire_cuts_only_what_is_not_there() {
        let mut bench = Bench::new(SocketType::Pull, &PatternOptions::default());
        bench.join(0);
        bench.arrive(0, &["a", "b"]);
        bench.recv_part().unwrap();
        bench.disconnected(0);
        assert_eq!(bench.recv_part().unwrap().0, b"b");
        bench.arrive(0, &["c", "d"]);
        bench.recv_part().unwrap();
        bench.fake.clear_incoming(0);
        bench.disconnected(0);
        assert!(!bench.can_recv());
        bench.arrive(0, &["e"]);
        assert_eq!(bench.recv_part().unwrap(), (b"e".to_vec(), false, Some(0)));
    }
}
