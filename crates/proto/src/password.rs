//! A password: bytes that are wiped when dropped, never shown, and compared in constant time.
//!
//! PLAIN, ZAP and SOCKS proxies have one. What this type can't reach are the copies that travel: the frames of a ZAP
//! request, and the bytes on the wire, where PLAIN has them in the clear.

use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password. Wiped when dropped; `Debug` shows nothing of it; comparing takes as long for a nearly right guess as for a
/// wrong one of the same length (the length itself is no secret).
///
/// ```
/// use netzmq_proto::Password;
/// let password: Password = "secret".into();
/// assert!(password == "secret" && password != "secreT");
/// assert_eq!(format!("{password:?}"), "Password(…)");
/// ```
#[derive(Clone, Default)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// The bytes. Compare passwords, not these: slices stop comparing at the first difference.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[u8]> for Password {
    fn from(bytes: &[u8]) -> Password {
        Password(Zeroizing::new(bytes.to_vec()))
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Password {
        text.as_bytes().into()
    }
}

/// Takes the memory over: no copy stays behind.
impl From<Vec<u8>> for Password {
    fn from(bytes: Vec<u8>) -> Password {
        Password(Zeroizing::new(bytes))
    }
}

/// Takes the memory over: no copy stays behind.
impl From<String> for Password {
    fn from(text: String) -> Password {
        text.into_bytes().into()
    }
}

/// In constant time, for a given length.
impl PartialEq for Password {
    fn eq(&self, other: &Password) -> bool {
        *self == *other.as_bytes()
    }
}

impl Eq for Password {}

/// In constant time, for a given length.
impl PartialEq<[u8]> for Password {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes().ct_eq(other).into()
    }
}

/// In constant time, for a given length.
impl PartialEq<&[u8]> for Password {
    fn eq(&self, other: &&[u8]) -> bool {
        *self == **other
    }
}

/// In constant time, for a given length.
impl PartialEq<str> for Password {
    fn eq(&self, other: &str) -> bool {
        *self == *other.as_bytes()
    }
}

/// In constant time, for a given length.
impl PartialEq<&str> for Password {
    fn eq(&self, other: &&str) -> bool {
        *self == *other.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_that_of_the_bytes() {
        let password = Password::from("secret".to_owned());
        assert_eq!(password, Password::from(b"secret".to_vec()));
        assert_eq!(password, b"secret"[..]);
        assert_eq!(password, &b"secret"[..]);
        assert_eq!(password, "secret");
        assert_eq!(password, *"secret");
        for wrong in ["", "Secret", "secreT", "secre", "secret ", "secret\0"] {
            assert_ne!(password, wrong);
        }
        assert_eq!((password.len(), password.is_empty()), (6, false));
        assert_eq!(Password::default(), "");
    }

    #[test]
    fn nothing_is_shown() {
        assert!(!format!("{:?}", Some(Password::from("secret"))).contains("secret"));
    }
}
