//! XSUB and SUB: messages of all publishers in fair turn, and subscriptions the other way. RFC 29.
//!
//! SUB is told its topics by `subscribe`, and drops what it did not ask for (a publisher may not have heard of a
//! cancellation yet). XSUB sends subscriptions as messages (a byte 1 or 0, then the topic), may send ordinary
//! messages to the publishers as well, and filters nothing.
//!
//! Invariants: every connected publisher has been told of every topic in the filter, a newly connected one of all at
//! once; every subscription is told, even a repeated one (an XPUB at the other end may be verbose), but only a
//! topic's last cancellation, unless asked otherwise.

use super::fair_queue::FairQueue;
use super::fan_out::FanOut;
use super::options::PatternOptions;
use super::pattern::Rules;
use super::subscription::Filter;
use super::xpub::parse_request;
use super::{Next, Outgoing, PeerInfo, PipeId, Pipes, Refusal, Verdict};

/// How far the outgoing message is (XSUB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Between,
    Partway {
        /// Later parts may be subscriptions too.
        examine: bool,
        /// An ordinary part has been sent: what follows must follow it.
        ordinary: bool,
    },
}

/// XSUB, or SUB if `FILTERS`. See the module.
#[derive(Debug)]
pub(crate) struct Subscriber<const FILTERS: bool> {
    queue: FairQueue,
    filter: Filter,
    fan: FanOut,
    /// Connected publishers.
    connected: Vec<PipeId>,
    sending: Sending,
    tell_all_cancellations: bool,
    only_first: bool,
    invert: bool,
}

pub(crate) type XSub = Subscriber<false>;
pub(crate) type Sub = Subscriber<true>;

impl<const FILTERS: bool> Subscriber<FILTERS> {
    pub(crate) fn new(options: &PatternOptions) -> Subscriber<FILTERS> {
        let mut subscriber = Subscriber {
            queue: FairQueue::new(),
            filter: Filter::new(),
            fan: FanOut::new(),
            connected: Vec::new(),
            sending: Sending::Between,
            tell_all_cancellations: false,
            only_first: false,
            invert: false,
        };
        subscriber.set_options(options);
        subscriber
    }

    /// Keeps the book. True if the publishers are to be told.
    fn note(&mut self, subscribe: bool, topic: &[u8]) -> bool {
        if subscribe {
            self.filter.add(topic);
            true
        } else {
            self.filter.remove(topic) || self.tell_all_cancellations
        }
    }

    fn change<P: Pipes>(&mut self, pipes: &mut P, subscribe: bool, topic: &[u8]) {
        if self.note(subscribe, topic) {
            self.connected.iter().for_each(|&pipe| pipes.write_subscription(pipe, subscribe, topic));
        }
    }

    /// The pipe with the next part that the application wants to see.
    #[inline]
    fn find<P: Pipes>(&mut self, pipes: &mut P) -> Option<PipeId> {
        loop {
            let pipe = self.queue.next(pipes)?;
            if !FILTERS || self.queue.is_partway() {
                return Some(pipe);
            }
            let (body, _) = pipes.peek(pipe)?;
            if self.filter.accepts(body) != self.invert {
                return Some(pipe);
            }
            self.queue.skip_message(pipes);
        }
    }
}

impl<const FILTERS: bool> Rules for Subscriber<FILTERS> {
    const SENDS: bool = !FILTERS;
    const RECEIVES: bool = true;

    fn set_options(&mut self, options: &PatternOptions) {
        self.tell_all_cancellations = options.xsub_verbose_unsubscribe;
        self.only_first = options.only_first_subscribe;
        self.invert = options.invert_matching;
    }

    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.queue.attach(pipe);
        self.fan.attach(pipe);
        true
    }

    fn connected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, _: &PeerInfo<'_>) -> bool {
        if !self.connected.contains(&pipe) {
            self.connected.push(pipe);
        }
        self.filter.for_each(|topic| pipes.write_subscription(pipe, true, topic));
        true
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        self.queue.disconnected(pipes, pipe);
        self.connected.retain(|&other| other != pipe);
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.detach(pipe);
        self.fan.detach(pipe);
        self.connected.retain(|&other| other != pipe);
    }

    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.queue.readable(pipe);
    }

    fn writable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.fan.writable(pipe);
    }

    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        if FILTERS {
            return Verdict::Refuse(Refusal::NotSupported);
        }
        let (first, examine, ordinary) = match self.sending {
            Sending::Between => (true, true, false),
            Sending::Partway { examine, ordinary } => (false, examine, ordinary),
        };
        let request = if examine { parse_request(part.body) } else { None };
        let examine = if first { !self.only_first || request.is_some() } else { examine };
        let verdict = match request {
            Some((subscribe, topic)) if !ordinary => {
                self.change(pipes, subscribe, topic);
                Verdict::Absorbed
            }
            _ => {
                if let Some((subscribe, topic)) = request {
                    // In the midst of an ordinary message: it counts, and travels as the part that it is.
                    self.note(subscribe, topic);
                }
                if !ordinary {
                    self.fan.begin();
                    self.fan.offer_rest(pipes);
                }
                self.fan.proceed(part.more)
            }
        };
        let ordinary = verdict != Verdict::Absorbed;
        self.sending = if part.more { Sending::Partway { examine, ordinary } } else { Sending::Between };
        verdict
    }

    fn fan(&self) -> &[PipeId] {
        self.fan.fan()
    }

    fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        self.fan.abort(pipes);
        self.sending = Sending::Between;
    }

    /// Always: subscriptions find their way, and messages that don't are dropped.
    fn can_send<P: Pipes>(&mut self, _: &mut P) -> bool {
        !FILTERS
    }

    #[inline]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        self.find(pipes).into()
    }

    #[inline]
    fn taken(&mut self, _: PipeId, more: bool) {
        self.queue.taken(more);
    }

    #[inline]
    fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        self.find(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.queue.is_reading(pipe)
    }

    fn subscribe<P: Pipes>(&mut self, pipes: &mut P, topic: &[u8]) -> Result<(), Refusal> {
        if !FILTERS {
            return Err(Refusal::Malformed);
        }
        self.change(pipes, true, topic);
        Ok(())
    }

    fn unsubscribe<P: Pipes>(&mut self, pipes: &mut P, topic: &[u8]) -> Result<(), Refusal> {
        if !FILTERS {
            return Err(Refusal::Malformed);
        }
        self.change(pipes, false, topic);
        Ok(())
    }

    fn topics_count(&self) -> usize {
        self.filter.len()
    }
}
