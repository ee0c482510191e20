//! One socket, many threads: calls are put in order, nobody sleeps while there is something for him, and messages stay
//! whole.

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{TRANSPORTS, WAIT, finishes, join, socket};
use netzmq::{Context, Multipart, SocketType};

/// Goal: several receivers blocked on one socket all make progress. Method: as many messages as receivers, sent at
/// once, each receiver takes exactly one and leaves; nobody comes back for what a neighbour has read along.
///
/// A regression: who read a batch took one message and woke nobody, and the others slept on.
#[test]
fn every_blocked_receiver_gets_its_message() {
    for transport in TRANSPORTS {
        for round in 0..50 {
            let receivers = 2 + round % 4;
            finishes("receivers", move || {
                let context = Context::new();
                let (pull, push) = join(&context, transport, SocketType::Pull, SocketType::Push);
                push.send("warm").unwrap();
                pull.recv().unwrap();
                std::thread::scope(|scope| {
                    for _ in 0..receivers {
                        scope.spawn(|| assert_eq!(&pull.recv().unwrap()[..], b"x", "{transport}"));
                    }
                    if round % 2 == 0 {
                        std::thread::yield_now();
                    }
                    for _ in 0..receivers {
                        push.send("x").unwrap();
                    }
                });
                assert!(pull.try_recv().is_err());
            });
        }
    }
}

/// Goal: several senders and several receivers on one pair of sockets: all arrives once, each sender's in order as seen
/// by each receiver. Method: four and three threads, high-water marks small enough that all of them block.
#[test]
fn senders_and_receivers_share_sockets() {
    const SENDERS: u32 = 4;
    const EACH: u32 = 20_000;
    for transport in TRANSPORTS {
        let context = Context::new();
        let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
        pull.set_recv_hwm(100).unwrap();
        push.set_send_hwm(10).unwrap();
        push.connect(&pull.bind(transport).unwrap()).unwrap();
        let left = AtomicUsize::new((SENDERS * EACH) as usize);
        let taken = std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let push = &push;
                scope.spawn(move || {
                    for i in 0..EACH {
                        push.send(&[sender.to_le_bytes(), i.to_le_bytes()].concat()[..]).unwrap();
                    }
                });
            }
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut last = HashMap::new();
                        let mut count = 0u32;
                        // Each receive is claimed beforehand, so that exactly as many are made as there are messages.
                        while left
                            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                            .is_ok()
                        {
                            let message = pull.recv().unwrap();
                            let number =
                                |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
                            let (sender, i) = (number(0), number(4));
                            assert!(
                                last.insert(sender, i).is_none_or(|before| before < i),
                                "{transport}: order"
                            );
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            receivers.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>()
        });
        assert_eq!(taken, SENDERS * EACH);
        assert!(pull.try_recv().is_err(), "{transport}: more than was sent");
    }
}

/// Goal: large borrowed bodies from several threads never mix on the wire. Method: bodies of one byte value each, of
/// sizes around every threshold, over a connection that is full most of the time.
///
/// A regression: what the kernel did not take of a body written from the caller's memory was queued behind messages
/// that other threads had sent meanwhile.
#[test]
fn large_bodies_of_several_threads_stay_whole() {
    for transport in TRANSPORTS {
        let context = Context::new();
        let (pull, push) = join(&context, transport, SocketType::Pull, SocketType::Push);
        std::thread::scope(|scope| {
            for sender in 1..=3u8 {
                let push = &push;
                scope.spawn(move || {
                    for i in 0..60usize {
                        let len = [40_000, 900_000, 10, 300_000, 5_000][(i + usize::from(sender)) % 5] + i;
                        push.send(vec![sender; len]).unwrap();
                    }
                });
            }
            for _ in 0..180 {
                let message = pull.recv().unwrap();
                let sender = message[0];
                assert!(
                    (1..=3).contains(&sender) && message.iter().all(|byte| *byte == sender),
                    "{transport}"
                );
            }
        });
    }
}

/// Goal: a message of several parts sent with one call by one of many threads is never interleaved, and received with
/// one call never torn apart. Method: three senders, two receivers, parts that tell where they belong.
#[test]
fn multipart_calls_are_atomic() {
    const EACH: u32 = 3_000;
    for transport in TRANSPORTS {
        let context = Context::new();
        let (a, b) = join(&context, transport, SocketType::Dealer, SocketType::Dealer);
        let left = AtomicUsize::new(3 * EACH as usize);
        std::thread::scope(|scope| {
            for sender in 0..3u32 {
                let a = &a;
                scope.spawn(move || {
                    for i in 0..EACH {
                        let tag = [sender.to_le_bytes(), i.to_le_bytes()].concat();
                        let parts = 1 + (i + sender) % 4;
                        a.send_multipart((0..parts).map(|_| tag.clone()).collect::<Multipart>()).unwrap();
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    while left
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                        .is_ok()
                    {
                        let message = b.recv_multipart().unwrap();
                        let number =
                            |at: usize| u32::from_le_bytes(message[0][at..at + 4].try_into().unwrap());
                        let (sender, i) = (number(0), number(4));
                        assert_eq!(message.len() as u32, 1 + (i + sender) % 4, "{transport}");
                        assert!(message.iter().all(|part| part[..] == message[0][..]), "{transport}");
                    }
                });
            }
        });
    }
}

/// Goal: a thread that sends is not held up by one that waits for a message on the same socket, nor the other way
/// round. Method: both ends have a thread blocked in `recv` while another sends.
#[test]
fn sending_while_another_thread_receives() {
    for transport in TRANSPORTS {
        let context = Context::new();
        let (a, b) = join(&context, transport, SocketType::Pair, SocketType::Pair);
        std::thread::scope(|scope| {
            for socket in [&a, &b] {
                scope.spawn(move || {
                    for i in 0..20_000u32 {
                        assert_eq!(socket.recv().unwrap()[..], i.to_le_bytes(), "{transport}");
                    }
                });
                scope.spawn(move || {
                    for i in 0..20_000u32 {
                        socket.send(&i.to_le_bytes()).unwrap();
                    }
                });
            }
        });
    }
}

/// Goal: ping-pong between threads that share the sockets with an idle blocked receiver: the idle one must not keep the
/// news to himself. Method: two receivers and one echo, one message under way at a time.
#[test]
fn a_blocked_neighbour_loses_no_message() {
    for transport in TRANSPORTS {
        finishes("ping-pong", move || {
            let context = Context::new();
            let (a, b) = join(&context, transport, SocketType::Dealer, SocketType::Dealer);
            let left = AtomicUsize::new(2_000);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    loop {
                        let message = b.recv().unwrap();
                        let done = message.is_empty();
                        b.send(message).unwrap();
                        if done {
                            break;
                        }
                    }
                });
                let asking: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            while left
                                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                                .is_ok()
                            {
                                a.send("ping").unwrap();
                                assert_eq!(&a.recv().unwrap()[..], b"ping");
                            }
                        })
                    })
                    .collect();
                asking.into_iter().for_each(|thread| thread.join().unwrap());
                a.send("").unwrap();
                assert!(a.recv().unwrap().is_empty());
            });
        });
    }
}

/// Goal: a look (`can_recv`) or a `try_recv` by one thread takes nothing away from another that is blocked. Method: one
/// looks all the time, the other takes.
#[test]
fn looking_takes_nothing_away() {
    for transport in TRANSPORTS {
        let context = Context::new();
        let (pull, push) = join(&context, transport, SocketType::Pull, SocketType::Push);
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while done.load(Ordering::SeqCst) == 0 {
                    let _ = (pull.can_recv(), pull.can_send(), push.can_send());
                    std::thread::yield_now();
                }
            });
            for i in 0..2_000u32 {
                push.send(&i.to_le_bytes()).unwrap();
                let got = pull.recv();
                if got.is_err() {
                    done.store(1, Ordering::SeqCst);
                }
                assert_eq!(got.unwrap()[..], i.to_le_bytes(), "{transport} within {WAIT:?}");
            }
            done.store(1, Ordering::SeqCst);
        });
    }
}
