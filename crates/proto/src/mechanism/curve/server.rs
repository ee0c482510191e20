//! CURVE's server: WELCOME, the ZAP question, READY, then traffic.
//!
//! Between WELCOME and INITIATE it keeps one random cookie key and the client's last nonce; the connection's keys
//! travel in the cookie, and come back only from a client that could open the WELCOME. So a flood of HELLOs costs no
//! key material, and a cookie is worth nothing on another connection.

use super::secret_box::BoxKey;
use super::{COOKIE, CurveCipher, CurvePublicKey, CurveSecretKey, Pieces, TAG, check_grown, nonce, prefix};
use crate::command::append_command;
use crate::error::{CommandName, PeerIncompatible, PeerMisbehaved, ProtocolError};
use crate::handshake::Common;
use crate::mechanism::{MechanismConfig, Step};
use crate::zap::ZapCredentials;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

#[derive(Debug)]
pub(crate) struct CurveServer {
    state: State,
}

#[derive(Debug)]
enum State {
    AwaitingHello,
    AwaitingInitiate { cookie_key: BoxKey, last_nonce: u64 },
    AwaitingZap { key: BoxKey, last_nonce: u64, metadata: Zeroizing<Vec<u8>> },
    Done(Option<Box<CurveCipher>>),
}

impl CurveServer {
    pub(crate) const fn new() -> CurveServer {
        CurveServer { state: State::AwaitingHello }
    }

    pub(crate) fn handle_command(
        &mut self,
        common: &mut Common,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, ProtocolError> {
        match std::mem::replace(&mut self.state, State::Done(None)) {
            State::AwaitingHello => {
                self.state = answer_hello(common, body, out)?;
                Ok(Step::Continue)
            }
            State::AwaitingInitiate { cookie_key, last_nonce } => {
                let initiate = read_initiate(common, body, &cookie_key, last_nonce)?;
                let Initiate { key, last_nonce, client, metadata } = initiate;
                self.state = State::AwaitingZap { key, last_nonce, metadata };
                if common.asks_zap() {
                    Ok(Step::AwaitZap(ZapCredentials::Curve { public_key: client }))
                } else {
                    self.resume(common, out)
                }
            }
            state => {
                self.state = state;
                Ok(Step::Continue)
            }
        }
    }

    /// The client may come in: only now are its metadata looked at.
    pub(crate) fn resume(&mut self, common: &mut Common, out: &mut Vec<u8>) -> Result<Step, ProtocolError> {
        let State::AwaitingZap { key, last_nonce, metadata } =
            std::mem::replace(&mut self.state, State::Done(None))
        else {
            return Ok(Step::Continue);
        };
        common.accept_metadata(&metadata)?;
        let short = 1u64.to_be_bytes();
        let ready = key.seal(&nonce(prefix::READY, &short), &[&common.own_metadata()?]);
        append_command("READY", &[&short, &ready], out);
        // READY had nonce 1.
        self.state = State::Done(Some(Box::new(CurveCipher::new(
            key.stream(prefix::MESSAGE_FROM_SERVER),
            2,
            key.stream(prefix::MESSAGE_FROM_CLIENT),
            last_nonce,
        ))));
        Ok(Step::Done)
    }

    pub(crate) fn into_cipher(self) -> Option<Box<CurveCipher>> {
        match self.state {
            State::Done(cipher) => cipher,
            _ => None,
        }
    }
}

/// Our long-term key. It is there: this mechanism was made from a configuration that has it.
fn secret_key(common: &Common) -> Result<&CurveSecretKey, ProtocolError> {
    match common.mechanism() {
        MechanismConfig::CurveServer { secret_key } => Ok(secret_key),
        _ => Err(crate::error::ConfigError::WeakKey.into()),
    }
}

fn answer_hello(common: &mut Common, body: &[u8], out: &mut Vec<u8>) -> Result<State, ProtocolError> {
    let command = CommandName::Hello;
    let mut pieces = Pieces::of(command, body)?;
    let [major, minor] = *pieces.take::<2>()?;
    // Before anything else is measured: another version may have another size.
    if (major, minor) != (1, 0) {
        return Err(PeerIncompatible::CurveVersion { major, minor }.into());
    }
    let _padding = pieces.take::<72>()?;
    let client = CurvePublicKey::from_bytes(*pieces.take::<32>()?);
    let short = pieces.take::<8>()?;
    let malformed = pieces.malformed();
    let signature = pieces.last::<{ TAG + 64 }>()?;
    let with_client =
        BoxKey::agree(secret_key(common)?, &client).ok_or(PeerMisbehaved::WeakPublicKey { command })?;
    let zeros = with_client
        .open(&nonce(prefix::HELLO, short), signature)
        .ok_or(PeerMisbehaved::BoxNotAuthentic { command })?;
    if zeros.iter().any(|byte| *byte != 0) {
        return Err(malformed);
    }

    let own = CurveSecretKey::from_bytes(common.random());
    let cookie_key = BoxKey::from_bytes(Zeroizing::new(common.random()));
    let (cookie_nonce, welcome_nonce): ([u8; 16], [u8; 16]) = (common.random(), common.random());
    let cookie = cookie_key.seal(&nonce(prefix::COOKIE, &cookie_nonce), &[client.as_bytes(), own.as_bytes()]);
    let welcome = with_client.seal(
        &nonce(prefix::WELCOME, &welcome_nonce),
        &[own.public_key().as_bytes(), &cookie_nonce, &cookie],
    );
    append_command("WELCOME", &[&welcome_nonce, &welcome], out);
    Ok(State::AwaitingInitiate { cookie_key, last_nonce: u64::from_be_bytes(*short) })
}

struct Initiate {
    key: BoxKey,
    last_nonce: u64,
    client: CurvePublicKey,
    metadata: Zeroizing<Vec<u8>>,
}

fn read_initiate(
    common: &Common,
    body: &[u8],
    cookie_key: &BoxKey,
    last_nonce: u64,
) -> Result<Initiate, ProtocolError> {
    let command = CommandName::Initiate;
    let weak = PeerMisbehaved::WeakPublicKey { command };
    let not_authentic = PeerMisbehaved::BoxNotAuthentic { command };
    let mut pieces = Pieces::of(command, body)?;
    let cookie_nonce = pieces.take::<16>()?;
    let cookie = pieces.take::<{ COOKIE - 16 }>()?;
    let short = pieces.take::<8>()?;
    if pieces.rest.len() < TAG + 32 + 16 + TAG + 64 {
        return Err(pieces.malformed());
    }
    let cookie = cookie_key
        .open(&nonce(prefix::COOKIE, cookie_nonce), cookie)
        .ok_or(PeerMisbehaved::CookieMismatch)?;
    let mut kept = Pieces::plaintext(command, &cookie);
    let client_short_term = CurvePublicKey::from_bytes(*kept.take::<32>()?);
    let own = CurveSecretKey::from_bytes(*kept.last::<32>()?);

    let key = BoxKey::agree(&own, &client_short_term).ok_or(weak)?;
    let initiate = key.open(&nonce(prefix::INITIATE, short), pieces.rest()).ok_or(not_authentic)?;
    let received = u64::from_be_bytes(*short);
    check_grown(last_nonce, received)?;

    let mut pieces = Pieces::plaintext(command, &initiate);
    let client = CurvePublicKey::from_bytes(*pieces.take::<32>()?);
    let vouch_nonce = pieces.take::<16>()?;
    let vouch = pieces.take::<{ TAG + 64 }>()?;
    let metadata = Zeroizing::new(pieces.rest().to_vec());
    // A vouch that can't be opened and one that says something else are told apart, as libzmq's monitor events do.
    let vouch = BoxKey::agree(&own, &client)
        .and_then(|key| key.open(&nonce(prefix::VOUCH, vouch_nonce), vouch))
        .ok_or(PeerMisbehaved::BoxNotAuthentic { command })?;
    // The client's long-term key vouches for the connection's key, and for having meant this server.
    let own_long_term = secret_key(common)?.public_key();
    let expected = [client_short_term.as_bytes().as_slice(), own_long_term.as_bytes()].concat();
    let holds: bool = expected.ct_eq(&vouch).into();
    if !holds {
        return Err(PeerMisbehaved::VouchMismatch.into());
    }
    Ok(Initiate { key, last_nonce: received, client, metadata })
}
