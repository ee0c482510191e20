//! `zmq_timers_*`: callbacks at intervals, run by whoever calls `zmq_timers_execute`.
//!
//! Invariant: no lock is held while a callback runs, so a callback may change the timers.

use std::ffi::{c_int, c_long, c_void};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::boundary::{export, place};
use crate::errno::{EFAULT, EINVAL, Errno};
use crate::handles::{self, Handle};

type TimerFn = unsafe extern "C" fn(c_int, *mut c_void);

struct Timer {
    id: c_int,
    interval: Duration,
    at: Instant,
    handler: TimerFn,
    argument: *mut c_void,
}

// SAFETY: whoever adds a timer means its handler to be called with the argument by whoever executes.
unsafe impl Send for Timer {}

#[derive(Default)]
struct Set {
    timers: Vec<Timer>,
    last_id: c_int,
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

    fn change(&self, id: c_int, change: impl FnOnce(&mut Timer)) -> Result<c_int, Errno> {
        let mut set = self.lock();
        change(set.timers.iter_mut().find(|timer| timer.id == id).ok_or(EINVAL)?);
        Ok(0)
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
        set.timers.push(Timer { id, interval, at, handler, argument });
        Ok(id)
    }

    /// Takes a timer out. (`zmq_timers_cancel`)
    fn zmq_timers_cancel(timers: *mut c_void, id: c_int) -> c_int {
        let timers = handles::get::<Timers>(timers)?;
        let mut set = timers.lock();
        let at = set.timers.iter().position(|timer| timer.id == id).ok_or(EINVAL)?;
        set.timers.remove(at);
        Ok(0)
    }

    /// Changes an interval, which begins anew. (`zmq_timers_set_interval`)
    fn zmq_timers_set_interval(timers: *mut c_void, id: c_int, interval: usize) -> c_int {
        let interval = Duration::from_millis(interval as u64);
        let at = Instant::now().checked_add(interval).ok_or(EINVAL)?;
        handles::get::<Timers>(timers)?.change(id, |timer| {
            timer.interval = interval;
            timer.at = at;
        })
    }

    /// Lets a timer's interval begin anew. (`zmq_timers_reset`)
    fn zmq_timers_reset(timers: *mut c_void, id: c_int) -> c_int {
        handles::get::<Timers>(timers)?.change(id, |timer| {
            timer.at = Instant::now().checked_add(timer.interval).unwrap_or(timer.at);
        })
    }

    /// Milliseconds until the next timer fires; -1 if there is none. (`zmq_timers_timeout`)
    fn zmq_timers_timeout(timers: *mut c_void) -> c_long {
        let timers = handles::get::<Timers>(timers)?;
        let now = Instant::now();
        let set = timers.lock();
        let Some(next) = set.timers.iter().map(|timer| timer.at).min() else { return Ok(-1) };
        // Rounded up: whoever waits so long finds it due.
        let wait = next.saturating_duration_since(now).as_micros().div_ceil(1000);
        Ok(c_long::try_from(wait).unwrap_or(c_long::MAX))
    }

    /// Calls the handlers of the timers that are due. (`zmq_timers_execute`)
    fn zmq_timers_execute(timers: *mut c_void) -> c_int {
        let timers = handles::get::<Timers>(timers)?;
        let now = Instant::now();
        let mut due: Vec<(Instant, c_int)> =
            timers.lock().timers.iter().filter(|timer| timer.at <= now).map(|timer| (timer.at, timer.id)).collect();
        due.sort_unstable();
        for (_, id) in due {
            let call = {
                let mut set = timers.lock();
                // A handler before this one may have taken it out.
                let Some(timer) = set.timers.iter_mut().find(|timer| timer.id == id) else { continue };
                timer.at = now.checked_add(timer.interval).unwrap_or(now);
                (timer.handler, timer.argument)
            };
            // SAFETY: the contract of `zmq_timers_add`.
            unsafe { (call.0)(id, call.1) };
        }
        Ok(0)
    }
}
