//! Metadata: the properties that two peers tell each other in a handshake, and a ZAP handler adds.
//!
//! [`Metadata`] is a checked, zero-copy view of a block on the wire: a name of 1 to 255 printable ASCII bytes with
//! one length byte, a value with four. This file knows the form only; what `Socket-Type` or `Identity` mean is the
//! handshake's business.
//!
//! Invariants: a view exists only for a block that is whole, without a name twice (compared without case) and with
//! at most [`PROPERTIES_MAX`] properties, so iterating can't fail. Names are compared without case, as RFC 37
//! says; libzmq compares them exactly, so what is sent uses the standard spelling.
//!
//! Source: RFC 37, "The READY command" and "Metadata".

use crate::error::{ConfigError, PeerMisbehaved};
use crate::limits::{PROPERTIES_MAX, PROPERTY_NAME_BYTES_MAX};

/// The property that names the sender's socket type.
pub const SOCKET_TYPE: &str = "Socket-Type";
/// The property that carries the sender's routing id.
pub const IDENTITY: &str = "Identity";
/// The property that a ZAP handler's user id becomes. A peer's own claim to it is ignored.
pub const USER_ID: &str = "User-Id";
/// The property under which libzmq gives out a peer's address. A peer's own claim to it is ignored.
pub const PEER_ADDRESS: &str = "Peer-Address";

/// A metadata block, checked, not copied.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct Metadata<'a> {
    bytes: &'a [u8],
}

/// One property of a block.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct Property<'a> {
    /// 1 to 255 printable ASCII bytes, spelled as the peer did.
    pub name: &'a str,
    /// Any bytes.
    pub value: &'a [u8],
}

impl<'a> Metadata<'a> {
    /// Checks a block. An empty one is valid.
    ///
    /// # Errors
    /// A property that is cut off, a bad name, a name twice, too many properties.
    ///
    /// ```
    /// use netzmq_proto::Metadata;
    /// let metadata = Metadata::parse(b"\x0bSocket-Type\0\0\0\x04PULL")?;
    /// assert_eq!(metadata.find("socket-type"), Some(&b"PULL"[..]));
    /// # Ok::<(), netzmq_proto::PeerMisbehaved>(())
    /// ```
    pub fn parse(bytes: &'a [u8]) -> Result<Metadata<'a>, PeerMisbehaved> {
        let mut rest = bytes;
        let mut count = 0;
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            let (name, value_and_rest) = split_name(rest).ok_or(PeerMisbehaved::MetadataTruncated { at })?;
            let name = checked_name(name).ok_or(PeerMisbehaved::MetadataName { at })?;
            let (_, after) = split_value(value_and_rest).ok_or(PeerMisbehaved::MetadataTruncated { at })?;
            if count == PROPERTIES_MAX {
                return Err(PeerMisbehaved::MetadataTooMany { max: PROPERTIES_MAX });
            }
            let earlier = Metadata { bytes: bytes.get(..at).unwrap_or_default() };
            if earlier.find(name).is_some() {
                return Err(PeerMisbehaved::MetadataDuplicate { at });
            }
            count += 1;
            rest = after;
        }
        Ok(Metadata { bytes })
    }

    /// The properties in the order they came.
    pub fn iter(self) -> impl Iterator<Item = Property<'a>> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (name, value_and_rest) = split_name(rest)?;
            let (value, after) = split_value(value_and_rest)?;
            rest = after;
            Some(Property { name: checked_name(name)?, value })
        })
    }

    /// The value of the property with this name, in any case.
    #[must_use]
    pub fn find(self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|property| property.name.eq_ignore_ascii_case(name)).map(|property| property.value)
    }

    /// The block as it stands on the wire.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }
}

/// Appends one property to a block.
///
/// # Errors
/// A name that no peer would take, or a value of 2^32 bytes or more; `out` is unchanged then.
pub fn append_property(name: &str, value: &[u8], out: &mut Vec<u8>) -> Result<(), ConfigError> {
    let too_large = ConfigError::MetadataTooLarge { properties: 1, bytes: value.len() };
    let value_len = u32::try_from(value.len()).map_err(|_| too_large)?;
    let name_len = match checked_name(name.as_bytes()) {
        Some(_) => u8::try_from(name.len()).ok(),
        None => None,
    };
    let Some(name_len) = name_len else { return Err(ConfigError::PropertyName { len: name.len() }) };
    out.push(name_len);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&value_len.to_be_bytes());
    out.extend_from_slice(value);
    Ok(())
}

/// RFC 37 allows letters, digits and `-_.+`; libzmq lets an application use any bytes. Printable ASCII is what
/// every reader can show and compare without case.
fn checked_name(name: &[u8]) -> Option<&str> {
    let printable = |byte: &u8| (0x20..0x7f).contains(byte);
    if name.is_empty() || name.len() > PROPERTY_NAME_BYTES_MAX || !name.iter().all(printable) {
        return None;
    }
    std::str::from_utf8(name).ok()
}

fn split_name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(len))
}

fn split_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refusals_say_where() {
        let good = b"\x01a\0\0\0\x01x";
        let cut = [&good[..], b"\x02b"].concat();
        assert_eq!(Metadata::parse(&cut), Err(PeerMisbehaved::MetadataTruncated { at: 7 }));
        let huge = [&good[..], b"\x01b\xff\xff\xff\xffx"].concat();
        assert_eq!(Metadata::parse(&huge), Err(PeerMisbehaved::MetadataTruncated { at: 7 }));
        let twice = [&good[..], b"\x01A\0\0\0\0"].concat();
        assert_eq!(Metadata::parse(&twice), Err(PeerMisbehaved::MetadataDuplicate { at: 7 }));
        assert_eq!(Metadata::parse(b"\0\0\0\0\0"), Err(PeerMisbehaved::MetadataName { at: 0 }));
        assert_eq!(Metadata::parse(b"\x01\n\0\0\0\0"), Err(PeerMisbehaved::MetadataName { at: 0 }));
    }

    #[test]
    fn the_count_has_a_limit() {
        let mut block = Vec::new();
        for n in 0..PROPERTIES_MAX {
            append_property(&format!("X-{n}"), b"", &mut block).unwrap();
        }
        assert_eq!(Metadata::parse(&block).unwrap().iter().count(), PROPERTIES_MAX);
        append_property("X-last", b"", &mut block).unwrap();
        assert_eq!(Metadata::parse(&block), Err(PeerMisbehaved::MetadataTooMany { max: PROPERTIES_MAX }));
    }

    #[test]
    fn bad_names_are_not_written() {
        let mut out = Vec::new();
        for name in ["", "X-ä", "X-\n", &"x".repeat(256)] {
            assert_eq!(
                append_property(name, b"", &mut out),
                Err(ConfigError::PropertyName { len: name.len() })
            );
        }
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn written_then_read(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let mut block = Vec::new();
            for (n, value) in values.iter().enumerate() {
                append_property(&format!("X-Name{n}"), value, &mut block).unwrap();
            }
            let read: Vec<_> = Metadata::parse(&block).unwrap().iter().map(|p| p.value.to_vec()).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(metadata) = Metadata::parse(&bytes) {
                let total: usize = metadata.iter().map(|p| 5 + p.name.len() + p.value.len()).sum();
                prop_assert_eq!(total, bytes.len());
            }
        }
    }
}
