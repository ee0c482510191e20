//! Where only the newest counts, and who is in a group: over wires as within the process.

use std::time::Duration;

use netzmq::memory::Annotations;
use netzmq::{Context, Interest, Message, Poller, Socket, SocketType};

const TRANSPORTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc://*", "inproc://here"];

fn socket(context: &Context, socket_type: SocketType) -> Socket {
    let socket = context.socket(socket_type).unwrap();
    socket.set_recv_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket
}

/// Goal: a conflating receiver that looks late gets the newest message and no other. Method: a marker sent through a
/// second, ordinary connection is no proof, so the last message is waited for: whatever comes before it is newer than
/// what came before that, and far from everything was kept.
#[test]
fn only_the_newest_message_is_kept() {
    for transport in TRANSPORTS {
        let context = Context::new();
        let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
        for socket in [&pull, &push] {
            socket.set_conflate(true).unwrap();
        }
        push.connect(&pull.bind(transport).unwrap()).unwrap();
        let last = 10_000u32;
        for i in 0..=last {
            push.send(&i.to_le_bytes()).unwrap();
        }
        let mut got = Vec::new();
        while got.last() != Some(&last) {
            let message = pull.recv().unwrap();
            got.push(u32::from_le_bytes(message[..].try_into().unwrap()));
        }
        assert!(got.is_sorted(), "{transport}: {got:?}");
        assert!(got.len() < 1000, "{transport}: {} of {last} messages were kept", got.len());
        assert!(pull.try_recv().is_err());
    }
}

/// Goal: what was sent before there was a connection is conflated, too.
#[test]
fn messages_for_a_peer_to_come_are_conflated() {
    let context = Context::new();
    let probe = socket(&context, SocketType::Pull);
    let endpoint = probe.bind("tcp://127.0.0.1:*").unwrap();
    probe.unbind(&endpoint).unwrap();
    let push = socket(&context, SocketType::Push);
    push.set_conflate(true).unwrap();
    push.connect(&endpoint).unwrap();
    for i in 0..100u32 {
        push.send(&i.to_le_bytes()).unwrap();
    }
    let pull = socket(&context, SocketType::Pull);
    pull.bind(&endpoint).unwrap();
    assert_eq!(pull.recv().unwrap()[..], 99u32.to_le_bytes());
}

/// Goal: RADIO sends to those who joined the group, and DISH tells the group.
#[test]
fn radio_reaches_its_dishes() {
    for transport in TRANSPORTS {
        let context = Context::new();
        let (radio, dish) = (socket(&context, SocketType::Radio), socket(&context, SocketType::Dish));
        dish.subscribe("movies").unwrap();
        dish.connect(&radio.bind(transport).unwrap()).unwrap();
        let message = |group: &str, body: &str| {
            let mut message = Message::from(body);
            message.set_annotations(Some(Annotations::new(group, None).into()));
            message
        };
        // Nobody tells when the join has arrived: one is sent until the first comes through.
        let mut poller = Poller::new();
        poller.add(&dish, 0, Interest::READABLE);
        while poller.wait(Some(Duration::from_millis(1))).is_empty() {
            radio.send(message("movies", "trailer")).unwrap();
            radio.send(message("music", "nobody asked")).unwrap();
        }
        radio.send(message("movies", "film")).unwrap();
        loop {
            let got = dish.recv().unwrap();
            assert_eq!(&*got.annotations().unwrap().group, "movies");
            match &got[..] {
                b"trailer" => {}
                b"film" => break,
                other => panic!("{transport}: {other:?}"),
            }
        }
    }
}
