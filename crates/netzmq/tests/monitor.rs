//! Monitors: every turn of a connection's life is told, in order, with names that both ends agree on.

mod common;

use std::time::Duration;

use common::{WAIT, expect, expect_lost, expect_ready, free_endpoint, raw_peer, socket};
use netzmq::proto::{ZapCredentials, ZapStatus};
use netzmq::{Context, EventKind, Monitor, MonitorEvent, Security, SocketType, ZapReply, ZapRequest};

/// The next events, as many as there are names, each of the kind that its name begins with.
#[track_caller]
fn told(monitor: &Monitor, wanted: &[&str]) -> Vec<MonitorEvent> {
    let mut events = Vec::new();
    for name in wanted {
        let event = monitor.recv_timeout(WAIT).unwrap_or_else(|| panic!("no {name} after {events:?}"));
        let kind = format!("{:?}", event.kind);
        assert!(kind.starts_with(name), "{kind} where {name} was due, after {events:?}");
        events.push(event);
    }
    events
}

/// Goal: the whole life over a wire, on both sides, nothing missing and nothing twice; names, descriptors and directions
/// fit together. Method: bind, connect, talk, close one after the other.
#[test]
fn a_whole_life() {
    for transport in ["tcp://127.0.0.1:*", "ipc://*"] {
        let context = Context::new();
        let router = socket(&context, SocketType::Router);
        let dealer = socket(&context, SocketType::Dealer);
        dealer.set_routing_id(b"my name".to_vec()).unwrap();
        let (binder, connecter) = (router.monitor(), dealer.monitor());
        let endpoint = router.bind(transport).unwrap();
        dealer.connect(&endpoint).unwrap();
        dealer.send("hello").unwrap();
        assert_eq!(&router.recv().unwrap()[..], b"my name");

        let here = told(&binder, &["Listening", "Accepted", "HandshakeSucceeded"]);
        let delayed = if transport.starts_with("tcp") { &["ConnectDelayed"][..] } else { &[] };
        told(&connecter, delayed);
        let there = told(&connecter, &["Connected", "HandshakeSucceeded"]);
        assert_eq!((&here[0].local, here[0].remote.as_str()), (&endpoint, ""));
        assert!(here.iter().all(|event| event.incoming && event.fd >= 0), "{here:?}");
        assert!(there.iter().all(|event| !event.incoming && event.fd >= 0), "{there:?}");
        assert_eq!(here[1].fd, here[2].fd);
        assert_eq!(there[0].fd, there[1].fd);
        assert!(there.iter().all(|event| event.remote == endpoint), "{there:?}");
        if transport.starts_with("tcp") {
            assert_eq!(here[1].remote, there[0].local, "one connection, one name");
            assert_eq!(here[2].remote, there[1].local);
        }
        assert!(here.iter().all(|event| event.local == endpoint), "{here:?}");
        assert_eq!(here[2].routing_id, b"my name");

        drop(dealer);
        // Whether it hears of its own socket's last moment is a matter of who is quicker.
        expect(&connecter, "Stopped", |kind| *kind == EventKind::Stopped);
        let gone = told(&binder, &["Disconnected"]);
        assert_eq!((&gone[0].remote, gone[0].fd, gone[0].incoming), (&here[2].remote, here[2].fd, true));
        router.unbind(&endpoint).unwrap();
        let closed = told(&binder, &["Closed"]);
        assert_eq!(closed[0].local, endpoint);
        drop(router);
        told(&binder, &["Stopped"]);
        assert!(binder.try_recv().is_none() && connecter.try_recv().is_none());
    }
}

/// Goal: attempts without a peer are told, each with its pause. Method: an endpoint without a listener, which one then
/// gets.
#[test]
fn a_patient_connecter() {
    let context = Context::new();
    let endpoint = free_endpoint(&context);
    let push = socket(&context, SocketType::Push);
    push.set_reconnect_interval(Some(Duration::from_millis(10))).unwrap();
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    for _ in 0..3 {
        let events = told(&monitor, &["ConnectDelayed", "Closed", "ConnectRetried"]);
        assert!(events.iter().all(|event| event.remote == endpoint && !event.incoming), "{events:?}");
    }
    let pull = socket(&context, SocketType::Pull);
    pull.bind(&endpoint).unwrap();
    expect_ready(&monitor);
    drop(pull);
    told(&monitor, &["Disconnected", "ConnectRetried", "ConnectDelayed"]);
}

/// Goal: why a handshake failed is told on both sides. Method: types that do not fit, mechanisms that do not fit, a
/// password that nobody judges or that is judged wrong, and a peer that is too slow.
#[test]
fn failed_handshakes_have_their_reasons() {
    let context = Context::new();
    let (pull, subscriber) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Sub));
    let (here, there) = (pull.monitor(), subscriber.monitor());
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    subscriber.connect(&endpoint).unwrap();
    for monitor in [&here, &there] {
        let event =
            expect(monitor, "a failure", |kind| matches!(kind, EventKind::HandshakeFailedProtocol { .. }));
        let EventKind::HandshakeFailedProtocol { reason, code } = event.kind else { unreachable!() };
        assert!(!reason.is_empty() && code != 0, "{reason:?} {code:#x}");
        expect_lost(monitor);
    }
    drop((pull, subscriber));

    let server = socket(&context, SocketType::Pull);
    server.set_security(Security::PlainServer).unwrap();
    server.set_handshake_timeout(Duration::from_millis(150)).unwrap();
    let monitor = server.monitor();
    let endpoint = server.bind("tcp://127.0.0.1:*").unwrap();
    let stranger = socket(&context, SocketType::Push);
    stranger.connect(&endpoint).unwrap();
    expect(&monitor, "a mechanism that does not fit", |kind| {
        matches!(kind, EventKind::HandshakeFailedProtocol { .. })
    });
    drop(stranger);
    context.set_authenticator(Some(|request: &ZapRequest| match &request.credentials {
        ZapCredentials::Plain { password, .. } if password == "right" => ZapReply::accept("anna"),
        _ => ZapReply::refuse(ZapStatus::Denied, "no"),
    }));
    for (password, ok) in [("wrong", false), ("right", true)] {
        let client = socket(&context, SocketType::Push);
        let (username, password) = ("anna".into(), password.into());
        client.set_security(Security::PlainClient { username, password }).unwrap();
        let own = client.monitor();
        client.connect(&endpoint).unwrap();
        if ok {
            expect_ready(&own);
            expect_ready(&monitor);
        } else {
            for monitor in [&own, &monitor] {
                let event =
                    expect(monitor, "a refusal", |kind| matches!(kind, EventKind::HandshakeFailedAuth(_)));
                assert_eq!(event.kind, EventKind::HandshakeFailedAuth(400));
            }
        }
    }
    let silent = common::raw(&endpoint);
    let name = format!("tcp://{}", silent.local_addr().unwrap());
    let late = monitor
        .wait_for(WAIT, |event| event.remote == name && matches!(event.kind, EventKind::HandshakeFailed(_)));
    assert!(late.is_some());
}

/// Goal: one monitor at a time. Method: a second one stops the first; clones share one queue.
///
/// A regression: nobody said that a monitor had stopped.
#[test]
fn a_new_monitor_takes_over() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let first = pull.monitor();
    pull.bind("tcp://127.0.0.1:*").unwrap();
    let listening = expect(&first, "Listening", |kind| *kind == EventKind::Listening);
    let second = pull.monitor();
    told(&first, &["Stopped"]);
    let endpoint = listening.local;
    let clone = second.clone();
    let peer = raw_peer(&endpoint, "PUSH");
    told(&second, &["Accepted"]);
    told(&clone, &["HandshakeSucceeded"]);
    drop(peer);
    told(&second, &["Disconnected"]);
    assert!(clone.try_recv().is_none() && first.try_recv().is_none());
    drop(clone);
    drop(pull);
    told(&second, &["Closed", "Stopped"]);
}

/// Goal: a monitor that nobody reads takes a bounded amount, keeps the newest, and says how many are missing. Method:
/// more events than it holds.
#[test]
fn an_unread_monitor_drops_the_oldest() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let monitor = pull.monitor();
    for _ in 0..5100 {
        let endpoint = pull.bind("ipc://*").unwrap();
        pull.unbind(&endpoint).unwrap();
    }
    assert_eq!(monitor.dropped(), 2 * 5100 - 10_000);
    let last = pull.bind("tcp://127.0.0.1:*").unwrap();
    let newest = monitor.wait_for(WAIT, |event| event.local == last);
    assert_eq!(newest.map(|event| event.kind), Some(EventKind::Listening));
}

/// Goal: waiting for an event ends in time. Method: nothing happens.
#[test]
fn waiting_for_events_ends() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let monitor = pull.monitor();
    assert!(monitor.try_recv().is_none());
    assert!(monitor.recv_timeout(Duration::from_millis(20)).is_none());
    assert!(monitor.wait_for(Duration::from_millis(20), |_| true).is_none());
    pull.bind("inproc://quiet").unwrap();
    assert!(monitor.try_recv().is_none(), "inproc has no events, as in libzmq");
}
