//! Fair shares: nobody is starved by a louder neighbour, work goes round, and who is full is passed over.

mod common;

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{TRANSPORTS, expect_ready, finishes, raw_peer, socket};
use netzmq::{Context, Socket, SocketType};

/// Goal: of messages that are all here, each sender's come in turn, whatever else it has queued. Method: ten senders, the
/// first of which has sent a hundred times as much; everybody's messages are in the receiver's pipes beforehand.
#[test]
fn ten_senders_take_turns() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let pushes: Vec<Socket> = (0..10u8)
        .map(|i| {
            let push = socket(&context, SocketType::Push);
            push.set_send_hwm(0).unwrap();
            push.connect(&pull.bind(&format!("inproc://turn-{i}")).unwrap()).unwrap();
            for _ in 0..if i == 0 { 10_000 } else { 100 } {
                push.send(&[i]).unwrap();
            }
            push
        })
        .collect();
    let mut counts = [0; 10];
    for taken in 1..=1000 {
        counts[pull.recv().unwrap()[0] as usize] += 1;
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= 1, "after {taken}: {counts:?}");
    }
    drop(pushes);
}

/// Goal: over wires as well, a flood starves nobody. Method: three peers send without end; a fourth sends one message at
/// a time, and each must come before a number of others that only starving would reach.
#[test]
fn a_flood_starves_nobody() {
    for transport in TRANSPORTS {
        finishes("a lone message in a flood", move || {
            let context = Context::new();
            let (pull, lone) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
            let endpoint = pull.bind(transport).unwrap();
            let over = AtomicBool::new(false);
            lone.connect(&endpoint).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    let push = socket(&context, SocketType::Push);
                    push.connect(&endpoint).unwrap();
                    let over = &over;
                    scope.spawn(move || {
                        while !over.load(Ordering::SeqCst) {
                            let _ = push.try_send("flood");
                        }
                    });
                }
                while &pull.recv().unwrap()[..] != b"flood" {}
                for _ in 0..20 {
                    lone.send("lone").unwrap();
                    let mut flood = 0u32;
                    while &pull.recv().unwrap()[..] != b"lone" {
                        flood += 1;
                        assert!(flood < 1_000_000, "{transport}");
                    }
                }
                over.store(true, Ordering::SeqCst);
            });
        });
    }
}

/// Goal: PUSH hands its messages round. Method: three receivers that are all there: each gets every third, exactly.
#[test]
fn work_goes_round() {
    for transport in TRANSPORTS {
        for socket_type in [SocketType::Push, SocketType::Dealer] {
            let context = Context::new();
            let other = if socket_type == SocketType::Push { SocketType::Pull } else { SocketType::Dealer };
            let push = socket(&context, socket_type);
            let monitor = push.monitor();
            let pulls: Vec<_> = (0..3)
                .map(|i| {
                    let pull = socket(&context, other);
                    let endpoint = pull.bind(&transport.replace("here", &format!("here-{i}"))).unwrap();
                    push.connect(&endpoint).unwrap();
                    if !transport.starts_with("inproc") {
                        expect_ready(&monitor);
                    }
                    pull
                })
                .collect();
            for i in 0..300u32 {
                push.send(&i.to_le_bytes()).unwrap();
            }
            let mut firsts = Vec::new();
            for pull in &pulls {
                let first = u32::from_le_bytes(pull.recv().unwrap()[..].try_into().unwrap());
                firsts.push(first);
                for turn in 1..100 {
                    assert_eq!(pull.recv().unwrap()[..], (first + 3 * turn).to_le_bytes(), "{transport}");
                }
                assert!(pull.try_recv().is_err());
            }
            firsts.sort_unstable();
            assert_eq!(firsts, [0, 1, 2]);
        }
    }
}

/// Goal: who is full is passed over and gets its share again when it has room. Method: marks of one, one receiver that
/// takes nothing at first.
#[test]
fn the_full_are_passed_over() {
    let context = Context::new();
    let push = socket(&context, SocketType::Push);
    push.set_send_hwm(1).unwrap();
    let pulls: [Socket; 2] = std::array::from_fn(|i| {
        let pull = socket(&context, SocketType::Pull);
        pull.set_recv_hwm(1).unwrap();
        push.connect(&pull.bind(&format!("inproc://full-{i}")).unwrap()).unwrap();
        pull
    });
    for _ in 0..4 {
        push.try_send("work").unwrap();
    }
    assert!(push.try_send("too much").is_err());
    for _ in 0..50 {
        while let Ok(work) = pulls[0].try_recv() {
            assert_eq!(&work[..], b"work");
        }
        push.try_send("work").unwrap();
        assert!(pulls[0].can_recv(), "the one with room gets it");
    }
    for _ in 0..2 {
        assert_eq!(&pulls[1].recv().unwrap()[..], b"work");
    }
    while pulls[0].try_recv().is_ok() {}
    for _ in 0..2 {
        push.try_send("work").unwrap();
    }
    assert!(pulls.iter().all(Socket::can_recv), "both have their share again");
}

/// Goal: parts of one message stay together, whoever else sends, and whole messages take turns. Method: bare peers say
/// one part each, then the next: the first message to be complete comes first, and none is mixed.
#[test]
fn turns_are_of_whole_messages() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let mut peers: Vec<_> = (0..5).map(|_| raw_peer(&endpoint, "PUSH")).collect();
    for part in 0..20u8 {
        for (i, peer) in (0u8..).zip(&mut peers) {
            peer.write_all(&common::frame(u8::from(part % 4 < 3), &[i, part])).unwrap();
        }
    }
    let mut next = [0; 5];
    for _ in 0..5 * 5 {
        let message = pull.recv_multipart().unwrap();
        assert_eq!(message.len(), 4);
        let from = message.iter().next().unwrap()[0];
        for part in message.iter() {
            assert_eq!(part[..], [from, next[from as usize]]);
            next[from as usize] += 1;
        }
    }
    assert_eq!(next, [20; 5]);
}
