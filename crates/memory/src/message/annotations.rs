//! What rides along with a message part besides its bytes: a group, and what is known about its sender.
//!
//! Most parts have neither, and pay eight bytes (a null pointer) for the possibility. Shared and immutable;
//! nothing here looks at a message.

use std::ffi::{CStr, CString};
use std::fmt;
use std::sync::Arc;

/// The group and the sender's properties of a message part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Annotations {
    /// The group of a RADIO or DISH message; empty when there is none.
    pub group: Box<str>,
    /// What is known about the peer that sent the message.
    pub properties: Option<Arc<Properties>>,
    /// The group as C wants it; none when it is empty. Made with the group and not when first asked for, so
    /// that a message has no interior mutability and stays a plain key in maps.
    c_group: Option<CString>,
}

impl Annotations {
    /// Annotations with a group and perhaps the sender's properties.
    #[must_use]
    pub fn new(group: impl Into<Box<str>>, properties: Option<Arc<Properties>>) -> Annotations {
        let group = group.into();
        let until_zero = group.split('\0').next().unwrap_or_default();
        let c_group = if until_zero.is_empty() { None } else { CString::new(until_zero).ok() };
        Annotations { group, properties, c_group }
    }

    /// The group with a final zero byte, for C callers; cut at a zero byte within it.
    #[must_use]
    pub fn group_with_nul(&self) -> &CStr {
        self.c_group.as_deref().unwrap_or_default()
    }
}

/// What a handshake told about a peer, as name and value pairs, shared by all messages from it.
///
/// Names compare without regard to ASCII case, as ZMTP 3.1 has it (RFC 37, metadata).
///
/// ```
/// use netzmq_memory::Properties;
///
/// let properties = Properties::new([("Socket-Type", "DEALER"), ("Peer-Address", "127.0.0.1")], 7);
/// assert_eq!(properties.get("socket-type"), Some(&b"DEALER"[..]));
/// assert_eq!(properties.get("Identity"), None);
/// assert_eq!(properties.source_fd(), 7);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Properties {
    /// Each value is followed by a zero byte, for C callers.
    pairs: Vec<(Box<str>, Box<[u8]>)>,
    source_fd: i32,
}

impl Properties {
    /// Properties in the given order; of two with the same name the first counts. `source_fd` is the
    /// descriptor that the message came from, -1 when there is none.
    #[must_use]
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>, source_fd: i32) -> Properties
    where
        N: Into<Box<str>>,
        V: AsRef<[u8]>,
    {
        let pairs = pairs.into_iter().map(|(name, value)| {
            let value = value.as_ref();
            let mut with_nul = Vec::with_capacity(value.len() + 1);
            with_nul.extend_from_slice(value);
            with_nul.push(0);
            (name.into(), with_nul.into_boxed_slice())
        });
        let pairs = pairs.collect();
        Properties { pairs, source_fd }
    }

    /// The value of a property, whatever the case of its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// [`get`](Properties::get) with one zero byte at the end, for C callers.
    #[must_use]
    pub fn get_with_nul(&self, name: &str) -> Option<&[u8]> {
        self.pairs.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// All pairs in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.pairs
            .iter()
            .map(|(name, value)| (&**name, value.split_last().map_or(&[][..], |(_, value)| value)))
    }

    /// The descriptor that the message came from; -1 when there is none. A number to report, not to use:
    /// it may be closed by now.
    #[must_use]
    pub fn source_fd(&self) -> i32 {
        self.source_fd
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            map.entry(&name, &value.escape_ascii().to_string());
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_callers_get_a_final_zero_byte() {
        assert_eq!(Annotations::new("weather", None).group_with_nul(), c"weather");
        assert_eq!(Annotations::new("we\0ather", None).group_with_nul(), c"we");
        assert_eq!(Annotations::default().group_with_nul(), c"");
        let properties = Properties::new([("Identity", "me"), ("Empty", "")], -1);
        assert_eq!(properties.get_with_nul("IDENTITY"), Some(&b"me\0"[..]));
        assert_eq!(properties.get("identity"), Some(&b"me"[..]));
        assert_eq!(properties.get("Empty"), Some(&b""[..]));
        assert_eq!(properties.iter().count(), 2);
    }

    #[test]
    fn equality_is_by_what_they_say() {
        let (one, two) = (Annotations::new("a", None), Annotations::new("a", None));
        assert_eq!(one.group_with_nul(), c"a");
        assert_eq!(one, two);
    }
}
