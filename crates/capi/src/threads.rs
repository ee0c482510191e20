//! What a program may wish for the context's I/O threads: a name, processors, a scheduling policy and a priority.
//!
//! Applied by each thread to itself before it serves anybody. What the system refuses keeps it from running, and the bind or
//! connect that needed it gets the system's number. Never here: threads of `zmq_threadstart`, which are the program's own.

use std::ffi::{CString, c_int};
use std::io;
use std::mem::MaybeUninit;

/// Processors have numbers below this.
pub(crate) const CPUS: c_int = libc::CPU_SETSIZE;

/// The kernel takes names of at most this many bytes.
const NAME_MAX: usize = 15;
/// What "nice" is asked for where a policy knows no priorities: the most urgent, says the manual page.
const MOST_URGENT: c_int = -20;

/// What was wished for. By default nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) name_prefix: Vec<u8>,
    pub(crate) policy: Option<c_int>,
    pub(crate) priority: Option<c_int>,
    pub(crate) cpus: Vec<c_int>,
}

impl Wishes {
    pub(crate) fn are_any(&self) -> bool {
        let Wishes { name_prefix, policy, priority, cpus } = self;
        !name_prefix.is_empty() || policy.is_some() || priority.is_some() || !cpus.is_empty()
    }

    /// Makes them come true for the calling thread, the I/O thread of this number.
    pub(crate) fn apply(&self, index: usize) -> io::Result<()> {
        self.name(index)?;
        self.schedule()?;
        self.bind()
    }

    /// As libzmq names its own, so that the same tools find them.
    fn name(&self, index: usize) -> io::Result<()> {
        if self.name_prefix.is_empty() {
            return Ok(());
        }
        let mut name = self.name_prefix.clone();
        name.extend(format!("/ZMQbg/IO/{index}").bytes());
        name.truncate(NAME_MAX);
        let name = CString::new(name)?;
        // SAFETY: this thread, and a name that ends with zero.
        check(unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) })
    }

    fn schedule(&self) -> io::Result<()> {
        if self.policy.is_none() && self.priority.is_none() {
            return Ok(());
        }
        let (mut policy, mut parameters) = (0, MaybeUninit::zeroed());
        // SAFETY: this thread; both places are written.
        check(unsafe {
            libc::pthread_getschedparam(libc::pthread_self(), &raw mut policy, parameters.as_mut_ptr())
        })?;
        // SAFETY: all zero is a value of it, and it was written since.
        let mut parameters: libc::sched_param = unsafe { parameters.assume_init() };
        policy = self.policy.unwrap_or(policy);
        let knows_priorities = policy == libc::SCHED_FIFO || policy == libc::SCHED_RR;
        parameters.sched_priority = match self.priority {
            Some(priority) if knows_priorities => priority,
            None if knows_priorities => parameters.sched_priority,
            _ => 0,
        };
        // SAFETY: this thread, and parameters that were read before.
        check(unsafe { libc::pthread_setschedparam(libc::pthread_self(), policy, &raw const parameters) })?;
        if knows_priorities || self.priority.is_none_or(|priority| priority <= 0) {
            return Ok(());
        }
        // SAFETY: takes no pointers; 0 is this thread.
        match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, MOST_URGENT) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn bind(&self) -> io::Result<()> {
        if self.cpus.is_empty() {
            return Ok(());
        }
        // SAFETY: all zero is the empty set.
        let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
        for cpu in self.cpus.iter().filter_map(|cpu| usize::try_from(*cpu).ok()) {
            // SAFETY: below `CPUS` (the option takes no others), so within the set.
            unsafe { libc::CPU_SET(cpu, &mut set) };
        }
        // SAFETY: this thread, and a set of the size that is told.
        check(unsafe {
            libc::pthread_setaffinity_np(libc::pthread_self(), size_of_val(&set), &raw const set)
        })
    }
}

/// The error number that `pthread_…` returns, as an error.
fn check(number: c_int) -> io::Result<()> {
    if number == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(number)) }
}
