//! A context: the I/O threads, the names of `inproc`, and the end of it all.
//!
//! Invariants: I/O threads start with the first bind or connect that needs them, and end after the last socket has
//! sent what it had to send. A socket belongs to its context for life and keeps it alive.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netzmq_memory::MessagePool;
use netzmq_proto::{SocketType, ZapReply, ZapRequest};

use crate::deadline;
use crate::engine::io_thread::{self, IoHandle};
use crate::engine::job::Job;
use crate::error::SocketError;
use crate::inproc::Registry;
use crate::options::SocketOptions;
use crate::pipe::SessionId;
use crate::socket::Socket;
use crate::socket::core::{Reactor, Shared};
use crate::spans::Span;
use crate::stats::{Blocker, Connections, ContextStats, Drops, Traffic};
use crate::sync::{Mutex, MutexGuard, SleepQueue, Wake, lock};
use crate::transport::poller::Interest;
use crate::transport::stream::Stream;

/// Decides who may connect. See [`Context::set_authenticator`].
pub(crate) type Authenticator = Arc<dyn Fn(&ZapRequest) -> ZapReply + Send + Sync>;

/// Owner of the I/O threads and of the `inproc` names; makes sockets. Cloning gives another handle to the same.
///
/// When the last handle and the last of its sockets are dropped, the drop waits until messages that were sent have
/// left, as long as the sockets' `linger` says (for ever by default, as in libzmq). See [`Context::terminate`].
///
/// ```
/// use netzmq::Context;
/// let context = Context::new();
/// let pull = context.pull().bind("inproc://work")?;
/// let push = context.push().connect("inproc://work")?;
/// push.send("hello")?;
/// assert_eq!(&pull.recv()?[..], b"hello");
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) handle: Arc<Handle>,
}

/// The users' hold on a context: the last one to go waits for the rest.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) inner: Arc<ContextInner>,
}

/// How to make a context.
#[derive(Debug, Clone)]
pub struct ContextBuilder {
    io_threads: usize,
    max_sockets: usize,
    max_message_size: Option<u64>,
    on_thread_start: ThreadStart,
}

/// What an I/O thread does first, if anything.
#[derive(Clone, Default)]
pub(crate) struct ThreadStart(pub(crate) Option<Arc<ThreadHook>>);

pub(crate) type ThreadHook = dyn Fn(usize) -> std::io::Result<()> + Send + Sync;

impl std::fmt::Debug for ThreadStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "ThreadStart(..)" } else { "ThreadStart" })
    }
}

impl ContextBuilder {
    /// How many I/O threads serve the connections. 0: none, for `inproc` only. Default 1. (`ZMQ_IO_THREADS`)
    #[must_use]
    pub fn io_threads(mut self, count: usize) -> ContextBuilder {
        self.io_threads = count;
        self
    }

    /// How many sockets may be open at once. Default 1023. (`ZMQ_MAX_SOCKETS`)
    #[must_use]
    pub fn max_sockets(mut self, count: usize) -> ContextBuilder {
        self.max_sockets = count;
        self
    }

    /// What [`Socket::set_max_message_size`] is for its sockets until it is set: a peer that sends a larger message part
    /// is dropped. Bytes. `None`: no limit (the default). (`ZMQ_MAX_MSGSZ`, which libzmq takes and forgets.)
    #[must_use]
    pub fn max_message_size(mut self, bytes: Option<u64>) -> ContextBuilder {
        self.max_message_size = bytes;
        self
    }

    /// What each I/O thread does before it serves anybody, with its number from 0: naming itself, choosing its processors
    /// or its priority. An error keeps the threads from running, and the call that was to start them (the first
    /// `bind` or `connect` that is not `inproc`) returns it. (`ZMQ_THREAD_NAME_PREFIX` and its like)
    ///
    /// ```
    /// use netzmq::{Context, SocketType};
    /// let context = Context::builder().on_thread_start(|_| Err(std::io::ErrorKind::PermissionDenied.into())).build();
    /// assert!(context.socket(SocketType::Rep)?.bind("tcp://127.0.0.1:*").is_err());
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    #[must_use]
    pub fn on_thread_start(
        mut self,
        hook: impl Fn(usize) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> ContextBuilder {
        self.on_thread_start = ThreadStart(Some(Arc::new(hook)));
        self
    }

    /// Makes it.
    #[must_use]
    pub fn build(self) -> Context {
        Context {
            handle: Arc::new(Handle {
                inner: Arc::new(ContextInner {
                    span: Span::of_context(self.io_threads),
                    io_threads: self.io_threads,
                    max_sockets: self.max_sockets,
                    on_thread_start: self.on_thread_start,
                    default_options: Arc::new(SocketOptions {
                        max_message_size: self.max_message_size,
                        ..SocketOptions::default()
                    }),
                    threads: Mutex::new(Threads::default()),
                    handles: std::sync::OnceLock::new(),
                    sockets: Mutex::new(HashMap::new()),
                    all_closed: SleepQueue::new(),
                    next_socket: AtomicU64::new(0),
                    next_thread: AtomicU32::new(0),
                    terminated: AtomicBool::new(false),
                    registry: Registry::default(),
                    authenticator: Mutex::new(None),
                    retired: Mutex::default(),
                }),
            }),
        }
    }
}

impl Default for Context {
    fn default() -> Context {
        Context::new()
    }
}

impl Context {
    /// A context with one I/O thread.
    #[must_use]
    pub fn new() -> Context {
        Context::builder().build()
    }

    /// A context to be configured.
    #[must_use]
    pub fn builder() -> ContextBuilder {
        ContextBuilder {
            io_threads: 1,
            max_sockets: 1023,
            max_message_size: None,
            on_thread_start: ThreadStart::default(),
        }
    }

    /// A socket of any type, untyped: for proxies, and where the type is known only at run time. [`Context::push`] and
    /// its like make typed ones.
    ///
    /// # Errors
    /// Too many sockets, an unsupported type, or the context was terminated.
    pub fn socket(&self, socket_type: SocketType) -> Result<Socket, SocketError> {
        let shared = self.handle.inner.new_socket(socket_type)?;
        Ok(Socket::new(shared, self.handle.clone()))
    }

    /// Makes every blocking call on every socket return with "terminated", now and from now on. Sockets can only be
    /// closed after this. (`zmq_ctx_shutdown`)
    pub fn shutdown(&self) {
        self.handle.inner.shutdown();
    }

    /// [`Context::shutdown`], then waits until all sockets are closed and what they had to send has left, as long as
    /// their `linger` says. Returns whether that is so; `false` when `timeout` was over first (`None`: waits for
    /// ever). (`zmq_ctx_term`)
    pub fn terminate(&self, timeout: Option<Duration>) -> bool {
        self.handle.inner.shutdown();
        self.handle.inner.wait_closed(timeout, false) == Closed::All
    }

    /// What its sockets have done and hold, the closed ones included.
    #[must_use]
    pub fn stats(&self) -> ContextStats {
        self.handle.inner.stats()
    }

    /// What [`terminate`](Context::terminate), or dropping the last handle, waits for at this moment: sockets that are open,
    /// and closed ones whose messages nobody takes. Empty: it would return at once. Call it from another thread, or after
    /// a `terminate` whose time was over.
    ///
    /// ```
    /// use std::time::Duration;
    /// let context = netzmq::Context::new();
    /// let push = context.push().linger(Duration::from_secs(1)).connect("tcp://127.0.0.1:9")?; // nobody is there
    /// push.send("lost?")?;
    /// drop(push);
    /// assert!(!context.terminate(Some(Duration::from_millis(1))));
    /// let blockers = context.who_blocks_termination();
    /// assert_eq!((blockers[0].unsent, blockers[0].open), (1, false));
    /// println!("{}", blockers[0]); // PUSH (closed): 1 unsent for tcp://127.0.0.1:9, waits 1s
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    #[must_use]
    pub fn who_blocks_termination(&self) -> Vec<Blocker> {
        self.handle.inner.sockets().iter().map(|shared| shared.blocker()).collect()
    }

    /// How many sockets are open, those included that are closed and still sending.
    #[must_use]
    pub fn sockets_open(&self) -> usize {
        self.handle.inner.lock_sockets().len()
    }

    /// Lets `decide` judge every peer of PLAIN servers and whoever else asks: it gets what the peer showed, and
    /// answers with a status. Runs on an I/O thread, so it must not block. It is asked before a ZAP handler bound at
    /// `inproc://zeromq.zap.01`. `None` (the default), and no such handler: PLAIN servers let nobody in, others
    /// everybody.
    pub fn set_authenticator<F>(&self, decide: Option<F>)
    where
        F: Fn(&ZapRequest) -> ZapReply + Send + Sync + 'static,
    {
        let decide = decide.map(|f| Arc::new(f) as Authenticator);
        *lock(&self.handle.inner.authenticator) = decide;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inner.finish();
    }
}

/// How a wait for the end of the sockets went.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Closed {
    All,
    /// The time was up.
    NotAll,
    /// A signal handler ran.
    Interrupted,
}

#[derive(Debug, Default)]
struct Threads {
    joins: Vec<JoinHandle<()>>,
    stopped: bool,
}

/// What sockets and I/O threads share.
pub(crate) struct ContextInner {
    pub(crate) span: Span,
    pub(crate) io_threads: usize,
    on_thread_start: ThreadStart,
    max_sockets: usize,
    /// What a new socket begins with; shared until it changes something.
    pub(crate) default_options: Arc<SocketOptions>,
    threads: Mutex<Threads>,
    handles: std::sync::OnceLock<Vec<Arc<IoHandle>>>,
    sockets: Mutex<HashMap<u64, Weak<Shared>>>,
    all_closed: SleepQueue,
    next_socket: AtomicU64,
    next_thread: AtomicU32,
    terminated: AtomicBool,
    pub(crate) registry: Registry,
    authenticator: Mutex<Option<Authenticator>>,
    /// What the sockets did that are over.
    retired: Mutex<(Traffic, Drops, Connections)>,
}

impl ContextInner {
    /// All that are not over. Their locks are not taken under this table's.
    fn sockets(&self) -> Vec<Arc<Shared>> {
        self.lock_sockets().values().filter_map(Weak::upgrade).collect()
    }

    fn stats(&self) -> ContextStats {
        // First: a socket that ends in between is counted once.
        let sockets = self.sockets();
        let (mut total, mut drops, mut connections) = *lock(&self.retired);
        for shared in &sockets {
            let (traffic, dropped, connected) = shared.totals();
            total.add(&traffic);
            drops.add(&dropped);
            connections.add(&connected);
        }
        let pool = MessagePool::shared().stats();
        ContextStats { sockets_open: sockets.len(), total, drops, connections, pool }
    }

    fn lock_sockets(&self) -> MutexGuard<'_, HashMap<u64, Weak<Shared>>> {
        lock(&self.sockets)
    }

    fn new_socket(self: &Arc<ContextInner>, socket_type: SocketType) -> Result<Arc<Shared>, SocketError> {
        let mut sockets = self.lock_sockets();
        if self.terminated.load(Ordering::SeqCst) {
            return Err(SocketError::Terminated);
        }
        if sockets.len() >= self.max_sockets {
            return Err(SocketError::TooMany(self.max_sockets));
        }
        // Relaxed: only uniqueness matters.
        let id = self.next_socket.fetch_add(1, Ordering::Relaxed);
        let shared = Shared::new(id, socket_type, self.clone(), random_seed());
        sockets.insert(id, Arc::downgrade(&shared));
        Ok(shared)
    }

    /// A socket that no application sees, and for which the context's end does not wait.
    pub(crate) fn hidden_socket(self: &Arc<ContextInner>, socket_type: SocketType) -> Arc<Shared> {
        // Relaxed: as above.
        let id = self.next_socket.fetch_add(1, Ordering::Relaxed);
        Shared::new(id, socket_type, self.clone(), random_seed())
    }

    /// A closed socket has nothing left to do.
    pub(crate) fn socket_finished(&self, id: u64, did: &(Traffic, Drops, Connections)) {
        let mut sockets = self.lock_sockets();
        if sockets.remove(&id).is_some() {
            let mut retired = lock(&self.retired);
            retired.0.add(&did.0);
            retired.1.add(&did.1);
            retired.2.add(&did.2);
        }
        if sockets.is_empty() {
            self.all_closed.notify_all();
        }
    }

    pub(crate) fn shutdown(&self) {
        let sockets: Vec<_> = {
            let sockets = self.lock_sockets();
            self.terminated.store(true, Ordering::SeqCst);
            sockets.values().filter_map(Weak::upgrade).collect()
        };
        for shared in sockets {
            shared.lock().terminated = true;
            shared.mailbox.wake();
        }
    }

    /// Waits until all sockets are closed and done; with `interruptible` a signal ends the wait.
    pub(crate) fn wait_closed(&self, timeout: Option<Duration>, interruptible: bool) -> Closed {
        let deadline = timeout.map(deadline::after);
        let mut sockets = self.lock_sockets();
        while !sockets.is_empty() {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left.is_some_and(|l| l.is_zero()) {
                return Closed::NotAll;
            }
            let wake;
            (sockets, wake) = self.all_closed.wait(&self.sockets, sockets, left);
            if interruptible && wake == Wake::Signal {
                return Closed::Interrupted;
            }
        }
        Closed::All
    }

    /// Ends the threads when the last socket is done.
    fn finish(&self) {
        self.wait_closed(None, false);
        let joins = {
            let mut threads = lock(&self.threads);
            threads.stopped = true;
            std::mem::take(&mut threads.joins)
        };
        for handle in self.handles.get().into_iter().flatten() {
            handle.post(Job::Stop);
        }
        for join in joins {
            // The last handle may go in a callback on an I/O thread: that one ends by itself.
            if join.thread().id() != std::thread::current().id() {
                let _ = join.join();
            }
        }
        MessagePool::shared().trim();
    }

    /// Starts the I/O threads if they do not run yet.
    pub(crate) fn start(self: &Arc<ContextInner>) -> std::io::Result<()> {
        if self.handles.get().is_some() {
            return Ok(());
        }
        let mut threads = lock(&self.threads);
        if self.handles.get().is_some() || threads.stopped {
            return Ok(());
        }
        let (mut handles, mut joins) = (Vec::new(), Vec::new());
        for index in 0..self.io_threads {
            let spawned = IoHandle::new(index).map(Arc::new).and_then(|handle| {
                let hook = self.on_thread_start.0.clone();
                Ok((handle.clone(), io_thread::spawn(handle, Arc::downgrade(self), hook)?))
            });
            match spawned {
                Ok((handle, join)) => {
                    handles.push(handle);
                    joins.push(join);
                }
                Err(error) => {
                    // Those before it serve nobody. That a thread has panicked is told by the panic.
                    handles.iter().for_each(|handle| handle.post(Job::Stop));
                    joins.into_iter().for_each(|join| drop(join.join()));
                    return Err(error);
                }
            }
        }
        threads.joins = joins;
        // Only this function sets it, under the lock.
        let _ = self.handles.set(handles);
        Ok(())
    }

    fn handle(&self, thread: usize) -> Option<&Arc<IoHandle>> {
        let handles = self.handles.get()?;
        handles.get(thread % handles.len().max(1))
    }

    /// Hands a job to an I/O thread (counted round: any number is good).
    pub(crate) fn post(&self, thread: usize, job: Job) {
        if let Some(handle) = self.handle(thread) {
            handle.post(job);
        }
    }

    /// Hands a job to every I/O thread.
    pub(crate) fn post_to_all(&self, job: impl Fn() -> Job) {
        for handle in self.handles.get().into_iter().flatten() {
            handle.post(job());
        }
    }

    /// A name for a session or listener of an I/O thread; `None` where there are none.
    pub(crate) fn new_token(&self, thread: usize) -> Option<u64> {
        Some(self.handle(thread)?.new_token())
    }

    /// A caller takes the lead of a socket away from the I/O thread.
    pub(crate) fn unlead(&self, thread: usize, reactor: &Reactor) {
        if let Some(handle) = self.handle(thread) {
            // Not there any more: somebody was quicker, which is as good.
            let _ = handle.poller.delete(&reactor.poller);
        }
    }

    /// Has a connection's I/O thread told when its stream is writable, also if it is by now. That thread ends it with the
    /// first news.
    pub(crate) fn report_room(&self, session: SessionId, stream: &Stream, interest: Interest) {
        if let Some(handle) = self.handle(session.thread) {
            // Not there any more: the connection is being taken down.
            let _ = handle.poller.modify(stream, session.token, interest);
        }
    }

    /// The I/O thread for the next connection, among those with a bit in `affinity` (0: all). `None`: there is none.
    pub(crate) fn next_thread(&self, affinity: u64) -> Option<usize> {
        let may = |thread: &usize| {
            affinity == 0
                || u32::try_from(*thread)
                    .is_ok_and(|t| affinity.checked_shr(t).is_some_and(|rest| rest & 1 == 1))
        };
        let eligible = (0..self.io_threads).filter(may).count();
        // Relaxed: only an even spread matters.
        let turn = self.next_thread.fetch_add(1, Ordering::Relaxed) as usize;
        (0..self.io_threads).filter(may).nth(turn.checked_rem(eligible)?)
    }

    /// Somebody judges peers: a function, or a ZAP handler.
    pub(crate) fn has_judge(&self) -> bool {
        lock(&self.authenticator).is_some() || crate::zap::has_handler(self)
    }

    pub(crate) fn authenticate(&self, request: &ZapRequest) -> Option<ZapReply> {
        let decide = lock(&self.authenticator).clone()?;
        Some(decide(request))
    }
}

impl std::fmt::Debug for ContextInner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContextInner").field("io_threads", &self.io_threads).finish_non_exhaustive()
    }
}

/// Unpredictable enough for routing ids and jitter: std's hasher keys come from the system's randomness.
pub(crate) fn random_seed() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish() as u32
}
