//! PUSH: each message to one of the peers, in turn; waits when none has room. Never receives. RFC 30.

use super::load_balancer::LoadBalancer;
use super::pattern::Rules;
use super::{Outgoing, PipeId, Pipes, Verdict};

/// See the module.
#[derive(Debug)]
pub(crate) struct Push {
    balancer: LoadBalancer,
}

impl Push {
    pub(crate) fn new() -> Push {
        Push { balancer: LoadBalancer::new() }
    }
}

impl Rules for Push {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.balancer.attach(pipe);
        true
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.balancer.detach(pipe);
    }

    /// PULLs have nothing to say; what one says all the same must not pile up.
    fn readable<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.balancer.drop_incoming(pipes, pipe);
    }

    #[inline]
    fn writable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.balancer.writable(pipe);
    }

    #[inline]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        self.balancer.route(pipes, part.more)
    }

    #[inline]
    fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.balancer.can_send(pipes)
    }

    #[inline]
    fn next_target(&self) -> Option<PipeId> {
        self.balancer.next_target()
    }

    #[inline]
    fn has_one_target(&self) -> bool {
        self.balancer.has_one_target()
    }

    #[inline]
    fn target_taken(&mut self) {
        self.balancer.target_taken();
    }

    fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        self.balancer.abort(pipes);
    }
}
