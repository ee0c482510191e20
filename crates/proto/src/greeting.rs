//! The greeting: 64 bytes that each side sends first, in three steps, so that older peers can be told apart.
//!
//! [`GreetingWriter`] says which bytes may be sent when; [`GreetingReader`] collects the peer's and refuses at the
//! first byte that can't be right. Neither compares mechanisms; the handshake does.
//!
//! The steps are libzmq's: the signature at once; the major version when the peer's signature is here; the rest when
//! its major version is here. A ZMTP 1.0 or 2.0 peer would take our later bytes for something else, and this order
//! never sends them to one. The reader refuses them, with [`PeerIncompatible::Unversioned`] or
//! [`PeerIncompatible::OldVersion`]; whether one goes on with them is the handshake's to decide.
//!
//! Invariants: a reader takes exactly 64 bytes, and the outcome does not depend on how they are cut. A peer with a major version above 3 is
//! taken for a 3.1 peer, and any minor version is accepted (RFC 37).

use crate::error::{PeerIncompatible, ProtocolError};
use crate::limits::{GREETING_BYTES, SIGNATURE_BYTES};

const MAJOR: u8 = 3;
const MAJOR_AT: usize = 10;
const MINOR_AT: usize = 11;
const MECHANISM_AT: usize = 12;
const AS_SERVER_AT: usize = 32;

/// A ZMTP 1.0 peer takes the signature for the head of the frame that brings our routing id, so its padding is that frame's
/// length, as libzmq has it.
fn signature(routing_id_len: usize) -> [u8; SIGNATURE_BYTES] {
    let [a, b, c, d, e, f, g, h] = (routing_id_len as u64 + 1).to_be_bytes();
    [0xff, a, b, c, d, e, f, g, h, 0x7f]
}

/// A peer's whole greeting.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// 0 for a ZMTP 3.0 peer, 1 for 3.1 and for any major version above 3.
    pub minor_version: u8,
    /// The mechanism's name, padded with zeros.
    pub mechanism: [u8; 20],
    /// The peer says that it is the mechanism's server. libzmq never says so; only `true` means something.
    pub as_server: bool,
}

/// Collects a peer's greeting.
#[derive(Debug, Clone)]
pub struct GreetingReader {
    bytes: [u8; GREETING_BYTES],
    len: usize,
}

impl Default for GreetingReader {
    fn default() -> Self {
        Self::new()
    }
}

impl GreetingReader {
    /// A reader that has seen nothing.
    #[must_use]
    pub const fn new() -> GreetingReader {
        GreetingReader { bytes: [0; GREETING_BYTES], len: 0 }
    }

    /// Takes bytes from the front of `input`, at most up to the end of the current step (10, 11 or 64 bytes in
    /// all), and returns how many. Call again for the rest, after the writer has advanced.
    ///
    /// # Errors
    /// Something that is no ZMTP 3.x greeting, at the first step that shows it.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let step_end = if self.seen_major() {
            GREETING_BYTES
        } else if self.seen_signature() {
            MAJOR_AT + 1
        } else {
            SIGNATURE_BYTES
        };
        let taken = input.len().min(step_end - self.len);
        for (slot, byte) in self.bytes.iter_mut().skip(self.len).zip(input) {
            *slot = *byte;
        }
        self.len += taken;
        self.check()?;
        Ok(taken)
    }

    fn check(&self) -> Result<(), ProtocolError> {
        let first_byte = self.bytes[0];
        let unversioned = PeerIncompatible::Unversioned { first_byte };
        // The low bit of the tenth byte is libzmq's test: a ZMTP 1.0 length of eight bytes would be followed by
        // flags with that bit zero.
        if (self.len > 0 && first_byte != 0xff) || (self.seen_signature() && self.bytes[9] & 1 == 0) {
            return Err(unversioned.into());
        }
        let revision = self.bytes[MAJOR_AT];
        if self.seen_major() && revision < MAJOR {
            return Err(PeerIncompatible::OldVersion { revision }.into());
        }
        Ok(())
    }

    /// What was taken so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The peer's signature is complete and valid.
    #[must_use]
    pub const fn seen_signature(&self) -> bool {
        self.len >= SIGNATURE_BYTES
    }

    /// The peer's major version is here, and 3 or more.
    #[must_use]
    pub const fn seen_major(&self) -> bool {
        self.len > MAJOR_AT
    }

    /// The whole greeting, once it is here.
    #[must_use]
    pub fn greeting(&self) -> Option<Greeting> {
        if self.len < GREETING_BYTES {
            return None;
        }
        let mut mechanism = [0; 20];
        mechanism.copy_from_slice(&self.bytes[MECHANISM_AT..AS_SERVER_AT]);
        let minor_version = if self.bytes[MAJOR_AT] == MAJOR { self.bytes[MINOR_AT] } else { 1 };
        Some(Greeting { minor_version, mechanism, as_server: self.bytes[AS_SERVER_AT] & 1 != 0 })
    }
}

/// Sends our greeting, step by step.
#[derive(Debug, Clone)]
pub struct GreetingWriter {
    bytes: [u8; GREETING_BYTES],
    sent: usize,
}

impl GreetingWriter {
    /// A writer for this mechanism's name (at most 20 bytes are sent). `routing_id_len` is for ZMTP 1.0 peers, to which
    /// nothing but the signature is sent here: the routing id itself has to follow it.
    #[must_use]
    pub fn new(minor_version: u8, mechanism: &str, as_server: bool, routing_id_len: usize) -> GreetingWriter {
        let mut bytes = [0; GREETING_BYTES];
        bytes[..SIGNATURE_BYTES].copy_from_slice(&signature(routing_id_len));
        bytes[MAJOR_AT] = MAJOR;
        bytes[MINOR_AT] = minor_version;
        for (slot, byte) in bytes[MECHANISM_AT..AS_SERVER_AT].iter_mut().zip(mechanism.as_bytes()) {
            *slot = *byte;
        }
        bytes[AS_SERVER_AT] = u8::from(as_server);
        GreetingWriter { bytes, sent: 0 }
    }

    /// Appends what may be sent, given what the peer has shown.
    pub fn advance(&mut self, peer: &GreetingReader, out: &mut Vec<u8>) {
        let allowed = if peer.seen_major() {
            GREETING_BYTES
        } else if peer.seen_signature() {
            MAJOR_AT + 1
        } else {
            SIGNATURE_BYTES
        };
        out.extend_from_slice(self.bytes.get(self.sent..allowed).unwrap_or_default());
        self.sent = self.sent.max(allowed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn feed(reader: &mut GreetingReader, bytes: &[u8]) -> Result<usize, ProtocolError> {
        let mut taken = 0;
        while taken < bytes.len() {
            match reader.handle_input(&bytes[taken..])? {
                0 => break,
                more => taken += more,
            }
        }
        Ok(taken)
    }

    fn whole(minor: u8, mechanism: &str, as_server: bool) -> Vec<u8> {
        GreetingWriter::new(minor, mechanism, as_server, 0).bytes.to_vec()
    }

    #[test]
    fn three_steps() {
        let mut writer = GreetingWriter::new(1, "NULL", false, 0);
        let mut reader = GreetingReader::new();
        let peer = whole(0, "PLAIN", true);
        let mut out = Vec::new();
        writer.advance(&reader, &mut out);
        assert_eq!(out, b"\xff\0\0\0\0\0\0\0\x01\x7f");
        writer.advance(&reader, &mut out);
        assert_eq!(out.len(), 10);
        assert_eq!(reader.handle_input(&peer[..10]), Ok(10));
        writer.advance(&reader, &mut out);
        assert_eq!(out[10..], [3]);
        assert_eq!(reader.handle_input(&peer[10..11]), Ok(1));
        writer.advance(&reader, &mut out);
        assert_eq!(out, whole(1, "NULL", false));
        assert_eq!(&out[10..18], b"\x03\x01NULL\0\0");
        assert_eq!(reader.greeting(), None);
        // A byte behind the greeting is left alone.
        assert_eq!(feed(&mut reader, &[&peer[11..], b"x"].concat()), Ok(53));
        let greeting = reader.greeting().unwrap();
        assert_eq!((greeting.minor_version, greeting.as_server), (0, true));
        assert_eq!(&greeting.mechanism, b"PLAIN\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn older_and_newer_peers() {
        let try_bytes = |bytes: &[u8]| feed(&mut GreetingReader::new(), bytes);
        assert_eq!(try_bytes(b"\x01\0"), Err(PeerIncompatible::Unversioned { first_byte: 1 }.into()));
        assert_eq!(try_bytes(b"GET / HTTP"), Err(PeerIncompatible::Unversioned { first_byte: b'G' }.into()));
        // ZMTP 1.0 with a long identity: the flags byte has its low bit clear.
        let long = b"\xff\0\0\0\0\0\0\x01\0\x00";
        assert_eq!(try_bytes(long), Err(PeerIncompatible::Unversioned { first_byte: 0xff }.into()));
        for revision in 0..3 {
            let mut bytes = whole(0, "NULL", false);
            bytes[10] = revision;
            assert_eq!(try_bytes(&bytes[..11]), Err(PeerIncompatible::OldVersion { revision }.into()));
        }
        for (major, minor, seen) in [(3, 0, 0), (3, 1, 1), (3, 9, 9), (4, 0, 1), (255, 77, 1)] {
            let mut bytes = whole(minor, "NULL", false);
            bytes[10] = major;
            let mut reader = GreetingReader::new();
            assert_eq!(feed(&mut reader, &bytes), Ok(64));
            assert_eq!(reader.greeting().unwrap().minor_version, seen);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_cuts(mut bytes in prop::collection::vec(any::<u8>(), 0..100), like_zmtp: bool, cut in 1..9usize) {
            if like_zmtp {
                for (slot, byte) in bytes.iter_mut().zip(whole(1, "NULL", false)).take(14) {
                    *slot = byte;
                }
            }
            let mut at_once = GreetingReader::new();
            let result = feed(&mut at_once, &bytes);
            let mut piecewise = GreetingReader::new();
            let error = bytes.chunks(cut).find_map(|piece| feed(&mut piecewise, piece).err());
            prop_assert_eq!(result.err(), error);
            prop_assert!(at_once.len <= GREETING_BYTES);
            prop_assert_eq!(at_once.greeting(), piecewise.greeting());
        }
    }
}
