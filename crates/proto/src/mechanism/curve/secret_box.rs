//! NaCl's `crypto_box` and `crypto_secretbox`: X25519, HSalsa20, XSalsa20, Poly1305, put together as NaCl does.
//!
//! The only file that touches primitives: X25519 is dalek's, the rest dryoc's, whose XSalsa20 and Poly1305 use AVX2,
//! AVX-512 or NEON where the processor has them (docs/decisions/006 has the figures).
//!
//! Invariants: [`BoxKey::agree`] gives no key for a point of low order. Nothing is decrypted before its tag has been
//! found right, in constant time. Keys are wiped when dropped. No body is copied.

use super::{CurvePublicKey, CurveSecretKey, LongNonce, TAG, nonce};
use dryoc::classic::crypto_box::{
    crypto_box_detached_afternm_inplace, crypto_box_open_detached_afternm_inplace,
};
use dryoc::classic::crypto_core::crypto_core_hsalsa20;
use std::fmt;
use zeroize::Zeroizing;

/// A key that two sides share, for boxes with nonces of 24 bytes.
pub(super) struct BoxKey(Zeroizing<[u8; 32]>);

impl BoxKey {
    /// The key that `secret` and `public` make together (NaCl's `beforenm`). `None` if every secret would make the
    /// same one with `public`.
    pub(super) fn agree(secret: &CurveSecretKey, public: &CurvePublicKey) -> Option<BoxKey> {
        let shared = secret.scalar().diffie_hellman(&public.point());
        shared.was_contributory().then(|| {
            let mut key = Zeroizing::new([0; 32]);
            crypto_core_hsalsa20(&mut key, &[0; 16], shared.as_bytes(), None);
            BoxKey(key)
        })
    }

    /// A key that only one side knows.
    pub(super) const fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> BoxKey {
        BoxKey(bytes)
    }

    /// The key for nonces that begin with `prefix`.
    pub(super) fn stream(&self, prefix: &[u8; 16]) -> StreamKey {
        StreamKey { key: self.0.clone(), prefix: *prefix }
    }

    /// A box: tag, then ciphertext.
    pub(super) fn seal(&self, nonce: &LongNonce, pieces: &[&[u8]]) -> Vec<u8> {
        let len = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let mut sealed = Vec::with_capacity(TAG + len);
        sealed.resize(TAG, 0);
        for piece in pieces {
            sealed.extend_from_slice(piece);
        }
        if let Some((tag, text)) = sealed.split_first_chunk_mut::<TAG>() {
            crypto_box_detached_afternm_inplace(text, tag, nonce, &self.0);
        }
        sealed
    }

    /// The plaintext of a box, wiped when dropped. `None` if the box is too short or not authentic.
    pub(super) fn open(&self, nonce: &LongNonce, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (tag, text) = sealed.split_first_chunk::<TAG>()?;
        let mut text = Zeroizing::new(text.to_vec());
        crypto_box_open_detached_afternm_inplace(&mut text, tag, nonce, &self.0).ok()?;
        Some(text)
    }
}

/// A key for boxes whose nonces share their first 16 bytes.
///
/// Any prefix would do for the ciphers; that both directions of a connection have one of their own keeps their nonces
/// apart under the one key that they share.
#[derive(Clone)]
pub(super) struct StreamKey {
    key: Zeroizing<[u8; 32]>,
    prefix: [u8; 16],
}

impl StreamKey {
    /// Encrypts in place and returns the tag.
    pub(super) fn seal(&self, tail: &[u8; 8], text: &mut [u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        crypto_box_detached_afternm_inplace(text, &mut tag, &nonce(&self.prefix, tail), &self.key);
        tag
    }

    /// Decrypts in place, if the tag is right; else leaves everything as it is and says no.
    pub(super) fn open(&self, tail: &[u8; 8], tag: &[u8; TAG], text: &mut [u8]) -> bool {
        crypto_box_open_detached_afternm_inplace(text, tag, &nonce(&self.prefix, tail), &self.key).is_ok()
    }
}

impl fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxKey(..)")
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] =
        b"The quick brown fox jumps over the lazy dog, and then some more bytes to span two blocks.";

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn count_from<const N: usize>(first: u8) -> [u8; N] {
        std::array::from_fn(|at| first + at as u8)
    }

    /// What libsodium 1.0.18 makes of the same keys and nonce.
    #[test]
    fn libsodiums_boxes() {
        let (a, b) = (CurveSecretKey::from_bytes(count_from(1)), CurveSecretKey::from_bytes(count_from(101)));
        let public = unhex("5714769d116bf76436ae74bc793d2c30ad1903c59ac5273805c7e2698b410c36");
        assert_eq!(b.public_key().as_bytes()[..], public);
        let sealed = unhex(concat!(
            "5a9401ea468c91b2db322768b94099655e396456349dfdf4c79e3f39db2b57b4624937f486ba8ee4497a299ad659763769c64367",
            "c0cb3003480f003beb4e9d1d3f0f7ebe31fc6aa856ce4dc77f61c0cb92e6f920d821163f3c177a9fd39e728c6a7bbae115e0c52a",
            "35"
        ));
        let key = BoxKey::agree(&a, &b.public_key()).unwrap();
        assert_eq!(key.seal(&count_from(0), &[&TEXT[..10], &TEXT[10..]]), sealed);
        let other_side = BoxKey::agree(&b, &a.public_key()).unwrap();
        assert_eq!(**other_side.open(&count_from(0), &sealed).unwrap(), *TEXT);

        let key = BoxKey::from_bytes(Zeroizing::new(count_from(50)));
        let sealed = unhex(concat!(
            "5d5fea8b886e171147702ca6bcf1fd67b95b732656aa0b48f591fdfb15387f09ffbce8bf69db675b33521ed227fa009b0682ee4b",
            "2e460585559c339dc12290cf2231d907c80744d5552da0212efbe7cf81974030a25fcf0d22752c81d3617bb43f5aa924a43dbc99",
            "24"
        ));
        assert_eq!(key.seal(&count_from(0), &[TEXT]), sealed);
    }

    #[test]
    fn points_of_low_order_make_no_key() {
        let secret = CurveSecretKey::from_bytes(count_from(1));
        let mut one = [0; 32];
        one[0] = 1;
        for bytes in [[0; 32], one] {
            assert!(BoxKey::agree(&secret, &CurvePublicKey::from_bytes(bytes)).is_none());
        }
    }

    /// The same box by RustCrypto's primitives, one block at a time.
    fn by_the_book(key: &[u8; 32], nonce: &LongNonce, text: &[u8]) -> (Vec<u8>, [u8; TAG]) {
        use poly1305::universal_hash::KeyInit as _;
        use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
        let mut cipher = salsa20::XSalsa20::new(key.into(), nonce.into());
        let mut first = [0; 32];
        cipher.apply_keystream(&mut first);
        let mut text = text.to_vec();
        cipher.apply_keystream(&mut text);
        let tag = poly1305::Poly1305::new((&first).into()).compute_unpadded(&text).into();
        (text, tag)
    }

    /// Goal: no length at which the vector paths differ. Method: every length over several of their widths, and a few
    /// beyond, beside another implementation.
    #[test]
    fn every_length_is_sealed_as_by_others() {
        let whole: Vec<u8> = (0..70_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let key = BoxKey::from_bytes(Zeroizing::new(count_from(9)));
        for len in (0..2_200).chain([4095, 4096, 4097, 16_383, 65_535, 65_536, 65_537, 70_000]) {
            let (prefix, tail) = ([len as u8; 16], (len as u64).to_be_bytes());
            let (text, tag) = by_the_book(&key.0, &nonce(&prefix, &tail), &whole[..len]);
            let (stream, mut ours) = (key.stream(&prefix), whole[..len].to_vec());
            assert_eq!(stream.seal(&tail, &mut ours), tag, "{len}");
            assert!(ours == text, "{len}");
            assert!(!stream.open(&tail, &[0; TAG], &mut ours) && ours == text, "{len}: left as it was");
            assert!(stream.open(&tail, &tag, &mut ours) && ours == whole[..len], "{len}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_bit_and_nothing_opens(text in prop::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, bit in 0..8) {
            let key = BoxKey::from_bytes(Zeroizing::new([5; 32]));
            let nonce = [6; 24];
            let mut sealed = key.seal(&nonce, &[&text]);
            prop_assert_eq!(&**key.open(&nonce, &sealed).unwrap(), &text);
            prop_assert!(key.open(&[7; 24], &sealed).is_none());
            let at = at.index(sealed.len());
            sealed[at] ^= 1u8 << bit;
            prop_assert!(key.open(&nonce, &sealed).is_none());
            sealed.truncate(at);
            prop_assert!(key.open(&nonce, &sealed).is_none());
        }
    }
}
