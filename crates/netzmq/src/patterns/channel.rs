//! CHANNEL and DGRAM: PAIR with a condition on each message. RFC 52.
//!
//! CHANNEL knows single-part messages only; one of several parts can't be sent, and is dropped if one comes. DGRAM's
//! messages are an address and a body, no less and no more.

use super::pair::OnlyPipe;
use super::pattern::Rules;
use super::{Next, Outgoing, PipeId, Pipes, Refusal, Verdict};

/// See the module.
#[derive(Debug)]
pub(crate) struct Channel {
    only: OnlyPipe,
}

impl Channel {
    pub(crate) fn new() -> Channel {
        Channel { only: OnlyPipe::new() }
    }

    #[inline]
    fn find<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        loop {
            let pipe = self.only.next(pipes)?;
            let (_, more) = pipes.peek(pipe)?;
            if !more {
                return Some(pipe);
            }
            while pipes.skip(pipe) {}
        }
    }
}

impl Rules for Channel {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.only.attach(pipe)
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.only.detach(pipe);
    }

    #[inline]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        if part.more {
            return Verdict::Refuse(Refusal::Malformed);
        }
        self.only.route(pipes, false)
    }

    #[inline]
    fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.only.can_send(pipes)
    }

    #[inline]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        self.find(pipes).into()
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.find(pipes).is_some()
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Dgram {
    only: OnlyPipe,
}

impl Dgram {
    pub(crate) fn new() -> Dgram {
        Dgram { only: OnlyPipe::new() }
    }
}

impl Rules for Dgram {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.only.attach(pipe)
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.only.detach(pipe);
    }

    /// The first part must have a second, and the second no third.
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        if part.more == self.only.is_sending() {
            return Verdict::Refuse(Refusal::Malformed);
        }
        self.only.route(pipes, part.more)
    }

    fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        self.only.abort_send(pipes);
    }

    fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.only.can_send(pipes)
    }

    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        self.only.next(pipes).into()
    }

    fn taken(&mut self, _: PipeId, more: bool) {
        self.only.taken(more);
    }

    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.only.next(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.only.is_reading(pipe)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, parts};
    use super::super::{PatternOptions, PipeId, Refusal, Verdict};
    use netzmq_proto::SocketType;

    /// Goal: two parts, always. Method: one, two and three.
    #[test]
    fn a_datagram_has_an_address_and_a_body() {
        let mut bench = Bench::new(SocketType::Dgram, &PatternOptions::default());
        bench.join(0);
        assert_eq!(bench.send_part("lonely", false), Verdict::Refuse(Refusal::Malformed));
        assert_eq!(bench.send_part("address", true), Verdict::To(PipeId(0)));
        assert_eq!(bench.send_part("body", true), Verdict::Refuse(Refusal::Malformed));
        assert_eq!(bench.send_part("body", false), Verdict::To(PipeId(0)));
        assert_eq!(bench.sent(0), [parts(&["address", "body"])]);
    }
}
