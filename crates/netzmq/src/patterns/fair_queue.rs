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

    fn is_reading(&self, pipe: PipeId) -> bool {
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
