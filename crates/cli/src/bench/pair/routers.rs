//! Two ROUTER sockets over tcp loopback that know each other, and what every way of sending and receiving has in common.
//!
//! A message is two parts: the routing id, sent and received in one way by everybody, and the body, which is what a
//! benchmark is about. Both high-water marks are 0, as in the seed. Nothing in here looks at a clock while it is
//! measured.

use std::time::{Duration, Instant};

use netzmq::{Context, EventKind, ReceiveMemory, RecvError, SendError, SendFailure, Socket, SocketType};

use super::body::Template;
use crate::Result;
use crate::error::Failure;

const SENDER: &[u8; 6] = b"sender";
const RECEIVER: &[u8; 8] = b"receiver";
/// A message that takes longer than this is lost. Long, because the machine may be busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The sending side.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: Socket,
    template: Template,
    /// Memory to be used again and again.
    buffer: Vec<u8>,
}

/// The receiving side.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) socket: Socket,
    /// Length of every body.
    pub(crate) size: usize,
    /// Memory to be used again and again, of `size` bytes.
    pub(crate) buffer: Vec<u8>,
}

/// Two sockets for bodies of `size` bytes, which the receiver keeps in `memory`; when this returns, messages flow.
pub(crate) fn connect(size: usize, memory: ReceiveMemory) -> Result<(Sender, Receiver)> {
    let context = Context::new();
    let router = |name: &[u8]| -> Result<Socket> {
        let socket = context.socket(SocketType::Router)?;
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
    to.set_receive_memory(memory)?;
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
        Sender { socket: from, template: Template::new(size), buffer: Vec::with_capacity(size) },
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

impl Sender {
    /// Sends messages 0 to `count - 1`; `send` sends the body, given the data and a buffer of its own.
    #[inline(always)]
    pub(crate) fn each(
        &mut self,
        count: u64,
        mut send: impl FnMut(&Socket, &[u8], &mut Vec<u8>) -> Result<(), SendError>,
    ) -> Result<()> {
        for number in 0..count {
            self.socket.send_more(RECEIVER)?;
            send(&self.socket, self.template.numbered(number), &mut self.buffer)?;
        }
        Ok(())
    }

    /// Sends messages 0 to `count - 1` the plain way.
    pub(crate) fn send_plainly(&mut self, count: u64) -> Result<()> {
        self.each(count, |socket, data, _| socket.send(data))
    }
}

impl Receiver {
    /// Receives messages 0 to `count - 1`; `receive` receives and checks the body of the given number, and says whether
    /// more parts follow.
    #[inline(always)]
    pub(crate) fn all(
        self: &mut Receiver,
        count: u64,
        mut receive: impl FnMut(&Socket, u64, usize, &mut [u8]) -> Result<bool>,
    ) -> Result<()> {
        let Receiver { socket, size, buffer } = self;
        for number in 0..count {
            let id = socket.recv_with(|id| id == SENDER);
            check_id(id.map_err(|error| lost(number, count, error))?, number)?;
            if receive(socket, number, *size, buffer)? {
                return Err(wrong_parts(number));
            }
        }
        Ok(())
    }
}

/// Checks what receiving the first part gave: whether it was the sender's routing id, and whether more follow.
#[inline]
pub(crate) fn check_id((known, more): (bool, bool), number: u64) -> Result<()> {
    if known && more { Ok(()) } else { Err(wrong_parts(number)) }
}

/// Whether a first part is the sender's routing id.
#[inline]
pub(crate) fn is_sender(id: &[u8]) -> bool {
    id == SENDER
}

#[cold]
pub(crate) fn wrong_parts(number: u64) -> Failure {
    Failure::Wrong(format!("message {number} has other parts than were sent"))
}

/// Not all came.
#[cold]
pub(crate) fn lost(received: u64, count: u64, error: RecvError) -> Failure {
    Failure::Wrong(format!("{received} of {count} messages came, then: {error}"))
}
