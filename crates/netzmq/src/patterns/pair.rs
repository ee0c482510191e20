//! PAIR: one peer, both ways, nothing added. A second peer is refused while there is a first. RFC 31.
//!
//! `OnlyPipe` is the rule itself; PAIR, CHANNEL and DGRAM put their own conditions on top.

use super::pattern::Rules;
use super::{Next, Outgoing, PipeId, Pipes, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Between,
    Partway,
    /// The pipe that had the first parts is gone: the rest is dropped, for a tail must not travel alone.
    Dropping,
}

/// At most one pipe, and how far its current messages are.
#[derive(Debug)]
pub(crate) struct OnlyPipe {
    pipe: Option<PipeId>,
    sending: Sending,
    receiving: bool,
}

impl OnlyPipe {
    pub(crate) fn new() -> OnlyPipe {
        OnlyPipe { pipe: None, sending: Sending::Between, receiving: false }
    }

    /// False if there is a pipe already.
    pub(crate) fn attach(&mut self, pipe: PipeId) -> bool {
        if self.pipe.is_some() {
            return false;
        }
        self.pipe = Some(pipe);
        true
    }

    pub(crate) fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        if self.pipe == Some(pipe) && pipes.peek(pipe).is_none() {
            self.receiving = false;
        }
    }

    /// A pipe that was refused may be named here too: nothing happens.
    pub(crate) fn detach(&mut self, pipe: PipeId) {
        if self.pipe != Some(pipe) {
            return;
        }
        self.pipe = None;
        self.receiving = false;
        if self.sending == Sending::Partway {
            self.sending = Sending::Dropping;
        }
    }

    #[inline]
    pub(crate) fn route<P: Pipes>(&mut self, pipes: &mut P, more: bool) -> Verdict {
        let begun = self.sending != Sending::Between;
        if self.sending == Sending::Dropping {
            if !more {
                self.sending = Sending::Between;
            }
            return Verdict::Drop;
        }
        match self.pipe {
            Some(pipe) if begun || pipes.can_write(pipe) => {
                self.sending = if more { Sending::Partway } else { Sending::Between };
                Verdict::To(pipe)
            }
            _ => Verdict::Block,
        }
    }

    #[inline]
    pub(crate) fn next<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        let pipe = self.pipe?;
        (self.receiving || pipes.has_message(pipe)).then_some(pipe)
    }

    /// The pipe, if a message begins now.
    #[inline]
    pub(crate) fn next_target(&self) -> Option<PipeId> {
        if self.sending == Sending::Between { self.pipe } else { None }
    }

    #[inline]
    pub(crate) fn pipe(&self) -> Option<PipeId> {
        self.pipe
    }

    #[inline]
    pub(crate) fn is_receiving(&self) -> bool {
        self.receiving
    }

    pub(crate) fn is_reading(&self, pipe: PipeId) -> bool {
        self.receiving && self.pipe == Some(pipe)
    }

    #[inline]
    pub(crate) fn taken(&mut self, more: bool) {
        self.receiving = more;
    }

    #[inline]
    pub(crate) fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.sending != Sending::Between || self.pipe.is_some_and(|pipe| pipes.can_write(pipe))
    }

    /// Some parts of a message were routed and more are to come.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending != Sending::Between
    }

    pub(crate) fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        if self.sending == Sending::Partway
            && let Some(pipe) = self.pipe
        {
            pipes.rollback(pipe);
        }
        self.sending = Sending::Between;
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Pair {
    only: OnlyPipe,
}

impl Pair {
    pub(crate) fn new() -> Pair {
        Pair { only: OnlyPipe::new() }
    }
}

impl Rules for Pair {
    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.only.attach(pipe)
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.only.disconnected(pipes, pipe);
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.only.detach(pipe);
    }

    #[inline]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        self.only.route(pipes, part.more)
    }

    #[inline]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        self.only.next(pipes).into()
    }

    #[inline]
    fn next_source(&self) -> Option<PipeId> {
        self.only.pipe()
    }

    #[inline]
    fn has_one_source(&self) -> bool {
        !self.only.is_receiving()
    }

    #[inline]
    fn taken(&mut self, _: PipeId, more: bool) {
        self.only.taken(more);
    }

    #[inline]
    fn next_target(&self) -> Option<PipeId> {
        self.only.next_target()
    }

    #[inline]
    fn has_one_target(&self) -> bool {
        true
    }

    #[inline]
    fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.only.can_send(pipes)
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.only.next(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.only.is_reading(pipe)
    }

    fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        self.only.abort_send(pipes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, parts};
    use super::super::{PatternOptions, PipeId, Verdict};
    use netzmq_proto::SocketType;

    /// Goal: one peer at a time. Method: a second while the first is there, and again when it has gone.
    #[test]
    fn one_peer_at_a_time() {
        for socket_type in [SocketType::Pair, SocketType::Channel, SocketType::Dgram] {
            let mut bench = Bench::new(socket_type, &PatternOptions::default());
            bench.join(0);
            assert!(!bench.attach(1, None));
            bench.pattern.detach(&mut bench.fake, PipeId(1));
            assert!(bench.can_send());
            bench.detach(0);
            assert!(!bench.can_send());
            assert!(bench.attach(1, None));
        }
    }

    /// Goal: messages both ways, and the rest of one lost with its peer. Method: a conversation.
    #[test]
    fn both_ways() {
        let mut bench = Bench::new(SocketType::Pair, &PatternOptions::default());
        assert_eq!(bench.send(&["nobody there"]), Verdict::Block);
        bench.join(0);
        bench.arrive(0, &["a", "b"]);
        assert_eq!(bench.recv(), Some(parts(&["a", "b"])));
        assert_eq!(bench.send(&["c", "d"]), Verdict::To(PipeId(0)));
        assert_eq!(bench.sent(0), [parts(&["c", "d"])]);
        bench.set_room(0, 0);
        assert_eq!(bench.send(&["full"]), Verdict::Block);
        bench.set_room(0, 1);
        bench.send_part("head", true);
        bench.pattern.abort_send(&mut bench.fake);
        bench.send_part("head", true);
        bench.detach(0);
        bench.join(1);
        assert_eq!(bench.send_part("tail", false), Verdict::Drop);
        assert_eq!(bench.send(&["whole"]), Verdict::To(PipeId(1)));
        assert_eq!(bench.sent(1), [parts(&["whole"])]);
    }
}
