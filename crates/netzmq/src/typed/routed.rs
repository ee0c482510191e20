//! ROUTER: envelopes, so that a reply finds its way back without anybody counting parts.

use std::ops::Deref;

use netzmq_memory::Message;

use super::Router;
use crate::error::{RecvError, SendMultipartError};
use crate::multipart::Multipart;

/// The way back to who asked: routing ids, the nearest peer first, and the empty delimiter that REQ puts behind them, if
/// there is one. Cheap to clone and to keep for later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    parts: Multipart,
}

impl Envelope {
    /// Takes the envelope off a message that a ROUTER received: everything up to and with the first empty part; where there
    /// is none (a DEALER that sends none), the first part alone.
    ///
    /// ```
    /// use netzmq::{Envelope, Multipart};
    /// let (envelope, body) = Envelope::open(["client", "", "hello"]);
    /// assert_eq!((envelope.routing_id(), body), (&"client".into(), Multipart::from("hello")));
    /// assert_eq!(envelope.seal("hi"), ["client", "", "hi"]);
    /// ```
    #[must_use]
    pub fn open(message: impl Into<Multipart>) -> (Envelope, Multipart) {
        let mut parts = message.into();
        let delimiter = parts.iter().position(|part| part.is_empty());
        let body = parts.split_off(delimiter.map_or(1, |at| at + 1));
        (Envelope { parts }, body)
    }

    /// The way to a peer that expects no delimiter (a DEALER).
    #[must_use]
    pub fn to(routing_id: impl Into<Message>) -> Envelope {
        Envelope { parts: Multipart::from(routing_id.into()) }
    }

    /// With the delimiter that a REQ expects before its answer.
    #[must_use]
    pub fn delimited(mut self) -> Envelope {
        self.parts.push(Message::new());
        self
    }

    /// The nearest peer: the one that the message came from, and goes back to.
    #[must_use]
    pub fn routing_id(&self) -> &Message {
        self.parts.first().unwrap_or(&NOBODY)
    }

    /// A message for who is named here.
    #[must_use]
    pub fn seal(&self, body: impl Into<Multipart>) -> Multipart {
        let mut message = self.parts.clone();
        message.extend(body.into());
        message
    }
}

static NOBODY: Message = Message::new();

impl Deref for Envelope {
    type Target = [Message];

    fn deref(&self) -> &[Message] {
        &self.parts
    }
}

impl Router {
    /// Receives a message and takes its envelope off. Waits as long as the receive time-out says.
    ///
    /// ```
    /// # let context = netzmq::Context::new();
    /// let router = context.router().bind("inproc://service")?;
    /// let req = context.req().connect("inproc://service")?;
    /// req.send("hello")?;
    /// let (envelope, question) = router.recv_request()?;
    /// assert_eq!(question, ["hello"]);
    /// router.reply_to(&envelope, "hi")?;
    /// assert_eq!(req.recv()?, "hi");
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// Nothing came in time.
    pub fn recv_request(&self) -> Result<(Envelope, Multipart), RecvError> {
        self.socket.recv_multipart().map(Envelope::open)
    }

    /// [`recv_request`](Router::recv_request) without waiting.
    ///
    /// # Errors
    /// As `recv_request`; `WouldBlock` where that would wait.
    pub fn try_recv_request(&self) -> Result<(Envelope, Multipart), RecvError> {
        self.socket.try_recv_multipart().map(Envelope::open)
    }

    /// [`recv_request`](Router::recv_request), awaited. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As `recv_request`, but never `WouldBlock`.
    pub async fn recv_request_async(&self) -> Result<(Envelope, Multipart), RecvError> {
        self.socket.recv_multipart_async().await.map(Envelope::open)
    }

    /// Sends a message back the way that another one came. A peer that has gone, or takes nothing, gets none, unless the
    /// socket is [`mandatory`](crate::SocketBuilder::mandatory).
    ///
    /// # Errors
    /// As `send_multipart`.
    pub fn reply_to(
        &self,
        envelope: &Envelope,
        body: impl Into<Multipart>,
    ) -> Result<(), SendMultipartError> {
        self.socket.send_multipart(envelope.seal(body))
    }

    /// Sends a message to a peer by its routing id, without a delimiter.
    ///
    /// # Errors
    /// As `send_multipart`.
    pub fn send_to(
        &self,
        routing_id: impl Into<Message>,
        body: impl Into<Multipart>,
    ) -> Result<(), SendMultipartError> {
        self.reply_to(&Envelope::to(routing_id), body)
    }
}
