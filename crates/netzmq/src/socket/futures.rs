//! The same socket, awaited: futures over the wait that blocking callers use, with a `Waker` in the mailbox.
//!
//! No runtime is needed and none is started: the I/O thread reads for a socket that is awaited, and wakes the task.
//!
//! Cancelling (dropping a future) is safe at any point: a receive takes a message only in the poll that returns it, a
//! send gives its message to the socket only in the poll that says so.
//!
//! Why no wake-up is lost: the ticket is taken before the attempt, and a waker is registered only if nothing has
//! happened since the ticket.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use netzmq_memory::Message;

use super::core::Shared;
use super::send::Wait;
use super::{Payload, Socket};
use crate::connection::outbound::Body;
use crate::error::{RecvError, SendError, SendFailure, SendMultipartError};
use crate::multipart::Multipart;

/// Keeps the I/O thread in the lead while a future of this socket waits.
#[derive(Debug)]
pub(crate) struct Awaiting<S: Deref<Target = Shared>> {
    shared: S,
    counted: bool,
}

impl<S: Deref<Target = Shared>> Awaiting<S> {
    #[inline]
    pub(crate) fn new(shared: S) -> Awaiting<S> {
        Awaiting { shared, counted: false }
    }

    /// Tries until it succeeds, fails, or can only wait.
    #[inline]
    pub(crate) fn poll<T>(&mut self, context: &Context<'_>, mut attempt: impl FnMut() -> Poll<T>) -> Poll<T> {
        // Mostly there is something, and then no ticket is needed.
        match attempt() {
            Poll::Pending => self.poll_again(context, attempt),
            ready => ready,
        }
    }

    /// Not in line: where a caller awaits in a loop, this would stand in the middle of it.
    #[cold]
    fn poll_again<T>(&mut self, context: &Context<'_>, mut attempt: impl FnMut() -> Poll<T>) -> Poll<T> {
        loop {
            let ticket = {
                let mut core = self.shared.lock();
                self.shared.read_mail(&mut core);
                self.shared.mailbox.ticket()
            };
            if let Poll::Ready(outcome) = attempt() {
                return Poll::Ready(outcome);
            }
            let Some(ticket) = ticket else { continue };
            if !std::mem::replace(&mut self.counted, true) {
                let mut core = self.shared.lock();
                core.watchers += 1;
                self.shared.hand_over(&mut core);
            }
            if self.shared.mailbox.register(ticket, context.waker()) {
                return Poll::Pending;
            }
        }
    }
}

impl<S: Deref<Target = Shared>> Drop for Awaiting<S> {
    #[inline]
    fn drop(&mut self) {
        if self.counted {
            uncount(&self.shared);
        }
    }
}

#[cold]
fn uncount(shared: &Shared) {
    let mut core = shared.lock();
    core.watchers = core.watchers.saturating_sub(1);
}

/// A receive under way. See [`Socket::recv_async`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Recv<'a> {
    socket: &'a Socket,
    awaiting: Awaiting<&'a Shared>,
}

/// A receive of a whole message under way. See [`Socket::recv_multipart_async`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct RecvMultipart<'a> {
    socket: &'a Socket,
    awaiting: Awaiting<&'a Shared>,
}

/// A send under way. See [`Socket::send_async`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Send<'a> {
    /// Borrowed, if it was: it is copied into what goes out, or not at all.
    body: Option<Body<'a>>,
    awaiting: Awaiting<&'a Shared>,
}

/// A send of a whole message under way. See [`Socket::send_multipart_async`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct SendMultipart<'a> {
    message: Option<Multipart>,
    awaiting: Awaiting<&'a Shared>,
}

impl Socket {
    #[inline]
    fn awaiting(&self) -> Awaiting<&Shared> {
        Awaiting::new(self.shared())
    }

    /// [`recv`](Socket::recv), awaited under any executor. Waits as long as it takes; dropping the future loses nothing.
    ///
    /// # Errors
    /// As `recv`, but never `WouldBlock`.
    #[inline]
    pub fn recv_async(&self) -> Recv<'_> {
        Recv { socket: self, awaiting: self.awaiting() }
    }

    /// [`recv_multipart`](Socket::recv_multipart), awaited.
    ///
    /// # Errors
    /// As `recv_multipart`, but never `WouldBlock`.
    pub fn recv_multipart_async(&self) -> RecvMultipart<'_> {
        RecvMultipart { socket: self, awaiting: self.awaiting() }
    }

    /// [`send`](Socket::send), awaited. Waits for room as long as it takes; a future that is dropped before it is ready
    /// has sent nothing.
    ///
    /// # Errors
    /// As `send`, but never `WouldBlock`.
    #[inline]
    pub fn send_async<'a>(&'a self, body: impl Into<Payload<'a>>) -> Send<'a> {
        Send { body: Some(body.into().0), awaiting: self.awaiting() }
    }

    /// [`send_multipart`](Socket::send_multipart), awaited. A future that is dropped before it is ready has sent nothing.
    ///
    /// # Errors
    /// As `send_multipart`, but never `WouldBlock`.
    pub fn send_multipart_async(&self, message: impl Into<Multipart>) -> SendMultipart<'_> {
        SendMultipart { message: Some(message.into()), awaiting: self.awaiting() }
    }
}

impl Future for Recv<'_> {
    type Output = Result<Message, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let me = self.get_mut();
        let socket = me.socket;
        // Written where it stays, and only a mere word goes through the wait: a message that was just written is slow to
        // move.
        let mut message = Message::new();
        match me.awaiting.poll(context, || pending_if_blocked(socket.try_recv_to(&mut message))) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(message)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Future for RecvMultipart<'_> {
    type Output = Result<Multipart, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let me = self.get_mut();
        let socket = me.socket;
        me.awaiting.poll(context, || pending_if_blocked(socket.try_recv_multipart()))
    }
}

impl Future for Send<'_> {
    type Output = Result<(), SendError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let me = self.get_mut();
        let (waiting, shared) = (&mut me.body, me.awaiting.shared);
        // Sent from where it is, and only a mere word comes back, as above.
        let sent = me.awaiting.poll(context, || {
            // A future polled after it was ready has nothing left to send.
            let Some(body) = waiting else { return Poll::Ready(Ok(())) };
            match shared.send_in(shared.lock_for_short_way(), body, false, Wait::Never) {
                Err(SendFailure::WouldBlock) => Poll::Pending,
                outcome => Poll::Ready(outcome),
            }
        });
        match sent {
            Poll::Ready(Ok(())) => {
                match waiting.take() {
                    // Nothing to be dropped, which the compiler would find out by a call.
                    Some(body @ Body::Borrowed(_)) => std::mem::forget(body),
                    sent => drop(sent),
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(reason)) => {
                let message = waiting.take().map(Body::into_message).unwrap_or_default();
                Poll::Ready(Err(SendError { message, reason }))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Future for SendMultipart<'_> {
    type Output = Result<(), SendMultipartError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let me = self.get_mut();
        let (message, shared) = (&mut me.message, me.awaiting.shared);
        me.awaiting.poll(context, || {
            // As above.
            let Some(parts) = message.take() else { return Poll::Ready(Ok(())) };
            match shared.send_whole(parts, Wait::Never) {
                Err(SendMultipartError { message: back, reason: SendFailure::WouldBlock }) => {
                    *message = Some(*back);
                    Poll::Pending
                }
                outcome => Poll::Ready(outcome),
            }
        })
    }
}

#[inline]
fn pending_if_blocked<T>(result: Result<T, RecvError>) -> Poll<Result<T, RecvError>> {
    match result {
        Err(RecvError::WouldBlock) => Poll::Pending,
        outcome => Poll::Ready(outcome),
    }
}
