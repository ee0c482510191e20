//! The life of sockets and contexts: endpoints come and go in any order, and every end is an end.

mod common;

use std::time::{Duration, Instant};

use common::{TRANSPORTS, WAIT, expect, finishes, free_endpoint, join, raw, socket};
use netzmq::{Context, EndpointError, EventKind, RecvError, SendFailure, SocketError, SocketType};

/// Goal: an endpoint is free as soon as `unbind` or the drop returns. Method: bind it again at once, a hundred times.
#[test]
fn an_endpoint_can_be_bound_again_at_once() {
    let path = std::env::temp_dir().join(format!("netzmq-lifecycle-{}", std::process::id()));
    let (path, name) = (format!("ipc://{}", path.display()), format!("ipc://@{}", path.display()));
    for transport in ["tcp://127.0.0.1:*", &path, &name, "inproc://here"] {
        let context = Context::new();
        let first = socket(&context, SocketType::Pull);
        let endpoint = first.bind(transport).unwrap();
        let taken = socket(&context, SocketType::Pull).bind(&endpoint).unwrap_err();
        assert!(matches!(taken, EndpointError::InUse(_)), "{taken}");
        first.unbind(&endpoint).unwrap();
        for _ in 0..100 {
            let pull = socket(&context, SocketType::Pull);
            assert_eq!(pull.bind(&endpoint).unwrap(), endpoint);
            let push = socket(&context, SocketType::Push);
            push.connect(&endpoint).unwrap();
            push.send("x").unwrap();
            assert_eq!(&pull.recv().unwrap()[..], b"x", "{transport}");
            pull.unbind(&endpoint).unwrap();
            first.bind(&endpoint).unwrap();
            first.unbind(&endpoint).unwrap();
            drop(push);
        }
    }
}

/// Goal: unbinding leaves connections within the process alone, as in libzmq. Method: talk over one after it.
#[test]
fn inproc_connections_outlive_their_endpoint() {
    let context = Context::new();
    let (pull, push) = join(&context, "inproc://here", SocketType::Pull, SocketType::Push);
    push.send("before").unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"before");
    pull.unbind(&pull.last_endpoint()).unwrap();
    push.send("after").unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"after");
}

/// Goal: disconnect ends exactly that connection, and a connection can be made again. Method: two peers, one left.
#[test]
fn disconnect_and_connect_again() {
    for transport in TRANSPORTS {
        let context = Context::new();
        let (a, b) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Pull));
        let at_a = a.bind(transport).unwrap();
        let at_b = b.bind(&transport.replace("here", "there")).unwrap();
        let push = socket(&context, SocketType::Push);
        push.connect(&at_a).unwrap();
        push.send("to a").unwrap();
        assert_eq!(&a.recv().unwrap()[..], b"to a");
        push.connect(&at_b).unwrap();
        push.disconnect(&at_a).unwrap();
        assert!(matches!(push.disconnect(&at_a), Err(EndpointError::NotFound(_))));
        for _ in 0..10 {
            push.send("to b").unwrap();
            assert_eq!(&b.recv().unwrap()[..], b"to b", "{transport}");
        }
        push.disconnect(&at_b).unwrap();
        assert_eq!(push.try_send("to nobody").unwrap_err().reason, SendFailure::WouldBlock);
        push.connect(&at_a).unwrap();
        push.send("to a again").unwrap();
        assert_eq!(&a.recv().unwrap()[..], b"to a again");
    }
}

/// Goal: what was sent before a disconnect arrives (linger allows it). Method: many messages, then disconnect at once.
#[test]
fn disconnect_delivers_what_was_sent() {
    for transport in TRANSPORTS {
        let context = Context::new();
        let pull = socket(&context, SocketType::Pull);
        let endpoint = pull.bind(transport).unwrap();
        let push = socket(&context, SocketType::Push);
        push.set_linger(None).unwrap();
        push.connect(&endpoint).unwrap();
        for i in 0..1000u32 {
            push.send(&i.to_le_bytes()).unwrap();
        }
        push.disconnect(&endpoint).unwrap();
        for i in 0..1000u32 {
            assert_eq!(pull.recv().unwrap()[..], i.to_le_bytes(), "{transport}");
        }
    }
}

/// A regression: an inproc connect that was taken back before anybody was bound used to leave its end waiting under the
/// pipe's number, and the next connect got the same number, so that the binder sent half of all messages to nobody.
#[test]
fn a_withdrawn_inproc_connect_leaves_nothing_waiting() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    for _ in 0..3 {
        pull.connect("inproc://later").unwrap();
        pull.disconnect("inproc://later").unwrap();
    }
    pull.connect("inproc://later").unwrap();
    let push = socket(&context, SocketType::Push);
    push.bind("inproc://later").unwrap();
    for i in 0..10u8 {
        push.send(&[i]).unwrap();
    }
    for i in 0..10u8 {
        assert_eq!(pull.recv().unwrap()[..], [i]);
    }
}

/// Goal: a context ends although a socket was closed with messages that nobody took, from a peer that has gone.
#[test]
fn messages_that_nobody_takes_hold_nothing_up() {
    for transport in TRANSPORTS {
        for binder_sends in [false, true] {
            finishes("closing with unread messages", move || {
                let context = Context::new();
                let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
                let monitor = pull.monitor();
                push.set_linger(None).unwrap();
                if binder_sends {
                    pull.connect(&push.bind(transport).unwrap()).unwrap();
                } else {
                    push.connect(&pull.bind(transport).unwrap()).unwrap();
                }
                for _ in 0..100 {
                    push.send("unread").unwrap();
                }
                assert_eq!(&pull.recv().unwrap()[..], b"unread");
                drop(push);
                if !transport.starts_with("inproc") {
                    expect(&monitor, "Disconnected", |kind| matches!(kind, EventKind::Disconnected(_)));
                }
                drop(pull);
                assert!(context.terminate(Some(WAIT)));
            });
        }
    }
}

/// Goal: a peer that never finishes its handshake does not hold up the end. Method: one says nothing, one half of it.
#[test]
fn a_stalled_handshake_holds_nothing_up() {
    let begun = Instant::now();
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let monitor = pull.monitor();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let silent = raw(&endpoint);
    let mut half = raw(&endpoint);
    std::io::Write::write_all(&mut half, &common::greeting("NULL")[..20]).unwrap();
    for _ in 0..2 {
        expect(&monitor, "Accepted", |kind| *kind == EventKind::Accepted);
    }
    drop(pull);
    finishes("closing during handshakes", move || drop(context));
    assert!(begun.elapsed() < Duration::from_secs(20), "waited for the handshake's time-out");
    drop((silent, half));
}

/// Goal: linger 0 drops, a finite linger waits that long and no longer, and an infinite one until delivery.
#[test]
fn linger_is_kept() {
    let context = Context::new();
    let nobody = free_endpoint(&context);
    for (linger, least) in
        [(Duration::ZERO, Duration::ZERO), (Duration::from_millis(300), Duration::from_millis(300))]
    {
        let context = Context::new();
        let push = socket(&context, SocketType::Push);
        push.set_linger(Some(linger)).unwrap();
        push.connect(&nobody).unwrap();
        push.send("for nobody").unwrap();
        let begun = Instant::now();
        drop(push);
        assert!(begun.elapsed() < Duration::from_millis(250), "the drop of a socket waits for nothing");
        finishes("lingering", move || drop(context));
        let took = begun.elapsed();
        assert!(took >= least && took < least + Duration::from_secs(10), "{linger:?}: {took:?}");
    }
    let (sending, push) = (Context::new(), nobody.clone());
    let push = {
        let socket = socket(&sending, SocketType::Push);
        socket.set_linger(None).unwrap();
        socket.set_reconnect_interval(Some(Duration::from_millis(10))).unwrap();
        socket.connect(&push).unwrap();
        socket
    };
    push.send("patience").unwrap();
    drop(push);
    assert!(!sending.terminate(Some(Duration::from_millis(100))));
    let pull = socket(&context, SocketType::Pull);
    pull.bind(&nobody).unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"patience");
    finishes("the end after delivery", move || assert!(sending.terminate(None)));
}

/// Goal: a peer that stops reading is no reason to wait longer than linger says. Method: a full connection.
#[test]
fn linger_ends_on_a_full_connection() {
    finishes("closing a full connection", || {
        let (context, other) = (Context::new(), Context::new());
        let pull = socket(&other, SocketType::Pull);
        let push = socket(&context, SocketType::Push);
        push.set_linger(Some(Duration::from_millis(200))).unwrap();
        push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
        let body = vec![0; 1 << 20];
        push.send(&body).unwrap();
        while push.try_send(&body).is_ok() {}
        let begun = Instant::now();
        drop(push);
        drop(context);
        assert!(begun.elapsed() < Duration::from_secs(10));
        drop(pull);
    });
}

/// Goal: shutdown wakes whoever is blocked, on every transport and in both directions, and refuses what comes later.
#[test]
fn shutdown_wakes_blocked_callers() {
    for transport in TRANSPORTS {
        finishes("shutdown", move || {
            let context = Context::new();
            let (pull, push) = join(&context, transport, SocketType::Pull, SocketType::Push);
            let lonely = socket(&context, SocketType::Push);
            let unconnected = socket(&context, SocketType::Pull);
            for socket in [&pull, &push, &lonely, &unconnected] {
                socket.set_recv_timeout(None).unwrap();
                socket.set_send_timeout(None).unwrap();
            }
            push.send("x").unwrap();
            assert_eq!(&pull.recv().unwrap()[..], b"x");
            std::thread::scope(|scope| {
                let blocked = [
                    scope.spawn(|| pull.recv().map(drop).unwrap_err() == RecvError::Terminated),
                    scope.spawn(|| pull.recv().map(drop).unwrap_err() == RecvError::Terminated),
                    scope.spawn(|| unconnected.recv().map(drop).unwrap_err() == RecvError::Terminated),
                    scope.spawn(|| lonely.send("x").unwrap_err().reason == SendFailure::Terminated),
                ];
                context.shutdown();
                assert!(blocked.into_iter().all(|thread| thread.join().unwrap()), "{transport}");
            });
            assert_eq!(push.send("late").unwrap_err().reason, SendFailure::Terminated);
            assert!(matches!(pull.bind("inproc://late"), Err(EndpointError::Terminated)));
            assert!(matches!(context.socket(SocketType::Pull), Err(SocketError::Terminated)));
            drop((pull, push, lonely, unconnected));
            assert!(context.terminate(None));
        });
    }
}

/// Goal: terminate waits for open sockets, and ends when another thread drops the last.
#[test]
fn terminate_waits_for_the_last_socket() {
    finishes("terminate", || {
        let context = Context::new();
        let pull = socket(&context, SocketType::Pull);
        pull.bind("tcp://127.0.0.1:*").unwrap();
        assert!(!context.terminate(Some(Duration::from_millis(20))));
        assert_eq!(context.sockets_open(), 1);
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(context.terminate(None)));
            assert_eq!(pull.recv().unwrap_err(), RecvError::Terminated);
            drop(pull);
        });
        assert_eq!(context.sockets_open(), 0);
    });
}

/// Goal: any order of dropping is fine. Method: all orders of context, binder and connecter, with traffic under way.
#[test]
fn any_order_of_dropping() {
    for transport in TRANSPORTS {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            finishes("dropping", move || {
                let context = Context::new();
                let (pull, push) = join(&context, transport, SocketType::Pull, SocketType::Push);
                for _ in 0..100 {
                    push.send("x").unwrap();
                }
                assert_eq!(&pull.recv().unwrap()[..], b"x");
                let (mut context, mut pull, mut push) = (Some(context), Some(pull), Some(push));
                for which in order {
                    match which {
                        0 => drop(context.take()),
                        1 => drop(pull.take()),
                        _ => drop(push.take()),
                    }
                }
            });
        }
    }
}

/// Goal: many sockets live and die, the limit holds, and room comes back. Method: three rounds up to the limit.
#[test]
fn many_sockets() {
    finishes("many sockets", || {
        let context = Context::builder().max_sockets(101).build();
        for _ in 0..3 {
            let pull = socket(&context, SocketType::Pull);
            let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
            let pushers: Vec<_> = (0..100u8)
                .map(|i| {
                    let push = context.socket(SocketType::Push).unwrap();
                    push.connect(&endpoint).unwrap();
                    push.send(&[i]).unwrap();
                    push
                })
                .collect();
            assert!(matches!(context.socket(SocketType::Pull), Err(SocketError::TooMany(101))));
            let mut seen: Vec<u8> = (0..100).map(|_| pull.recv().unwrap()[0]).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..100));
            drop(pushers);
            drop(pull);
            // Closed sockets count until their connections have parted.
            let begun = Instant::now();
            while context.sockets_open() > 0 {
                assert!(begun.elapsed() < WAIT);
                std::thread::yield_now();
            }
        }
    });
}

/// Goal: a caller's bad endpoint gets an error that names it. Method: one of each kind.
#[test]
fn bad_endpoints_are_refused() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    for text in [
        "",
        "tcp",
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:99999",
        "nothing://x",
        "inproc://",
        "ipc://",
    ] {
        assert!(pull.bind(text).unwrap_err().to_string().contains(&format!("{text:?}")), "{text}");
        assert!(pull.connect(text).unwrap_err().to_string().contains(&format!("{text:?}")), "{text}");
    }
    assert!(matches!(pull.connect("tcp://*:5555"), Err(EndpointError::Invalid { .. })));
    assert!(
        matches!(pull.bind("tcp://192.0.2.1:0"), Err(EndpointError::Io { .. })),
        "not an address of ours"
    );
    assert!(matches!(pull.unbind("tcp://127.0.0.1:1"), Err(EndpointError::NotFound(_))));
    assert!(matches!(pull.disconnect("inproc://nobody"), Err(EndpointError::NotFound(_))));
    assert!(pull.bind("ipc:///nowhere/at/all").is_err());
    assert_eq!(pull.last_endpoint(), "");
}

/// Goal: a server is told of a client that left, behind all that it sent, and a client of a connection that was lost; by
/// those who connected or were connected to only. Method: both transports, the C interface's own options.
#[test]
fn farewells_and_hiccups() {
    for transport in ["tcp://127.0.0.1:*", "inproc://farewell"] {
        let context = Context::new();
        let (router, dealer) = (socket(&context, SocketType::Router), socket(&context, SocketType::Dealer));
        netzmq::raw::set_farewell(&router, b"gone").unwrap();
        netzmq::raw::set_hiccup(&router, b"never").unwrap();
        netzmq::raw::set_farewell(&dealer, b"never").unwrap();
        dealer.set_routing_id(b"me".to_vec()).unwrap();
        dealer.set_linger(None).unwrap();
        dealer.connect(&router.bind(transport).unwrap()).unwrap();
        dealer.send("last words").unwrap();
        drop(dealer);
        for part in ["me", "last words", "me", "gone"] {
            assert_eq!(router.recv().unwrap(), part, "{transport}");
        }
    }
    let context = Context::new();
    let (router, dealer) = (socket(&context, SocketType::Router), socket(&context, SocketType::Dealer));
    netzmq::raw::set_hiccup(&dealer, b"lost").unwrap();
    dealer.connect(&router.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    dealer.send("hello").unwrap();
    assert_eq!(router.recv_multipart().unwrap().len(), 2);
    drop(router);
    assert_eq!(dealer.recv().unwrap(), "lost");
}

/// Goal: connections go to the I/O threads that the affinity names, and nowhere if it names none. Method: two threads, a
/// mask for the second and one for a third.
#[test]
fn affinity_names_the_io_threads() {
    let context = Context::builder().io_threads(2).build();
    let pull = context.socket(SocketType::Pull).unwrap();
    netzmq::raw::set_affinity(&pull, 0b10).unwrap();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let push = context.socket(SocketType::Push).unwrap();
    netzmq::raw::set_affinity(&push, 0b100).unwrap();
    assert!(push.connect(&endpoint).is_err(), "there is no third");
    netzmq::raw::set_affinity(&push, 0b11).unwrap();
    push.connect(&endpoint).unwrap();
    push.send("x").unwrap();
    assert_eq!(pull.recv().unwrap(), "x");
}
