//! SCATTER and GATHER: PUSH and PULL for single-part messages. RFC 49.
//!
//! A message of several parts can't be sent, and is dropped if one comes.

use super::fair_queue::FairQueue;
use super::load_balancer::LoadBalancer;
use super::pattern::Rules;
use super::{Next, Outgoing, PipeId, Pipes, Refusal, Verdict};

/// See the module.
#[derive(Debug)]
pub(crate) struct Scatter {
    balancer: LoadBalancer,
}

impl Scatter {
    pub(crate) fn new() -> Scatter {
        Scatter { balancer: LoadBalancer::new() }
    }
}

impl Rules for Scatter {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.balancer.attach(pipe);
        true
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.balancer.detach(pipe);
    }

    /// GATHERs have nothing to say; what one says all the same must not pile up.
    fn readable<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.balancer.drop_incoming(pipes, pipe);
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
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Gather {
    queue: FairQueue,
}

impl Gather {
    pub(crate) fn new() -> Gather {
        Gather { queue: FairQueue::new() }
    }
}

impl Rules for Gather {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.queue.attach(pipe);
        true
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
