//! `zmq_socket_monitor*`: a socket's events as messages on a PAIR, PUB or PUSH socket bound within the process.
//!
//! The sink owns the monitor's socket: when the monitored socket lets go of its sink, the last event is told and the
//! monitor's socket closes. Events that nobody takes are lost, never waited for.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::time::Duration;

use netzmq::{EventKind, Message, MonitorEvent, Socket, SocketType, raw};

use crate::boundary::export;
use crate::errno::{EAGAIN, EINVAL, EPROTONOSUPPORT, Errno};
use crate::handles;
use crate::socket::CSocket;

const ALL_V1: u64 = 0xFFFF;
const ALL_V2: u64 = ALL_V1 | 0x1_0000;
const STOPPED: u64 = 0x0400;
const PIPES_STATS: u64 = 0x1_0000;

/// A monitor's socket, and what it wants to be told.
#[derive(Debug)]
pub(crate) struct Sink {
    socket: Socket,
    wanted: u64,
    version: c_int,
}

impl Sink {
    fn tell(&self, event: &MonitorEvent) {
        let (number, value) = number_and_value(event);
        // libzmq tells only of connections that are lost: a program counts these, and does not expect its own doing.
        if self.wanted & number == 0 || raw::is_own_ending(event) {
            return;
        }
        let mut parts: Vec<Message> = Vec::new();
        if self.version == 1 {
            let mut head = [0; 6];
            head[..2].copy_from_slice(&(number as u16).to_ne_bytes());
            head[2..].copy_from_slice(&(value as u32).to_ne_bytes());
            // Where it was bound or connected, whichever this side did.
            let endpoint = if event.incoming { &event.local } else { &event.remote };
            parts.push(Message::copy_from_slice(&head));
            parts.push(Message::copy_from_slice(endpoint.as_bytes()));
        } else {
            parts = versioned(number, &[value], &event.local, &event.remote);
        }
        self.send(parts);
    }

    fn send(&self, parts: Vec<Message>) {
        // Nobody listens, or listens too slowly: lost, as the manual page says.
        let _ = self.socket.try_send_multipart(parts.into_iter().collect::<netzmq::Multipart>());
    }
}

/// An event in the second form: number, how many values, the values, both ends.
fn versioned(number: u64, values: &[u64], local: &str, remote: &str) -> Vec<Message> {
    let numbers = [number, values.len() as u64].into_iter().chain(values.iter().copied());
    let mut parts: Vec<Message> =
        numbers.map(|number| Message::copy_from_slice(&number.to_ne_bytes())).collect();
    parts.push(Message::copy_from_slice(local.as_bytes()));
    parts.push(Message::copy_from_slice(remote.as_bytes()));
    parts
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.tell(&MonitorEvent::stopped());
        raw::close(&self.socket);
    }
}

/// `ZMQ_EVENT_*`, and the value that goes with it.
fn number_and_value(event: &MonitorEvent) -> (u64, u64) {
    let errno = |number: &i32| u64::from(number.unsigned_abs());
    let fd = i64::from(event.fd) as u64;
    match &event.kind {
        EventKind::Connected => (0x0001, fd),
        EventKind::ConnectDelayed => (0x0002, libc::EINPROGRESS as u64),
        EventKind::ConnectRetried(pause) => (0x0004, pause.as_millis() as u64),
        EventKind::Listening => (0x0008, fd),
        EventKind::BindFailed(number) => (0x0010, errno(number)),
        EventKind::Accepted => (0x0020, fd),
        EventKind::AcceptFailed(number) => (0x0040, errno(number)),
        EventKind::Closed => (0x0080, fd),
        EventKind::Disconnected(_) => (0x0200, fd),
        EventKind::Stopped => (STOPPED, 0),
        EventKind::HandshakeFailed(_) => (0x0800, event.errno.unsigned_abs().into()),
        EventKind::HandshakeSucceeded => (0x1000, 0),
        EventKind::HandshakeFailedProtocol { code, .. } => (0x2000, u64::from(*code)),
        EventKind::HandshakeFailedAuth(status) => (0x4000, u64::from(*status)),
        _ => (0, 0),
    }
}

fn monitor(
    socket: *mut c_void,
    address: *const c_char,
    events: u64,
    version: c_int,
    socket_type: c_int,
) -> Result<c_int, Errno> {
    let socket = handles::get::<CSocket>(socket)?;
    let all = match version {
        1 => ALL_V1,
        2 => ALL_V2,
        _ => return Err(EINVAL),
    };
    if address.is_null() {
        raw::set_monitor(socket.socket(), None);
        return Ok(0);
    }
    let socket_type = match SocketType::from_zmq_number(socket_type) {
        Some(known @ (SocketType::Pair | SocketType::Pub | SocketType::Push)) => known,
        _ => return Err(EINVAL),
    };
    if events & !all != 0 {
        return Err(EINVAL);
    }
    // SAFETY: the manual page's contract.
    let address = unsafe { crate::boundary::utf8(address) }?;
    if !address.contains("://") {
        return Err(EINVAL);
    }
    if !address.starts_with("inproc://") {
        return Err(EPROTONOSUPPORT);
    }
    raw::set_monitor(socket.socket(), None);
    let own = socket.sibling(socket_type)?;
    own.set_linger(Some(Duration::ZERO))?;
    own.bind(address)?;
    let sink = Arc::new(Sink { socket: own, wanted: events, version });
    socket.extras().monitor = Arc::downgrade(&sink);
    raw::set_monitor(socket.socket(), Some(Arc::new(move |event| sink.tell(&event))));
    Ok(0)
}

export! {
    /// Tells a socket's events to a PAIR socket bound at `address`; null ends it. (`zmq_socket_monitor`)
    fn zmq_socket_monitor(socket: *mut c_void, address: *const c_char, events: c_int) -> c_int {
        monitor(socket, address, u64::from(events as u32), 1, SocketType::Pair.zmq_number())
    }

    /// `zmq_socket_monitor` with a choice of form and socket type. (`zmq_socket_monitor_versioned`)
    fn zmq_socket_monitor_versioned(
        socket: *mut c_void,
        address: *const c_char,
        events: u64,
        version: c_int,
        socket_type: c_int,
    ) -> c_int {
        monitor(socket, address, events, version, socket_type)
    }

    /// Tells the socket's monitor how many messages wait in each peer's pipe, to go out and to be received: one event a peer.
    /// EINVAL without a monitor, EAGAIN without a peer. (`zmq_socket_monitor_pipes_stats`)
    fn zmq_socket_monitor_pipes_stats(socket: *mut c_void) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        let sink = socket.extras().monitor.upgrade().ok_or(EINVAL)?;
        let pipes = raw::waiting(socket.socket());
        if pipes.is_empty() {
            return Err(EAGAIN);
        }
        // The first form has no room for two values.
        if sink.version == 2 && sink.wanted & PIPES_STATS != 0 {
            let local = socket.socket().last_endpoint();
            for pipe in &pipes {
                let values = [pipe.out, pipe.inward];
                sink.send(versioned(PIPES_STATS, &values, &local, &pipe.address));
            }
        }
        Ok(0)
    }
}
