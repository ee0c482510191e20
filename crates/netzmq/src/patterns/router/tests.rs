//! ROUTER and STREAM: each rule once, and all of them against a model in random order.

use super::super::options::{NOTIFY_CONNECT, NOTIFY_DISCONNECT};
use super::super::testing::{Bench, Parts, parts};
use super::super::{PatternOptions, PipeId, Refusal, Verdict};
use netzmq_proto::SocketType;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

fn router(options: &PatternOptions) -> Bench {
    Bench::new(SocketType::Router, options)
}

fn mandatory() -> PatternOptions {
    PatternOptions { router_mandatory: true, ..PatternOptions::default() }
}

/// Goal: a message goes to whom it names and comes with its sender's name. Method: two peers.
#[test]
fn addresses_by_routing_id() {
    let mut bench = router(&PatternOptions::default());
    assert!(bench.join_as(0, "alice") && bench.join_as(1, "bob"));
    assert_eq!(bench.send(&["bob", "x", "y"]), Verdict::To(PipeId(1)));
    assert_eq!(bench.sent(1), [parts(&["x", "y"])]);
    bench.arrive(0, &["hello", "you"]);
    assert_eq!(bench.recv(), Some(parts(&["alice", "hello", "you"])));
    assert_eq!(bench.recv(), None);
    assert_eq!(bench.pattern.pipe_of(b"alice"), Some(PipeId(0)));
    assert_eq!(bench.pattern.routing_id_of(PipeId(1)), Some(&b"bob"[..]));
}

/// Goal: what can't be delivered vanishes, or is an error if mandatory. Method: unknown, full, id only.
#[test]
fn undeliverable_messages() {
    let mut bench = router(&PatternOptions::default());
    bench.join_as(0, "a");
    assert_eq!(bench.send(&["nobody", "x"]), Verdict::Drop);
    assert_eq!(bench.send(&["a"]), Verdict::Drop);
    bench.set_room(0, 0);
    assert_eq!(bench.send(&["a", "x"]), Verdict::Drop);
    assert!(bench.can_send());

    let mut bench = router(&mandatory());
    assert!(!bench.can_send());
    bench.join_as(0, "a");
    assert_eq!(bench.send(&["nobody", "x"]), Verdict::Refuse(Refusal::Unroutable));
    assert!(bench.can_send());
    bench.set_room(0, 0);
    assert_eq!(bench.send(&["a", "x"]), Verdict::Block);
    assert!(!bench.can_send());
    bench.set_room(0, 1);
    assert_eq!(bench.send(&["a", "x"]), Verdict::To(PipeId(0)));
}

/// Goal: a peer lost in mid-message takes the rest along. Method: detach between parts, then send to another.
#[test]
fn a_message_ends_with_its_peer() {
    let mut bench = router(&mandatory());
    bench.join_as(0, "a");
    bench.join_as(1, "b");
    bench.send_part("a", true);
    bench.send_part("1", true);
    bench.detach(0);
    assert_eq!(bench.send_part("2", true), Verdict::Drop);
    assert_eq!(bench.send_part("b", false), Verdict::Drop);
    assert_eq!(bench.send(&["b", "x"]), Verdict::To(PipeId(1)));
}

/// Goal: without handover the first owner of an id keeps it. Method: a second claims it.
#[test]
fn a_duplicate_is_refused() {
    let mut bench = router(&PatternOptions::default());
    assert!(bench.join_as(0, "a"));
    assert!(!bench.join_as(1, "a"));
    bench.arrive(1, &["ignored"]);
    assert_eq!(bench.recv(), None);
    bench.detach(1);
    assert_eq!(bench.pattern.pipe_of(b"a"), Some(PipeId(0)));
}

/// Goal: with handover the newcomer gets the id at once, the old pipe is closed, and not before the message being
/// read of it is over. Method: take over between messages and within one.
#[test]
fn a_duplicate_takes_over() {
    let options = PatternOptions { router_handover: true, ..PatternOptions::default() };
    let mut bench = router(&options);
    assert!(bench.join_as(0, "a") && bench.join_as(1, "a"));
    assert!(bench.fake.pipe(0).closed);
    bench.detach(0);
    assert_eq!(bench.send(&["a", "x"]), Verdict::To(PipeId(1)));

    bench.arrive(1, &["1", "2"]);
    assert_eq!(bench.recv_part().unwrap().0, b"a");
    assert!(bench.join_as(2, "a"));
    assert!(!bench.fake.pipe(1).closed && bench.pattern.is_reading(PipeId(1)));
    assert_eq!(bench.recv_part().unwrap().0, b"1");
    assert_eq!(bench.recv_part().unwrap().0, b"2");
    assert!(!bench.can_recv());
    assert!(bench.fake.pipe(1).closed);
    assert_eq!(bench.pattern.pipe_of(b"a"), Some(PipeId(2)));
}

/// Goal: the application's name for a peer it connects to counts, from the start and against the peer's own.
/// Method: name one before its handshake; name another the same.
#[test]
fn connect_routing_id() {
    let mut bench = router(&mandatory());
    assert!(bench.attach(0, Some(b"server")));
    assert_eq!(bench.send(&["server", "early"]), Verdict::To(PipeId(0)));
    assert!(bench.connected(0, b"its own name"));
    assert_eq!(bench.send(&["server", "late"]), Verdict::To(PipeId(0)));
    assert_eq!(bench.send(&["its own name", "x"]), Verdict::Refuse(Refusal::Unroutable));
    assert!(!bench.attach(1, Some(b"server")));
    bench.disconnected(0);
    assert!(bench.connected(0, b"another name"));
    assert_eq!(bench.send(&["server", "again"]), Verdict::To(PipeId(0)));
}

/// Goal: nameless peers get distinct names that begin with zero. Method: two of them, and a reconnect.
#[test]
fn automatic_ids() {
    let mut bench = router(&PatternOptions::default());
    bench.join(0);
    bench.join(1);
    let id = |bench: &Bench, pipe| bench.pattern.routing_id_of(PipeId(pipe)).unwrap().to_vec();
    let (first, second) = (id(&bench, 0), id(&bench, 1));
    assert_eq!((first.len(), first[0], second.len(), second[0]), (5, 0, 5, 0));
    assert_ne!(first, second);
    bench.disconnected(0);
    bench.connected(0, b"");
    assert_eq!(id(&bench, 0), first);
}

/// Goal: a probe greets each connection, and nothing while a message is partly sent there. Method: both.
#[test]
fn probes_each_connection() {
    for socket_type in [SocketType::Router, SocketType::Dealer, SocketType::Req] {
        let options = PatternOptions { probe_router: true, ..PatternOptions::default() };
        let mut bench = Bench::new(socket_type, &options);
        assert!(bench.join_as(0, "a"));
        assert_eq!(bench.sent(0), [parts(&[""])]);
        bench.disconnected(0);
        bench.send_part("a", true);
        bench.send_part("body", true);
        bench.connected(0, b"a");
        assert!(bench.sent(0).is_empty());
    }
}

/// Goal: who asks hears of each coming and going, the latter after the last message. Method: one peer's life.
#[test]
fn notices_of_connect_and_disconnect() {
    let options =
        PatternOptions { router_notify: NOTIFY_CONNECT | NOTIFY_DISCONNECT, ..PatternOptions::default() };
    let mut bench = router(&options);
    bench.join_as(0, "a");
    bench.arrive(0, &["1"]);
    assert_eq!(bench.recv(), Some(parts(&["a", ""])));
    bench.disconnected(0);
    assert_eq!(bench.recv(), Some(parts(&["a", "1"])));
    assert_eq!(bench.recv(), Some(parts(&["a", ""])));
    assert_eq!(bench.recv(), None);
    bench.connected(0, b"a");
    bench.arrive(0, &["2", "3"]);
    assert_eq!(bench.recv(), Some(parts(&["a", ""])));
    // Gone in one blow, and nothing comes between the parts of a message.
    assert_eq!(bench.recv_part().unwrap().0, b"a");
    bench.join_as(1, "b");
    assert_eq!(bench.recv_part().unwrap().0, b"2");
    assert_eq!(bench.recv_part().unwrap().0, b"3");
    assert_eq!(bench.recv(), Some(parts(&["b", ""])));
    bench.detach(1);
    assert_eq!(bench.recv(), Some(parts(&["b", ""])));
    assert_eq!(bench.recv(), None);
}

/// Goal: a raw peer is addressed, heard of, and closed by an empty body. Method: STREAM and raw ROUTER.
#[test]
fn raw_peers() {
    let raw = PatternOptions { router_raw: true, ..PatternOptions::default() };
    for mut bench in [Bench::new(SocketType::Stream, &PatternOptions::default()), router(&raw)] {
        assert!(bench.attach(0, None));
        let id = bench.pattern.routing_id_of(PipeId(0)).unwrap().to_vec();
        assert!(bench.connected(0, b"whatever"));
        assert_eq!(bench.recv(), Some(vec![id.clone(), vec![]]));
        bench.arrive(0, &["GET /"]);
        assert_eq!(bench.recv(), Some(vec![id.clone(), b"GET /".to_vec()]));
        let to = |bench: &mut Bench, body: &str, more| {
            let id = String::from_utf8(id.clone()).unwrap();
            assert_eq!(bench.send_part(&id, true), Verdict::Absorbed);
            bench.send_part(body, more)
        };
        assert_eq!(to(&mut bench, "200", true), Verdict::To(PipeId(0)));
        assert_eq!(bench.sent(0), [parts(&["200"])]);
        assert_eq!(to(&mut bench, "", false), Verdict::Absorbed);
        assert!(bench.fake.pipe(0).closed);
        bench.detach(0);
        assert_eq!(bench.recv(), None);
    }
    let mut bench = router(&raw);
    assert_eq!(bench.send_part("nobody", true), Verdict::Absorbed);
    assert_eq!(bench.send_part("one part is a message", true), Verdict::Drop);
    assert_eq!(bench.send_part("nobody", true), Verdict::Absorbed);
    let mut bench = Bench::new(SocketType::Stream, &PatternOptions::default());
    assert_eq!(bench.send_part("nobody", true), Verdict::Refuse(Refusal::Unroutable));
    assert!(bench.can_send());
    bench.join(0);
    bench.recv().unwrap();
    bench.detach(0);
    assert_eq!(bench.recv().unwrap()[1], b"");
}

/// Goal: giving up in mid-message leaves no trace. Method: abort, then send.
#[test]
fn abort_rolls_back() {
    let mut bench = router(&mandatory());
    bench.join_as(0, "a");
    bench.send_part("a", true);
    bench.send_part("1", true);
    bench.pattern.abort_send(&mut bench.fake);
    assert_eq!(bench.send(&["a", "2"]), Verdict::To(PipeId(0)));
    assert_eq!(bench.sent(0), [parts(&["2"])]);
}

#[derive(Clone, Debug)]
enum Step {
    Join(u32, String),
    Detach(u32),
    Reconnect(u32),
    Room(u32, usize),
    Arrive(u32, usize),
    Recv,
    Part(String, bool),
    Abort,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4u32, "[abc]?").prop_map(|(p, id)| Step::Join(p, id)),
        1 => (0..4u32).prop_map(Step::Detach),
        1 => (0..4u32).prop_map(Step::Reconnect),
        2 => (0..4u32, 0..3usize).prop_map(|(p, room)| Step::Room(p, room)),
        4 => (0..4u32, 1..4usize).prop_map(|(p, count)| Step::Arrive(p, count)),
        5 => Just(Step::Recv),
        8 => ("[abcd]", any::<bool>()).prop_map(|(id, more)| Step::Part(id, more)),
        1 => Just(Step::Abort),
    ]
}

#[derive(Debug)]
struct Peer {
    id: Vec<u8>,
    room: usize,
    queue: VecDeque<Parts>,
}

/// What the application has sent of the current message.
#[derive(Debug)]
enum Outgoing {
    To(u32, Parts),
    Lost,
}

proptest! {
    /// Goal: whatever happens around them, messages reach whom they name and come whole, in order and with their
    /// sender's name. Method: random steps beside a map of peers.
    #[test]
    fn random_life(mandatory: bool, handover: bool, steps in proptest::collection::vec(step(), 0..150)) {
        let options = PatternOptions {
            router_mandatory: mandatory,
            router_handover: handover,
            ..PatternOptions::default()
        };
        let mut bench = router(&options);
        let mut peers: BTreeMap<u32, Peer> = BTreeMap::new();
        let mut outgoing: Option<Outgoing> = None;
        let mut serial = 0u32;
        for step in steps {
            match step {
                Step::Join(p, id) => {
                    if peers.contains_key(&p) {
                        continue;
                    }
                    let owner = peers.iter().find(|(_, peer)| peer.id == id.as_bytes()).map(|(&q, _)| q);
                    let welcome = bench.join_as(p, &id);
                    prop_assert_eq!(welcome, owner.is_none() || handover);
                    if !welcome {
                        bench.detach(p);
                        continue;
                    }
                    let id = bench.pattern.routing_id_of(PipeId(p)).unwrap().to_vec();
                    peers.insert(p, Peer { id, room: 1000, queue: VecDeque::new() });
                    if let Some(owner) = owner {
                        let renamed = bench.pattern.routing_id_of(PipeId(owner)).unwrap().to_vec();
                        prop_assert_eq!((renamed.len(), renamed[0]), (5, 0));
                        peers.get_mut(&owner).unwrap().id = renamed;
                    }
                }
                Step::Detach(p) => {
                    // As the socket does it: not in the midst of a message.
                    if peers.contains_key(&p) && !bench.pattern.is_reading(PipeId(p)) {
                        bench.detach(p);
                        peers.remove(&p);
                        if matches!(outgoing, Some(Outgoing::To(to, _)) if to == p) {
                            outgoing = Some(Outgoing::Lost);
                        }
                    }
                }
                Step::Reconnect(p) => {
                    if let Some(peer) = peers.get(&p) {
                        bench.disconnected(p);
                        prop_assert!(bench.connected(p, b"x"));
                        prop_assert_eq!(bench.pattern.pipe_of(&peer.id), Some(PipeId(p)));
                    }
                }
                Step::Room(p, room) => {
                    let begun = matches!(&outgoing, Some(Outgoing::To(to, _)) if *to == p);
                    if !begun && let Some(peer) = peers.get_mut(&p) {
                        peer.room = room;
                        bench.set_room(p, room);
                    }
                }
                Step::Arrive(p, count) => {
                    if let Some(peer) = peers.get_mut(&p) {
                        serial += 1;
                        let message: Parts = (0..count).map(|n| format!("{serial}.{n}").into_bytes()).collect();
                        bench.arrive_bytes(p, &message);
                        peer.queue.push_back(message);
                    }
                }
                Step::Recv => match bench.recv() {
                    None => prop_assert!(peers.values().all(|peer| peer.queue.is_empty())),
                    Some(mut message) => {
                        let id = message.remove(0);
                        let peer = peers.values_mut().find(|peer| peer.id == id).unwrap();
                        prop_assert_eq!(Some(message), peer.queue.pop_front());
                    }
                },
                Step::Part(text, more) => {
                    let verdict = bench.send_part(&text, more);
                    match &mut outgoing {
                        None => {
                            let peer = peers.iter().find(|(_, peer)| peer.id == text.as_bytes());
                            let (wanted, next) = match peer {
                                _ if !more => (Verdict::Drop, None),
                                Some((&p, peer)) if peer.room > 0 => {
                                    (Verdict::Absorbed, Some(Outgoing::To(p, Parts::new())))
                                }
                                Some(_) if mandatory => (Verdict::Block, None),
                                None if mandatory => (Verdict::Refuse(Refusal::Unroutable), None),
                                _ => (Verdict::Absorbed, Some(Outgoing::Lost)),
                            };
                            prop_assert_eq!(verdict, wanted);
                            outgoing = next;
                        }
                        Some(Outgoing::Lost) => {
                            prop_assert_eq!(verdict, Verdict::Drop);
                            outgoing = if more { Some(Outgoing::Lost) } else { None };
                        }
                        Some(Outgoing::To(p, sent)) => {
                            prop_assert_eq!(verdict, Verdict::To(PipeId(*p)));
                            sent.push(text.into_bytes());
                            if !more {
                                prop_assert_eq!(bench.sent(*p), vec![std::mem::take(sent)]);
                                peers.get_mut(p).unwrap().room -= 1;
                                outgoing = None;
                            }
                        }
                    }
                }
                Step::Abort => {
                    bench.pattern.abort_send(&mut bench.fake);
                    outgoing = None;
                }
            }
            let any_room = peers.values().any(|peer| peer.room > 0);
            prop_assert_eq!(bench.can_send(), !mandatory || outgoing.is_some() || any_room);
            for p in peers.keys() {
                prop_assert!(bench.sent(*p).is_empty());
            }
        }
    }
}
