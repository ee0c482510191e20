//! Conversions, comparisons and printing of [`Message`].
//!
//! What owns its bytes moves in without a copy (up to [`Message::INLINE_MAX`] bytes a copy is cheaper than
//! keeping the owner, and is what happens); what borrows is copied. Nothing here touches memory by itself.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use super::Message;
use super::repr::Tag;
use crate::external::{self, Bytes};

impl From<Vec<u8>> for Message {
    /// No copy above [`Message::INLINE_MAX`] bytes.
    fn from(bytes: Vec<u8>) -> Message {
        if bytes.len() <= Message::INLINE_MAX {
            return Message::copy_from_slice(&bytes);
        }
        let (block, Bytes { ptr, len }) = external::adopt(bytes, external::bytes_of_vec);
        Message::of_heap(Tag::EXTERNAL_WRITABLE, ptr, len, block)
    }
}

impl From<Box<[u8]>> for Message {
    /// No copy above [`Message::INLINE_MAX`] bytes.
    fn from(bytes: Box<[u8]>) -> Message {
        Message::from(bytes.into_vec())
    }
}

impl From<String> for Message {
    /// No copy above [`Message::INLINE_MAX`] bytes.
    fn from(text: String) -> Message {
        Message::from(text.into_bytes())
    }
}

impl From<Arc<[u8]>> for Message {
    /// No copy above [`Message::INLINE_MAX`] bytes.
    fn from(bytes: Arc<[u8]>) -> Message {
        if bytes.len() <= Message::INLINE_MAX {
            return Message::copy_from_slice(&bytes);
        }
        Message::from_owner(bytes)
    }
}

impl From<&[u8]> for Message {
    /// A copy.
    #[inline]
    fn from(bytes: &[u8]) -> Message {
        Message::copy_from_slice(bytes)
    }
}

impl From<&str> for Message {
    /// A copy.
    #[inline]
    fn from(text: &str) -> Message {
        Message::copy_from_slice(text.as_bytes())
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    /// A copy.
    #[inline]
    fn from(bytes: &[u8; N]) -> Message {
        Message::copy_from_slice(bytes)
    }
}

impl<const N: usize> From<[u8; N]> for Message {
    /// A copy.
    #[inline]
    fn from(bytes: [u8; N]) -> Message {
        Message::copy_from_slice(&bytes)
    }
}

#[cfg(feature = "bytes")]
impl From<bytes::Bytes> for Message {
    /// No copy.
    fn from(bytes: bytes::Bytes) -> Message {
        Message::from_owner(bytes)
    }
}

#[cfg(feature = "bytes")]
impl From<Message> for bytes::Bytes {
    /// No copy, inline bytes aside. What came from a `Bytes` and has no other holder becomes it again.
    fn from(message: Message) -> bytes::Bytes {
        if message.kind() == super::MessageKind::Inline {
            return bytes::Bytes::copy_from_slice(&message);
        }
        let (ptr, len) = (message.as_ptr(), message.len());
        match message.take_owner::<bytes::Bytes>() {
            Ok(bytes) => {
                let start = ptr.addr() - bytes.as_ptr().addr();
                bytes.slice(start..start + len)
            }
            Err(message) => bytes::Bytes::from_owner(message),
        }
    }
}

impl Deref for Message {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Message {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Borrow<[u8]> for Message {
    #[inline]
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Message) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Message {}

impl Hash for Message {
    // The same as `[u8]`, as `Borrow` requires.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl PartialEq<[u8]> for Message {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_slice() == other
    }
}

impl PartialEq<&[u8]> for Message {
    fn eq(&self, other: &&[u8]) -> bool {
        self.as_slice() == *other
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Message {
    fn eq(&self, other: &[u8; N]) -> bool {
        self.as_slice() == other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Message {
    fn eq(&self, other: &&[u8; N]) -> bool {
        self.as_slice() == *other
    }
}

impl PartialEq<Vec<u8>> for Message {
    fn eq(&self, other: &Vec<u8>) -> bool {
        self.as_slice() == other
    }
}

impl PartialEq<str> for Message {
    fn eq(&self, other: &str) -> bool {
        self.as_slice() == other.as_bytes()
    }
}

impl PartialEq<&str> for Message {
    fn eq(&self, other: &&str) -> bool {
        self.as_slice() == other.as_bytes()
    }
}

impl fmt::Debug for Message {
    /// The kind, the length, and the first bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 32;
        let shown = self.get(..SHOWN).unwrap_or(self);
        let dots = if self.len() > SHOWN { ".." } else { "" };
        write!(f, "Message({:?}, {} B, b\"{}\"{dots}", self.kind(), self.len(), shown.escape_ascii())?;
        if self.routing_id() != 0 {
            write!(f, ", routing id {}", self.routing_id())?;
        }
        f.write_str(if self.has_more() { ", more)" } else { ")" })
    }
}
