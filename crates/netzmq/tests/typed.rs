//! Typed sockets: what their types do not say already. (What they forbid is in compile-fail examples at the types.)

use std::sync::Arc;
use std::time::Duration;

use netzmq::{
    Context, Dealer, DuplexSocket, Endpoint, Error, OpenError, RecvError, RequestError, SocketBuilder,
    SocketType, TypedSocket,
};

mod common;

use common::{WAIT, finishes};

/// Goal: every maker gives the type that it says, options arrive, and nonsense is told of where the socket is made.
#[test]
fn builders_build() {
    fn is<S: TypedSocket>(builder: SocketBuilder<S>) -> SocketType {
        let socket: netzmq::Socket = builder.linger(None).open().unwrap().into();
        socket.socket_type()
    }
    let context = Context::new();
    let made = [
        is(context.pair()),
        is(context.publisher()),
        is(context.subscriber()),
        is(context.req()),
        is(context.rep()),
        is(context.dealer()),
        is(context.router()),
        is(context.pull()),
        is(context.push()),
        is(context.xpub()),
        is(context.xsub()),
        is(context.stream()),
        is(context.server()),
        is(context.client()),
        is(context.radio()),
        is(context.dish()),
        is(context.gather()),
        is(context.scatter()),
    ];
    assert_eq!(made[..], SocketType::ALL[..18]);
    assert_eq!((is(context.peer()), is(context.channel())), (SocketType::Peer, SocketType::Channel));

    let dealer = context
        .dealer()
        .routing_id("me")
        .send_hwm(7)
        .recv_timeout(Duration::from_millis(3))
        .max_message_size(99)
        .reconnect_interval(None)
        .open()
        .unwrap();
    let socket = dealer.as_ref();
    assert_eq!((socket.routing_id(), socket.send_hwm()), (b"me".to_vec(), 7));
    assert_eq!(socket.recv_timeout(), Some(Duration::from_millis(3)));
    assert_eq!((socket.max_message_size(), socket.reconnect_interval()), (Some(99), None));

    let long = "x".repeat(256);
    assert!(matches!(context.dealer().routing_id(&*long).open(), Err(OpenError::Option(_))));
    let wrong = context.pull().zap_domain(&*long).heartbeat_ttl(Duration::MAX).open().unwrap_err();
    assert!(wrong.to_string().contains("zap_domain"), "the first is told: {wrong}");
    assert!(matches!(context.push().connect("nonsense"), Err(OpenError::Endpoint(_))));
}

/// Goal: endpoints are given in any form, and told with wildcards resolved.
#[test]
fn endpoints_in_any_form() {
    let context = Context::new();
    let pull = context.pull().recv_timeout(WAIT).bind("tcp://127.0.0.1:*").unwrap();
    let parsed: Endpoint = pull.endpoint().parse().unwrap();
    let address: std::net::SocketAddr = pull.endpoint()["tcp://".len()..].parse().unwrap();
    for push in [
        context.push().connect(&parsed).unwrap(),
        context.push().connect(parsed.clone()).unwrap(),
        context.push().connect(address).unwrap(),
        context.push().connect(pull.endpoint()).unwrap(),
    ] {
        push.send("here").unwrap();
        assert_eq!(pull.recv().unwrap(), "here");
    }
    let second = pull.bind("inproc://second").unwrap();
    assert_eq!(second, pull.endpoint());
    pull.unbind("inproc://second").unwrap();
    assert!(pull.unbind("inproc://second").is_err());
}

/// Goal: a request that is dropped is declined: its asker waits in vain, and the next one is served; at once, later,
/// after a partial look, and with futures dropped in between.
#[test]
fn requests_are_answered_or_declined() {
    let context = Context::new();
    let mut rep = context.rep().recv_timeout(WAIT).bind("tcp://127.0.0.1:*").unwrap();
    let mut askers: Vec<_> = (0..3)
        .map(|_| context.req().recv_timeout(WAIT).linger(Duration::ZERO).connect(rep.endpoint()).unwrap())
        .collect();
    let declined = askers.remove(0);
    declined.send_multipart(["declined", "twice"]).unwrap();
    let request = rep.recv().unwrap();
    assert_eq!((request.parts().len(), &*request), (2, &"declined".into()));
    drop(request);
    for asker in &askers {
        asker.send("question").unwrap();
    }
    for _ in &askers {
        let mut request = futures_lite::future::block_on(rep.recv_async()).unwrap();
        assert_eq!(request.take(), ["question"]);
        assert!(request.is_empty() && request.parts().is_empty());
        request.reply_multipart(["an", "answer"]).unwrap();
    }
    for asker in &askers {
        assert_eq!(asker.recv_multipart().unwrap(), ["an", "answer"]);
    }
    assert!(matches!(rep.try_recv(), Err(RecvError::WouldBlock)));
    assert_eq!(declined.try_recv().unwrap_err(), RecvError::WouldBlock);
}

/// Goal: halves are owned by a thread each, close the socket together, and can become one again.
#[test]
fn halves() {
    fn through<S: DuplexSocket + Send + Sync + 'static>(
        (sender, receiver): (netzmq::SendHalf<S>, netzmq::RecvHalf<S>),
    ) -> S {
        let sending = std::thread::spawn(move || {
            for number in 0..1000u32 {
                sender.send(&number.to_le_bytes()).unwrap();
            }
            sender
        });
        for number in 0..1000u32 {
            assert_eq!(receiver.recv().unwrap(), number.to_le_bytes());
        }
        let sender = sending.join().unwrap();
        sender.reunite(receiver).ok().expect("two halves of one")
    }
    for endpoint in common::TRANSPORTS {
        finishes("halves", move || {
            let context = Context::new();
            let mut echo = context.dealer().bind(endpoint).unwrap();
            let dealer = context.dealer().recv_timeout(WAIT).connect(echo.endpoint()).unwrap();
            let (echo_sender, echo_receiver) = echo.split();
            let echoing = std::thread::spawn(move || {
                for _ in 0..2000 {
                    echo_sender.send(echo_receiver.recv().unwrap()).unwrap();
                }
                (echo_sender, echo_receiver)
            });
            let dealer: Dealer = through(through(dealer.split()).split());
            let halves = echoing.join().unwrap();
            let (other_sender, other_receiver) = dealer.split();
            let (sender, receiver) = halves.0.reunite(other_receiver).expect_err("halves of two");
            echo = sender.reunite(halves.1).expect("halves of one");
            drop((receiver, other_sender));
            while context.sockets_open() > 1 {
                std::thread::yield_now(); // the dealer closes with its second half
            }
            drop(echo);
        });
    }
}

/// Goal: one socket in an `Arc`, sent to and received from by many threads, loses and doubles nothing.
#[test]
fn shared_by_many_threads() {
    finishes("sharing", || {
        const THREADS: u32 = 4;
        const EACH: u32 = 500;
        let context = Context::new();
        let pull = Arc::new(context.pull().recv_timeout(WAIT).bind("tcp://127.0.0.1:*").unwrap());
        let push = Arc::new(context.push().connect(pull.endpoint()).unwrap());
        let senders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let push = push.clone();
                std::thread::spawn(move || {
                    for number in 0..EACH {
                        push.send_multipart([thread.to_le_bytes(), number.to_le_bytes()]).unwrap();
                    }
                })
            })
            .collect();
        let receivers: Vec<_> = (0..THREADS)
            .map(|_| {
                let pull = pull.clone();
                std::thread::spawn(move || {
                    let whole = |_| {
                        let [thread, number] = pull.recv_multipart().unwrap().try_into().unwrap();
                        [thread, number].map(|part| u32::from_le_bytes(part[..].try_into().unwrap()))
                    };
                    (0..EACH).map(whole).collect::<Vec<_>>()
                })
            })
            .collect();
        senders.into_iter().for_each(|thread| thread.join().unwrap());
        let mut got: Vec<_> = receivers.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        got.sort_unstable();
        let sent: Vec<_> = (0..THREADS).flat_map(|t| (0..EACH).map(move |n| [t, n])).collect();
        assert_eq!(got, sent);
    });
}

/// Goal: a requester asks again until somebody answers, takes no late answer for a fresh one, and gives up when it was told
/// to. Method: a service that declines twice, then answers; one that answers too late; nobody.
#[test]
fn requesters_ask_again() {
    finishes("requesters", || {
        let context = Context::new();
        let router = context.router().recv_timeout(WAIT).bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = router.endpoint();
        let service = std::thread::spawn(move || -> Result<(), Error> {
            let (late, first) = router.recv_request()?;
            let (_, second) = router.recv_request()?;
            let (now, third) = router.recv_request()?;
            assert!(first == ["one"] && second == ["one"] && third == ["one"]);
            router.reply_to(&late, "an answer to the first attempt")?;
            router.reply_to(&now, "one, at last")?;
            let (envelope, question) = router.recv_request()?;
            router.reply_to(&envelope, question)?;
            Ok(())
        });
        let patient = |context: &Context| context.requester().timeout(Duration::from_millis(200)).retries(20);
        let mut requester = patient(&context).connect(&endpoint).unwrap();
        assert_eq!(requester.request("one").unwrap(), ["one, at last"]);
        let answer = futures_lite::future::block_on(requester.request_async(["two", "parts"]));
        assert_eq!(answer.unwrap(), ["two", "parts"]);
        service.join().unwrap().unwrap();

        let quick = context.requester().timeout(Duration::from_millis(5)).retries(2);
        let mut nobody = quick.connect(common::free_endpoint(&context)).unwrap();
        assert_eq!(nobody.request("hello?").unwrap_err(), RequestError::NoAnswer { attempts: 3 });
        assert!(matches!(nobody.request(netzmq::Multipart::new()), Err(RequestError::Send(_))));
        context.shutdown();
        assert!(requester.request("after the end").is_err());
    });
}

/// Goal: of two services, the one that lives answers in the end.
#[test]
fn requesters_go_to_the_next_service() {
    finishes("services", || {
        let context = Context::new();
        let mut rep = context.rep().recv_timeout(WAIT).bind("tcp://127.0.0.1:*").unwrap();
        let dead = common::free_endpoint(&context);
        let mut requester =
            context.requester().timeout(Duration::from_millis(100)).retries(50).connect(dead).unwrap();
        requester.connect(rep.endpoint()).unwrap();
        let service = std::thread::spawn(move || rep.recv().unwrap().echo().unwrap());
        assert_eq!(requester.request("anybody?").unwrap(), ["anybody?"]);
        service.join().unwrap();
    });
}
