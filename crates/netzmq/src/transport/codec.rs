//! A stream whose bytes are framed otherwise than ZMTP 3's: a WebSocket, or a ZMTP 1.0 peer.
//!
//! Above the stream there are ZMTP 3 frames only. What is read is decoded before it is handed out; what is written is
//! encoded, and what the kernel has no room for is kept here. Between a WebSocket's codec and the kernel there may be TLS.
//!
//! Invariants:
//! - A write says that it took all but one byte while something is kept, so that whoever writes comes back when there is
//!   room, as with any stream that is full.
//! - Kept are at most one encoded piece ([`PIECE_BYTES`] and the frames' heads) and one pong.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use netzmq_proto::{ProtocolError, WsDecoder, WsEncoder, Zmtp1Decoder, Zmtp1Encoder};

use super::stream::{Moved, recv, send};
use super::tls::Tls;

/// Encoded and written at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Read and decoded at once.
const READ_BYTES: usize = 16 * 1024;

#[derive(Debug)]
enum Decoder {
    Web(WsDecoder),
    Old(Zmtp1Decoder),
}

#[derive(Debug)]
enum Encoder {
    Web(Box<WsEncoder>),
    Old(Zmtp1Encoder),
}

/// What the encoded bytes go to and come from.
#[derive(Debug)]
pub(super) enum Lower {
    Kernel,
    Tls(Box<Tls>),
}

impl Lower {
    fn recv(&self, fd: &OwnedFd, target: &mut [u8]) -> io::Result<Moved> {
        match self {
            Lower::Kernel => recv(fd, target),
            Lower::Tls(tls) => tls.recv(fd, target),
        }
    }

    fn send(&self, fd: &OwnedFd, source: &[u8]) -> io::Result<Moved> {
        match self {
            Lower::Kernel => send(fd, source),
            Lower::Tls(tls) => tls.send(fd, &[IoSlice::new(source)]),
        }
    }

    /// True when nothing is kept down there.
    fn flush(&self, fd: &OwnedFd) -> io::Result<bool> {
        if let Lower::Tls(tls) = self { tls.flush(fd) } else { Ok(true) }
    }
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Codec {
    lower: Lower,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Outgoing>,
}

#[derive(Debug)]
struct Incoming {
    decoder: Decoder,
    /// Decoded, and from `taken` on not handed out yet.
    ready: Vec<u8>,
    taken: usize,
    /// Nothing more will come; why, if that is the peer's fault.
    over: Option<Option<ProtocolError>>,
}

#[derive(Debug)]
struct Outgoing {
    encoder: Encoder,
    /// Encoded, and from `sent` on not in the kernel yet.
    kept: Vec<u8>,
    sent: usize,
    /// The next byte to be written is encoded already.
    ahead: bool,
}

impl Codec {
    pub(crate) fn websocket(decoder: WsDecoder, encoder: WsEncoder) -> Codec {
        Codec::new(Decoder::Web(decoder), Encoder::Web(Box::new(encoder)))
    }

    pub(crate) fn zmtp1() -> Codec {
        Codec::new(Decoder::Old(Zmtp1Decoder::new()), Encoder::Old(Zmtp1Encoder::new()))
    }

    fn new(decoder: Decoder, encoder: Encoder) -> Codec {
        Codec {
            lower: Lower::Kernel,
            incoming: Mutex::new(Incoming { decoder, ready: Vec::new(), taken: 0, over: None }),
            outgoing: Mutex::new(Outgoing { encoder, kept: Vec::new(), sent: 0, ahead: false }),
        }
    }

    /// The same with this below it; to be said before it is used.
    pub(super) fn over(self, lower: Lower) -> Codec {
        Codec { lower, ..self }
    }

    /// Bytes that came before the codec was there are decoded first.
    pub(crate) fn preload(&self, fd: &OwnedFd, bytes: &[u8]) {
        let pong = self.incoming().take_in(bytes);
        self.answer(fd, pong);
    }

    /// Reads once. `Bytes(0)`: something came that is no message; there may be more.
    pub(crate) fn read(&self, fd: &OwnedFd, target: &mut [u8]) -> io::Result<Moved> {
        let mut incoming = self.incoming();
        if !incoming.has_ready() {
            if let Some(over) = &incoming.over {
                return match over {
                    None => Ok(Moved::End),
                    Some(fault) => Err(io::Error::new(io::ErrorKind::InvalidData, fault.clone())),
                };
            }
            let mut buffer = [0; READ_BYTES];
            let pong = match self.lower.recv(fd, &mut buffer)? {
                Moved::Bytes(n) => incoming.take_in(&buffer[..n]),
                other => return Ok(other),
            };
            if pong.is_some() {
                drop(incoming);
                self.answer(fd, pong);
                incoming = self.incoming();
            }
        }
        Ok(Moved::Bytes(incoming.hand_out(target)))
    }

    /// Writes until nothing is left, or the kernel has no room.
    pub(crate) fn write(&self, fd: &OwnedFd, sources: &[IoSlice<'_>]) -> io::Result<Moved> {
        let mut outgoing = self.outgoing();
        if !outgoing.flush(&self.lower, fd)? {
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
            for piece in rest.chunks(PIECE_BYTES) {
                outgoing.encode(piece)?;
                taken += piece.len();
                if !outgoing.flush(&self.lower, fd)? {
                    outgoing.ahead = true;
                    return Ok(if taken > 1 { Moved::Bytes(taken - 1) } else { Moved::WouldBlock });
                }
            }
        }
        Ok(Moved::Bytes(taken))
    }

    /// Asks a WebSocket's peer for a sign of life. False: this is none.
    pub(crate) fn ping(&self, fd: &OwnedFd) -> bool {
        let mut outgoing = self.outgoing();
        let Outgoing { encoder: Encoder::Web(encoder), kept, .. } = &mut *outgoing else { return false };
        encoder.ping(kept);
        // What fails here is found by the next read or write.
        let _ = outgoing.flush(&self.lower, fd);
        true
    }

    /// Tells a WebSocket's peer that nothing more will come, if there is room for that.
    pub(crate) fn close(&self, fd: &OwnedFd) {
        let mut outgoing = self.outgoing();
        if let Outgoing { encoder: Encoder::Web(encoder), kept, .. } = &mut *outgoing {
            encoder.close(kept);
            // A peer that does not take it sees the end of the stream.
            let _ = outgoing.flush(&self.lower, fd);
        }
        if let Lower::Tls(tls) = &self.lower {
            tls.close(fd);
        }
    }

    /// Signs of life that were no messages.
    pub(crate) fn controls(&self) -> u64 {
        match &self.incoming().decoder {
            Decoder::Web(decoder) => decoder.controls(),
            Decoder::Old(_) => 0,
        }
    }

    fn answer(&self, fd: &OwnedFd, pong: Option<Vec<u8>>) {
        let Some(payload) = pong else { return };
        let mut outgoing = self.outgoing();
        // While the kernel is full, one answer is as good as many.
        let room = outgoing.kept.len() < PIECE_BYTES;
        if let Outgoing { encoder: Encoder::Web(encoder), kept, .. } = &mut *outgoing
            && room
        {
            encoder.pong(&payload, kept);
            // As in `ping`.
            let _ = outgoing.flush(&self.lower, fd);
        }
    }

    fn incoming(&self) -> std::sync::MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn outgoing(&self) -> std::sync::MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Incoming {
    fn has_ready(&self) -> bool {
        self.taken < self.ready.len()
    }

    /// Decodes; what a ping wants back, if there was one.
    fn take_in(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.over.is_some() {
            return None;
        }
        let decoded = match &mut self.decoder {
            Decoder::Web(decoder) => decoder.decode(bytes, &mut self.ready),
            Decoder::Old(decoder) => decoder.decode(bytes, &mut self.ready),
        };
        if let Err(fault) = decoded {
            self.over = Some(Some(fault));
        }
        let Decoder::Web(decoder) = &mut self.decoder else { return None };
        if decoder.is_closed() {
            self.over.get_or_insert(None);
        }
        decoder.take_ping()
    }

    fn hand_out(&mut self, target: &mut [u8]) -> usize {
        let rest = self.ready.get(self.taken..).unwrap_or_default();
        let length = rest.len().min(target.len());
        target[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        if self.taken == self.ready.len() {
            // An idle connection holds no memory.
            self.ready = Vec::new();
            self.taken = 0;
        }
        length
    }
}

impl Outgoing {
    fn encode(&mut self, bytes: &[u8]) -> io::Result<()> {
        let encoded = match &mut self.encoder {
            Encoder::Web(encoder) => encoder.encode(bytes, &mut self.kept),
            Encoder::Old(encoder) => encoder.encode(bytes, &mut self.kept),
        };
        encoded.map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))
    }

    /// True when nothing is kept any more.
    fn flush(&mut self, lower: &Lower, fd: &OwnedFd) -> io::Result<bool> {
        while let Some(rest) = self.kept.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match lower.send(fd, rest)? {
                Moved::Bytes(n) => self.sent += n,
                Moved::WouldBlock | Moved::End => return Ok(false),
            }
        }
        // All of it is on its way, and given up; below, some of it may still wait.
        self.kept = Vec::new();
        self.sent = 0;
        lower.flush(fd)
    }
}
