//! Streams of large messages: whole and in order, whoever writes them and however the peer reads; a peer that does not
//! read holds nobody up before the high-water mark.

mod common;

use std::sync::mpsc;
use std::time::Duration;

use common::{WAIT, finishes, socket};
use netzmq::{Context, SendFailure, SocketType};

const BODY: usize = 256 * 1024;

/// A body that says who sent it and which one it is, at both of its ends.
fn body(sender: u32, number: u32, length: usize) -> Vec<u8> {
    let mut body = vec![sender as u8; length];
    body[..4].copy_from_slice(&number.to_le_bytes());
    body[length - 4..].copy_from_slice(&number.to_le_bytes());
    body
}

fn number(body: &[u8]) -> u32 {
    assert_eq!(body[..4], body[body.len() - 4..]);
    u32::from_le_bytes(body[..4].try_into().unwrap())
}

/// Goal: far ahead of its peer, with one sender or two, borrowed or handed over, nothing is lost, cut or out of order,
/// also when the peer stops in the middle. Method: numbered bodies; the receiver stops until each sender has got further
/// than any stream's buffers.
#[test]
fn streams_of_large_messages_arrive_whole_and_in_order() {
    const MESSAGES: u32 = 120;
    for transport in ["tcp://127.0.0.1:*", "ipc://*"] {
        for senders in [1, 2] {
            finishes(transport, move || {
                let context = Context::new();
                let (push, pull) = (socket(&context, SocketType::Push), socket(&context, SocketType::Pull));
                pull.set_recv_hwm(4).unwrap();
                push.connect(&pull.bind(transport).unwrap()).unwrap();
                let (passed, halfway) = mpsc::channel();
                let push = &push;
                std::thread::scope(|scope| {
                    for sender in 0..senders {
                        let passed = passed.clone();
                        scope.spawn(move || {
                            for i in 0..MESSAGES {
                                let body = body(sender, i, BODY + 13 * i as usize);
                                if i % 3 == 0 {
                                    push.send(body).unwrap()
                                } else {
                                    push.send(&body).unwrap()
                                }
                                if i == MESSAGES / 2 {
                                    passed.send(()).unwrap();
                                }
                            }
                        });
                    }
                    let mut next = [0; 2];
                    for received in 0..MESSAGES * senders {
                        if received == 20 {
                            (0..senders).for_each(|_| halfway.recv_timeout(WAIT).unwrap());
                        }
                        let message = pull.recv().unwrap();
                        let sender = message[5] as usize;
                        assert_eq!(number(&message), next[sender]);
                        assert_eq!(message.len(), BODY + 13 * next[sender] as usize);
                        next[sender] += 1;
                    }
                });
            });
        }
    }
}

/// Goal: what a sender may have queued is the high-water mark's business alone where the peer does not read, and what it
/// could not send any more it gets back. Method: a peer that has stopped reading at its own mark; sends with a time-out,
/// until one fails; then all is taken.
#[test]
fn a_peer_that_does_not_read_is_sent_to_up_to_the_high_water_mark() {
    for transport in ["tcp://127.0.0.1:*", "ipc://*"] {
        finishes(transport, move || {
            let context = Context::new();
            let (push, pull) = (socket(&context, SocketType::Push), socket(&context, SocketType::Pull));
            push.set_send_hwm(50).unwrap();
            pull.set_recv_hwm(1).unwrap();
            push.set_send_timeout(Some(Duration::from_millis(200))).unwrap();
            push.connect(&pull.bind(transport).unwrap()).unwrap();
            let mut sent = 0;
            loop {
                let body = body(0, sent, BODY);
                match push.send(&body) {
                    Ok(()) => sent += 1,
                    Err(error) => {
                        assert_eq!(error.reason, SendFailure::WouldBlock);
                        assert_eq!(error.message[..], body[..]);
                        break;
                    }
                }
            }
            assert!(sent >= 50, "{sent} of at least 50");
            for i in 0..sent {
                assert_eq!(number(&pull.recv().unwrap()), i);
            }
            push.send(body(0, sent, BODY)).unwrap();
            assert_eq!(number(&pull.recv().unwrap()), sent);
        });
    }
}
