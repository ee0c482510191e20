//! CURVE's client: HELLO, INITIATE, then traffic.
//!
//! It makes its connection's key when the peer's greeting is here, and never says a word in clear but that key.

use super::secret_box::BoxKey;
use super::{COOKIE, CurveCipher, CurvePublicKey, CurveSecretKey, Pieces, TAG, nonce, prefix};
use crate::command::append_command;
use crate::error::{CommandName, ConfigError, PeerMisbehaved, ProtocolError};
use crate::handshake::Common;
use crate::mechanism::{MechanismConfig, Step};
use zeroize::Zeroizing;

#[derive(Debug)]
pub(crate) struct CurveClient {
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    AwaitingWelcome { own: Box<CurveSecretKey>, with_server: BoxKey },
    AwaitingReady { key: BoxKey },
    Done(Box<CurveCipher>),
}

/// HELLO has nonce 1, INITIATE 2, so traffic begins with 3.
const FIRST_MESSAGE_NONCE: u64 = 3;

impl CurveClient {
    pub(crate) const fn new() -> CurveClient {
        CurveClient { state: State::Idle }
    }

    pub(crate) fn start(&mut self, common: &mut Common, out: &mut Vec<u8>) -> Result<Step, ProtocolError> {
        let own = CurveSecretKey::from_bytes(common.random());
        let MechanismConfig::CurveClient { server_key, .. } = common.mechanism() else {
            return Ok(Step::Continue);
        };
        let with_server = BoxKey::agree(&own, server_key).ok_or(ConfigError::WeakKey)?;
        let short = 1u64.to_be_bytes();
        let signature = with_server.seal(&nonce(prefix::HELLO, &short), &[&[0; 64]]);
        append_command("HELLO", &[&[1, 0], &[0; 72], own.public_key().as_bytes(), &short, &signature], out);
        self.state = State::AwaitingWelcome { own: Box::new(own), with_server };
        Ok(Step::Continue)
    }

    pub(crate) fn handle_command(
        &mut self,
        common: &mut Common,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, ProtocolError> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::AwaitingWelcome { own, with_server } => {
                let key = answer_welcome(common, body, &own, &with_server, out)?;
                self.state = State::AwaitingReady { key };
                Ok(Step::Continue)
            }
            State::AwaitingReady { key } => {
                let mut pieces = Pieces::of(CommandName::Ready, body)?;
                let short = pieces.take::<8>()?;
                if pieces.rest.len() < TAG {
                    return Err(pieces.malformed());
                }
                let metadata = key
                    .open(&nonce(prefix::READY, short), pieces.rest())
                    .ok_or(PeerMisbehaved::BoxNotAuthentic { command: CommandName::Ready })?;
                common.accept_metadata(&metadata)?;
                self.state = State::Done(Box::new(CurveCipher::new(
                    key.stream(prefix::MESSAGE_FROM_CLIENT),
                    FIRST_MESSAGE_NONCE,
                    key.stream(prefix::MESSAGE_FROM_SERVER),
                    u64::from_be_bytes(*short),
                )));
                Ok(Step::Done)
            }
            state @ (State::Idle | State::Done(_)) => {
                self.state = state;
                Ok(Step::Continue)
            }
        }
    }

    pub(crate) fn into_cipher(self) -> Option<Box<CurveCipher>> {
        match self.state {
            State::Done(cipher) => Some(cipher),
            _ => None,
        }
    }
}

/// Reads WELCOME, says INITIATE, and returns the connection's key.
fn answer_welcome(
    common: &mut Common,
    body: &[u8],
    own: &CurveSecretKey,
    with_server: &BoxKey,
    out: &mut Vec<u8>,
) -> Result<BoxKey, ProtocolError> {
    let command = CommandName::Welcome;
    let mut pieces = Pieces::of(command, body)?;
    let long = pieces.take::<16>()?;
    let sealed = pieces.last::<{ TAG + 32 + COOKIE }>()?;
    let welcome = with_server
        .open(&nonce(prefix::WELCOME, long), sealed)
        .ok_or(PeerMisbehaved::BoxNotAuthentic { command })?;
    let mut pieces = Pieces::plaintext(command, &welcome);
    let server = CurvePublicKey::from_bytes(*pieces.take::<32>()?);
    let cookie = pieces.last::<COOKIE>()?;
    let weak = PeerMisbehaved::WeakPublicKey { command };
    let key = BoxKey::agree(own, &server).ok_or_else(|| weak.clone())?;

    let vouch_nonce: [u8; 16] = common.random();
    let metadata = Zeroizing::new(common.own_metadata()?);
    let MechanismConfig::CurveClient { server_key, public_key, secret_key } = common.mechanism() else {
        return Err(ConfigError::WeakKey.into());
    };
    let vouch = BoxKey::agree(secret_key, &server)
        .ok_or(weak)?
        .seal(&nonce(prefix::VOUCH, &vouch_nonce), &[own.public_key().as_bytes(), server_key.as_bytes()]);
    let short = 2u64.to_be_bytes();
    let initiate =
        key.seal(&nonce(prefix::INITIATE, &short), &[public_key.as_bytes(), &vouch_nonce, &vouch, &metadata]);
    append_command("INITIATE", &[cookie, &short, &initiate], out);
    Ok(key)
}
