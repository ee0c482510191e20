//! One I/O thread: waits, does its jobs, serves its sessions, leads the sockets that nobody else drives.
//!
//! Bounded work per turn: a socket or session with much to do is visited again after the others had their turn.
//!
//! It goes to wait in its poller only when its job queue lets it, and is kicked out of it by the next job.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netzmq_memory::MessagePool;

use super::job::Job;
use super::job_queue::JobQueue;
use super::listening::Listening;
use super::session::Session;
use super::timers::{TimerKind, Timers};
use crate::context::{ContextInner, ThreadHook};
use crate::gathering::{BURST_LOOKS, BURST_NAP, LONG_NAP, STREAM_NAP};
use crate::socket::core::{Guard, Lead, Sent, Shared};
use crate::socket::wait::Ready;
use crate::transport::kick::Kick;
use crate::transport::poller::{Event, Interest, Poller};

/// Sockets that are led here have this bit in their token; the rest is the socket's number.
const LED: u64 = 1 << 63;
const KICK_TOKEN: u64 = u64::MAX;
/// How soon a socket that its caller has left is looked at. A caller that serves a hundred sockets in turn comes back
/// within it: to take the lead and to give it back costs more than all the reading.
const TICK: Duration = Duration::from_millis(4);
/// A caller that sits in a receive for so many ticks drives its socket: no need to look again before it leaves.
const QUIET_TICKS: u32 = 4;
/// Reads for one led socket before the others have their turn.
const READS_PER_TURN: usize = 8;
/// After so many looks at a sender that gets on by itself, it is looked at less often.
const STREAM_LOOKS: u32 = 8;
/// Who fills a segment in about the time between two looks may be seen so often without having written: to look more often
/// for that would only make it slower.
const BETWEEN_WRITES: u32 = 2;
/// One that has sent no more than so many messages since the last look gathers too little to be worth waiting for.
const SLOW_MESSAGES: u64 = 16;
/// To write to so many connections takes as long as a look: who sends to many gathers longer, so that batches stay large.
const WIDE: u32 = 4;
/// Idle memory is given back about so often.
const TRIM: Duration = Duration::from_secs(1);

/// How others reach an I/O thread.
#[derive(Debug)]
pub(crate) struct IoHandle {
    pub(crate) index: usize,
    /// Watched by the thread; callers only take a socket's reactor out of it.
    pub(crate) poller: Poller,
    kick: Kick,
    queue: JobQueue<Job>,
    next_token: AtomicU64,
}

impl IoHandle {
    pub(crate) fn new(index: usize) -> io::Result<IoHandle> {
        let handle = IoHandle {
            index,
            poller: Poller::new()?,
            kick: Kick::new()?,
            queue: JobQueue::new(),
            next_token: AtomicU64::new(0),
        };
        handle.poller.add(&handle.kick, KICK_TOKEN, Interest::Level)?;
        Ok(handle)
    }

    /// Hands over a job; wakes the thread only if it sleeps.
    pub(crate) fn post(&self, job: Job) {
        if self.queue.push(job) {
            self.kick.kick();
        }
    }

    /// A name for a session or listener of this thread.
    pub(crate) fn new_token(&self) -> u64 {
        // Relaxed: only uniqueness matters.
        self.next_token.fetch_add(1, Ordering::Relaxed)
    }
}

/// Starts the thread; returns when its hook has said that it may run.
pub(crate) fn spawn(
    handle: Arc<IoHandle>,
    context: Weak<ContextInner>,
    hook: Option<Arc<ThreadHook>>,
) -> io::Result<JoinHandle<()>> {
    let builder = std::thread::Builder::new().name(format!("netzmq-io-{}", handle.index));
    let Some(hook) = hook else { return builder.spawn(move || IoThread::new(handle, context).run()) };
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let thread = builder.spawn(move || {
        let outcome = hook(handle.index);
        let runs = outcome.is_ok();
        // The other end waits, unless it has ended by a panic of its own.
        let _ = tell.send(outcome);
        if runs {
            IoThread::new(handle, context).run();
        }
    })?;
    match told.recv() {
        Ok(outcome) => outcome.map(|()| thread),
        Err(_) => Err(io::Error::other("the hook of an I/O thread has panicked")),
    }
}

/// The thread's own state.
pub(crate) struct IoThread {
    pub(crate) handle: Arc<IoHandle>,
    pub(crate) context: Weak<ContextInner>,
    pub(crate) sessions: HashMap<u64, Session>,
    pub(crate) listeners: HashMap<u64, Listening>,
    pub(crate) timers: Timers,
    led: HashMap<u64, Arc<Shared>>,
    ticking: Vec<Watched>,
    bursts: Vec<Burst>,
    next_tick: Option<Instant>,
    next_trim: Instant,
    random: u32,
}

/// A socket whose sender is in a burst. Its `flush_posted` is set as long as it is here.
struct Burst {
    shared: Arc<Shared>,
    /// What it had sent, and what its caller had done by itself, when it was looked at last.
    seen: Sent,
    looks: u32,
    /// To how many connections was written the last time.
    width: u32,
    /// Looks in a row at which it got on by itself.
    driven: u32,
    /// Looks since the last such one.
    idle: u32,
}

/// Writes all that is dirty, one batch a connection, and lets senders who never wait know what room that made. Says how
/// many connections there were.
fn write_dirty(shared: &Shared, core: &mut Guard<'_>) -> u32 {
    let width = core.pipes.dirty.len();
    // What becomes dirty meanwhile is for the next look.
    for _ in 0..core.pipes.dirty.len() {
        let Some(id) = core.next_dirty() else { break };
        shared.flush(core, id, 1);
    }
    if std::mem::take(&mut core.credit_wanted) && core.credit() {
        shared.mailbox.wake();
    }
    width as u32
}

/// A socket that is looked at every tick until somebody leads it.
struct Watched {
    shared: Arc<Shared>,
    epoch: Option<u32>,
    quiet: u32,
}

impl IoThread {
    fn new(handle: Arc<IoHandle>, context: Weak<ContextInner>) -> IoThread {
        IoThread {
            handle,
            context,
            sessions: HashMap::new(),
            listeners: HashMap::new(),
            timers: Timers::default(),
            led: HashMap::new(),
            ticking: Vec::new(),
            bursts: Vec::new(),
            next_tick: None,
            next_trim: Instant::now() + TRIM,
            random: crate::context::random_seed() | 1,
        }
    }

    fn run(mut self) {
        // Naps are to be as short as they say. Where the system refuses they are longer, which costs nothing else.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        let mut jobs = Vec::new();
        let mut events: Vec<Event> = Vec::new();
        loop {
            self.handle.queue.take(&mut jobs);
            for job in jobs.drain(..) {
                if let Job::Stop = job {
                    return;
                }
                self.work(job);
            }
            let timeout = self.timeout();
            let may_sleep = self.bursts.is_empty() && self.handle.queue.fall_asleep();
            let timeout = if may_sleep { timeout } else { Some(Duration::ZERO) };
            // A poller that fails reports nothing; timers and jobs still run.
            let _ = self.handle.poller.wait(timeout, |event| events.push(event));
            self.handle.queue.wake_up();
            for event in events.drain(..) {
                self.event(event);
            }
            self.clock();
            if !self.bursts.is_empty() {
                std::thread::sleep(self.nap());
                self.look_at_bursts();
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let now = Instant::now();
        let tick = self.next_tick.map(|at| at.saturating_duration_since(now));
        let trim = (!self.sessions.is_empty()).then(|| self.next_trim.saturating_duration_since(now));
        [self.timers.next(now), tick, trim].into_iter().flatten().min()
    }

    fn event(&mut self, event: Event) {
        if event.token == KICK_TOKEN {
            self.handle.kick.drain();
        } else if event.token & LED != 0 {
            if let Some(shared) = self.led.get(&(event.token & !LED)).cloned() {
                self.lead_turn(&shared);
            }
        } else if self.sessions.contains_key(&event.token) {
            self.session_event(event);
        } else {
            self.accept(event.token);
        }
    }

    fn clock(&mut self) {
        let now = Instant::now();
        while let Some((at, token, kind)) = self.timers.due(now) {
            if kind == TimerKind::Accept { self.resume_accept(token) } else { self.timer(at, token, kind) }
        }
        if self.next_tick.is_some_and(|at| at <= now) {
            self.tick(now);
        }
        if self.next_trim <= now {
            self.next_trim = now + TRIM;
            MessagePool::shared().trim_idle(now);
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Listen { token, shared, listener, options } => self.listen(token, shared, listener, options),
            Job::Connect { token, shared, pipe, target, options } => {
                self.connect(token, shared, pipe, target, options);
            }
            Job::Accepted { token, shared, stream, options, via, place } => {
                self.accepted(token, shared, stream, options, via, place);
            }
            Job::Datagrams { token, shared, stream, options, done } => {
                self.open_datagrams(token, shared, stream, options);
                drop(done);
            }
            Job::Unlisten { token, done } => self.unlisten(token, &done),
            Job::Terminate { token, linger } => self.terminate(token, linger),
            Job::Unbound { token, linger, done } => self.unbound(token, linger, done),
            Job::Broken { token, fault } => self.broken(token, fault),
            Job::PeerTtl { token, ttl_tenths } => self.peer_ttl(token, ttl_tenths),
            Job::Flush { shared, seen } => self.flush_turn(shared, seen),
            Job::Tick { shared } => self.watch(shared),
            Job::Lead { shared } => self.take_lead(&shared),
            Job::GoOn { shared } => self.lead_turn(&shared),
            Job::Resolved { token, address } => self.resolved(token, address),
            Job::Proxied { token, stream } => self.proxied(token, stream),
            Job::Readable { token } => self.readable_again(token),
            Job::Forget { shared } => self.forget_socket(&shared),
            Job::Stop => {}
        }
    }

    /// A cheap random number (xorshift) for jitter.
    pub(crate) fn random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }

    // ---- writing for senders ----

    /// A sender is in a burst: what there is goes out now, and then the sender is watched for a while. In a long burst
    /// it fills and writes whole segments by itself, for which this thread only has to keep out of the way; and one that
    /// has gone on since it asked (`asked`: what it had sent then) is better left alone until the first look.
    fn flush_turn(&mut self, shared: Arc<Shared>, asked: u64) {
        let is_over = shared.sent().messages == asked;
        let width = if is_over { write_dirty(&shared, &mut shared.lock()) } else { 0 };
        let seen = shared.sent();
        self.bursts.push(Burst { shared, seen, looks: 1, width, driven: 0, idle: 0 });
    }

    /// How long to leave the senders in bursts alone.
    fn nap(&self) -> Duration {
        if self.bursts.iter().any(|burst| burst.looks > 0 && burst.width < WIDE) {
            BURST_NAP
        } else if self.bursts.iter().any(|burst| burst.driven < STREAM_LOOKS) {
            STREAM_NAP
        } else {
            LONG_NAP
        }
    }

    /// Looks at the senders in bursts: the rest of one that has stopped goes out; the others go on, undisturbed if they
    /// get on by themselves.
    fn look_at_bursts(&mut self) {
        self.bursts.retain_mut(|burst| {
            let now = burst.shared.sent();
            let before = std::mem::replace(&mut burst.seen, now);
            if now.messages == before.messages {
                let mut core = burst.shared.lock();
                // Whoever sends after this asks again.
                core.flush_posted = false;
                write_dirty(&burst.shared, &mut core);
                return false;
            }
            if now.driven != before.driven {
                (burst.looks, burst.idle) = (0, 0);
                burst.driven = (burst.driven + 1).min(STREAM_LOOKS);
                return true;
            }
            let is_narrow = burst.width < WIDE;
            let is_slow = is_narrow && now.messages.wrapping_sub(before.messages) <= SLOW_MESSAGES;
            burst.idle += 1;
            if burst.driven > 0 && burst.idle <= BETWEEN_WRITES && !is_slow {
                return true;
            }
            burst.driven = 0;
            burst.looks += 1;
            if is_slow || burst.looks > BURST_LOOKS.max(burst.width / WIDE) {
                burst.looks = 1;
                burst.width = write_dirty(&burst.shared, &mut burst.shared.lock());
            }
            true
        });
    }

    // ---- leading ----

    /// Looks at a socket from the next tick on.
    pub(crate) fn watch(&mut self, shared: Arc<Shared>) {
        self.ticking.push(Watched { shared, epoch: None, quiet: 0 });
        self.next_tick.get_or_insert_with(|| Instant::now() + TICK);
    }

    fn tick(&mut self, now: Instant) {
        let mut watched = std::mem::take(&mut self.ticking);
        watched.retain_mut(|w| {
            let mut core = w.shared.lock();
            let keep = match core.lead {
                _ if core.closed => false,
                Lead::IoThread => false,
                Lead::Caller => {
                    w.quiet += 1;
                    w.epoch = None;
                    w.quiet < QUIET_TICKS
                }
                Lead::Nobody if w.epoch != Some(core.epoch) && core.watchers == 0 => {
                    w.epoch = Some(core.epoch);
                    w.quiet = 0;
                    true
                }
                Lead::Nobody => {
                    let shared = w.shared.clone();
                    core.ticking = false;
                    drop(core);
                    self.take_lead(&shared);
                    return false;
                }
            };
            core.ticking = keep;
            keep
        });
        watched.append(&mut self.ticking);
        self.ticking = watched;
        self.next_tick = if self.ticking.is_empty() { None } else { Some(now + TICK) };
    }

    fn take_lead(&mut self, shared: &Arc<Shared>) {
        let mut core = shared.lock();
        if core.lead != Lead::Nobody || core.closed {
            return;
        }
        let Some(reactor) = core.reactor.clone() else { return };
        // Level: what is not taken in one turn reports again.
        let added = self.handle.poller.add(&reactor.poller, LED | shared.id, Interest::Level);
        if added.is_ok() || added.is_err_and(|e| e.kind() == io::ErrorKind::AlreadyExists) {
            core.lead = Lead::IoThread;
            self.led.insert(shared.id, shared.clone());
        }
        let pending = !core.readable.is_empty();
        drop(core);
        if pending {
            self.lead_turn(shared);
        }
    }

    /// Forgets a socket that is over.
    pub(crate) fn forget_socket(&mut self, shared: &Arc<Shared>) {
        if self.led.remove(&shared.id).is_some()
            && let Some(reactor) = shared.lock().reactor.clone()
        {
            // A caller may have taken it out before.
            let _ = self.handle.poller.delete(&reactor.poller);
        }
        // A peer that is still shaking hands has nothing that could be waited for.
        let newcomers = self.sessions.values().filter(|s| s.pipe.is_none() && Arc::ptr_eq(&s.shared, shared));
        for token in newcomers.map(|s| s.token).collect::<Vec<_>>() {
            self.over(token);
        }
    }

    /// Reads for a socket that is led here, ahead of its callers.
    fn lead_turn(&mut self, shared: &Arc<Shared>) {
        let mut core = shared.lock();
        if core.lead != Lead::IoThread {
            return;
        }
        let Some(reactor) = core.reactor.clone() else { return };
        let mut ready = Ready::new();
        // No report is no news.
        let _ = reactor.poller.wait(Some(Duration::ZERO), |event| ready.add(event));
        if ready.kicked {
            reactor.kick.drain();
        }
        ready.mark(&mut core);
        let mut news = false;
        for _ in 0..READS_PER_TURN {
            let Some(id) = core.next_readable() else { break };
            news |= shared.read(&mut core, id, true);
        }
        let more = !core.readable.is_empty();
        shared.flush_dirty(&mut core);
        // A caller that took the lead meanwhile waits for edges that may all have been reported here.
        let lost = core.lead != Lead::IoThread;
        drop(core);
        if news || (more && lost) {
            shared.mailbox.wake();
        }
        if more {
            self.handle.post(Job::GoOn { shared: shared.clone() });
        }
    }
}
