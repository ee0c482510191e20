//! The handshake of one connection: from its first byte to its first byte of traffic.
//!
//! Bytes go in by [`Handshake::handle_input`], bytes come out of [`Handshake::output`], and a ZAP question may stand
//! in between. The mechanisms decide what is said; this file does what they have in common: greeting, framing,
//! metadata, ERROR, ZAP. It has no clock: whoever owns the stream gives a handshake its time.
//!
//! Invariants:
//! - The outcome does not depend on how the input is cut. Not one byte behind the last one of the handshake is taken.
//! - At most one greeting and three commands of at most 64 KiB are held, and only as far as they have arrived.
//! - After an error everything else is the same error. Output stays valid: it ends with the ERROR command to be sent
//!   before closing, if there is one.
//! - While ZAP is awaited no input is taken, so a peer can't make us buffer.
//!
//! Peers of ZMTP 2.0 and 1.0 show themselves in the greeting, and have their own short handshake (`old.rs`).
//!
//! Source: RFC 37; where it leaves a choice, libzmq 4.3.5's is taken.

mod command_buffer;
mod config;
mod old;

pub use config::{HandshakeConfig, Opening};

use crate::command::encode_error;
use crate::error::{
    ConfigError, PeerIncompatible, PeerMisbehaved, ProtocolError, Unauthorized, ZapHandlerError,
};
use crate::greeting::{Greeting, GreetingReader, GreetingWriter};
use crate::limits::ROUTING_ID_BYTES_MAX;
use crate::mechanism::{Cipher, Mechanism, MechanismConfig, Step};
use crate::metadata::{IDENTITY, Metadata, PEER_ADDRESS, SOCKET_TYPE, USER_ID};
use crate::socket_type::SocketType;
use crate::zap::{ZapCredentials, ZapReply, ZapRequest, ZapStatus};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use command_buffer::CommandBuffer;
use zeroize::Zeroize as _;

/// What is known of the peer when the handshake is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerProperties {
    /// What the peer speaks.
    pub protocol: PeerProtocol,
    /// 0: ZMTP 3.0 or older, whose subscriptions travel as messages. 1 or more: as commands.
    pub minor_version: u8,
    /// The peer's socket type, compatible with ours; where the protocol does not tell it, the usual one.
    pub socket_type: SocketType,
    /// At most 255 bytes; empty if the peer did not name itself. RFC 37 forbids a zero in front, but libzmq sends
    /// and takes such ids, so they pass: a ROUTER must not confuse them with ids of its own making.
    pub routing_id: Vec<u8>,
    /// The ZAP handler's properties (`User-Id` first), then the peer's own, `Socket-Type` and `Identity` included,
    /// without those that the handler set too. A peer's own `User-Id` or `Peer-Address` is left out: they would be
    /// lies.
    pub properties: Vec<(String, Vec<u8>)>,
}

/// What a peer speaks.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum PeerProtocol {
    /// ZMTP 1.0: another framing ([`Zmtp1Decoder`](crate::Zmtp1Decoder)), no commands, no socket type.
    Zmtp1,
    /// ZMTP 2.0: no commands.
    Zmtp2,
    /// ZMTP 3, over whatever it is carried.
    Zmtp3,
    /// `ZWS2.0` without a mechanism: no socket type.
    Zws2,
}

/// The end of a handshake: who the peer is, and how traffic is encoded.
#[derive(Debug)]
pub struct Established {
    /// The peer.
    pub peer: PeerProperties,
    /// What to do with each message.
    pub cipher: Cipher,
}

/// How far a handshake is.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum HandshakeStatus {
    /// It waits for bytes from the peer, or has failed.
    InProgress,
    /// It waits for [`Handshake::handle_zap_reply`] and takes no input until then.
    AwaitingZap,
    /// Send what [`Handshake::output`] holds, then [`Handshake::finish`].
    Done,
}

/// What the mechanisms share: our settings, and what the peer has told.
#[derive(Debug)]
pub(crate) struct Common {
    config: HandshakeConfig,
    minor_version: u8,
    peer: Option<PeerProperties>,
    zap_properties: Vec<(String, Vec<u8>)>,
    /// Made of the seed when the first random byte is needed.
    random: Option<ChaCha20Rng>,
}

impl Common {
    /// Random bytes, never the same twice.
    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let seed = &mut self.config.seed;
        let random = self.random.get_or_insert_with(|| {
            let random = ChaCha20Rng::from_seed(**seed);
            seed.zeroize();
            random
        });
        let mut bytes = [0; N];
        random.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn mechanism(&self) -> &MechanismConfig {
        &self.config.mechanism
    }

    pub(crate) fn asks_zap(&self) -> bool {
        self.config.zap
    }

    /// Our metadata block.
    pub(crate) fn own_metadata(&self) -> Result<Vec<u8>, ConfigError> {
        self.config.own_metadata()
    }

    /// Judges and keeps the peer's metadata block.
    pub(crate) fn accept_metadata(&mut self, block: &[u8]) -> Result<(), ProtocolError> {
        let metadata = Metadata::parse(block)?;
        let name = metadata.find(SOCKET_TYPE).ok_or(PeerMisbehaved::SocketTypeMissing)?;
        let theirs =
            SocketType::from_name(name).ok_or(PeerMisbehaved::SocketTypeUnknown { len: name.len() })?;
        let ours = self.config.socket_type;
        if !ours.accepts_peer(theirs) {
            return Err(PeerIncompatible::SocketType { ours, theirs }.into());
        }
        let routing_id = metadata.find(IDENTITY).unwrap_or_default();
        if routing_id.len() > ROUTING_ID_BYTES_MAX {
            return Err(PeerMisbehaved::RoutingIdTooLong { len: routing_id.len() }.into());
        }
        let properties = metadata.iter().map(|p| (p.name.to_owned(), p.value.to_vec())).collect();
        self.peer = Some(PeerProperties {
            protocol: PeerProtocol::Zmtp3,
            minor_version: self.minor_version,
            socket_type: theirs,
            routing_id: routing_id.to_vec(),
            properties,
        });
        Ok(())
    }

    fn take_peer(&mut self) -> Option<PeerProperties> {
        let mut peer = self.peer.take()?;
        let zap = std::mem::take(&mut self.zap_properties);
        let claimed_by_us = |name: &str| {
            let reserved = [USER_ID, PEER_ADDRESS].into_iter();
            zap.iter().map(|(set, _)| set.as_str()).chain(reserved).any(|set| set.eq_ignore_ascii_case(name))
        };
        peer.properties.retain(|(name, _)| !claimed_by_us(name));
        peer.properties.splice(0..0, zap);
        Some(peer)
    }
}

#[derive(Debug)]
enum Stage {
    Greeting,
    /// ZMTP 2.0: a byte for the socket type.
    SocketType,
    /// A peer without a mechanism: its routing id.
    RoutingId(old::RoutingIdFrame),
    Commands,
    AwaitingZap(ZapCredentials),
    Done,
    Failed(ProtocolError),
}

/// One connection's handshake.
///
/// ```
/// use netzmq_proto::{Handshake, HandshakeConfig, HandshakeStatus, MechanismConfig, SocketType};
/// let mut push = Handshake::new(HandshakeConfig::new(SocketType::Push, MechanismConfig::Null));
/// let mut pull = Handshake::new(HandshakeConfig::new(SocketType::Pull, MechanismConfig::Null));
/// while push.status() != HandshakeStatus::Done || pull.status() != HandshakeStatus::Done {
///     let bytes = std::mem::take(push.output());
///     pull.handle_input(&bytes)?;
///     let bytes = std::mem::take(pull.output());
///     push.handle_input(&bytes)?;
/// }
/// assert_eq!(push.finish().expect("done").peer.socket_type, SocketType::Pull);
/// # Ok::<(), netzmq_proto::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Handshake {
    common: Common,
    mechanism: Mechanism,
    reader: GreetingReader,
    writer: GreetingWriter,
    command: CommandBuffer,
    output: Vec<u8>,
    stage: Stage,
}

impl Handshake {
    /// A handshake whose output already holds the signature.
    ///
    /// Settings that can't be sent (see [`HandshakeConfig::check`]) make it fail at once: the first
    /// [`Handshake::handle_input`] says so.
    #[must_use]
    pub fn new(config: HandshakeConfig) -> Handshake {
        let checked = config.check();
        let mechanism = Mechanism::new(&config.mechanism);
        let reader = GreetingReader::new();
        let writer = GreetingWriter::new(
            config.minor_version,
            config.mechanism.name(),
            config.mechanism.is_server(),
            config.routing_id.len(),
        );
        let common =
            Common { config, minor_version: 0, peer: None, zap_properties: Vec::new(), random: None };
        let (command, output, stage) = (CommandBuffer::default(), Vec::new(), Stage::Greeting);
        let mut handshake = Handshake { common, mechanism, reader, writer, command, output, stage };
        if let Err(error) = checked.map_err(ProtocolError::from).and_then(|()| handshake.open()) {
            handshake.fail(error);
        }
        handshake
    }

    fn open(&mut self) -> Result<(), ProtocolError> {
        match self.common.config.opening {
            Opening::Greeting => self.writer.advance(&self.reader, &mut self.output),
            Opening::Mechanism => {
                // Subscriptions are commands only where a mechanism seals them.
                let sealed = matches!(
                    self.common.mechanism(),
                    MechanismConfig::CurveServer { .. } | MechanismConfig::CurveClient { .. }
                );
                self.common.minor_version = u8::from(sealed);
                let step = self.mechanism.start(&mut self.common, &mut self.output)?;
                self.take_step(step);
            }
            Opening::RoutingId => {
                let usual = self.common.config.socket_type.usual_peer();
                self.exchange_routing_ids(PeerProtocol::Zws2, usual);
            }
        }
        Ok(())
    }

    /// Takes bytes from the front of `input` and returns how many. Fewer than all of them are taken in two cases: a
    /// ZAP reply is awaited (offer the rest again after [`Handshake::handle_zap_reply`]), or the handshake is done
    /// (the rest is traffic).
    ///
    /// # Errors
    /// The handshake has failed: send what [`Handshake::output`] holds, then close. Every later call says the same.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut rest = input;
        loop {
            let taken = match &self.stage {
                Stage::Failed(error) => return Err(error.clone()),
                Stage::AwaitingZap(_) | Stage::Done => break,
                _ if rest.is_empty() => break,
                Stage::Greeting => self.handle_greeting(rest),
                Stage::SocketType => self.handle_socket_type(rest),
                Stage::RoutingId(_) => self.handle_routing_id(rest),
                Stage::Commands => self.handle_commands(rest),
            };
            match taken {
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(input.len() - rest.len())
    }

    /// Bytes to be transmitted; the caller takes them out. After an error they are still to be sent, then the stream
    /// is to be closed.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// How far the handshake is.
    #[must_use]
    pub fn status(&self) -> HandshakeStatus {
        match self.stage {
            Stage::Greeting
            | Stage::SocketType
            | Stage::RoutingId(_)
            | Stage::Commands
            | Stage::Failed(_) => HandshakeStatus::InProgress,
            Stage::AwaitingZap(_) => HandshakeStatus::AwaitingZap,
            Stage::Done => HandshakeStatus::Done,
        }
    }

    /// The peer has shown a ZMTP signature: it is a ZeroMQ peer of some version after 1.0.
    #[must_use]
    pub fn seen_signature(&self) -> bool {
        self.reader.seen_signature() && !matches!(self.stage, Stage::Failed(ProtocolError::OwnConfig(_)))
    }

    /// The question for the ZAP handler, while one is open.
    #[must_use]
    pub fn zap_request(&self) -> Option<ZapRequest> {
        let Stage::AwaitingZap(credentials) = &self.stage else { return None };
        let config = &self.common.config;
        Some(ZapRequest {
            request_id: b"1".to_vec(),
            domain: config.zap_domain.clone(),
            address: config.peer_address.clone(),
            routing_id: config.routing_id.clone(),
            credentials: credentials.clone(),
        })
    }

    /// The ZAP handler's answer. Afterwards offer the input that was not taken.
    ///
    /// # Errors
    /// [`Unauthorized`] if the answer is no (output then holds the ERROR command, except for status 300), or
    /// [`ZapHandlerError::UnexpectedReply`] if nothing was asked, which changes nothing.
    pub fn handle_zap_reply(&mut self, reply: ZapReply) -> Result<(), ProtocolError> {
        if !matches!(self.stage, Stage::AwaitingZap(_)) {
            return Err(ZapHandlerError::UnexpectedReply.into());
        }
        self.stage = Stage::Commands;
        if reply.status != ZapStatus::Success {
            return Err(self.fail(Unauthorized::ByHandler { status: reply.status.code() }.into()));
        }
        // libzmq sets the user id even when it is empty, and takes it before metadata of the same name.
        let is_user_id = |name: &str| name.eq_ignore_ascii_case(USER_ID);
        self.common.zap_properties.push((USER_ID.to_owned(), reply.user_id));
        self.common.zap_properties.extend(reply.metadata.into_iter().filter(|(name, _)| !is_user_id(name)));
        let step = self.mechanism.resume(&mut self.common, &mut self.output);
        step.map(|step| self.take_step(step)).map_err(|error| self.fail(error))
    }

    /// The result, or the handshake itself if it is not done.
    ///
    /// # Errors
    /// Gives the handshake back unless [`Handshake::status`] is [`HandshakeStatus::Done`]. Bytes still in
    /// [`Handshake::output`] must have been taken: they are lost here.
    #[expect(clippy::result_large_err, reason = "the error is the value itself, handed back")]
    pub fn finish(mut self) -> Result<Established, Handshake> {
        if !matches!(self.stage, Stage::Done) {
            return Err(self);
        }
        match self.common.take_peer() {
            Some(peer) => Ok(Established { peer, cipher: self.mechanism.into_cipher() }),
            None => Err(self),
        }
    }

    fn handle_greeting(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let had = self.reader.bytes().len();
        let taken = match self.reader.handle_input(input) {
            Ok(taken) => taken,
            Err(ProtocolError::PeerIncompatible(old)) => return self.go_on_with_old_peer(old, had),
            Err(error) => return Err(error),
        };
        self.writer.advance(&self.reader, &mut self.output);
        if let Some(greeting) = self.reader.greeting() {
            self.check_greeting(&greeting)?;
            self.common.minor_version = greeting.minor_version;
            let step = self.mechanism.start(&mut self.common, &mut self.output)?;
            self.take_step(step);
        }
        Ok(taken)
    }

    fn check_greeting(&self, greeting: &Greeting) -> Result<(), ProtocolError> {
        let config = &self.common.config.mechanism;
        let mut ours = [0; 20];
        for (slot, byte) in ours.iter_mut().zip(config.name().bytes()) {
            *slot = byte;
        }
        if greeting.mechanism != ours {
            let theirs = greeting.mechanism;
            return Err(PeerIncompatible::MechanismMismatch { ours: config.name(), theirs }.into());
        }
        if greeting.as_server && config.is_server() {
            return Err(PeerIncompatible::BothServers.into());
        }
        Ok(())
    }

    fn handle_commands(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let taken = self.command.fill(input)?;
        if let Some(body) = self.command.take() {
            if let Some(reason) = self.mechanism.error_reason(&body)? {
                return Err(ProtocolError::peer_error(reason));
            }
            let step = self.mechanism.handle_command(&mut self.common, &body, &mut self.output)?;
            self.take_step(step);
        }
        Ok(taken)
    }

    fn take_step(&mut self, step: Step) {
        self.stage = match step {
            Step::Continue => Stage::Commands,
            Step::AwaitZap(credentials) => Stage::AwaitingZap(credentials),
            Step::Done => Stage::Done,
        };
    }

    /// Remembers why, and says so to a peer that can understand it. Who breaks the protocol is told nothing.
    fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        match &error {
            // A 300 is not told, so that the peer, which must not come back after an ERROR, tries again.
            ProtocolError::Unauthorized(Unauthorized::ByHandler { status }) if *status != 300 => {
                encode_error(status.to_string().as_bytes(), &mut self.output);
            }
            ProtocolError::PeerIncompatible(PeerIncompatible::SocketType { .. })
                if self.mechanism.peer_expects_answer() =>
            {
                encode_error(b"Invalid socket type", &mut self.output);
            }
            _ => {}
        }
        self.stage = Stage::Failed(error.clone());
        error
    }
}
