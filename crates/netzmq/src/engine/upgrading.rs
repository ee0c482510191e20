//! A WebSocket before its handshake: the HTTP upgrade, driven on the I/O thread within the time that a handshake has.
//!
//! Where there is TLS below, its own handshake comes first: the same reads and writes drive it, and it has the same bounds.

use std::sync::Arc;

use netzmq_proto::{HandshakeConfig, Opening, PeerMisbehaved, WsDecoder, WsEncoder, WsProtocol, WsUpgrade};

use super::io_thread::IoThread;
use super::job::{Fault, Job};
use super::session::Phase;
use crate::transport::codec::Codec;
use crate::transport::stream::{Moved, Stream, Web};

/// An upgrade under way.
pub(crate) struct Upgrading {
    pub(crate) stream: Stream,
    upgrade: WsUpgrade,
    /// For the handshake that follows.
    config: HandshakeConfig,
    /// What the kernel had no room for.
    unsent: Vec<u8>,
    /// Frames that came with the peer's head.
    rest: Vec<u8>,
    /// Bytes of the peer's head so far, without those of TLS: they count as the handshake's (`max_handshake_size`).
    received: usize,
    /// Where a client's masks come from.
    seed: Option<[u8; 32]>,
}

/// Read at once: a head, usually.
const READ_BYTES: usize = 4 * 1024;
/// Reads before other connections have their turn: more than any honest upgrade takes.
const READS_PER_TURN: usize = 64;

impl Upgrading {
    /// The first step; its output is to be sent.
    pub(crate) fn new(stream: Stream, web: &Web, config: HandshakeConfig) -> std::io::Result<Upgrading> {
        let mechanism = config.mechanism.name();
        let mut seed = None;
        let upgrade = match web {
            Web::Client { host, path } => {
                let nonce: [u8; 16] = random()?;
                seed = Some(random()?);
                WsUpgrade::client(host, path, mechanism, nonce)
            }
            Web::Server => WsUpgrade::server(mechanism, config.takes_strangers()),
        };
        Ok(Upgrading { stream, upgrade, config, unsent: Vec::new(), rest: Vec::new(), received: 0, seed })
    }

    /// True: there may be more.
    fn read(&mut self, bytes_max: usize) -> Result<bool, Fault> {
        let mut buffer = [0; READ_BYTES];
        for _ in 0..READS_PER_TURN {
            if self.upgrade.protocol().is_some() {
                return Ok(false);
            }
            match self.stream.read(&mut buffer) {
                Ok(Moved::Bytes(n)) => {
                    let used = self.upgrade.handle_input(&buffer[..n]).map_err(Fault::Protocol)?;
                    self.rest.extend_from_slice(&buffer[used..n]);
                    self.received += used;
                    if bytes_max > 0 && self.all_received() > bytes_max {
                        return Err(Fault::Protocol(
                            PeerMisbehaved::HandshakeTooLong { max: bytes_max }.into(),
                        ));
                    }
                }
                Ok(Moved::WouldBlock) => return Ok(false),
                Ok(Moved::End) => return Err(Fault::End),
                Err(error) => return Err(Fault::Io(error)),
            }
        }
        Ok(true)
    }

    fn all_received(&self) -> usize {
        self.received + self.stream.tls_handshake_bytes()
    }

    /// True: nothing waits for room any more.
    fn write(&mut self) -> Result<bool, Fault> {
        self.unsent.append(self.upgrade.output());
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(Moved::Bytes(n)) => drop(self.unsent.drain(..n)),
                Ok(_) => return Ok(false),
                Err(error) => return Err(Fault::Io(error)),
            }
        }
        self.stream.flush().map_err(Fault::Io)
    }

    /// The stream as a WebSocket, and how the handshake over it begins.
    fn finish(self, protocol: WsProtocol, max_message_size: Option<u64>) -> (Stream, HandshakeConfig) {
        let Upgrading { mut stream, mut config, rest, seed, .. } = self;
        config.opening = match protocol {
            WsProtocol::RoutingId => Opening::RoutingId,
            WsProtocol::Mechanism => Opening::Mechanism,
        };
        let decoder = WsDecoder::new(seed.is_none(), max_message_size);
        let encoder = seed.map_or_else(WsEncoder::server, WsEncoder::client);
        stream.set_codec(Codec::websocket(decoder, encoder), &rest);
        (stream, config)
    }
}

impl IoThread {
    /// Moves the upgrade on.
    pub(crate) fn upgrade(&mut self, token: u64, readable: bool) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let Phase::Upgrading(upgrading) = &mut session.phase else { return };
        let bytes_max = session.options.limits.handshake_bytes;
        let read = if readable { upgrading.read(bytes_max) } else { Ok(false) };
        // Also after an error: the peer is told.
        let wrote = upgrading.write();
        let done = match read.and_then(|more| Ok((more, wrote?))) {
            Ok((true, _)) => return self.handle.post(Job::Readable { token }),
            Ok((false, done)) => done,
            Err(fault) => return self.handshake_failed(token, fault),
        };
        let Some(protocol) = upgrading.upgrade.protocol().filter(|_| done) else { return };
        let Phase::Upgrading(upgrading) = std::mem::replace(&mut session.phase, Phase::Pausing) else {
            return;
        };
        let received = upgrading.all_received();
        let (stream, config) = upgrading.finish(protocol, session.options.max_message_size);
        self.shake_hands(token, Arc::new(stream), config, received);
    }
}

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes)
}
