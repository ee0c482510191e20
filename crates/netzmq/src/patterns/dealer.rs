//! DEALER: sends in turn as PUSH does, receives in fair turn as PULL does, and adds nothing to a message. RFC 28.

use super::fair_queue::FairQueue;
use super::load_balancer::LoadBalancer;
use super::options::PatternOptions;
use super::pattern::{Rules, probe};
use super::{Next, Outgoing, PeerInfo, PipeId, Pipes, Verdict};

/// See the module.
#[derive(Debug)]
pub(crate) struct Dealer {
    queue: FairQueue,
    balancer: LoadBalancer,
    probe: bool,
}

impl Dealer {
    pub(crate) fn new(options: &PatternOptions) -> Dealer {
        Dealer { queue: FairQueue::new(), balancer: LoadBalancer::new(), probe: options.probe_router }
    }
}

impl Rules for Dealer {
    fn set_options(&mut self, options: &PatternOptions) {
        self.probe = options.probe_router;
    }

    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.queue.attach(pipe);
        self.balancer.attach(pipe);
        true
    }

    fn connected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, _: &PeerInfo<'_>) -> bool {
        if self.probe && !self.balancer.is_sending_to(pipe) {
            probe(pipes, pipe);
        }
        true
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.queue.disconnected(pipes, pipe);
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.detach(pipe);
        self.balancer.detach(pipe);
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
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
    fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.balancer.can_send(pipes)
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.queue.next(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.queue.is_reading(pipe)
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
