//! A connected byte stream: TCP or Unix, non-blocking; perhaps with a codec, or TLS, in front.
//!
//! Several threads may hold the same stream; which of them reads and which writes is agreed on elsewhere (the tokens
//! in `pipe`). Nothing here blocks
//! (but `wait_room`, as long as it is told), and a write to a dead peer is an error, never a signal.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};

use super::codec::{Codec, Lower};
use super::tls::Tls;
use super::udp::Datagrams;

/// How the bytes get to the kernel.
#[derive(Debug)]
enum Way {
    Plain,
    /// On the way to a codec.
    Tls(Box<Tls>),
    Codec(Box<Codec>),
    Datagrams(Box<Datagrams>),
}

/// The part that this side has in a WebSocket's upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Web {
    Client { host: String, path: String },
    Server,
}

/// One connection's descriptor, and the texts by which monitors and metadata name its ends.
#[derive(Debug)]
pub(crate) struct Stream {
    fd: OwnedFd,
    /// The peer's address as metadata `Peer-Address` shows it: `127.0.0.1`, or the credentials-free path for ipc.
    pub(crate) peer_address: String,
    /// `tcp://127.0.0.1:5555`, as monitors show it.
    pub(crate) peer_endpoint: String,
    /// This end, likewise.
    pub(crate) local_endpoint: String,
    /// It becomes a WebSocket first.
    pub(crate) web: Option<Web>,
    way: Way,
}

/// What came of moving bytes.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Moved {
    /// So many bytes (never 0, but for a read through a codec).
    Bytes(usize),
    /// Nothing now: the kernel would block.
    WouldBlock,
    /// The peer has closed its side (reads only).
    End,
}

impl Stream {
    pub(crate) fn new(
        fd: OwnedFd,
        peer_address: String,
        peer_endpoint: String,
        local_endpoint: String,
    ) -> Stream {
        Stream { fd, peer_address, peer_endpoint, local_endpoint, web: None, way: Way::Plain }
    }

    /// The same as a WebSocket to be.
    pub(crate) fn with_web(mut self, web: Web) -> Stream {
        self.peer_endpoint = self.peer_endpoint.replacen("tcp://", "ws://", 1);
        self.local_endpoint = self.local_endpoint.replacen("tcp://", "ws://", 1);
        self.web = Some(web);
        self
    }

    /// The same, sealed. The codec that follows gets between.
    pub(crate) fn with_tls(mut self, tls: Tls) -> Stream {
        self.peer_endpoint = self.peer_endpoint.replacen("ws://", "wss://", 1);
        self.local_endpoint = self.local_endpoint.replacen("ws://", "wss://", 1);
        self.way = Way::Tls(Box::new(tls));
        self
    }

    /// From now on everything goes through `codec`; first of all what has been read already.
    pub(crate) fn set_codec(&mut self, codec: Codec, read_before: &[u8]) {
        let lower = match std::mem::replace(&mut self.way, Way::Plain) {
            Way::Tls(tls) => Lower::Tls(tls),
            _ => Lower::Kernel,
        };
        let codec = codec.over(lower);
        codec.preload(&self.fd, read_before);
        self.way = Way::Codec(Box::new(codec));
    }

    /// The same for datagrams.
    pub(crate) fn with_datagrams(mut self, datagrams: Datagrams) -> Stream {
        self.way = Way::Datagrams(Box::new(datagrams));
        self
    }

    /// More may be here than the kernel knows of.
    #[inline]
    pub(crate) fn is_coded(&self) -> bool {
        !matches!(self.way, Way::Plain)
    }

    /// There is no connection, and no end of it.
    pub(crate) fn is_connectionless(&self) -> bool {
        matches!(self.way, Way::Datagrams(_))
    }

    /// Reads once into `target`.
    pub(crate) fn read(&self, target: &mut [u8]) -> io::Result<Moved> {
        match &self.way {
            Way::Plain => recv(&self.fd, target),
            Way::Tls(tls) => tls.recv(&self.fd, target),
            Way::Codec(codec) => codec.read(&self.fd, target),
            Way::Datagrams(datagrams) => datagrams.read(&self.fd, target),
        }
    }

    /// Reads once behind what `target` holds, into memory that it has already.
    pub(crate) fn read_spare(&self, target: &mut Vec<u8>) -> io::Result<Moved> {
        if self.is_coded() {
            let had = target.len();
            target.resize(target.capacity(), 0);
            let moved = self.read(&mut target[had..]);
            target.truncate(had + if let Ok(Moved::Bytes(n)) = moved { n } else { 0 });
            return moved;
        }
        moved(|| {
            let spare = rustix::buffer::spare_capacity(target);
            rustix::net::recv(&self.fd, spare, RecvFlags::DONTWAIT).map(|(n, _)| n)
        })
    }

    /// Reads once into several buffers in order.
    pub(crate) fn read_vectored(&self, targets: &mut [IoSliceMut<'_>]) -> io::Result<Moved> {
        if self.is_coded()
            && let Some(first) = targets.first_mut()
        {
            return self.read(first);
        }
        moved(|| rustix::io::readv(&self.fd, targets))
    }

    /// Writes once.
    pub(crate) fn write(&self, source: &[u8]) -> io::Result<Moved> {
        match &self.way {
            Way::Plain => send(&self.fd, source),
            Way::Tls(tls) => tls.send(&self.fd, &[IoSlice::new(source)]),
            Way::Codec(codec) => codec.write(&self.fd, &[IoSlice::new(source)]),
            Way::Datagrams(datagrams) => datagrams.write(&self.fd, &[IoSlice::new(source)]),
        }
    }

    /// Writes several buffers in order, once.
    pub(crate) fn write_vectored(&self, sources: &[IoSlice<'_>]) -> io::Result<Moved> {
        if let [source] = sources {
            return self.write(source);
        }
        match &self.way {
            Way::Plain => send_vectored(&self.fd, sources),
            Way::Tls(tls) => tls.send(&self.fd, sources),
            Way::Codec(codec) => codec.write(&self.fd, sources),
            Way::Datagrams(datagrams) => datagrams.write(&self.fd, sources),
        }
    }

    /// True when nothing that TLS keeps waits for the kernel. (What a codec keeps, its writes tell of.)
    pub(crate) fn flush(&self) -> io::Result<bool> {
        if let Way::Tls(tls) = &self.way { tls.flush(&self.fd) } else { Ok(true) }
    }

    /// Bytes that came for TLS alone, before anything could be read.
    pub(crate) fn tls_handshake_bytes(&self) -> usize {
        if let Way::Tls(tls) = &self.way { tls.handshake_bytes() } else { 0 }
    }

    /// Waits until there is room to write again, but no longer than `patience`. Says whether it is worth a try: also when
    /// the stream is broken, or a signal has come in between.
    pub(crate) fn wait_room(&self, patience: Duration) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::OUT)];
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(patience.subsec_nanos()) };
        !matches!(rustix::event::poll(&mut fds, Some(&timeout)), Ok(0))
    }

    /// Asks the peer for a sign of life, if the stream has a way of its own to do that (WebSockets do).
    pub(crate) fn ping(&self) -> bool {
        if let Way::Codec(codec) = &self.way { codec.ping(&self.fd) } else { false }
    }

    /// Signs of life that were no bytes above.
    pub(crate) fn controls(&self) -> u64 {
        if let Way::Codec(codec) = &self.way { codec.controls() } else { 0 }
    }

    /// Says that nothing more will be written; what was written still arrives.
    pub(crate) fn shutdown_write(&self) {
        if let Way::Codec(codec) = &self.way {
            codec.close(&self.fd);
        }
        // As below.
        let _ = rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Write);
    }

    /// Ends both directions; the descriptor itself closes with its last holder.
    pub(crate) fn shutdown(&self) {
        if let Way::Tls(tls) = &self.way {
            // An upgrade was refused: what was said about that is all.
            tls.close(&self.fd);
        }
        // A stream that is already gone needs no ending.
        let _ = rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Both);
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[inline]
pub(super) fn recv(fd: &OwnedFd, target: &mut [u8]) -> io::Result<Moved> {
    moved(|| rustix::net::recv(fd, &mut *target, RecvFlags::DONTWAIT).map(|(n, _)| n))
}

#[inline]
pub(super) fn send(fd: &OwnedFd, source: &[u8]) -> io::Result<Moved> {
    moved(|| rustix::net::send(fd, source, SendFlags::NOSIGNAL | SendFlags::DONTWAIT))
}

#[inline]
pub(super) fn send_vectored(fd: &OwnedFd, sources: &[IoSlice<'_>]) -> io::Result<Moved> {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    moved(|| rustix::net::sendmsg(fd, sources, &mut SendAncillaryBuffer::default(), flags))
}

/// A signal that comes in between is no news of the stream: waiting for an edge after it might be for ever.
#[inline]
fn moved(call: impl FnMut() -> Result<usize, rustix::io::Errno>) -> io::Result<Moved> {
    match rustix::io::retry_on_intr(call) {
        Ok(0) => Ok(Moved::End),
        Ok(n) => Ok(Moved::Bytes(n)),
        // On Linux WOULDBLOCK is the same number.
        Err(rustix::io::Errno::AGAIN) => Ok(Moved::WouldBlock),
        Err(error) => Err(error.into()),
    }
}
