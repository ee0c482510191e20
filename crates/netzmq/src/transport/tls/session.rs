//! One connection's TLS: bytes that the kernel carries on one side, bytes that they mean on the other.
//!
//! It has the manners of the kernel's own stream: it never blocks, takes what there is room for, and gives what has come. The
//! TLS handshake has no step of its own: reads and writes drive it, and until it is done there is nothing to read and no
//! room to write.
//!
//! Invariants:
//! - Nothing more is taken while sealed bytes wait for the kernel, so no more than [`SEALED_BYTES_MAX`] and what the heads of
//!   its records add ever do. Whoever writes asks [`flush`](Tls::flush) whether any wait.
//! - A read looks at what one call of the kernel gave, and returns: a peer that says nothing at great length keeps nobody.
//! - What came before a peer broke the rules, or closed, is handed out first.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::Connection;

use crate::transport::stream::{Moved, recv, send, send_vectored};

/// Sealed at once: four records.
const SEALED_BYTES_MAX: usize = 64 * 1024;
/// Read from the kernel at once: the largest record, and its head.
const READ_BYTES: usize = 16 * 1024 + 256;

/// See the module's text.
pub(crate) struct Tls {
    state: Mutex<State>,
}

struct State {
    connection: Connection,
    /// Came from the kernel, and is not opened yet: the reader had no room for what it says.
    behind: Vec<u8>,
    /// What the peer did wrong, to be told when all that came before is handed out.
    fault: Option<rustls::Error>,
    /// The kernel had no room when it was last asked.
    is_full: bool,
    /// Bytes that came before the handshake was done.
    handshake_bytes: usize,
}

impl Tls {
    pub(super) fn new(mut connection: Connection) -> Tls {
        connection.set_buffer_limit(Some(SEALED_BYTES_MAX));
        let state = State { connection, behind: Vec::new(), fault: None, is_full: false, handshake_bytes: 0 };
        Tls { state: Mutex::new(state) }
    }

    /// Reads once. `Bytes(0)`: something came that says nothing; there may be more.
    pub(crate) fn recv(&self, fd: &OwnedFd, target: &mut [u8]) -> io::Result<Moved> {
        let mut state = self.state();
        if let Some(moved) = state.opened(target)? {
            return Ok(moved);
        }
        let mut buffer = [0; READ_BYTES];
        let behind = std::mem::take(&mut state.behind);
        let sealed = match &behind[..] {
            [] => match recv(fd, &mut buffer)? {
                Moved::Bytes(n) => &buffer[..n],
                Moved::WouldBlock => return Ok(Moved::WouldBlock),
                Moved::End if state.connection.is_handshaking() => return Ok(Moved::End),
                Moved::End => return Err(io::Error::new(ErrorKind::UnexpectedEof, CUT_SHORT)),
            },
            behind => behind,
        };
        if state.connection.is_handshaking() {
            state.handshake_bytes += sealed.len();
        }
        let filled = state.open(sealed, target);
        if state.connection.wants_write() && !state.is_full {
            // The handshake's next step, new keys, or what a faulty peer is told. What fails here is found by the next write.
            let _ = state.flush(fd);
        }
        if filled > 0 {
            return Ok(Moved::Bytes(filled));
        }
        Ok(state.opened(target)?.unwrap_or(Moved::Bytes(0)))
    }

    /// Writes what there is room for; what the kernel does not take of that is kept.
    pub(crate) fn send(&self, fd: &OwnedFd, sources: &[IoSlice<'_>]) -> io::Result<Moved> {
        let mut state = self.state();
        if !state.flush(fd)? || state.connection.is_handshaking() {
            return Ok(Moved::WouldBlock);
        }
        let taken = state.connection.writer().write_vectored(sources)?;
        state.flush(fd)?;
        Ok(if taken > 0 { Moved::Bytes(taken) } else { Moved::WouldBlock })
    }

    /// True when nothing waits for the kernel any more.
    pub(crate) fn flush(&self, fd: &OwnedFd) -> io::Result<bool> {
        self.state().flush(fd)
    }

    /// Tells the peer that nothing more will come, if there is room for that.
    pub(crate) fn close(&self, fd: &OwnedFd) {
        let mut state = self.state();
        state.connection.send_close_notify();
        // A peer that does not take it sees the end of the stream.
        let _ = state.flush(fd);
    }

    /// Bytes of the peer's part of the handshake so far.
    pub(crate) fn handshake_bytes(&self) -> usize {
        self.state().handshake_bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a connection ended that its peer did not close as TLS has it.
const CUT_SHORT: &str = "the peer closed the connection without TLS's farewell";

impl State {
    /// What is there without asking the kernel, if there is anything: bytes, the peer's farewell, or its fault.
    fn opened(&mut self, target: &mut [u8]) -> io::Result<Option<Moved>> {
        match self.connection.reader().read(target) {
            Ok(0) => Ok(Some(Moved::End)),
            Ok(n) => Ok(Some(Moved::Bytes(n))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => match &self.fault {
                None => Ok(None),
                Some(fault) => Err(io::Error::new(ErrorKind::InvalidData, fault.clone())),
            },
            Err(error) => Err(error),
        }
    }

    /// Opens as much as `target` has room for; the rest is kept. How much of it was filled.
    fn open(&mut self, mut sealed: &[u8], target: &mut [u8]) -> usize {
        let mut filled = 0;
        while !sealed.is_empty() && filled < target.len() {
            let taken = self.connection.read_tls(&mut sealed);
            if let Err(fault) = self.connection.process_new_packets() {
                self.fault = Some(fault);
            }
            while filled < target.len()
                && let Ok(n @ 1..) = self.connection.reader().read(&mut target[filled..])
            {
                filled += n;
            }
            // Nobody listens any more to what comes after a fault, or after a farewell.
            if self.fault.is_some() || !matches!(taken, Ok(1..)) {
                return filled;
            }
        }
        self.behind = sealed.to_vec();
        filled
    }

    /// True when nothing waits for the kernel any more.
    fn flush(&mut self, fd: &OwnedFd) -> io::Result<bool> {
        self.is_full = false;
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Kernel(fd)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_full = true;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Never shows a key.
impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// The kernel's side, as rustls wants it.
struct Kernel<'a>(&'a OwnedFd);

impl Kernel<'_> {
    fn wrote(moved: Moved) -> io::Result<usize> {
        match moved {
            Moved::Bytes(n) => Ok(n),
            Moved::WouldBlock | Moved::End => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Kernel<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Kernel::wrote(send(self.0, bytes)?)
    }

    fn write_vectored(&mut self, sources: &[IoSlice<'_>]) -> io::Result<usize> {
        Kernel::wrote(send_vectored(self.0, sources)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
