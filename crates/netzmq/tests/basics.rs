//! Every standard socket pairing over every transport, within one process: a message goes, arrives whole, and the
//! answer comes back where there is one.

use std::time::Duration;

use netzmq::{Context, Multipart, SendFailure, Socket, SocketType};

const TRANSPORTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc://*", "inproc://here"];

fn context() -> Context {
    Context::new()
}

fn socket(context: &Context, socket_type: SocketType) -> Socket {
    let socket = context.socket(socket_type).unwrap();
    socket.set_recv_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.set_send_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket
}

/// Both ends, joined; the first one binds.
fn join(context: &Context, transport: &str, a: SocketType, b: SocketType) -> (Socket, Socket) {
    let (a, b) = (socket(context, a), socket(context, b));
    b.connect(&a.bind(transport).unwrap()).unwrap();
    (a, b)
}

fn bodies() -> Vec<Vec<u8>> {
    [0, 1, 49, 50, 51, 255, 256, 4095, 4096, 32_767, 32_768, 65_536, 100_000, 131_072, 3_000_000]
        .into_iter()
        .map(|len| (0..len).map(|i| (i * 7 + len) as u8).collect())
        .collect()
}

#[test]
fn push_to_pull_keeps_order_and_content_at_every_size() {
    for transport in TRANSPORTS {
        for flip in [false, true] {
            let context = context();
            let (a, b) = if flip {
                (SocketType::Push, SocketType::Pull)
            } else {
                (SocketType::Pull, SocketType::Push)
            };
            let (a, b) = join(&context, transport, a, b);
            let (push, pull) = if flip { (&a, &b) } else { (&b, &a) };
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for body in bodies() {
                        push.send(&body).unwrap();
                        push.send(body).unwrap();
                    }
                });
                for body in bodies() {
                    for _ in 0..2 {
                        let got = pull.recv().unwrap();
                        assert!(!got.has_more());
                        assert!(got[..] == body[..], "{transport}: {} bytes, got {}", body.len(), got.len());
                    }
                }
            });
        }
    }
}

#[test]
fn a_hundred_thousand_small_messages_in_order() {
    for transport in TRANSPORTS {
        let context = context();
        let (pull, push) = join(&context, transport, SocketType::Pull, SocketType::Push);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0..100_000u32 {
                    push.send(&i.to_le_bytes()).unwrap();
                }
            });
            for i in 0..100_000u32 {
                assert_eq!(pull.recv().unwrap()[..], i.to_le_bytes(), "{transport}");
            }
        });
    }
}

#[test]
fn req_rep_round_trips() {
    for transport in TRANSPORTS {
        let context = context();
        let (rep, req) = join(&context, transport, SocketType::Rep, SocketType::Req);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let question = rep.recv().unwrap();
                    rep.send(question).unwrap();
                }
            });
            for i in 0..1000u32 {
                req.send(&i.to_le_bytes()).unwrap();
                assert_eq!(req.recv().unwrap()[..], i.to_le_bytes(), "{transport}");
            }
        });
        assert_eq!(rep.send("out of turn").unwrap_err().reason, SendFailure::WrongState);
    }
}

#[test]
fn multipart_is_atomic_and_keeps_its_parts() {
    for transport in TRANSPORTS {
        let context = context();
        let (a, b) = join(&context, transport, SocketType::Dealer, SocketType::Dealer);
        let message = Multipart::from_iter([vec![1u8], vec![], vec![2; 100], vec![3; 70_000], vec![4; 5000]]);
        for _ in 0..100 {
            a.send_multipart(message.clone()).unwrap();
        }
        for _ in 0..100 {
            assert_eq!(b.recv_multipart().unwrap(), message, "{transport}");
        }
    }
}

#[test]
fn router_addresses_its_dealers() {
    for transport in TRANSPORTS {
        let context = context();
        let router = socket(&context, SocketType::Router);
        let endpoint = router.bind(transport).unwrap();
        let dealers: Vec<_> = (0..5u8)
            .map(|i| {
                let dealer = socket(&context, SocketType::Dealer);
                dealer.set_routing_id(vec![b'd', i]).unwrap();
                dealer.connect(&endpoint).unwrap();
                dealer.send("hello").unwrap();
                dealer
            })
            .collect();
        for _ in 0..5 {
            let message = router.recv_multipart().unwrap();
            assert_eq!(&message[1][..], b"hello");
            router.send_multipart([message[0].clone(), "you".into()]).unwrap();
        }
        for dealer in &dealers {
            assert_eq!(&dealer.recv().unwrap()[..], b"you");
        }
    }
}

#[test]
fn subscribers_get_what_they_asked_for() {
    for transport in TRANSPORTS {
        let context = context();
        let xpub = socket(&context, SocketType::XPub);
        let endpoint = xpub.bind(transport).unwrap();
        let sub = socket(&context, SocketType::Sub);
        sub.subscribe("a").unwrap();
        sub.connect(&endpoint).unwrap();
        assert_eq!(&xpub.recv().unwrap()[..], b"\x01a", "{transport}");
        xpub.send("b no").unwrap();
        xpub.send_more("a yes").unwrap();
        xpub.send("second").unwrap();
        let got = sub.recv_multipart().unwrap();
        assert_eq!((&got[0][..], &got[1][..]), (&b"a yes"[..], &b"second"[..]));
        sub.unsubscribe("a").unwrap();
        assert_eq!(&xpub.recv().unwrap()[..], b"\x00a");
    }
}

#[test]
fn pairs_talk_both_ways() {
    for transport in TRANSPORTS {
        let context = context();
        let (a, b) = join(&context, transport, SocketType::Pair, SocketType::Pair);
        for i in 0..100u32 {
            a.send(&i.to_le_bytes()).unwrap();
            b.send(&i.to_be_bytes()).unwrap();
            assert_eq!(a.recv().unwrap()[..], i.to_be_bytes());
            assert_eq!(b.recv().unwrap()[..], i.to_le_bytes());
        }
    }
}

#[test]
fn connect_may_come_before_bind() {
    let context = context();
    let (push, pull) = (socket(&context, SocketType::Push), socket(&context, SocketType::Pull));
    push.connect("inproc://later").unwrap();
    push.send("early").unwrap();
    pull.bind("inproc://later").unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"early");

    let (push, probe) = (socket(&context, SocketType::Push), socket(&context, SocketType::Pull));
    let endpoint = probe.bind("tcp://127.0.0.1:*").unwrap();
    probe.unbind(&endpoint).unwrap();
    push.connect(&endpoint).unwrap();
    push.send("early").unwrap();
    let pull = socket(&context, SocketType::Pull);
    pull.bind(&endpoint).unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"early");
}

#[test]
fn what_was_sent_leaves_before_the_socket_does() {
    let context = context();
    let pull = socket(&context, SocketType::Pull);
    let push = context.socket(SocketType::Push).unwrap();
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    for i in 0..10_000u32 {
        push.send(&i.to_le_bytes()).unwrap();
    }
    drop(push);
    for i in 0..10_000u32 {
        assert_eq!(pull.recv().unwrap()[..], i.to_le_bytes());
    }
}
