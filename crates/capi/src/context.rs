//! Contexts: settings first, the real thing with the first socket.
//!
//! Invariants:
//! - The settings that only a beginning can take (threads, number of sockets) act on a context that has no socket yet.
//! - A process that has inherited a context by `fork` has none of its threads: everything it does to it is to forget.

use std::ffi::{c_int, c_void};
use std::sync::{Mutex, MutexGuard};

use netzmq::{Context, Socket, SocketType, raw};

use crate::boundary::{bytes, bytes_mut, export, place};
use crate::errno::{EFAULT, EINTR, EINVAL, ETERM, Errno};
use crate::handles::{self, Handle};
use crate::message::RawMessage;
use crate::threads::{CPUS, Wishes};

const IO_THREADS: c_int = 1;
const MAX_SOCKETS: c_int = 2;
const SOCKET_LIMIT: c_int = 3;
/// Set: the threads' priority; it has the number of `SOCKET_LIMIT`, which can only be asked.
const THREAD_PRIORITY: c_int = 3;
const THREAD_SCHED_POLICY: c_int = 4;
const MAX_MSGSZ: c_int = 5;
const MSG_T_SIZE: c_int = 6;
const THREAD_AFFINITY_CPU_ADD: c_int = 7;
const THREAD_AFFINITY_CPU_REMOVE: c_int = 8;
const THREAD_NAME_PREFIX: c_int = 9;
const ZERO_COPY_RECV: c_int = 10;
const IPV6: c_int = 42;
const BLOCKY: c_int = 70;

/// As many as libzmq allows where descriptors are plentiful.
const SOCKETS_MAX: c_int = 65_535;
/// A thread's name has 15 characters in all.
const PREFIX_MAX: usize = 16;

/// What was set.
#[derive(Debug, Clone)]
struct Settings {
    io_threads: c_int,
    max_sockets: c_int,
    max_message_size: c_int,
    ipv6: bool,
    blocky: bool,
    zero_copy: bool,
    threads: Wishes,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            io_threads: 1,
            max_sockets: 1023,
            max_message_size: c_int::MAX,
            ipv6: false,
            blocky: true,
            zero_copy: true,
            threads: Wishes::default(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    settings: Settings,
    context: Option<Context>,
    shut: bool,
}

/// What a context handle stands for.
#[derive(Debug)]
pub(crate) struct CContext {
    process: u32,
    state: Mutex<State>,
}

impl Handle for CContext {
    const KIND: u64 = 1;
    const MISTAKEN: Errno = EFAULT;
}

impl CContext {
    fn new() -> CContext {
        CContext { process: std::process::id(), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    /// A socket with the context's defaults.
    pub(crate) fn socket(&self, socket_type: SocketType) -> Result<(Socket, Context), Errno> {
        let mut state = self.lock();
        if state.shut || self.is_inherited() {
            return Err(ETERM);
        }
        let settings = state.settings.clone();
        let context = state.context.get_or_insert_with(|| {
            let mut builder = Context::builder()
                .io_threads(usize::try_from(settings.io_threads).unwrap_or(1))
                .max_sockets(usize::try_from(settings.max_sockets).unwrap_or(0));
            let wishes = settings.threads.clone();
            if wishes.are_any() {
                builder = builder.on_thread_start(move |index| wishes.apply(index));
            }
            builder.build()
        });
        let socket = context.socket(socket_type)?;
        raw::set_interruptible(&socket);
        if settings.ipv6 {
            socket.set_ipv6(true)?;
        }
        // A subscriber has nothing to say that would be worth waiting for.
        if !settings.blocky || matches!(socket_type, SocketType::Sub | SocketType::XSub) {
            socket.set_linger(Some(std::time::Duration::ZERO))?;
        }
        if settings.max_message_size < c_int::MAX {
            socket.set_max_message_size(u64::try_from(settings.max_message_size).ok())?;
        }
        Ok((socket, context.clone()))
    }

    fn shutdown(&self) -> Option<Context> {
        let mut state = self.lock();
        state.shut = true;
        state.context.clone()
    }

    fn set(&self, option: c_int, value: &[u8]) -> Result<(), Errno> {
        let number = <[u8; 4]>::try_from(value).ok().map(c_int::from_ne_bytes);
        let settings = &mut self.lock().settings;
        if option == THREAD_NAME_PREFIX {
            // A number names the threads after itself, as libzmq has it.
            let prefix = match number {
                Some(number) if number >= 0 => number.to_string().into_bytes(),
                _ => value.split(|b| *b == 0).next().unwrap_or_default().to_vec(),
            };
            if prefix.is_empty() || prefix.len() > PREFIX_MAX {
                return Err(EINVAL);
            }
            settings.threads.name_prefix = prefix;
            return Ok(());
        }
        let number = number.ok_or(EINVAL)?;
        match option {
            IO_THREADS if number >= 0 => settings.io_threads = number,
            MAX_SOCKETS if number >= 1 => settings.max_sockets = number,
            IPV6 if number >= 0 => settings.ipv6 = number != 0,
            BLOCKY if number >= 0 => settings.blocky = number != 0,
            MAX_MSGSZ if number >= 0 => settings.max_message_size = number,
            ZERO_COPY_RECV if number >= 0 => settings.zero_copy = number != 0,
            THREAD_SCHED_POLICY if number >= 0 => settings.threads.policy = Some(number),
            THREAD_PRIORITY if number >= 0 => settings.threads.priority = Some(number),
            THREAD_AFFINITY_CPU_ADD if (0..CPUS).contains(&number) => {
                if !settings.threads.cpus.contains(&number) {
                    settings.threads.cpus.push(number);
                }
            }
            THREAD_AFFINITY_CPU_REMOVE if number >= 0 => {
                let at = settings.threads.cpus.iter().position(|cpu| *cpu == number).ok_or(EINVAL)?;
                settings.threads.cpus.remove(at);
            }
            _ => return Err(EINVAL),
        }
        Ok(())
    }

    fn get(&self, option: c_int) -> Result<c_int, Errno> {
        let state = self.lock();
        let settings = &state.settings;
        Ok(match option {
            IO_THREADS => settings.io_threads,
            MAX_SOCKETS => settings.max_sockets,
            SOCKET_LIMIT => SOCKETS_MAX,
            MAX_MSGSZ => settings.max_message_size,
            MSG_T_SIZE => size_of::<RawMessage>() as c_int,
            IPV6 => c_int::from(settings.ipv6),
            BLOCKY => c_int::from(settings.blocky),
            ZERO_COPY_RECV => c_int::from(settings.zero_copy),
            THREAD_SCHED_POLICY => settings.threads.policy.unwrap_or(-1),
            THREAD_NAME_PREFIX => std::str::from_utf8(&settings.threads.name_prefix)
                .ok()
                .and_then(|t| t.parse().ok())
                .unwrap_or(0),
            _ => return Err(EINVAL),
        })
    }
}

impl Drop for CContext {
    fn drop(&mut self) {
        if self.is_inherited() {
            std::mem::forget(self.lock().context.take());
        }
    }
}

fn term(context: *mut c_void) -> Result<c_int, Errno> {
    let held = handles::get::<CContext>(context)?;
    if !held.is_inherited()
        && let Some(inner) = held.shutdown()
        && !raw::terminate(&inner)
    {
        // The context is still there, to be terminated again.
        return Err(EINTR);
    }
    let removed = handles::remove::<CContext>(context)?;
    drop(held);
    let inner = removed.lock().context.take();
    if removed.is_inherited() {
        std::mem::forget(inner);
    }
    Ok(0)
}

export! {
    /// Makes a context. (`zmq_ctx_new`)
    fn zmq_ctx_new() -> *mut c_void {
        handles::insert(CContext::new())
    }

    /// Ends a context: blocking calls on its sockets end with ETERM; then waits until all sockets are closed and what
    /// they had to send has left, as long as their linger says. (`zmq_ctx_term`)
    fn zmq_ctx_term(context: *mut c_void) -> c_int {
        term(context)
    }

    /// The older name of `zmq_ctx_term`. (`zmq_ctx_destroy`)
    fn zmq_ctx_destroy(context: *mut c_void) -> c_int {
        term(context)
    }

    /// The oldest name of `zmq_ctx_term`. (`zmq_term`)
    fn zmq_term(context: *mut c_void) -> c_int {
        term(context)
    }

    /// Makes blocking calls on the context's sockets end with ETERM, without waiting. (`zmq_ctx_shutdown`)
    fn zmq_ctx_shutdown(context: *mut c_void) -> c_int {
        let context = handles::get::<CContext>(context)?;
        if !context.is_inherited()
            && let Some(inner) = context.shutdown()
        {
            inner.shutdown();
        }
        Ok(0)
    }

    /// A context with so many I/O threads. (`zmq_init`)
    fn zmq_init(io_threads: c_int) -> *mut c_void {
        let context = CContext::new();
        context.set(IO_THREADS, &io_threads.to_ne_bytes())?;
        handles::insert(context)
    }

    /// Sets an option of a context. (`zmq_ctx_set`)
    fn zmq_ctx_set(context: *mut c_void, option: c_int, value: c_int) -> c_int {
        handles::get::<CContext>(context)?.set(option, &value.to_ne_bytes()).map(|()| 0)
    }

    /// An option of a context. (`zmq_ctx_get`)
    fn zmq_ctx_get(context: *mut c_void, option: c_int) -> c_int {
        handles::get::<CContext>(context)?.get(option)
    }

    /// Sets an option of any form. (`zmq_ctx_set_ext`)
    fn zmq_ctx_set_ext(context: *mut c_void, option: c_int, value: *const c_void, len: usize) -> c_int {
        let context = handles::get::<CContext>(context)?;
        // SAFETY: the manual page's contract.
        context.set(option, unsafe { bytes(value, len) }?).map(|()| 0)
    }

    /// An option of any form. (`zmq_ctx_get_ext`)
    fn zmq_ctx_get_ext(context: *mut c_void, option: c_int, value: *mut c_void, len: *mut usize) -> c_int {
        let context = handles::get::<CContext>(context)?;
        // SAFETY: the manual page's contract.
        let len = unsafe { place(len) }?;
        // SAFETY: the manual page's contract.
        let room = unsafe { bytes_mut(value, *len) }?;
        let answer = if option == THREAD_NAME_PREFIX {
            let mut text = context.lock().settings.threads.name_prefix.clone();
            text.push(0);
            text
        } else {
            context.get(option)?.to_ne_bytes().to_vec()
        };
        room.get_mut(..answer.len()).ok_or(EINVAL)?.copy_from_slice(&answer);
        *len = answer.len();
        Ok(0)
    }
}
