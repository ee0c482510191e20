//! Goal: two handshakes, whatever the mechanism, reach the same end however their bytes are cut.
//! Method: a pair of them pumps bytes both ways; proptest chooses the cuts.

mod common;

use common::{Cuts, Side, pump};
use netzmq_proto::{
    ConfigError, Established, FrameHeader, Handshake, HandshakeConfig, HandshakeStatus, MechanismConfig,
    PeerIncompatible, PeerMisbehaved, ProtocolError, SocketType, Unauthorized, ZapCredentials, ZapReply,
    ZapStatus, limits,
};
use proptest::prelude::*;

fn null(socket_type: SocketType) -> HandshakeConfig {
    HandshakeConfig::new(socket_type, MechanismConfig::Null)
}

fn plain_client(username: &str, password: &str) -> MechanismConfig {
    MechanismConfig::PlainClient { username: username.into(), password: password.to_owned().into() }
}

fn established(side: Side) -> (Established, Vec<u8>) {
    assert_eq!(side.error, None);
    (side.handshake.finish().expect("done"), side.inbox)
}

fn cuts() -> impl Strategy<Value = Cuts> {
    prop::collection::vec(prop_oneof![1..4usize, 1..80usize], 1..8).prop_map(Cuts::new)
}

proptest! {
    #[test]
    fn null_meets_null(mut cuts in cuts(), routing_id in prop::collection::vec(any::<u8>(), 0..=255), zap: bool) {
        let mut dealer = null(SocketType::Dealer);
        dealer.routing_id = routing_id.clone();
        dealer.metadata = vec![("X-Colour".into(), b"blue".to_vec())];
        let mut router = null(SocketType::Router);
        router.minor_version = 0;
        router.zap = zap;
        let (mut dealer, mut router) = (Side::new(dealer), Side::new(router));
        router.zap_reply = Some(ZapReply::accept("joe"));
        pump(&mut dealer, &mut router, &mut cuts);
        let (at_dealer, rest) = established(dealer);
        prop_assert_eq!(rest, b"");
        prop_assert_eq!(at_dealer.peer.minor_version, 0);
        prop_assert_eq!(at_dealer.peer.socket_type, SocketType::Router);
        let (at_router, rest) = established(router);
        prop_assert_eq!(rest, b"");
        prop_assert_eq!(at_router.peer.minor_version, 1);
        prop_assert_eq!(&at_router.peer.routing_id, &routing_id);
        let mut expected = vec![
            ("Socket-Type".to_owned(), b"DEALER".to_vec()),
            ("Identity".to_owned(), routing_id),
            ("X-Colour".to_owned(), b"blue".to_vec()),
        ];
        if zap {
            expected.insert(0, ("User-Id".to_owned(), b"joe".to_vec()));
        }
        prop_assert_eq!(at_router.peer.properties, expected);
    }

    #[test]
    fn traffic_behind_the_handshake_is_left(mut cuts in cuts(), traffic in prop::collection::vec(any::<u8>(), 1..90)) {
        let (mut push, mut pull) = (Side::new(null(SocketType::Push)), Side::new(null(SocketType::Pull)));
        pump(&mut push, &mut pull, &mut Cuts::new(vec![]));
        // The same bytes again, with traffic right behind them.
        let mut late = Side::new(null(SocketType::Pull));
        late.inbox = [&push.said[..], &traffic].concat();
        let mut ear = Side::new(null(SocketType::Push));
        pump(&mut ear, &mut late, &mut cuts);
        let (_, rest) = established(late);
        // What the ear said on top stands behind the traffic.
        prop_assert!(rest.starts_with(&traffic));
    }

    #[test]
    fn plain_accepts_and_refuses(mut cuts in cuts(), username in "[a-z]{0,255}", password in ".{0,63}", status in 0..4usize) {
        let status = [ZapStatus::Success, ZapStatus::TemporaryFailure, ZapStatus::Denied, ZapStatus::HandlerFailure][status];
        let client = HandshakeConfig::new(SocketType::Req, plain_client(&username, &password));
        let server = HandshakeConfig::new(SocketType::Rep, MechanismConfig::PlainServer);
        let (mut client, mut server) = (Side::new(client), Side::new(server));
        pump(&mut client, &mut server, &mut cuts);
        prop_assert_eq!(server.handshake.status(), HandshakeStatus::AwaitingZap);
        let request = server.handshake.zap_request().expect("asks");
        prop_assert_eq!(request.credentials, ZapCredentials::Plain {
            username: username.clone().into(),
            password: password.into_bytes().into(),
        });
        server.zap_reply = Some(match status {
            ZapStatus::Success => ZapReply::accept(username.as_str()),
            refusal => ZapReply::refuse(refusal, "no"),
        });
        pump(&mut client, &mut server, &mut cuts);
        if status == ZapStatus::Success {
            let (at_server, _) = established(server);
            prop_assert_eq!(&at_server.peer.properties[0], &("User-Id".to_owned(), username.into_bytes()));
            established(client);
        } else {
            let by_handler = Unauthorized::ByHandler { status: status.code() };
            prop_assert_eq!(server.error, Some(ProtocolError::from(by_handler)));
            let by_peer = Unauthorized::ByPeer { status: status.code() };
            // 300 is silent, so that the client tries again.
            let expected = (status != ZapStatus::TemporaryFailure).then(|| ProtocolError::from(by_peer));
            prop_assert_eq!(client.error, expected);
        }
    }

    #[test]
    fn garbage_never_panics_and_cuts_do_not_matter(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        honest in 0..140usize,
        flip in 0..140usize,
        which in 0..3usize,
        cut in 1..20usize,
    ) {
        // An honest beginning, one byte of it changed, then garbage: garbage alone dies in the signature.
        let configs = || match which {
            0 => (null(SocketType::Push), null(SocketType::Pull)),
            1 => (
                HandshakeConfig::new(SocketType::Push, plain_client("a", "b")),
                HandshakeConfig::new(SocketType::Pull, MechanismConfig::PlainServer),
            ),
            _ => (
                HandshakeConfig::new(SocketType::Push, MechanismConfig::PlainServer),
                HandshakeConfig::new(SocketType::Pull, plain_client("a", "b")),
            ),
        };
        let (honest_config, victim_config) = configs();
        let (mut peer, mut victim) = (Side::new(honest_config), Side::new(victim_config));
        (peer.zap_reply, victim.zap_reply) = (Some(ZapReply::accept("")), Some(ZapReply::accept("")));
        pump(&mut peer, &mut victim, &mut Cuts::new(vec![]));
        let mut stream = peer.said.clone();
        stream.truncate(honest);
        if let Some(byte) = stream.get_mut(flip) {
            *byte ^= 1 << (flip % 8);
        }
        stream.append(&mut bytes);
        let run = |cut: usize| {
            let mut side = Handshake::new(configs().1);
            let mut rest = &stream[..];
            loop {
                let offered = &rest[..cut.min(rest.len())];
                let result = side.handle_input(offered);
                if side.status() == HandshakeStatus::AwaitingZap {
                    side.handle_zap_reply(ZapReply::accept("")).expect("accepted");
                }
                match result {
                    Ok(taken) => rest = &rest[taken..],
                    Err(error) => {
                        assert_eq!(side.handle_input(b"x"), Err(error.clone()));
                        return (Err(error), std::mem::take(side.output()));
                    }
                }
                if rest.is_empty() || side.status() == HandshakeStatus::Done {
                    return (Ok(rest.len()), std::mem::take(side.output()));
                }
            }
        };
        prop_assert_eq!(run(usize::MAX), run(cut));
    }
}

fn fail(a: HandshakeConfig, b: HandshakeConfig) -> (Option<ProtocolError>, Option<ProtocolError>) {
    let (mut a, mut b) = (Side::new(a), Side::new(b));
    pump(&mut a, &mut b, &mut Cuts::new(vec![]));
    (a.error, b.error)
}

#[test]
fn socket_types_that_do_not_go_together() {
    let (a, b) = fail(null(SocketType::Push), null(SocketType::Pub));
    let wrong = |ours, theirs| Some(PeerIncompatible::SocketType { ours, theirs }.into());
    assert_eq!(a, wrong(SocketType::Push, SocketType::Pub));
    assert_eq!(b, wrong(SocketType::Pub, SocketType::Push));
}

#[test]
fn mechanisms_that_do_not_match() {
    let plain = HandshakeConfig::new(SocketType::Pull, MechanismConfig::PlainServer);
    let (a, b) = fail(null(SocketType::Push), plain.clone());
    let theirs = *b"PLAIN\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(a, Some(PeerIncompatible::MechanismMismatch { ours: "NULL", theirs }.into()));
    let theirs = *b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(b, Some(PeerIncompatible::MechanismMismatch { ours: "PLAIN", theirs }.into()));
    let other = HandshakeConfig::new(SocketType::Push, MechanismConfig::PlainServer);
    let (a, b) = fail(other, plain);
    assert_eq!(
        (a, b),
        (Some(PeerIncompatible::BothServers.into()), Some(PeerIncompatible::BothServers.into()))
    );
}

#[test]
fn two_plain_clients() {
    let client = |socket_type| HandshakeConfig::new(socket_type, plain_client("a", "b"));
    let (a, _) = fail(client(SocketType::Push), client(SocketType::Pull));
    assert!(matches!(a, Some(ProtocolError::PeerMisbehaved(PeerMisbehaved::UnexpectedCommand { .. }))));
}

#[test]
fn settings_that_can_not_be_sent() {
    let mut config = null(SocketType::Dealer);
    config.routing_id = vec![1; 256];
    let mut side = Handshake::new(config);
    assert!(side.output().is_empty());
    assert!(matches!(side.handle_input(b""), Err(ProtocolError::OwnConfig(_))));
    for metadata in [vec![("Identity", "x")], vec![("X-a", ""), ("x-A", "")], vec![("", "x")]] {
        let mut config = null(SocketType::Dealer);
        config.metadata = metadata.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect();
        assert!(config.check().is_err(), "{metadata:?}");
    }
}

#[test]
fn a_peer_can_not_name_its_own_user() {
    let mut liar = null(SocketType::Push);
    liar.metadata = vec![("user-id".into(), b"root".to_vec()), ("Peer-Address".into(), b"1.2.3.4".to_vec())];
    let (mut liar, mut honest) = (Side::new(liar), Side::new(null(SocketType::Pull)));
    pump(&mut liar, &mut honest, &mut Cuts::new(vec![]));
    let (at_honest, _) = established(honest);
    assert_eq!(at_honest.peer.properties, [("Socket-Type".to_owned(), b"PUSH".to_vec())]);
}

fn greeting_of(config: HandshakeConfig) -> Vec<u8> {
    let (mut a, mut b) = (Side::new(config), Side::new(null(SocketType::Pull)));
    pump(&mut a, &mut b, &mut Cuts::new(vec![]));
    a.said[..64].to_vec()
}

#[test]
fn commands_that_are_too_long_or_no_commands() {
    let error = |tail: &[u8]| {
        let mut side = Handshake::new(null(SocketType::Pull));
        let bytes = [greeting_of(null(SocketType::Push)), tail.to_vec()].concat();
        side.handle_input(&bytes).unwrap_err()
    };
    let len = 1 << 62;
    assert_eq!(
        error(b"\x06\x40\0\0\0\0\0\0\0"),
        PeerMisbehaved::CommandTooLong { len, max: limits::COMMAND_BYTES_MAX as u64 }.into()
    );
    assert_eq!(error(b"\0\x05hello"), PeerMisbehaved::NotACommand { len: 5 }.into());
    assert_eq!(error(b"\x04\x06\x05READY"), PeerMisbehaved::SocketTypeMissing.into());
    assert_eq!(error(b"\x04\0"), PeerMisbehaved::MalformedCommandName { len: 0 }.into());
    assert_eq!(error(b"\x04\x0a\x05ERROR\x03400"), Unauthorized::ByPeer { status: 400 }.into());
    assert_eq!(
        error(b"\x04\x0a\x05ERROR\x03bad"),
        PeerIncompatible::Refused { reason: b"bad".to_vec() }.into()
    );
    let identity = [&b"\x0bSocket-Type\0\0\0\x04PUSH\x08Identity\0\0\x01\0"[..], &[1; 256]].concat();
    let mut ready = Vec::new();
    FrameHeader::append_frame(false, true, &[b"\x05READY", &identity[..]].concat(), &mut ready);
    assert_eq!(error(&ready), PeerMisbehaved::RoutingIdTooLong { len: 256 }.into());
    assert_eq!(
        error(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03FOO"),
        PeerMisbehaved::SocketTypeUnknown { len: 3 }.into()
    );
    // A second greeting where READY belongs.
    let second = greeting_of(null(SocketType::Push));
    assert_eq!(error(&second), PeerMisbehaved::ReservedFrameFlags { flags: 0xff }.into());
}

#[test]
fn libzmqs_spelling_of_error_in_plain() {
    let (mut server, mut client) = (
        Side::new(HandshakeConfig::new(SocketType::Pull, MechanismConfig::PlainServer)),
        Side::new(HandshakeConfig::new(SocketType::Push, plain_client("a", "b"))),
    );
    pump(&mut client, &mut server, &mut Cuts::new(vec![]));
    assert_eq!(
        client.handshake.handle_input(b"\x04\x09^RROR\x03400"),
        Err(Unauthorized::ByPeer { status: 400 }.into())
    );
    // In NULL it is a command like any other, and a broken one.
    let mut null = Handshake::new(null(SocketType::Push));
    null.handle_input(&greeting_of(HandshakeConfig::new(SocketType::Pull, MechanismConfig::Null))).unwrap();
    let error = PeerMisbehaved::MalformedCommandName { len: 9 };
    assert_eq!(null.handle_input(b"\x04\x09^RROR\x03400"), Err(error.into()));
}

#[test]
fn metadata_as_large_as_one_may_send_and_no_larger() {
    let with = |bytes: usize| {
        let mut config = null(SocketType::Push);
        config.metadata = vec![("X-Big".into(), vec![0; bytes])];
        config
    };
    let largest = limits::COMMAND_BYTES_MAX - 512 - (1 + 11 + 4 + 4) - (1 + 5 + 4);
    assert_eq!(with(largest).check(), Ok(()));
    assert!(matches!(with(largest + 1).check(), Err(ConfigError::MetadataTooLarge { .. })));
    let (mut push, mut pull) = (Side::new(with(largest)), Side::new(null(SocketType::Pull)));
    pump(&mut push, &mut pull, &mut Cuts::new(vec![5000]));
    assert_eq!(established(pull).0.peer.properties[1].1.len(), largest);
}
