//! Where received bodies lie: in the shared pool, in a pool of one's own, or on the heap.

use std::time::{Duration, Instant};

use netzmq::memory::MessageKind;
use netzmq::{Context, MessagePool, ReceiveMemory, SocketType};

/// Goal: the option chooses, for small and large bodies, and a pool of one's own counts every block back in. Method:
/// messages of several sizes through each kind of memory; kinds and statistics are looked at.
#[test]
fn the_option_chooses_where_bodies_lie() {
    let own = MessagePool::new();
    for (memory, kind) in [
        (ReceiveMemory::Shared, MessageKind::Pooled),
        (ReceiveMemory::Pool(own.clone()), MessageKind::Pooled),
        (ReceiveMemory::Heap, MessageKind::External),
    ] {
        let context = Context::new();
        let (pull, push) =
            (context.socket(SocketType::Pull).unwrap(), context.socket(SocketType::Push).unwrap());
        pull.set_recv_timeout(Some(Duration::from_secs(10))).unwrap();
        push.set_linger(Some(Duration::ZERO)).unwrap();
        pull.set_receive_memory(memory.clone()).unwrap();
        push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
        let before = own.stats();
        let mut kept = Vec::new();
        let sizes = [0, 10, 100, 5000, 40_000, 200_000];
        for size in sizes {
            let body: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            push.send(&body).unwrap();
            let message = pull.recv().unwrap();
            assert!(message[..] == body[..]);
            assert_eq!(
                message.kind(),
                if size <= 50 { MessageKind::Inline } else { kind },
                "{memory:?}: {size}"
            );
            kept.push(message);
        }
        let during = own.stats();
        let rented = if matches!(memory, ReceiveMemory::Pool(_)) { 4 } else { 0 };
        assert_eq!(during.rents - before.rents, rented, "{memory:?}");
        assert_eq!(during.outstanding, rented);
        drop(kept);
        assert_eq!(own.stats().outstanding, 0);
    }
}

/// Goal: `recv_vec` gives the bytes whatever the size, says whether more follow, and once it is used large bodies arrive in
/// a `Vec` from the start; when nobody wants that any more, they arrive in the pool again. Method: sizes around every
/// threshold; then what kind the messages are that `recv` gives after `recv_vec`.
#[test]
fn vecs_are_received_in_place() {
    let context = Context::new();
    let pull = context.socket(SocketType::Pull).unwrap();
    let push = context.socket(SocketType::Push).unwrap();
    pull.set_recv_timeout(Some(Duration::from_secs(10))).unwrap();
    push.set_linger(Some(Duration::ZERO)).unwrap();
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    let body = |size: usize| (0..size).map(|i| (i % 251) as u8).collect::<Vec<u8>>();
    for size in [0, 1, 50, 51, 4095, 32_767, 32_768, 65_536, 262_144, 262_145, 1_000_000, 5_000_000] {
        push.send_more("first").unwrap();
        push.send(body(size)).unwrap();
        assert_eq!(pull.recv_vec().unwrap(), (b"first".to_vec(), true));
        let (bytes, more) = pull.recv_vec().unwrap();
        assert!(bytes == body(size) && !more, "{size}");
        assert_eq!(bytes.capacity(), size, "received where it is, with nothing to spare");
    }
    let kinds: Vec<MessageKind> = (0..40)
        .map(|_| {
            push.send(body(65_536)).unwrap();
            pull.recv().unwrap().kind()
        })
        .collect();
    assert_eq!(kinds[0], MessageKind::External, "one more was expected to be wanted as a Vec");
    assert_eq!(kinds.last(), Some(&MessageKind::Pooled));
}

/// Goal: a `Vec` given away arrives the same at every size, over a wire, inproc, and to several receivers, and comes back in
/// an error. Method: both transports and a publisher with two subscribers; a socket with nobody to send to.
#[test]
fn vecs_are_sent_whole_or_given_back() {
    let context = Context::new();
    for endpoint in ["tcp://127.0.0.1:*", "inproc://vecs"] {
        let (publisher, sizes) =
            (context.socket(SocketType::XPub).unwrap(), [0, 50, 51, 4095, 4096, 100_000]);
        // Both subscribers shall be heard of.
        publisher.set_xpub_verbose(true).unwrap();
        publisher.set_recv_timeout(Some(Duration::from_secs(10))).unwrap();
        let endpoint = publisher.bind(endpoint).unwrap();
        let subscribers = [(); 2].map(|()| context.socket(SocketType::Sub).unwrap());
        for subscriber in &subscribers {
            subscriber.set_recv_timeout(Some(Duration::from_secs(10))).unwrap();
            subscriber.connect(&endpoint).unwrap();
            subscriber.subscribe("").unwrap();
            assert!(publisher.recv().unwrap() == [1]);
        }
        for size in sizes {
            publisher.send(vec![7; size]).unwrap();
            for subscriber in &subscribers {
                assert_eq!(subscriber.recv_vec().unwrap(), (vec![7; size], false), "{endpoint}: {size}");
            }
        }
    }
    let nobody = context.socket(SocketType::Push).unwrap();
    let refused = nobody.try_send(vec![7; 100]).unwrap_err();
    assert!(refused.message == [7; 100]);
}

/// Goal: a block that goes to several sockets comes back once, after the last of them is done with it, mixed with blocks that
/// are never sent, refused, or dropped with a socket. Method: one pool of our own; its outstanding blocks at the end.
#[test]
fn a_block_sent_to_several_sockets_comes_back_once() {
    let pool = MessagePool::new();
    let context = Context::new();
    let pairs: Vec<_> = (0..3)
        .map(|_| {
            let push = context.socket(SocketType::Push).unwrap();
            let pull = context.socket(SocketType::Pull).unwrap();
            pull.set_recv_timeout(Some(Duration::from_secs(10))).unwrap();
            push.set_linger(Some(Duration::ZERO)).unwrap();
            push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
            (push, pull)
        })
        .collect();
    let nobody = context.socket(SocketType::Push).unwrap();
    for size in [100, 4096, 100_000] {
        let message = pool.rent_copy(&vec![7; size]).freeze();
        for (push, _) in &pairs {
            push.send(&message).unwrap();
            push.send(message.clone()).unwrap();
        }
        let refused = nobody.try_send(message).unwrap_err();
        assert!(refused.message.len() == size);
        drop((refused, pool.rent(size)));
        for (_, pull) in &pairs {
            assert_eq!((pull.recv().unwrap().len(), pull.recv().unwrap().len()), (size, size));
        }
    }
    // Piles up in a socket that goes away.
    let (push, _pull) = &pairs[0];
    push.set_send_hwm(10_000).unwrap();
    while pool.stats().outstanding < 50 {
        push.send(pool.rent(65_536)).unwrap();
    }
    drop(pairs);
    let deadline = Instant::now() + Duration::from_secs(20);
    while pool.stats().outstanding > 0 {
        assert!(Instant::now() < deadline, "{}", pool.stats());
        std::thread::yield_now();
    }
    let stats = pool.stats();
    assert_eq!(stats.rents, stats.returns);
}
