//! A message of several parts.

use netzmq_memory::Message;

/// A whole message: its parts in order.
///
/// ```
/// use netzmq::Multipart;
/// let message = Multipart::from_iter(["address", "", "hello"]);
/// assert_eq!(message.len(), 3);
/// assert_eq!(&message[2][..], b"hello");
/// ```
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Multipart {
    parts: Vec<Message>,
}

impl Multipart {
    /// No parts.
    #[must_use]
    pub const fn new() -> Multipart {
        Multipart { parts: Vec::new() }
    }

    /// Appends a part.
    pub fn push(&mut self, part: impl Into<Message>) {
        self.parts.push(part.into());
    }

    /// Puts a part in front: an address, a delimiter.
    pub fn push_front(&mut self, part: impl Into<Message>) {
        self.parts.insert(0, part.into());
    }

    /// Takes the first part.
    pub fn pop_front(&mut self) -> Option<Message> {
        if self.parts.is_empty() { None } else { Some(self.parts.remove(0)) }
    }

    /// The parts.
    #[must_use]
    pub fn into_parts(self) -> Vec<Message> {
        self.parts
    }
}

impl std::ops::Deref for Multipart {
    type Target = [Message];

    fn deref(&self) -> &[Message] {
        &self.parts
    }
}

impl<M: Into<Message>> FromIterator<M> for Multipart {
    fn from_iter<I: IntoIterator<Item = M>>(parts: I) -> Multipart {
        Multipart { parts: parts.into_iter().map(Into::into).collect() }
    }
}

impl<M: Into<Message>> From<Vec<M>> for Multipart {
    fn from(parts: Vec<M>) -> Multipart {
        parts.into_iter().collect()
    }
}

impl<M: Into<Message>, const N: usize> From<[M; N]> for Multipart {
    fn from(parts: [M; N]) -> Multipart {
        parts.into_iter().collect()
    }
}

impl IntoIterator for Multipart {
    type Item = Message;
    type IntoIter = std::vec::IntoIter<Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter()
    }
}
