//! Goal: what libzmq 4.3.5 really says is understood, to the bit, in every mechanism and role.
//! Method: streams recorded from a libzmq DEALER (routing id `py`) that talked with this crate at a fixed seed, are
//! played back. Its answers depend on our bytes (keys, cookie), so ours must come out the same as on that day.

mod common;

use common::{Cuts, unhex};
use netzmq_proto::{
    Cipher, CurveOpener, CurveSecretKey, Established, FrameHeader, Handshake, HandshakeConfig,
    HandshakeStatus, MechanismConfig, SocketType, ZapCredentials, ZapReply,
};

/// The example keys of libzmq's manual.
const SERVER_SECRET: &str = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
const SERVER_PUBLIC: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
const CLIENT_SECRET: &str = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
const CLIENT_PUBLIC: &str = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";

/// Plays a recorded peer, and returns the end of the handshake, what was asked of ZAP, and the traffic behind.
fn play(
    mechanism: MechanismConfig,
    zap: bool,
    peer: &[u8],
    mut cuts: Cuts,
) -> (Established, Option<ZapCredentials>, Vec<u8>) {
    let mut config = HandshakeConfig::new(SocketType::Router, mechanism);
    config.routing_id = b"rust".to_vec();
    config.seed = [9; 32].into();
    config.zap = zap;
    let mut handshake = Handshake::new(config);
    let mut rest = peer;
    let mut asked = None;
    while handshake.status() != HandshakeStatus::Done {
        if let Some(request) = handshake.zap_request() {
            asked = Some(request.credentials);
            handshake.handle_zap_reply(ZapReply::accept("u")).expect("accepted");
        }
        assert!(!rest.is_empty(), "the recording ended inside the handshake");
        let cut = cuts.next().min(rest.len());
        let taken = handshake.handle_input(&rest[..cut]).expect("an honest peer");
        rest = &rest[taken..];
        // What is said is checked by the recorded answers to it.
        handshake.output().clear();
    }
    (handshake.finish().expect("done"), asked, rest.to_vec())
}

/// The recorded traffic is one message of two parts.
fn check(established: Established, mut traffic: &[u8]) {
    assert_eq!(established.peer.socket_type, SocketType::Dealer);
    assert_eq!(established.peer.routing_id, b"py");
    assert_eq!(established.peer.minor_version, 1);
    let mut opener: Option<CurveOpener> = match established.cipher {
        Cipher::Curve(cipher) => Some(cipher.split().1),
        _ => None,
    };
    for (body, more) in [(vec![b'a'], true), (vec![b'b'; 300], false)] {
        let header = FrameHeader::parse(traffic).expect("a frame").expect("whole");
        let (frame, rest) = traffic[usize::from(header.header_len)..].split_at(header.body_len as usize);
        traffic = rest;
        let mut frame = frame.to_vec();
        if let Some(opener) = &mut opener {
            // libzmq sends boxes as messages without "more".
            assert!(!header.command && !header.more);
            let opened = opener.open_in_place(&mut frame).expect("authentic");
            assert_eq!((opened.more, opened.command), (more, false));
            assert_eq!(frame[opened.start..], body);
            assert!(opener.open_in_place(&mut frame).is_err());
        } else {
            assert_eq!((header.more, header.command), (more, false));
            assert_eq!(frame, body);
        }
    }
    assert_eq!(traffic, b"");
}

fn cuts() -> [Cuts; 4] {
    [vec![], vec![1], vec![3, 64, 7], vec![10, 1, 53]].map(Cuts::new)
}

#[test]
fn null() {
    for cuts in cuts() {
        let (end, asked, traffic) =
            play(MechanismConfig::Null, false, &unhex(include_str!("recorded/null_peer.hex")), cuts);
        assert_eq!(asked, None);
        check(end, &traffic);
    }
}

#[test]
fn plain() {
    for cuts in cuts() {
        let client = unhex(include_str!("recorded/plain_client.hex"));
        let (end, asked, traffic) = play(MechanismConfig::PlainServer, false, &client, cuts);
        let (username, password) = (b"admin".to_vec(), b"secret".to_vec().into());
        assert_eq!(asked, Some(ZapCredentials::Plain { username, password }));
        check(end, &traffic);
    }
    for cuts in cuts() {
        let server = unhex(include_str!("recorded/plain_server.hex"));
        let us =
            MechanismConfig::PlainClient { username: "admin".into(), password: "secret".to_owned().into() };
        let (end, _, traffic) = play(us, false, &server, cuts);
        check(end, &traffic);
    }
}

#[test]
fn curve() {
    for cuts in cuts() {
        let client = unhex(include_str!("recorded/curve_client.hex"));
        let us = MechanismConfig::CurveServer { secret_key: SERVER_SECRET.parse().unwrap() };
        let (end, asked, traffic) = play(us, true, &client, cuts);
        assert_eq!(asked, Some(ZapCredentials::Curve { public_key: CLIENT_PUBLIC.parse().unwrap() }));
        check(end, &traffic);
    }
    for cuts in cuts() {
        let server = unhex(include_str!("recorded/curve_server.hex"));
        let secret_key: CurveSecretKey = CLIENT_SECRET.parse().unwrap();
        let us = MechanismConfig::CurveClient {
            server_key: SERVER_PUBLIC.parse().unwrap(),
            public_key: secret_key.public_key(),
            secret_key,
        };
        let (end, _, traffic) = play(us, false, &server, cuts);
        check(end, &traffic);
    }
}
