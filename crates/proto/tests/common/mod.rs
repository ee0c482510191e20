//! A pair of handshakes that pump bytes into one another, cut wherever the test says.

#![allow(dead_code, reason = "each test file uses a part of it")]

use netzmq_proto::{Handshake, HandshakeConfig, HandshakeStatus, ProtocolError, ZapReply};

/// How the bytes of a stream are cut: sizes of pieces, repeated for as long as needed.
#[derive(Debug)]
pub(crate) struct Cuts(Vec<usize>, usize);

impl Cuts {
    pub(crate) fn new(sizes: Vec<usize>) -> Cuts {
        Cuts(if sizes.is_empty() { vec![usize::MAX] } else { sizes }, 0)
    }

    pub(crate) fn next(&mut self) -> usize {
        let size = self.0[self.1 % self.0.len()].max(1);
        self.1 += 1;
        size
    }
}

/// One side: a handshake, what arrived for it and was not taken yet, and all it has said.
pub(crate) struct Side {
    pub(crate) handshake: Handshake,
    pub(crate) inbox: Vec<u8>,
    pub(crate) said: Vec<u8>,
    pub(crate) error: Option<ProtocolError>,
    pub(crate) zap_reply: Option<ZapReply>,
}

impl Side {
    pub(crate) fn new(config: HandshakeConfig) -> Side {
        Side {
            handshake: Handshake::new(config),
            inbox: Vec::new(),
            said: Vec::new(),
            error: None,
            zap_reply: None,
        }
    }

    fn listen(&mut self, cut: usize) {
        if self.error.is_some() {
            return;
        }
        if self.handshake.status() == HandshakeStatus::AwaitingZap
            && let Some(reply) = self.zap_reply.take()
        {
            assert!(self.handshake.zap_request().is_some());
            self.error = self.handshake.handle_zap_reply(reply).err();
            return;
        }
        let offered = cut.min(self.inbox.len());
        match self.handshake.handle_input(&self.inbox[..offered]) {
            Ok(taken) => {
                let all = self.handshake.status() == HandshakeStatus::InProgress;
                assert!(taken == offered || !all, "input left although the handshake goes on");
                self.inbox.drain(..taken);
            }
            Err(error) => self.error = Some(error),
        }
    }

    fn speak(&mut self, to: &mut Side) -> bool {
        let bytes = std::mem::take(self.handshake.output());
        to.inbox.extend_from_slice(&bytes);
        self.said.extend_from_slice(&bytes);
        !bytes.is_empty()
    }
}

/// Pumps until nothing moves any more.
pub(crate) fn pump(a: &mut Side, b: &mut Side, cuts: &mut Cuts) {
    let mut idle = 0;
    while idle < 3 {
        let before = (a.inbox.len(), b.inbox.len());
        let mut moved = a.speak(b);
        b.listen(cuts.next());
        moved |= b.speak(a);
        a.listen(cuts.next());
        moved |= before != (a.inbox.len(), b.inbox.len());
        idle = if moved { 0 } else { idle + 1 };
    }
}

/// Bytes from hexadecimal text; line ends are ignored.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|byte| char::from(byte).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
