//! UDP: RADIO and DISH by group, DGRAM by address, and what is refused.

mod common;

use std::net::UdpSocket;

use common::{WAIT, socket};
use netzmq::memory::Annotations;
use netzmq::{Context, EndpointError, Message, Socket, SocketType};

fn to_group(group: &str, body: &str) -> Message {
    let mut message = Message::copy_from_slice(body.as_bytes());
    message.set_annotations(Some(std::sync::Arc::new(Annotations::new(group, None))));
    message
}

#[track_caller]
fn hears(dish: &Socket, group: &str, body: &str) {
    let message = dish.recv().unwrap();
    assert_eq!(message, body);
    assert_eq!(message.annotations().map(|a| &*a.group), Some(group));
}

/// Goal: a DISH hears the groups that it joined, and nothing else, in the form of RFC 48; what makes no sense is lost and
/// disturbs nothing. Method: a RADIO, and a bare socket beside it.
#[test]
fn groups_over_udp() {
    let context = Context::new();
    let (radio, dish) = (socket(&context, SocketType::Radio), socket(&context, SocketType::Dish));
    let endpoint = dish.bind("udp://127.0.0.1:*").unwrap();
    assert_eq!(dish.last_endpoint(), endpoint);
    radio.connect(&endpoint).unwrap();
    dish.subscribe("films").unwrap();
    radio.send(to_group("series", "not wanted")).unwrap();
    radio.send(to_group("films", "wanted")).unwrap();
    hears(&dish, "films", "wanted");
    let bare = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = endpoint.trim_start_matches("udp://");
    for datagram in [&b""[..], b"\x20too short", b"\x05films", b"\x05filmsby hand"] {
        bare.send_to(datagram, address).unwrap();
    }
    hears(&dish, "films", "");
    hears(&dish, "films", "by hand");
    let large = "x".repeat(60_000);
    radio.send(to_group("films", &large)).unwrap();
    // More than a datagram holds: lost, as on any network.
    radio.send(to_group("films", &"y".repeat(70_000))).unwrap();
    radio.send(to_group("films", "after it")).unwrap();
    hears(&dish, "films", &large);
    hears(&dish, "films", "after it");
    radio.disconnect(&endpoint).unwrap();
    dish.unbind(&endpoint).unwrap();
    dish.bind(&endpoint).unwrap();
}

/// What a RADIO says is what RFC 48 wants.
#[test]
fn a_radios_datagram() {
    let context = Context::new();
    let radio = socket(&context, SocketType::Radio);
    let bare = UdpSocket::bind("127.0.0.1:0").unwrap();
    bare.set_read_timeout(Some(WAIT)).unwrap();
    radio.connect(&format!("udp://{}", bare.local_addr().unwrap())).unwrap();
    radio.send(to_group("TV", "Friends")).unwrap();
    let mut buffer = [0; 100];
    let length = bare.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"\x02TVFriends");
}

/// Goal: address and body, both ways; an address that is none is lost.
#[test]
fn addresses_and_bodies() {
    let context = Context::new();
    let (a, b) = (socket(&context, SocketType::Dgram), socket(&context, SocketType::Dgram));
    let at = a.bind("udp://127.0.0.1:*").unwrap();
    b.bind("udp://127.0.0.1:*").unwrap();
    for address in ["nowhere", at.trim_start_matches("udp://")] {
        b.send_more(address).unwrap();
        b.send("anybody there?").unwrap();
    }
    let address = a.recv().unwrap();
    let wanted = format!("{}\0", b.last_endpoint().trim_start_matches("udp://"));
    assert_eq!(address, wanted.as_str());
    assert_eq!(a.recv().unwrap(), "anybody there?");
    a.send_more(address).unwrap();
    a.send("yes").unwrap();
    assert_eq!(b.recv_multipart().unwrap().len(), 2);
    assert!(a.try_recv().is_err(), "the other one went nowhere");
}

#[test]
fn what_is_refused() {
    let context = Context::new();
    let refused =
        |result: Result<String, EndpointError>| matches!(result, Err(EndpointError::Unsupported { .. }));
    let connect = |socket: &Socket, endpoint: &str| socket.connect(endpoint).map(|()| String::new());
    let radio = socket(&context, SocketType::Radio);
    let (dish, dgram) = (socket(&context, SocketType::Dish), socket(&context, SocketType::Dgram));
    assert!(refused(radio.bind("udp://*:5556")));
    assert!(refused(connect(&dish, "udp://127.0.0.1:5556")));
    assert!(refused(connect(&dgram, "udp://127.0.0.1:5556")));
    assert!(refused(dgram.bind("tcp://127.0.0.1:*")));
    assert!(refused(socket(&context, SocketType::Push).bind("udp://127.0.0.1:*")));
    assert!(matches!(dish.bind("udp://lo;127.0.0.1:5556"), Err(EndpointError::Invalid { .. })));
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Both must agree to share an address.
    let at = format!("udp://{}", taken.local_addr().unwrap());
    assert!(matches!(dgram.bind(&at), Err(EndpointError::InUse(_))));
}

/// A context with datagram sockets ends at once: there is nobody to wait for.
#[test]
fn closing_waits_for_nobody() {
    let context = Context::new();
    let radio = socket(&context, SocketType::Radio);
    radio.set_linger(None).unwrap();
    radio.connect("udp://127.0.0.1:9").unwrap();
    radio.send(to_group("g", "into the void")).unwrap();
    drop(radio);
    common::finishes("the end", move || drop(context));
}
