//! A wake-up that a poller can wait on: a thin face over eventfd.
//!
//! Costs a system call, so it is used only for a sleeper that sits in a poller; other sleepers have a condition
//! variable.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};

/// Something to be kicked awake by. Kicks do not add up: a hundred wake once.
#[derive(Debug)]
pub(crate) struct Kick {
    fd: OwnedFd,
}

impl Kick {
    pub(crate) fn new() -> io::Result<Kick> {
        Ok(Kick { fd: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    /// Makes the descriptor readable.
    pub(crate) fn kick(&self) {
        // The only way to fail is a full counter: it is readable then, which is all that is wanted.
        let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
    }

    /// Takes back all kicks so far.
    pub(crate) fn drain(&self) {
        let mut count = [0u8; 8];
        let _ = rustix::io::read(&self.fd, &mut count);
    }
}

impl AsFd for Kick {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
