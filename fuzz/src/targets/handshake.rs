//! Handshakes with a peer that says anything, and with one that says almost the right thing.
//!
//! Random bytes never get past the first box of CURVE, so the second half of the inputs goes to an honest peer whose words
//! are bent on their way: bytes changed, left out, put in, said again. Held to: no panic; what is kept and what is said
//! stays bounded; how the bytes are cut changes nothing; after an error the same error.

use netzmq::proto::{
    CurveSecretKey, Handshake, HandshakeConfig, HandshakeStatus, MechanismConfig, ProtocolError, SocketType,
    ZapReply, ZapStatus, limits,
};

use crate::Input;

pub(crate) fn null(bytes: &[u8]) {
    play(bytes, |_| [MechanismConfig::Null, MechanismConfig::Null]);
}

pub(crate) fn plain(bytes: &[u8]) {
    let client =
        || MechanismConfig::PlainClient { username: "joe".into(), password: "secret".to_owned().into() };
    play(bytes, |server| sides(server, MechanismConfig::PlainServer, client()));
}

pub(crate) fn curve(bytes: &[u8]) {
    let key = |byte| CurveSecretKey::from_bytes([byte; 32]);
    play(bytes, |server| {
        let client = MechanismConfig::CurveClient {
            server_key: key(1).public_key(),
            public_key: key(2).public_key(),
            secret_key: key(2),
        };
        sides(server, MechanismConfig::CurveServer { secret_key: key(1) }, client)
    });
}

fn sides(ours_is_server: bool, server: MechanismConfig, client: MechanismConfig) -> [MechanismConfig; 2] {
    if ours_is_server { [server, client] } else { [client, server] }
}

fn play(bytes: &[u8], mechanisms: impl Fn(bool) -> [MechanismConfig; 2]) {
    let mut input = Input::new(bytes);
    let choices = input.byte();
    let [ours, theirs] = mechanisms(choices & 1 != 0);
    let config = |mechanism, socket_type, seed| {
        let mut config = HandshakeConfig::new(socket_type, mechanism);
        config.seed = [seed; 32].into();
        config.zap = choices & 2 != 0;
        config.routing_id = b"me".to_vec();
        config.minor_version = choices >> 2 & 1;
        config
    };
    let ours = config(ours, SocketType::Router, 3);
    let verdict = match choices >> 3 & 3 {
        0 => ZapReply::refuse(ZapStatus::Denied, "no"),
        1 => ZapReply::refuse(ZapStatus::TemporaryFailure, "later"),
        _ => ZapReply::accept("joe"),
    };
    if choices & 0x80 == 0 {
        let cuts = input.take(4);
        let words = input.rest();
        let whole = listen(&ours, words, &[], &verdict);
        assert_eq!(whole, listen(&ours, words, cuts, &verdict), "how it is cut changes nothing");
    } else {
        let theirs = config(theirs, SocketType::Dealer, 4);
        bend(&ours, &theirs, &mut input, &verdict);
    }
}

/// Everything that can be seen of a handshake's end.
type End = (Result<HandshakeStatus, ProtocolError>, Vec<u8>, Option<String>, usize);

/// A peer that says these words whatever we say.
fn listen(config: &HandshakeConfig, words: &[u8], cuts: &[u8], verdict: &ZapReply) -> End {
    let mut handshake = Handshake::new(config.clone());
    let (mut said, mut at, mut cuts) = (Vec::new(), 0, cuts.iter().cycle());
    let end = loop {
        said.append(handshake.output());
        if handshake.status() == HandshakeStatus::AwaitingZap {
            assert!(handshake.zap_request().is_some());
            if let Err(error) = handshake.handle_zap_reply(verdict.clone()) {
                break Err(error);
            }
            continue;
        }
        if at == words.len() || handshake.status() == HandshakeStatus::Done {
            break Ok(handshake.status());
        }
        let most = cuts.next().map_or(words.len(), |cut| usize::from(*cut).max(1));
        match handshake.handle_input(&words[at..words.len().min(at + most)]) {
            Ok(taken) => at += taken,
            Err(error) => break Err(error),
        }
        assert!(at <= limits::HANDSHAKE_BYTES_MAX);
    };
    said.append(handshake.output());
    assert!(said.len() < limits::HANDSHAKE_BYTES_MAX);
    if let Err(error) = &end {
        assert_eq!(handshake.handle_input(b"more").as_ref().err(), Some(error));
        // How much had been taken by then depends on the cut.
        return (end, said, None, 0);
    }
    let peer = handshake.finish().ok().map(|established| format!("{:?}", established.peer));
    (end, said, peer, at)
}

/// An honest peer whose words are bent.
fn bend(ours: &HandshakeConfig, theirs: &HandshakeConfig, input: &mut Input<'_>, verdict: &ZapReply) {
    let (mut ours, mut theirs) = (Handshake::new(ours.clone()), Handshake::new(theirs.clone()));
    let (mut to_us, mut to_them) = (Vec::new(), Vec::new());
    let mut heard: Vec<u8> = Vec::new();
    for _ in 0..32 {
        let mut words = std::mem::take(theirs.output());
        heard.extend_from_slice(&words);
        if !words.is_empty() {
            change(&mut words, &heard, input);
        }
        to_us.append(&mut words);
        to_them.append(ours.output());
        for (side, inbox) in [(&mut ours, &mut to_us), (&mut theirs, &mut to_them)] {
            if side.status() == HandshakeStatus::AwaitingZap {
                let _ = side.handle_zap_reply(verdict.clone());
            }
            match side.handle_input(inbox) {
                Ok(taken) => drop(inbox.drain(..taken)),
                Err(_) => inbox.clear(),
            }
        }
        if ours.status() == HandshakeStatus::Done {
            break;
        }
    }
    drop(ours.finish());
}

fn change(words: &mut Vec<u8>, heard: &[u8], input: &mut Input<'_>) {
    let at = input.below(words.len());
    match input.byte() % 8 {
        0 => words[at] ^= input.byte(),
        1 => words.truncate(at),
        2 => drop(words.splice(at..at, input.piece().iter().copied())),
        3 => {
            let end = words.len().min(at + usize::from(input.byte()));
            words.drain(at..end);
        }
        // What was said before, again.
        4 => words.extend_from_slice(heard),
        5 => {
            let piece = input.piece();
            let end = words.len().min(at + piece.len());
            words.splice(at..end, piece.iter().copied());
        }
        _ => {}
    }
}
