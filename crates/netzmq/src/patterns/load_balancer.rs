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
        if self.state == State::Partway && self.ring.head() == Some(pipe) {
            self.state = State::Dropping;
        }
        self.ring.detach(pipe);
    }

    #[inline]
    pub(crate) fn writable(&mut self, pipe: PipeId) {
        self.ring.wake(pipe);
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
