//! Sockets: making, ending, reaching peers, sending and receiving.

use std::ffi::{c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use netzmq::memory::Annotations;
use netzmq::raw::{self, Call};
use netzmq::{Context, Message, Socket, SocketType};
use netzmq_lock::Visit;

use crate::boundary::{bytes, bytes_mut, export, utf8};
use crate::context::CContext;
use crate::errno::{
    EHOSTUNREACH, EINVAL, ENAMETOOLONG, ENOCOMPATPROTO, ENOTSOCK, ENOTSUP, EPROTONOSUPPORT, Errno,
};
use crate::handles::{self, Handle};
use crate::message::{RawMessage, length, message_mut};
use crate::options::Extras;
use crate::poll::POLLOUT;

pub(crate) const ZMQ_DONTWAIT: c_int = 1;
pub(crate) const ZMQ_SNDMORE: c_int = 2;

/// What a socket handle stands for.
pub(crate) struct CSocket {
    process: u32,
    socket: ManuallyDrop<Socket>,
    context: ManuallyDrop<Context>,
    /// The part received last has more after it.
    pub(crate) more: AtomicBool,
    extras: Mutex<Extras>,
}

impl Handle for CSocket {
    const KIND: u64 = 2;
    const MISTAKEN: Errno = ENOTSOCK;
}

impl CSocket {
    pub(crate) fn new((socket, context): (Socket, Context)) -> CSocket {
        CSocket {
            process: std::process::id(),
            socket: ManuallyDrop::new(socket),
            context: ManuallyDrop::new(context),
            more: AtomicBool::new(false),
            extras: Mutex::default(),
        }
    }

    #[inline]
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Another socket of the same context.
    pub(crate) fn sibling(&self, socket_type: SocketType) -> Result<Socket, Errno> {
        Ok(self.context.socket(socket_type)?)
    }

    pub(crate) fn extras(&self) -> MutexGuard<'_, Extras> {
        self.extras.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// This process is a child of the one that made the socket, and has none of its threads.
    pub(crate) fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    /// Sends a message, which is empty after it, or as it was if it was not sent. Returns its length.
    pub(crate) fn send(&self, message: &mut Message, flags: c_int) -> Result<c_int, Errno> {
        self.send_in(None, message, flags)
    }

    pub(crate) fn recv(&self, flags: c_int) -> Result<Message, Errno> {
        let mut message = Message::new();
        self.recv_to(None, &mut message, flags)?;
        Ok(message)
    }

    // What follows is in line: calls cost what messages cost. `visit`: as `handles::with` has it.

    /// Sends bytes that stay the caller's.
    #[inline(always)]
    pub(crate) fn send_bytes(
        &self,
        visit: Option<&Visit>,
        body: &[u8],
        flags: c_int,
    ) -> Result<c_int, Errno> {
        let call = Call { visit, waits: flags & ZMQ_DONTWAIT == 0 };
        raw::send_bytes(&self.socket, call, body, flags & ZMQ_SNDMORE != 0)?;
        Ok(length(body.len()))
    }

    #[inline(always)]
    fn send_in(&self, visit: Option<&Visit>, message: &mut Message, flags: c_int) -> Result<c_int, Errno> {
        if !is_lent(message) {
            return self.hand_over(visit, message, flags);
        }
        let len = self.send_bytes(visit, message, flags)?;
        *message = Message::new();
        Ok(len)
    }

    #[inline(never)]
    fn hand_over(&self, visit: Option<&Visit>, message: &mut Message, flags: c_int) -> Result<c_int, Errno> {
        let call = Call { visit, waits: flags & ZMQ_DONTWAIT == 0 };
        let len = message.len();
        // What a former sender said of itself does not travel on.
        let told = message.take_annotations();
        let group = told.as_ref().map(|a| a.group.clone()).filter(|group| !group.is_empty());
        message.set_annotations(group.map(|group| Arc::new(Annotations::new(group, None))));
        let sent = raw::send(&self.socket, call, message, flags & ZMQ_SNDMORE != 0);
        if sent.is_err() {
            message.set_annotations(told);
        }
        sent?;
        Ok(length(len))
    }

    #[inline(always)]
    fn recv_into(&self, visit: Option<&Visit>, room: &mut [u8], flags: c_int) -> Result<c_int, Errno> {
        let call = Call { visit, waits: flags & ZMQ_DONTWAIT == 0 };
        let received = raw::recv_into(&self.socket, call, room)?;
        // Relaxed: read by the thread that received, or by one that it has told.
        self.more.store(received.more, Ordering::Relaxed);
        Ok(length(received.len))
    }

    #[inline(always)]
    fn recv_to(&self, visit: Option<&Visit>, message: &mut Message, flags: c_int) -> Result<c_int, Errno> {
        let call = Call { visit, waits: flags & ZMQ_DONTWAIT == 0 };
        raw::recv_to(&self.socket, call, message)?;
        if !matches!(self.socket.socket_type(), SocketType::Server | SocketType::Peer) {
            // Within the process the message is the sender's own, with the number that it was sent to.
            message.set_routing_id(0);
        }
        // Relaxed: as in `recv_into`.
        self.more.store(message.has_more(), Ordering::Relaxed);
        Ok(length(message.len()))
    }
}

impl Drop for CSocket {
    fn drop(&mut self) {
        if !self.is_inherited() {
            // SAFETY: dropped once, here, and not used after.
            unsafe {
                ManuallyDrop::drop(&mut self.socket);
                ManuallyDrop::drop(&mut self.context);
            }
        }
    }
}

/// What is carried; others are "not supported" rather than "invalid", as by a libzmq built without them.
const TRANSPORTS: [&str; 8] = ["tcp", "ipc", "inproc", "udp", "ws", "wss", "tipc", "vsock"];

/// The longest path or name that the kernel takes, in bytes.
const IPC_MAX: usize = 107;

/// The endpoint at C's pointer, if its form is right.
fn endpoint<'a>(address: *const c_char) -> Result<&'a str, Errno> {
    // SAFETY: null or a string for the length of the call, says the manual page.
    let text = unsafe { utf8(address) }.map_err(|_| EINVAL)?;
    let (transport, rest) = text.split_once("://").ok_or(EINVAL)?;
    if transport.is_empty() || rest.is_empty() {
        return Err(EINVAL);
    }
    if transport == "ipc" && rest.len() > IPC_MAX {
        return Err(ENAMETOOLONG);
    }
    if TRANSPORTS.contains(&transport) { Ok(text) } else { Err(EPROTONOSUPPORT) }
}

/// UDP carries datagrams: RADIO sends them, DISH gets them, DGRAM does both. STREAM is about TCP.
fn check_transport(address: &str, socket_type: SocketType, binds: bool) -> Result<(), Errno> {
    let fits = match socket_type {
        SocketType::Dgram => binds,
        SocketType::Dish => binds,
        SocketType::Radio => !binds,
        _ => false,
    };
    let udp = address.starts_with("udp://");
    let raw_elsewhere = socket_type == SocketType::Stream && !address.starts_with("tcp://");
    let refused = udp && !fits || !udp && socket_type == SocketType::Dgram || raw_elsewhere;
    if refused { Err(ENOCOMPATPROTO) } else { Ok(()) }
}

/// Bodies up to here are copied wherever they go, over a wire or to a peer in this process.
const LENT_MAX: usize = 1024;

/// A message of which nothing but the bytes travels, and those by a copy: taking it apart would cost more than that. Its
/// memory is ours, so nobody waits for word that it is free.
#[inline]
fn is_lent(message: &Message) -> bool {
    message.len() <= LENT_MAX
        && message.routing_id() == 0
        && !message.is_external()
        && message.annotations().is_none_or(|a| a.group.is_empty())
}

export! {
    /// Makes a socket. (`zmq_socket`)
    fn zmq_socket(context: *mut c_void, socket_type: c_int) -> *mut c_void {
        let context = handles::get::<CContext>(context)?;
        let socket_type = SocketType::from_zmq_number(socket_type).ok_or(EINVAL)?;
        handles::insert(CSocket::new(context.socket(socket_type)?))
    }

    /// Ends a socket. What was sent still goes out, as long as its linger says. (`zmq_close`)
    fn zmq_close(socket: *mut c_void) -> c_int {
        let socket = handles::remove::<CSocket>(socket)?;
        if !socket.is_inherited() {
            raw::close(socket.socket());
        }
        Ok(0)
    }

    /// Accepts connections at an endpoint. (`zmq_bind`)
    fn zmq_bind(socket: *mut c_void, address: *const c_char) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        let address = endpoint(address)?;
        check_transport(address, socket.socket().socket_type(), true)?;
        let given = socket.extras().bind_fd.take();
        match given {
            None => raw::bind_over(socket.socket(), address)?,
            Some(fd) => {
                // SAFETY: whoever set the option gave the descriptor away, open; it was taken out just now.
                let fd = unsafe { OwnedFd::from_raw_fd(fd) };
                raw::bind_fd(socket.socket(), address, fd)?
            }
        };
        Ok(0)
    }

    /// Connects to an endpoint, now or when somebody is there. (`zmq_connect`)
    fn zmq_connect(socket: *mut c_void, address: *const c_char) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        let address = endpoint(address)?;
        check_transport(address, socket.socket().socket_type(), false)?;
        socket.socket().connect(address)?;
        Ok(0)
    }

    /// Undoes a bind. (`zmq_unbind`)
    fn zmq_unbind(socket: *mut c_void, address: *const c_char) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        socket.socket().unbind(endpoint(address)?)?;
        Ok(0)
    }

    /// Undoes a connect. (`zmq_disconnect`)
    fn zmq_disconnect(socket: *mut c_void, address: *const c_char) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        let address = endpoint(address)?;
        socket.socket().disconnect(address)?;
        Ok(0)
    }

    /// Sends a copy of these bytes as one part. (`zmq_send`)
    fn zmq_send(socket: *mut c_void, data: *const c_void, len: usize, flags: c_int) -> c_int {
        // SAFETY: the manual page's contract, for as long as the call.
        let body = move || unsafe { bytes(data, len) };
        handles::with::<CSocket, _>(
            socket,
            move |socket, visit| socket.send_bytes(Some(visit), body()?, flags),
            move |socket| socket.send_bytes(None, body()?, flags),
        )
    }

    /// Sends bytes that stay for ever, without a copy. (`zmq_send_const`)
    fn zmq_send_const(socket: *mut c_void, data: *const c_void, len: usize, flags: c_int) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        // SAFETY: the manual page's contract.
        let body: &'static [u8] = unsafe { bytes(data, len) }?;
        socket.send(&mut Message::from_static(body), flags)
    }

    /// Receives one part into memory of `len` bytes; what is longer is cut. Returns its whole length. (`zmq_recv`)
    fn zmq_recv(socket: *mut c_void, data: *mut c_void, len: usize, flags: c_int) -> c_int {
        // SAFETY: the manual page's contract, for as long as the call.
        let room = move || unsafe { bytes_mut(data, len) };
        handles::with::<CSocket, _>(
            socket,
            move |socket, visit| socket.recv_into(Some(visit), room()?, flags),
            move |socket| socket.recv_into(None, room()?, flags),
        )
    }

    /// Sends a message, which is empty after it. (`zmq_msg_send`)
    fn zmq_msg_send(message: *mut RawMessage, socket: *mut c_void, flags: c_int) -> c_int {
        // SAFETY: the manual page's contract, for as long as the call.
        let part = move || unsafe { message_mut(message) };
        handles::with::<CSocket, _>(
            socket,
            move |socket, visit| socket.send_in(Some(visit), part()?, flags),
            move |socket| socket.send_in(None, part()?, flags),
        )
    }

    /// Receives a message in place of what was in `message`. (`zmq_msg_recv`)
    fn zmq_msg_recv(message: *mut RawMessage, socket: *mut c_void, flags: c_int) -> c_int {
        // SAFETY: the manual page's contract, for as long as the call.
        let part = move || unsafe { message_mut(message) };
        handles::with::<CSocket, _>(
            socket,
            move |socket, visit| socket.recv_to(Some(visit), part()?, flags),
            move |socket| socket.recv_to(None, part()?, flags),
        )
    }

    /// The older name of `zmq_msg_send`. (`zmq_sendmsg`)
    fn zmq_sendmsg(socket: *mut c_void, message: *mut RawMessage, flags: c_int) -> c_int {
        // SAFETY: the contract is the same.
        Ok(unsafe { zmq_msg_send(message, socket, flags) })
    }

    /// The older name of `zmq_msg_recv`. (`zmq_recvmsg`)
    fn zmq_recvmsg(socket: *mut c_void, message: *mut RawMessage, flags: c_int) -> c_int {
        // SAFETY: the contract is the same.
        Ok(unsafe { zmq_msg_recv(message, socket, flags) })
    }

    /// DISH: joins a group. (`zmq_join`)
    fn zmq_join(socket: *mut c_void, group: *const c_char) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        // SAFETY: the manual page's contract.
        let group = unsafe { utf8(group) }?;
        if socket.socket().socket_type() != SocketType::Dish {
            return Err(ENOTSUP);
        }
        socket.socket().subscribe(group)?;
        Ok(0)
    }

    /// DISH: leaves a group. (`zmq_leave`)
    fn zmq_leave(socket: *mut c_void, group: *const c_char) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        // SAFETY: the manual page's contract.
        let group = unsafe { utf8(group) }?;
        if socket.socket().socket_type() != SocketType::Dish {
            return Err(ENOTSUP);
        }
        socket.socket().unsubscribe(group)?;
        Ok(0)
    }

    /// PEER: connects, and tells the routing id of the peer. (`zmq_connect_peer`)
    fn zmq_connect_peer(socket: *mut c_void, address: *const c_char) -> u32 {
        let socket = handles::get::<CSocket>(socket)?;
        if socket.socket().socket_type() != SocketType::Peer {
            return Err(ENOTSUP);
        }
        let number = raw::connect_peer(socket.socket(), endpoint(address)?)?;
        Ok(number)
    }

    /// ROUTER: `ZMQ_POLLOUT` if a message can be sent to a peer, else 0; as with libzmq, nothing of what comes from there.
    /// (`zmq_socket_get_peer_state`)
    fn zmq_socket_get_peer_state(socket: *mut c_void, id: *const c_void, len: usize) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        if socket.socket().socket_type() != SocketType::Router {
            return Err(ENOTSUP);
        }
        // SAFETY: the manual page's contract.
        let id = unsafe { bytes(id, len) }?;
        let has_room = raw::peer_has_room(socket.socket(), id).ok_or(EHOSTUNREACH)?;
        Ok(if has_room { POLLOUT.into() } else { 0 })
    }
}
