//! `zmq_atomic_counter_*`: a counter that threads share. Kept for programs that use it; new ones have `<stdatomic.h>`.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering};

use crate::boundary::{export, place};
use crate::errno::{EFAULT, Errno};
use crate::handles::{self, Handle};

struct Counter(AtomicI32);

impl Handle for Counter {
    const KIND: u64 = 5;
    const MISTAKEN: Errno = EFAULT;
}

// SeqCst throughout: callers may build any protocol on it, and the manual page promises nothing weaker.
export! {
    /// Makes a counter of value zero. (`zmq_atomic_counter_new`)
    fn zmq_atomic_counter_new() -> *mut c_void {
        handles::insert(Counter(AtomicI32::new(0)))
    }

    /// Sets the value. (`zmq_atomic_counter_set`)
    fn zmq_atomic_counter_set(counter: *mut c_void, value: c_int) {
        handles::get::<Counter>(counter)?.0.store(value, Ordering::SeqCst);
        Ok(())
    }

    /// Adds one; returns the value before. (`zmq_atomic_counter_inc`)
    fn zmq_atomic_counter_inc(counter: *mut c_void) -> c_int {
        Ok(handles::get::<Counter>(counter)?.0.fetch_add(1, Ordering::SeqCst))
    }

    /// Takes one away; returns 1 if the value is greater than zero after it, 0 if it is zero. (`zmq_atomic_counter_dec`)
    fn zmq_atomic_counter_dec(counter: *mut c_void) -> c_int {
        let before = handles::get::<Counter>(counter)?.0.fetch_sub(1, Ordering::SeqCst);
        Ok(c_int::from(before != 1))
    }

    /// The value. (`zmq_atomic_counter_value`)
    fn zmq_atomic_counter_value(counter: *mut c_void) -> c_int {
        Ok(handles::get::<Counter>(counter)?.0.load(Ordering::SeqCst))
    }

    /// Ends the counter, and sets the caller's pointer to null. (`zmq_atomic_counter_destroy`)
    fn zmq_atomic_counter_destroy(counter: *mut *mut c_void) {
        // SAFETY: the manual page's contract.
        let counter = unsafe { place(counter) }?;
        drop(handles::remove::<Counter>(*counter)?);
        *counter = std::ptr::null_mut();
        Ok(())
    }
}
