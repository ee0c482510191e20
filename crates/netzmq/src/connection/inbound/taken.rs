//! A body on its way out of a connection into the application's hands: copied where it must be kept, given where it is whole.

use netzmq_memory::Message;

use crate::options::ReceiveMemory;

/// A body being handed out.
#[derive(Debug)]
pub(crate) enum Taken<'a> {
    /// Where they lie in a chunk, and where a copy to be kept goes.
    Bytes(&'a [u8], &'a ReceiveMemory),
    Owned(Message),
}

impl Taken<'_> {
    #[inline]
    pub(crate) fn into_message(self) -> Message {
        match self {
            Taken::Bytes(bytes, memory) => memory.copy(bytes),
            Taken::Owned(message) => message,
        }
    }

    /// The same into a message that is there already: a small body is written just once.
    #[inline(always)]
    pub(crate) fn assign_to(self, message: &mut Message) {
        match self {
            Taken::Bytes(bytes, ReceiveMemory::Shared) => message.assign(bytes),
            other => other.assign_other(message),
        }
    }

    #[inline(never)]
    fn assign_other(self, message: &mut Message) {
        *message = self.into_message();
    }

    #[inline]
    pub(crate) fn into_vec(self) -> Vec<u8> {
        match self {
            Taken::Bytes(bytes, _) => bytes.to_vec(),
            Taken::Owned(message) => message.into_vec(),
        }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Taken::Bytes(bytes, _) => bytes,
            Taken::Owned(message) => message,
        }
    }
}
