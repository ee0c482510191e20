//! Readiness of many file descriptors: a thin face over epoll.
//!
//! Edge-triggered: whoever gets an event reads or writes until the kernel says "would block" or gives less than asked.
//! Reading is never re-armed. Room to write is asked for only after a writer has met a full kernel: a Unix socket reports
//! it again with every piece that its peer reads. A poller can itself be watched by another poller, which is how an I/O
//! thread takes over the sockets that their callers do not drive.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// What to be told about. Errors and hang-ups are always told.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Interest {
    /// Edge-triggered: new bytes to read.
    Read,
    /// Edge-triggered: room to write again.
    Write,
    /// Both.
    Both,
    /// Neither: only errors and hang-ups.
    Quiet,
    /// Level-triggered readability, for a listener or another poller.
    Level,
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            Interest::Read => EventFlags::IN | EventFlags::RDHUP | EventFlags::ET,
            Interest::Write => EventFlags::OUT | EventFlags::ET,
            Interest::Both => EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET,
            Interest::Quiet => EventFlags::ET,
            Interest::Level => EventFlags::IN,
        }
    }
}

/// One readiness report.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Event {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer will send no more, or the stream is broken: reading on finds the end. Reported only once, perhaps
    /// together with bytes.
    pub(crate) hangup: bool,
}

/// An epoll instance.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
}

/// Events taken from the kernel by one wait: enough for fairness, small enough for the stack.
pub(crate) const EVENTS_PER_WAIT: usize = 64;

impl Poller {
    pub(crate) fn new() -> io::Result<Poller> {
        Ok(Poller { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    pub(crate) fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(token), interest.flags())?)
    }

    pub(crate) fn modify(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, EventData::new_u64(token), interest.flags())?)
    }

    pub(crate) fn delete(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits until something is ready or the time is up (`None`: for ever), and hands each event to `each`. Times are
    /// rounded up to whole milliseconds by the kernel's interface, so that a short time never turns into a busy loop.
    /// Returns how many events came; the error "interrupted" when a signal handler ran first.
    pub(crate) fn wait(&self, timeout: Option<Duration>, mut each: impl FnMut(Event)) -> io::Result<usize> {
        let timespec = timeout.map(round_up);
        let mut events = [const { MaybeUninit::<epoll::Event>::uninit() }; EVENTS_PER_WAIT];
        let (ready, _) = epoll::wait(&self.epoll, &mut events[..], timespec.as_ref())?;
        let count = ready.len();
        for event in ready.iter() {
            let flags = event.flags;
            let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
            each(Event {
                token: event.data.u64(),
                readable: broken || flags.intersects(EventFlags::IN | EventFlags::RDHUP),
                writable: broken || flags.contains(EventFlags::OUT),
                hangup: broken || flags.contains(EventFlags::RDHUP),
            });
        }
        Ok(count)
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

fn round_up(timeout: Duration) -> Timespec {
    let millis = timeout.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i64;
    Timespec { tv_sec: millis / 1000, tv_nsec: (millis % 1000) * 1_000_000 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::kick::Kick;

    /// A poller inside a poller reports what happens to the inner one's descriptors.
    #[test]
    fn nested_pollers_report() {
        let (outer, inner, kick) = (Poller::new().unwrap(), Poller::new().unwrap(), Kick::new().unwrap());
        inner.add(&kick, 7, Interest::Level).unwrap();
        outer.add(&inner, 1, Interest::Read).unwrap();
        assert_eq!(outer.wait(Some(Duration::ZERO), |_| ()).unwrap(), 0);
        kick.kick();
        let mut seen = Vec::new();
        outer.wait(None, |e| seen.push(e.token)).unwrap();
        assert_eq!(seen, [1]);
        inner.wait(Some(Duration::ZERO), |e| seen.push(e.token)).unwrap();
        assert_eq!(seen, [1, 7]);
    }

    #[test]
    fn short_times_round_up() {
        assert_eq!(round_up(Duration::from_nanos(1)).tv_nsec, 1_000_000);
        assert_eq!(round_up(Duration::ZERO).tv_nsec, 0);
        assert_eq!(round_up(Duration::from_millis(2500)).tv_sec, 2);
    }
}
