//! REQ: each rule once, and all of them against a model in random order.

use super::super::testing::{Bench, Parts, parts};
use super::super::{Next, PatternOptions, PipeId, Refusal, Verdict};
use netzmq_proto::SocketType;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn req(correlate: bool, relaxed: bool) -> Bench {
    let options =
        PatternOptions { req_correlate: correlate, req_relaxed: relaxed, ..PatternOptions::default() };
    Bench::new(SocketType::Req, &options)
}

/// Goal: strict turns, an empty part in front, peers in turn. Method: two requests to two peers.
#[test]
fn strict_turns() {
    let mut bench = req(false, false);
    assert_eq!(bench.send(&["nobody there"]), Verdict::Block);
    bench.join(0);
    bench.join(1);
    assert!(matches!(bench.recv_part(), Err(Next::Refuse(Refusal::WrongState))));
    assert_eq!(bench.send(&["a", "b"]), Verdict::To(PipeId(0)));
    assert_eq!(bench.sent(0), [parts(&["", "a", "b"])]);
    assert_eq!(bench.send(&["c"]), Verdict::Refuse(Refusal::WrongState));
    assert!(!bench.can_send());
    bench.arrive(0, &["", "reply", "", "more"]);
    assert_eq!(bench.recv(), Some(parts(&["reply", "", "more"])));
    assert_eq!(bench.send(&["c"]), Verdict::To(PipeId(1)));
}

/// Goal: only the awaited reply is taken. Method: replies of strangers, malformed ones and an old one first.
#[test]
fn takes_the_awaited_reply_only() {
    let mut bench = req(false, false);
    bench.join(0);
    bench.join(1);
    bench.arrive(0, &["", "before anyone asked"]);
    bench.send(&["question"]);
    bench.arrive(1, &["", "from a stranger"]);
    bench.arrive(0, &["no delimiter"]);
    bench.arrive(0, &["x", "no delimiter"]);
    bench.arrive(0, &[""]);
    assert_eq!(bench.recv(), None);
    bench.arrive(0, &["", "answer"]);
    assert_eq!(bench.recv(), Some(parts(&["answer"])));
}

/// Goal: relaxed and correlated, a late reply is told from the awaited one. Method: ask twice, answer both.
#[test]
fn relaxed_and_correlated() {
    let mut bench = req(true, true);
    bench.join(0);
    let ask = |bench: &mut Bench| {
        assert_eq!(bench.send(&["question"]), Verdict::To(PipeId(0)));
        let mut request = bench.sent(0).remove(0);
        assert_eq!(request.split_off(1), parts(&["", "question"]));
        assert_eq!(request[0].len(), 4);
        request.remove(0)
    };
    let old = ask(&mut bench);
    assert!(bench.can_send());
    let new = ask(&mut bench);
    bench.arrive_bytes(0, &[old, vec![], b"late".to_vec()]);
    bench.arrive(0, &["", "unnumbered"]);
    bench.arrive_bytes(0, &[new, vec![], b"right".to_vec()]);
    assert_eq!(bench.recv(), Some(parts(&["right"])));
}

/// Goal: relaxed, a new request ends the reception of a reply. Method: ask again after half a reply.
#[test]
fn a_new_request_ends_the_old_reply() {
    let mut bench = req(false, true);
    bench.join(0);
    bench.send(&["1"]);
    bench.arrive(0, &["", "half", "other half"]);
    assert_eq!(bench.recv_part().unwrap().0, b"half");
    bench.send(&["2"]);
    assert_eq!(bench.recv(), None);
    bench.arrive(0, &["", "answer to 2"]);
    assert_eq!(bench.recv(), Some(parts(&["answer to 2"])));
}

/// Goal: a request given up leaves no envelope behind. Method: abort, then ask.
#[test]
fn abort_takes_the_envelope_back() {
    let mut bench = req(true, false);
    bench.join(0);
    bench.send_part("half", true);
    bench.pattern.abort_send(&mut bench.fake);
    assert_eq!(bench.send(&["whole"]), Verdict::To(PipeId(0)));
    let sent = bench.sent(0);
    assert_eq!((sent.len(), sent[0].len()), (1, 3));
}

#[derive(Clone, Debug)]
enum Step {
    Join(u32),
    Detach(u32),
    Room(u32, usize),
    /// An answer of this peer to what it was last asked, or something else.
    Answer(u32, bool),
    Noise(u32, usize),
    Recv,
    Send(bool),
    Ready,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..3u32).prop_map(Step::Join),
        1 => (0..3u32).prop_map(Step::Detach),
        2 => (0..3u32, 0..3usize).prop_map(|(p, room)| Step::Room(p, room)),
        5 => (0..3u32, any::<bool>()).prop_map(|(p, two)| Step::Answer(p, two)),
        2 => (0..3u32, 1..4usize).prop_map(|(p, n)| Step::Noise(p, n)),
        5 => Just(Step::Recv),
        6 => any::<bool>().prop_map(Step::Send),
        2 => Just(Step::Ready),
    ]
}

#[derive(Debug, PartialEq)]
enum Turn {
    Ready,
    /// Partway through a request to this peer (gone: `None`).
    Sending(Option<u32>),
    Awaiting(Option<u32>),
}

proptest! {
    /// Goal: in any order of events a request goes out whole, and only what answers it is received. Method: random
    /// steps beside a list of the answers that may be taken.
    #[test]
    fn random_turns(
        correlate: bool,
        relaxed: bool,
        steps in proptest::collection::vec(step(), 0..150),
    ) {
        let mut bench = req(correlate, relaxed);
        let mut rooms: BTreeMap<u32, usize> = BTreeMap::new();
        let mut asked: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        // Answers that arrived since the request: who, with which number, what.
        let mut answers: Vec<(u32, Vec<u8>, Parts)> = Vec::new();
        let mut number = Vec::new();
        let mut turn = Turn::Ready;
        let mut serial = 0u32;
        for step in steps {
            serial += 1;
            let may_take = |answers: &[(u32, Vec<u8>, Parts)], from: Option<u32>, number: &[u8]| {
                answers.iter().position(|(p, n, _)| from.is_none_or(|from| from == *p) && n == number)
            };
            match step {
                Step::Join(p) => {
                    rooms.entry(p).or_insert_with(|| {
                        bench.join(p);
                        1000
                    });
                }
                Step::Detach(p) => {
                    if turn == Turn::Awaiting(Some(p)) {
                        // Looking drops strangers' answers, which would do once the asked peer is gone. Have it done.
                        bench.can_recv();
                        answers.retain(|(from, ..)| *from == p);
                    }
                    if !bench.pattern.is_reading(PipeId(p)) && rooms.remove(&p).is_some() {
                        bench.detach(p);
                        asked.remove(&p);
                        answers.retain(|(from, ..)| *from != p);
                        if let Turn::Sending(to) | Turn::Awaiting(to) = &mut turn
                            && *to == Some(p)
                        {
                            *to = None;
                        }
                    }
                }
                Step::Room(p, n) => {
                    if turn != Turn::Sending(Some(p)) && let Some(room) = rooms.get_mut(&p) {
                        *room = n;
                        bench.set_room(p, n);
                    }
                }
                Step::Answer(p, two) => {
                    if let Some(number) = asked.get(&p) {
                        let body: Parts = (0..1 + usize::from(two)).map(|n| vec![b'0' + n as u8; 3]).collect();
                        let body = [&[serial.to_string().into_bytes()][..], &body].concat();
                        let mut message = if correlate { vec![number.clone()] } else { Parts::new() };
                        message.push(Vec::new());
                        message.extend(body.clone());
                        bench.arrive_bytes(p, &message);
                        answers.push((p, number.clone(), body));
                    }
                }
                Step::Noise(p, count) => {
                    if rooms.contains_key(&p) {
                        bench.arrive_bytes(p, &vec![b"noise".to_vec(); count]);
                    }
                }
                Step::Recv => {
                    let Turn::Awaiting(from) = turn else {
                        prop_assert!(matches!(bench.recv_part(), Err(Next::Refuse(Refusal::WrongState))));
                        continue;
                    };
                    let expected = may_take(&answers, from, &number);
                    match bench.recv() {
                        None => prop_assert_eq!(expected, None),
                        Some(message) => {
                            let at = match from {
                                Some(_) => expected,
                                None => answers.iter().position(|(_, n, body)| *n == number && *body == message),
                            };
                            prop_assert_eq!(&answers[at.unwrap()].2, &message);
                            turn = Turn::Ready;
                        }
                    }
                }
                Step::Ready => {
                    let room = rooms.values().any(|&n| n > 0);
                    let (receive, send) = match turn {
                        Turn::Ready => (false, room),
                        Turn::Sending(_) => (false, true),
                        Turn::Awaiting(from) => (may_take(&answers, from, &number).is_some(), relaxed && room),
                    };
                    prop_assert_eq!((bench.can_recv(), bench.can_send()), (receive, send));
                }
                Step::Send(more) => {
                    let body = serial.to_string();
                    let verdict = bench.send_part(&body, more);
                    let to = match turn {
                        Turn::Awaiting(_) if !relaxed => {
                            prop_assert_eq!(verdict, Verdict::Refuse(Refusal::WrongState));
                            continue;
                        }
                        Turn::Sending(to) => to,
                        _ if !rooms.values().any(|&n| n > 0) => {
                            prop_assert_eq!(verdict, Verdict::Block);
                            continue;
                        }
                        _ => {
                            answers.clear();
                            let Verdict::To(PipeId(p)) = verdict else { panic!("{verdict:?}") };
                            prop_assert!(rooms[&p] > 0);
                            Some(p)
                        }
                    };
                    prop_assert_eq!(verdict, to.map_or(Verdict::Drop, |p| Verdict::To(PipeId(p))));
                    turn = if more { Turn::Sending(to) } else { Turn::Awaiting(to) };
                    if !more {
                        number = match to {
                            Some(p) => {
                                *rooms.get_mut(&p).unwrap() -= 1;
                                let request = bench.sent(p).remove(0);
                                prop_assert_eq!(request.last(), Some(&body.into_bytes()));
                                prop_assert_eq!(request[0].len(), if correlate { 4 } else { 0 });
                                let number = request[0].clone();
                                asked.insert(p, number.clone());
                                number
                            }
                            // Asked nobody; no number of old can be right.
                            None => if correlate { b"lost".to_vec() } else { Vec::new() },
                        };
                    }
                }
            }
        }
    }
}
