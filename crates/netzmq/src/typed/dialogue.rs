//! REP: a request is a value, and answering it uses it up.
//!
//! Invariant: while a [`Request`] lives, its socket is borrowed; so a reply without a request, a second reply, and a
//! second receive before the reply do not compile.

use std::ops::Deref;

use netzmq_memory::Message;

use super::Rep;
use crate::error::{OptionError, RecvError, SendError, SendMultipartError};
use crate::futures::RecvMultipart;
use crate::multipart::Multipart;
use crate::socket::Payload;

/// What a [`Rep`] was asked. It reads as the first part of the question, which is mostly the only one.
///
/// Dropped without a reply, it is declined: the asker gets no answer, and the socket is ready for the next request.
#[derive(Debug)]
#[must_use = "whoever asked waits for the reply"]
pub struct Request<'a> {
    rep: &'a Rep,
    parts: Multipart,
}

impl Rep {
    /// Receives the next request. Waits as long as the receive time-out says.
    ///
    /// # Errors
    /// Nothing came in time, or the context was terminated.
    pub fn recv(&mut self) -> Result<Request<'_>, RecvError> {
        let parts = self.socket.recv_multipart()?;
        Ok(Request { rep: self, parts })
    }

    /// [`recv`](Rep::recv) without waiting.
    ///
    /// # Errors
    /// As `recv`; `WouldBlock` where that would wait.
    pub fn try_recv(&mut self) -> Result<Request<'_>, RecvError> {
        let parts = self.socket.try_recv_multipart()?;
        Ok(Request { rep: self, parts })
    }

    /// [`recv`](Rep::recv), awaited. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As `recv`, but never `WouldBlock`.
    pub async fn recv_async(&mut self) -> Result<Request<'_>, RecvError> {
        let parts: RecvMultipart<'_> = self.socket.recv_multipart_async();
        let parts = parts.await?;
        Ok(Request { rep: self, parts })
    }

    /// A request can be received without waiting.
    #[must_use]
    pub fn can_recv(&self) -> bool {
        self.socket.can_recv()
    }

    /// How long [`recv`](Rep::recv) waits. `None`: for ever (the default).
    ///
    /// # Errors
    /// The socket is closed.
    pub fn set_recv_timeout(
        &self,
        timeout: impl Into<Option<std::time::Duration>>,
    ) -> Result<(), OptionError> {
        self.socket.set_recv_timeout(timeout.into())
    }
}

impl Request<'_> {
    /// All parts of the question.
    #[must_use]
    pub fn parts(&self) -> &[Message] {
        &self.parts
    }

    /// Takes the question out, to send it on or back. Empty afterwards.
    #[must_use = "the question is in it"]
    pub fn take(&mut self) -> Multipart {
        std::mem::take(&mut self.parts)
    }

    /// Answers. Never waits: an asker that has gone, or does not take its answers, gets none.
    ///
    /// # Errors
    /// The context was terminated. Holds the message.
    pub fn reply<'a>(self, body: impl Into<Payload<'a>>) -> Result<(), SendError> {
        self.rep.socket.send(body)
    }

    /// Answers with several parts. See [`reply`](Request::reply).
    ///
    /// # Errors
    /// The context was terminated. Holds the message.
    pub fn reply_multipart(self, message: impl Into<Multipart>) -> Result<(), SendMultipartError> {
        self.rep.socket.send_multipart(message)
    }

    /// Answers with the question, without a copy.
    ///
    /// # Errors
    /// The context was terminated. Holds the message.
    pub fn echo(mut self) -> Result<(), SendMultipartError> {
        let parts = self.take();
        self.rep.socket.send_multipart(parts)
    }
}

/// What an emptied request reads as.
static NOTHING: Message = Message::new();

impl Deref for Request<'_> {
    type Target = Message;

    fn deref(&self) -> &Message {
        self.parts.first().unwrap_or(&NOTHING)
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.rep.socket.shared().decline();
    }
}
