//! Odds and ends: version, capabilities, stopwatch, sleep, threads.

use std::ffi::{c_char, c_int, c_ulong, c_void};
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::boundary::{export, text};
use crate::errno::{EFAULT, EINVAL, EMTHREAD, Errno};
use crate::handles::{self, Handle};

/// What this library is compatible with.
const VERSION: (c_int, c_int, c_int) = (4, 3, 5);

/// What `zmq_has` says yes to: what works, nothing else.
const CAPABILITIES: &[&[u8]] = &[
    b"ipc",
    b"tipc",
    b"vsock",
    b"curve",
    b"draft",
    b"WS",
    b"ws",
    #[cfg(feature = "wss")]
    b"WSS",
];

struct Stopwatch(Instant);

impl Handle for Stopwatch {
    const KIND: u64 = 6;
    const MISTAKEN: Errno = EFAULT;
}

fn micros(watch: &Stopwatch) -> c_ulong {
    c_ulong::try_from(watch.0.elapsed().as_micros()).unwrap_or(c_ulong::MAX)
}

struct Thread(Mutex<Option<JoinHandle<()>>>);

impl Handle for Thread {
    const KIND: u64 = 7;
    const MISTAKEN: Errno = EFAULT;
}

type ThreadFn = unsafe extern "C" fn(*mut c_void);

/// What a thread of C's runs.
struct Task {
    function: ThreadFn,
    argument: *mut c_void,
}

// SAFETY: whoever calls `zmq_threadstart` means the function to run with the argument on another thread.
unsafe impl Send for Task {}

impl Task {
    fn run(self) {
        // SAFETY: the contract of `zmq_threadstart`.
        unsafe { (self.function)(self.argument) }
    }
}

export! {
    /// The version of libzmq that this library stands for. Null pointers are skipped. (`zmq_version`)
    fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int) {
        for (place, number) in [(major, VERSION.0), (minor, VERSION.1), (patch, VERSION.2)] {
            // SAFETY: null or writable, says the manual page.
            if let Some(place) = unsafe { place.as_mut() } {
                *place = number;
            }
        }
        Ok(())
    }

    /// 1 if the library can do this, else 0. (`zmq_has`)
    fn zmq_has(capability: *const c_char) -> c_int {
        // SAFETY: null or a string, says the manual page.
        let Ok(capability) = (unsafe { text(capability) }) else { return Ok(0) };
        Ok(c_int::from(CAPABILITIES.contains(&capability)))
    }

    /// Starts measuring time. (`zmq_stopwatch_start`)
    fn zmq_stopwatch_start() -> *mut c_void {
        handles::insert(Stopwatch(Instant::now()))
    }

    /// Microseconds since the start. (`zmq_stopwatch_intermediate`)
    fn zmq_stopwatch_intermediate(watch: *mut c_void) -> c_ulong {
        Ok(micros(&*handles::get::<Stopwatch>(watch)?))
    }

    /// Microseconds since the start; the stopwatch is gone after this. (`zmq_stopwatch_stop`)
    fn zmq_stopwatch_stop(watch: *mut c_void) -> c_ulong {
        Ok(micros(&*handles::remove::<Stopwatch>(watch)?))
    }

    /// Sleeps so many seconds. (`zmq_sleep`)
    fn zmq_sleep(seconds: c_int) {
        std::thread::sleep(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        Ok(())
    }

    /// Runs a function on a thread of its own. (`zmq_threadstart`)
    fn zmq_threadstart(function: Option<ThreadFn>, argument: *mut c_void) -> *mut c_void {
        let task = Task { function: function.ok_or(EINVAL)?, argument };
        let thread = std::thread::Builder::new().spawn(move || task.run()).map_err(|_| EMTHREAD)?;
        handles::insert(Thread(Mutex::new(Some(thread))))
    }

    /// Waits until the thread's function has returned. (`zmq_threadclose`)
    fn zmq_threadclose(thread: *mut c_void) {
        let thread = handles::remove::<Thread>(thread)?;
        let join = thread.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(join) = join {
            // A panic in it has aborted the process.
            let _ = join.join();
        }
        Ok(())
    }
}
