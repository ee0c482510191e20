//! Every pairing of standard socket types that ZMTP allows: each engine on each side, each side binding, over tcp and
//! ipc, with NULL, and with PLAIN and CURVE, each side being the server. What goes over them: a hundred thousand messages in
//! order where there is a one-way stream, and bodies and multi-part messages of every size.

use std::time::Duration;

use netzmq::SocketType as Type;
use netzmq_interop::{End, Mechanism, Way, bodies, in_every_way, multiparts, numbered};

/// Messages of one stream: all of them once, and fewer where only the mechanism is new.
fn count(way: Way) -> u64 {
    if way.mechanism == Mechanism::Null { 100_000 } else { 2_000 }
}

/// Numbered messages from one to the other, in order and without a gap; gives both back.
fn stream(from: End, to: End, count: u64) -> (End, End) {
    let sender = std::thread::spawn(move || {
        (0..count).for_each(|i| from.send(&numbered(i)));
        from
    });
    let mut buffer = [0; 16];
    for i in 0..count {
        assert_eq!(to.recv_into(&mut buffer), 8);
        assert_eq!(buffer[..8], numbered(i));
    }
    (sender.join().unwrap(), to)
}

/// Every body and every multi-part message from one to the other; gives both back.
fn everything(from: End, to: End) -> (End, End) {
    let sender = std::thread::spawn(move || {
        bodies().iter().for_each(|body| from.send(body));
        multiparts().iter().for_each(|parts| from.send_parts(parts));
        from
    });
    for body in bodies() {
        assert!(to.recv() == body, "a body of {} bytes", body.len());
    }
    for parts in multiparts() {
        assert!(to.recv_parts() == parts, "{} parts", parts.len());
    }
    (sender.join().unwrap(), to)
}

fn nothing(_: &End, _: &End) {}

#[test]
fn push_and_pull() {
    in_every_way(Type::Push, Type::Pull, nothing, |push, pull, way| {
        let (push, pull) = stream(push, pull, count(way));
        everything(push, pull);
    });
}

#[test]
fn pair_and_pair() {
    in_every_way(Type::Pair, Type::Pair, nothing, both_ways);
}

#[test]
fn dealer_and_dealer() {
    in_every_way(Type::Dealer, Type::Dealer, nothing, both_ways);
}

fn both_ways(a: End, b: End, way: Way) {
    let (a, b) = stream(a, b, count(way));
    let (b, a) = stream(b, a, count(way));
    let (b, a) = everything(b, a);
    everything(a, b);
}

/// Goal: lockstep. Method: every body, whole messages, and many short round trips.
#[test]
fn req_and_rep() {
    in_every_way(Type::Req, Type::Rep, nothing, |req, rep, _| {
        let echo = std::thread::spawn(move || {
            loop {
                let parts = rep.recv_parts();
                rep.send_parts(&parts);
                if parts == [b"end"] {
                    break rep;
                }
            }
        });
        let bodies = bodies().into_iter().map(|body| vec![body]);
        let short = (0..500).map(|i| vec![numbered(i).to_vec()]);
        for parts in bodies.chain(multiparts()).chain(short).chain([vec![b"end".to_vec()]]) {
            req.send_parts(&parts);
            assert!(req.recv_parts() == parts);
        }
        echo.join().unwrap();
    });
}

/// Goal: a REQ asks a ROUTER, which answers by name. Method: as above, the envelope looked at.
#[test]
fn req_and_router() {
    let prepare = |req: &End, _: &End| req.name(b"asker");
    in_every_way(Type::Req, Type::Router, prepare, |req, router, _| {
        for i in 0..200 {
            req.send(&numbered(i));
            let question = router.recv_parts();
            assert_eq!(question, [&b"asker"[..], b"", &numbered(i)]);
            router.send_parts(&question);
            assert_eq!(req.recv(), numbered(i));
        }
    });
}

/// Goal: a DEALER asks a REP, many questions ahead. Method: the envelope made by hand.
#[test]
fn dealer_and_rep() {
    in_every_way(
        Type::Dealer,
        Type::Rep,
        |_, _| (),
        |dealer, rep, _| {
            const AHEAD: u64 = 500;
            for i in 0..AHEAD {
                dealer.send_parts(&[vec![], numbered(i).to_vec()]);
            }
            for i in 0..AHEAD {
                let question = rep.recv();
                assert_eq!(question, numbered(i));
                rep.send(&question);
                assert_eq!(dealer.recv_parts(), [vec![], question]);
            }
        },
    );
}

/// Goal: a ROUTER sees names, answers by name, and knows who is not there. Method: a stream, and everything, there and
/// back.
#[test]
fn dealer_and_router() {
    let prepare = |dealer: &End, router: &End| {
        dealer.name(b"worker 7");
        router.mandatory();
    };
    in_every_way(Type::Dealer, Type::Router, prepare, |dealer, router, way| {
        let count = count(way);
        let sender = std::thread::spawn(move || {
            (0..count).for_each(|i| dealer.send(&numbered(i)));
            bodies().iter().for_each(|body| dealer.send(body));
            multiparts().iter().for_each(|parts| dealer.send_parts(parts));
            dealer
        });
        let mut buffer = [0; 16];
        for i in 0..count {
            assert_eq!(router.recv_into(&mut buffer), 8);
            assert_eq!(&buffer[..8], b"worker 7");
            assert_eq!(router.recv_into(&mut buffer), 8);
            assert_eq!(buffer[..8], numbered(i));
        }
        let named = |parts: Vec<Vec<u8>>| [vec![b"worker 7".to_vec()], parts].concat();
        let whole = move || bodies().into_iter().map(|body| vec![body]).chain(multiparts()).map(named);
        assert!(whole().all(|message| router.recv_parts() == message));
        let dealer = sender.join().unwrap();

        assert!(!router.try_send_to(b"nobody", b"?"), "a mandatory ROUTER knows whom it knows");
        let sender = std::thread::spawn(move || {
            (0..count).for_each(|i| assert!(router.try_send_to(b"worker 7", &numbered(i))));
            whole().for_each(|message| router.send_parts(&message));
            router
        });
        for i in 0..count {
            assert_eq!(dealer.recv_into(&mut buffer), 8);
            assert_eq!(buffer[..8], numbered(i));
        }
        assert!(whole().all(|message| dealer.recv_parts() == message[1..]));
        sender.join().unwrap();
    });
}

/// Goal: two ROUTERs that name themselves reach each other. Method: who speaks first tries until the other is there.
#[test]
fn router_and_router() {
    let prepare = |a: &End, b: &End| {
        a.name(b"A");
        b.name(b"B");
        a.mandatory();
        b.mandatory();
    };
    in_every_way(Type::Router, Type::Router, prepare, |a, b, _| {
        // Not there yet is an error here; nothing else is told, so this is how one waits.
        while !a.try_send_to(b"B", b"hello") {
            std::thread::yield_now();
        }
        assert_eq!(b.recv_parts(), [b"A".to_vec(), b"hello".to_vec()]);
        for i in 0..500 {
            assert!(b.try_send_to(b"A", &numbered(i)));
            assert_eq!(a.recv_parts(), [b"B".to_vec(), numbered(i).to_vec()]);
            assert!(a.try_send_to(b"B", &numbered(i)));
            assert_eq!(b.recv_parts(), [b"A".to_vec(), numbered(i).to_vec()]);
        }
    });
}

/// Subscribers miss nothing here: no high-water mark, and a subscription that is known to have arrived.
fn publishing(publisher: Type, subscriber: Type) {
    let prepare = |publisher: &End, subscriber: &End| {
        publisher.unlimited();
        subscriber.unlimited();
    };
    in_every_way(publisher, subscriber, prepare, |from, to, way| {
        to.subscribe("");
        match publisher {
            Type::XPub => {
                // libzmq looks after new connections only while it is called.
                while !from.arrives_within(Duration::from_millis(1)) {
                    let _ = to.arrives_within(Duration::ZERO);
                }
                assert_eq!(from.recv(), b"\x01");
            }
            // A PUB does not tell: it says "are you there?" until there is an answer.
            _ => {
                while !to.arrives_within(Duration::from_millis(1)) {
                    from.send(b"are you there?");
                }
                from.send(b"yes");
                while to.recv() != b"yes" {}
            }
        }
        let (from, to) = stream(from, to, count(way));
        let (from, to) = everything(from, to);
        topics(&from, &to, publisher == Type::XPub);
    });
}

/// Prefixes, more of them and fewer again; what was asked for last is known to have arrived when a message says so.
fn topics(from: &End, to: &End, shows: bool) {
    let settle = |request: Option<&[u8]>| match request {
        Some(request) if shows => assert_eq!(from.recv(), request),
        _ => {}
    };
    to.subscribe("weather.");
    settle(Some(b"\x01weather."));
    to.subscribe("weather.");
    to.subscribe("sport");
    settle(Some(b"\x01sport"));
    to.unsubscribe("");
    settle(Some(b"\x00"));
    to.subscribe("end");
    settle(Some(b"\x01end"));
    for round in 0.. {
        // An XSUB takes whatever comes, so what does not come any more is the sign.
        let last = format!("end {round}");
        from.send(b"unwanted");
        from.send(last.as_bytes());
        let (mut unwanted, mut ended) = (false, false);
        while !ended && to.arrives_within(Duration::from_millis(5)) {
            let message = to.recv();
            unwanted |= message == b"unwanted";
            ended = message == last.as_bytes();
        }
        if ended && !unwanted {
            break;
        }
    }
    for topic in ["politics", "weather", "weather.rain", "sports", "spor", "", "end"] {
        from.send(topic.as_bytes());
    }
    for topic in ["weather.rain", "sports", "end"] {
        assert_eq!(to.recv(), topic.as_bytes());
    }
    // Counted: subscribed twice, so once is not enough.
    to.unsubscribe("weather.");
    to.unsubscribe("sport");
    settle(Some(b"\x00sport"));
    for topic in ["weather.sun", "sports", "end"] {
        from.send(topic.as_bytes());
    }
    assert_eq!(to.recv(), b"weather.sun");
    if shows {
        assert_eq!(to.recv(), b"end");
    } else {
        let last = to.recv();
        assert!(last == b"sports" || last == b"end", "{last:?}");
    }
}

#[test]
fn pub_and_sub() {
    publishing(Type::Pub, Type::Sub);
}

#[test]
fn pub_and_xsub() {
    publishing(Type::Pub, Type::XSub);
}

#[test]
fn xpub_and_sub() {
    publishing(Type::XPub, Type::Sub);
}

#[test]
fn xpub_and_xsub() {
    publishing(Type::XPub, Type::XSub);
}
