//! The upgrade and the frames: known bytes, any cut of them, and peers that break the rules.

use super::*;
use crate::error::{PeerMisbehaved, ProtocolError, WsFault};
use crate::frame::FrameHeader;
use crate::limits::HTTP_HEAD_BYTES_MAX;
use proptest::prelude::*;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: WebSocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: chat, ZWS2.0/CURVE\r\nSec-WebSocket-Protocol: ZWS2.0,ZWS2.0/NULL\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

fn fault(error: &ProtocolError) -> Option<WsFault> {
    match error {
        ProtocolError::PeerMisbehaved(PeerMisbehaved::WebSocket(fault)) => Some(*fault),
        _ => None,
    }
}

/// Goal: RFC 6455's own example of a key, and the first of the client's sub-protocols that fits. Method: any cut.
#[test]
fn a_servers_answer() {
    for cut in [1, 7, 10_000] {
        let mut server = WsUpgrade::server("NULL", true);
        let bytes = format!("{REQUEST}\u{82}behind").into_bytes();
        let mut taken = 0;
        for piece in bytes.chunks(cut) {
            taken += server.handle_input(piece).unwrap();
        }
        assert_eq!(taken, REQUEST.len(), "not a byte behind it");
        assert_eq!(server.protocol(), Some(WsProtocol::RoutingId));
        let answer = String::from_utf8(std::mem::take(server.output())).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "));
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
        assert!(answer.contains("Sec-WebSocket-Protocol: ZWS2.0\r\n"), "{answer}");
    }
}

#[test]
fn mechanisms_have_to_fit() {
    for (client, server, fits) in [
        ("NULL", "NULL", true),
        ("PLAIN", "PLAIN", true),
        ("CURVE", "CURVE", true),
        ("NULL", "PLAIN", false),
        ("CURVE", "NULL", false),
    ] {
        let mut client = WsUpgrade::client("h:1", "/", client, [1; 16]);
        let mut server = WsUpgrade::server(server, true);
        let result = server.handle_input(&std::mem::take(client.output()));
        assert_eq!(result.is_ok(), fits);
        let result = client.handle_input(&std::mem::take(server.output()));
        assert_eq!(result.is_ok(), fits);
        assert_eq!(client.protocol(), fits.then_some(WsProtocol::Mechanism));
    }
}

/// Where somebody is to be asked about clients, none comes in without a mechanism.
#[test]
fn without_a_mechanism_only_where_that_is_wanted() {
    let mut server = WsUpgrade::server("NULL", false);
    server.handle_input(REQUEST.as_bytes()).unwrap();
    assert_eq!(server.protocol(), Some(WsProtocol::Mechanism));
    let mut server = WsUpgrade::server("NULL", false);
    assert!(server.handle_input(REQUEST.replace(",ZWS2.0/NULL", "").as_bytes()).is_err());
}

#[test]
fn requests_that_are_none() {
    let broken = [
        REQUEST.replace("GET", "PUT"),
        REQUEST.replace("HTTP/1.1", "HTTP/1.0"),
        REQUEST.replace("WebSocket\r", "tomato\r"),
        REQUEST.replace("Connection", "Confection"),
        REQUEST.replace("Sec-WebSocket-Key", "Key"),
        REQUEST.replace("ZWS2.0", "ZWS1.0"),
        REQUEST.replace("Host: ", "Ho st: "),
        "\r\n\r\n".into(),
        "A".repeat(5000),
        format!("GET /{}", "a".repeat(HTTP_HEAD_BYTES_MAX)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100)),
    ];
    for request in broken {
        let mut server = WsUpgrade::server("NULL", true);
        let error = server.handle_input(request.as_bytes()).unwrap_err();
        assert!(fault(&error).is_some(), "{request}");
        assert_eq!(error.zmq_code(), Some(0x3000_0000));
        assert!(server.output().starts_with(b"HTTP/1.1 400 "));
        assert_eq!(server.handle_input(b"x"), Err(error), "it stays so");
    }
}

#[test]
fn answers_that_are_none() {
    let mut server = WsUpgrade::server("NULL", true);
    let mut request = WsUpgrade::client("h:1", "/p", "NULL", [1; 16]);
    server.handle_input(&std::mem::take(request.output())).unwrap();
    let answer = String::from_utf8(std::mem::take(server.output())).unwrap();
    let mut changed = answer.clone();
    let at = changed.find("Accept: ").unwrap() + 8;
    changed.replace_range(at..at + 2, "??");
    let broken = [
        changed,
        answer.replace("101", "200"),
        answer.replace("ZWS2.0/NULL", "ZWS2.0/PLAIN"),
        answer.replace("websocket", "h2c"),
        answer.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
        "HTTP/1.1 101 ".to_owned() + &"x".repeat(HTTP_HEAD_BYTES_MAX),
    ];
    for answer in broken {
        let mut client = WsUpgrade::client("h:1", "/p", "NULL", [1; 16]);
        assert!(client.handle_input(answer.as_bytes()).is_err(), "{answer}");
    }
    let mut client = WsUpgrade::client("h:1", "/p", "NULL", [1; 16]);
    assert_eq!(client.handle_input(answer.as_bytes()), Ok(answer.len()));
}

/// A client's frame, with a mask that hides nothing.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

fn decode(bytes: &[u8]) -> Result<(Vec<u8>, WsDecoder), ProtocolError> {
    let (mut decoder, mut out) = (WsDecoder::new(true, Some(1000)), Vec::new());
    decoder.decode(bytes, &mut out)?;
    Ok((out, decoder))
}

#[test]
fn fragments_and_control_frames_between_them() {
    let bytes = [
        masked(0x02, b""),
        masked(0x89, b"are you there"),
        masked(0x00, b"\x01ab"),
        masked(0x8A, b""),
        masked(0x00, b"c"),
        masked(0x80, b""),
        masked(0x82, b"\0d"),
        masked(0x88, b"\x03\xe8"),
        masked(0x82, b"\0not any more"),
    ]
    .concat();
    for cut in [1, 3, 1000] {
        let (mut decoder, mut out) = (WsDecoder::new(true, None), Vec::new());
        bytes.chunks(cut).for_each(|piece| decoder.decode(piece, &mut out).unwrap());
        assert_eq!(out, b"\x01\x03abc\0\x01d");
        assert_eq!(decoder.take_ping().as_deref(), Some(&b"are you there"[..]));
        assert_eq!(decoder.take_ping(), None);
        assert_eq!((decoder.controls(), decoder.is_closed()), (3, true));
    }
}

#[test]
fn frames_against_the_rules() {
    let error = |bytes: &[u8]| fault(&decode(bytes).unwrap_err());
    assert_eq!(error(&masked(0xC2, b"\0")), Some(WsFault::ReservedBits { first: 0xC2 }));
    assert_eq!(error(&masked(0x81, b"text")), Some(WsFault::Opcode { opcode: 1 }));
    assert_eq!(error(&masked(0x83, b"")), Some(WsFault::Opcode { opcode: 3 }));
    assert_eq!(error(b"\x82\x01"), Some(WsFault::Mask { expected: true }));
    assert_eq!(error(&masked(0x80, b"x")), Some(WsFault::Sequence));
    assert_eq!(error(&[masked(0x02, b"\0"), masked(0x82, b"\0")].concat()), Some(WsFault::Sequence));
    assert_eq!(error(&masked(0x09, b"")), Some(WsFault::ControlInFragments));
    assert_eq!(error(b"\x89\xfe\0\x7e\0\0\0\0"), Some(WsFault::ControlTooLong { len: 126 }));
    assert_eq!(error(&masked(0x82, b"")), Some(WsFault::NoFlags));
    assert_eq!(error(&[masked(0x02, b""), masked(0x80, b"")].concat()), Some(WsFault::NoFlags));
    assert_eq!(error(&masked(0x82, b"\x04")), Some(WsFault::Flags { flags: 4 }));
    assert_eq!(error(&masked(0x82, b"\x03")), Some(WsFault::Flags { flags: 3 }));
    // Lengths that nobody believes: 2^63 at once, more than a message may have when it is in fragments.
    assert!(decode(b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0").is_err());
    assert!(decode(b"\x02\xff\0\0\0\0\0\0\x10\0\0\0\0\0").is_err());
}

/// The sizes at which the length takes another form, in both directions.
#[test]
fn sizes_at_the_edges() {
    for size in [0, 1, 123, 124, 125, 126, 254, 255, 256, 65_533, 65_534, 65_535, 65_536, 70_000] {
        for client in [false, true] {
            let mut input = Vec::new();
            FrameHeader::append_frame(false, false, &vec![9; size], &mut input);
            let mut encoder = if client { WsEncoder::client([3; 32]) } else { WsEncoder::server() };
            let (mut wire, mut out) = (Vec::new(), Vec::new());
            encoder.encode(&input, &mut wire).unwrap();
            let mask = if client { 4 } else { 0 };
            let head = match size + 1 {
                0..=125 => 2,
                126..=65_535 => 4,
                _ => 10,
            };
            assert_eq!(wire.len(), head + mask + 1 + size, "{size}");
            WsDecoder::new(client, None).decode(&wire, &mut out).unwrap();
            assert_eq!(out, input, "{size}");
        }
    }
}

proptest! {
    /// Goal: what is encoded comes back, however both directions are cut, with control frames anywhere in between.
    #[test]
    fn there_and_back(
        parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 0..3u8), 0..5),
        client: bool,
        cut in 1..40usize,
        cut_back in 1..40usize,
        ping_after in 0..20usize,
    ) {
        let mut input = Vec::new();
        for (body, kind) in &parts {
            FrameHeader::append_frame(*kind == 1, *kind == 2, body, &mut input);
        }
        let mut encoder = if client { WsEncoder::client([5; 32]) } else { WsEncoder::server() };
        let mut wire = Vec::new();
        for (index, piece) in input.chunks(cut).enumerate() {
            encoder.encode(piece, &mut wire).unwrap();
            if index == ping_after {
                encoder.ping(&mut wire);
            }
        }
        let (mut decoder, mut out) = (WsDecoder::new(client, None), Vec::new());
        for piece in wire.chunks(cut_back) {
            decoder.decode(piece, &mut out).unwrap();
        }
        prop_assert_eq!(out, input.clone());
        prop_assert_eq!(decoder.controls(), u64::from(input.chunks(cut).len() > ping_after));
    }

    /// Goal: any bytes give the same, whole or in pieces, and no panic.
    #[test]
    fn any_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..300), likely: bool, server: bool, cut in 1..9usize) {
        if likely && let [first, second, ..] = &mut bytes[..] {
            *first = 0x82 | *first & 0x80;
            *second = (*second & 0x7F) | if server { 0x80 } else { 0 };
        }
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        let result = WsDecoder::new(server, Some(200)).decode(&bytes, &mut whole);
        let mut decoder = WsDecoder::new(server, Some(200));
        let error = bytes.chunks(cut).find_map(|piece| decoder.decode(piece, &mut pieces).err());
        prop_assert_eq!(result.err(), error);
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn any_upgrade(bytes in prop::collection::vec(any::<u8>(), 0..100), at in 0..200usize, cut in 1..9usize) {
        let mut request = REQUEST.as_bytes().to_vec();
        let at = at.min(request.len());
        request.splice(at..(at + bytes.len()).min(REQUEST.len()), bytes);
        let mut at_once = WsUpgrade::server("NULL", true);
        let result = at_once.handle_input(&request);
        let mut piecewise = WsUpgrade::server("NULL", true);
        let mut taken = 0;
        let error = request.chunks(cut).find_map(|piece| match piecewise.handle_input(piece) {
            Ok(n) => { taken += n; None }
            Err(error) => Some(error),
        });
        prop_assert_eq!(result.clone().err(), error);
        if let Ok(n) = result {
            prop_assert_eq!(n, taken);
        }
        prop_assert_eq!(at_once.protocol(), piecewise.protocol());
        prop_assert_eq!(at_once.output(), piecewise.output());
    }
}
