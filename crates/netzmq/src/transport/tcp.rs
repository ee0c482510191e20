//! TCP: opening, listening, and the options of its sockets.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::transport::accept_filter::AcceptFilters;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

/// The kernel's settings for a TCP (and in part an ipc) socket. `None` leaves the system's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TcpOptions {
    pub(crate) ipv6: bool,
    pub(crate) backlog: i32,
    pub(crate) send_buffer: Option<usize>,
    pub(crate) recv_buffer: Option<usize>,
    pub(crate) type_of_service: Option<u32>,
    pub(crate) priority: Option<u32>,
    pub(crate) bind_device: Option<String>,
    pub(crate) keepalive: Option<bool>,
    pub(crate) keepalive_idle: Option<Duration>,
    pub(crate) keepalive_interval: Option<Duration>,
    pub(crate) keepalive_count: Option<u32>,
    pub(crate) max_retransmit: Option<Duration>,
    pub(crate) busy_poll: Option<u32>,
    pub(crate) multicast_hops: u32,
    pub(crate) multicast_loop: bool,
    pub(crate) accept: AcceptFilters,
}

/// A listening socket on `address`, non-blocking. The address is in use again at once after a close.
pub(crate) fn listen(address: SocketAddr, options: &TcpOptions) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_cloexec(true)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // "*" on an IPv6 socket serves IPv4 peers too, as libzmq's does.
        socket.set_only_v6(false)?;
    }
    before_connect(&socket, options)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(options.backlog)?;
    Ok(socket.into())
}

/// Starts connecting: the descriptor becomes writable when it is done, one way or the other (see [`finish`]).
pub(crate) fn connect(to: SocketAddr, from: Option<SocketAddr>, options: &TcpOptions) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_cloexec(true)?;
    before_connect(&socket, options)?;
    if let Some(from) = from {
        socket.set_reuse_address(true)?;
        socket.bind(&SockAddr::from(from))?;
    }
    match socket.connect(&SockAddr::from(to)) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}

/// How a connection attempt ended.
pub(crate) fn finish(fd: &OwnedFd) -> io::Result<()> {
    match socket2::SockRef::from(fd).take_error()? {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

/// What every connected stream gets, accepted ones too.
pub(crate) fn tune(fd: &OwnedFd, options: &TcpOptions) -> io::Result<()> {
    let socket = socket2::SockRef::from(fd);
    // Batching is ours to do: Nagle's algorithm would only hold the last segment back.
    socket.set_tcp_nodelay(true)?;
    if let Some(on) = options.keepalive {
        socket.set_keepalive(on)?;
        if on {
            let mut keepalive = TcpKeepalive::new();
            if let Some(time) = options.keepalive_idle {
                keepalive = keepalive.with_time(time);
            }
            if let Some(time) = options.keepalive_interval {
                keepalive = keepalive.with_interval(time);
            }
            if let Some(count) = options.keepalive_count {
                keepalive = keepalive.with_retries(count);
            }
            socket.set_tcp_keepalive(&keepalive)?;
        }
    }
    if let Some(time) = options.max_retransmit {
        socket.set_tcp_user_timeout(Some(time))?;
    }
    Ok(())
}

fn before_connect(socket: &Socket, options: &TcpOptions) -> io::Result<()> {
    if let Some(size) = options.send_buffer {
        socket.set_send_buffer_size(size)?;
    }
    if let Some(size) = options.recv_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    if let Some(tos) = options.type_of_service {
        let _ = socket.set_tos_v4(tos);
        let _ = socket.set_tclass_v6(tos);
    }
    if let Some(priority) = options.priority {
        socket.set_priority(priority)?;
    }
    if let Some(device) = &options.bind_device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    Ok(())
}

/// Resolves `host` and `port`, preferring IPv4 unless `ipv6` is on. Blocks: literal addresses return at once, names
/// ask the system's resolver, which is why the engine calls this for names from a thread of its own.
pub(crate) fn resolve(host: &str, port: u16, ipv6: bool) -> io::Result<SocketAddr> {
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let mut other = None;
    for address in (host, port).to_socket_addrs()? {
        match (address, ipv6) {
            (SocketAddr::V4(_), false) | (SocketAddr::V6(_), true) => return Ok(address),
            _ => other = other.or(Some(address)),
        }
    }
    match other {
        Some(address) if ipv6 => Ok(address),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, format!("no usable address for {host}"))),
    }
}

/// The text of an address as endpoints show it.
pub(crate) fn endpoint_text(address: SocketAddr) -> String {
    format!("tcp://{address}")
}

/// Both ends of a connected stream: peer's address alone, peer's endpoint, own endpoint.
pub(crate) fn names(fd: &OwnedFd) -> (String, String, String) {
    let socket = socket2::SockRef::from(fd);
    let peer = socket.peer_addr().ok().and_then(|a| a.as_socket());
    let local = socket.local_addr().ok().and_then(|a| a.as_socket());
    let peer = peer.map(unmap);
    let text = |a: Option<SocketAddr>| a.map(|a| endpoint_text(unmap(a))).unwrap_or_default();
    (peer.map(|a| a.ip().to_string()).unwrap_or_default(), text(peer), text(local))
}

/// An IPv4 peer of an IPv6 socket is shown as what it is.
fn unmap(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The address that a listener got (its port chosen by the system where it was 0).
pub(crate) fn local_address(fd: &OwnedFd) -> io::Result<SocketAddr> {
    socket2::SockRef::from(fd)
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an internet socket"))
}

/// The address of a network interface by name, if there is one of that name.
pub(crate) fn interface(name: &str, ipv6: bool) -> io::Result<Option<std::net::IpAddr>> {
    let found = if_addrs::get_if_addrs()?;
    let mut addresses = found.iter().filter(|i| i.name == name).map(|i| i.ip());
    let first = addresses.clone().next();
    Ok(addresses.find(|a| a.is_ipv6() == ipv6).or(first.filter(|a| ipv6 || a.is_ipv4())))
}
