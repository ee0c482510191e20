//! ZMTP and its mechanisms, sans-IO: what the bytes on a ZeroMQ connection mean.
//!
//! ```text
//!                  bytes from the peer                      bytes for the peer
//!                          │                                        ▲
//!                          ▼                                        │
//!   ┌─────────────── Handshake::handle_input ───────────── Handshake::output ──┐
//!   │  greeting → mechanism (NULL, PLAIN, CURVE) → metadata      ⇅ ZAP         │
//!   └───────────────────────────── finish() ───────────────────────────────────┘
//!                                     │ Established { peer, cipher }
//!                                     ▼
//!      traffic: FrameHeader::parse / encode, Command::parse / encode_*, CurveOpener, CurveSealer
//! ```
//!
//! This crate decides and never moves: it does no I/O, reads no clock, owns no thread, draws no randomness (seeds are
//! arguments) and has no `unsafe`. Whoever owns the stream feeds it bytes and sends what it puts out.
//!
//! Around that core stand the things that every face of ZeroMQ agrees on: [`SocketType`], the grammar of
//! [`Endpoint`]s, Z85 text for keys, the ZAP codec, and every limit with its reason in [`limits`].
//!
//! Invariants:
//! - Bytes from a peer lead to `Ok` or `Err`, never to a panic, and memory grows with bytes received, never with a
//!   length that a peer claims.
//! - How a byte stream is cut into pieces never changes the outcome.
//! - An error says whose fault it is ([`ProtocolError`]) and carries numbers.
//!
//! Protocols: RFC 37 (ZMTP 3.1) and 23 (3.0), 15 (2.0) and 13 (1.0), 24 (PLAIN), 25 and 26 (CURVE), 27 (ZAP), 32 (Z85),
//! 45 (ZWS 2.0, over RFC 6455's WebSockets).

#![forbid(unsafe_code)]
// A peer's numbers index nothing: what does so anyway says why it holds.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod command;
pub mod limits;
pub mod z85;

mod endpoint;
mod error;
mod frame;
mod greeting;
mod handshake;
mod mechanism;
mod metadata;
mod password;
mod reframe;
mod socket_type;
mod websocket;
mod zap;

pub use command::Command;
pub use endpoint::{
    Endpoint, EndpointError, EndpointErrorKind, Host, HostPort, IpcEndpoint, Port, TcpEndpoint, TipcEndpoint,
    UdpEndpoint, VsockCid, VsockEndpoint, WsEndpoint,
};
pub use error::{
    CommandName, ConfigError, PeerIncompatible, PeerMisbehaved, ProtocolError, Unauthorized, WsFault,
    ZapHandlerError, zmq_code,
};
pub use frame::FrameHeader;
pub use greeting::{Greeting, GreetingReader, GreetingWriter};
pub use handshake::{
    Established, Handshake, HandshakeConfig, HandshakeStatus, Opening, PeerProperties, PeerProtocol,
};
pub use mechanism::{
    Cipher, CurveCipher, CurveKeyError, CurveOpener, CurvePublicKey, CurveSealer, CurveSecretKey,
    MechanismConfig, Opened,
};
pub use metadata::{IDENTITY, Metadata, PEER_ADDRESS, Property, SOCKET_TYPE, USER_ID, append_property};
pub use password::Password;
pub use reframe::zmtp1::{Zmtp1Decoder, Zmtp1Encoder};
pub use socket_type::SocketType;
pub use websocket::{WsDecoder, WsEncoder, WsProtocol, WsUpgrade};
pub use zap::{ZapCredentials, ZapReply, ZapRequest, ZapStatus};
