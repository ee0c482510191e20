//! Two halves of a socket that goes both ways, each with an owner of its own.
//!
//! Both halves work on the same socket: there is no queue, no thread and no copy between them.

use std::sync::Arc;

use netzmq_memory::Message;

use super::DuplexSocket;
use crate::error::{RecvError, SendError, SendMultipartError};
use crate::futures;
use crate::multipart::Multipart;
use crate::socket::{Payload, Socket};

/// The sending half of a socket that was split. The socket is closed when both halves are dropped.
///
/// ```
/// # let context = netzmq::Context::new();
/// let echo = context.pair().bind("inproc://echo")?;
/// let (sender, receiver) = context.pair().connect("inproc://echo")?.split();
/// let asking = std::thread::spawn(move || sender.send("hello"));
/// echo.send(echo.recv()?)?;
/// assert_eq!(receiver.recv()?, "hello");
/// # asking.join().expect("no panic")?;
/// # Ok::<(), netzmq::Error>(())
/// ```
///
/// ```compile_fail,E0599
/// # let context = netzmq::Context::new();
/// let (sender, receiver) = context.pair().connect("inproc://echo")?.split();
/// sender.recv()?;
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Debug)]
pub struct SendHalf<S>(Arc<S>);

/// The receiving half of a socket that was split. See [`SendHalf`].
#[derive(Debug)]
pub struct RecvHalf<S>(Arc<S>);

pub(crate) fn split<S: DuplexSocket>(socket: S) -> (SendHalf<S>, RecvHalf<S>) {
    let shared = Arc::new(socket);
    (SendHalf(shared.clone()), RecvHalf(shared))
}

impl<S: DuplexSocket> SendHalf<S> {
    /// The whole socket again. `Err` gives the halves back: they are not of one socket.
    ///
    /// # Errors
    /// The other half is another socket's.
    pub fn reunite(self, other: RecvHalf<S>) -> Result<S, (SendHalf<S>, RecvHalf<S>)> {
        if !Arc::ptr_eq(&self.0, &other.0) {
            return Err((self, other));
        }
        drop(other);
        // The halves cannot be cloned, so this was the other one.
        Arc::try_unwrap(self.0).map_err(|shared| (SendHalf(shared.clone()), RecvHalf(shared)))
    }

    fn socket(&self) -> &Socket {
        (*self.0).as_ref()
    }

    /// Sends a message of one part, or the last part of one. See [`Socket::send`].
    ///
    /// # Errors
    /// Holds the message, and says why it was not sent.
    #[inline]
    pub fn send<'a>(&self, body: impl Into<Payload<'a>>) -> Result<(), SendError> {
        self.socket().send(body)
    }

    /// [`send`](SendHalf::send) without waiting.
    ///
    /// # Errors
    /// As `send`; `WouldBlock` where that would wait.
    #[inline]
    pub fn try_send<'a>(&self, body: impl Into<Payload<'a>>) -> Result<(), SendError> {
        self.socket().try_send(body)
    }

    /// [`send`](SendHalf::send), awaited. A future that is dropped before it is ready has sent nothing.
    ///
    /// # Errors
    /// As `send`, but never `WouldBlock`.
    pub fn send_async<'a>(&'a self, body: impl Into<Payload<'a>>) -> futures::Send<'a> {
        self.socket().send_async(body)
    }

    /// Sends a message of several parts, all or nothing. See [`Socket::send_multipart`].
    ///
    /// # Errors
    /// As `send`; also where the type's messages have one part only.
    pub fn send_multipart(&self, message: impl Into<Multipart>) -> Result<(), SendMultipartError> {
        self.socket().send_multipart(message)
    }

    /// [`send_multipart`](SendHalf::send_multipart), awaited.
    ///
    /// # Errors
    /// As `send_multipart`, but never `WouldBlock`.
    pub fn send_multipart_async(&self, message: impl Into<Multipart>) -> futures::SendMultipart<'_> {
        self.socket().send_multipart_async(message)
    }
}

impl<S: DuplexSocket> RecvHalf<S> {
    fn socket(&self) -> &Socket {
        (*self.0).as_ref()
    }

    /// Receives the next part. See [`Socket::recv`].
    ///
    /// # Errors
    /// Nothing came in time.
    #[inline]
    pub fn recv(&self) -> Result<Message, RecvError> {
        self.socket().recv()
    }

    /// [`recv`](RecvHalf::recv) without waiting.
    ///
    /// # Errors
    /// As `recv`; `WouldBlock` where that would wait.
    #[inline]
    pub fn try_recv(&self) -> Result<Message, RecvError> {
        self.socket().try_recv()
    }

    /// [`recv`](RecvHalf::recv), awaited. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As `recv`, but never `WouldBlock`.
    pub fn recv_async(&self) -> futures::Recv<'_> {
        self.socket().recv_async()
    }

    /// Receives a whole message. See [`Socket::recv_multipart`].
    ///
    /// # Errors
    /// As `recv`.
    pub fn recv_multipart(&self) -> Result<Multipart, RecvError> {
        self.socket().recv_multipart()
    }

    /// [`recv_multipart`](RecvHalf::recv_multipart), awaited. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As `recv_multipart`, but never `WouldBlock`.
    pub fn recv_multipart_async(&self) -> futures::RecvMultipart<'_> {
        self.socket().recv_multipart_async()
    }
}

/// For pollers.
impl<S: DuplexSocket> AsRef<Socket> for SendHalf<S> {
    fn as_ref(&self) -> &Socket {
        self.socket()
    }
}

/// For pollers.
impl<S: DuplexSocket> AsRef<Socket> for RecvHalf<S> {
    fn as_ref(&self) -> &Socket {
        self.socket()
    }
}
