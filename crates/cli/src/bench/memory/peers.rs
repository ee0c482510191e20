//! The same strategies over libzmq, through the crate `zmq`: for ratios within one run.
//!
//! The setting is the same: two ROUTER sockets, no high-water marks, every message checked. Each strategy does what comes
//! nearest: a message is libzmq's own; zero-copy lends a boxed slice that libzmq's free callback drops. Where memory of
//! *our* pool is sent, libzmq copies it (lending it would take a C callback that the crate does not offer), and receiving
//! into rented memory takes a size that is known in advance, as in the seed.

use std::time::Instant;

use netzmq::MessagePool;
use zmq::{Context, Message, ROUTER, SNDMORE, Socket};

use super::strategy::Strategy;
use crate::Result;
use crate::bench::pair::body::{self, Template};
use crate::bench::pair::routers::PATIENCE;
use crate::error::Failure;

const SENDER: &[u8; 6] = b"sender";
const RECEIVER: &[u8; 8] = b"receiver";

/// The sending side.
pub(crate) struct Sender {
    socket: Socket,
    template: Template,
    buffer: Vec<u8>,
}

/// The receiving side.
pub(crate) struct Receiver {
    socket: Socket,
    size: usize,
    buffer: Vec<u8>,
}

/// Two sockets for bodies of `size` bytes; when this returns, messages flow.
pub(crate) fn connect(size: usize) -> Result<(Sender, Receiver)> {
    let context = Context::new();
    let router = |name: &[u8]| -> Result<Socket> {
        let socket = context.socket(ROUTER)?;
        socket.set_identity(name)?;
        socket.set_sndhwm(0)?;
        socket.set_rcvhwm(0)?;
        socket.set_linger(0)?;
        socket.set_sndtimeo(PATIENCE.as_millis() as i32)?;
        socket.set_rcvtimeo(PATIENCE.as_millis() as i32)?;
        socket.set_router_mandatory(true)?;
        Ok(socket)
    };
    let (to, from) = (router(RECEIVER)?, router(SENDER)?);
    to.bind("tcp://127.0.0.1:*")?;
    let endpoint =
        to.get_last_endpoint()?.map_err(|_| Failure::Wrong("libzmq bound to no text".to_owned()))?;
    from.connect(&endpoint)?;
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = from.send(&RECEIVER[..], SNDMORE) {
        if error != zmq::Error::EHOSTUNREACH || Instant::now() >= deadline {
            return Err(error.into());
        }
        std::thread::yield_now();
    }
    from.send("hello", 0)?;
    if to.recv_multipart(0)? != [&SENDER[..], b"hello"] {
        return Err(Failure::Wrong("libzmq's first message arrived wrong".to_owned()));
    }
    Ok((
        Sender { socket: from, template: Template::new(size), buffer: Vec::with_capacity(size) },
        Receiver { socket: to, size, buffer: vec![0; size] },
    ))
}

/// Sends messages 0 to `count - 1`.
pub(crate) fn send(strategy: Strategy, sender: &mut Sender, count: u64) -> Result<()> {
    let Sender { socket, template, buffer } = sender;
    let pool = MessagePool::shared();
    match strategy {
        Strategy::ByteArray => each(socket, template, count, |data| {
            let fresh = data.to_vec();
            socket.send(&fresh, 0)
        }),
        Strategy::ArrayPool => each(socket, template, count, |data| {
            buffer.clear();
            buffer.extend_from_slice(data);
            socket.send(&buffer[..], 0)
        }),
        Strategy::Message => each(socket, template, count, |data| socket.send(Message::from(data), 0)),
        Strategy::MessagePooled | Strategy::MessagePooledRecvPool => each(socket, template, count, |data| {
            let mut rented = pool.rent(data.len());
            rented.copy_from_slice(data);
            socket.send(&rented[..], 0)
        }),
        Strategy::MessageZeroCopy => {
            each(socket, template, count, |data| socket.send(Message::from(Box::<[u8]>::from(data)), 0))
        }
    }
}

#[inline(always)]
fn each(
    socket: &Socket,
    template: &mut Template,
    count: u64,
    mut send: impl FnMut(&[u8]) -> zmq::Result<()>,
) -> Result<()> {
    for number in 0..count {
        socket.send(&RECEIVER[..], SNDMORE)?;
        send(template.numbered(number))?;
    }
    Ok(())
}

/// Receives and checks messages 0 to `count - 1`.
pub(crate) fn receive(strategy: Strategy, receiver: &mut Receiver, count: u64) -> Result<()> {
    let Receiver { socket, size, buffer } = receiver;
    let (size, pool) = (*size, MessagePool::shared());
    let mut message = Message::new();
    match strategy {
        Strategy::ByteArray => all(socket, count, |number| body::check(&socket.recv_bytes(0)?, number, size)),
        Strategy::ArrayPool => all(socket, count, |number| {
            let len = socket.recv_into(buffer, 0)?;
            body::check(buffer.get(..len).unwrap_or_default(), number, size)
        }),
        Strategy::MessagePooled => all(socket, count, |number| {
            socket.recv(&mut message, 0)?;
            body::check(&message, number, size)
        }),
        Strategy::MessagePooledRecvPool => all(socket, count, |number| {
            let mut rented = pool.rent(size);
            let len = socket.recv_into(&mut rented, 0)?;
            body::check(rented.get(..len).unwrap_or_default(), number, size)
        }),
        Strategy::Message | Strategy::MessageZeroCopy => {
            all(socket, count, |number| body::check(&socket.recv_msg(0)?, number, size))
        }
    }
}

/// Every first part must be the sender's name, so a part too many or too few shows with the next message.
#[inline(always)]
fn all(socket: &Socket, count: u64, mut receive: impl FnMut(u64) -> Result<()>) -> Result<()> {
    let mut id = [0; 16];
    for number in 0..count {
        let len = socket.recv_into(&mut id, 0).map_err(|error| {
            Failure::Wrong(format!("libzmq: {number} of {count} messages came, then: {error}"))
        })?;
        if id.get(..len) != Some(SENDER) {
            return Err(Failure::Wrong(format!("libzmq: message {number} has other parts than were sent")));
        }
        receive(number)?;
    }
    Ok(())
}
