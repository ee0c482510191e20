//! How each strategy sends and receives: the code that is measured.
//!
//! Every strategy begins with the same data in the application's hands (the [`Template`]) and writes it once into the
//! memory it sends from, as the seed did. The routing id is sent and received in the same way by all of them. Nothing in
//! here looks at a clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use netzmq::{Context, EventKind, Message, MessagePool, Received, SendError, SendFailure, Socket};

use super::body::{self, Template};
use super::strategy::Strategy;
use crate::Result;
use crate::error::Failure;

const SENDER: &[u8; 6] = b"sender";
const RECEIVER: &[u8; 8] = b"receiver";
/// A message that takes longer than this is lost. Long, because the machine may be busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// The sending side.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: Socket,
    template: Template,
    buffer: Vec<u8>,
}

/// The receiving side.
#[derive(Debug)]
pub(crate) struct Receiver {
    socket: Socket,
    size: usize,
    buffer: Vec<u8>,
}

/// Two ROUTER sockets that know each other, for bodies of `size` bytes.
pub(crate) fn connect(size: usize) -> Result<(Sender, Receiver)> {
    let context = Context::new();
    let router = |name: &[u8]| -> Result<Socket> {
        let socket = context.router()?;
        socket.set_routing_id(name.to_vec())?;
        socket.set_send_hwm(0)?;
        socket.set_recv_hwm(0)?;
        socket.set_linger(Some(Duration::ZERO))?;
        socket.set_send_timeout(Some(PATIENCE))?;
        socket.set_recv_timeout(Some(PATIENCE))?;
        // A message that nobody can get is an error, not a loss.
        socket.set_router_mandatory(true)?;
        Ok(socket)
    };
    let (to, from) = (router(RECEIVER)?, router(SENDER)?);
    let monitor = from.monitor();
    from.connect(&to.bind("tcp://127.0.0.1:*")?)?;
    if monitor.wait_for(PATIENCE, |event| event.kind == EventKind::HandshakeSucceeded).is_none() {
        return Err(Failure::Wrong("the two sockets did not find each other".to_owned()));
    }
    until_routable(&from)?;
    let (mut id, mut hello) = ([0; SENDER.len()], [0; 5]);
    let (id_got, hello_got) = (to.recv_into(&mut id)?, to.recv_into(&mut hello)?);
    if (&id, &hello) != (SENDER, b"hello") || !id_got.more || hello_got.more {
        return Err(Failure::Wrong("the first message arrived wrong".to_owned()));
    }
    Ok((
        Sender { socket: from, template: Template::new(size), buffer: vec![0; size] },
        Receiver { socket: to, size, buffer: vec![0; size] },
    ))
}

/// The event of a handshake may come a moment before its peer can be addressed.
fn until_routable(socket: &Socket) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match socket.send_more(RECEIVER) {
            Ok(()) => return Ok(socket.send("hello")?),
            Err(SendError { reason: SendFailure::Unroutable, .. }) if Instant::now() < deadline => {
                std::thread::yield_now();
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Callbacks of [`Lent`] so far.
static FREED: AtomicU64 = AtomicU64::new(0);

/// Memory of the application that a message borrows: the callback is its drop, which frees it.
struct Lent(Box<[u8]>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Relaxed: a count that is waited for.
        FREED.fetch_add(1, Ordering::Relaxed);
    }
}

impl Sender {
    /// Sends messages 0 to `count - 1`.
    pub(crate) fn send_all(&mut self, strategy: Strategy, count: u64) -> Result<()> {
        let Sender { socket, template, buffer } = self;
        let pool = MessagePool::shared();
        match strategy {
            Strategy::ByteArray => each(socket, template, count, |data| socket.send(data.to_vec())),
            Strategy::ArrayPool => each(socket, template, count, |data| {
                buffer.clear();
                buffer.extend_from_slice(data);
                socket.send(&buffer[..])
            }),
            Strategy::Message => {
                each(socket, template, count, |data| socket.send(Message::copy_from_slice(data)))
            }
            Strategy::MessagePooled | Strategy::MessagePooledRecvPool => {
                each(socket, template, count, |data| {
                    let mut rented = pool.rent(data.len());
                    rented.copy_from_slice(data);
                    socket.send(rented.freeze())
                })
            }
            Strategy::MessageZeroCopy => {
                each(socket, template, count, |data| socket.send(Message::from_owner(Lent(data.into()))))
            }
        }
    }

    /// The callbacks so far, to be given to [`callbacks_came`].
    pub(crate) fn callbacks() -> u64 {
        FREED.load(Ordering::Relaxed)
    }
}

/// Waits until `count` callbacks have come since there were `before`: memory that was lent is given back once for
/// each message, and soon.
pub(crate) fn callbacks_came(before: u64, count: u64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while Sender::callbacks().wrapping_sub(before) < count && Instant::now() < deadline {
        std::thread::yield_now();
    }
    match Sender::callbacks().wrapping_sub(before) {
        came if came == count => Ok(()),
        came => Err(Failure::Wrong(format!("{came} free callbacks for {count} messages"))),
    }
}

#[inline(always)]
fn each(
    socket: &Socket,
    template: &mut Template,
    count: u64,
    mut send: impl FnMut(&[u8]) -> std::result::Result<(), SendError>,
) -> Result<()> {
    for number in 0..count {
        socket.send_more(RECEIVER)?;
        send(template.numbered(number))?;
    }
    Ok(())
}

impl Receiver {
    /// Receives and checks messages 0 to `count - 1`.
    pub(crate) fn receive_all(&mut self, strategy: Strategy, count: u64) -> Result<()> {
        let Receiver { socket, size, buffer } = self;
        let size = *size;
        match strategy {
            Strategy::ByteArray => all(socket, count, |number| {
                let message = socket.recv()?;
                let more = message.has_more();
                body::check(&message.into_vec(), number, size)?;
                Ok(more)
            }),
            Strategy::ArrayPool => all(socket, count, |number| {
                let Received { len, more } = socket.recv_into(buffer)?;
                body::check(buffer.get(..len).unwrap_or_default(), number, size)?;
                Ok(more)
            }),
            Strategy::MessagePooled => all(socket, count, |number| {
                let (checked, more) = socket.recv_with(|bytes| body::check(bytes, number, size))?;
                checked.map(|()| more)
            }),
            Strategy::Message | Strategy::MessagePooledRecvPool | Strategy::MessageZeroCopy => {
                all(socket, count, |number| {
                    let message = socket.recv()?;
                    body::check(&message, number, size)?;
                    Ok(message.has_more())
                })
            }
        }
    }
}

#[inline(always)]
fn all(socket: &Socket, count: u64, mut receive: impl FnMut(u64) -> Result<bool>) -> Result<()> {
    for number in 0..count {
        let (from, more) = socket
            .recv_with(|id| id == SENDER)
            .map_err(|error| Failure::Wrong(format!("{number} of {count} messages came, then: {error}")))?;
        if !from || !more || receive(number)? {
            return Err(Failure::Wrong(format!("message {number} has other parts than were sent")));
        }
    }
    Ok(())
}
