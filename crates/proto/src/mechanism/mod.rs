//! Mechanisms: what happens between the greeting and the traffic.
//!
//! A mechanism is a small state machine that is fed whole command bodies and appends whole command frames. It knows
//! nothing of streams and splits; the handshake around it does the framing, the ERROR command and the ZAP question.
//!
//! Invariants: a mechanism is told `start` once, then commands one at a time; after [`Step::AwaitZap`] it gets
//! `resume` (only if the handler said yes) before anything else; after [`Step::Done`] nothing more. Each state
//! accepts one command and no mechanism takes more than two, so no peer can keep a handshake going.

mod curve;
mod null;
mod plain;

use crate::command::{parse_error, split_name};
use crate::error::{CommandName, ConfigError, PeerMisbehaved, ProtocolError};
use crate::handshake::Common;
use crate::limits::PLAIN_CREDENTIAL_BYTES_MAX;
use crate::password::Password;
use crate::zap::ZapCredentials;
pub use curve::{
    CurveCipher, CurveKeyError, CurveOpener, CurvePublicKey, CurveSealer, CurveSecretKey, Opened,
};
use curve::{CurveClient, CurveServer};
use null::Null;
use plain::{PlainClient, PlainServer};
use std::fmt;

/// Which mechanism a connection uses, on which side, with which secrets.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum MechanismConfig {
    /// No authentication, no encryption.
    #[default]
    Null,
    /// Checks a user name and password, through ZAP, which it always asks.
    PlainServer,
    /// Sends a user name and password in the clear.
    PlainClient {
        /// At most 255 bytes.
        username: String,
        /// At most 255 bytes.
        password: Password,
    },
    /// Proves to be the owner of a key, and learns the client's.
    CurveServer {
        /// The key whose public half the clients know.
        secret_key: CurveSecretKey,
    },
    /// Insists on a server's key, and proves to be the owner of its own.
    CurveClient {
        /// The server's public key.
        server_key: CurvePublicKey,
        /// Our public key; if it does not belong to `secret_key`, the server refuses us.
        public_key: CurvePublicKey,
        /// Our secret key.
        secret_key: CurveSecretKey,
    },
}

impl MechanismConfig {
    /// The mechanism's name in the greeting and in ZAP requests.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            MechanismConfig::Null => "NULL",
            MechanismConfig::PlainServer | MechanismConfig::PlainClient { .. } => "PLAIN",
            MechanismConfig::CurveServer { .. } | MechanismConfig::CurveClient { .. } => "CURVE",
        }
    }

    /// True for the side that authenticates the other. It is not tied to who bound and who connected.
    #[must_use]
    pub const fn is_server(&self) -> bool {
        matches!(self, MechanismConfig::PlainServer | MechanismConfig::CurveServer { .. })
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match self {
            MechanismConfig::PlainClient { username, password } => {
                let len = username.len().max(password.len());
                if len > PLAIN_CREDENTIAL_BYTES_MAX {
                    return Err(ConfigError::CredentialTooLong { len });
                }
                Ok(())
            }
            MechanismConfig::Null
            | MechanismConfig::PlainServer
            | MechanismConfig::CurveServer { .. }
            | MechanismConfig::CurveClient { .. } => Ok(()),
        }
    }
}

/// Never shows a secret.
impl fmt::Debug for MechanismConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MechanismConfig::Null => "Null",
            MechanismConfig::PlainServer => "PlainServer",
            MechanismConfig::PlainClient { .. } => "PlainClient { .. }",
            MechanismConfig::CurveServer { .. } => "CurveServer { .. }",
            MechanismConfig::CurveClient { .. } => "CurveClient { .. }",
        })
    }
}

/// What a mechanism leaves behind for the traffic.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Cipher {
    /// Frames go as they are.
    #[default]
    None,
    /// Every frame goes through a sealer and an opener.
    Curve(Box<CurveCipher>),
}

/// Where a mechanism stands after it was told something.
#[derive(Debug)]
pub(crate) enum Step {
    /// It waits for the peer's next command.
    Continue,
    /// It waits for a ZAP handler's verdict on these credentials.
    AwaitZap(ZapCredentials),
    /// It is complete.
    Done,
}

#[derive(Debug)]
pub(crate) enum Mechanism {
    Null(Null),
    PlainClient(PlainClient),
    PlainServer(PlainServer),
    CurveClient(CurveClient),
    CurveServer(CurveServer),
}

impl Mechanism {
    pub(crate) fn new(config: &MechanismConfig) -> Mechanism {
        match config {
            MechanismConfig::Null => Mechanism::Null(Null),
            MechanismConfig::PlainServer => Mechanism::PlainServer(PlainServer::default()),
            MechanismConfig::PlainClient { .. } => Mechanism::PlainClient(PlainClient::default()),
            MechanismConfig::CurveClient { .. } => Mechanism::CurveClient(CurveClient::new()),
            MechanismConfig::CurveServer { .. } => Mechanism::CurveServer(CurveServer::new()),
        }
    }

    /// The peer's greeting is here: say the first word, if it is ours.
    pub(crate) fn start(&mut self, common: &mut Common, out: &mut Vec<u8>) -> Result<Step, ProtocolError> {
        match self {
            Mechanism::Null(null) => null.start(common, out),
            Mechanism::PlainClient(plain) => plain.start(common, out),
            Mechanism::CurveClient(curve) => curve.start(common, out),
            Mechanism::PlainServer(_) | Mechanism::CurveServer(_) => Ok(Step::Continue),
        }
    }

    /// The reason, if the peer's command is an ERROR.
    pub(crate) fn error_reason<'a>(&self, body: &'a [u8]) -> Result<Option<&'a [u8]>, ProtocolError> {
        if let Mechanism::PlainClient(_) | Mechanism::PlainServer(_) = self
            && let Some(rest) = body.strip_prefix(plain::ERROR_OF_LIBZMQ)
        {
            return Ok(Some(parse_error(body, rest)?));
        }
        let (name, rest) = split_name(body)?;
        Ok(if name == b"ERROR" { Some(parse_error(body, rest)?) } else { None })
    }

    /// A whole command of the peer, other than ERROR.
    pub(crate) fn handle_command(
        &mut self,
        common: &mut Common,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, ProtocolError> {
        match self {
            Mechanism::Null(null) => null.handle_command(common, body, out),
            Mechanism::PlainClient(plain) => plain.handle_command(common, body, out),
            Mechanism::PlainServer(plain) => plain.handle_command(common, body, out),
            Mechanism::CurveClient(curve) => curve.handle_command(common, body, out),
            Mechanism::CurveServer(curve) => curve.handle_command(common, body, out),
        }
    }

    /// The ZAP handler said yes.
    pub(crate) fn resume(&mut self, common: &mut Common, out: &mut Vec<u8>) -> Result<Step, ProtocolError> {
        match self {
            Mechanism::Null(null) => null.resume(common, out),
            Mechanism::PlainServer(plain) => plain.resume(common, out),
            Mechanism::CurveServer(curve) => curve.resume(common, out),
            Mechanism::PlainClient(_) | Mechanism::CurveClient(_) => Ok(Step::Continue),
        }
    }

    /// The peer is still waiting for a word of ours, so that an ERROR command reaches it inside its handshake.
    pub(crate) fn peer_expects_answer(&self) -> bool {
        !matches!(self, Mechanism::PlainClient(_) | Mechanism::CurveClient(_))
    }

    pub(crate) fn into_cipher(self) -> Cipher {
        let cipher = match self {
            Mechanism::CurveClient(curve) => curve.into_cipher(),
            Mechanism::CurveServer(curve) => curve.into_cipher(),
            Mechanism::Null(_) | Mechanism::PlainClient(_) | Mechanism::PlainServer(_) => None,
        };
        cipher.map_or(Cipher::None, Cipher::Curve)
    }
}

/// Splits the expected command's name off, or says what came instead.
fn expect_command(body: &[u8], expected: CommandName) -> Result<&[u8], ProtocolError> {
    let (name, rest) = split_name(body)?;
    let got = CommandName::from_wire(name);
    if got != expected {
        return Err(PeerMisbehaved::UnexpectedCommand { expected, got }.into());
    }
    Ok(rest)
}

fn malformed(command: CommandName, body: &[u8]) -> ProtocolError {
    PeerMisbehaved::MalformedCommand { command, len: body.len() }.into()
}
