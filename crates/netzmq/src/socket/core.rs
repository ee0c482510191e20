//! What a socket is, behind its handle: pattern, pipes and settings under one lock, shared by callers and I/O threads.
//!
//! One lock per socket orders everything: who decides (the pattern), what is queued (the pipes), who does the system
//! calls (the tokens in each wire, the lead here). It is never held across a system call that moves bytes, and no
//! other socket's lock is ever taken under it; mailboxes, lanes and job queues are leaves.
//!
//! Invariants:
//! - `lead` says who waits for and reads this socket's connections: nobody, one caller in a blocking call, or the I/O
//!   thread. Only its holder waits in the reactor.
//! - A pipe that is in a list here has the matching mark (`dirty`, `listed`), and the other way round.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use netzmq_lock::{BiasedMutex, Visit};
use netzmq_memory::MessagePool;
use netzmq_proto::SocketType;

use super::counts::Counts;
use super::lane::Permits;
use crate::connection::buffers::Buffers;
use crate::connection::inbound::Deliver;
use crate::context::ContextInner;
use crate::engine::job::Job;
use crate::gathering::LOOK_EVERY;
use crate::monitor::{MonitorEvent, MonitorSink};
use crate::options::SocketOptions;
use crate::patterns::{Pattern, PipeId};
use crate::pipe::mailbox::{Alarm, Mailbox};
use crate::pipe::table::PipeTable;
use crate::pipe::{Link, SessionId};
use crate::spans::Span;
use crate::transport::kick::Kick;
use crate::transport::poller::{Interest, Poller};

/// Who waits for this socket's connections and reads them.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Lead {
    Nobody,
    Caller,
    IoThread,
}

/// Where a caller in the lead waits: the socket's connections, and a kick.
#[derive(Debug)]
pub(crate) struct Reactor {
    pub(crate) poller: Poller,
    pub(crate) kick: Kick,
}

/// The kick's name in a reactor; pipes have theirs below it.
pub(crate) const KICK_TOKEN: u64 = u64::MAX;

impl Reactor {
    pub(crate) fn new() -> io::Result<Reactor> {
        let reactor = Reactor { poller: Poller::new()?, kick: Kick::new()? };
        reactor.poller.add(&reactor.kick, KICK_TOKEN, Interest::Level)?;
        Ok(reactor)
    }
}

impl Alarm for Reactor {
    fn ring(&self) {
        self.kick.kick();
    }
}

/// What the application bound or connected.
#[derive(Debug)]
pub(crate) struct Bond {
    /// The endpoint as given, and as resolved: either undoes it.
    pub(crate) given: String,
    pub(crate) resolved: String,
    pub(crate) kind: BondKind,
}

#[derive(Debug)]
pub(crate) enum BondKind {
    Listener(SessionId),
    Connecter(SessionId, Option<PipeId>),
    InprocBound,
    InprocConnected(PipeId),
    /// Bound (DISH, DGRAM) or connected (RADIO): for datagrams that is alike.
    Datagrams(SessionId),
}

/// Everything under the socket's lock.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) pattern: Pattern,
    pub(crate) pipes: PipeTable,
    /// What connections that begin now share, until an option is changed.
    pub(crate) options: Arc<SocketOptions>,
    pub(crate) lead: Lead,
    pub(crate) reactor: Option<Arc<Reactor>>,
    /// Pipes whose kernel buffers may hold bytes.
    pub(crate) readable: VecDeque<PipeId>,
    /// Pipes at which reading ahead has stopped.
    pub(crate) stopped: Vec<PipeId>,
    /// The I/O thread has been asked to write what is dirty, and has not finished.
    pub(crate) flush_posted: bool,
    pub(crate) last_send: Option<Instant>,
    /// When a sender in a burst found that nobody was writing; forgotten as soon as somebody does.
    pub(crate) unwritten_since: Option<Instant>,
    /// When the room in full pipes was counted last, for senders who never wait.
    pub(crate) credited_at: Option<Instant>,
    /// Such a sender was turned away, and is to be told of room.
    pub(crate) credit_wanted: bool,
    /// Moves with every receive: the I/O thread leads a socket on which it stands still.
    pub(crate) epoch: u32,
    pub(crate) ticking: bool,
    /// So many watch from outside (`ZMQ_FD`, pollers): while there are any, the I/O thread leads.
    pub(crate) watchers: usize,
    /// The descriptor for foreign event loops, once asked for.
    pub(crate) signal: Option<Arc<super::signal::Signal>>,
    /// When a publisher looked for subscriptions by itself last.
    pub(super) heard_at: Option<Instant>,
    /// A part with more to follow was sent, and the last one was not.
    pub(crate) sending: bool,
    /// Callers that wait without the lead.
    pub(crate) followers: usize,
    /// The last wait was so short that spinning might have met its end.
    pub(crate) spin_pays: bool,
    /// Waits that are not to begin with spinning: twice as many with each time it was in vain. Where the peer shares this
    /// core, spinning only keeps it from answering, however soon it would.
    pub(crate) spin_rest: u32,
    pub(crate) spin_failures: u32,
    /// The last wait found its message in the kernel already: the next one begins with a read.
    pub(crate) read_pays: bool,
    /// A signal handler that runs while a call waits ends the wait.
    pub(crate) interruptible: bool,
    pub(crate) terminated: bool,
    /// A caller has been told that it is.
    pub(crate) end_told: bool,
    pub(crate) closed: bool,
    /// Whom the routing id that was handed out last belongs to, for the parts that follow it.
    pub(crate) told_of: Option<Arc<netzmq_memory::Annotations>>,
    pub(crate) bonds: Vec<Bond>,
    pub(crate) last_endpoint: String,
    /// Sessions (listeners and connections) that still know this socket.
    pub(crate) sessions: usize,
    pub(crate) mail: Vec<PipeId>,
    /// Room for a list of pipes, kept so that no send allocates one.
    pub(crate) scratch: Vec<PipeId>,
    /// The pipe that was read last: the first guess of where the next message comes from.
    pub(crate) last_read: Option<PipeId>,
    /// Receives since the reactor was last asked what else is readable.
    pub(crate) since_poll: u32,
    /// How often that was done since all was written.
    pub(crate) looks: u32,
    /// When a look from outside did that last.
    pub(crate) asked_at: Option<Instant>,
    /// What is counted for the socket as a whole.
    pub(crate) counts: Counts,
    /// What calls on the short way may do again without asking.
    pub(super) permits: Permits,
}

/// How far a sender has got.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Sent {
    /// Whole messages.
    pub(crate) messages: u64,
    /// Turns in which a caller did by itself what there was to do: wrote a full batch, or, in a receive, wrote or read.
    pub(crate) driven: u64,
}

/// One socket.
pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) socket_type: SocketType,
    pub(crate) context: Arc<ContextInner>,
    pub(crate) mailbox: Arc<Mailbox>,
    me: Weak<Shared>,
    core: BiasedMutex<Core>,
    /// Whole messages sent so far: by its standing still a burst is seen to be over. Written under the lock, read without.
    sent: AtomicU64,
    driven: AtomicU64,
    monitored: AtomicBool,
    monitor: Mutex<Option<MonitorSink>>,
    /// Whether permits to send (to receive) ever come to be: for the other types it is not worth asking.
    pub(super) sends_along: bool,
    pub(super) recvs_along: bool,
    pub(crate) span: Span,
}

/// The right to use a socket's core, until it is dropped.
#[must_use]
pub(crate) struct Guard<'a>(netzmq_lock::Guard<'a, Core>);

impl Guard<'_> {
    /// Gives up the lock for as long as `f` takes. Permits that others got meanwhile end when it is taken again.
    #[inline]
    pub(crate) fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let result = self.0.unlocked(f);
        self.end_permits();
        result
    }

    /// What dropping it does, here and now: on hot paths a call less.
    #[inline(always)]
    pub(crate) fn unlock(self) {
        self.0.unlock();
    }
}

impl std::ops::Deref for Guard<'_> {
    type Target = Core;

    #[inline]
    fn deref(&self) -> &Core {
        &self.0
    }
}

impl std::ops::DerefMut for Guard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Core {
        &mut self.0
    }
}

impl Shared {
    pub(crate) fn new(
        id: u64,
        socket_type: SocketType,
        context: Arc<ContextInner>,
        seed: u32,
    ) -> Arc<Shared> {
        let options = context.default_options.clone();
        let core = Core {
            pattern: Pattern::new(socket_type, &options.pattern, seed),
            pipes: PipeTable::new(
                Buffers::new(MessagePool::shared().clone()),
                socket_type == SocketType::Dish,
            ),
            options,
            lead: Lead::Nobody,
            reactor: None,
            readable: VecDeque::new(),
            stopped: Vec::new(),
            flush_posted: false,
            last_send: None,
            unwritten_since: None,
            credited_at: None,
            credit_wanted: false,
            epoch: 0,
            ticking: false,
            watchers: 0,
            signal: None,
            heard_at: None,
            sending: false,
            followers: 0,
            spin_pays: true,
            spin_rest: 0,
            spin_failures: 0,
            read_pays: false,
            interruptible: false,
            terminated: false,
            end_told: false,
            closed: false,
            told_of: None,
            bonds: Vec::new(),
            last_endpoint: String::new(),
            sessions: 0,
            mail: Vec::new(),
            scratch: Vec::new(),
            last_read: None,
            since_poll: 0,
            looks: 0,
            asked_at: None,
            counts: Counts::default(),
            permits: Permits::NONE,
        };
        let span = context.span.of_socket(id, socket_type);
        Arc::new_cyclic(|me| Shared {
            span,
            id,
            socket_type,
            context,
            mailbox: Arc::new(Mailbox::new()),
            me: me.clone(),
            core: BiasedMutex::new(core),
            sent: AtomicU64::new(0),
            driven: AtomicU64::new(0),
            monitored: AtomicBool::new(false),
            monitor: Mutex::new(None),
            sends_along: !matches!(
                socket_type,
                SocketType::Router | SocketType::Req | SocketType::Rep | SocketType::Pub | SocketType::XPub
            ),
            recvs_along: !matches!(socket_type, SocketType::Router | SocketType::Req | SocketType::Rep),
        })
    }

    /// Another holder of this socket, for a job. Always there: whoever calls this holds one.
    pub(crate) fn arc(&self) -> Arc<Shared> {
        self.me.upgrade().expect("a socket is used only through its Arc")
    }

    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_> {
        let mut core = Guard(self.core.lock());
        core.end_permits();
        core
    }

    /// For calls that may go the short way: what the last one found out holds, as nobody else has been here.
    #[inline]
    pub(crate) fn lock_for_short_way(&self) -> Guard<'_> {
        Guard(self.core.lock())
    }

    /// The same, for a caller that visits something.
    #[inline]
    pub(crate) fn lock_in(&self, visit: &Visit) -> Guard<'_> {
        Guard(self.core.lock_in(visit))
    }

    /// A whole message was sent. Only under the lock, so nobody else writes.
    #[inline]
    pub(crate) fn count_sent(&self) {
        self.sent.store(self.sent.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// In a burst, every so many messages, a sender looks whether they are being written.
    #[inline]
    pub(crate) fn is_time_to_look(&self) -> bool {
        self.sent.load(Ordering::Relaxed).is_multiple_of(LOOK_EVERY)
    }

    /// A caller wrote a full batch by itself, or wrote or read in a receive. Only under the lock.
    pub(crate) fn count_driven(&self) {
        self.driven.store(self.driven.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Relaxed: the numbers order nothing, and one that is a moment old leads to one more look.
    pub(crate) fn sent(&self) -> Sent {
        Sent { messages: self.sent.load(Ordering::Relaxed), driven: self.driven.load(Ordering::Relaxed) }
    }

    /// The I/O thread that flushes, ticks and leads for this socket.
    pub(crate) fn home_thread(&self) -> usize {
        self.id as usize
    }

    /// Whether callers of this type's receive may read the connections themselves. The others' incoming traffic is
    /// the engine's business (subscriptions, heartbeats), whoever calls what.
    pub(crate) fn is_caller_led(&self) -> bool {
        !matches!(
            self.socket_type,
            SocketType::Push | SocketType::Pub | SocketType::XPub | SocketType::Radio | SocketType::Scatter
        )
    }

    /// What the I/O thread is told of a connection's stream; of `room` only after a writer has met a full kernel.
    pub(crate) fn interest(&self, room: bool) -> Interest {
        match (self.is_caller_led(), room) {
            (true, false) => Interest::Quiet,
            (true, true) => Interest::Write,
            (false, false) => Interest::Read,
            (false, true) => Interest::Both,
        }
    }

    /// Which commands of peers are messages to this socket.
    pub(crate) fn deliver(&self) -> Deliver {
        match self.socket_type {
            SocketType::Pub | SocketType::XPub => Deliver::Subscriptions,
            SocketType::Radio => Deliver::Groups,
            _ => Deliver::MessagesOnly,
        }
    }

    /// Looks at the pipes that peers in this process have posted.
    #[inline]
    pub(crate) fn read_mail(&self, core: &mut Core) {
        if self.mailbox.has_mail() {
            self.read_mail_now(core);
        }
    }

    #[cold]
    fn read_mail_now(&self, core: &mut Core) {
        let mut mail = std::mem::take(&mut core.mail);
        self.mailbox.drain(&mut mail);
        for id in mail.drain(..) {
            let Some(pipe) = core.pipes.get(id) else { continue };
            let Link::Inproc(end) = &mut pipe.link else { continue };
            let gone = end.peer_closed();
            if gone && let Some(farewell) = pipe.farewell.take() {
                end.append(farewell);
            }
            if end.has_message() {
                core.pattern.readable(&mut core.pipes, id);
            }
            if core.pipes.get(id).is_some_and(|p| p.has_room()) {
                core.pattern.writable(&mut core.pipes, id);
            }
            if gone {
                core.end_pipe(id);
            }
        }
        core.mail = mail;
        self.settle(core);
    }

    /// Carries out what patterns and readers have left to do: pipes to close, pipes that are used up.
    #[inline]
    pub(crate) fn settle(&self, core: &mut Core) {
        if !core.pipes.closing.is_empty() || !core.pipes.emptied.is_empty() {
            self.settle_now(core);
        }
    }

    #[cold]
    fn settle_now(&self, core: &mut Core) {
        while let Some(id) = core.pipes.closing.pop() {
            self.terminate_pipe(core, id, None);
        }
        while let Some(id) = core.pipes.emptied.pop() {
            let finished = core.pipes.get(id).is_some_and(|p| p.ended && !p.has_message())
                && !core.pattern.is_reading(id);
            if finished {
                self.discard_pipe(core, id);
            }
        }
    }

    /// Ends a pipe from this side: nothing more is read from it, and what is queued is sent for at most `linger`
    /// (`None`: the socket's own setting).
    pub(crate) fn terminate_pipe(&self, core: &mut Core, id: PipeId, linger: Option<Option<Duration>>) {
        let linger = linger.unwrap_or(core.options.linger);
        let Some(pipe) = core.pipes.get(id) else { return };
        match &mut pipe.link {
            Link::Inproc(_) => self.discard_pipe(core, id),
            Link::Wire(wire) if wire.orphan => self.discard_pipe(core, id),
            Link::Wire(wire) => {
                let session = wire.session;
                if !pipe.ended {
                    pipe.ended = true;
                    core.pattern.detach(&mut core.pipes, id);
                }
                self.context.post(session.thread, Job::Terminate { token: session.token, linger });
            }
        }
    }

    /// Takes a pipe out. Its session, if it has one, has let go of it.
    pub(crate) fn discard_pipe(&self, core: &mut Core, id: PipeId) {
        let Some(pipe) = core.pipes.get(id) else { return };
        if let Link::Inproc(end) = &mut pipe.link {
            end.close();
        }
        pipe.ended = true;
        core.pattern.detach(&mut core.pipes, id);
        core.pipes.remove(id);
        core.readable.retain(|p| *p != id);
        core.stopped.retain(|p| *p != id);
        core.bonds.retain(|b| !matches!(b.kind, BondKind::InprocConnected(p) if p == id));
        self.finish_if_done(core);
    }

    /// A closed socket without pipes and sessions is over.
    pub(crate) fn finish_if_done(&self, core: &mut Core) {
        if core.closed && core.pipes.is_empty() && core.sessions == 0 {
            self.context.socket_finished(self.id, &super::counts::totals(core));
        }
    }

    // ---- monitoring ----

    pub(crate) fn set_monitor(&self, sink: Option<MonitorSink>) {
        let mut monitor = self.monitor.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Release pairs with Acquire in `emit`; a late look at either value only shifts where monitoring begins.
        self.monitored.store(sink.is_some(), Ordering::Release);
        *monitor = sink;
    }

    /// Tells the monitor, if there is one, of what is no connection's. Not under the socket's lock.
    pub(crate) fn emit(&self, event: impl FnOnce() -> MonitorEvent) {
        self.emit_in(&self.span, event);
    }

    /// [`emit`](Shared::emit) of what befell the connection with this span.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
    pub(crate) fn emit_in(&self, span: &Span, event: impl FnOnce() -> MonitorEvent) {
        #[cfg(feature = "tracing")]
        let event = {
            let event = event();
            span.tell(self.id, self.socket_type, &event);
            || event
        };
        if self.monitored.load(Ordering::Acquire) {
            let sink = self.monitor.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            if let Some(sink) = sink {
                sink(event());
            }
        }
    }
}

impl Core {
    /// Nothing more comes in or goes out through this pipe; what has come in can still be taken.
    pub(crate) fn end_pipe(&mut self, id: PipeId) {
        let Some(pipe) = self.pipes.get(id) else { return };
        pipe.ended = true;
        if !pipe.has_message() {
            self.pipes.emptied.push(id);
        }
    }

    /// This listener has not been unbound.
    pub(crate) fn is_listening(&self, listener: SessionId) -> bool {
        self.bonds.iter().any(|bond| matches!(bond.kind, BondKind::Listener(session) if session == listener))
    }

    /// Puts a pipe on the list of those to be read.
    pub(crate) fn mark_readable(&mut self, id: PipeId) {
        if let Some(wire) = self.pipes.get(id).and_then(|p| p.wire()) {
            wire.reading.news(false);
            if !wire.listed {
                wire.listed = true;
                self.readable.push_back(id);
            }
        }
    }

    /// The end of this pipe's stream is near: a short read does not mean that there is nothing more to find.
    pub(crate) fn mark_hangup(&mut self, id: PipeId) {
        if let Some(wire) = self.pipes.get(id).and_then(|p| p.wire()) {
            wire.reading.news(true);
        }
    }

    /// The next pipe that may have bytes in the kernel.
    pub(crate) fn next_readable(&mut self) -> Option<PipeId> {
        while let Some(id) = self.readable.pop_front() {
            if let Some(wire) = self.pipes.get(id).and_then(|p| p.wire()) {
                wire.listed = false;
                if wire.reading.wants_reader() {
                    return Some(id);
                }
            }
        }
        None
    }

    /// Reading may go on where it had stopped at the high-water mark.
    pub(crate) fn resume_stopped(&mut self) {
        for id in std::mem::take(&mut self.stopped) {
            if let Some(wire) = self.pipes.get(id).and_then(|p| p.wire()) {
                wire.stopped = false;
            }
            self.mark_readable(id);
        }
    }

    /// Takes a pipe off the list of those with bytes to write: the one that waits longest.
    pub(crate) fn next_dirty(&mut self) -> Option<PipeId> {
        let id = self.pipes.dirty.pop_front()?;
        if let Some(wire) = self.pipes.get(id).and_then(|p| p.wire()) {
            wire.dirty = false;
        }
        Some(id)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("id", &self.id)
            .field("socket_type", &self.socket_type)
            .finish_non_exhaustive()
    }
}
