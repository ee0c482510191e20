//! A socket, as an application holds it.
//!
//! The room where a pattern meets its pipes: [`send`] and [`recv`] ask the pattern and move the parts, [`flow`] moves
//! the bytes, [`wait`] lets callers sleep, [`attach`] makes and unmakes connections. What they all work on is in
//! [`core`].

pub(crate) mod attach;
pub(crate) mod core;
pub(crate) mod counts;
mod drive;
mod fan_lane;
pub(crate) mod flow;
pub(crate) mod futures;
mod lane;
pub(crate) mod recv;
pub(crate) mod send;
pub(crate) mod signal;
pub(crate) mod stay;
pub(crate) mod wait;
pub(crate) mod watch;

use std::sync::Arc;

use netzmq_memory::{Message, PooledBuffer};
use netzmq_proto::SocketType;

use crate::multipart::Multipart;

use self::core::Shared;
use self::send::Wait;
use self::stay::Ask;
use crate::connection::outbound::Body;
use crate::context::Handle;
use crate::error::{EndpointError, OptionError, RecvError, SendError, SendMultipartError};
use crate::monitor::Monitor;
use crate::options::SocketOptions;
use crate::patterns::Refusal;
use crate::pipe::Link;
use crate::poller::Interest;
use crate::stats::SocketStats;

/// A ZeroMQ socket of any type, which has all the verbs: one that its type does not have is an error. For proxies, and
/// where the type is known only at run time; [`Push`](crate::Push) and its like have only the verbs of their type.
///
/// It may be shared between threads: calls are put in order by a lock that is held for nanoseconds, never while a
/// call waits. Dropping it closes it: what was sent still goes out, as long as [`Socket::set_linger`] says.
///
/// ```
/// use netzmq::{Context, SocketType};
/// let context = Context::new();
/// let pull = context.socket(SocketType::Pull)?;
/// let push = context.socket(SocketType::Push)?;
/// push.connect(&pull.bind("tcp://127.0.0.1:*")?)?;
/// push.send(vec![7; 100_000])?; // handed over, not copied
/// assert_eq!(pull.recv()?.len(), 100_000);
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Debug)]
pub struct Socket {
    shared: Arc<Shared>,
    // Last: the context waits for its sockets.
    _context: Arc<Handle>,
}

/// What can be sent as one part: something borrowed, or something given away (which is then never copied if it is
/// large).
#[derive(Debug)]
pub struct Payload<'a>(pub(crate) Body<'a>);

/// What [`Socket::recv_into`] received.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[must_use = "a message longer than the buffer was cut off"]
pub struct Received {
    /// The part's true length, which may exceed the buffer's: then only the buffer's length was copied.
    pub len: usize,
    /// More parts of the same message follow.
    pub more: bool,
}

impl Received {
    /// The part was longer than the buffer that it was received into, and its tail is lost.
    #[must_use]
    pub fn is_truncated(&self, buffer: &[u8]) -> bool {
        self.len > buffer.len()
    }
}

impl Socket {
    pub(crate) fn new(shared: Arc<Shared>, context: Arc<Handle>) -> Socket {
        Socket { shared, _context: context }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Which pattern it follows.
    #[must_use]
    pub fn socket_type(&self) -> SocketType {
        self.shared.socket_type
    }

    // ---- endpoints ----

    /// Accepts connections at an endpoint: `tcp://127.0.0.1:5555`, `tcp://*:*`, `ipc:///path`, `ipc://@abstract`,
    /// `ipc://*`, `inproc://name`. Returns the endpoint with wildcards resolved, ready for a peer's `connect`.
    ///
    /// # Errors
    /// Not an endpoint, in use, or refused by the system.
    pub fn bind(&self, endpoint: &str) -> Result<String, EndpointError> {
        self.shared.bind(endpoint)
    }

    /// Connects to an endpoint, now or as soon as somebody is there, and again whenever the connection is lost.
    /// Returns at once.
    ///
    /// # Errors
    /// Not an endpoint that one can connect to.
    pub fn connect(&self, endpoint: &str) -> Result<(), EndpointError> {
        self.shared.connect(endpoint)
    }

    /// Stops accepting at an endpoint, given as it was or as it was resolved. Connections that were accepted there end, once
    /// what was sent over them has left.
    /// The endpoint is free when this returns.
    ///
    /// # Errors
    /// Nothing of this socket's is bound there.
    pub fn unbind(&self, endpoint: &str) -> Result<(), EndpointError> {
        self.shared.unbind(endpoint)
    }

    /// Takes a connection down (all of them, if it was connected there more than once). What was sent over it still goes
    /// out, as long as `linger` says.
    ///
    /// # Errors
    /// Nothing of this socket's is connected there.
    pub fn disconnect(&self, endpoint: &str) -> Result<(), EndpointError> {
        self.shared.disconnect(endpoint)
    }

    /// The last endpoint that was bound or connected, wildcards resolved. Empty before the first.
    #[must_use]
    pub fn last_endpoint(&self) -> String {
        self.shared.lock().last_endpoint.clone()
    }

    // ---- sending ----

    /// Sends a message of one part, or the last part of one. Waits for room as long as
    /// [`set_send_timeout`](Socket::set_send_timeout) says.
    ///
    /// # Errors
    /// Holds the message, and says why it was not sent.
    #[inline]
    pub fn send<'a>(&self, body: impl Into<Payload<'a>>) -> Result<(), SendError> {
        self.shared.send(body.into().0, false, Wait::Timeout)
    }

    /// Sends a part of a message, with more to follow. The message goes out with its last part.
    ///
    /// # Errors
    /// As [`send`](Socket::send). After the first part was taken, the others are taken too.
    #[inline]
    pub fn send_more<'a>(&self, body: impl Into<Payload<'a>>) -> Result<(), SendError> {
        self.shared.send(body.into().0, true, Wait::Timeout)
    }

    /// [`send`](Socket::send) without waiting.
    ///
    /// # Errors
    /// As `send`; `WouldBlock` where that would wait.
    #[inline]
    pub fn try_send<'a>(&self, body: impl Into<Payload<'a>>) -> Result<(), SendError> {
        self.shared.send(body.into().0, false, Wait::Never)
    }

    /// [`send_more`](Socket::send_more) without waiting.
    ///
    /// # Errors
    /// As `send_more`; `WouldBlock` where that would wait.
    #[inline]
    pub fn try_send_more<'a>(&self, body: impl Into<Payload<'a>>) -> Result<(), SendError> {
        self.shared.send(body.into().0, true, Wait::Never)
    }

    /// Sends a message of several parts, all or nothing.
    ///
    /// # Errors
    /// Holds the message, and says why it was not sent.
    pub fn send_multipart(&self, message: impl Into<Multipart>) -> Result<(), SendMultipartError> {
        self.send_parts(message.into(), Wait::Timeout)
    }

    /// [`send_multipart`](Socket::send_multipart) without waiting.
    ///
    /// # Errors
    /// As `send_multipart`; `WouldBlock` where that would wait.
    pub fn try_send_multipart(&self, message: impl Into<Multipart>) -> Result<(), SendMultipartError> {
        self.send_parts(message.into(), Wait::Never)
    }

    fn send_parts(&self, message: Multipart, wait: Wait) -> Result<(), SendMultipartError> {
        self.shared.send_whole(message, wait)
    }

    // ---- receiving ----

    /// Receives the next part. [`Message::has_more`] tells whether more parts of the same message follow; they are
    /// all here already. Waits as long as [`set_recv_timeout`](Socket::set_recv_timeout) says.
    ///
    /// # Errors
    /// Nothing came in time, or this socket can't receive (now).
    #[inline]
    pub fn recv(&self) -> Result<Message, RecvError> {
        self.recv_message(Wait::Timeout)
    }

    /// [`recv`](Socket::recv) without waiting.
    ///
    /// # Errors
    /// As `recv`; `WouldBlock` where that would wait.
    #[inline]
    pub fn try_recv(&self) -> Result<Message, RecvError> {
        self.recv_message(Wait::Never)
    }

    #[inline]
    fn recv_message(&self, wait: Wait) -> Result<Message, RecvError> {
        let mut message = Message::new();
        self.recv_assign(&mut message, wait)?;
        Ok(message)
    }

    #[inline(always)]
    fn recv_assign(&self, message: &mut Message, wait: Wait) -> Result<(), RecvError> {
        let core = if !self.shared.recvs_along {
            self.shared.lock_for_short_way()
        } else if let Some(core) = self.shared.recv_along(message) {
            core
        } else {
            return Ok(());
        };
        self.shared.recv_assign_in(core, message, wait)
    }

    /// [`recv`](Socket::recv) into a message that is there already: what it held is dropped. A little faster, since a
    /// small message is then written once and never moved.
    ///
    /// # Errors
    /// As `recv`; the message is left as it was.
    #[inline]
    pub fn recv_to(&self, message: &mut Message) -> Result<(), RecvError> {
        self.recv_assign(message, Wait::Timeout)
    }

    /// [`recv_to`](Socket::recv_to) without waiting.
    ///
    /// # Errors
    /// As `recv_to`; `WouldBlock` where that would wait.
    #[inline]
    pub fn try_recv_to(&self, message: &mut Message) -> Result<(), RecvError> {
        self.recv_assign(message, Wait::Never)
    }

    /// Receives the next part as a `Vec`, and says whether more parts follow. One allocation, and one copy up to 32 KiB;
    /// none above while callers go on receiving this way: the kernel then writes into the `Vec`'s own memory.
    ///
    /// # Errors
    /// As [`recv`](Socket::recv).
    pub fn recv_vec(&self) -> Result<(Vec<u8>, bool), RecvError> {
        self.shared.recv_vec(Wait::Timeout)
    }

    /// [`recv_vec`](Socket::recv_vec) without waiting.
    ///
    /// # Errors
    /// As `recv_vec`; `WouldBlock` where that would wait.
    pub fn try_recv_vec(&self) -> Result<(Vec<u8>, bool), RecvError> {
        self.shared.recv_vec(Wait::Never)
    }

    /// Receives the next part into the caller's memory: no allocation, one copy.
    ///
    /// # Errors
    /// As [`recv`](Socket::recv).
    pub fn recv_into(&self, buffer: &mut [u8]) -> Result<Received, RecvError> {
        self.recv_with(|bytes| {
            let copied = bytes.len().min(buffer.len());
            buffer[..copied].copy_from_slice(&bytes[..copied]);
            bytes.len()
        })
        .map(|(len, more)| Received { len, more })
    }

    /// [`recv_into`](Socket::recv_into) without waiting.
    ///
    /// # Errors
    /// As `recv_into`; `WouldBlock` where that would wait.
    pub fn try_recv_into(&self, buffer: &mut [u8]) -> Result<Received, RecvError> {
        let (len, more) = self.shared.recv(Wait::Never, |taken| {
            let bytes = taken.bytes();
            let copied = bytes.len().min(buffer.len());
            buffer[..copied].copy_from_slice(&bytes[..copied]);
            bytes.len()
        })?;
        Ok(Received { len, more })
    }

    /// Lets `read` look at the next part where it lies, without a copy; returns what `read` made of it, and whether
    /// more parts follow. The socket is locked meanwhile: `read` must not use it.
    ///
    /// # Errors
    /// As [`recv`](Socket::recv).
    pub fn recv_with<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Result<(R, bool), RecvError> {
        self.shared.recv(Wait::Timeout, |taken| read(taken.bytes()))
    }

    /// Receives a whole message.
    ///
    /// # Errors
    /// As [`recv`](Socket::recv).
    pub fn recv_multipart(&self) -> Result<Multipart, RecvError> {
        self.recv_parts(Wait::Timeout)
    }

    /// [`recv_multipart`](Socket::recv_multipart) without waiting.
    ///
    /// # Errors
    /// As `recv_multipart`; `WouldBlock` where that would wait.
    pub fn try_recv_multipart(&self) -> Result<Multipart, RecvError> {
        self.recv_parts(Wait::Never)
    }

    fn recv_parts(&self, wait: Wait) -> Result<Multipart, RecvError> {
        self.shared.recv_whole(wait)
    }

    // ---- subscriptions ----

    /// SUB: receives messages that begin with `topic`, which may be empty. Counted: as many `unsubscribe`s undo it.
    /// DISH: joins a group. XPUB in manual mode: subscribes the peer whose request was received last.
    ///
    /// # Errors
    /// Not an operation of this socket type.
    pub fn subscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), OptionError> {
        self.change_subscription(topic.as_ref(), true)
    }

    /// Takes one [`subscribe`](Socket::subscribe) back.
    ///
    /// # Errors
    /// Not an operation of this socket type.
    pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), OptionError> {
        self.change_subscription(topic.as_ref(), false)
    }

    fn change_subscription(&self, topic: &[u8], on: bool) -> Result<(), OptionError> {
        let mut core = self.shared.lock();
        if core.closed {
            return Err(OptionError::Closed);
        }
        self.shared.read_mail(&mut core);
        let c = &mut *core;
        let result = if on {
            c.pattern.subscribe(&mut c.pipes, topic)
        } else {
            c.pattern.unsubscribe(&mut c.pipes, topic)
        };
        self.shared.settle(&mut core);
        self.shared.flush_dirty(&mut core);
        drop(core);
        result.map_err(|refusal| match refusal {
            Refusal::NotSupported => OptionError::NotSupported("subscribe"),
            _ => OptionError::invalid(
                "subscribe",
                "a topic (DISH: a group of 1 to 255 bytes, joined only once)",
            ),
        })
    }

    // ---- looking ----

    /// A message can be received without waiting.
    #[must_use]
    pub fn can_recv(&self) -> bool {
        self.shared.events(Interest::READABLE, Ask::Yes).0
    }

    /// A message can be sent without waiting.
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.shared.has_room()
    }

    /// Watches what happens to this socket's connections, from now on. One monitor at a time: an older one stops.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        let (monitor, sink) = Monitor::new();
        self.shared.set_monitor(Some(sink));
        monitor
    }

    /// What it has done and holds, for all peers and for each. Cheap: takes the socket's lock once.
    #[must_use]
    pub fn stats(&self) -> SocketStats {
        self.shared.stats()
    }

    // ---- options ----

    pub(crate) fn read_options<R>(&self, read: impl FnOnce(&SocketOptions) -> R) -> R {
        read(&self.shared.lock().options)
    }

    pub(crate) fn change_options(&self, change: impl FnOnce(&mut SocketOptions)) -> Result<(), OptionError> {
        let mut core = self.shared.lock();
        if core.closed {
            return Err(OptionError::Closed);
        }
        let c = &mut *core;
        change(Arc::make_mut(&mut c.options));
        c.pattern.set_options(&c.options.pattern);
        let (send_hwm, recv_hwm) = (c.options.send_hwm, c.options.recv_hwm);
        let mut roomier = Vec::new();
        for pipe in c.pipes.iter_mut() {
            match &mut pipe.link {
                Link::Wire(_) => {
                    pipe.send_hwm = send_hwm;
                    pipe.recv_hwm = recv_hwm;
                }
                Link::Inproc(end) => end.set_own_hwm(send_hwm),
            }
            // The pattern passes over a full pipe until it is told of room.
            if std::mem::take(&mut pipe.full) && pipe.has_room() {
                roomier.push(pipe.id);
            }
        }
        for id in roomier {
            c.pattern.writable(&mut c.pipes, id);
        }
        drop(core);
        self.shared.mailbox.wake();
        Ok(())
    }
}

/// What takes typed sockets as well takes this one, too.
impl AsRef<Socket> for Socket {
    fn as_ref(&self) -> &Socket {
        self
    }
}

impl Payload<'_> {
    /// Owned: what was borrowed is copied.
    pub(crate) fn into_message(self) -> Message {
        self.0.into_message()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.shared.close();
    }
}

macro_rules! payloads {
    ($($(#[$attribute:meta])* $type:ty => |$value:ident| $body:expr;)*) => {
        $(
            $(#[$attribute])*
            impl<'a> From<$type> for Payload<'a> {
                #[inline]
                fn from($value: $type) -> Payload<'a> {
                    Payload($body)
                }
            }
        )*
    };
}

payloads! {
    &'a [u8] => |bytes| Body::Borrowed(bytes);
    &'a str => |text| Body::Borrowed(text.as_bytes());
    &'a Vec<u8> => |bytes| Body::Borrowed(bytes);
    &'a String => |text| Body::Borrowed(text.as_bytes());
    &'a Message => |message| Body::Owned(message.clone());
    Message => |message| Body::Owned(message);
    Vec<u8> => |bytes| Body::Given(bytes);
    Box<[u8]> => |bytes| Body::Given(bytes.into_vec());
    String => |text| Body::Given(text.into_bytes());
    PooledBuffer => |buffer| Body::Owned(buffer.freeze());
}

#[cfg(feature = "bytes")]
payloads! {
    bytes::Bytes => |bytes| Body::Owned(Message::from(bytes));
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    #[inline]
    fn from(bytes: &'a [u8; N]) -> Payload<'a> {
        Payload(Body::Borrowed(bytes))
    }
}
