//! PULL: messages of all peers, in fair turn. Never sends. RFC 30.

use super::fair_queue::FairQueue;
use super::pattern::Rules;
use super::{Next, PipeId, Pipes};

/// See the module.
#[derive(Debug)]
pub(crate) struct Pull {
    queue: FairQueue,
}

impl Pull {
    pub(crate) fn new() -> Pull {
        Pull { queue: FairQueue::new() }
    }
}

impl Rules for Pull {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.queue.attach(pipe);
        true
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.queue.disconnected(pipes, pipe);
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.detach(pipe);
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
    }

    #[inline]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        self.queue.next(pipes).into()
    }

    #[inline]
    fn next_source(&self) -> Option<PipeId> {
        self.queue.next_source()
    }

    #[inline]
    fn has_one_source(&self) -> bool {
        self.queue.has_one_source()
    }

    #[inline]
    fn taken(&mut self, _: PipeId, more: bool) {
        self.queue.taken(more);
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.queue.next(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.queue.is_reading(pipe)
    }
}
