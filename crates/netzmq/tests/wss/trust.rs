//! Who is trusted, and what is wrong with keys and certificates, told by whoever is asked to use them.

use netzmq::{Context, EndpointError, EventKind, OpenError, SocketType};

use crate::common::{expect, expect_ready, socket};
use crate::{ALONE, ALONE_KEY, ANY, AUTHORITY, EXPIRED, SERVER, SERVER_KEY, STRANGER, sealed};

/// Goal: a client lets in whose certificate leads to one that it trusts, holds now, and is for the name; and nobody else, who
/// hears why. Method: a table.
#[test]
fn who_is_let_in() {
    const LOCAL: &str = "";
    const LET_IN: &str = "";
    let by_authority = (SERVER, SERVER_KEY);
    let alone = (ALONE, ALONE_KEY);
    let cases = [
        (by_authority, AUTHORITY, LOCAL, LET_IN),
        (by_authority, AUTHORITY, "127.0.0.1", LET_IN),
        (by_authority, AUTHORITY, "localhost", LET_IN),
        (by_authority, AUTHORITY, "Server.Example", LET_IN),
        (by_authority, AUTHORITY, "other.example", "not valid for name"),
        (by_authority, AUTHORITY, "127.0.0.2", "not valid for name"),
        (by_authority, STRANGER, LOCAL, "UnknownIssuer"),
        (by_authority, ALONE, LOCAL, "UnknownIssuer"),
        ((EXPIRED, SERVER_KEY), AUTHORITY, LOCAL, "expired"),
        // Trusted by itself, which is no reason to forget the time or the name.
        (by_authority, SERVER, "localhost", LET_IN),
        (by_authority, SERVER, "other.example", "not valid for name"),
        ((EXPIRED, SERVER_KEY), EXPIRED, LOCAL, "expired"),
        // An authority for itself, with no name but the common one.
        (alone, ALONE, "alone.example", LET_IN),
        (alone, ALONE, "ALONE.example", LET_IN),
        (alone, ALONE, "example", "not valid for"),
        (alone, ALONE, LOCAL, "not valid for"),
        (alone, AUTHORITY, "alone.example", "CaUsedAsEndEntity"),
    ];
    for (at, ((certificate, key), trust, name, verdict)) in cases.into_iter().enumerate() {
        let context = Context::new();
        let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
        pull.set_wss_cert_pem(certificate.into()).unwrap();
        pull.set_wss_key_pem(key.into()).unwrap();
        push.set_wss_trust_pem(trust.into()).unwrap();
        push.set_wss_hostname(name.into()).unwrap();
        let (server, client) = (pull.monitor(), push.monitor());
        push.connect(&pull.bind(ANY).unwrap()).unwrap();
        if verdict == LET_IN {
            push.send("hello").unwrap();
            assert_eq!(pull.recv().unwrap(), "hello", "case {at}");
            expect_ready(&server);
            continue;
        }
        let is_failure = |kind: &EventKind| {
            assert!(*kind != EventKind::HandshakeSucceeded, "case {at}");
            matches!(kind, EventKind::HandshakeFailed(_))
        };
        let why = format!("{:?}", expect(&client, "a failed handshake", is_failure).kind);
        assert!(why.contains("invalid peer certificate") && why.contains(verdict), "case {at}: {why}");
        // The client says what it thinks of the certificate, and the server hears it.
        let why = format!("{:?}", expect(&server, "a failed handshake", is_failure).kind);
        assert!(why.contains("received fatal alert"), "case {at}: {why}");
    }
}

/// Goal: what can't work is told at once, by `bind` or `connect`, in words that help. Method: a table.
#[test]
fn what_is_wrong_is_told_at_once() {
    let context = Context::new();
    let refused = |error: EndpointError, wanted: &str| {
        let text = error.to_string();
        assert!(matches!(error, EndpointError::Invalid { .. }) && text.contains(wanted), "{text}");
    };
    for (certificate, key, wanted) in [
        ("", "", "set wss_key_pem and wss_cert_pem"),
        (SERVER, "", "set wss_key_pem and wss_cert_pem"),
        ("", SERVER_KEY, "set wss_key_pem and wss_cert_pem"),
        ("nonsense", SERVER_KEY, "wss_cert_pem holds no certificate"),
        (SERVER_KEY, SERVER_KEY, "wss_cert_pem holds no certificate"),
        (SERVER, SERVER, "wss_key_pem holds no secret key"),
        (SERVER, ALONE_KEY, "wss_key_pem and wss_cert_pem"),
        (&SERVER[..SERVER.len() - 40], SERVER_KEY, "wss_cert_pem"),
    ] {
        let pull = socket(&context, SocketType::Pull);
        pull.set_wss_cert_pem(certificate.into()).unwrap();
        pull.set_wss_key_pem(key.into()).unwrap();
        refused(pull.bind(ANY).unwrap_err(), wanted);
    }
    for (trust, name, wanted) in [
        ("", "", "set wss_trust_pem or wss_trust_system"),
        ("nonsense", "", "wss_trust_pem holds no certificate"),
        (AUTHORITY, "no name", "`no name` is no name"),
    ] {
        let push = socket(&context, SocketType::Push);
        push.set_wss_trust_pem(trust.into()).unwrap();
        push.set_wss_hostname(name.into()).unwrap();
        refused(push.connect("wss://127.0.0.1:1/").unwrap_err(), wanted);
    }
}

/// Goal: sockets of bytes without ZMTP speak no `wss`, and say so.
#[test]
fn not_for_raw_sockets() {
    let context = Context::new();
    let raw_router = sealed(&context, SocketType::Router);
    netzmq::raw::set_router_raw(&raw_router, true).unwrap();
    for socket in [raw_router, sealed(&context, SocketType::Stream)] {
        assert!(matches!(socket.bind(ANY), Err(EndpointError::Unsupported { .. })));
        assert!(matches!(socket.connect("wss://127.0.0.1:1/"), Err(EndpointError::Unsupported { .. })));
    }
}

/// Goal: whom the system trusts is trusted only if that is wanted, and has not signed our test's certificate. Method: a system
/// may have no certificates, which is told.
#[test]
fn the_system_does_not_know_us() {
    let context = Context::new();
    let (pull, push) = (sealed(&context, SocketType::Pull), socket(&context, SocketType::Push));
    push.set_wss_trust_system(true).unwrap();
    let monitor = push.monitor();
    match push.connect(&pull.bind(ANY).unwrap()) {
        Err(error) => assert!(error.to_string().contains("this system has no certificates"), "{error}"),
        Ok(()) => {
            let failed = |kind: &EventKind| matches!(kind, EventKind::HandshakeFailed(_));
            let why = format!("{:?}", expect(&monitor, "a failed handshake", failed).kind);
            assert!(why.contains("UnknownIssuer"), "{why}");
        }
    }
}

/// Goal: the builders have the options, too, and no secret is shown.
#[test]
fn builders() {
    let context = Context::new();
    let server = context.pull().wss_key_pem(SERVER_KEY).wss_cert_pem(SERVER);
    assert!(!format!("{server:?}").contains(SERVER_KEY.lines().nth(1).unwrap()));
    let pull = server.bind(ANY).unwrap();
    assert!(pull.as_ref().wss_key_pem() == *SERVER_KEY);
    let client = context.push().wss_trust_pem(AUTHORITY).wss_hostname("localhost").wss_trust_system(false);
    client.connect(pull.endpoint()).unwrap().send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
    assert!(matches!(context.pull().bind(ANY), Err(OpenError::Endpoint(_))));
}
