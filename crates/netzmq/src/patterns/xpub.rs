//! XPUB and PUB: each message to every peer that subscribed to a prefix of its first part. RFC 29.
//!
//! Peers' subscriptions are read as soon as they arrive. XPUB shows them to the application (in the old form: a byte
//! 1 or 0, then the topic, whatever came over the wire), together with ordinary messages that an XSUB sent; PUB
//! shows nothing. With the manual option XPUB only shows them, and the application subscribes the peer whose request
//! it received last.
//!
//! Invariants:
//! - The book (`matcher`) names attached pipes only; a lost connection takes its subscriptions along, and the
//!   application is told of topics that nobody wants any more.
//! - What waits for the application (`pending`) is bounded: beyond it pipes are left unread, so that a peer meets
//!   its own high-water mark. Cancellations made up for lost peers come on top; there are no more of them than of
//!   subscriptions.

use super::fan_out::FanOut;
use super::options::PatternOptions;
use super::pattern::Rules;
use super::ring::Ring;
use super::subscription::{Added, Matcher, Removed};
use super::{Next, Outgoing, Part, PeerInfo, PipeId, Pipes, Refusal, Verdict};
use netzmq_memory::Message;
use std::collections::VecDeque;

/// Parts waiting for the application before peers are left unread: no proxy that works falls this far behind, and
/// short topics then take less than 100 MB.
const PENDING_MAX: usize = if cfg!(test) { 256 } else { 1 << 20 };

/// Whose request a pending part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Peer(PipeId),
    /// That peer has gone.
    Nobody,
    /// No request: an ordinary message.
    Message,
}

#[derive(Debug)]
struct Pending {
    part: Part,
    source: Source,
}

/// The options, as they act.
#[derive(Debug)]
struct Settings {
    show_all_subscriptions: bool,
    show_all_cancellations: bool,
    manual: bool,
    last_value: bool,
    nodrop: bool,
    only_first: bool,
    invert: bool,
    welcome: Option<Vec<u8>>,
    per_peer_max: usize,
    topic_max: usize,
}

impl Settings {
    fn new(options: &PatternOptions) -> Settings {
        Settings {
            show_all_subscriptions: options.xpub_verbose || options.xpub_verboser,
            show_all_cancellations: options.xpub_verboser,
            manual: options.xpub_manual || options.xpub_manual_last_value,
            last_value: options.xpub_manual_last_value,
            nodrop: options.xpub_nodrop,
            only_first: options.only_first_subscribe,
            invert: options.invert_matching,
            welcome: options.xpub_welcome.clone().filter(|welcome| !welcome.is_empty()),
            per_peer_max: match options.subscriptions_per_peer_max {
                0 => usize::MAX,
                max => max,
            },
            topic_max: match options.topic_bytes_max {
                0 => usize::MAX,
                max => max,
            },
        }
    }
}

/// `(true, topic)` for a subscription, `(false, topic)` for a cancellation.
pub(crate) fn parse_request(body: &[u8]) -> Option<(bool, &[u8])> {
    match body.split_first() {
        Some((1, topic)) => Some((true, topic)),
        Some((0, topic)) => Some((false, topic)),
        _ => None,
    }
}

/// The old form of a request, in which the application sees it.
fn show_request(subscribe: bool, topic: &[u8]) -> Message {
    let mut body = Vec::with_capacity(topic.len() + 1);
    body.push(u8::from(subscribe));
    body.extend_from_slice(topic);
    Message::from(body)
}

/// XPUB, or PUB if `SILENT`. See the module.
#[derive(Debug)]
pub(crate) struct Publisher<const SILENT: bool> {
    settings: Settings,
    fan: FanOut,
    /// Who gets what.
    matcher: Matcher,
    /// Manual mode: who asked for what.
    requested: Matcher,
    pending: VecDeque<Pending>,
    /// Pipes left unread because too much was pending.
    unread: Ring,
    /// Manual mode: whose request the application received last.
    last: Option<PipeId>,
}

pub(crate) type XPub = Publisher<false>;
pub(crate) type Pub = Publisher<true>;

impl<const SILENT: bool> Publisher<SILENT> {
    pub(crate) fn new(options: &PatternOptions) -> Publisher<SILENT> {
        Publisher {
            settings: Settings::new(options),
            fan: FanOut::new(),
            matcher: Matcher::new(),
            requested: Matcher::new(),
            pending: VecDeque::new(),
            unread: Ring::new(),
            last: None,
        }
    }

    /// Reads what `pipe` holds.
    fn drain<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        while pipes.has_message(pipe) {
            if self.pending.len() >= PENDING_MAX {
                self.unread.attach(pipe);
                return;
            }
            if !self.drain_message(pipes, pipe) {
                pipes.close(pipe);
                return;
            }
        }
    }

    /// False if the peer asked for too much.
    fn drain_message<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) -> bool {
        let mut examine = true;
        let mut first = true;
        let mut within_bounds = true;
        while let Some((body, more)) = pipes.peek(pipe) {
            let request = if examine { parse_request(body) } else { None };
            if first {
                examine = !self.settings.only_first || request.is_some();
                first = false;
            }
            if let Some((subscribe, topic)) = request {
                within_bounds &= self.handle_request(pipe, subscribe, topic);
                pipes.skip(pipe);
            } else if SILENT {
                pipes.skip(pipe);
            } else if let Some(part) = pipes.take(pipe) {
                self.pending.push_back(Pending { part, source: Source::Message });
            }
            if !more {
                break;
            }
        }
        within_bounds
    }

    /// False if the peer asked for too much; then nothing is done.
    fn handle_request(&mut self, pipe: PipeId, subscribe: bool, topic: &[u8]) -> bool {
        let settings = &self.settings;
        let book = if settings.manual { &mut self.requested } else { &mut self.matcher };
        let show = if subscribe {
            if book.count_of(pipe) >= settings.per_peer_max || topic.len() > settings.topic_max {
                return false;
            }
            book.add(topic, pipe) == Added::First || settings.show_all_subscriptions
        } else {
            // Also a cancellation of what was never subscribed is shown, as libzmq does.
            book.remove(topic, pipe) != Removed::OthersRemain || settings.show_all_cancellations
        };
        if !SILENT && (show || settings.manual) {
            let part = Part { body: show_request(subscribe, topic), more: false };
            self.pending.push_back(Pending { part, source: Source::Peer(pipe) });
        }
        true
    }

    /// The peer's subscriptions end with its connection.
    fn forget_subscriptions(&mut self, pipe: PipeId) {
        if SILENT {
            self.matcher.forget_pipe(pipe);
        } else {
            let Settings { manual, show_all_cancellations, .. } = self.settings;
            let pending = &mut self.pending;
            let mut show = |topic: &[u8]| {
                let part = Part { body: show_request(false, topic), more: false };
                pending.push_back(Pending { part, source: Source::Nobody });
            };
            // In manual mode the application knows what was asked for, and nothing of the book it keeps itself.
            self.requested.remove_pipe(pipe, |topic, _| show(topic));
            self.matcher.remove_pipe(pipe, |topic, last| {
                if !manual && (last || show_all_cancellations) {
                    show(topic);
                }
            });
        }
        if self.last == Some(pipe) {
            self.last = None;
        }
        if self.settings.manual {
            for pending in &mut self.pending {
                if pending.source == Source::Peer(pipe) {
                    pending.source = Source::Nobody;
                }
            }
        }
    }

    /// Selects the pipes for a message that begins with `body`.
    fn select<P: Pipes>(&mut self, pipes: &mut P, body: &[u8]) {
        let fan = &mut self.fan;
        fan.begin();
        let only = if self.settings.last_value { self.last } else { None };
        let wanted = |pipe| only.is_none_or(|only| only == pipe);
        if self.settings.invert {
            self.matcher.matching(body, |pipe| {
                if wanted(pipe) {
                    fan.exclude(pipe);
                }
            });
            fan.offer_rest(pipes);
        } else {
            self.matcher.matching(body, |pipe| {
                if wanted(pipe) {
                    fan.offer(pipes, pipe);
                }
            });
        }
    }
}

impl<const SILENT: bool> Publisher<SILENT> {
    pub(crate) fn passed_over(&self) -> u64 {
        self.fan.passed_over()
    }

    pub(crate) fn fan_prefix(&self, body: &[u8]) -> Option<usize> {
        if self.fan.is_partway() || self.fan.has_met_full() || self.settings.last_value {
            return None;
        }
        self.matcher.decisive(body)
    }
}

impl<const SILENT: bool> Rules for Publisher<SILENT> {
    fn set_options(&mut self, options: &PatternOptions) {
        self.settings = Settings::new(options);
    }

    fn attach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId, _: Option<Vec<u8>>) -> bool {
        self.fan.attach(pipe);
        true
    }

    fn connected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, _: &PeerInfo<'_>) -> bool {
        if let Some(welcome) = &self.settings.welcome
            && !self.fan.is_sending_to(pipe)
            && pipes.can_write(pipe)
        {
            pipes.write(pipe, welcome, false);
        }
        self.drain(pipes, pipe);
        true
    }

    fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        // What arrived late must not subscribe a peer that is gone.
        self.drain(pipes, pipe);
        while pipes.has_message(pipe) {
            while pipes.skip(pipe) {}
        }
        self.unread.detach(pipe);
        self.forget_subscriptions(pipe);
    }

    fn detach<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.unread.detach(pipe);
        self.forget_subscriptions(pipe);
        self.fan.detach(pipe);
    }

    fn readable<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        if self.fan.knows(pipe) {
            self.drain(pipes, pipe);
        }
    }

    fn writable<P: Pipes>(&mut self, _: &mut P, pipe: PipeId) {
        self.fan.writable(pipe);
    }

    #[inline(never)]
    fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        if self.fan.is_partway() {
            return self.fan.proceed(part.more);
        }
        self.select(pipes, part.body);
        let verdict = self.fan.settle(self.settings.nodrop, part.more);
        if self.settings.last_value && verdict != Verdict::Block {
            self.last = None;
        }
        verdict
    }

    #[inline]
    fn fan(&self) -> &[PipeId] {
        self.fan.fan()
    }

    fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        self.fan.abort(pipes);
    }

    #[inline]
    fn can_send<P: Pipes>(&mut self, _: &mut P) -> bool {
        true
    }

    fn waits_for_room(&self) -> bool {
        self.settings.nodrop
    }

    #[inline(never)]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        if SILENT {
            return Next::Refuse(Refusal::NotSupported);
        }
        let Some(Pending { part, source }) = self.pending.pop_front() else { return Next::Empty };
        if self.settings.manual && source != Source::Message {
            self.last = match source {
                Source::Peer(pipe) => Some(pipe),
                _ => None,
            };
        }
        // Half empty again: go on with what was left unread.
        if self.pending.len() == PENDING_MAX / 2 {
            while self.pending.len() < PENDING_MAX
                && let Some(pipe) = self.unread.head()
            {
                self.unread.detach(pipe);
                self.drain(pipes, pipe);
            }
        }
        Next::Made(part)
    }

    fn can_recv<P: Pipes>(&mut self, _: &mut P) -> bool {
        !self.pending.is_empty()
    }

    /// Manual mode: for the peer whose request was received last, if it is still there.
    fn subscribe<P: Pipes>(&mut self, _: &mut P, topic: &[u8]) -> Result<(), Refusal> {
        if !self.settings.manual {
            return Err(Refusal::NotSupported);
        }
        if let Some(pipe) = self.last {
            self.matcher.add(topic, pipe);
        }
        Ok(())
    }

    fn unsubscribe<P: Pipes>(&mut self, _: &mut P, topic: &[u8]) -> Result<(), Refusal> {
        if !self.settings.manual {
            return Err(Refusal::NotSupported);
        }
        if let Some(pipe) = self.last {
            self.matcher.remove(topic, pipe);
        }
        Ok(())
    }

    fn topics_count(&self) -> usize {
        self.matcher.len()
    }
}

#[cfg(test)]
mod tests;
