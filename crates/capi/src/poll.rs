//! `zmq_poll` and `zmq_ppoll`: waiting for sockets and descriptors of the system at once.
//!
//! What is ready already costs a look, no wait. Only then is each socket asked to ring this thread's bell, and the
//! thread waits for the bell and the descriptors together, so that no change between look and wait is missed.

use std::ffi::{c_int, c_long, c_short, c_void};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use netzmq::raw::{self, Bell, Watch};

use crate::boundary::export;
use crate::errno::{EFAULT, EINTR, EINVAL, ETERM, Errno};
use crate::handles::{self, Ref};
use crate::socket::CSocket;

pub(crate) const POLLIN: c_short = 1;
pub(crate) const POLLOUT: c_short = 2;
pub(crate) const POLLERR: c_short = 4;
pub(crate) const POLLPRI: c_short = 8;

/// C's `zmq_pollitem_t`.
#[repr(C)]
pub struct PollItem {
    socket: *mut c_void,
    fd: c_int,
    events: c_short,
    revents: c_short,
}

/// Something to wait for.
pub(crate) struct Item {
    pub(crate) source: Source,
    pub(crate) events: c_short,
    pub(crate) ready: c_short,
}

pub(crate) enum Source {
    Socket(Ref<CSocket>),
    Fd(RawFd),
}

/// What a wait may be interrupted by.
pub(crate) type SignalMask = *const libc::sigset_t;

/// Milliseconds of C: -1 is for ever.
pub(crate) fn deadline(timeout: c_long) -> Option<Instant> {
    let timeout = Duration::from_millis(u64::try_from(timeout).ok()?);
    // What does not fit a clock is for ever too.
    Instant::now().checked_add(timeout)
}

/// Waits until an item is ready; says how many are. 0: the time is over.
pub(crate) fn wait(items: &mut [Item], deadline: Option<Instant>, mask: SignalMask) -> Result<usize, Errno> {
    let mut fds: Vec<libc::pollfd> = items.iter().filter_map(pollfd).collect();
    let mut ready = look(items)?;
    let idle = ready == 0;
    if !fds.is_empty() || !idle {
        if !fds.is_empty() {
            poll(&mut fds, Some(Instant::now()), std::ptr::null())?;
        }
        ready += take(items, &fds);
    }
    if ready > 0 || deadline.is_some_and(|at| at <= Instant::now()) {
        return Ok(ready);
    }
    let bell = Bell::new()?;
    fds.push(libc::pollfd { fd: bell.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 });
    let _watches: Vec<Watch> = items
        .iter()
        .filter_map(|item| match &item.source {
            Source::Socket(socket) => Some(Watch::new(socket.socket(), &bell)),
            Source::Fd(_) => None,
        })
        .collect();
    loop {
        // Quiet first: what rings after it is seen by the wait, what rang before by this look.
        bell.quiet();
        ready = look(items)? + take(items, &fds);
        if ready > 0 || deadline.is_some_and(|at| at <= Instant::now()) {
            return Ok(ready);
        }
        poll(&mut fds, deadline, mask)?;
    }
}

fn pollfd(item: &Item) -> Option<libc::pollfd> {
    let Source::Fd(fd) = item.source else { return None };
    let mut events = 0;
    for (ours, theirs) in [(POLLIN, libc::POLLIN), (POLLOUT, libc::POLLOUT), (POLLPRI, libc::POLLPRI)] {
        if item.events & ours != 0 {
            events |= theirs;
        }
    }
    Some(libc::pollfd { fd, events, revents: 0 })
}

/// Looks at the sockets.
fn look(items: &mut [Item]) -> Result<usize, Errno> {
    let mut ready = 0;
    for item in items {
        let Source::Socket(socket) = &item.source else { continue };
        let (readable, writable) = raw::events(socket.socket());
        if !readable && !writable && raw::is_terminated(socket.socket()) {
            return Err(ETERM);
        }
        let events = if readable { POLLIN } else { 0 } | if writable { POLLOUT } else { 0 };
        item.ready = events & item.events;
        ready += usize::from(item.ready != 0);
    }
    Ok(ready)
}

/// Tells the descriptors' items what the system said.
fn take(items: &mut [Item], fds: &[libc::pollfd]) -> usize {
    let mut ready = 0;
    let descriptors = items.iter_mut().filter(|item| matches!(item.source, Source::Fd(_)));
    for (item, fd) in descriptors.zip(fds) {
        item.ready = 0;
        for (ours, theirs) in [(POLLIN, libc::POLLIN), (POLLOUT, libc::POLLOUT), (POLLPRI, libc::POLLPRI)] {
            if fd.revents & theirs != 0 {
                item.ready |= ours;
            }
        }
        if fd.revents & !(libc::POLLIN | libc::POLLOUT | libc::POLLPRI) != 0 {
            item.ready |= POLLERR;
        }
        ready += usize::from(item.ready != 0);
    }
    ready
}

fn poll(fds: &mut [libc::pollfd], deadline: Option<Instant>, mask: SignalMask) -> Result<(), Errno> {
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    let left = left.map(|left| libc::timespec {
        tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: left.subsec_nanos().into(),
    });
    let timeout = left.as_ref().map_or(std::ptr::null(), |left| &raw const *left);
    // SAFETY: the array is ours and as long as said; timeout and mask are null or valid (the mask by the manual
    // page's contract).
    let count = unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout, mask) };
    match count {
        -1 if Errno::current() == EINTR => Err(EINTR),
        -1 => Err(Errno::current()),
        _ => Ok(()),
    }
}

fn poll_items(items: *mut PollItem, count: c_int, timeout: c_long, mask: SignalMask) -> Result<c_int, Errno> {
    let count = usize::try_from(count).map_err(|_| EINVAL)?;
    if items.is_null() && count > 0 {
        return Err(EFAULT);
    }
    let list: &mut [PollItem] = if count == 0 {
        &mut []
    } else {
        // SAFETY: not null, so as many items by the manual page's contract.
        unsafe { std::slice::from_raw_parts_mut(items, count) }
    };
    let mut sources = Vec::with_capacity(count);
    for item in list.iter_mut() {
        item.revents = 0;
        let source = if item.socket.is_null() {
            Source::Fd(item.fd)
        } else {
            Source::Socket(handles::get::<CSocket>(item.socket)?)
        };
        sources.push(Item { source, events: item.events, ready: 0 });
    }
    let ready = wait(&mut sources, deadline(timeout), mask)?;
    for (item, source) in list.iter_mut().zip(&sources) {
        item.revents = source.ready;
    }
    Ok(c_int::try_from(ready).unwrap_or(c_int::MAX))
}

export! {
    /// Waits for sockets and descriptors, `timeout` milliseconds at most (-1: for ever). (`zmq_poll`)
    fn zmq_poll(items: *mut PollItem, count: c_int, timeout: c_long) -> c_int {
        poll_items(items, count, timeout, std::ptr::null())
    }

    /// `zmq_poll` with another signal mask while it waits. (`zmq_ppoll`)
    fn zmq_ppoll(items: *mut PollItem, count: c_int, timeout: c_long, mask: *const libc::sigset_t) -> c_int {
        poll_items(items, count, timeout, mask)
    }
}
