//! What the C interface needs beyond the public face: untyped, and no promise to anybody else.
//!
//! Never a second way of doing something: each item here is a thin door to what the engine does anyway.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Instant;

use netzmq_lock::Visit;
use netzmq_memory::Message;

use crate::connection::outbound::Body;
use crate::context::{Closed, Context};
use crate::error::{EndpointError, OptionError, RecvError, SendFailure};
use crate::monitor::{CLOSED_BY_THIS_SIDE, EventKind, MonitorEvent};
use crate::pipe::mailbox::Alarm;
use crate::poller::Interest;
use crate::socket::core::{BondKind, Guard, Shared};
use crate::socket::send::Wait;
use crate::socket::watch::WatchKey;
use crate::socket::{Received, Socket};
use crate::transport::accept_filter::Network;
use crate::transport::kick::Kick;

/// Rung by every socket that it watches, whenever something may have changed there; a descriptor to wait for.
#[derive(Debug, Clone)]
pub struct Bell(Arc<Rope>);

#[derive(Debug)]
struct Rope(Kick);

impl Alarm for Rope {
    fn ring(&self) {
        self.0.kick();
    }
}

impl Bell {
    /// A bell that nobody rings yet.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn new() -> io::Result<Bell> {
        Ok(Bell(Arc::new(Rope(Kick::new()?))))
    }

    /// Forgets that it was rung. Look at the sockets after this, not before.
    pub fn quiet(&self) {
        self.0.0.drain();
    }

    /// Rings it.
    pub fn ring(&self) {
        self.0.0.kick();
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}

/// A socket rings a bell as long as this lives. It may be closed meanwhile.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    key: WatchKey,
}

impl Watch {
    /// Lets `socket` ring `bell`. Look at the socket after this.
    #[must_use]
    pub fn new(socket: &Socket, bell: &Bell) -> Watch {
        let shared = socket.shared().clone();
        let key = shared.watch(bell.0.clone());
        Watch { shared, key }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.unwatch(self.key);
    }
}

/// Whether a message can be received, and sent, without waiting. Surely so for what is `wanted`, if `ask` says so.
#[must_use]
pub fn events(socket: &Socket, wanted: Interest, ask: Ask) -> (bool, bool) {
    socket.shared().events(wanted, ask)
}

/// Waits until what is wanted can be done; says what can. Neither: the time is over.
///
/// # Errors
/// The context was terminated, the socket closed, or a signal came.
pub fn wait_ready(
    socket: &Socket,
    wanted: Interest,
    deadline: Option<Instant>,
) -> Result<(bool, bool), RecvError> {
    socket.shared().wait_ready(wanted, deadline)
}

/// [`events`] by what is known here, for a caller who goes on to wait if that is nothing.
#[must_use]
pub fn known_events(socket: &Socket) -> (bool, bool) {
    let shared = socket.shared();
    shared.look(&mut shared.lock())
}

pub use crate::socket::stay::{Ask, Entered, Stay};

/// Begins a wait for one of several sockets.
#[must_use]
pub fn stay(socket: &Socket, wanted: Interest) -> Entered<'_> {
    socket.shared().stay(wanted)
}

/// Lets a signal handler that runs while a call on this socket waits end that call ([`RecvError::Interrupted`],
/// [`SendFailure::Interrupted`](crate::SendFailure::Interrupted)).
pub fn set_interruptible(socket: &Socket) {
    socket.shared().lock().interruptible = true;
}

/// [`Context::terminate`] without a time-out. `false`: a signal handler ran meanwhile; call it again.
#[must_use]
pub fn terminate(context: &Context) -> bool {
    let inner = &context.handle.inner;
    inner.shutdown();
    inner.wait_closed(None, true) != Closed::Interrupted
}

/// The context was terminated, as the caller is about to be told.
#[must_use]
pub fn tell_end(socket: &Socket) -> bool {
    let mut core = socket.shared().lock();
    core.end_told |= core.terminated;
    core.terminated
}

/// The context was terminated, and a call has said so: from then on libzmq refuses options as well. (Until then `linger` is
/// still of use.)
#[must_use]
pub fn is_end_told(socket: &Socket) -> bool {
    socket.shared().lock().end_told
}

/// What waits in one peer's pipe, as libzmq counts it.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The peer's endpoint.
    pub address: Arc<str>,
    /// Messages to go out; those that have left are noticed in steps of half the high-water mark.
    pub out: u64,
    /// Messages to be received.
    pub inward: u64,
}

/// What waits in each peer's pipe.
#[must_use]
pub fn waiting(socket: &Socket) -> Vec<Waiting> {
    let mut core = socket.shared().lock();
    socket.shared().read_mail(&mut core);
    let pipes = core.pipes.iter_mut();
    pipes
        .map(|pipe| {
            let out = pipe.uncredited();
            Waiting { address: pipe.address.clone(), out, inward: pipe.queued_in() }
        })
        .collect()
}

/// The descriptor for foreign event loops (`ZMQ_FD`). The socket keeps it.
///
/// # Errors
/// The system has no descriptor left.
pub fn event_fd(socket: &Socket) -> io::Result<RawFd> {
    Ok(socket.shared().event_fd()?.as_fd().as_raw_fd())
}

/// Whether this is the descriptor that [`event_fd`] has handed out.
#[must_use]
pub fn is_event_fd(socket: &Socket, fd: RawFd) -> bool {
    socket.shared().lock().signal.as_ref().is_some_and(|signal| signal.as_fd().as_raw_fd() == fd)
}

/// How a call of the C interface sends or receives.
#[derive(Debug, Copy, Clone)]
pub struct Call<'a> {
    /// The calling thread's stay at the socket's handle, if it has one: the lock is then found without another look at
    /// thread-local memory, which costs a shared library a call.
    pub visit: Option<&'a Visit>,
    /// It may wait, as long as the socket's time-outs allow.
    pub waits: bool,
}

impl Call<'_> {
    #[inline(always)]
    fn lock<'s>(&self, socket: &'s Socket) -> Guard<'s> {
        match self.visit {
            Some(visit) => socket.shared().lock_in(visit),
            None => socket.shared().lock_for_short_way(),
        }
    }

    #[inline(always)]
    fn wait(&self, never: Wait) -> Wait {
        if self.waits { Wait::Timeout } else { never }
    }
}

/// Sends one part that stays the caller's. A call that doesn't wait has libzmq's sense of room: what has left since the
/// high-water mark was reached counts from the I/O thread's next turn on.
///
/// # Errors
/// As [`Socket::send`] and [`Socket::try_send`], without the message.
#[inline(always)]
pub fn send_bytes(socket: &Socket, call: Call<'_>, body: &[u8], more: bool) -> Result<(), SendFailure> {
    let mut body = ManuallyDrop::new(Body::Borrowed(body));
    socket.shared().send_in(call.lock(socket), &mut body, more, call.wait(Wait::Throttled))
}

/// [`send_bytes`] of a message, which is empty after it, or as it was if it was not sent.
///
/// # Errors
/// As [`send_bytes`].
#[inline(always)]
pub fn send(socket: &Socket, call: Call<'_>, message: &mut Message, more: bool) -> Result<(), SendFailure> {
    let mut body = Body::Owned(std::mem::take(message));
    let sent = socket.shared().send_in(call.lock(socket), &mut body, more, call.wait(Wait::Throttled));
    if sent.is_err() {
        *message = body.into_message();
    }
    sent
}

/// [`Socket::recv_into`].
///
/// # Errors
/// As that, or as [`Socket::try_recv_into`] if the call doesn't wait.
#[inline(always)]
pub fn recv_into(socket: &Socket, call: Call<'_>, buffer: &mut [u8]) -> Result<Received, RecvError> {
    let received = socket.shared().recv_in(call.lock(socket), call.wait(Wait::Never), |taken| {
        let bytes = taken.bytes();
        let copied = bytes.len().min(buffer.len());
        buffer[..copied].copy_from_slice(&bytes[..copied]);
        bytes.len()
    });
    received.map(|(len, more)| Received { len, more })
}

/// [`Socket::recv_to`] of a part that tells what is known of its sender ([`Message::annotations`]).
///
/// # Errors
/// As [`Socket::recv`]; the message is left as it was.
#[inline(always)]
pub fn recv_to(socket: &Socket, call: Call<'_>, message: &mut Message) -> Result<(), RecvError> {
    socket.shared().recv_described(call.lock(socket), call.wait(Wait::Never), message)
}

/// STREAM: the routing id of the peer that was connected to last, which may not be there yet; else of one that has come.
#[must_use]
pub fn last_peer(socket: &Socket) -> Option<Vec<u8>> {
    let mut core = socket.shared().lock();
    socket.shared().read_mail(&mut core);
    let connected_to = core.bonds.iter().rev().find_map(|bond| match bond.kind {
        BondKind::Connecter(_, pipe) => pipe,
        _ => None,
    });
    let id = connected_to.or_else(|| core.pipes.ids().into_iter().next_back())?;
    core.pattern.routing_id_of(id).map(<[u8]>::to_vec)
}

/// PEER: connects, and tells the number of the peer that will be there.
///
/// # Errors
/// As [`Socket::connect`].
pub fn connect_peer(socket: &Socket, endpoint: &str) -> Result<u32, EndpointError> {
    socket.connect(endpoint)?;
    let core = socket.shared().lock();
    let pipe = core.bonds.iter().rev().find_map(|bond| match bond.kind {
        BondKind::Connecter(_, pipe) => pipe,
        BondKind::InprocConnected(pipe) => Some(pipe),
        BondKind::Listener(_) | BondKind::InprocBound | BondKind::Datagrams(_) => None,
    });
    Ok(pipe.map_or(0, |pipe| core.pattern.stamp_for(pipe)))
}

/// ROUTER: whether a message can be sent to this peer. `None`: no such peer.
#[must_use]
pub fn peer_has_room(socket: &Socket, routing_id: &[u8]) -> Option<bool> {
    let mut core = socket.shared().lock();
    socket.shared().read_mail(&mut core);
    let pipe = core.pattern.pipe_of(routing_id)?;
    core.pipes.get(pipe).map(|pipe| pipe.has_room())
}

/// Says what ends attempts to connect again (`ZMQ_RECONNECT_STOP`): bit 1 a refused connection, bit 2 a failed
/// handshake, bit 4 a lost connection.
///
/// # Errors
/// The socket is closed.
pub fn set_reconnect_stop(socket: &Socket, bits: u8) -> Result<(), OptionError> {
    socket.change_options(|options| options.reconnect_stop = bits)
}

/// [`Socket::set_routing_id`], and those that begin with a zero byte as well, which `zmq_setsockopt(3)` reserves and libzmq
/// takes all the same.
///
/// # Errors
/// More than 255 bytes, or none.
pub fn set_routing_id(socket: &Socket, id: &[u8]) -> Result<(), OptionError> {
    check_len("routing_id", id)?;
    socket.change_options(|options| options.routing_id = id.to_vec())
}

/// [`Socket::set_connect_routing_id`], as [`set_routing_id`].
///
/// # Errors
/// More than 255 bytes, or none.
pub fn set_connect_routing_id(socket: &Socket, id: &[u8]) -> Result<(), OptionError> {
    check_len("connect_routing_id", id)?;
    socket.change_options(|options| options.connect_routing_id = Some(id.to_vec()))
}

fn check_len(option: &'static str, id: &[u8]) -> Result<(), OptionError> {
    if (1..=255).contains(&id.len()) { Ok(()) } else { Err(OptionError::invalid(option, "1 to 255 bytes")) }
}

/// Sends this to every new peer first (`ZMQ_HELLO_MSG`); empty: nothing.
///
/// # Errors
/// The socket is closed.
pub fn set_hello(socket: &Socket, message: &[u8]) -> Result<(), OptionError> {
    socket.change_options(|options| options.hello = message.to_vec())
}

/// `ZMQ_WSS_TRUST_PEM`. Clients that say whom they trust, and no name, take whoever that is, as libzmq's do
/// (`wss_engine.cpp`: without a name the certificate alone is looked at); the public face looks at the endpoint's host then.
///
/// # Errors
/// The socket is closed.
#[cfg(feature = "wss")]
pub fn set_wss_trust(socket: &Socket, pem: String) -> Result<(), OptionError> {
    socket.change_options(|options| {
        options.tls.trust = pem;
        options.tls.any_name = true;
    })
}

/// RADIO over UDP: how many routers a multicast datagram may pass (`ZMQ_MULTICAST_HOPS`).
///
/// # Errors
/// The socket is closed.
pub fn set_multicast_hops(socket: &Socket, hops: u32) -> Result<(), OptionError> {
    socket.change_options(|options| options.tcp.multicast_hops = hops)
}

/// RADIO over UDP: whether this machine hears its own multicast datagrams (`ZMQ_MULTICAST_LOOP`).
///
/// # Errors
/// The socket is closed.
pub fn set_multicast_loop(socket: &Socket, on: bool) -> Result<(), OptionError> {
    socket.change_options(|options| options.tcp.multicast_loop = on)
}

/// ROUTER, SERVER, PEER: receives this as the last message of each peer that connected here and left
/// (`ZMQ_DISCONNECT_MSG`); empty: nothing.
///
/// # Errors
/// The socket is closed.
pub fn set_farewell(socket: &Socket, message: &[u8]) -> Result<(), OptionError> {
    socket.change_options(|options| options.farewell = message.to_vec())
}

/// DEALER, CLIENT, PEER: receives this when a connection that it made is lost (`ZMQ_HICCUP_MSG`); empty: nothing.
///
/// # Errors
/// The socket is closed.
pub fn set_hiccup(socket: &Socket, message: &[u8]) -> Result<(), OptionError> {
    socket.change_options(|options| options.hiccup = message.to_vec())
}

/// [`Socket::bind`] with a descriptor that listens already (`ZMQ_USE_FD`).
///
/// # Errors
/// As `bind`.
pub fn bind_fd(socket: &Socket, endpoint: &str, fd: OwnedFd) -> Result<String, EndpointError> {
    let io = |source: io::Error| EndpointError::Io { endpoint: endpoint.to_owned(), source };
    rustix::io::ioctl_fionbio(&fd, true).map_err(|error| io(error.into()))?;
    socket.shared().bind_with(endpoint, Some(fd), false)
}

/// `bind`; an ipc path is taken over from whoever listens there, as `zmq_ipc(7)` has it.
///
/// # Errors
/// As `bind`.
pub fn bind_over(socket: &Socket, endpoint: &str) -> Result<String, EndpointError> {
    socket.shared().bind_with(endpoint, None, true)
}

/// Lets peers of this network connect (`ZMQ_TCP_ACCEPT_FILTER`); `None`: forgets all networks, everybody may.
///
/// # Errors
/// Not a network.
pub fn filter_network(socket: &Socket, network: Option<&str>) -> Result<(), OptionError> {
    let wanted = "a network, such as 10.0.0.0/8";
    let network = network.map(str::parse::<Network>).transpose();
    let network = network.map_err(|()| OptionError::invalid("tcp_accept_filter", wanted))?;
    socket.change_options(|options| match network {
        Some(network) => options.tcp.accept.networks.push(network),
        None => options.tcp.accept.networks.clear(),
    })
}

/// Whom a filter of IPC peers is about.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum IpcPeer {
    /// `ZMQ_IPC_FILTER_UID`
    User(u32),
    /// `ZMQ_IPC_FILTER_GID`
    Group(u32),
    /// `ZMQ_IPC_FILTER_PID`
    Process(i32),
}

/// Lets this peer connect over IPC; `None`: forgets all peers of this kind.
///
/// # Errors
/// The socket is closed.
pub fn filter_ipc(socket: &Socket, kind: IpcPeer, forget: bool) -> Result<(), OptionError> {
    socket.change_options(|options| {
        let accept = &mut options.tcp.accept;
        match kind {
            IpcPeer::User(_) if forget => accept.users.clear(),
            IpcPeer::Group(_) if forget => accept.groups.clear(),
            IpcPeer::Process(_) if forget => accept.processes.clear(),
            IpcPeer::User(user) => accept.users.push(user),
            IpcPeer::Group(group) => accept.groups.push(group),
            IpcPeer::Process(process) => accept.processes.push(process),
        }
    })
}

macro_rules! kernel_options {
    ($($(#[$doc:meta])* $name:ident, $set:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// The socket is closed.
            pub fn $set(socket: &Socket, value: Option<u32>) -> Result<(), OptionError> {
                socket.change_options(|options| options.tcp.$name = value)
            }

            #[doc = concat!("What [`", stringify!($set), "`] sets.")]
            #[must_use]
            pub fn $name(socket: &Socket) -> Option<u32> {
                socket.read_options(|options| options.tcp.$name)
            }
        )*
    };
}

kernel_options! {
    /// The kernel's priority of what is sent. (`ZMQ_PRIORITY`)
    priority, set_priority;
    /// How long the kernel polls the device. (`ZMQ_BUSY_POLL`)
    busy_poll, set_busy_poll;
}

/// Which I/O threads new connections may go to, a bit each; 0: any. (`ZMQ_AFFINITY`)
///
/// # Errors
/// The socket is closed.
pub fn set_affinity(socket: &Socket, threads: u64) -> Result<(), OptionError> {
    socket.change_options(|options| options.affinity = threads)
}

/// At most so many bytes are read at a time on connections to come; small figures are rounded up. (`ZMQ_IN_BATCH_SIZE`)
///
/// # Errors
/// The socket is closed.
pub fn set_in_batch(socket: &Socket, bytes: usize) -> Result<(), OptionError> {
    socket.change_options(|options| options.in_batch = bytes)
}

/// About so many bytes are written at a time at most, on connections to come. (`ZMQ_OUT_BATCH_SIZE`)
///
/// # Errors
/// The socket is closed.
pub fn set_out_batch(socket: &Socket, bytes: usize) -> Result<(), OptionError> {
    socket.change_options(|options| options.out_batch = bytes)
}

/// Ends the socket now; what still holds it finds it closed.
pub fn close(socket: &Socket) {
    socket.shared().close();
}

/// Gives each event to `sink`, on the thread on which it happens; `None`: to nobody. A sink must not block.
pub fn set_monitor(socket: &Socket, sink: Option<Arc<dyn Fn(MonitorEvent) + Send + Sync>>) {
    socket.shared().set_monitor(sink);
}

/// A connection is over because this side ended it (disconnected, unbound), and not because it was lost.
#[must_use]
pub fn is_own_ending(event: &MonitorEvent) -> bool {
    matches!(&event.kind, EventKind::Disconnected(why) if why == CLOSED_BY_THIS_SIDE)
}

/// Topics that are subscribed to: by all peers (PUB, XPUB), by this side (SUB, XSUB).
#[must_use]
pub fn topics(socket: &Socket) -> usize {
    let mut core = socket.shared().lock();
    socket.shared().read_mail(&mut core);
    core.pattern.topics_count()
}

/// Adds a property to what the handshake tells of this side, in place of one of the same name.
///
/// # Errors
/// The socket is closed.
pub fn add_metadata(socket: &Socket, name: &str, value: &[u8]) -> Result<(), OptionError> {
    socket.change_options(|options| {
        options.metadata.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        options.metadata.push((name.to_owned(), value.to_vec()));
    })
}

macro_rules! pattern_options {
    ($($(#[$doc:meta])* $name:ident, $set:ident: $type:ty;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// The socket is closed.
            pub fn $set(socket: &Socket, value: $type) -> Result<(), OptionError> {
                socket.change_options(|options| options.pattern.$name = value)
            }

            #[doc = concat!("What [`", stringify!($set), "`] sets.")]
            #[must_use]
            pub fn $name(socket: &Socket) -> $type {
                socket.read_options(|options| options.pattern.$name)
            }
        )*
    };
}

pattern_options! {
    /// ROUTER: peers speak no ZMTP. (`ZMQ_ROUTER_RAW`)
    router_raw, set_router_raw: bool;
    /// ROUTER: news of peers. (`ZMQ_ROUTER_NOTIFY`)
    router_notify, set_router_notify: u8;
    /// XPUB: as manual, and the next message goes to the last subscriber only. (`ZMQ_XPUB_MANUAL_LAST_VALUE`)
    xpub_manual_last_value, set_xpub_manual_last_value: bool;
    /// XSUB: every cancellation is sent upstream. (`ZMQ_XSUB_VERBOSE_UNSUBSCRIBE`)
    xsub_verbose_unsubscribe, set_xsub_verbose_unsubscribe: bool;
    /// XPUB, XSUB: only a first part can be a subscription. (`ZMQ_ONLY_FIRST_SUBSCRIBE`)
    only_first_subscribe, set_only_first_subscribe: bool;
}
