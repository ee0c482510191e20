//! What can go wrong with a peer, by whose fault it is, in numbers rather than prose.
//!
//! These errors close one connection and become one monitor event. They never surface in `send` or `recv`, and none
//! of them stands for a fault of ours: impossible cases of our own are assertions. Texts are made only when someone
//! displays an error; the values carry what was seen.
//!
//! Invariant: every variant that can be reached has a row in [`ProtocolError::zmq_code`], which has no wildcard arm
//! where libzmq has a number to give.

pub mod zmq_code;

use crate::socket_type::SocketType;
use thiserror::Error;

/// Why a connection can't go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// The peer broke the protocol: a bug on its side, line noise, or an attack.
    #[error("the peer misbehaved: {0}")]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// The peer speaks correctly, but the two of us are not configured for one another.
    #[error("the peer does not fit: {0}")]
    PeerIncompatible(#[from] PeerIncompatible),
    /// Authentication said no.
    #[error("not authorised: {0}")]
    Unauthorized(#[from] Unauthorized),
    /// The ZAP handler, which is on our own side, did not answer as RFC 27 says.
    #[error("the ZAP handler misbehaved: {0}")]
    ZapHandler(#[from] ZapHandlerError),
    /// Our own handshake settings can't be put on the wire.
    #[error("the handshake's own settings can't be sent: {0}")]
    OwnConfig(#[from] ConfigError),
}

/// The command that a handshake was at, where it matters for an error.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommandName {
    /// PLAIN's and CURVE's opening, by the client.
    Hello,
    /// The server's answer to HELLO.
    Welcome,
    /// The client's credentials or metadata.
    Initiate,
    /// Metadata, and the end of a handshake.
    Ready,
    /// A refusal.
    Error,
    /// A CURVE box of traffic.
    Message,
    /// A heartbeat.
    Ping,
    /// A heartbeat's echo.
    Pong,
    /// Any other command.
    Other,
}

impl CommandName {
    /// The name on the wire; `"?"` for [`CommandName::Other`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            CommandName::Hello => "HELLO",
            CommandName::Welcome => "WELCOME",
            CommandName::Initiate => "INITIATE",
            CommandName::Ready => "READY",
            CommandName::Error => "ERROR",
            CommandName::Message => "MESSAGE",
            CommandName::Ping => "PING",
            CommandName::Pong => "PONG",
            CommandName::Other => "?",
        }
    }

    /// Recognises a name from the wire.
    #[must_use]
    pub fn from_wire(name: &[u8]) -> CommandName {
        match name {
            b"HELLO" => CommandName::Hello,
            b"WELCOME" => CommandName::Welcome,
            b"INITIATE" => CommandName::Initiate,
            b"READY" => CommandName::Ready,
            b"ERROR" => CommandName::Error,
            b"MESSAGE" => CommandName::Message,
            b"PING" => CommandName::Ping,
            b"PONG" => CommandName::Pong,
            _ => CommandName::Other,
        }
    }
}

/// The peer broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// Bits of a frame's flag byte that must be zero are set.
    #[error("reserved bits in the frame flags {flags:#04x}")]
    ReservedFrameFlags {
        /// The whole flag byte.
        flags: u8,
    },
    /// A frame is both a command and "more follows".
    #[error("a command frame with the more flag, flags {flags:#04x}")]
    CommandWithMore {
        /// The whole flag byte.
        flags: u8,
    },
    /// A frame's length has its highest bit set.
    #[error("a frame of {len} bytes, 2^63 or more")]
    FrameTooLong {
        /// The claimed length.
        len: u64,
    },
    /// A command is longer than this crate takes.
    #[error("a command of {len} bytes, more than {max}")]
    CommandTooLong {
        /// The claimed length.
        len: u64,
        /// The limit.
        max: u64,
    },
    /// A message is longer than our socket takes (`max_msg_size`).
    #[error("a message of {len} bytes, more than {max}")]
    MessageTooLong {
        /// The claimed length.
        len: u64,
        /// The limit.
        max: u64,
    },
    /// A message has more parts than our socket takes (`max_message_parts`).
    #[error("a message of more than {max} parts")]
    MessageTooManyParts {
        /// The limit.
        max: usize,
    },
    /// More commands within a second than our socket takes (`max_command_rate`).
    #[error("more than {max} commands within a second")]
    TooManyCommands {
        /// The limit.
        max: usize,
    },
    /// More bytes before the end of the handshake than our socket takes (`max_handshake_size`).
    #[error("a handshake of more than {max} bytes")]
    HandshakeTooLong {
        /// The limit.
        max: usize,
    },
    /// A ZMTP 1.0 frame whose length leaves no room for its flags.
    #[error("a frame without flags")]
    FrameWithoutFlags,
    /// The rules of WebSockets.
    #[error("{0}")]
    WebSocket(#[from] WsFault),
    /// A command came between two parts of one message.
    #[error("a command between the parts of a message")]
    CommandInsideMessage,
    /// A message frame came where the handshake must have a command.
    #[error("a message frame of {len} bytes inside the handshake")]
    NotACommand {
        /// The frame's length.
        len: u64,
    },
    /// A command came that has no place at this point.
    #[error("the command {} where {} was expected", got.as_str(), expected.as_str())]
    UnexpectedCommand {
        /// What the handshake was waiting for.
        expected: CommandName,
        /// What came.
        got: CommandName,
    },
    /// A command body has no complete name in front.
    #[error("a command of {len} bytes without a complete name")]
    MalformedCommandName {
        /// Bytes of the command's body.
        len: usize,
    },
    /// A command's body does not have the form its name asks for.
    #[error("a malformed {} of {len} bytes", command.as_str())]
    MalformedCommand {
        /// Which command.
        command: CommandName,
        /// Bytes of its body.
        len: usize,
    },
    /// A PING or PONG carries more context than the standard allows.
    #[error("a {} context of {len} bytes", command.as_str())]
    ContextTooLong {
        /// PING or PONG.
        command: CommandName,
        /// Bytes of context.
        len: usize,
    },
    /// A metadata block ends inside a property.
    #[error("metadata that ends inside the property at byte {at}")]
    MetadataTruncated {
        /// Where the cut property begins, in bytes from the block's start.
        at: usize,
    },
    /// A property's name is empty or has bytes outside printable ASCII.
    #[error("a metadata name that is empty or not printable, at byte {at}")]
    MetadataName {
        /// Where the property begins, in bytes from the block's start.
        at: usize,
    },
    /// One property twice (names are compared without case).
    #[error("a metadata property twice, at byte {at}")]
    MetadataDuplicate {
        /// Where the second one begins, in bytes from the block's start.
        at: usize,
    },
    /// More properties than [`crate::limits::PROPERTIES_MAX`].
    #[error("more than {max} metadata properties")]
    MetadataTooMany {
        /// The limit.
        max: usize,
    },
    /// The peer's metadata lacks `Socket-Type`.
    #[error("metadata without a socket type")]
    SocketTypeMissing,
    /// The peer's `Socket-Type` is none that we know.
    #[error("an unknown socket type name of {len} bytes")]
    SocketTypeUnknown {
        /// Bytes of the name.
        len: usize,
    },
    /// The peer's routing id is longer than [`crate::limits::ROUTING_ID_BYTES_MAX`].
    #[error("a routing id of {len} bytes")]
    RoutingIdTooLong {
        /// Its length.
        len: usize,
    },
    /// A CURVE box did not open: wrong key, or forged or damaged bytes.
    #[error("the box of a {} did not open", command.as_str())]
    BoxNotAuthentic {
        /// The command that carried it.
        command: CommandName,
    },
    /// The INITIATE carries a cookie that is not the one we gave, or not for this client.
    #[error("a cookie that is not ours")]
    CookieMismatch,
    /// The INITIATE's vouch does not tie the client's two keys, or names another server.
    #[error("a vouch that does not hold")]
    VouchMismatch,
    /// A public key with which every shared secret would be the same.
    #[error("a public key of low order in a {}", command.as_str())]
    WeakPublicKey {
        /// The command that carried it.
        command: CommandName,
    },
    /// A CURVE nonce did not grow: a replay, or a broken peer.
    #[error("the nonce {received} after {previous}")]
    NonceNotIncreasing {
        /// The highest nonce seen before.
        previous: u64,
        /// The one that came.
        received: u64,
    },
}

/// What a WebSocket peer did wrong, in the upgrade or after it.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum WsFault {
    /// What came is no HTTP, or not the request or answer that opens a WebSocket.
    #[error("no WebSocket upgrade: {what}")]
    Upgrade {
        /// What is missing or wrong.
        what: &'static str,
    },
    /// The head of the request or answer is longer than [`crate::limits::HTTP_HEAD_BYTES_MAX`].
    #[error("an HTTP head of more than {max} bytes")]
    HeadTooLong {
        /// The limit.
        max: usize,
    },
    /// Bits for extensions, of which none was agreed on.
    #[error("reserved bits in a WebSocket frame ({first:#04x})")]
    ReservedBits {
        /// The frame's first byte.
        first: u8,
    },
    /// No kind of frame that has a place here: text, or one that nobody knows.
    #[error("a WebSocket frame with opcode {opcode}")]
    Opcode {
        /// Its opcode.
        opcode: u8,
    },
    /// Clients mask, servers don't.
    #[error("a WebSocket frame {} a mask", if *expected { "without" } else { "with" })]
    Mask {
        /// This side expects masked frames.
        expected: bool,
    },
    /// A message begun before the last one's fragments were complete, or a fragment of none.
    #[error("a WebSocket fragment out of order")]
    Sequence,
    /// Control frames are never in fragments.
    #[error("a WebSocket control frame in fragments")]
    ControlInFragments,
    /// A control frame of more than 125 bytes.
    #[error("a WebSocket control frame of {len} bytes")]
    ControlTooLong {
        /// Its length.
        len: u64,
    },
    /// A message without the byte that says what it is.
    #[error("a WebSocket message without flags")]
    NoFlags,
    /// Flags that mean nothing.
    #[error("unknown flags {flags:#04x} in a WebSocket message")]
    Flags {
        /// The byte.
        flags: u8,
    },
}

impl From<WsFault> for ProtocolError {
    fn from(fault: WsFault) -> ProtocolError {
        PeerMisbehaved::WebSocket(fault).into()
    }
}

/// The peer speaks correctly, but not to us.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// No ZMTP signature: a ZMTP 1.0 peer (libzmq 2.x), or something else altogether.
    #[error("no ZMTP signature (first byte {first_byte:#04x}): a ZMTP 1.0 peer, or not a ZeroMQ peer")]
    Unversioned {
        /// The first byte received.
        first_byte: u8,
    },
    /// The signature is followed by an old protocol's revision number (ZMTP 2.0 sends 1).
    #[error("a ZMTP peer of revision {revision}, older than 3.0")]
    OldVersion {
        /// What it sent in the place of the major version.
        revision: u8,
    },
    /// The two sides are configured for different mechanisms.
    #[error("the mechanism {}, where ours is {ours}", String::from_utf8_lossy(theirs).trim_end_matches('\0'))]
    MechanismMismatch {
        /// Our mechanism's name.
        ours: &'static str,
        /// The peer's, as it stands in the greeting.
        theirs: [u8; 20],
    },
    /// Both sides say that they are the mechanism's server.
    #[error("both sides are the server of the mechanism")]
    BothServers,
    /// The socket types don't go together.
    #[error("a {} socket, which does not go with {}", theirs.as_str(), ours.as_str())]
    SocketType {
        /// Our socket's type.
        ours: SocketType,
        /// The peer's.
        theirs: SocketType,
    },
    /// The client's CURVE version is not 1.0.
    #[error("CURVE {major}.{minor}")]
    CurveVersion {
        /// Major version.
        major: u8,
        /// Minor version.
        minor: u8,
    },
    /// The peer refused us with an ERROR command. Fatal: the same credentials must not be tried again.
    #[error("the peer refused: {}", reason.escape_ascii())]
    Refused {
        /// The reason as it came, at most 255 bytes.
        reason: Vec<u8>,
    },
}

/// Authentication said no, with a ZAP status.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Unauthorized {
    /// Our ZAP handler refused the peer: 300 (try again later), 400 (no) or 500 (handler's failure).
    #[error("our ZAP handler refused the peer with status {status}")]
    ByHandler {
        /// 300, 400 or 500.
        status: u16,
    },
    /// The peer's ERROR command carried a ZAP status.
    #[error("the peer refused us with status {status}")]
    ByPeer {
        /// 300, 400 or 500.
        status: u16,
    },
}

impl Unauthorized {
    /// The ZAP status code: the value of libzmq's `ZMQ_EVENT_HANDSHAKE_FAILED_AUTH`.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Unauthorized::ByHandler { status } | Unauthorized::ByPeer { status } => status,
        }
    }
}

/// The ZAP handler did not answer as RFC 27 says.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ZapHandlerError {
    /// Not the six frames of a reply, or a frame of a wrong size.
    #[error("a reply of {frames} frames, or one of a wrong size")]
    MalformedReply {
        /// How many frames came, without the delimiter.
        frames: usize,
    },
    /// The reply's version is not `1.0`.
    #[error("a reply of another version")]
    BadVersion,
    /// The reply's request id is not the request's.
    #[error("a reply to another request")]
    BadRequestId,
    /// The status is none of 200, 300, 400, 500.
    #[error("an invalid status code")]
    InvalidStatusCode,
    /// The reply's metadata is malformed.
    #[error("malformed metadata in a reply")]
    InvalidMetadata,
    /// A reply came that nobody waits for.
    #[error("a reply that nobody waits for")]
    UnexpectedReply,
}

/// Our own settings don't fit on the wire.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The routing id is longer than 255 bytes.
    #[error("a routing id of {len} bytes, more than 255")]
    RoutingIdTooLong {
        /// Its length.
        len: usize,
    },
    /// The PLAIN user name or password is longer than 255 bytes.
    #[error("a user name or password of {len} bytes, more than 255")]
    CredentialTooLong {
        /// Its length.
        len: usize,
    },
    /// A property's name is empty, longer than 255 bytes, or not printable ASCII.
    #[error("an invalid property name of {len} bytes")]
    PropertyName {
        /// Its length.
        len: usize,
    },
    /// One property twice, or one that the handshake itself sets.
    #[error("the property at index {index} is there already")]
    PropertyDuplicate {
        /// Its place in the list.
        index: usize,
    },
    /// More properties, or more bytes of them, than a peer of our own kind would take.
    #[error("metadata of {properties} properties and {bytes} bytes, too much for one command")]
    MetadataTooLarge {
        /// How many properties.
        properties: usize,
        /// How many bytes they take on the wire.
        bytes: usize,
    },
    /// A server key (or one's own secret key) that no handshake can work with.
    #[error("a key of low order")]
    WeakKey,
}

/// The faults that a connection in traffic finds; `#[cold]`, so that they don't weigh on the path they guard.
impl ProtocolError {
    /// [`PeerMisbehaved::CommandTooLong`].
    #[cold]
    #[must_use]
    pub fn command_too_long(len: u64, max: u64) -> ProtocolError {
        PeerMisbehaved::CommandTooLong { len, max }.into()
    }

    /// [`PeerMisbehaved::MessageTooLong`].
    #[cold]
    #[must_use]
    pub fn message_too_long(len: u64, max: u64) -> ProtocolError {
        PeerMisbehaved::MessageTooLong { len, max }.into()
    }

    /// [`PeerMisbehaved::MessageTooManyParts`].
    #[cold]
    #[must_use]
    pub fn too_many_parts(max: usize) -> ProtocolError {
        PeerMisbehaved::MessageTooManyParts { max }.into()
    }

    /// [`PeerMisbehaved::CommandInsideMessage`].
    #[cold]
    #[must_use]
    pub fn command_inside_message() -> ProtocolError {
        PeerMisbehaved::CommandInsideMessage.into()
    }

    /// A handshake's command in traffic.
    #[cold]
    #[must_use]
    pub fn unexpected_command() -> ProtocolError {
        PeerMisbehaved::UnexpectedCommand { expected: CommandName::Message, got: CommandName::Ready }.into()
    }

    /// What a peer's ERROR command with this reason means: [`Unauthorized::ByPeer`] if it is a ZAP status (libzmq
    /// sends them so), else [`PeerIncompatible::Refused`].
    #[cold]
    #[must_use]
    pub fn peer_error(reason: &[u8]) -> ProtocolError {
        match reason {
            b"300" => Unauthorized::ByPeer { status: 300 }.into(),
            b"400" => Unauthorized::ByPeer { status: 400 }.into(),
            b"500" => Unauthorized::ByPeer { status: 500 }.into(),
            _ => PeerIncompatible::Refused { reason: reason.to_vec() }.into(),
        }
    }
}

impl ProtocolError {
    /// True if connecting again with the same settings must fail the same way: an explicit refusal. (A 300 status
    /// is temporary.)
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            ProtocolError::Unauthorized(refusal) => refusal.status() != 300,
            ProtocolError::PeerIncompatible(PeerIncompatible::Refused { .. }) => true,
            ProtocolError::OwnConfig(_) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_refusals_are_final() {
        assert!(ProtocolError::peer_error(b"400").is_final());
        assert!(!ProtocolError::peer_error(b"300").is_final());
        assert!(ProtocolError::peer_error(b"go away").is_final());
        assert_eq!(ProtocolError::peer_error(b"400").zmq_code(), None);
    }
}
