//! What can go wrong for a caller: one small error per operation, and the message comes back.
//!
//! A peer's fault is never here: it closes that peer's connection and becomes a monitor event.

use std::io;

use netzmq_memory::Message;
use thiserror::Error;

use crate::multipart::Multipart;

/// A message could not be sent. It is in here.
///
/// ```
/// use netzmq::{Context, SendFailure};
/// let context = Context::new();
/// let push = context.push().open()?; // connected to nobody
/// let error = push.try_send("precious").unwrap_err();
/// assert_eq!(error.reason, SendFailure::WouldBlock);
/// assert_eq!(error.message, "precious"); // to be sent elsewhere, or later
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Error)]
#[error("{reason}")]
pub struct SendError {
    /// What was to be sent.
    pub message: Message,
    /// Why it was not.
    pub reason: SendFailure,
}

impl std::fmt::Debug for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SendError {{ reason: {:?}, message: {} bytes }}", self.reason, self.message.len())
    }
}

/// A message of several parts could not be sent. It is in here.
#[derive(Error)]
#[error("{reason}")]
pub struct SendMultipartError {
    /// What was to be sent, whole; if the socket was closed meanwhile, what of it was not taken yet.
    /// Boxed, because errors are rare and should not make every result large.
    pub message: Box<Multipart>,
    /// Why it was not.
    pub reason: SendFailure,
}

impl std::fmt::Debug for SendMultipartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SendMultipartError {{ reason: {:?}, message: {} parts }}", self.reason, self.message.len())
    }
}

/// Why a message was not sent.
#[derive(Debug, Error, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendFailure {
    /// No peer has room, or there is none, and the call may not wait (any longer).
    #[error("no peer can take the message now: none is connected, or all are at their high-water mark")]
    WouldBlock,
    /// ROUTER with `router_mandatory`: nobody has that routing id.
    #[error("no peer has this routing id")]
    Unroutable,
    /// The socket's pattern does not allow sending now.
    #[error("not now: the socket must receive first (REQ after a request, REP before one)")]
    WrongState,
    /// The socket type cannot send.
    #[error("this socket type cannot send")]
    NotSupported,
    /// The message does not have the form that this socket type wants.
    #[error("this socket type cannot send such a message (several parts, or a missing address)")]
    Malformed,
    /// The context was terminated.
    #[error("the context was terminated")]
    Terminated,
    /// The socket was closed.
    #[error("the socket is closed")]
    Closed,
    /// A signal handler ran while the call waited. Only in the C interface, whose callers look after signals themselves;
    /// elsewhere the wait goes on.
    #[error("a signal came while waiting")]
    Interrupted,
}

/// Why nothing was received.
#[derive(Debug, Error, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecvError {
    /// No message is here, and the call may not wait (any longer).
    #[error("no message is here now")]
    WouldBlock,
    /// The socket's pattern does not allow receiving now.
    #[error("not now: the socket must send first (REQ before a reply, REP after a request)")]
    WrongState,
    /// The socket type cannot receive.
    #[error("this socket type cannot receive")]
    NotSupported,
    /// The context was terminated.
    #[error("the context was terminated")]
    Terminated,
    /// The socket was closed.
    #[error("the socket is closed")]
    Closed,
    /// A signal handler ran while the call waited. Only in the C interface, as [`SendFailure::Interrupted`].
    #[error("a signal came while waiting")]
    Interrupted,
}

/// Why a bind or connect (or their undoing) failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The text is no endpoint.
    #[error("{endpoint:?} is not an endpoint: {reason}")]
    Invalid {
        /// What was given.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A known transport that this build or this socket type can't use.
    #[error("{endpoint:?}: {reason}")]
    Unsupported {
        /// What was given.
        endpoint: String,
        /// Why not.
        reason: &'static str,
    },
    /// Somebody is there already.
    #[error("{0:?} is in use")]
    InUse(String),
    /// Nothing of ours is bound or connected there.
    #[error("{0:?} was not bound or connected by this socket")]
    NotFound(String),
    /// The system refused.
    #[error("{endpoint:?}: {source}")]
    Io {
        /// What was given.
        endpoint: String,
        /// The system's error.
        source: io::Error,
    },
    /// The context was terminated.
    #[error("the context was terminated")]
    Terminated,
    /// The socket was closed.
    #[error("the socket is closed")]
    Closed,
}

/// A value that an option can't take.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionError {
    /// Out of range or of the wrong form.
    #[error("{option}: {wanted}")]
    Invalid {
        /// Which option.
        option: &'static str,
        /// What it wants.
        wanted: &'static str,
    },
    /// This socket type has no such option.
    #[error("{0}: not an option of this socket type")]
    NotSupported(&'static str),
    /// The socket was closed.
    #[error("the socket is closed")]
    Closed,
}

impl OptionError {
    pub(crate) fn invalid(option: &'static str, wanted: &'static str) -> OptionError {
        OptionError::Invalid { option, wanted }
    }
}

/// Why no socket could be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The context has as many sockets as it may.
    #[error("the context has {0} open sockets, as many as it may: close some, or allow more")]
    TooMany(usize),
    /// The type is not implemented.
    #[error("sockets of type {0} are not supported")]
    Unsupported(&'static str),
    /// The context was terminated.
    #[error("the context was terminated")]
    Terminated,
}

/// Why no typed socket came out of its builder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No socket could be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// An option has a value that it can't take.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// It could not be bound or connected.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// Any of this crate's errors, for callers that use `?` and one error type.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// From a send.
    #[error(transparent)]
    Send(#[from] SendError),
    /// From a send of several parts.
    #[error(transparent)]
    SendMultipart(#[from] SendMultipartError),
    /// From a receive.
    #[error(transparent)]
    Recv(#[from] RecvError),
    /// From bind, connect, unbind, disconnect.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// From setting an option.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// From making a socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// From the system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Error {
        match error {
            OpenError::Socket(error) => Error::Socket(error),
            OpenError::Option(error) => Error::Option(error),
            OpenError::Endpoint(error) => Error::Endpoint(error),
        }
    }
}
