//! REQ: a request, then its reply, by strict turns. RFC 28.
//!
//! A request goes to the next peer in turn, behind an empty part (and, with `correlate`, a number in front of that);
//! its reply is awaited from that peer alone, and everything else that arrives is dropped. With `relaxed` a new
//! request may be sent before the reply has come, which is then no longer wanted.
//!
//! Invariants: the envelope is written with the request's first part and taken off with the reply's first part,
//! whole; when a request begins, nothing that arrived before it can be taken for its reply.

use super::fair_queue::FairQueue;
use super::load_balancer::LoadBalancer;
use super::options::PatternOptions;
use super::pattern::{Rules, probe};
use super::{Next, Outgoing, PeerInfo, PipeId, Pipes, Refusal, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    /// In the midst of the request.
    Sending,
    /// Waiting for the reply, or in the midst of it.
    Awaiting,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Req {
    queue: FairQueue,
    balancer: LoadBalancer,
    probe: bool,
    correlate: bool,
    relaxed: bool,
    state: State,
    /// Who was asked. `None` once that pipe is gone: then any peer's reply will do, as with libzmq.
    asked: Option<PipeId>,
    request_id: u32,
    /// The request that is out carries its number.
    numbered: bool,
}

impl Req {
    /// `seed`: where request numbers start.
    pub(crate) fn new(options: &PatternOptions, seed: u32) -> Req {
        Req {
            queue: FairQueue::new(),
            balancer: LoadBalancer::new(),
            probe: options.probe_router,
            correlate: options.req_correlate,
            relaxed: options.req_relaxed,
            state: State::Ready,
            asked: None,
            request_id: seed,
            numbered: false,
        }
    }

    /// Writes the envelope, if there is a peer with room.
    #[inline]
    fn begin_request<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        let Some(pipe) = self.balancer.find_room(pipes) else { return false };
        while self.queue.next(pipes).is_some() {
            self.queue.skip_message(pipes);
        }
        self.numbered = self.correlate;
        if self.numbered {
            self.request_id = self.request_id.wrapping_add(1);
            pipes.write(pipe, &self.request_id.to_be_bytes(), true);
        }
        pipes.write(pipe, b"", true);
        self.asked = Some(pipe);
        true
    }

    /// The pipe with the next part of the reply, its envelope taken off.
    #[inline]
    fn find<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        if self.queue.is_partway() {
            return self.queue.next(pipes);
        }
        loop {
            let pipe = self.queue.next(pipes)?;
            if self.asked.is_none_or(|asked| asked == pipe) && self.take_envelope(pipes, pipe) {
                return Some(pipe);
            }
            self.queue.skip_message(pipes);
        }
    }

    /// False if the message is not a reply to the request that is out.
    #[inline]
    fn take_envelope<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) -> bool {
        if self.numbered && !self.take_part(pipes, pipe, &self.request_id.to_be_bytes()) {
            return false;
        }
        self.take_part(pipes, pipe, b"")
    }

    /// Takes off one part of the envelope, if it is the one expected and more follow.
    #[inline]
    fn take_part<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, expected: &[u8]) -> bool {
        let fits = pipes.peek(pipe).is_some_and(|(body, more)| more && body == expected);
        if fits {
            pipes.skip(pipe);
            self.queue.taken(true);
        }
        fits
    }
}

impl Rules for Req {
    fn set_options(&mut self, options: &PatternOptions) {
        self.probe = options.probe_router;
        self.correlate = options.req_correlate;
        self.relaxed = options.req_relaxed;
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
        if self.asked == Some(pipe) {
            self.asked = None;
        }
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
    }

    #[inline]
    fn writable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.balancer.writable(pipe);
    }

    #[inline(never)]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        match self.state {
            State::Awaiting if !self.relaxed => return Verdict::Refuse(Refusal::WrongState),
            State::Ready | State::Awaiting => {
                if !self.begin_request(pipes) {
                    return Verdict::Block;
                }
            }
            State::Sending => {}
        }
        self.state = if part.more { State::Sending } else { State::Awaiting };
        self.balancer.route(pipes, part.more)
    }

    fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        if self.state == State::Sending {
            self.balancer.abort(pipes);
            self.state = State::Ready;
            self.asked = None;
        }
    }

    #[inline]
    fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        match self.state {
            State::Awaiting if !self.relaxed => false,
            _ => self.balancer.can_send(pipes),
        }
    }

    #[inline(never)]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        if self.state != State::Awaiting {
            return Next::Refuse(Refusal::WrongState);
        }
        self.find(pipes).into()
    }

    #[inline]
    fn taken(&mut self, _: PipeId, more: bool) {
        self.queue.taken(more);
        if !more {
            self.state = State::Ready;
            self.asked = None;
        }
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.state == State::Awaiting && self.find(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.queue.is_reading(pipe)
    }
}

#[cfg(test)]
mod tests;
