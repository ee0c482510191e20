//! REP: a request, then its reply, by strict turns. RFC 28.
//!
//! A request comes in an envelope: parts up to and with the first empty one, put there by REQ and by the routers on
//! its way. The envelope is kept aside and goes in front of the reply, to the pipe that the request came from. A
//! request without an empty part, or with nothing behind it, is passed over. If the requester has gone, or does not
//! take its replies, the reply vanishes.
//!
//! Invariant: the envelope is complete or empty; the application sees a request's first part only after its envelope
//! is complete.

use super::fair_queue::FairQueue;
use super::pattern::Rules;
use super::{Next, Outgoing, PipeId, Pipes, Refusal, Verdict};
use netzmq_memory::Message;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waiting for a request, or in the midst of one.
    Receiving,
    /// The request is read; the reply goes there.
    Replying(Option<PipeId>),
    /// In the midst of the reply.
    Partway(Option<PipeId>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Rep {
    queue: FairQueue,
    state: State,
    envelope: Vec<Message>,
}

impl Rep {
    pub(crate) fn new() -> Rep {
        Rep { queue: FairQueue::new(), state: State::Receiving, envelope: Vec::new() }
    }

    /// The pipe with the next part of a request's body, its envelope taken.
    #[inline]
    fn find<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        if self.queue.is_partway() {
            return self.queue.next(pipes);
        }
        loop {
            let pipe = self.queue.next(pipes)?;
            if self.take_envelope(pipes, pipe)? {
                return Some(pipe);
            }
        }
    }

    /// False if the message ended before its envelope did.
    #[inline]
    fn take_envelope<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) -> Option<bool> {
        self.envelope.clear();
        loop {
            let part = pipes.take(pipe)?;
            self.queue.taken(part.more);
            if !part.more {
                return Some(false);
            }
            let bottom = part.body.is_empty();
            self.envelope.push(part.body);
            if bottom {
                return Some(true);
            }
        }
    }
}

impl Rules for Rep {
    const SENDS: bool = true;
    const RECEIVES: bool = true;

    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.queue.attach(pipe);
        true
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.queue.disconnected(pipes, pipe);
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.detach(pipe);
        match &mut self.state {
            State::Replying(to) | State::Partway(to) if *to == Some(pipe) => *to = None,
            _ => {}
        }
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
    }

    #[inline]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        let to = match self.state {
            State::Receiving => return Verdict::Refuse(Refusal::WrongState),
            State::Replying(to) => {
                let to = to.filter(|&pipe| pipes.can_write(pipe));
                if let Some(pipe) = to {
                    self.envelope.iter().for_each(|part| pipes.write(pipe, part, true));
                }
                to
            }
            State::Partway(to) => to,
        };
        self.state = if part.more { State::Partway(to) } else { State::Receiving };
        to.map_or(Verdict::Drop, Verdict::To)
    }

    /// The whole reply may be sent again; if it had no way to go, it will have none.
    fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        if let State::Partway(to) = self.state {
            if let Some(pipe) = to {
                pipes.rollback(pipe);
            }
            self.state = State::Replying(to);
        }
    }

    #[inline]
    fn can_send<P: Pipes>(&mut self, _: &mut P) -> bool {
        self.state != State::Receiving
    }

    #[inline]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        if self.state != State::Receiving {
            return Next::Refuse(Refusal::WrongState);
        }
        self.find(pipes).into()
    }

    #[inline]
    fn taken(&mut self, pipe: PipeId, more: bool) {
        self.queue.taken(more);
        if !more {
            self.state = State::Replying(Some(pipe));
        }
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.state == State::Receiving && self.find(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.queue.is_reading(pipe)
    }
}
