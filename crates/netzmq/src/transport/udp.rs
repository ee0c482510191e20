//! UDP: datagrams as messages of two parts. RADIO and DISH: group and body (RFC 48); DGRAM: address and body.
//!
//! Above there are ZMTP 3 frames, as on every stream: what is received becomes two frames, and of two frames that are
//! written one datagram is made. Nothing is promised: a datagram that the system refuses (too long, no route) is lost, as
//! is one that makes no sense.
//!
//! Invariants: one datagram is read at a time, into memory that goes with it; at most one is kept for a kernel without
//! room, and then (as in [`codec`](super::codec)) all but one byte of what was to be written is said to be taken.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard};

use netzmq_proto::FrameHeader;
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::stream::Moved;
use super::tcp::TcpOptions;

/// The largest payload that IP carries.
const DATAGRAM_MAX: usize = 65_507;
/// A group's length is one byte.
const GROUP_MAX: usize = 255;

/// What a datagram's two parts are.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// RADIO: group and body, to one place.
    Sent(SocketAddr),
    /// DISH: group and body.
    Received,
    /// DGRAM: address and body, both ways.
    Addressed,
}

/// Where to, by which interface.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    /// Multicast: an address of the interface to use, and its number (IPv6), where one was named.
    pub(crate) interface: Option<IpAddr>,
    pub(crate) interface_number: u32,
}

/// A socket for this shape.
pub(crate) fn open(place: &Place, shape: Shape, options: &TcpOptions) -> io::Result<OwnedFd> {
    let address = place.address;
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    socket.set_cloexec(true)?;
    if let Some(device) = &options.bind_device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    let multicast = address.ip().is_multicast();
    if let Shape::Sent(_) = shape {
        if multicast {
            sends_multicast(&socket, place, options)?;
        }
        return Ok(socket.into());
    }
    socket.set_reuse_address(true)?;
    if !multicast {
        socket.bind(&SockAddr::from(address))?;
        return Ok(socket.into());
    }
    // Several programs on one machine may hear the same group.
    socket.set_reuse_port(true)?;
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()),
        SocketAddr::V6(_) => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port()),
    };
    socket.bind(&SockAddr::from(any))?;
    match address {
        SocketAddr::V4(group) => {
            socket.join_multicast_v4(group.ip(), &interface_v4(place))?;
        }
        SocketAddr::V6(group) => socket.join_multicast_v6(group.ip(), place.interface_number)?,
    }
    Ok(socket.into())
}

fn interface_v4(place: &Place) -> Ipv4Addr {
    match place.interface {
        Some(IpAddr::V4(address)) => address,
        _ => Ipv4Addr::UNSPECIFIED,
    }
}

fn sends_multicast(socket: &Socket, place: &Place, options: &TcpOptions) -> io::Result<()> {
    let hops = options.multicast_hops;
    if place.address.is_ipv4() {
        socket.set_multicast_loop_v4(options.multicast_loop)?;
        socket.set_multicast_ttl_v4(hops)?;
        let interface = interface_v4(place);
        if !interface.is_unspecified() {
            socket.set_multicast_if_v4(&interface)?;
        }
    } else {
        socket.set_multicast_loop_v6(options.multicast_loop)?;
        socket.set_multicast_hops_v6(hops)?;
        if place.interface_number > 0 {
            socket.set_multicast_if_v6(place.interface_number)?;
        }
    }
    Ok(())
}

/// The two directions of one socket.
#[derive(Debug)]
pub(crate) struct Datagrams {
    shape: Shape,
    /// Of the last datagram, what is not handed out yet, as frames.
    ready: Mutex<(Vec<u8>, usize)>,
    outgoing: Mutex<Outgoing>,
}

#[derive(Debug, Default)]
struct Outgoing {
    /// Frames of a message that is not whole.
    frames: Vec<u8>,
    /// A datagram that the kernel had no room for.
    kept: Option<(SocketAddr, Vec<u8>)>,
    /// The next byte to be written has been seen to.
    ahead: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Datagrams {
    pub(crate) fn new(shape: Shape) -> Datagrams {
        Datagrams { shape, ready: Mutex::default(), outgoing: Mutex::default() }
    }

    /// Reads one datagram, or what is left of one. `Bytes(0)`: it made no sense.
    pub(crate) fn read(&self, fd: &OwnedFd, target: &mut [u8]) -> io::Result<Moved> {
        let mut ready = lock(&self.ready);
        if ready.1 == ready.0.len() {
            let mut buffer = vec![0; DATAGRAM_MAX];
            let received =
                rustix::io::retry_on_intr(|| rustix::net::recvfrom(fd, &mut buffer[..], RecvFlags::DONTWAIT));
            let (length, sender) = match received {
                Ok((length, _, sender)) => (length, sender),
                Err(rustix::io::Errno::AGAIN) => return Ok(Moved::WouldBlock),
                // News of a datagram that was sent before, and is lost.
                Err(_) => return Ok(Moved::Bytes(0)),
            };
            let sender = sender.and_then(|sender| SocketAddr::try_from(sender).ok());
            let datagram = buffer.get(..length).unwrap_or_default();
            *ready = (self.frames_of(datagram, sender).unwrap_or_default(), 0);
        }
        let (frames, at) = &mut *ready;
        let rest = frames.get(*at..).unwrap_or_default();
        let length = rest.len().min(target.len());
        target[..length].copy_from_slice(&rest[..length]);
        *at += length;
        if *at == frames.len() {
            *ready = (Vec::new(), 0);
        }
        Ok(Moved::Bytes(length))
    }

    fn frames_of(&self, datagram: &[u8], sender: Option<SocketAddr>) -> Option<Vec<u8>> {
        let mut frames = Vec::with_capacity(datagram.len() + 32);
        let (first, body) = match self.shape {
            Shape::Sent(_) => return None,
            Shape::Received => {
                let (&length, rest) = datagram.split_first()?;
                let (group, body) = rest.split_at_checked(usize::from(length))?;
                (group.to_vec(), body)
            }
            // With the zero that libzmq's C programs find at the end of it.
            Shape::Addressed => (format!("{}\0", sender?).into_bytes(), datagram),
        };
        FrameHeader::append_frame(true, false, &first, &mut frames);
        FrameHeader::append_frame(false, false, body, &mut frames);
        Some(frames)
    }

    /// Sends each message that becomes whole, until the kernel has no room.
    pub(crate) fn write(&self, fd: &OwnedFd, sources: &[IoSlice<'_>]) -> io::Result<Moved> {
        let mut outgoing = lock(&self.outgoing);
        if !outgoing.flush(fd) {
            return Ok(Moved::WouldBlock);
        }
        let mut taken = 0;
        for source in sources {
            let mut rest = &source[..];
            if outgoing.ahead && !rest.is_empty() {
                outgoing.ahead = false;
                rest = &rest[1..];
                taken += 1;
            }
            while !rest.is_empty() {
                let used = outgoing.take_frames(rest, self.shape)?;
                rest = &rest[used..];
                taken += used;
                if !outgoing.flush(fd) {
                    outgoing.ahead = true;
                    return Ok(if taken > 1 { Moved::Bytes(taken - 1) } else { Moved::WouldBlock });
                }
            }
        }
        Ok(Moved::Bytes(taken))
    }
}

impl Outgoing {
    /// Takes bytes up to the end of a message, which is then kept as a datagram.
    fn take_frames(&mut self, bytes: &[u8], shape: Shape) -> io::Result<usize> {
        let had = self.frames.len();
        self.frames.extend_from_slice(bytes);
        let mut at = 0;
        let mut parts: Vec<(usize, usize)> = Vec::new();
        let malformed = |fault| io::Error::new(io::ErrorKind::InvalidData, fault);
        while let Some(rest) = self.frames.get(at..)
            && let Some(header) = FrameHeader::parse(rest).map_err(malformed)?
        {
            let start = at + usize::from(header.header_len);
            let end = start + header.body_len as usize;
            if end > self.frames.len() {
                break;
            }
            at = end;
            // Joins and leaves stay here: the kernel knows no groups of ours.
            if !header.command {
                parts.push((start, end));
            }
            if header.command || !header.more {
                let part = |index: usize| {
                    parts.get(index).and_then(|&(start, end)| self.frames.get(start..end)).unwrap_or_default()
                };
                self.kept = if parts.len() == 2 { datagram(shape, part(0), part(1)) } else { None };
                self.frames.clear();
                return Ok(at - had);
            }
        }
        Ok(bytes.len())
    }

    /// True when nothing is kept any more.
    fn flush(&mut self, fd: &OwnedFd) -> bool {
        let Some((to, datagram)) = self.kept.take() else { return true };
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match rustix::io::retry_on_intr(|| rustix::net::sendto(fd, &datagram, flags, &to)) {
            Err(rustix::io::Errno::AGAIN) => {
                self.kept = Some((to, datagram));
                false
            }
            // Sent, or one of those that are lost.
            _ => true,
        }
    }
}

/// What goes out for these parts, and where to; `None`: it can't.
fn datagram(shape: Shape, first: &[u8], body: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
    match shape {
        Shape::Received => None,
        Shape::Sent(to) => {
            let length = u8::try_from(first.len().min(GROUP_MAX)).ok()?;
            let group = first.get(..usize::from(length))?;
            Some((to, [&[length], group, body].concat()))
        }
        Shape::Addressed => {
            let text = str::from_utf8(first).ok()?.trim_end_matches('\0');
            let to: SocketAddr = text.parse().ok()?;
            Some((to, body.to_vec()))
        }
    }
}

/// The place that a text's parts name.
pub(crate) fn place(address: SocketAddr, interface: Option<IpAddr>, name: Option<&str>) -> io::Result<Place> {
    let mut address = address;
    let mut interface_number = 0;
    if let Some(name) = name {
        let socket =
            rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
        interface_number = rustix::net::netdevice::name_to_index(&socket, name).unwrap_or(0);
    }
    if interface.is_some_and(|interface| interface.is_ipv4() != address.is_ipv4()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    match &mut address {
        SocketAddr::V6(group) if interface_number > 0 => {
            *group = SocketAddrV6::new(*group.ip(), group.port(), 0, interface_number);
        }
        SocketAddr::V4(group) => *group = SocketAddrV4::new(*group.ip(), group.port()),
        SocketAddr::V6(_) => {}
    }
    Ok(Place { address, interface, interface_number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            FrameHeader::append_frame(index + 1 < parts.len(), false, part, &mut out);
        }
        out
    }

    fn bound() -> (OwnedFd, SocketAddr) {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        (socket.into(), address)
    }

    /// Goal: a message is a datagram and a datagram a message, however the frames are cut; joins stay here. Method: two
    /// sockets, every cut.
    #[test]
    fn messages_are_datagrams() {
        let ((radio_fd, _), (dish_fd, dish_at)) = (bound(), bound());
        let (radio, dish) = (Datagrams::new(Shape::Sent(dish_at)), Datagrams::new(Shape::Received));
        let mut bytes = frames(&[b"group", b"body"]);
        netzmq_proto::command::encode_join(b"x", &mut bytes);
        bytes.extend(frames(&[b"", b"second"]));
        for cut in 1..bytes.len() {
            for piece in bytes.chunks(cut) {
                assert_eq!(
                    radio.write(&radio_fd, &[IoSlice::new(piece)]).unwrap(),
                    Moved::Bytes(piece.len())
                );
            }
            let mut read = Vec::new();
            let mut buffer = [0; 7];
            while let Moved::Bytes(n) = dish.read(&dish_fd, &mut buffer).unwrap() {
                read.extend_from_slice(&buffer[..n]);
            }
            assert_eq!(read, [frames(&[b"group", b"body"]), frames(&[b"", b"second"])].concat(), "{cut}");
        }
    }

    /// What makes no sense, either way.
    #[test]
    fn what_is_lost() {
        let dish = Datagrams::new(Shape::Received);
        assert_eq!(dish.frames_of(b"", None), None);
        assert_eq!(dish.frames_of(b"\x05four", None), None);
        assert_eq!(datagram(Shape::Addressed, b"nowhere", b"x"), None);
        assert_eq!(datagram(Shape::Received, b"group", b"x"), None);
        let (to, body) = datagram(Shape::Addressed, b"127.0.0.1:9\0", b"x").unwrap();
        assert_eq!((to, body), ("127.0.0.1:9".parse().unwrap(), b"x".to_vec()));
    }
}
