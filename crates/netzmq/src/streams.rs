//! Sockets as the ecosystem's `Stream` and `Sink`, for its combinators. (Feature `futures`.)
//!
//! Nothing is kept here but one message that a sink was given and the socket had no room for yet. Dropping a stream loses
//! nothing: a message is taken in the poll that returns it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::stream::FusedStream;
use futures_sink::Sink;

use crate::error::{RecvError, SendFailure, SendMultipartError};
use crate::multipart::Multipart;
use crate::socket::Socket;
use crate::socket::core::Shared;
use crate::socket::futures::Awaiting;
use crate::socket::send::Wait;

/// What a socket receives, as a stream of whole messages. It ends when the context is terminated or the socket closed; an
/// error of the caller's (a socket type that can't receive, or not now) comes once, and ends it.
///
/// `S` is a socket of any kind, a reference to one, or the receiving half of a split one.
///
/// ```
/// use futures_lite::StreamExt;
/// # futures_lite::future::block_on(async {
/// let context = netzmq::Context::new();
/// let pull = context.pull().bind("inproc://stream")?;
/// let push = context.push().connect("inproc://stream")?;
/// push.send("one")?;
/// push.send("two")?;
/// let two: Vec<_> = netzmq::Incoming::new(&pull).take(2).try_collect().await?;
/// assert_eq!(two[1], ["two"]);
/// # Ok::<(), netzmq::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Incoming<S> {
    awaiting: Awaiting<Arc<Shared>>,
    over: bool,
    socket: S,
}

/// A socket as a sink for messages. `send` waits for room and gives the message to the socket: a future that is dropped
/// before that may leave it in the sink, which gives it on with the next one, or with `flush`.
#[derive(Debug)]
pub struct Outgoing<S> {
    awaiting: Awaiting<Arc<Shared>>,
    waiting: Option<Multipart>,
    socket: S,
}

impl<S: AsRef<Socket>> Incoming<S> {
    /// Receives from this socket.
    pub fn new(socket: S) -> Incoming<S> {
        Incoming { awaiting: Awaiting::new(socket.as_ref().shared().clone()), over: false, socket }
    }

    /// The socket again.
    pub fn into_inner(self) -> S {
        self.socket
    }
}

impl<S: AsRef<Socket> + Unpin> Stream for Incoming<S> {
    type Item = Result<Multipart, RecvError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let me = self.get_mut();
        if me.over {
            return Poll::Ready(None);
        }
        let socket = me.socket.as_ref();
        let item = me.awaiting.poll(context, || match socket.try_recv_multipart() {
            Err(RecvError::WouldBlock) => Poll::Pending,
            outcome => Poll::Ready(outcome),
        });
        item.map(|outcome| {
            me.over = outcome.is_err();
            match outcome {
                Err(RecvError::Terminated | RecvError::Closed) => None,
                outcome => Some(outcome),
            }
        })
    }
}

impl<S: AsRef<Socket> + Unpin> FusedStream for Incoming<S> {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<S: AsRef<Socket>> Outgoing<S> {
    /// Sends to this socket.
    pub fn new(socket: S) -> Outgoing<S> {
        Outgoing { awaiting: Awaiting::new(socket.as_ref().shared().clone()), waiting: None, socket }
    }

    /// The socket again, and the message that it had no room for, if there is one.
    pub fn into_inner(self) -> (S, Option<Multipart>) {
        (self.socket, self.waiting)
    }

    /// Gives the message that waits to the socket.
    fn poll_waiting(&mut self, context: &Context<'_>) -> Poll<Result<(), SendMultipartError>> {
        let (waiting, shared) = (&mut self.waiting, self.socket.as_ref().shared());
        self.awaiting.poll(context, || {
            let Some(message) = waiting.take() else { return Poll::Ready(Ok(())) };
            match shared.send_whole(message, Wait::Never) {
                Err(SendMultipartError { message, reason: SendFailure::WouldBlock }) => {
                    *waiting = Some(*message);
                    Poll::Pending
                }
                outcome => Poll::Ready(outcome),
            }
        })
    }
}

impl<S: AsRef<Socket> + Unpin, M: Into<Multipart>> Sink<M> for Outgoing<S> {
    type Error = SendMultipartError;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_waiting(context)
    }

    fn start_send(self: Pin<&mut Self>, message: M) -> Result<(), Self::Error> {
        let me = self.get_mut();
        let message = message.into();
        match me.waiting {
            // Without `poll_ready`, against the rules of sinks.
            Some(_) => {
                Err(SendMultipartError { message: Box::new(message), reason: SendFailure::WouldBlock })
            }
            None => {
                me.waiting = Some(message);
                Ok(())
            }
        }
    }

    /// Ready when the socket has all; it may still be on its way.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_waiting(context)
    }

    /// As `poll_flush`: the socket closes when it is dropped.
    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_waiting(context)
    }
}
