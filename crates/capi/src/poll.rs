//! `zmq_poll` and `zmq_ppoll`: waiting for sockets and descriptors of the system at once.
//!
//! A poll of one socket is a receive's wait without the receive. A poll of several takes the lead of each, and waits for
//! their reactors and the descriptors together, in one call to the system. Only where another thread leads a socket
//! (it sits in a receive, or somebody has asked for `ZMQ_FD`) must this one be told by it: then each socket rings a bell.

use std::cell::RefCell;
use std::ffi::{c_int, c_long, c_short, c_void};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use netzmq::Interest;
use netzmq::raw::{self, Ask, Bell, Entered, Watch};

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
    if let ([item], true) = (&mut *items, mask.is_null())
        && let Source::Socket(socket) = &item.source
    {
        let ready = raw::wait_ready(socket.socket(), item.interest(), deadline)?;
        item.ready = item.told(ready);
        return Ok(usize::from(item.ready != 0));
    }
    let mut fds: Vec<libc::pollfd> = items.iter().map(pollfd).collect();
    if watches_own(items) {
        poll(&mut fds, Some(Instant::now()), std::ptr::null())?;
        let mut ready = take(items, &fds);
        if ready > 0 {
            for item in items.iter_mut() {
                ready += usize::from(look(item, Some(Ask::Yes))?);
            }
            return Ok(ready);
        }
    }
    let mut asked = false;
    loop {
        // What is known costs no question to the system.
        let mut known = take(items, &fds);
        for item in items.iter_mut() {
            known += usize::from(look(item, None)?);
        }
        match (known > 0 || deadline.is_some_and(|at| at <= Instant::now()), asked) {
            (true, true) => return Ok(known),
            // Of the others nothing is known yet.
            (true, false) => {
                return look_at_all(items, &mut fds, if known > 0 { Ask::NotAgain } else { Ask::Yes });
            }
            (false, _) => {}
        }
        let mut refused = false;
        let mut stays = Vec::with_capacity(items.len());
        for (item, fd) in items.iter().zip(&mut fds) {
            fd.revents = 0;
            let Source::Socket(socket) = &item.source else { continue };
            match raw::stay(socket.socket(), item.interest()) {
                Entered::Stay(stay) => {
                    *fd = libc::pollfd { fd: stay.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
                    stays.push(stay);
                }
                Entered::LookAgain => break,
                Entered::Refused => {
                    refused = true;
                    break;
                }
            }
        }
        if refused {
            drop(stays);
            return wait_to_be_told(items, &mut fds, deadline, mask);
        }
        let sockets = items.iter().filter(|item| matches!(item.source, Source::Socket(_))).count();
        if stays.len() < sockets {
            continue;
        }
        let result = poll(&mut fds, deadline, mask);
        let mut stays = stays.into_iter();
        for (item, fd) in items.iter().zip(&mut fds) {
            if let Source::Socket(_) = item.source
                && let Some(mut stay) = stays.next()
                && fd.revents == 0
            {
                stay.nothing_reported();
            }
        }
        result?;
        asked = true;
    }
}

/// Among the items are a socket and its own descriptor (`ZMQ_FD`), which no more says what it says now when the socket was
/// looked at.
fn watches_own(items: &[Item]) -> bool {
    let fds =
        || items.iter().filter_map(|item| if let Source::Fd(fd) = item.source { Some(fd) } else { None });
    let mut sockets = items.iter().filter_map(|item| match &item.source {
        Source::Socket(socket) => Some(socket.socket()),
        Source::Fd(_) => None,
    });
    fds().next().is_some() && sockets.any(|socket| fds().any(|fd| raw::is_event_fd(socket, fd)))
}

/// The whole truth about every item, now.
fn look_at_all(items: &mut [Item], fds: &mut [libc::pollfd], ask: Ask) -> Result<usize, Errno> {
    let mut ready = 0;
    for (item, fd) in items.iter_mut().zip(fds.iter_mut()) {
        *fd = pollfd(item);
        ready += usize::from(look(item, Some(ask))?);
    }
    if fds.iter().any(|fd| fd.fd >= 0) {
        poll(fds, Some(Instant::now()), std::ptr::null())?;
        ready += take(items, fds);
    }
    Ok(ready)
}

thread_local! {
    /// Kept from wait to wait. A wait in a signal handler within a wait has its own.
    static BELL: RefCell<Option<Bell>> = const { RefCell::new(None) };
}

/// Other threads lead some of the sockets: they ring this thread's bell.
fn wait_to_be_told(
    items: &mut [Item],
    fds: &mut Vec<libc::pollfd>,
    deadline: Option<Instant>,
    mask: SignalMask,
) -> Result<usize, Errno> {
    let kept = BELL.with(|bell| bell.try_borrow_mut().ok().and_then(|mut bell| bell.take()));
    let bell = kept.map_or_else(Bell::new, Ok)?;
    let watches: Vec<Watch> = items
        .iter()
        .filter_map(|item| match &item.source {
            Source::Socket(socket) => Some(Watch::new(socket.socket(), &bell)),
            Source::Fd(_) => None,
        })
        .collect();
    for (item, fd) in items.iter().zip(fds.iter_mut()) {
        *fd = pollfd(item);
    }
    fds.push(libc::pollfd { fd: bell.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 });
    let result = loop {
        // Quiet first: what rings after it is seen by the wait, what rang before by this look.
        bell.quiet();
        let mut ready = 0;
        let looked = items.iter_mut().try_for_each(|item| {
            ready += usize::from(look(item, Some(Ask::Yes))?);
            Ok(())
        });
        if let Err(error) = looked {
            break Err(error);
        }
        ready += take(items, fds);
        if ready > 0 || deadline.is_some_and(|at| at <= Instant::now()) {
            break Ok(ready);
        }
        if let Err(error) = poll(fds, deadline, mask) {
            break Err(error);
        }
    };
    drop(watches);
    BELL.with(|kept| kept.replace(Some(bell)));
    result
}

impl Item {
    fn interest(&self) -> Interest {
        Interest { readable: self.events & POLLIN != 0, writable: self.events & POLLOUT != 0 }
    }

    /// What a socket's state means for this item.
    fn told(&self, (readable, writable): (bool, bool)) -> c_short {
        (if readable { POLLIN } else { 0 } | if writable { POLLOUT } else { 0 }) & self.events
    }
}

/// Nothing, for a socket: the system looks away from negative descriptors.
fn pollfd(item: &Item) -> libc::pollfd {
    let Source::Fd(fd) = item.source else { return libc::pollfd { fd: -1, events: 0, revents: 0 } };
    let mut events = 0;
    for (ours, theirs) in [(POLLIN, libc::POLLIN), (POLLOUT, libc::POLLOUT), (POLLPRI, libc::POLLPRI)] {
        if item.events & ours != 0 {
            events |= theirs;
        }
    }
    libc::pollfd { fd, events, revents: 0 }
}

/// Looks at a socket. Says whether it is ready; without `ask` as far as is known, for now.
fn look(item: &mut Item, ask: Option<Ask>) -> Result<bool, Errno> {
    let Source::Socket(socket) = &item.source else { return Ok(false) };
    let ready = match ask {
        Some(ask) => raw::events(socket.socket(), item.interest(), ask),
        None => raw::known_events(socket.socket()),
    };
    if ready == (false, false) && raw::tell_end(socket.socket()) {
        return Err(ETERM);
    }
    item.ready = item.told(ready);
    Ok(item.ready != 0)
}

/// Tells the descriptors' items what the system said.
fn take(items: &mut [Item], fds: &[libc::pollfd]) -> usize {
    let mut ready = 0;
    for (item, fd) in items.iter_mut().zip(fds) {
        if let Source::Socket(_) = item.source {
            continue;
        }
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
