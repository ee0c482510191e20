//! `zmq_poller_*`: a lasting set of sockets and descriptors to wait for.
//!
//! Never keeps a socket alive: a closed one is left out of the next wait.
//!
//! Once its descriptor was asked for, each thread-safe socket in it rings a bell whenever something may have changed there; a
//! wait quiets the bell before it looks.

use std::ffi::{c_int, c_long, c_short, c_void};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Mutex, MutexGuard};

use netzmq::raw::{Bell, Watch};

use crate::boundary::{export, place};
use crate::errno::{EAGAIN, EFAULT, EINVAL, Errno};
use crate::handles::{self, Handle};
use crate::options;
use crate::poll::{self, Item, POLLERR, POLLIN, POLLOUT, POLLPRI, Source};
use crate::socket::CSocket;

const EBADF: Errno = Errno(libc::EBADF);

/// C's `zmq_poller_event_t`.
#[repr(C)]
pub struct PollerEvent {
    socket: *mut c_void,
    fd: c_int,
    user_data: *mut c_void,
    events: c_short,
}

/// What is waited for. A socket is told by its handle, a descriptor by its number.
#[derive(Copy, Clone)]
struct Entry {
    socket: *mut c_void,
    fd: c_int,
    user_data: *mut c_void,
    events: c_short,
}

/// What `zmq_poller_fd` has handed out, and who rings it.
struct Descriptor {
    bell: Bell,
    watches: Vec<(*mut c_void, Watch)>,
}

impl Descriptor {
    /// Lets a socket ring, if it is of those for many threads. Rung at once: it may be ready by now.
    fn watch(&mut self, handle: *mut c_void) {
        if let Ok(socket) = handles::get::<CSocket>(handle)
            && options::is_thread_safe(socket.socket().socket_type())
        {
            self.watches.push((handle, Watch::new(socket.socket(), &self.bell)));
            self.bell.ring();
        }
    }
}

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    descriptor: Option<Descriptor>,
}

#[derive(Default)]
struct CPoller(Mutex<Inner>);

// SAFETY: the pointers in it are only given back to C, or checked as handles; they are never followed.
unsafe impl Send for CPoller {}
// SAFETY: as above; what is in it is behind a lock.
unsafe impl Sync for CPoller {}

impl Handle for CPoller {
    const KIND: u64 = 3;
    const MISTAKEN: Errno = EFAULT;
}

/// No descriptor.
const NO_FD: c_int = -1;

impl CPoller {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn add(&self, entry: Entry) -> Result<c_int, Errno> {
        check_events(entry.events)?;
        let mut inner = self.lock();
        if position(&inner.entries, entry.socket, entry.fd).is_ok() {
            return Err(EINVAL);
        }
        inner.entries.push(entry);
        if let Some(descriptor) = &mut inner.descriptor {
            descriptor.watch(entry.socket);
        }
        Ok(0)
    }

    fn modify(&self, socket: *mut c_void, fd: c_int, events: c_short) -> Result<c_int, Errno> {
        check_events(events)?;
        let mut inner = self.lock();
        let at = position(&inner.entries, socket, fd)?;
        if let Some(entry) = inner.entries.get_mut(at) {
            entry.events = events;
        }
        Ok(0)
    }

    fn remove(&self, socket: *mut c_void, fd: c_int) -> Result<c_int, Errno> {
        let mut inner = self.lock();
        let at = position(&inner.entries, socket, fd)?;
        let entry = inner.entries.remove(at);
        if let Some(descriptor) = &mut inner.descriptor {
            descriptor.watches.retain(|(socket, _)| *socket != entry.socket);
        }
        Ok(0)
    }

    /// The descriptor for foreign event loops. There is one only where a socket for many threads is.
    fn descriptor(&self) -> Result<c_int, Errno> {
        let mut inner = self.lock();
        let Inner { entries, descriptor } = &mut *inner;
        let descriptor = match descriptor {
            Some(descriptor) => descriptor,
            None => {
                let mut new = Descriptor { bell: Bell::new()?, watches: Vec::new() };
                entries.iter().for_each(|entry| new.watch(entry.socket));
                descriptor.insert(new)
            }
        };
        if descriptor.watches.is_empty() { Err(EINVAL) } else { Ok(descriptor.bell.as_fd().as_raw_fd()) }
    }

    fn wait(&self, events: &mut [PollerEvent], timeout: c_long) -> Result<c_int, Errno> {
        let entries = {
            let inner = self.lock();
            if let Some(descriptor) = &inner.descriptor {
                descriptor.bell.quiet();
            }
            inner.entries.clone()
        };
        // Nothing could ever end the wait.
        if timeout < 0 && entries.iter().all(|entry| entry.events == 0) {
            return Err(EFAULT);
        }
        let mut live = Vec::with_capacity(entries.len());
        let mut items = Vec::with_capacity(entries.len());
        for entry in entries {
            let source = if entry.socket.is_null() {
                Source::Fd(entry.fd)
            } else {
                match handles::get::<CSocket>(entry.socket) {
                    Ok(socket) => Source::Socket(socket),
                    Err(_) => continue,
                }
            };
            live.push(entry);
            items.push(Item { source, events: entry.events, ready: 0 });
        }
        poll::wait(&mut items, poll::deadline(timeout), std::ptr::null())?;
        let mut told = 0;
        let ready = live.iter().zip(&items).filter(|(_, item)| item.ready != 0);
        for ((entry, item), event) in ready.zip(events.iter_mut()) {
            *event = PollerEvent {
                socket: entry.socket,
                fd: entry.fd,
                user_data: entry.user_data,
                events: item.ready,
            };
            told += 1;
        }
        if told == 0 { Err(EAGAIN) } else { Ok(told) }
    }
}

fn check_events(events: c_short) -> Result<(), Errno> {
    if events & !(POLLIN | POLLOUT | POLLERR | POLLPRI) == 0 { Ok(()) } else { Err(EINVAL) }
}

fn position(entries: &[Entry], socket: *mut c_void, fd: c_int) -> Result<usize, Errno> {
    entries.iter().position(|entry| entry.socket == socket && entry.fd == fd).ok_or(EINVAL)
}

fn check_fd(fd: c_int) -> Result<c_int, Errno> {
    if fd == NO_FD { Err(EBADF) } else { Ok(fd) }
}

const NOTHING: PollerEvent =
    PollerEvent { socket: std::ptr::null_mut(), fd: NO_FD, user_data: std::ptr::null_mut(), events: 0 };

export! {
    /// Makes a poller. (`zmq_poller_new`)
    fn zmq_poller_new() -> *mut c_void {
        handles::insert(CPoller::default())
    }

    /// Ends it, and sets the caller's pointer to null. (`zmq_poller_destroy`)
    fn zmq_poller_destroy(poller: *mut *mut c_void) -> c_int {
        // SAFETY: the manual page's contract.
        let poller = unsafe { place(poller) }?;
        drop(handles::remove::<CPoller>(*poller)?);
        *poller = std::ptr::null_mut();
        Ok(0)
    }

    /// How many sockets and descriptors are in it. (`zmq_poller_size`)
    fn zmq_poller_size(poller: *mut c_void) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        let size = poller.lock().entries.len();
        Ok(c_int::try_from(size).unwrap_or(c_int::MAX))
    }

    /// Adds a socket. (`zmq_poller_add`)
    fn zmq_poller_add(
        poller: *mut c_void,
        socket: *mut c_void,
        user_data: *mut c_void,
        events: c_short,
    ) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        handles::get::<CSocket>(socket)?;
        poller.add(Entry { socket, fd: NO_FD, user_data, events })
    }

    /// Changes what is waited for at a socket. (`zmq_poller_modify`)
    fn zmq_poller_modify(poller: *mut c_void, socket: *mut c_void, events: c_short) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        handles::get::<CSocket>(socket)?;
        poller.modify(socket, NO_FD, events)
    }

    /// Takes a socket out. (`zmq_poller_remove`)
    fn zmq_poller_remove(poller: *mut c_void, socket: *mut c_void) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        handles::get::<CSocket>(socket)?;
        poller.remove(socket, NO_FD)
    }

    /// Adds a descriptor. (`zmq_poller_add_fd`)
    fn zmq_poller_add_fd(poller: *mut c_void, fd: c_int, user_data: *mut c_void, events: c_short) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        poller.add(Entry { socket: std::ptr::null_mut(), fd: check_fd(fd)?, user_data, events })
    }

    /// Changes what is waited for at a descriptor. (`zmq_poller_modify_fd`)
    fn zmq_poller_modify_fd(poller: *mut c_void, fd: c_int, events: c_short) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        poller.modify(std::ptr::null_mut(), check_fd(fd)?, events)
    }

    /// Takes a descriptor out. (`zmq_poller_remove_fd`)
    fn zmq_poller_remove_fd(poller: *mut c_void, fd: c_int) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        poller.remove(std::ptr::null_mut(), check_fd(fd)?)
    }

    /// Waits for one event; EAGAIN when the time is over. (`zmq_poller_wait`)
    fn zmq_poller_wait(poller: *mut c_void, event: *mut PollerEvent, timeout: c_long) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        // SAFETY: the manual page's contract.
        let event = unsafe { place(event) }?;
        *event = NOTHING;
        poller.wait(std::slice::from_mut(event), timeout).map(|_| 0)
    }

    /// Waits for up to `count` events; returns how many there are. (`zmq_poller_wait_all`)
    fn zmq_poller_wait_all(
        poller: *mut c_void,
        events: *mut PollerEvent,
        count: c_int,
        timeout: c_long,
    ) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        let count = usize::try_from(count).map_err(|_| EINVAL)?;
        if events.is_null() {
            return Err(EFAULT);
        }
        // SAFETY: not null, so room for as many by the manual page's contract.
        let events = unsafe { std::slice::from_raw_parts_mut(events, count) };
        poller.wait(events, timeout)
    }

    /// A descriptor that is readable when a thread-safe socket in the poller may be ready, until the next wait. EINVAL if there is
    /// none. (`zmq_poller_fd`)
    fn zmq_poller_fd(poller: *mut c_void, fd: *mut c_int) -> c_int {
        let poller = handles::get::<CPoller>(poller)?;
        // SAFETY: the manual page's contract.
        let fd = unsafe { place(fd) }?;
        *fd = poller.descriptor()?;
        Ok(0)
    }
}
