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

    /// SUB: whether the application asked for the part at hand. Out of line, so that it costs the other types nothing.
    #[inline(never)]
    pub(crate) fn wants(&self, body: &[u8]) -> bool {
        self.queue.is_partway() || self.filter.accepts(body) != self.invert
    }

    /// SUB: whether it asked for all.
    pub(crate) fn wants_all(&self) -> bool {
        self.filter.accepts(b"") && !self.invert
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
            if self.wants(body) {
                return Some(pipe);
            }
            self.queue.skip_message(pipes);
        }
    }
}

impl<const FILTERS: bool> Rules for Subscriber<FILTERS> {
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

    #[inline(never)]
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

    fn waits_for_room(&self) -> bool {
        false
    }

    #[inline]
    fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        self.find(pipes).into()
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
        self.find(pipes).is_some()
    }

    fn is_reading(&self, pipe: PipeId) -> bool {
        self.queue.is_reading(pipe)
    }

    fn subscribe<P: Pipes>(&mut self, pipes: &mut P, topic: &[u8]) -> Result<(), Refusal> {
        if !FILTERS {
            return Err(Refusal::NotSupported);
        }
        self.change(pipes, true, topic);
        Ok(())
    }

    fn unsubscribe<P: Pipes>(&mut self, pipes: &mut P, topic: &[u8]) -> Result<(), Refusal> {
        if !FILTERS {
            return Err(Refusal::NotSupported);
        }
        self.change(pipes, false, topic);
        Ok(())
    }

    fn topics_count(&self) -> usize {
        self.filter.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, parts};
    use super::super::{Outgoing, PatternOptions, Refusal, Verdict};
    use netzmq_proto::SocketType;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn subscribe(bench: &mut Bench, topic: &str) {
        bench.pattern.subscribe(&mut bench.fake, topic.as_bytes()).unwrap();
    }

    fn unsubscribe(bench: &mut Bench, topic: &str) {
        bench.pattern.unsubscribe(&mut bench.fake, topic.as_bytes()).unwrap();
    }

    /// Goal: publishers hear of every subscription, of a topic's last cancellation, and of all when they connect.
    /// Method: one publisher there before, one after.
    #[test]
    fn publishers_are_told() {
        let mut bench = Bench::new(SocketType::Sub, &PatternOptions::default());
        bench.join(0);
        assert!(bench.attach(1, None));
        subscribe(&mut bench, "a");
        subscribe(&mut bench, "a");
        subscribe(&mut bench, "b");
        unsubscribe(&mut bench, "a");
        unsubscribe(&mut bench, "never");
        assert_eq!(bench.subscriptions(0), ["+a", "+a", "+b"]);
        unsubscribe(&mut bench, "a");
        assert_eq!(bench.subscriptions(0), ["-a"]);
        assert!(bench.subscriptions(1).is_empty());
        bench.connected(1, b"");
        assert_eq!(bench.subscriptions(1), ["+b"]);
        bench.disconnected(0);
        subscribe(&mut bench, "c");
        assert!(bench.subscriptions(0).is_empty());
        bench.connected(0, b"");
        let mut told = bench.subscriptions(0);
        told.sort();
        assert_eq!(told, ["+b", "+c"]);
        assert_eq!(bench.pattern.topics_count(), 2);
        assert_eq!(bench.send(&["x"]), Verdict::Refuse(Refusal::NotSupported));
        assert!(!bench.can_send());
    }

    /// Goal: SUB drops what was not asked for, by whole messages; XSUB drops nothing. Method: mixed messages.
    #[test]
    fn sub_filters() {
        let mut bench = Bench::new(SocketType::Sub, &PatternOptions::default());
        bench.join(0);
        subscribe(&mut bench, "a");
        bench.arrive(0, &["b", "a"]);
        assert!(!bench.can_recv());
        bench.arrive(0, &["b", "a"]);
        bench.arrive(0, &["ab", "b"]);
        bench.arrive(0, &["b"]);
        assert_eq!(bench.recv(), Some(parts(&["ab", "b"])));
        assert_eq!(bench.recv(), None);
        bench.pattern.set_options(&PatternOptions { invert_matching: true, ..PatternOptions::default() });
        bench.arrive(0, &["a"]);
        bench.arrive(0, &["b"]);
        assert_eq!(bench.recv(), Some(parts(&["b"])));

        let mut bench = Bench::new(SocketType::XSub, &PatternOptions::default());
        bench.join(0);
        bench.arrive(0, &["anything"]);
        assert_eq!(bench.recv(), Some(parts(&["anything"])));
    }

    /// Goal: XSUB's messages are subscriptions by their first byte, all else goes to every publisher. Method: both,
    /// and both in one.
    #[test]
    fn xsub_sends_both() {
        let mut bench = Bench::new(SocketType::XSub, &PatternOptions::default());
        bench.join(0);
        bench.join(1);
        assert_eq!(bench.send(&["\x01a"]), Verdict::Absorbed);
        assert_eq!(bench.send(&["hello", "all"]), Verdict::Fan);
        assert_eq!(bench.sent(1), [parts(&["hello", "all"])]);
        assert_eq!(bench.send(&["\x01b", "\x01c"]), Verdict::Absorbed);
        assert_eq!(bench.subscriptions(1), ["+a", "+b", "+c"]);
        // Behind an ordinary part a request stays a part; whoever gets it reads it as one.
        assert_eq!(bench.send(&["hello", "\x00a"]), Verdict::Fan);
        assert_eq!(bench.sent(0), [parts(&["hello", "all"]), parts(&["hello", "\x00a"])]);
        assert_eq!(bench.pattern.topics_count(), 2);
        bench
            .pattern
            .set_options(&PatternOptions { only_first_subscribe: true, ..PatternOptions::default() });
        assert_eq!(bench.send(&["hello", "\x00b"]), Verdict::Fan);
        assert_eq!(bench.pattern.topics_count(), 2);
        bench.set_room(0, 0);
        bench.set_room(1, 0);
        assert_eq!(bench.send(&["lost"]), Verdict::Drop);
        assert!(bench.can_send());
    }

    /// Goal: every cancellation is told if asked so. Method: cancel what is doubly and what is not subscribed.
    #[test]
    fn verbose_unsubscribe() {
        let options = PatternOptions { xsub_verbose_unsubscribe: true, ..PatternOptions::default() };
        let mut bench = Bench::new(SocketType::XSub, &options);
        bench.join(0);
        for request in ["\x01a", "\x01a", "\x00a", "\x00b"] {
            bench.send(&[request]);
        }
        assert_eq!(bench.subscriptions(0), ["+a", "+a", "-a", "-b"]);
    }

    /// Goal: DISH hears the groups it joined, told apart from their prefixes; RADIO sends to those who joined.
    /// Method: one of each, hand to hand.
    #[test]
    fn radio_and_dish() {
        let mut dish = Bench::new(SocketType::Dish, &PatternOptions::default());
        dish.join(0);
        subscribe(&mut dish, "news");
        assert_eq!(dish.pattern.subscribe(&mut dish.fake, b"news"), Err(Refusal::Malformed));
        assert_eq!(dish.pattern.subscribe(&mut dish.fake, &[b'x'; 256]), Err(Refusal::Malformed));
        assert_eq!(dish.pattern.unsubscribe(&mut dish.fake, b"new"), Err(Refusal::Malformed));
        assert_eq!(dish.subscriptions(0), ["+news"]);

        let mut radio = Bench::new(SocketType::Radio, &PatternOptions::default());
        radio.join(0);
        radio.arrive(0, &["\x01news"]);
        radio.arrive(0, &["garbage", "\x01newspaper"]);
        let say = |radio: &mut Bench, group: &str| {
            radio.send_outgoing(&Outgoing { group: group.as_bytes(), ..Outgoing::part(b"body", false) })
        };
        assert_eq!(say(&mut radio, "newspaper"), Verdict::Drop);
        assert_eq!(say(&mut radio, "new"), Verdict::Drop);
        assert_eq!(say(&mut radio, "news"), Verdict::Fan);
        assert_eq!(say(&mut radio, &"x".repeat(256)), Verdict::Refuse(Refusal::Malformed));
        assert_eq!(radio.sent(0), [parts(&["news", "body"])]);

        dish.arrive(0, &["new", "not joined"]);
        dish.arrive(0, &["news"]);
        dish.arrive(0, &["news", "too", "many"]);
        assert_eq!(dish.recv(), None);
        dish.arrive(0, &["news", "body"]);
        assert_eq!(dish.recv(), Some(parts(&["body"])));
        assert_eq!(dish.pattern.group(), Some(&b"news"[..]));
        unsubscribe(&mut dish, "news");
        assert_eq!(dish.subscriptions(0), ["-news"]);
        dish.arrive(0, &["news", "body"]);
        assert_eq!(dish.recv(), None);

        radio.arrive(0, &["\x00news"]);
        assert_eq!(say(&mut radio, "news"), Verdict::Drop);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Connect(u32),
        Disconnect(u32),
        Subscribe(String),
        Unsubscribe(String),
        Arrive(u32, String),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            1 => (0..3u32).prop_map(Step::Connect),
            1 => (0..3u32).prop_map(Step::Disconnect),
            3 => "[ab]{0,2}".prop_map(Step::Subscribe),
            3 => "[ab]{0,2}".prop_map(Step::Unsubscribe),
            3 => (0..3u32, "[ab]{0,3}").prop_map(|(p, body)| Step::Arrive(p, body)),
        ]
    }

    proptest! {
        /// Goal: what each connected publisher was told adds up to what is subscribed, and SUB shows exactly that.
        /// Method: random steps beside a list of subscriptions; each publisher keeps a set, as libzmq's do.
        #[test]
        fn publishers_agree(steps in proptest::collection::vec(step(), 0..120)) {
            let mut bench = Bench::new(SocketType::Sub, &PatternOptions::default());
            let mut told: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
            let mut asked: Vec<String> = Vec::new();
            (0..3).for_each(|p| assert!(bench.attach(p, None)));
            for step in steps {
                match step {
                    Step::Connect(p) => {
                        told.entry(p).or_insert_with(|| {
                            assert!(bench.connected(p, b""));
                            BTreeSet::new()
                        });
                    }
                    Step::Disconnect(p) => {
                        bench.disconnected(p);
                        told.remove(&p);
                    }
                    Step::Subscribe(topic) => {
                        subscribe(&mut bench, &topic);
                        asked.push(topic);
                    }
                    Step::Unsubscribe(topic) => {
                        unsubscribe(&mut bench, &topic);
                        if let Some(at) = asked.iter().position(|other| *other == topic) {
                            asked.remove(at);
                        }
                    }
                    Step::Arrive(p, body) => {
                        bench.arrive(p, &[&body]);
                        let wanted = asked.iter().any(|topic| body.starts_with(topic.as_str()));
                        prop_assert_eq!(bench.recv(), wanted.then(|| parts(&[&body])));
                    }
                }
                let all: BTreeSet<String> = asked.iter().cloned().collect();
                for (&p, told) in &mut told {
                    for request in bench.subscriptions(p) {
                        let (sign, topic) = request.split_at(1);
                        if sign == "+" {
                            told.insert(topic.to_owned());
                        } else {
                            told.remove(topic);
                        }
                    }
                    prop_assert_eq!(&*told, &all);
                }
            }
        }
    }
}
