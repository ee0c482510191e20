//! Fan-out: a message to everyone who is to have it.
//!
//! The first part selects; the others follow to the same pipes. A pipe without room is passed over for the whole
//! message, and is not asked again until `writable` names it; with `nodrop` a full pipe among the selected blocks
//! the message for all. Never decides who is interested: a matcher offers pipes, one by one.
//!
//! Invariants: the fan holds attached pipes only, each once; nobody joins it in mid-message.

use super::{PipeId, Pipes, Verdict};

const ABSENT: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Index in `members`.
    place: u32,
    /// The last round in which this pipe was offered or excluded.
    round: u32,
    full: bool,
}

const UNKNOWN: Slot = Slot { place: ABSENT, round: 0, full: false };

/// See the module.
#[derive(Debug)]
pub(crate) struct FanOut {
    slots: Vec<Slot>,
    members: Vec<PipeId>,
    fan: Vec<PipeId>,
    /// One a message, so that a pipe that matches twice is selected once.
    round: u32,
    /// Full pipes that were offered in this round.
    met_full: u64,
    /// The same in all rounds that came to something.
    passed_over: u64,
    partway: bool,
}

impl FanOut {
    pub(crate) fn new() -> FanOut {
        FanOut {
            slots: Vec::new(),
            members: Vec::new(),
            fan: Vec::new(),
            round: 0,
            met_full: 0,
            passed_over: 0,
            partway: false,
        }
    }

    pub(crate) fn attach(&mut self, pipe: PipeId) {
        let index = pipe.0 as usize;
        if index >= self.slots.len() {
            self.slots.resize(index + 1, UNKNOWN);
        }
        if let Some(slot) = self.slots.get_mut(index)
            && slot.place == ABSENT
        {
            *slot = Slot { place: self.members.len() as u32, ..UNKNOWN };
            self.members.push(pipe);
        }
    }

    pub(crate) fn detach(&mut self, pipe: PipeId) {
        let Some(slot) = self.slots.get_mut(pipe.0 as usize) else { return };
        let place = std::mem::replace(slot, UNKNOWN).place as usize;
        if place >= self.members.len() {
            return;
        }
        self.members.swap_remove(place);
        if let Some(&moved) = self.members.get(place)
            && let Some(slot) = self.slots.get_mut(moved.0 as usize)
        {
            slot.place = place as u32;
        }
        self.fan.retain(|&other| other != pipe);
    }

    pub(crate) fn knows(&self, pipe: PipeId) -> bool {
        self.slots.get(pipe.0 as usize).is_some_and(|slot| slot.place != ABSENT)
    }

    #[inline]
    pub(crate) fn writable(&mut self, pipe: PipeId) {
        if let Some(slot) = self.slots.get_mut(pipe.0 as usize) {
            slot.full = false;
        }
    }

    /// Some parts of a message were routed and more are to come.
    #[inline]
    pub(crate) fn is_partway(&self) -> bool {
        self.partway
    }

    /// Some parts of a message were sent to `pipe` and more are to come: nothing else may be written there.
    pub(crate) fn is_sending_to(&self, pipe: PipeId) -> bool {
        self.partway && self.fan.contains(&pipe)
    }

    /// Begins the selection for a message's first part.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.fan.clear();
        self.met_full = 0;
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            // Once in four thousand million messages: marks of the last time round would look fresh.
            self.slots.iter_mut().for_each(|slot| slot.round = 0);
            self.round = 1;
        }
    }

    /// Marks `pipe` as dealt with. False if it was already, or is not attached.
    #[inline]
    fn mark(&mut self, pipe: PipeId) -> Option<&mut Slot> {
        let round = self.round;
        let slot = self.slots.get_mut(pipe.0 as usize)?;
        if slot.round == round || slot.place == ABSENT {
            return None;
        }
        slot.round = round;
        Some(slot)
    }

    /// Selects `pipe`, if it has room.
    #[inline]
    pub(crate) fn offer<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        let Some(slot) = self.mark(pipe) else { return };
        if slot.full || !pipes.can_write(pipe) {
            slot.full = true;
            self.met_full += 1;
        } else {
            self.fan.push(pipe);
        }
    }

    /// Sees to it that `pipe` is not selected by a later offer of this round.
    pub(crate) fn exclude(&mut self, pipe: PipeId) {
        self.mark(pipe);
    }

    /// Offers every pipe that was neither offered nor excluded.
    pub(crate) fn offer_rest<P: Pipes>(&mut self, pipes: &mut P) {
        for index in 0..self.members.len() {
            if let Some(&pipe) = self.members.get(index) {
                self.offer(pipes, pipe);
            }
        }
    }

    /// Ends the selection. `Fan`, `Drop` if there is nobody, `Block` if nobody may be passed over and one was full.
    #[inline]
    pub(crate) fn settle(&mut self, nodrop: bool, more: bool) -> Verdict {
        if nodrop && self.met_full > 0 {
            self.fan.clear();
            return Verdict::Block;
        }
        self.passed_over += self.met_full;
        self.proceed(more)
    }

    /// A later part of the same message.
    #[inline]
    pub(crate) fn proceed(&mut self, more: bool) -> Verdict {
        self.partway = more;
        if self.fan.is_empty() { Verdict::Drop } else { Verdict::Fan }
    }

    /// Copies of messages that were passed over because their receiver was full.
    pub(crate) fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Somebody was passed over for the message at hand.
    pub(crate) fn has_met_full(&self) -> bool {
        self.met_full > 0
    }

    /// The pipes of the message at hand.
    #[inline]
    pub(crate) fn fan(&self) -> &[PipeId] {
        &self.fan
    }

    /// Gives up the message that is partly sent.
    pub(crate) fn abort<P: Pipes>(&mut self, pipes: &mut P) {
        if self.partway {
            self.fan.iter().for_each(|&pipe| pipes.rollback(pipe));
        }
        self.fan.clear();
        self.partway = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, parts};
    use super::super::{PatternOptions, Verdict};
    use netzmq_proto::SocketType;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Join(u32),
        Detach(u32),
        Room(u32, usize),
        Part(bool),
        Abort,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..5u32).prop_map(Step::Join),
            1 => (0..5u32).prop_map(Step::Detach),
            3 => ((0..5u32), 0..3usize).prop_map(|(p, room)| Step::Room(p, room)),
            6 => any::<bool>().prop_map(Step::Part),
            1 => Just(Step::Abort),
        ]
    }

    proptest! {
        /// Goal: every pipe gets each message wholly or not at all, exactly if it was there and had room at the
        /// first part (and, without drop, if all had room). Method: a PUB whose peers all want everything, beside a
        /// model of what each should have received.
        #[test]
        fn whole_messages_to_all_with_room(nodrop: bool, steps in proptest::collection::vec(step(), 0..150)) {
            let options = PatternOptions { xpub_nodrop: nodrop, ..PatternOptions::default() };
            let mut bench = Bench::new(SocketType::Pub, &options);
            let mut room: BTreeMap<u32, usize> = BTreeMap::new();
            let mut current: Option<(Vec<u32>, usize)> = None;
            let mut serial = 0;
            for step in steps {
                match step {
                    Step::Join(p) => {
                        room.entry(p).or_insert_with(|| {
                            bench.join(p);
                            bench.arrive(p, &["\u{1}"]);
                            1000
                        });
                    }
                    Step::Detach(p) => {
                        if room.remove(&p).is_some() {
                            bench.detach(p);
                            if let Some((fan, _)) = &mut current {
                                fan.retain(|&other| other != p);
                            }
                        }
                    }
                    Step::Room(p, n) => {
                        // A message that was begun on a pipe has its room already.
                        let begun = current.as_ref().is_some_and(|(fan, _)| fan.contains(&p));
                        if !begun && let Some(room) = room.get_mut(&p) {
                            *room = n;
                            bench.set_room(p, n);
                        }
                    }
                    Step::Abort => {
                        bench.pattern.abort_send(&mut bench.fake);
                        current = None;
                    }
                    Step::Part(more) => {
                        serial += 1;
                        let body = format!("{serial}");
                        let verdict = bench.send_part(&body, more);
                        if current.is_none() {
                            if nodrop && room.values().any(|&n| n == 0) {
                                prop_assert_eq!(verdict, Verdict::Block);
                                continue;
                            }
                            let fan = room.iter().filter(|(_, n)| **n > 0).map(|(&p, _)| p).collect();
                            current = Some((fan, 0));
                        }
                        let (fan, count) = current.as_mut().unwrap();
                        *count += 1;
                        prop_assert_eq!(verdict, if fan.is_empty() { Verdict::Drop } else { Verdict::Fan });
                        if !more {
                            let (fan, count) = current.take().unwrap();
                            let first = serial + 1 - count;
                            let texts: Vec<String> = (first..=serial).map(|n| format!("{n}")).collect();
                            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                            for p in fan {
                                *room.get_mut(&p).unwrap() -= 1;
                                prop_assert_eq!(bench.sent(p), vec![parts(&texts)]);
                            }
                        }
                    }
                }
            }
            for &p in room.keys() {
                prop_assert_eq!(bench.sent(p), Vec::<Vec<Vec<u8>>>::new());
            }
        }
    }
}
