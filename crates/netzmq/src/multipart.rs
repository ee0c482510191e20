//! A message of several parts.
//!
//! Up to [`INLINE_PARTS`] parts lie in the value itself: an address, a delimiter and a body cost no allocation.

use smallvec::SmallVec;

use netzmq_memory::{Message, PooledBuffer};

/// Parts for which no memory is allocated: routing id, delimiter, and two more.
const INLINE_PARTS: usize = 4;

/// A whole message: its parts in order. Reads as a slice of them.
///
/// Made from an array, a tuple of different things, an iterator, or one part; matched by slice patterns:
///
/// ```
/// use netzmq::Multipart;
/// let message = Multipart::from(("client", [0u8; 0], String::from("hello"), vec![1, 2, 3]));
/// match &message[..] {
///     [id, empty, verb, data @ ..] if empty.is_empty() => {
///         assert_eq!((id, verb, data.len()), (&"client".into(), &"hello".into(), 1));
///     }
///     _ => unreachable!("four parts"),
/// }
/// assert_eq!(Multipart::from(["a", "b"]), ["a", "b"]);
/// assert_eq!((0..3).map(|n: u8| [n]).collect::<Multipart>().len(), 3);
/// ```
///
/// Taken apart without a copy:
///
/// ```
/// use netzmq::{Message, Multipart};
/// let [topic, body]: [Message; 2] = Multipart::from(["oslo", "snow"]).try_into()?;
/// assert_eq!(body, "snow");
/// # Ok::<(), Multipart>(())
/// ```
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Multipart {
    parts: SmallVec<[Message; INLINE_PARTS]>,
}

impl Multipart {
    /// No parts.
    #[must_use]
    pub fn new() -> Multipart {
        Multipart { parts: SmallVec::new() }
    }

    /// Appends a part.
    #[inline]
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

    /// Takes the last part.
    pub fn pop(&mut self) -> Option<Message> {
        self.parts.pop()
    }

    /// Takes the parts from the one with number `at` on; none if there are fewer.
    #[must_use = "they are taken out"]
    pub fn split_off(&mut self, at: usize) -> Multipart {
        Multipart { parts: self.parts.drain(at.min(self.parts.len())..).collect() }
    }

    /// The parts.
    #[must_use]
    pub fn into_parts(self) -> Vec<Message> {
        self.parts.into_vec()
    }

    /// Bytes of all parts together.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }
}

impl std::ops::Deref for Multipart {
    type Target = [Message];

    fn deref(&self) -> &[Message] {
        &self.parts
    }
}

impl std::ops::DerefMut for Multipart {
    fn deref_mut(&mut self) -> &mut [Message] {
        &mut self.parts
    }
}

impl<M: Into<Message>> FromIterator<M> for Multipart {
    fn from_iter<I: IntoIterator<Item = M>>(parts: I) -> Multipart {
        Multipart { parts: parts.into_iter().map(Into::into).collect() }
    }
}

impl<M: Into<Message>> Extend<M> for Multipart {
    fn extend<I: IntoIterator<Item = M>>(&mut self, parts: I) {
        self.parts.extend(parts.into_iter().map(Into::into));
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

/// The parts, if there are as many; else the message comes back.
impl<const N: usize> TryFrom<Multipart> for [Message; N] {
    type Error = Multipart;

    fn try_from(message: Multipart) -> Result<[Message; N], Multipart> {
        if message.len() != N {
            return Err(message);
        }
        let mut parts = message.parts.into_iter();
        Ok(std::array::from_fn(|_| parts.next().unwrap_or_default()))
    }
}

macro_rules! from_one {
    ($($type:ty),*) => {
        $(
            /// One part.
            impl From<$type> for Multipart {
                fn from(part: $type) -> Multipart {
                    Multipart::from_iter([part])
                }
            }
        )*
    };
}

from_one!(Message, String, &str, &[u8]);

/// One part.
impl From<PooledBuffer> for Multipart {
    fn from(buffer: PooledBuffer) -> Multipart {
        Multipart::from(buffer.freeze())
    }
}

macro_rules! from_tuple {
    ($($type:ident)*) => {
        /// A part for each field.
        impl<$($type: Into<Message>),*> From<($($type,)*)> for Multipart {
            #[allow(non_snake_case)]
            fn from(($($type,)*): ($($type,)*)) -> Multipart {
                Multipart::from([$($type.into()),*] as [Message; _])
            }
        }
    };
}

from_tuple!(A);
from_tuple!(A B);
from_tuple!(A B C);
from_tuple!(A B C D);
from_tuple!(A B C D E);
from_tuple!(A B C D E F);
from_tuple!(A B C D E F G);
from_tuple!(A B C D E F G H);

impl IntoIterator for Multipart {
    type Item = Message;
    type IntoIter = IntoParts;

    fn into_iter(self) -> IntoParts {
        IntoParts(self.parts.into_iter())
    }
}

impl<'a> IntoIterator for &'a Multipart {
    type Item = &'a Message;
    type IntoIter = std::slice::Iter<'a, Message>;

    fn into_iter(self) -> std::slice::Iter<'a, Message> {
        self.parts.iter()
    }
}

/// The parts of a [`Multipart`], one after the other.
#[derive(Debug)]
pub struct IntoParts(smallvec::IntoIter<[Message; INLINE_PARTS]>);

impl Iterator for IntoParts {
    type Item = Message;

    #[inline]
    fn next(&mut self) -> Option<Message> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for IntoParts {}

impl DoubleEndedIterator for IntoParts {
    fn next_back(&mut self) -> Option<Message> {
        self.0.next_back()
    }
}

impl<M, const N: usize> PartialEq<[M; N]> for Multipart
where
    Message: PartialEq<M>,
{
    fn eq(&self, other: &[M; N]) -> bool {
        self.len() == N && self.iter().zip(other).all(|(part, other)| part == other)
    }
}
