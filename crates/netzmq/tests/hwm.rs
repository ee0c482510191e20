//! High-water marks: how much waits for a slow peer, who is told when there is no more room, and who is woken when
//! there is again.

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use common::{TRANSPORTS, WAIT, finishes, free_endpoint, raw_peer, socket};
use netzmq::{Context, Interest, Message, Multipart, RecvError, SendFailure, Socket, SocketType};

/// Sends numbers without waiting until there is no room, at most `most`. How many went, counted from `first`.
fn fill(socket: &Socket, first: u32, most: u32) -> u32 {
    for i in 0..most {
        match socket.try_send(&(first + i).to_le_bytes()) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error.reason, SendFailure::WouldBlock);
                assert_eq!(error.message[..], (first + i).to_le_bytes(), "the message comes back");
                return i;
            }
        }
    }
    most
}

#[track_caller]
fn takes(socket: &Socket, numbers: std::ops::Range<u32>) {
    for i in numbers {
        assert_eq!(socket.recv().unwrap()[..], i.to_le_bytes());
    }
}

/// Goal: over inproc the marks of both sides add up exactly, and either one's 0 lifts them (`zmq_setsockopt(3)`, and
/// what libzmq does). Method: fill, count, drain; with either side first, and in both directions.
#[test]
fn inproc_holds_the_sum() {
    let context = Context::new();
    for (send_hwm, recv_hwm) in [(1, 1), (2, 5), (7, 1), (1000, 500), (0, 3), (3, 0), (0, 0)] {
        for bind_first in [false, true] {
            for sender_binds in [false, true] {
                let case = format!("{send_hwm} + {recv_hwm}, {bind_first}, {sender_binds}");
                let (push, pull) = (socket(&context, SocketType::Push), socket(&context, SocketType::Pull));
                push.set_send_hwm(send_hwm).unwrap();
                pull.set_recv_hwm(recv_hwm).unwrap();
                let (binder, connecter) = if sender_binds { (&push, &pull) } else { (&pull, &push) };
                if bind_first {
                    binder.bind("inproc://sum").unwrap();
                    connecter.connect("inproc://sum").unwrap();
                } else {
                    connecter.connect("inproc://sum").unwrap();
                    binder.bind("inproc://sum").unwrap();
                }
                let wanted = match (send_hwm, recv_hwm) {
                    (0, _) | (_, 0) => 20_000,
                    (send, recv) => u32::try_from(send + recv).unwrap(),
                };
                assert_eq!(fill(&push, 0, 20_000), wanted, "{case}");
                assert_eq!(push.can_send(), wanted == 20_000, "{case}");
                takes(&pull, 0..wanted);
                assert_eq!(pull.try_recv().unwrap_err(), RecvError::WouldBlock, "{case}");
                assert!(push.can_send(), "{case}");
                let again = fill(&push, 0, wanted);
                assert!(again >= wanted.div_ceil(2), "{case}: room for {again}");
                takes(&pull, 0..again);
            }
        }
    }
}

/// Goal: while nobody is there, exactly the sender's mark is queued for each endpoint, in order. Method: an endpoint
/// without a listener; fill; then somebody listens.
#[test]
fn exactly_the_mark_waits_for_a_peer_to_come() {
    for send_hwm in [1, 10, 1000] {
        let context = Context::new();
        let endpoint = free_endpoint(&context);
        let push = socket(&context, SocketType::Push);
        push.set_send_hwm(send_hwm as usize).unwrap();
        push.set_reconnect_interval(Some(Duration::from_millis(10))).unwrap();
        push.connect(&endpoint).unwrap();
        assert_eq!(fill(&push, 0, 20_000), send_hwm);
        let pull = socket(&context, SocketType::Pull);
        pull.bind(&endpoint).unwrap();
        takes(&pull, 0..send_hwm);
    }
    let context = Context::new();
    let push = socket(&context, SocketType::Push);
    push.set_send_hwm(0).unwrap();
    push.connect(&free_endpoint(&context)).unwrap();
    assert_eq!(fill(&push, 0, 20_000), 20_000, "0 is no limit");
}

/// Goal: parts are not messages. Method: messages of ten parts each.
#[test]
fn marks_count_whole_messages() {
    let context = Context::new();
    let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
    pull.set_recv_hwm(2).unwrap();
    push.set_send_hwm(1).unwrap();
    push.connect(&pull.bind("inproc://parts").unwrap()).unwrap();
    let away = socket(&context, SocketType::Push);
    away.set_send_hwm(3).unwrap();
    away.connect(&free_endpoint(&context)).unwrap();
    let message = || (0..10u8).map(|i| Message::from(vec![i])).collect::<Multipart>();
    for socket in [&push, &away] {
        for _ in 0..3 {
            socket.try_send_multipart(message()).unwrap();
        }
        assert_eq!(socket.try_send_multipart(message()).unwrap_err().reason, SendFailure::WouldBlock);
    }
    for _ in 0..3 {
        assert_eq!(pull.recv_multipart().unwrap().len(), 10);
    }
    assert!(pull.try_recv().is_err(), "nothing of the refused message");
}

/// Goal: a mark that is changed acts at once. Method: fill, raise, fill the rest.
///
/// A regression: pipes that were full once were passed over until something was sent from them.
#[test]
fn a_raised_mark_makes_room() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    pull.set_recv_hwm(2).unwrap();
    let inproc = pull.bind("inproc://raised").unwrap();
    for (endpoint, held_there) in [(free_endpoint(&context), 0), (inproc, 2)] {
        let push = socket(&context, SocketType::Push);
        push.set_send_hwm(3).unwrap();
        push.connect(&endpoint).unwrap();
        assert_eq!(fill(&push, 0, 100), 3 + held_there);
        push.set_send_hwm(4).unwrap();
        assert_eq!(fill(&push, 0, 100), 1, "{endpoint}");
        push.set_send_hwm(9).unwrap();
        assert_eq!(fill(&push, 0, 100), 5, "{endpoint}");
        push.set_send_hwm(0).unwrap();
        assert_eq!(fill(&push, 0, 100), 100, "{endpoint}");
    }
}

/// Goal: who waits for room finds the room that a raised mark makes. Method: a thread that sends more than fits.
#[test]
fn a_raised_mark_wakes_a_waiting_sender() {
    finishes("sending into a raised mark", || {
        let context = Context::new();
        let push = socket(&context, SocketType::Push);
        push.set_send_hwm(2).unwrap();
        push.connect(&free_endpoint(&context)).unwrap();
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| (0..3).for_each(|_| push.send("one more").unwrap()));
            while push.can_send() {
                std::thread::yield_now();
            }
            push.set_send_hwm(3).unwrap();
            sender.join().unwrap();
        });
    });
}

/// Goal: over wires no more than the marks and the kernel's buffers is held, and all of that arrives, byte for byte.
/// Method: a receiver that does not receive; bodies that dwarf the marks' count.
#[test]
fn wires_hold_a_bounded_amount() {
    const BODY: usize = 256 * 1024;
    for transport in ["tcp://127.0.0.1:*", "ipc://*"] {
        let context = Context::new();
        let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
        pull.set_recv_hwm(4).unwrap();
        push.set_send_hwm(4).unwrap();
        push.connect(&pull.bind(transport).unwrap()).unwrap();
        // So long without room: nothing moves any more.
        push.set_send_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut sent = 0u8;
        while push.send(vec![sent; BODY]).is_ok() {
            sent += 1;
            assert!(sent < 200, "{transport}: {sent} bodies held");
        }
        assert!(sent >= 4, "{transport}: {sent}");
        let mut bytes = 0;
        for i in 0..sent {
            let message = pull.recv().unwrap();
            assert!(message.iter().all(|byte| *byte == i), "{transport}");
            bytes += message.len();
        }
        assert_eq!(bytes, usize::from(sent) * BODY);
        assert!(pull.try_recv().is_err());
        push.set_send_timeout(Some(WAIT)).unwrap();
        push.send("room again").unwrap();
    }
}

/// Goal: an idle receiver reads ahead as far as its mark, and without a mark as far as there is something. Method: a
/// bare peer writes 24 MiB; it gets stuck, or not.
#[test]
fn reading_ahead_stops_at_the_mark() {
    for (recv_hwm, unlimited) in [(100, false), (0, true)] {
        let context = Context::new();
        let pull = socket(&context, SocketType::Pull);
        pull.set_recv_hwm(recv_hwm).unwrap();
        // Otherwise the kernel alone would swallow some megabytes.
        pull.set_recv_buffer(Some(64 * 1024)).unwrap();
        let mut peer = raw_peer(&pull.bind("tcp://127.0.0.1:*").unwrap(), "PUSH");
        let messages = common::frame(0, &[7; 250]).repeat(4 * 1024);
        if !unlimited {
            peer.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        }
        let stuck = (0..24).any(|_| peer.write_all(&messages).is_err());
        assert_eq!(stuck, !unlimited, "recv_hwm {recv_hwm}");
        for _ in 0..4096 {
            assert_eq!(pull.recv().unwrap()[..], [7; 250]);
        }
    }
}

/// Goal: who waits for room is woken whenever there is some. Method: marks of one, so that nearly every send waits; the
/// receiver at times faster, at times slower.
#[test]
fn waiting_senders_are_woken() {
    for transport in TRANSPORTS {
        finishes("sending through a needle's eye", move || {
            let context = Context::new();
            let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
            pull.set_recv_hwm(1).unwrap();
            push.set_send_hwm(1).unwrap();
            push.connect(&pull.bind(transport).unwrap()).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| (0..10_000u32).for_each(|i| push.send(&i.to_le_bytes()).unwrap()));
                takes(&pull, 0..10_000);
            });
            // Large enough to fill the kernel's buffers, too.
            std::thread::scope(|scope| {
                scope.spawn(|| (0..40u8).for_each(|i| push.send(vec![i; 1 << 20]).unwrap()));
                for i in 0..40u8 {
                    let message = pull.recv().unwrap();
                    assert!(
                        message.len() == 1 << 20 && message.first() == Some(&i) && message.last() == Some(&i)
                    );
                }
            });
        });
    }
}

/// Goal: who waits because nobody is there is woken by a peer that comes. Method: send first, join afterwards.
#[test]
fn a_newcomer_wakes_a_waiting_sender() {
    for transport in TRANSPORTS {
        finishes("waiting for a peer", move || {
            let context = Context::new();
            let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
            std::thread::scope(|scope| {
                scope.spawn(|| push.send("at last").unwrap());
                pull.connect(&push.bind(transport).unwrap()).unwrap();
                assert_eq!(&pull.recv().unwrap()[..], b"at last");
            });
        });
    }
}

/// Goal: time-outs are kept, the message comes back, and the socket is as good as before. Method: full pairs, and
/// sockets without a peer; a zero time-out does not wait at all.
#[test]
fn timeouts_are_kept() {
    const TIMEOUT: Duration = Duration::from_millis(120);
    let context = Context::new();
    let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
    pull.set_recv_hwm(1).unwrap();
    push.set_send_hwm(1).unwrap();
    push.connect(&pull.bind("inproc://full").unwrap()).unwrap();
    assert_eq!(fill(&push, 0, 10), 2);
    let away = socket(&context, SocketType::Push);
    away.set_send_hwm(2).unwrap();
    away.connect(&free_endpoint(&context)).unwrap();
    assert_eq!(fill(&away, 0, 10), 2);
    let lonely = socket(&context, SocketType::Push);
    for socket in [&push, &away, &lonely] {
        for (timeout, least, most) in [(TIMEOUT, TIMEOUT, WAIT), (Duration::ZERO, Duration::ZERO, TIMEOUT)] {
            socket.set_send_timeout(Some(timeout)).unwrap();
            let begun = Instant::now();
            let error = socket.send("patience").unwrap_err();
            let took = begun.elapsed();
            assert!(took >= least && took < most, "{took:?}");
            assert_eq!((error.reason, &error.message[..]), (SendFailure::WouldBlock, &b"patience"[..]));
        }
    }
    takes(&pull, 0..2);
    pull.set_recv_timeout(Some(TIMEOUT)).unwrap();
    let begun = Instant::now();
    assert_eq!(pull.recv().unwrap_err(), RecvError::WouldBlock);
    assert!(begun.elapsed() >= TIMEOUT);
    push.send("still good").unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"still good");
}

/// Goal: a publisher does not wait for a slow subscriber: what does not fit is dropped, what fits comes in order; with
/// `xpub_nodrop` it is told instead. Method: more than the marks hold.
#[test]
fn publishers_drop_or_tell() {
    for nodrop in [false, true] {
        let context = Context::new();
        let publisher = socket(&context, SocketType::XPub);
        publisher.set_send_hwm(3).unwrap();
        publisher.set_xpub_nodrop(nodrop).unwrap();
        publisher.bind("inproc://news").unwrap();
        let subscriber = socket(&context, SocketType::Sub);
        subscriber.set_recv_hwm(4).unwrap();
        subscriber.connect("inproc://news").unwrap();
        subscriber.subscribe("").unwrap();
        assert_eq!(&publisher.recv().unwrap()[..], b"\x01");
        assert_eq!(fill(&publisher, 0, 100), if nodrop { 7 } else { 100 });
        takes(&subscriber, 0..7);
        assert!(subscriber.try_recv().is_err());
    }
}

/// Goal: a C program's sender that never waits is turned away when the high-water mark is reached, as libzmq does it,
/// although the kernel has long taken the messages; and it is told when there is room, without sending anything. Method:
/// bodies of 64 KiB, of which the kernel's buffers would take dozens; then wait for the bell.
#[test]
fn a_throttled_sender_is_turned_away_and_told_of_room() {
    use netzmq::raw;
    let context = Context::new();
    let (push, pull) = (socket(&context, SocketType::Push), socket(&context, SocketType::Pull));
    push.set_send_hwm(1).unwrap();
    pull.set_recv_hwm(1).unwrap();
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    push.send("first").unwrap();
    assert_eq!(pull.recv().unwrap(), "first");
    let body = vec![7; 64 * 1024];
    let bell = raw::Bell::new().unwrap();
    let watch = raw::Watch::new(&push, &bell);
    let mut sent = 0;
    for _ in 0..3 {
        let before = sent;
        let call = raw::Call { visit: None, waits: false };
        while raw::send_bytes(&push, call, &body, false).is_ok() {
            sent += 1;
        }
        assert!(sent - before < 20, "{sent} after {before}");
        finishes_within_wait(&bell, || raw::events(&push, Interest::WRITABLE, raw::Ask::Yes).1);
    }
    drop(watch);
    assert!(sent >= 2, "there was room again: {sent}");
    for _ in 0..sent {
        assert_eq!(pull.recv().unwrap().len(), body.len());
    }
}

/// Goal: the same of a publisher that loses nothing, whose messages go by the short way: however fast they leave, a sender that
/// never waits is turned away about once a mark. Method: three marks full of messages that the kernel takes at once; room is
/// counted anew after 5 ms, so that only a slow run gets through.
#[test]
fn a_throttled_publisher_is_turned_away() {
    use netzmq::raw;
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        for hwm in [100, 1000, 2000] {
            let context = Context::new();
            let publisher = socket(&context, SocketType::XPub);
            let endpoint = publisher.bind(endpoint).unwrap();
            let subscriber = socket(&context, SocketType::Sub);
            subscriber.connect(&endpoint).unwrap();
            publisher.set_send_hwm(hwm).unwrap();
            publisher.set_xpub_nodrop(true).unwrap();
            subscriber.subscribe("").unwrap();
            assert_eq!(&publisher.recv().unwrap()[..], b"\x01");
            let begun = Instant::now();
            let call = raw::Call { visit: None, waits: false };
            let sent =
                (0..3 * hwm).take_while(|_| raw::send_bytes(&publisher, call, b"", false).is_ok()).count();
            let took = begun.elapsed();
            assert!(sent < 3 * hwm || took >= Duration::from_millis(10), "{sent} of {hwm} in {took:?}");
            (0..sent).for_each(|_| assert_eq!(subscriber.recv().unwrap(), ""));
        }
    }
}

/// Waits for what the bell may tell of.
fn finishes_within_wait(bell: &netzmq::raw::Bell, mut done: impl FnMut() -> bool) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    loop {
        bell.quiet();
        if done() {
            return;
        }
        let timeout = Timespec { tv_sec: WAIT.as_secs() as i64, tv_nsec: 0 };
        let rung = poll(&mut [PollFd::new(bell, PollFlags::IN)], Some(&timeout)).unwrap();
        assert_eq!(rung, 1, "no room for {WAIT:?}");
    }
}
