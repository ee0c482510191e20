//! XPUB and PUB: each option once, and the plain rules against a model in random order.

use super::super::testing::{Bench, Parts, parts};
use super::super::{Next, PatternOptions, PipeId, Refusal, Verdict};
use super::PENDING_MAX;
use netzmq_proto::SocketType;
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};

fn xpub(options: &PatternOptions) -> Bench {
    Bench::new(SocketType::XPub, options)
}

/// What the application sees, `+topic` and `-topic` for requests.
fn shown(bench: &mut Bench) -> Vec<String> {
    let mut shown = Vec::new();
    while let Some(message) = bench.recv() {
        let texts: Vec<String> = message
            .iter()
            .map(|part| match part.split_first() {
                Some((1, topic)) => format!("+{}", String::from_utf8_lossy(topic)),
                Some((0, topic)) => format!("-{}", String::from_utf8_lossy(topic)),
                _ => String::from_utf8_lossy(part).into_owned(),
            })
            .collect();
        shown.push(texts.join("|"));
    }
    shown
}

fn fan(bench: &mut Bench, message: &[&str]) -> Vec<u32> {
    match bench.send(message) {
        Verdict::Fan => {
            let mut fan: Vec<u32> = bench.pattern.fan().iter().map(|pipe| pipe.0).collect();
            fan.sort_unstable();
            fan
        }
        verdict => {
            assert_eq!(verdict, Verdict::Drop);
            Vec::new()
        }
    }
}

/// Goal: PUB delivers by prefix of the first part and receives nothing. Method: three peers, an ordinary message.
#[test]
fn pub_delivers_by_prefix() {
    let mut bench = Bench::new(SocketType::Pub, &PatternOptions::default());
    (0..3).for_each(|p| bench.join(p));
    bench.arrive(0, &["\x01a"]);
    bench.arrive(1, &["\x01ab"]);
    bench.arrive(1, &["ordinary", "\x01message"]);
    assert_eq!(fan(&mut bench, &["abc", "x"]), [0, 1]);
    assert_eq!(bench.sent(1), [parts(&["abc", "x"])]);
    assert_eq!(fan(&mut bench, &["a"]), [0]);
    assert_eq!(fan(&mut bench, &["message"]), [1]);
    assert_eq!(fan(&mut bench, &[""]), [0; 0]);
    bench.arrive(0, &["\x00a"]);
    assert_eq!(fan(&mut bench, &["abc"]), [1]);
    assert!(bench.can_send() && !bench.can_recv());
    assert!(matches!(bench.recv_part(), Err(Next::Refuse(Refusal::NotSupported))));
}

/// Goal: verbose shows repeated subscriptions, verboser cancellations too. Method: the same requests, thrice.
#[test]
fn verbosity() {
    let ask = |options: &PatternOptions| {
        let mut bench = xpub(options);
        bench.join(0);
        bench.join(1);
        for request in ["\x01a", "\x00a"] {
            bench.arrive(0, &[request]);
            bench.arrive(1, &[request]);
        }
        bench.arrive(0, &["\x01b"]);
        bench.detach(0);
        shown(&mut bench)
    };
    let plain = PatternOptions::default();
    let verbose = PatternOptions { xpub_verbose: true, ..PatternOptions::default() };
    let verboser = PatternOptions { xpub_verboser: true, ..PatternOptions::default() };
    assert_eq!(ask(&plain), ["+a", "-a", "+b", "-b"]);
    assert_eq!(ask(&verbose), ["+a", "+a", "-a", "+b", "-b"]);
    assert_eq!(ask(&verboser), ["+a", "+a", "-a", "-a", "+b", "-b"]);
}

/// Goal: manual mode leaves the decision to the application, for the peer it heard last. Method: translate topics.
#[test]
fn manual() {
    let options = PatternOptions { xpub_manual: true, ..PatternOptions::default() };
    let mut bench = xpub(&options);
    bench.join(0);
    bench.join(1);
    bench.arrive(0, &["\x01a"]);
    bench.arrive(1, &["\x01a"]);
    assert_eq!(fan(&mut bench, &["a"]), [0; 0]);
    assert_eq!(bench.recv(), Some(parts(&["\x01a"])));
    assert_eq!(bench.pattern.subscribe(&mut bench.fake, b"x"), Ok(()));
    assert_eq!(bench.recv(), Some(parts(&["\x01a"])));
    assert_eq!(bench.pattern.subscribe(&mut bench.fake, b"y"), Ok(()));
    assert_eq!((fan(&mut bench, &["x"]), fan(&mut bench, &["y"])), (vec![0], vec![1]));
    assert_eq!(bench.pattern.unsubscribe(&mut bench.fake, b"y"), Ok(()));
    assert_eq!(fan(&mut bench, &["y"]), [0; 0]);
    // The requested topic is cancelled, not the one it was translated to.
    bench.detach(0);
    assert_eq!(shown(&mut bench), ["-a"]);
    assert_eq!(fan(&mut bench, &["x"]), [0; 0]);
    assert_eq!(bench.pattern.subscribe(&mut bench.fake, b"z"), Ok(()));
    assert_eq!(fan(&mut bench, &["z"]), [0; 0]);
    assert_eq!(
        xpub(&PatternOptions::default()).pattern.subscribe(&mut bench.fake, b"z"),
        Err(Refusal::NotSupported)
    );
}

/// Goal: a request of a peer that has gone since names nobody. Method: detach before the request is received, and
/// let another pipe have its name.
#[test]
fn manual_forgets_who_has_gone() {
    let options = PatternOptions { xpub_manual: true, ..PatternOptions::default() };
    let mut bench = xpub(&options);
    bench.join(0);
    bench.arrive(0, &["\x01a"]);
    bench.detach(0);
    bench.join(0);
    assert_eq!(bench.recv(), Some(parts(&["\x01a"])));
    assert_eq!(bench.pattern.subscribe(&mut bench.fake, b"x"), Ok(()));
    assert_eq!(fan(&mut bench, &["x"]), [0; 0]);
}

/// Goal: the last value goes to the newest subscriber only, once. Method: two subscribers, two messages.
#[test]
fn manual_last_value() {
    let options = PatternOptions { xpub_manual_last_value: true, ..PatternOptions::default() };
    let mut bench = xpub(&options);
    for p in 0..2 {
        bench.join(p);
        bench.arrive(p, &["\x01a"]);
        bench.recv().unwrap();
        bench.pattern.subscribe(&mut bench.fake, b"a").unwrap();
    }
    assert_eq!(fan(&mut bench, &["a", "cached"]), [1]);
    assert_eq!(fan(&mut bench, &["a", "new"]), [0, 1]);
}

/// Goal: without drop a full subscriber holds the message back for all. Method: fill one, give it room.
#[test]
fn nodrop() {
    let options = PatternOptions { xpub_nodrop: true, ..PatternOptions::default() };
    let mut bench = xpub(&options);
    for p in 0..2 {
        bench.join(p);
        bench.arrive(p, &["\x01"]);
    }
    bench.set_room(1, 0);
    assert_eq!(bench.send(&["a"]), Verdict::Block);
    assert!(bench.sent(0).is_empty());
    bench.set_room(1, 1);
    assert_eq!(fan(&mut bench, &["a"]), [0, 1]);
}

/// Goal: inverted, a message goes to those who did not ask for it. Method: one who did, one who did not.
#[test]
fn inverted() {
    let options = PatternOptions { invert_matching: true, ..PatternOptions::default() };
    let mut bench = xpub(&options);
    bench.join(0);
    bench.join(1);
    bench.arrive(0, &["\x01a"]);
    assert_eq!((fan(&mut bench, &["a"]), fan(&mut bench, &["b"])), (vec![1], vec![0, 1]));
}

/// Goal: a welcome for each connection. Method: connect twice.
#[test]
fn welcome() {
    let options = PatternOptions { xpub_welcome: Some(b"hi".to_vec()), ..PatternOptions::default() };
    let mut bench = xpub(&options);
    bench.join(0);
    bench.disconnected(0);
    bench.connected(0, b"");
    assert_eq!(bench.sent(0), [parts(&["hi"]), parts(&["hi"])]);
}

/// Goal: ordinary messages come through whole, and which of their parts subscribe is as asked. Method: mixed parts.
#[test]
fn ordinary_messages() {
    let mut bench = xpub(&PatternOptions::default());
    bench.join(0);
    bench.arrive(0, &["hello", "you"]);
    bench.arrive(0, &["", "empty"]);
    bench.arrive(0, &["\x01a", "\x01b"]);
    assert_eq!(shown(&mut bench), ["hello|you", "|empty", "+a", "+b"]);
    assert_eq!(bench.pattern.topics_count(), 2);
    let options = PatternOptions { only_first_subscribe: true, ..PatternOptions::default() };
    bench.pattern.set_options(&options);
    bench.arrive(0, &["hello", "\x01c"]);
    bench.arrive(0, &["\x01d", "\x01e"]);
    assert_eq!(shown(&mut bench), ["hello|+c", "+d", "+e"]);
    assert_eq!(bench.pattern.topics_count(), 4);
}

/// Goal: a lost wire ends its subscriptions, also those just arrived. Method: disconnect with one unread.
#[test]
fn a_lost_wire_unsubscribes() {
    let mut bench = xpub(&PatternOptions::default());
    bench.join(0);
    bench.arrive(0, &["\x01b"]);
    bench.arrive_unnoticed(0, &parts(&["\x01a"]));
    bench.disconnected(0);
    assert!(bench.fake.is_drained(0));
    assert_eq!(shown(&mut bench), ["+b", "+a", "-a", "-b"]);
    assert_eq!(fan(&mut bench, &["a"]), [0; 0]);
    bench.connected(0, b"");
    bench.arrive(0, &["\x01a"]);
    assert_eq!(fan(&mut bench, &["a"]), [0]);
}

/// Goal: an application that does not listen costs bounded memory, and nothing is lost for one that does. Method:
/// more messages than may wait, then read them all.
#[test]
fn what_waits_is_bounded() {
    let mut bench = xpub(&PatternOptions::default());
    bench.join(0);
    bench.join(1);
    let count = 3 * PENDING_MAX;
    for n in 0..count {
        bench.arrive(n as u32 % 2, &[&format!("{n}")]);
    }
    assert!(!bench.fake.is_drained(0) && !bench.fake.is_drained(1));
    let mut seen: Vec<usize> = shown(&mut bench).iter().map(|text| text.parse().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..count).collect::<Vec<_>>());
}

/// Goal: a peer that asks for too much is closed, alone. Method: a limit of two topics.
#[test]
fn subscriptions_are_bounded() {
    for socket_type in [SocketType::XPub, SocketType::Pub, SocketType::Radio] {
        let options = PatternOptions { subscriptions_per_peer_max: 2, ..PatternOptions::default() };
        let mut bench = Bench::new(socket_type, &options);
        bench.join(0);
        bench.join(1);
        for topic in ["\x01a", "\x01b", "\x00a", "\x01c"] {
            bench.arrive(0, &[topic]);
            bench.arrive(1, &[topic]);
        }
        assert!(!bench.fake.pipe(0).closed);
        bench.arrive(0, &["\x01d"]);
        assert!(bench.fake.pipe(0).closed && !bench.fake.pipe(1).closed);
        assert_eq!(bench.pattern.topics_count(), 2);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Request(u32, bool, String),
    Reconnect(u32),
    Replace(u32),
    Send(String),
    Recv,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4u32, any::<bool>(), "[ab]{0,3}").prop_map(|(p, s, topic)| Step::Request(p, s, topic)),
        1 => (0..4u32).prop_map(Step::Reconnect),
        1 => (0..4u32).prop_map(Step::Replace),
        4 => "[ab]{0,4}".prop_map(Step::Send),
        2 => Just(Step::Recv),
    ]
}

proptest! {
    /// Goal: everyone gets what they are subscribed to, and the application sees exactly the news. Method: random
    /// steps beside a set of pairs.
    #[test]
    fn random_subscriptions(
        verbose: bool,
        verboser: bool,
        invert: bool,
        steps in proptest::collection::vec(step(), 0..100),
    ) {
        let options = PatternOptions {
            xpub_verbose: verbose,
            xpub_verboser: verboser,
            invert_matching: invert,
            ..PatternOptions::default()
        };
        let mut bench = xpub(&options);
        (0..4).for_each(|p| bench.join(p));
        let mut wanted: BTreeSet<(u32, String)> = BTreeSet::new();
        let mut news: VecDeque<Parts> = VecDeque::new();
        let mut tell = |subscribe: bool, topic: &str| {
            news.push_back(vec![[&[u8::from(subscribe)][..], topic.as_bytes()].concat()]);
        };
        let mut seen = Vec::new();
        for step in steps {
            match step {
                Step::Request(p, subscribe, topic) => {
                    let others = wanted.iter().any(|(q, t)| *q != p && *t == topic);
                    let show = if subscribe {
                        (!others && wanted.insert((p, topic.clone()))) || verbose || verboser
                    } else {
                        let found = wanted.remove(&(p, topic.clone()));
                        verboser || !(found && others)
                    };
                    if subscribe {
                        wanted.insert((p, topic.clone()));
                    }
                    if show {
                        tell(subscribe, &topic);
                    }
                    let body = [&[u8::from(subscribe)][..], topic.as_bytes()].concat();
                    bench.arrive_bytes(p, &[body]);
                }
                Step::Reconnect(p) | Step::Replace(p) => {
                    let gone: Vec<_> = wanted.iter().filter(|(q, _)| *q == p).cloned().collect();
                    for pair in gone {
                        wanted.remove(&pair);
                        if verboser || !wanted.iter().any(|(_, t)| *t == pair.1) {
                            tell(false, &pair.1);
                        }
                    }
                    if matches!(step, Step::Reconnect(_)) {
                        bench.disconnected(p);
                        bench.connected(p, b"");
                    } else {
                        bench.detach(p);
                        bench.join(p);
                    }
                }
                Step::Send(body) => {
                    let expected: Vec<u32> = (0..4)
                        .filter(|p| wanted.iter().any(|(q, t)| q == p && body.starts_with(t.as_str())) != invert)
                        .collect();
                    prop_assert_eq!(fan(&mut bench, &[&body]), expected);
                }
                Step::Recv => seen.extend(bench.recv()),
            }
            let topics: BTreeSet<&String> = wanted.iter().map(|(_, topic)| topic).collect();
            prop_assert_eq!(bench.pattern.topics_count(), topics.len());
        }
        seen.extend(std::iter::from_fn(|| bench.recv()));
        prop_assert_eq!(seen, Vec::from(news));
    }
}

/// Goal: a pipe that a message is partly sent to is left alone by others and by the rollback of itself. Method:
/// detach one and abort.
#[test]
fn abort_rolls_back_everywhere() {
    let mut bench = xpub(&PatternOptions::default());
    for p in 0..3 {
        bench.join(p);
        bench.arrive(p, &["\x01"]);
    }
    bench.send_part("a", true);
    bench.detach(1);
    bench.pattern.abort_send(&mut bench.fake);
    assert_eq!(fan(&mut bench, &["b"]), [0, 2]);
    assert_eq!((bench.sent(0), bench.sent(2)), (vec![parts(&["b"])], vec![parts(&["b"])]));
    assert_eq!(bench.pattern.fan().len(), 2);
    bench.detach(2);
    assert_eq!(bench.pattern.fan(), [PipeId(0)]);
}
