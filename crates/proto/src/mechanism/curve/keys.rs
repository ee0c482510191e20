//! CURVE's long-term keys, as types that can't be taken for one another.
//!
//! A key is 32 bytes, or 40 characters of Z85 as text. A secret key knows its public key, compares in constant time,
//! is wiped when dropped, and shows itself to nobody who does not ask by name.
//!
//! Nothing here draws randomness: a new key pair is 32 random bytes of the caller's.

use crate::z85::{self, Z85Error};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;
use thiserror::Error;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

const BYTES: usize = 32;
const CHARACTERS: usize = 40;

/// Why something is no key.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CurveKeyError {
    /// Neither 32 bytes nor 40 characters.
    #[error("a key of {len} bytes: 32 are needed, or 40 characters of Z85")]
    Length {
        /// What was given.
        len: usize,
    },
    /// Not Z85.
    #[error(transparent)]
    Text(#[from] Z85Error),
}

/// 32 bytes as they are; 40 characters as Z85, or 41 with C's final zero.
fn read(bytes: &[u8]) -> Result<Zeroizing<[u8; BYTES]>, CurveKeyError> {
    let mut key = Zeroizing::new([0; BYTES]);
    let text = match bytes.len() {
        BYTES => {
            key.copy_from_slice(bytes);
            return Ok(key);
        }
        CHARACTERS => bytes,
        _ => bytes
            .strip_suffix(b"\0")
            .filter(|text| text.len() == CHARACTERS)
            .ok_or(CurveKeyError::Length { len: bytes.len() })?,
    };
    z85::decode_into(text, &mut *key)?;
    Ok(key)
}

fn read_text(text: &str) -> Result<Zeroizing<[u8; BYTES]>, CurveKeyError> {
    if text.len() == CHARACTERS {
        read(text.as_bytes())
    } else {
        Err(CurveKeyError::Length { len: text.len() })
    }
}

fn write_text(key: &[u8; BYTES]) -> String {
    // 32 is a multiple of four, so this can't fail.
    z85::encode(key).unwrap_or_default()
}

/// A public key: a name, not a secret.
///
/// ```
/// use netzmq_proto::{CurvePublicKey, CurveSecretKey};
/// let secret = CurveSecretKey::from_bytes([7; 32]); // in earnest: 32 bytes of the operating system's randomness
/// let text = secret.public_key().to_string();
/// assert_eq!(text.parse::<CurvePublicKey>()?, secret.public_key());
/// # Ok::<(), netzmq_proto::CurveKeyError>(())
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CurvePublicKey([u8; BYTES]);

impl CurvePublicKey {
    /// The key of these bytes. Any 32 bytes are one; whether it is of any use shows in a handshake.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> CurvePublicKey {
        CurvePublicKey(bytes)
    }

    /// Reads what a socket option takes: 32 bytes, or 40 characters of Z85 with or without a final zero.
    ///
    /// # Errors
    /// Another length, or not Z85.
    pub fn from_option(bytes: &[u8]) -> Result<CurvePublicKey, CurveKeyError> {
        read(bytes).map(|key| CurvePublicKey(*key))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn point(&self) -> PublicKey {
        PublicKey::from(self.0)
    }
}

impl FromStr for CurvePublicKey {
    type Err = CurveKeyError;

    /// Reads 40 characters of Z85.
    fn from_str(text: &str) -> Result<CurvePublicKey, CurveKeyError> {
        read_text(text).map(|key| CurvePublicKey(*key))
    }
}

/// 40 characters of Z85.
impl fmt::Display for CurvePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_text(&self.0))
    }
}

impl fmt::Debug for CurvePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CurvePublicKey({self})")
    }
}

/// A secret key, with its public key.
#[derive(Clone)]
pub struct CurveSecretKey {
    secret: StaticSecret,
    public: CurvePublicKey,
}

impl CurveSecretKey {
    /// The key of these bytes. For a new one, give it 32 random bytes.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; 32]) -> CurveSecretKey {
        let secret = StaticSecret::from(bytes);
        bytes.zeroize();
        let public = CurvePublicKey(PublicKey::from(&secret).to_bytes());
        CurveSecretKey { secret, public }
    }

    /// Reads what a socket option takes: 32 bytes, or 40 characters of Z85 with or without a final zero.
    ///
    /// # Errors
    /// Another length, or not Z85.
    pub fn from_option(bytes: &[u8]) -> Result<CurveSecretKey, CurveKeyError> {
        read(bytes).map(|key| CurveSecretKey::from_bytes(*key))
    }

    /// The public key that belongs to it.
    #[must_use]
    pub const fn public_key(&self) -> CurvePublicKey {
        self.public
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.secret.as_bytes()
    }

    /// 40 characters of Z85, wiped when dropped.
    #[must_use]
    pub fn to_z85(&self) -> Zeroizing<String> {
        Zeroizing::new(write_text(self.as_bytes()))
    }

    pub(super) const fn scalar(&self) -> &StaticSecret {
        &self.secret
    }
}

impl FromStr for CurveSecretKey {
    type Err = CurveKeyError;

    /// Reads 40 characters of Z85.
    fn from_str(text: &str) -> Result<CurveSecretKey, CurveKeyError> {
        read_text(text).map(|key| CurveSecretKey::from_bytes(*key))
    }
}

/// In constant time.
impl PartialEq for CurveSecretKey {
    fn eq(&self, other: &CurveSecretKey) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for CurveSecretKey {}

/// Shows the public key only.
impl fmt::Debug for CurveSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CurveSecretKey(of {})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair that libzmq's manual uses as its example.
    const PUBLIC: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    const SECRET: &str = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

    #[test]
    fn the_manuals_pair() {
        let secret: CurveSecretKey = SECRET.parse().unwrap();
        assert_eq!(secret.public_key().to_string(), PUBLIC);
        assert_eq!(*secret.to_z85(), SECRET);
        assert_eq!(PUBLIC.parse(), Ok(secret.public_key()));
        assert_eq!(CurvePublicKey::from_option(secret.public_key().as_bytes()), Ok(secret.public_key()));
        assert_eq!(CurvePublicKey::from_option(format!("{PUBLIC}\0").as_bytes()), Ok(secret.public_key()));
        assert_eq!(CurveSecretKey::from_option(SECRET.as_bytes()), Ok(secret));
    }

    #[test]
    fn what_is_no_key() {
        assert_eq!("abc".parse::<CurvePublicKey>(), Err(CurveKeyError::Length { len: 3 }));
        assert_eq!(CurvePublicKey::from_option(&[0; 31]), Err(CurveKeyError::Length { len: 31 }));
        assert_eq!(CurvePublicKey::from_option(&[0; 41]), Err(Z85Error::Character { at: 0 }.into()));
        let text = " ".repeat(40);
        assert_eq!(text.parse::<CurveSecretKey>(), Err(Z85Error::Character { at: 0 }.into()));
        // 32 characters are bytes in an option, but no text.
        assert!("x".repeat(32).parse::<CurvePublicKey>().is_err());
    }

    #[test]
    fn secrets_stay_secret() {
        let secret: CurveSecretKey = SECRET.parse().unwrap();
        assert!(!format!("{secret:?}").contains(SECRET));
        assert_ne!(secret, CurveSecretKey::from_bytes([1; 32]));
    }
}
