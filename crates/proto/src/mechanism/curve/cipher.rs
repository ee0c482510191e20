//! CURVE's traffic: each message part, and each command, in a box of its own. The hot path of encrypted connections.
//!
//! ```text
//! frame header (2 or 9) │ 0x07 "MESSAGE" (8) │ nonce (8) │ tag (16) │ flags (1) │ plaintext
//!                       └──────────────── body: 33 bytes and the plaintext ────────────────┘
//! ```
//! [`CurveSealer`] writes a whole frame into the caller's buffer, encrypting there; [`CurveOpener`] decrypts a body in
//! the buffer that it was read into. Neither allocates, and the two halves belong to one thread each.
//!
//! The frame on the wire is a *message* frame without "more", whatever is inside: so does libzmq (4.3.5, seen on the
//! wire), although RFC 25 can be read to want a command. A reader must accept both, which means that on an encrypted
//! connection every frame goes to the opener; what it really is stands in the flags inside.
//!
//! Invariants: a sealer's nonces count up by one; an opener's must grow. After an error an opener is not used again:
//! the connection is over.
//!
//! Source: RFC 26, "MESSAGE".

use super::secret_box::StreamKey;
use super::{TAG, check_grown};
use crate::error::{CommandName, PeerMisbehaved, ProtocolError};
use crate::frame::FrameHeader;

const NAME: &[u8; 8] = b"\x07MESSAGE";
const FLAGS_AT: usize = NAME.len() + 8 + TAG;
const MORE: u8 = 0x01;
const COMMAND: u8 = 0x02;

/// Both directions of an encrypted connection.
#[derive(Debug)]
pub struct CurveCipher {
    /// For what goes out.
    pub sealer: CurveSealer,
    /// For what comes in.
    pub opener: CurveOpener,
}

impl CurveCipher {
    pub(super) fn new(send: StreamKey, next: u64, receive: StreamKey, last: u64) -> CurveCipher {
        CurveCipher { sealer: CurveSealer { key: send, next }, opener: CurveOpener { key: receive, last } }
    }

    /// The two halves, for their owners.
    #[must_use]
    pub fn split(self) -> (CurveSealer, CurveOpener) {
        (self.sealer, self.opener)
    }
}

/// Encrypts what goes out. Its key is wiped when it is dropped.
#[derive(Debug)]
pub struct CurveSealer {
    key: StreamKey,
    next: u64,
}

impl CurveSealer {
    /// Bytes of a frame's body beyond the plaintext.
    pub const OVERHEAD: usize = FLAGS_AT + 1;

    /// Bytes of the whole frame for a plaintext of `len` bytes: `len` + 35, or + 42 where the long header is needed.
    #[inline]
    #[must_use]
    pub const fn sealed_len(&self, len: usize) -> usize {
        let body = Self::OVERHEAD + len;
        FrameHeader::len_for(body as u64) + body
    }

    /// The nonce of the next frame.
    #[inline]
    #[must_use]
    pub const fn next_nonce(&self) -> u64 {
        self.next
    }

    /// Writes the whole frame of `body` into `frame`.
    ///
    /// For a command, `body` is what a command frame would hold: `\x04PING…`.
    ///
    /// # Panics
    /// If `frame` is not exactly [`CurveSealer::sealed_len`] bytes long.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "the length was asserted")]
    pub fn seal(&mut self, body: &[u8], more: bool, command: bool, frame: &mut [u8]) {
        assert_eq!(frame.len(), self.sealed_len(body.len()), "a buffer of the sealed length");
        let plaintext_at = frame.len() - body.len();
        frame[plaintext_at..].copy_from_slice(body);
        self.seal_in_place(body.len(), more, command, frame);
    }

    /// Like [`CurveSealer::seal`], with the plaintext, `len` bytes, lying at the end of `frame` already.
    ///
    /// # Panics
    /// If `frame` is not exactly [`CurveSealer::sealed_len`] bytes long.
    #[expect(clippy::indexing_slicing, reason = "the length was asserted")]
    pub fn seal_in_place(&mut self, len: usize, more: bool, command: bool, frame: &mut [u8]) {
        assert_eq!(frame.len(), self.sealed_len(len), "a buffer of the sealed length");
        debug_assert!(!(more && command), "a command is never followed by more");
        let body_len = Self::OVERHEAD + len;
        let mut header = [0; FrameHeader::MAX_LEN];
        let header_len = FrameHeader::encode(false, false, body_len as u64, &mut header);
        frame[..header_len].copy_from_slice(&header[..header_len]);
        let nonce = self.next.to_be_bytes();
        // 2^64 messages take centuries, so this does not come round.
        self.next = self.next.wrapping_add(1);
        let body = &mut frame[header_len..];
        body[FLAGS_AT] = (u8::from(more) * MORE) | (u8::from(command) * COMMAND);
        let tag = self.key.seal(&nonce, &mut body[FLAGS_AT..]);
        body[..8].copy_from_slice(NAME);
        body[8..16].copy_from_slice(&nonce);
        body[16..FLAGS_AT].copy_from_slice(&tag);
    }

    /// Decrypts the body of a frame that this sealer made, for a message that could not be sent after all: the more
    /// flag and the plaintext. `None` for a command, and for what is not of its making.
    #[must_use]
    pub fn recover(&self, body: &[u8]) -> Option<(bool, Vec<u8>)> {
        let mut body = body.to_vec();
        let (_, flags) = open(&self.key, &mut body).ok()?;
        (flags & COMMAND == 0).then(|| (flags & MORE != 0, body.split_off(Self::OVERHEAD)))
    }
}

/// Decrypts what comes in. Its key is wiped when it is dropped.
#[derive(Debug)]
pub struct CurveOpener {
    key: StreamKey,
    last: u64,
}

/// What was in a box.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Another part of the same message follows.
    pub more: bool,
    /// The plaintext is a command's body.
    pub command: bool,
    /// Where in the frame's body the plaintext begins; it goes to the end.
    pub start: usize,
}

impl CurveOpener {
    /// Decrypts the body of a frame in place; the plaintext is `body[opened.start..]` afterwards.
    ///
    /// # Errors
    /// Not a MESSAGE (plaintext included), a box that is not authentic, a nonce that did not grow, flags that don't
    /// exist. The connection is over then.
    pub fn open_in_place(&mut self, body: &mut [u8]) -> Result<Opened, ProtocolError> {
        let (nonce, flags) = open(&self.key, body)?;
        // Only an authentic nonce is worth comparing: a forged one must not be told from a replayed one.
        check_grown(self.last, nonce)?;
        self.last = nonce;
        let (more, command) = (flags & MORE != 0, flags & COMMAND != 0);
        if flags & !(MORE | COMMAND) != 0 || (more && command) {
            return Err(malformed(body.len()));
        }
        Ok(Opened { more, command, start: CurveSealer::OVERHEAD })
    }
}

/// Decrypts a body in place and returns its nonce and flags.
fn open(key: &StreamKey, body: &mut [u8]) -> Result<(u64, u8), ProtocolError> {
    let len = body.len();
    let Some((name, rest)) = body.split_first_chunk_mut::<8>() else { return Err(malformed(len)) };
    if name != NAME {
        let (expected, got) = (CommandName::Message, CommandName::Other);
        return Err(PeerMisbehaved::UnexpectedCommand { expected, got }.into());
    }
    let Some((nonce, rest)) = rest.split_first_chunk_mut::<8>() else { return Err(malformed(len)) };
    let Some((tag, text)) = rest.split_first_chunk_mut::<TAG>() else { return Err(malformed(len)) };
    if text.is_empty() {
        return Err(malformed(len));
    }
    if !key.open(nonce, tag, text) {
        return Err(PeerMisbehaved::BoxNotAuthentic { command: CommandName::Message }.into());
    }
    let flags = text.first().copied().unwrap_or_default();
    Ok((u64::from_be_bytes(*nonce), flags))
}

#[cold]
fn malformed(len: usize) -> ProtocolError {
    PeerMisbehaved::MalformedCommand { command: CommandName::Message, len }.into()
}
