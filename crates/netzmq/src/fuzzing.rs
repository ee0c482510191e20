//! A connection's two directions for the fuzz targets (`fuzz/`), behind the feature `fuzzing`. No promise to anybody.
//!
//! As thin as can be: what is searched is the engine's code, driven as its I/O drives it.

use netzmq_memory::{Message, MessagePool};
use netzmq_proto::{
    Cipher, CurveCipher, CurveSecretKey, Handshake, HandshakeConfig, HandshakeStatus, MechanismConfig,
    ProtocolError, SocketType,
};

use crate::connection::buffers::Buffers;
use crate::connection::inbound::{Deliver, Inbound};
use crate::connection::outbound::{Body, Framing, Outbound};

/// What a socket wants to hear of besides messages.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Messages,
    /// Subscriptions, as messages.
    Subscriptions,
    /// Joins, as messages.
    Groups,
}

/// One end's sealer and the other's opener.
fn cipher() -> Option<(CurveCipher, CurveCipher)> {
    let key = |byte| CurveSecretKey::from_bytes([byte; 32]);
    let client = MechanismConfig::CurveClient {
        server_key: key(1).public_key(),
        public_key: key(2).public_key(),
        secret_key: key(2),
    };
    let server = MechanismConfig::CurveServer { secret_key: key(1) };
    let mut client = Handshake::new(HandshakeConfig::new(SocketType::Push, client));
    let mut server = Handshake::new(HandshakeConfig::new(SocketType::Pull, server));
    while [&client, &server].iter().any(|side| side.status() != HandshakeStatus::Done) {
        let said = std::mem::take(client.output());
        server.handle_input(&said).ok()?;
        let said = std::mem::take(server.output());
        client.handle_input(&said).ok()?;
    }
    match (client.finish().ok()?.cipher, server.finish().ok()?.cipher) {
        (Cipher::Curve(client), Cipher::Curve(server)) => Some((*client, *server)),
        _ => None,
    }
}

/// The receiving end.
#[derive(Debug)]
pub struct Decoder {
    inbound: Inbound,
    buffers: Buffers,
}

impl Decoder {
    /// With a limit on message parts, and encrypted if asked.
    #[must_use]
    pub fn new(max_message_size: Option<u64>, kind: Kind, sealed: bool) -> Decoder {
        let deliver = match kind {
            Kind::Messages => Deliver::MessagesOnly,
            Kind::Subscriptions => Deliver::Subscriptions,
            Kind::Groups => Deliver::Groups,
        };
        let mut inbound = Inbound::new(max_message_size, false, deliver);
        if let Some((_, server)) = sealed.then(cipher).flatten() {
            inbound.set_opener(server.opener);
        }
        Decoder { inbound, buffers: Buffers::new(MessagePool::shared().clone()) }
    }

    /// Bytes of the peer; how many PINGs and PONGs were among them.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, ProtocolError> {
        let mut controls = Vec::new();
        self.inbound.preload(&mut self.buffers, bytes, &mut controls)?;
        Ok(controls.len())
    }

    /// The next part of a whole message, and whether more follow.
    pub fn take(&mut self) -> Option<(Vec<u8>, bool)> {
        self.inbound.take_with(|taken| taken.bytes().to_vec())
    }

    /// The connection is over.
    pub fn end(&mut self) {
        self.inbound.end();
    }
}

/// The sending end.
#[derive(Debug)]
pub struct Encoder {
    outbound: Outbound,
    buffers: Buffers,
}

impl Encoder {
    /// Encrypted if asked.
    #[must_use]
    pub fn new(sealed: bool) -> Encoder {
        let mut outbound = Outbound::new(Framing::Zmtp);
        outbound.sealer = sealed.then(cipher).flatten().map(|(client, _)| client.sealer);
        Encoder { outbound, buffers: Buffers::new(MessagePool::shared().clone()) }
    }

    /// One part, by reference if `owned` and large.
    pub fn push(&mut self, body: &[u8], more: bool, owned: bool) {
        let mut body = if owned { Body::Owned(Message::from(body.to_vec())) } else { Body::Borrowed(body) };
        self.outbound.push(&mut self.buffers, &mut body, more);
    }

    /// A whole command frame.
    pub fn command(&mut self, frame: &[u8]) {
        self.outbound.push_command(&mut self.buffers, frame);
    }

    /// Forgets the parts of the message that is being composed.
    pub fn rollback(&mut self) {
        self.outbound.rollback(&mut self.buffers);
    }

    /// What a kernel with room for `most` bytes would have taken.
    pub fn write(&mut self, most: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while out.len() < most {
            let Some(mut batch) = self.outbound.take(&mut self.buffers) else { break };
            batch.write_to(&mut out, most);
            self.outbound.put_back(batch);
        }
        out
    }

    /// The connection is lost: the parts of which no byte was written.
    pub fn reclaim(&mut self) -> Vec<Vec<u8>> {
        self.outbound.reclaim().iter().map(|part| part.to_vec()).collect()
    }
}
