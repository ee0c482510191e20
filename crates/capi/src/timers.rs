//! `zmq_timers_*`: callbacks at intervals, run by whoever calls `zmq_timers_execute`.
//!
//! Invariants:
//! - No lock is held while a callback runs, so a callback may change the timers.
//! - `order` has each timer once, under the time at which it fires next.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{c_int, c_long, c_void};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::boundary::{export, place};
use crate::errno::{EFAULT, EINVAL, Errno};
use crate::handles::{self, Handle};

type TimerFn = unsafe extern "C" fn(c_int, *mut c_void);

struct Timer {
    interval: Duration,
    at: Instant,
    handler: TimerFn,
    argument: *mut c_void,
}

// SAFETY: whoever adds a timer means its handler to be called with the argument by whoever executes.
unsafe impl Send for Timer {}

#[derive(Default)]
struct Set {
    timers: HashMap<c_int, Timer>,
    order: BTreeSet<(Instant, c_int)>,
    last_id: c_int,
}

impl Set {
    /// Lets a timer fire at `at(timer)` next.
    fn put_off(&mut self, id: c_int, at: impl FnOnce(&mut Timer) -> Instant) -> Option<&Timer> {
        let timer = self.timers.get_mut(&id)?;
        self.order.remove(&(timer.at, id));
        timer.at = at(timer);
        self.order.insert((timer.at, id));
        Some(timer)
    }
}

#[derive(Default)]
struct Timers(Mutex<Set>);

impl Handle for Timers {
    const KIND: u64 = 4;
    const MISTAKEN: Errno = EFAULT;
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn put_off(&self, id: c_int, at: impl FnOnce(&mut Timer) -> Instant) -> Result<c_int, Errno> {
        self.lock().put_off(id, at).map(|_| 0).ok_or(EINVAL)
    }
}

export! {
    /// Makes a set of timers. (`zmq_timers_new`)
    fn zmq_timers_new() -> *mut c_void {
        handles::insert(Timers::default())
    }

    /// Ends it, and sets the caller's pointer to null. (`zmq_timers_destroy`)
    fn zmq_timers_destroy(timers: *mut *mut c_void) -> c_int {
        // SAFETY: the manual page's contract.
        let timers = unsafe { place(timers) }?;
        drop(handles::remove::<Timers>(*timers)?);
        *timers = std::ptr::null_mut();
        Ok(0)
    }

    /// Adds a timer that fires every `interval` milliseconds; returns its id. (`zmq_timers_add`)
    fn zmq_timers_add(
        timers: *mut c_void,
        interval: usize,
        handler: Option<TimerFn>,
        argument: *mut c_void,
    ) -> c_int {
        let timers = handles::get::<Timers>(timers)?;
        let handler = handler.ok_or(EFAULT)?;
        let interval = Duration::from_millis(interval as u64);
        let at = Instant::now().checked_add(interval).ok_or(EINVAL)?;
        let mut set = timers.lock();
        set.last_id += 1;
        let id = set.last_id;
        set.timers.insert(id, Timer { interval, at, handler, argument });
        set.order.insert((at, id));
        Ok(id)
    }

    /// Takes a timer out. (`zmq_timers_cancel`)
    fn zmq_timers_cancel(timers: *mut c_void, id: c_int) -> c_int {
        let timers = handles::get::<Timers>(timers)?;
        let mut set = timers.lock();
        let timer = set.timers.remove(&id).ok_or(EINVAL)?;
        set.order.remove(&(timer.at, id));
        Ok(0)
    }

    /// Changes an interval, which begins anew. (`zmq_timers_set_interval`)
    fn zmq_timers_set_interval(timers: *mut c_void, id: c_int, interval: usize) -> c_int {
        let interval = Duration::from_millis(interval as u64);
        let at = Instant::now().checked_add(interval).ok_or(EINVAL)?;
        handles::get::<Timers>(timers)?.put_off(id, |timer| {
            timer.interval = interval;
            at
        })
    }

    /// Lets a timer's interval begin anew. (`zmq_timers_reset`)
    fn zmq_timers_reset(timers: *mut c_void, id: c_int) -> c_int {
        let now = Instant::now();
        handles::get::<Timers>(timers)?.put_off(id, |timer| now.checked_add(timer.interval).unwrap_or(timer.at))
    }

    /// Milliseconds until the next timer fires; -1 if there is none. (`zmq_timers_timeout`)
    fn zmq_timers_timeout(timers: *mut c_void) -> c_long {
        let timers = handles::get::<Timers>(timers)?;
        let now = Instant::now();
        let set = timers.lock();
        let Some((next, _)) = set.order.first() else { return Ok(-1) };
        // Rounded up: whoever waits so long finds it due.
        let wait = next.saturating_duration_since(now).as_micros().div_ceil(1000);
        Ok(c_long::try_from(wait).unwrap_or(c_long::MAX))
    }

    /// Calls the handlers of the timers that are due. (`zmq_timers_execute`)
    fn zmq_timers_execute(timers: *mut c_void) -> c_int {
        let timers = handles::get::<Timers>(timers)?;
        let now = Instant::now();
        // What a handler makes due, itself with no interval among it, is for the next call.
        let due: Vec<c_int> = timers.lock().order.range(..=(now, c_int::MAX)).map(|(_, id)| *id).collect();
        for id in due {
            let call = {
                let mut set = timers.lock();
                // A handler before this one may have taken it out.
                let Some(timer) = set.put_off(id, |timer| now.checked_add(timer.interval).unwrap_or(now)) else {
                    continue;
                };
                (timer.handler, timer.argument)
            };
            // SAFETY: the contract of `zmq_timers_add`.
            unsafe { (call.0)(id, call.1) };
        }
        Ok(0)
    }
}
