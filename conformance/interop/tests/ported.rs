//! A program that was moved over from the crate `zmq` does what it did: for its old clients, and for new ones.

use std::sync::mpsc::channel;
use std::time::Duration;

use netzmq_interop::{WAIT, WAIT_MS, ported};

/// What a client sees: an unknown key, a change, nonsense.
fn conversation(key: &str) -> [(Vec<&str>, &'static str); 4] {
    [
        (vec!["get", key], ""),
        (vec!["set", key, "snow"], "done"),
        (vec!["get", key], "snow"),
        (vec!["paint", key], "what?"),
    ]
}

fn old_client(requests: &str, changes: &str) {
    let context = zmq::Context::new();
    let (req, sub) = (context.socket(zmq::REQ).unwrap(), context.socket(zmq::SUB).unwrap());
    for socket in [&req, &sub] {
        socket.set_rcvtimeo(WAIT_MS).unwrap();
        socket.set_linger(0).unwrap();
    }
    req.connect(requests).unwrap();
    sub.set_subscribe(b"").unwrap();
    sub.connect(changes).unwrap();
    for (question, answer) in conversation("oslo") {
        req.send_multipart(&question, 0).unwrap();
        assert_eq!(req.recv_multipart(0).unwrap(), [answer.as_bytes()], "{question:?}");
    }
    // The subscription may be late: changes go on until one is seen.
    sub.set_rcvtimeo(10).unwrap();
    let seen = loop {
        req.send_multipart(["set", "cairo", "sun"], 0).unwrap();
        req.recv_multipart(0).unwrap();
        match sub.recv_multipart(0) {
            Err(zmq::Error::EAGAIN) => {}
            // Or it was early enough for a change before.
            Ok(change) if change[0] == b"oslo" => {}
            seen => break seen.unwrap(),
        }
    };
    assert_eq!(seen, [b"cairo", &b"sun"[..]]);
}

fn new_client(requests: &str, changes: &str) {
    let context = netzmq::Context::new();
    let req = context.req().recv_timeout(WAIT).linger(Duration::ZERO).connect(requests).unwrap();
    let sub = context.subscriber().subscribe("").connect(changes).unwrap();
    for (question, answer) in conversation("rome") {
        req.send_multipart(question.clone()).unwrap();
        assert_eq!(req.recv_multipart().unwrap(), [answer], "{question:?}");
    }
    sub.set_recv_timeout(Duration::from_millis(10)).unwrap();
    let seen = loop {
        req.send_multipart(["set", "cairo", "sun"]).unwrap();
        req.recv_multipart().unwrap();
        match sub.recv_multipart() {
            Err(netzmq::RecvError::WouldBlock) => {}
            Ok(change) if change[0] == "rome" => {}
            seen => break seen.unwrap(),
        }
    };
    assert_eq!(seen, ["cairo", "sun"]);
}

/// Goal: the original serves both clients. It is what the port is held against.
#[test]
fn the_original() {
    let context = zmq::Context::new();
    let control = context.socket(zmq::PAIR).unwrap();
    control.bind("inproc://control").unwrap();
    let (started, place) = channel();
    let serving = {
        let context = context.clone();
        let started = move |requests, changes| started.send((requests, changes)).unwrap();
        std::thread::spawn(move || ported::before::serve(&context, "inproc://control", started))
    };
    let (requests, changes) = place.recv_timeout(WAIT).unwrap();
    old_client(&requests, &changes);
    new_client(&requests, &changes);
    control.send("stop", 0).unwrap();
    assert!(serving.join().unwrap().unwrap() >= 8);
}

/// Goal: so does the port.
#[test]
fn the_port() {
    let context = netzmq::Context::new();
    let control = context.pair().bind("inproc://control").unwrap();
    let (started, place) = channel();
    let serving = {
        let context = context.clone();
        let started = move |requests, changes| started.send((requests, changes)).unwrap();
        std::thread::spawn(move || ported::after::serve(&context, "inproc://control", started))
    };
    let (requests, changes) = place.recv_timeout(WAIT).unwrap();
    old_client(&requests, &changes);
    new_client(&requests, &changes);
    control.send("stop").unwrap();
    assert!(serving.join().unwrap().unwrap() >= 8);
}
