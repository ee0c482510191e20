//! Load balancing: who is sent the next message.
//!
//! Round robin, one whole message a turn, over the pipes with room; once a message is begun its pipe keeps the turn
//! until the last part, full or not. A pipe found full is not asked again until `writable` names it. If the pipe
//! goes in mid-message, the rest of the message is dropped: its head is lost, and a tail must not travel alone.
//!
//! Invariant: while a message is partly sent, its pipe is the ring's head.

use super::ring::Ring;
use super::{PipeId, Pipes, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between,
    /// The ring's head has the first parts.
    Partway,
    /// The pipe that had the first parts is gone.
    Dropping,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct LoadBalancer {
    ring: Ring,
    state: State,
}

impl LoadBalancer {
    pub(crate) fn new() -> LoadBalancer {
        LoadBalancer { ring: Ring::new(), state: State::Between }
    }

    pub(crate) fn attach(&mut self, pipe: PipeId) {
        self.ring.attach(pipe);
    }

    pub(crate) fn detach(&mut self, pipe: PipeId) {
        if self.is_sending_to(pipe) {
            self.state = State::Dropping;
        }
        self.ring.detach(pipe);
    }

    #[inline]
    pub(crate) fn writable(&mut self, pipe: PipeId) {
        self.ring.wake(pipe);
    }

    /// Gets rid of what a peer sends to a type that never receives.
    pub(crate) fn drop_incoming<P: Pipes>(&self, pipes: &mut P, pipe: PipeId) {
        while self.ring.knows(pipe) && pipes.has_message(pipe) {
            pipes.skip(pipe);
        }
    }

    /// `To`, `Block`, or `Drop` for the rest of a message whose pipe is gone.
    #[inline]
    pub(crate) fn route<P: Pipes>(&mut self, pipes: &mut P, more: bool) -> Verdict {
        let pipe = match self.state {
            State::Between => self.find_room(pipes),
            State::Partway => self.ring.head(),
            State::Dropping => {
                if !more {
                    self.state = State::Between;
                }
                return Verdict::Drop;
            }
        };
        let Some(pipe) = pipe else { return Verdict::Block };
        if more {
            self.state = State::Partway;
        } else {
            self.state = State::Between;
            self.ring.advance();
        }
        Verdict::To(pipe)
    }

    /// Whose turn it is, full or not, if a message begins now.
    #[inline]
    pub(crate) fn next_target(&self) -> Option<PipeId> {
        if self.state == State::Between { self.ring.head() } else { None }
    }

    #[inline]
    pub(crate) fn has_one_target(&self) -> bool {
        self.ring.has_one()
    }

    /// The pipe that `next_target` named was given a whole message.
    #[inline]
    pub(crate) fn target_taken(&mut self) {
        self.ring.advance();
    }

    #[inline]
    pub(crate) fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.state != State::Between || self.find_room(pipes).is_some()
    }

    /// The pipe that the next whole message would go to.
    #[inline]
    pub(crate) fn find_room<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        while let Some(pipe) = self.ring.head() {
            if pipes.can_write(pipe) {
                return Some(pipe);
            }
            self.ring.sleep(pipe);
        }
        None
    }

    /// Some parts of a message were sent to `pipe` and more are to come: nothing else may be written there.
    pub(crate) fn is_sending_to(&self, pipe: PipeId) -> bool {
        self.state == State::Partway && self.ring.head() == Some(pipe)
    }

    /// Gives up the message that is partly sent.
    pub(crate) fn abort<P: Pipes>(&mut self, pipes: &mut P) {
        if self.state == State::Partway
            && let Some(pipe) = self.ring.head()
        {
            pipes.rollback(pipe);
        }
        self.state = State::Between;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, Parts};
    use super::super::{PatternOptions, PipeId, Verdict};
    use netzmq_proto::SocketType;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, VecDeque};

    #[derive(Clone, Debug)]
    enum Step {
        Join(u32, usize),
        Detach(u32),
        Room(u32, usize),
        Send(bool),
        Abort,
        Ready,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => ((0..5u32), 0..4usize).prop_map(|(p, room)| Step::Join(p, room)),
            1 => (0..5u32).prop_map(Step::Detach),
            3 => ((0..5u32), 0..4usize).prop_map(|(p, room)| Step::Room(p, room)),
            10 => any::<bool>().prop_map(Step::Send),
            1 => Just(Step::Abort),
            2 => Just(Step::Ready),
        ]
    }

    #[derive(Debug)]
    enum Message {
        To(u32, Parts),
        Lost,
    }

    proptest! {
        /// Goal: whole messages in exact turn over the pipes with room, the rest of a message dropped with its pipe.
        /// Method: random steps on a PUSH, beside a queue of turns and what each pipe should have got.
        #[test]
        fn whole_messages_in_turn(steps in proptest::collection::vec(step(), 0..200)) {
            let mut bench = Bench::new(SocketType::Push, &PatternOptions::default());
            let mut room: BTreeMap<u32, usize> = BTreeMap::new();
            // Pipes in the order in which they will be asked; a full one is forgotten when asked.
            let mut turns: VecDeque<u32> = VecDeque::new();
            let mut current: Option<Message> = None;
            let mut serial = 0u32;
            for step in steps {
                match step {
                    Step::Join(p, n) => {
                        if let std::collections::btree_map::Entry::Vacant(vacant) = room.entry(p) {
                            vacant.insert(n);
                            bench.join(p);
                            bench.set_room(p, n);
                            turns.push_back(p);
                        }
                    }
                    Step::Detach(p) => {
                        if room.remove(&p).is_some() {
                            bench.detach(p);
                            turns.retain(|&other| other != p);
                            if matches!(&current, Some(Message::To(to, _)) if *to == p) {
                                current = Some(Message::Lost);
                            }
                        }
                    }
                    Step::Room(p, n) => {
                        // A message that was begun on a pipe has its room already.
                        let begun = matches!(&current, Some(Message::To(to, _)) if *to == p);
                        if !begun && let Some(room) = room.get_mut(&p) {
                            *room = n;
                            bench.set_room(p, n);
                            if !turns.contains(&p) {
                                turns.push_back(p);
                            }
                        }
                    }
                    Step::Abort => {
                        bench.pattern.abort_send(&mut bench.fake);
                        current = None;
                    }
                    Step::Ready | Step::Send(_) => {
                        while current.is_none()
                            && let Some(p) = turns.front()
                            && room[p] == 0
                        {
                            turns.pop_front();
                        }
                        let Step::Send(more) = step else {
                            prop_assert_eq!(bench.can_send(), current.is_some() || !turns.is_empty());
                            continue;
                        };
                        serial += 1;
                        let body = serial.to_string();
                        let verdict = bench.send_part(&body, more);
                        if current.is_none() {
                            let Some(&p) = turns.front() else {
                                prop_assert_eq!(verdict, Verdict::Block);
                                continue;
                            };
                            current = Some(Message::To(p, Parts::new()));
                        }
                        match current.as_mut().unwrap() {
                            Message::Lost => prop_assert_eq!(verdict, Verdict::Drop),
                            Message::To(p, parts) => {
                                prop_assert_eq!(verdict, Verdict::To(PipeId(*p)));
                                parts.push(body.into_bytes());
                            }
                        }
                        if !more && let Some(Message::To(p, parts)) = current.take() {
                            *room.get_mut(&p).unwrap() -= 1;
                            turns.rotate_left(1);
                            prop_assert_eq!(bench.sent(p), vec![parts]);
                        }
                    }
                }
            }
            for &p in room.keys() {
                prop_assert_eq!(bench.sent(p), Vec::<Parts>::new());
            }
        }
    }
}
