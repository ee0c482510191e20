//! libzmq's numbers for protocol errors, as `zmq.h` gives them to monitors, and which error has which.
//!
//! Names are `zmq.h`'s without `ZMQ_PROTOCOL_ERROR_`. Invariant: no wildcard arm, so that a new error does not compile
//! until it has a number.

#![allow(missing_docs, reason = "the names say it")]

use super::{CommandName, PeerIncompatible, PeerMisbehaved, ProtocolError, ZapHandlerError};

pub const ZMTP_UNSPECIFIED: u32 = 0x1000_0000;
pub const ZMTP_UNEXPECTED_COMMAND: u32 = 0x1000_0001;
pub const ZMTP_INVALID_SEQUENCE: u32 = 0x1000_0002;
pub const ZMTP_KEY_EXCHANGE: u32 = 0x1000_0003;
pub const ZMTP_MALFORMED_COMMAND_UNSPECIFIED: u32 = 0x1000_0011;
pub const ZMTP_MALFORMED_COMMAND_MESSAGE: u32 = 0x1000_0012;
pub const ZMTP_MALFORMED_COMMAND_HELLO: u32 = 0x1000_0013;
pub const ZMTP_MALFORMED_COMMAND_INITIATE: u32 = 0x1000_0014;
pub const ZMTP_MALFORMED_COMMAND_ERROR: u32 = 0x1000_0015;
pub const ZMTP_MALFORMED_COMMAND_READY: u32 = 0x1000_0016;
pub const ZMTP_MALFORMED_COMMAND_WELCOME: u32 = 0x1000_0017;
pub const ZMTP_INVALID_METADATA: u32 = 0x1000_0018;
pub const ZMTP_CRYPTOGRAPHIC: u32 = 0x1100_0001;
pub const ZMTP_MECHANISM_MISMATCH: u32 = 0x1100_0002;
pub const ZAP_UNSPECIFIED: u32 = 0x2000_0000;
pub const ZAP_MALFORMED_REPLY: u32 = 0x2000_0001;
pub const ZAP_BAD_REQUEST_ID: u32 = 0x2000_0002;
pub const ZAP_BAD_VERSION: u32 = 0x2000_0003;
pub const ZAP_INVALID_STATUS_CODE: u32 = 0x2000_0004;
pub const ZAP_INVALID_METADATA: u32 = 0x2000_0005;
pub const WS_UNSPECIFIED: u32 = 0x3000_0000;

impl ProtocolError {
    /// libzmq's `ZMQ_PROTOCOL_ERROR_*` number: the value of `ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL`.
    ///
    /// `None` where libzmq reports something else: [`Unauthorized`](super::Unauthorized) is `ZMQ_EVENT_HANDSHAKE_FAILED_AUTH` with the
    /// status as its value, and an ERROR command or a setting of our own is `…_FAILED_NO_DETAIL`.
    ///
    /// ```
    /// use netzmq_proto::{PeerMisbehaved, ProtocolError};
    /// let error = ProtocolError::from(PeerMisbehaved::NonceNotIncreasing { previous: 7, received: 7 });
    /// assert_eq!(error.zmq_code(), Some(0x1000_0002));
    /// ```
    #[must_use]
    pub fn zmq_code(&self) -> Option<u32> {
        match self {
            ProtocolError::PeerMisbehaved(error) => Some(error.zmq_code()),
            ProtocolError::PeerIncompatible(error) => error.zmq_code(),
            ProtocolError::Unauthorized(_) | ProtocolError::OwnConfig(_) => None,
            ProtocolError::ZapHandler(error) => Some(error.zmq_code()),
        }
    }
}

impl PeerMisbehaved {
    fn zmq_code(&self) -> u32 {
        match self {
            PeerMisbehaved::ReservedFrameFlags { .. }
            | PeerMisbehaved::CommandWithMore { .. }
            | PeerMisbehaved::FrameTooLong { .. }
            | PeerMisbehaved::MessageTooLong { .. }
            | PeerMisbehaved::MessageTooManyParts { .. }
            | PeerMisbehaved::TooManyCommands { .. }
            | PeerMisbehaved::HandshakeTooLong { .. }
            | PeerMisbehaved::FrameWithoutFlags
            | PeerMisbehaved::CommandInsideMessage => ZMTP_UNSPECIFIED,
            PeerMisbehaved::WebSocket(_) => WS_UNSPECIFIED,
            PeerMisbehaved::NotACommand { .. } | PeerMisbehaved::UnexpectedCommand { .. } => {
                ZMTP_UNEXPECTED_COMMAND
            }
            PeerMisbehaved::CommandTooLong { .. }
            | PeerMisbehaved::MalformedCommandName { .. }
            | PeerMisbehaved::ContextTooLong { .. } => ZMTP_MALFORMED_COMMAND_UNSPECIFIED,
            PeerMisbehaved::MalformedCommand { command, .. } => match command {
                CommandName::Hello => ZMTP_MALFORMED_COMMAND_HELLO,
                CommandName::Welcome => ZMTP_MALFORMED_COMMAND_WELCOME,
                CommandName::Initiate => ZMTP_MALFORMED_COMMAND_INITIATE,
                CommandName::Ready => ZMTP_MALFORMED_COMMAND_READY,
                CommandName::Error => ZMTP_MALFORMED_COMMAND_ERROR,
                CommandName::Message => ZMTP_MALFORMED_COMMAND_MESSAGE,
                CommandName::Ping | CommandName::Pong | CommandName::Other => {
                    ZMTP_MALFORMED_COMMAND_UNSPECIFIED
                }
            },
            PeerMisbehaved::MetadataTruncated { .. }
            | PeerMisbehaved::MetadataName { .. }
            | PeerMisbehaved::MetadataDuplicate { .. }
            | PeerMisbehaved::MetadataTooMany { .. }
            | PeerMisbehaved::SocketTypeMissing
            | PeerMisbehaved::SocketTypeUnknown { .. }
            | PeerMisbehaved::RoutingIdTooLong { .. } => ZMTP_INVALID_METADATA,
            PeerMisbehaved::BoxNotAuthentic { .. } | PeerMisbehaved::CookieMismatch => ZMTP_CRYPTOGRAPHIC,
            PeerMisbehaved::VouchMismatch | PeerMisbehaved::WeakPublicKey { .. } => ZMTP_KEY_EXCHANGE,
            PeerMisbehaved::NonceNotIncreasing { .. } => ZMTP_INVALID_SEQUENCE,
        }
    }
}

impl PeerIncompatible {
    fn zmq_code(&self) -> Option<u32> {
        match self {
            PeerIncompatible::Unversioned { .. } | PeerIncompatible::OldVersion { .. } => {
                Some(ZMTP_UNSPECIFIED)
            }
            PeerIncompatible::MechanismMismatch { .. } | PeerIncompatible::BothServers => {
                Some(ZMTP_MECHANISM_MISMATCH)
            }
            PeerIncompatible::SocketType { .. } => Some(ZMTP_INVALID_METADATA),
            PeerIncompatible::CurveVersion { .. } => Some(ZMTP_MALFORMED_COMMAND_HELLO),
            PeerIncompatible::Refused { .. } => None,
        }
    }
}

impl ZapHandlerError {
    fn zmq_code(self) -> u32 {
        match self {
            ZapHandlerError::MalformedReply { .. } => ZAP_MALFORMED_REPLY,
            ZapHandlerError::BadVersion => ZAP_BAD_VERSION,
            ZapHandlerError::BadRequestId => ZAP_BAD_REQUEST_ID,
            ZapHandlerError::InvalidStatusCode => ZAP_INVALID_STATUS_CODE,
            ZapHandlerError::InvalidMetadata => ZAP_INVALID_METADATA,
            ZapHandlerError::UnexpectedReply => ZAP_UNSPECIFIED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libzmqs_numbers() {
        let code = |error: PeerMisbehaved| ProtocolError::from(error).zmq_code();
        let command = CommandName::Ready;
        assert_eq!(code(PeerMisbehaved::MalformedCommand { command, len: 1 }), Some(0x1000_0016));
        assert_eq!(code(PeerMisbehaved::BoxNotAuthentic { command }), Some(0x1100_0001));
        assert_eq!(code(PeerMisbehaved::VouchMismatch), Some(0x1000_0003));
        assert_eq!(code(PeerMisbehaved::SocketTypeMissing), Some(0x1000_0018));
        let mismatch = PeerIncompatible::MechanismMismatch {
            ours: "NULL",
            theirs: *b"CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        };
        assert_eq!(mismatch.to_string(), "the mechanism CURVE, where ours is NULL");
        assert_eq!(ProtocolError::from(mismatch).zmq_code(), Some(0x1100_0002));
        assert_eq!(ProtocolError::from(ZapHandlerError::BadVersion).zmq_code(), Some(0x2000_0003));
    }
}
