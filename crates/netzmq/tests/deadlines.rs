//! Every duration that can be named can be waited for.

mod common;

use std::time::Duration;

use common::{expect_ready, finishes, socket};
use netzmq::{Context, Interest, Poller, SocketType};

/// Goal: the longest durations mean "for ever" and harm nobody. Method: all options that take one are set to it, and a
/// message goes both ways, awaited. Regression: adding it to the clock panicked.
#[test]
fn the_longest_durations_are_for_ever() {
    const LONG: Duration = Duration::MAX;
    for transport in ["tcp://127.0.0.1:*", "inproc://deadlines"] {
        finishes(transport, move || {
            let context = Context::new();
            let [near, far] = [(); 2].map(|()| socket(&context, SocketType::Pair));
            for socket in [&near, &far] {
                socket.set_recv_timeout(Some(LONG)).unwrap();
                socket.set_send_timeout(Some(LONG)).unwrap();
                socket.set_linger(Some(LONG)).unwrap();
                socket.set_reconnect_interval(Some(LONG)).unwrap();
                socket.set_reconnect_interval_max(LONG).unwrap();
                socket.set_connect_timeout(LONG).unwrap();
                socket.set_handshake_timeout(LONG).unwrap();
                socket.set_heartbeat_interval(LONG).unwrap();
                socket.set_heartbeat_timeout(Some(LONG)).unwrap();
            }
            let endpoint = near.bind(transport).unwrap();
            let monitor = far.monitor();
            let other = std::thread::spawn(move || {
                far.connect(&endpoint).unwrap();
                far.send("there").unwrap();
                assert_eq!(&far.recv().unwrap()[..], b"back");
                far
            });
            let mut poller = Poller::new();
            poller.add(&near, 0, Interest::READABLE);
            assert_eq!(poller.wait(Some(LONG)).len(), 1);
            assert_eq!(&near.recv().unwrap()[..], b"there");
            near.send("back").unwrap();
            let far = other.join().unwrap();
            if transport.starts_with("tcp") {
                expect_ready(&monitor);
                // One more for the monitor's own wait.
                drop(near);
                assert!(monitor.recv_timeout(LONG).is_some());
            }
            drop(far);
        });
    }
}

/// Goal: a peer that can't be reached, with the longest pause between attempts, does not harm the I/O thread. Method:
/// connect to nobody, then use the same context for something else.
#[test]
fn the_longest_pause_is_for_ever() {
    finishes("pause", || {
        let context = Context::new();
        let push = socket(&context, SocketType::Push);
        push.set_reconnect_interval(Some(Duration::MAX)).unwrap();
        push.set_linger(Some(Duration::ZERO)).unwrap();
        let monitor = push.monitor();
        push.connect(&common::free_endpoint(&context)).unwrap();
        common::expect(&monitor, "a pause", |kind| matches!(kind, netzmq::EventKind::ConnectRetried(_)));
        let pull = socket(&context, SocketType::Pull);
        push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
        // The first connection takes messages, too: fill both until one arrives.
        push.send("one").unwrap();
        push.send("two").unwrap();
        assert!(pull.recv().is_ok());
    });
}
