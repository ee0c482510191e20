//! Pollers and proxies: readiness is told once and again, and messages pass through.

use std::time::Duration;

use netzmq::{Context, Interest, Multipart, Poller, Proxy, Socket, SocketType};

fn socket(context: &Context, socket_type: SocketType) -> Socket {
    let socket = context.socket(socket_type).unwrap();
    socket.set_recv_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket
}

/// Goal: a poller reports exactly the sockets with messages, again and again until they are taken, over every
/// transport. Method: fifty PULLs, messages to three of them.
#[test]
fn reports_the_ready_ones_until_they_are_not() {
    for transport in ["tcp://127.0.0.1:*", "ipc://*", "inproc://"] {
        let context = Context::new();
        let mut poller = Poller::new();
        let mut pairs = Vec::new();
        for i in 0..50 {
            let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
            let name = if transport == "inproc://" { format!("inproc://{i}") } else { transport.to_owned() };
            push.connect(&pull.bind(&name).unwrap()).unwrap();
            poller.add(&pull, i, Interest::READABLE);
            pairs.push((pull, push));
        }
        assert!(poller.wait(Some(Duration::ZERO)).is_empty());
        for round in 0..20 {
            for i in [3, 17, 42] {
                pairs[i].1.send("x").unwrap();
            }
            let mut seen = std::collections::BTreeSet::new();
            while seen.len() < 3 {
                let ready: Vec<_> = poller.wait(Some(Duration::from_secs(10))).to_vec();
                assert!(!ready.is_empty(), "round {round}, {transport}: {seen:?}");
                seen.extend(ready.iter().map(|r| r.key));
            }
            assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 17, 42]);
            for i in [3, 17, 42] {
                pairs[i].0.recv().unwrap();
            }
            assert!(poller.wait(Some(Duration::ZERO)).is_empty());
        }
    }
}

/// Goal: a poller that sleeps is woken by a message, and by room to send.
#[test]
fn sleepers_are_woken() {
    let context = Context::new();
    let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
    let mut poller = Poller::new();
    poller.add(&push, 1, Interest::WRITABLE);
    assert!(poller.wait(Some(Duration::from_millis(1))).is_empty());
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poller.wait(Some(Duration::from_secs(10))).to_vec());
        push.connect(&endpoint).unwrap();
        assert_eq!(waiting.join().unwrap()[0].key, 1);
    });
    let mut poller = Poller::new();
    poller.add(&pull, 2, Interest::READABLE);
    for _ in 0..200 {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| poller.wait(Some(Duration::from_secs(10))).to_vec());
            push.send("x").unwrap();
            assert_eq!(waiting.join().unwrap()[0].key, 2);
        });
        pull.recv().unwrap();
    }
}

/// Goal: who looks for room before each send has messages gathered all the same. Method: a stream sent like that; the
/// statistics tell how many messages waited for one write at most (one, if each look wrote). This broke once: a proxy took
/// one write a message.
#[test]
fn looking_for_room_writes_nothing() {
    const MESSAGES: usize = 20_000;
    let context = Context::new();
    let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..MESSAGES).for_each(|_| assert_eq!(pull.recv().unwrap(), "body")));
        for _ in 0..MESSAGES {
            // Without room the send waits for it.
            let _ = push.can_send();
            push.send("body").unwrap();
        }
    });
    let gathered = push.stats().total.queued_out_max;
    assert!(gathered > 16, "{gathered}");
}

/// Goal: requests and replies pass a steerable proxy whole, are captured, and the proxy obeys.
#[test]
fn a_steerable_proxy_passes_captures_and_obeys() {
    let context = Context::new();
    let (frontend, backend) = (socket(&context, SocketType::Router), socket(&context, SocketType::Dealer));
    let (capture, control) = (socket(&context, SocketType::Push), socket(&context, SocketType::Rep));
    let (captured, steer) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Req));
    captured.bind("inproc://captured").unwrap();
    capture.connect("inproc://captured").unwrap();
    control.bind("inproc://control").unwrap();
    steer.connect("inproc://control").unwrap();
    let (req, rep) = (socket(&context, SocketType::Req), socket(&context, SocketType::Rep));
    req.connect(&frontend.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    rep.connect(&backend.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    std::thread::scope(|scope| {
        let proxy = scope.spawn(|| Proxy::new(&frontend, &backend).capture(&capture).control(&control).run());
        scope.spawn(|| {
            for _ in 0..100 {
                let question = rep.recv().unwrap();
                rep.send(question).unwrap();
            }
        });
        for i in 0..100u32 {
            req.send(&i.to_le_bytes()).unwrap();
            assert_eq!(req.recv().unwrap()[..], i.to_le_bytes());
        }
        steer.send("STATISTICS").unwrap();
        let statistics = steer.recv_multipart().unwrap();
        assert_eq!(statistics.len(), 8);
        // Each of three parts: routing id, empty part, body.
        assert_eq!(statistics[0][..], 300u64.to_ne_bytes());
        for command in ["PAUSE", "RESUME", "TERMINATE"] {
            steer.send(command).unwrap();
            steer.recv().unwrap();
        }
        let statistics = proxy.join().unwrap().unwrap();
        assert_eq!((statistics.frontend_received, statistics.frontend_sent), (300, 300));
    });
    let first: Multipart = captured.recv_multipart().unwrap();
    assert_eq!(first[2][..], 0u32.to_le_bytes());
}

/// Goal: a proxy ends when its context does.
#[test]
fn a_proxy_ends_with_its_context() {
    let context = Context::new();
    let (a, b) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
    std::thread::scope(|scope| {
        let proxy = scope.spawn(|| Proxy::new(&a, &b).run());
        context.shutdown();
        assert!(proxy.join().unwrap().is_err());
    });
}

/// Goal: nobody waits for ever for sockets whose context is over; what is watched is ready, and says "terminated". Method:
/// a poller that waits without a time-out while another thread shuts the context down. (It used to go on waiting.)
#[test]
fn termination_ends_a_wait() {
    let context = Context::new();
    let (pull, push) = (context.pull().open().unwrap(), context.push().open().unwrap());
    let (asked, wait) = std::sync::mpsc::channel();
    let polling = std::thread::spawn(move || {
        let mut poller = Poller::new();
        poller.add(&pull, 0, Interest::READABLE);
        poller.add(&push, 1, Interest::WRITABLE);
        asked.send(()).unwrap();
        let ready: Vec<_> = poller.wait(None).iter().map(|r| (r.key, r.readable, r.writable)).collect();
        assert!(!ready.is_empty() && ready.iter().all(|r| *r == (0, true, false) || *r == (1, false, true)));
        assert_eq!(pull.recv().unwrap_err(), netzmq::RecvError::Terminated);
    });
    wait.recv().unwrap();
    context.shutdown();
    polling.join().unwrap();
}
