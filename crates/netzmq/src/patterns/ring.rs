//! A ring of pipes that are worth asking, in the order in which their turns come.
//!
//! The fair queue and the load balancer are both "whose turn is it among those that may answer": a circle of pipes
//! with a head. A pipe that was found empty (or full) leaves the circle and re-enters at its end when it stirs.
//! Never asks a pipe anything itself.
//!
//! Invariants:
//! - Every operation costs the same for one pipe and for ten thousand, and only `attach` may allocate.
//! - A pipe is detached (unknown), asleep (known, not in the circle) or awake (in the circle, once).
//! - Others' coming and going never moves the head; only `advance` and the head's own leaving do.

use super::PipeId;

const DETACHED: u32 = u32::MAX;
const ASLEEP: u32 = u32::MAX - 1;

/// `next` holds a neighbour's index when awake, else what the pipe is instead.
#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
}

const UNKNOWN: Link = Link { previous: DETACHED, next: DETACHED };

/// See the module.
#[derive(Debug)]
pub(crate) struct Ring {
    links: Vec<Link>,
    head: u32,
}

impl Ring {
    pub(crate) fn new() -> Ring {
        Ring { links: Vec::new(), head: DETACHED }
    }

    /// Makes `pipe` known and awake. Nothing happens if it already is known.
    pub(crate) fn attach(&mut self, pipe: PipeId) {
        let index = pipe.0 as usize;
        if index >= self.links.len() {
            self.links.resize(index + 1, UNKNOWN);
        }
        if let Some(link) = self.links.get_mut(index)
            && link.next == DETACHED
        {
            link.next = ASLEEP;
            self.wake(pipe);
        }
    }

    /// Forgets `pipe`.
    pub(crate) fn detach(&mut self, pipe: PipeId) {
        self.sleep(pipe);
        if let Some(link) = self.links.get_mut(pipe.0 as usize) {
            *link = UNKNOWN;
        }
    }

    /// Whether `pipe` is attached.
    pub(crate) fn knows(&self, pipe: PipeId) -> bool {
        self.links.get(pipe.0 as usize).is_some_and(|link| link.next != DETACHED)
    }

    /// Whose turn it is.
    #[inline]
    pub(crate) fn head(&self) -> Option<PipeId> {
        if self.head == DETACHED { None } else { Some(PipeId(self.head)) }
    }

    /// Whether one pipe has all the turns.
    #[inline]
    pub(crate) fn has_one(&self) -> bool {
        self.links.get(self.head as usize).is_some_and(|link| link.next == self.head)
    }

    /// Ends the head's turn.
    #[inline]
    pub(crate) fn advance(&mut self) {
        if let Some(link) = self.links.get(self.head as usize) {
            self.head = link.next;
        }
    }

    /// `pipe` enters the circle at its end, if it is known and not in it yet.
    #[inline]
    pub(crate) fn wake(&mut self, pipe: PipeId) {
        if self.links.get(pipe.0 as usize).is_some_and(|link| link.next == ASLEEP) {
            self.enter(pipe.0);
        }
    }

    fn enter(&mut self, pipe: u32) {
        let Some(head) = self.links.get_mut(self.head as usize) else {
            // Alone: its own neighbour on both sides.
            self.head = pipe;
            self.set(pipe, Link { previous: pipe, next: pipe });
            return;
        };
        let tail = std::mem::replace(&mut head.previous, pipe);
        if let Some(link) = self.links.get_mut(tail as usize) {
            link.next = pipe;
        }
        self.set(pipe, Link { previous: tail, next: self.head });
    }

    /// `pipe` leaves the circle, if it is in it; were it the head, the turn is the next one's.
    pub(crate) fn sleep(&mut self, pipe: PipeId) {
        let Some(&Link { previous, next }) = self.links.get(pipe.0 as usize) else { return };
        if next == DETACHED || next == ASLEEP {
            return;
        }
        if next == pipe.0 {
            self.head = DETACHED;
        } else {
            if let Some(link) = self.links.get_mut(previous as usize) {
                link.next = next;
            }
            if let Some(link) = self.links.get_mut(next as usize) {
                link.previous = previous;
            }
            if self.head == pipe.0 {
                self.head = next;
            }
        }
        self.set(pipe.0, Link { previous: DETACHED, next: ASLEEP });
    }

    fn set(&mut self, pipe: u32, to: Link) {
        if let Some(link) = self.links.get_mut(pipe as usize) {
            *link = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Attach(u32),
        Detach(u32),
        Wake(u32),
        Sleep(u32),
        Advance,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..6u32).prop_map(Step::Attach),
            (0..6u32).prop_map(Step::Detach),
            (0..6u32).prop_map(Step::Wake),
            (0..6u32).prop_map(Step::Sleep),
            Just(Step::Advance),
        ]
    }

    proptest! {
        /// Goal: the ring is a queue that rotates. Method: random steps beside a `VecDeque` and a list of the known.
        #[test]
        fn behaves_like_a_rotating_queue(steps in proptest::collection::vec(step(), 0..200)) {
            let mut ring = Ring::new();
            let mut queue: VecDeque<u32> = VecDeque::new();
            let mut known: Vec<u32> = Vec::new();
            for step in steps {
                match step {
                    Step::Attach(p) => {
                        ring.attach(PipeId(p));
                        if !known.contains(&p) {
                            known.push(p);
                            queue.push_back(p);
                        }
                    }
                    Step::Detach(p) => {
                        ring.detach(PipeId(p));
                        known.retain(|&k| k != p);
                        queue.retain(|&k| k != p);
                    }
                    Step::Wake(p) => {
                        ring.wake(PipeId(p));
                        if known.contains(&p) && !queue.contains(&p) {
                            queue.push_back(p);
                        }
                    }
                    Step::Sleep(p) => {
                        ring.sleep(PipeId(p));
                        queue.retain(|&k| k != p);
                    }
                    Step::Advance => {
                        ring.advance();
                        if let Some(p) = queue.pop_front() {
                            queue.push_back(p);
                        }
                    }
                }
                prop_assert_eq!(ring.head(), queue.front().map(|&p| PipeId(p)));
                for p in 0..6 {
                    prop_assert_eq!(ring.knows(PipeId(p)), known.contains(&p));
                }
            }
        }
    }
}
