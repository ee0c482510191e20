//! Goal: peers of ZMTP 1.0 and 2.0 are told by their greeting, taken where nobody has to show who he is, and refused
//! elsewhere; what is sent to them is what they expect. Method: byte streams as RFC 13 and RFC 15 (and libzmq 2.2 and 3.2)
//! have them, in any cut.

mod common;

use common::Cuts;
use netzmq_proto::{
    Established, Handshake, HandshakeConfig, HandshakeStatus, MechanismConfig, Opening, PeerIncompatible,
    PeerProtocol, ProtocolError, SocketType,
};
use proptest::prelude::*;

fn config(socket_type: SocketType, routing_id: &[u8]) -> HandshakeConfig {
    let mut config = HandshakeConfig::new(socket_type, MechanismConfig::Null);
    config.routing_id = routing_id.to_vec();
    config
}

/// Plays the peer's bytes; the outcome, all that was sent, and what was left over.
fn play(
    config: HandshakeConfig,
    peer: &[u8],
    mut cuts: Cuts,
) -> Result<(Established, Vec<u8>, Vec<u8>), ProtocolError> {
    let mut handshake = Handshake::new(config);
    let (mut rest, mut sent) = (peer, Vec::new());
    while handshake.status() != HandshakeStatus::Done {
        assert!(!rest.is_empty(), "it ended inside the handshake");
        let cut = cuts.next().min(rest.len());
        let taken = handshake.handle_input(&rest[..cut])?;
        rest = &rest[taken..];
    }
    sent.append(handshake.output());
    Ok((handshake.finish().expect("done"), sent, rest.to_vec()))
}

/// `bytes` cut into pieces of `size`.
fn cuts(size: usize) -> Cuts {
    Cuts::new(vec![size])
}

proptest! {
    #[test]
    fn zmtp_1(size in 1..40usize, id in prop::collection::vec(any::<u8>(), 0..256), ours in prop::collection::vec(any::<u8>(), 0..40)) {
        // A short frame, or a long one of which the greeting's reader sees nine bytes.
        let mut peer = match u8::try_from(id.len() + 1) {
            Ok(length) if length < 255 => vec![length, 0],
            _ => [&[255][..], &(id.len() as u64 + 1).to_be_bytes(), &[0]].concat(),
        };
        peer.extend_from_slice(&id);
        peer.extend_from_slice(b"\x06\0hello");
        let (established, sent, rest) = play(config(SocketType::Router, &ours), &peer, cuts(size)).unwrap();
        prop_assert_eq!(established.peer.protocol, PeerProtocol::Zmtp1);
        prop_assert_eq!(established.peer.socket_type, SocketType::Dealer);
        prop_assert_eq!(established.peer.minor_version, 0);
        prop_assert_eq!(established.peer.routing_id, id);
        prop_assert_eq!(rest, b"\x06\0hello");
        // To such a peer the signature is the head of a long frame.
        let length = (ours.len() as u64 + 1).to_be_bytes();
        prop_assert_eq!(sent, [&[255][..], &length, &[0x7f], &ours].concat());
    }

    #[test]
    fn zmtp_2(size in 1..40usize, id in prop::collection::vec(any::<u8>(), 0..256)) {
        let mut peer = b"\xff\0\0\0\0\0\0\0\x01\x7f\x01".to_vec();
        peer.extend_from_slice(&[SocketType::Req.zmq_number() as u8, 0, id.len() as u8]);
        peer.extend_from_slice(&id);
        peer.extend_from_slice(b"\0\x05hello");
        let (established, sent, rest) = play(config(SocketType::Router, b"me"), &peer, cuts(size)).unwrap();
        prop_assert_eq!(established.peer.protocol, PeerProtocol::Zmtp2);
        prop_assert_eq!(established.peer.socket_type, SocketType::Req);
        prop_assert_eq!(established.peer.routing_id, id);
        prop_assert_eq!(rest, b"\0\x05hello");
        prop_assert_eq!(sent, b"\xff\0\0\0\0\0\0\0\x03\x7f\x03\x06\0\x02me");
    }

    #[test]
    fn no_greeting_but_a_routing_id(size in 1..40usize) {
        let mut ours = config(SocketType::Dealer, b"me");
        ours.opening = Opening::RoutingId;
        let (established, sent, rest) = play(ours, b"\0\x03you\0\x01x", cuts(size)).unwrap();
        prop_assert_eq!(established.peer.protocol, PeerProtocol::Zws2);
        prop_assert_eq!(established.peer.routing_id, b"you");
        prop_assert_eq!(sent, b"\0\x02me");
        prop_assert_eq!(rest, b"\0\x01x");
    }

    #[test]
    fn no_greeting_but_the_mechanism(size in 1..40usize) {
        let mut ours = config(SocketType::Dealer, b"");
        ours.opening = Opening::Mechanism;
        let peer = b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER\0\x01x";
        let (established, sent, rest) = play(ours, peer, cuts(size)).unwrap();
        prop_assert_eq!(established.peer.protocol, PeerProtocol::Zmtp3);
        prop_assert_eq!(established.peer.minor_version, 0, "subscriptions travel as messages");
        prop_assert!(sent.starts_with(b"\x04"));
        prop_assert_eq!(rest, b"\0\x01x");
    }
}

const OLD: [&[u8]; 2] = [b"\x01\0", b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05\0\0"];

/// Who can't show who he is does not come in where that is asked.
#[test]
fn refused_where_security_is_on() {
    for peer in OLD {
        assert!(play(config(SocketType::Router, b""), peer, cuts(1)).is_ok());
        let mut domain = config(SocketType::Router, b"");
        domain.zap_domain = "global".into();
        let mut plain = config(SocketType::Router, b"");
        plain.mechanism = MechanismConfig::PlainServer;
        for config in [domain, plain] {
            let error = play(config, peer, cuts(1)).unwrap_err();
            assert!(
                matches!(
                    error,
                    ProtocolError::PeerIncompatible(
                        PeerIncompatible::Unversioned { .. } | PeerIncompatible::OldVersion { .. }
                    )
                ),
                "{error}"
            );
        }
    }
}

#[test]
fn what_is_no_old_peer() {
    let broken: [&[u8]; 7] = [
        b"GET / HTTP/1.1\r\n",
        b"\0\0",
        b"\x01\x01",
        // Revisions that nobody sends; a socket type that does not fit, and one that there is not.
        b"\xff\0\0\0\0\0\0\0\x01\x7f\0\x05\0\0",
        b"\xff\0\0\0\0\0\0\0\x01\x7f\x02\x05\0\0",
        b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x01\0\0",
        b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\xfe\0\0",
    ];
    for peer in broken {
        assert!(play(config(SocketType::Router, b""), peer, cuts(100)).is_err(), "{peer:?}");
    }
    // A routing id that no one may have.
    let mut long = vec![255, 0, 0, 0, 0, 0, 0, 1, 1, 0];
    long.extend([7; 256]);
    assert!(play(config(SocketType::Router, b""), &long, cuts(100)).is_err());
}
