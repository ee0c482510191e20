//! Messages over `wss`: whole, in order, none lost, however they are cut, and whoever reads and writes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use netzmq::{Context, Interest, Poller, Socket, SocketType};

use crate::common::{WAIT, expect_lost, expect_ready, mechanisms, web_frame};
use crate::{ANY, address, dial, sealed, web_client};

fn pair(context: &Context, binder: SocketType, connecter: SocketType) -> (Socket, Socket) {
    let (binder, connecter) = (sealed(context, binder), sealed(context, connecter));
    connecter.connect(&binder.bind(ANY).unwrap()).unwrap();
    (binder, connecter)
}

fn body(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8).collect()
}

/// Goal: bodies of every size class arrive whole, both ways, more of them than the kernel holds, and the endpoints are
/// named. Method: two DEALERs; the sender is far ahead.
#[test]
fn bodies_of_all_sizes_both_ways() {
    let context = Context::new();
    let (a, b) = (sealed(&context, SocketType::Dealer), sealed(&context, SocketType::Dealer));
    let endpoint = a.bind(ANY).unwrap();
    assert!(endpoint.starts_with("wss://127.0.0.1:") && endpoint.ends_with("/path"), "{endpoint}");
    assert_eq!(a.last_endpoint(), endpoint);
    let (ours, theirs) = (a.monitor(), b.monitor());
    b.connect(&endpoint).unwrap();
    assert_eq!(b.last_endpoint(), endpoint);
    assert_eq!(expect_ready(&theirs).remote, endpoint);
    assert!(expect_ready(&ours).remote.starts_with("wss://127.0.0.1:"));
    let sizes = [
        0, 1, 125, 126, 255, 256, 4095, 16_383, 16_384, 32_768, 65_535, 65_536, 200_000, 1_000_000, 4_194_304,
    ];
    for (from, to) in [(&a, &b), (&b, &a)] {
        for size in sizes {
            from.send_more(&body(size)[..]).unwrap();
            from.send(body(size)).unwrap();
        }
        for size in sizes {
            for more in [true, false] {
                let received = to.recv().unwrap();
                assert_eq!((received.len(), received.has_more()), (size, more));
                assert!(received == body(size)[..], "{size}");
            }
        }
    }
}

/// Goal: nothing that was sent is lost at the end, however much of it waits. Method: send more than the kernel holds,
/// close at once, then receive.
#[test]
fn everything_arrives_before_the_end() {
    let context = Context::new();
    let (pull, push) = pair(&context, SocketType::Pull, SocketType::Push);
    push.set_linger(None).unwrap();
    let body = body(100_000);
    for _ in 0..100 {
        push.send(&body).unwrap();
    }
    drop(push);
    for _ in 0..100 {
        assert!(pull.recv().unwrap() == body[..]);
    }
}

/// Goal: a full kernel holds the sender back and loses nothing, in either direction of the connection. Method: small
/// buffers of the kernel (with the smallest it is TCP's own timers that are waited for); the sender goes on until it is refused, then everything is received; twice.
#[test]
fn a_full_kernel_is_waited_for() {
    let context = Context::new();
    let (a, b) = (sealed(&context, SocketType::Dealer), sealed(&context, SocketType::Dealer));
    for socket in [&a, &b] {
        socket.set_send_buffer(Some(16_384)).unwrap();
        socket.set_recv_buffer(Some(16_384)).unwrap();
        socket.set_send_hwm(50).unwrap();
        socket.set_recv_hwm(50).unwrap();
    }
    b.connect(&a.bind(ANY).unwrap()).unwrap();
    for (from, to) in [(&a, &b), (&b, &a), (&a, &b)] {
        from.send("first").unwrap();
        assert_eq!(to.recv().unwrap(), "first");
        from.set_send_timeout(Some(Duration::ZERO)).unwrap();
        let mut sent = 0_u32;
        while from.send([&sent.to_be_bytes()[..], &body(20_000)].concat()).is_ok() {
            sent += 1;
        }
        assert!(sent >= 40, "{sent}");
        for i in 0..sent {
            let received = to.recv().unwrap();
            assert!(received[..4] == i.to_be_bytes() && received[4..] == body(20_000), "{i}");
        }
    }
}

#[test]
fn curve_and_plain() {
    for (server, client) in mechanisms() {
        let context = Context::new();
        context.set_authenticator(Some(|_: &netzmq::ZapRequest| netzmq::ZapReply::accept("ada")));
        let (publisher, subscriber) = (sealed(&context, SocketType::XPub), sealed(&context, SocketType::Sub));
        publisher.set_security(server).unwrap();
        subscriber.set_security(client).unwrap();
        subscriber.set_heartbeat_interval(Duration::from_millis(5)).unwrap();
        subscriber.set_heartbeat_timeout(Some(WAIT)).unwrap();
        subscriber.subscribe("b").unwrap();
        subscriber.subscribe("a").unwrap();
        subscriber.connect(&publisher.bind(ANY).unwrap()).unwrap();
        assert_eq!(publisher.recv().unwrap(), b"\x01a");
        assert_eq!(publisher.recv().unwrap(), b"\x01b");
        let large = [b"a", &body(300_000)[..]].concat();
        publisher.send(&large).unwrap();
        publisher.send("b").unwrap();
        assert!(subscriber.recv().unwrap() == large[..]);
        assert_eq!(subscriber.recv().unwrap(), "b");
    }
}

/// Goal: a connection is made again when its server comes back, and what was sent meanwhile arrives.
#[test]
fn reconnecting() {
    let context = Context::new();
    let pull = sealed(&context, SocketType::Pull);
    let push = sealed(&context, SocketType::Push);
    push.set_reconnect_interval(Some(Duration::from_millis(10))).unwrap();
    let monitor = push.monitor();
    let endpoint = pull.bind(ANY).unwrap();
    push.connect(&endpoint).unwrap();
    push.send("one").unwrap();
    assert_eq!(pull.recv().unwrap(), "one");
    drop(pull);
    expect_lost(&monitor);
    push.send("two").unwrap();
    let pull = sealed(&context, SocketType::Pull);
    pull.bind(&endpoint).unwrap();
    assert_eq!(pull.recv().unwrap(), "two");
    expect_ready(&monitor);
}

/// Goal: a connection on which nothing happens stays what it is while others are busy. Method: 10,000 messages in each direction
/// over one connection, in bursts and in dialogue; then one over the other, each way.
#[test]
fn an_idle_connection_beside_a_busy_one() {
    let context = Context::new();
    let (idle, other) = pair(&context, SocketType::Pair, SocketType::Pair);
    idle.send("hello").unwrap();
    assert_eq!(other.recv().unwrap(), "hello");
    let (a, b) = pair(&context, SocketType::Dealer, SocketType::Dealer);
    for round in 0_u32..20 {
        for i in 0_u32..450 {
            a.send(&(round * 450 + i).to_be_bytes()).unwrap();
            b.send(&(round * 450 + i).to_be_bytes()).unwrap();
        }
        for i in 0_u32..450 {
            assert_eq!(b.recv().unwrap(), (round * 450 + i).to_be_bytes());
            assert_eq!(a.recv().unwrap(), (round * 450 + i).to_be_bytes());
        }
    }
    for i in 0_u32..1000 {
        a.send(&i.to_be_bytes()).unwrap();
        assert_eq!(b.recv().unwrap(), i.to_be_bytes());
        b.send(&i.to_be_bytes()).unwrap();
        assert_eq!(a.recv().unwrap(), i.to_be_bytes());
    }
    other.send("still there?").unwrap();
    assert_eq!(idle.recv().unwrap(), "still there?");
    idle.send("still here").unwrap();
    assert_eq!(other.recv().unwrap(), "still here");
}

/// Goal: what came in one record and was opened with it, or has not been opened yet, is told of although the kernel has
/// nothing left, whoever reads. Method: bursts by hand, several records in one write and many messages in each; a poller, and
/// callers that wait.
#[test]
fn what_is_opened_already_is_told_of() {
    let context = Context::new();
    let pull = sealed(&context, SocketType::Pull);
    let endpoint = pull.bind(ANY).unwrap();
    let mut client = web_client(&endpoint);
    let burst: Vec<u8> = (0..5000_u32)
        .flat_map(|i| web_frame(0x82, &[&[0][..], &i.to_be_bytes(), &[7; 40]].concat()))
        .collect();
    let mut poller = Poller::new();
    for watched in [false, true, false] {
        if watched {
            poller.add(&pull, 1, Interest::READABLE);
        } else {
            poller.remove(1);
        }
        // As one, so that the kernel has all of it before anything is read.
        client.conn.set_buffer_limit(None);
        client.conn.writer().write_all(&burst).unwrap();
        client.flush().unwrap();
        for i in 0..5000_u32 {
            if watched && i % 10 == 0 {
                assert!(!poller.wait(Some(WAIT)).is_empty(), "{i}");
            }
            assert_eq!(pull.recv().unwrap()[..4], i.to_be_bytes());
        }
    }
}

/// Goal: a peer may take its time, and cut its bytes where it likes, handshakes included. Method: between two of our sockets
/// somebody passes on each byte by itself, both ways.
#[test]
fn byte_by_byte() {
    let context = Context::new();
    let (rep, req) = (sealed(&context, SocketType::Rep), sealed(&context, SocketType::Req));
    let behind = dial(&rep.bind(ANY).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    req.connect(&format!("wss://{}/", listener.local_addr().unwrap())).unwrap();
    let (before, _) = listener.accept().unwrap();
    before.set_nodelay(true).unwrap();
    let pass = |mut from: TcpStream, mut to: TcpStream| {
        std::thread::spawn(move || {
            let mut byte = [0];
            while matches!(from.read(&mut byte), Ok(1)) && to.write_all(&byte).is_ok() {}
            let _ = to.shutdown(std::net::Shutdown::Both);
        })
    };
    let threads = [pass(before.try_clone().unwrap(), behind.try_clone().unwrap()), pass(behind, before)];
    for _ in 0..3 {
        req.send(body(3000)).unwrap();
        assert!(rep.recv().unwrap() == body(3000)[..]);
        rep.send("so it is").unwrap();
        assert_eq!(req.recv().unwrap(), "so it is");
    }
    drop((req, rep));
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Goal: a peer is told that the end is meant, as TLS has it: nobody has cut the connection. Method: a client by hand, of which
/// rustls says so.
#[test]
fn a_farewell() {
    let context = Context::new();
    let push = sealed(&context, SocketType::Push);
    push.set_linger(None).unwrap();
    let mut client = web_client(&push.bind(ANY).unwrap());
    push.send("the last one").unwrap();
    drop(push);
    let mut said = Vec::new();
    client.read_to_end(&mut said).unwrap();
    assert!(said.windows(12).any(|window| window == b"the last one"), "{said:?}");
}

/// Goal: the name by which a server is reached is found by the system's resolver, and looked for in its certificate.
#[test]
fn by_name() {
    let context = Context::new();
    let (pull, push) = (sealed(&context, SocketType::Pull), sealed(&context, SocketType::Push));
    let endpoint = pull.bind(ANY).unwrap();
    let port = address(&endpoint).rsplit(':').next().unwrap();
    push.connect(&format!("wss://localhost:{port}/path")).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
}
