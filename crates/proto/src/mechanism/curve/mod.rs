//! CURVE: both sides know each other by their public keys, and everything after HELLO is encrypted.
//!
//! ```text
//! client                                                                  server
//!   HELLO     C', box[64 zeros](C' → S)                                ──►
//!         ◄── WELCOME   box[S', cookie](S → C')     cookie = secretbox[C', s'](a key of this connection only)
//!   INITIATE  cookie, box[C, vouch, metadata](C' → S')                 ──►   then ZAP, about C
//!             vouch = box[C', S](C → S')
//!         ◄── READY     box[metadata](S' → C')
//!   MESSAGE   box[flags, body](C' → S')                               ◄──►   box[flags, body](S' → C')
//! ```
//! Capital letters are public keys, small ones secret, primes mark keys of this connection.
//!
//! The client knows the server's key beforehand; the server learns the client's long-term key under encryption, with
//! a vouch that ties it to the connection's key. Between WELCOME and INITIATE the server keeps one cookie key and no
//! key of the connection. `client.rs` and `server.rs` are the two state machines, `secret_box.rs` is the only file
//! that touches primitives (all from dalek and dryoc), `keys.rs` has the typed keys, `cipher.rs` the traffic.
//!
//! Invariants: secrets are wiped when dropped and never shown; comparisons of secrets are constant-time; each nonce is
//! used once with its key; a peer's short nonces must grow, from HELLO on; a public key of low order is refused.
//!
//! Sources: RFC 26 (CurveZMQ), RFC 25 (its frames in ZMTP).

mod cipher;
mod client;
mod keys;
mod secret_box;
mod server;

pub use cipher::{CurveCipher, CurveOpener, CurveSealer, Opened};
pub(super) use client::CurveClient;
pub use keys::{CurveKeyError, CurvePublicKey, CurveSecretKey};
pub(super) use server::CurveServer;

use crate::error::{CommandName, PeerMisbehaved, ProtocolError};

/// Bytes of a box beyond its plaintext: Poly1305's tag, which comes first.
const TAG: usize = 16;
/// Bytes of a cookie: 16 of nonce, and a box of two keys.
const COOKIE: usize = 16 + TAG + 64;

type LongNonce = [u8; 24];

/// Prefixes for nonces of a counter of eight bytes.
mod prefix {
    pub(super) const HELLO: &[u8; 16] = b"CurveZMQHELLO---";
    pub(super) const INITIATE: &[u8; 16] = b"CurveZMQINITIATE";
    pub(super) const READY: &[u8; 16] = b"CurveZMQREADY---";
    pub(super) const MESSAGE_FROM_CLIENT: &[u8; 16] = b"CurveZMQMESSAGEC";
    pub(super) const MESSAGE_FROM_SERVER: &[u8; 16] = b"CurveZMQMESSAGES";
    /// And for those of sixteen random bytes.
    pub(super) const WELCOME: &[u8; 8] = b"WELCOME-";
    pub(super) const COOKIE: &[u8; 8] = b"COOKIE--";
    pub(super) const VOUCH: &[u8; 8] = b"VOUCH---";
}

/// A nonce of a prefix of `P` bytes and the 24 - `P` that are sent along.
#[expect(clippy::indexing_slicing, reason = "lengths that were checked while compiling")]
fn nonce<const P: usize, const N: usize>(prefix: &[u8; P], tail: &[u8; N]) -> LongNonce {
    const { assert!(P + N == 24, "a nonce has 24 bytes") };
    let mut nonce = [0; 24];
    nonce[..P].copy_from_slice(prefix);
    nonce[P..].copy_from_slice(tail);
    nonce
}

/// Reads a command's body from the front, piece by piece.
struct Pieces<'a> {
    rest: &'a [u8],
    malformed: PeerMisbehaved,
}

impl<'a> Pieces<'a> {
    /// What stands behind the name of `command`, if that is what `body` is.
    fn of(command: CommandName, body: &'a [u8]) -> Result<Pieces<'a>, ProtocolError> {
        let rest = super::expect_command(body, command)?;
        Ok(Pieces { rest, malformed: PeerMisbehaved::MalformedCommand { command, len: body.len() } })
    }

    fn plaintext(command: CommandName, bytes: &'a [u8]) -> Pieces<'a> {
        Pieces { rest: bytes, malformed: PeerMisbehaved::MalformedCommand { command, len: bytes.len() } }
    }

    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], ProtocolError> {
        let (piece, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.malformed())?;
        self.rest = rest;
        Ok(piece)
    }

    fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// What is left must have exactly this size.
    fn last<const N: usize>(self) -> Result<&'a [u8; N], ProtocolError> {
        self.rest.try_into().map_err(|_| self.malformed())
    }

    fn malformed(&self) -> ProtocolError {
        self.malformed.clone().into()
    }
}

/// The counter of a short nonce must have grown.
fn check_grown(previous: u64, received: u64) -> Result<(), ProtocolError> {
    if received <= previous {
        return Err(PeerMisbehaved::NonceNotIncreasing { previous, received }.into());
    }
    Ok(())
}
