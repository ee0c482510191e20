//! The life of one connection on its I/O thread: made or accepted, shaken hands with, kept, lost, made again.
//!
//! A connecting session keeps its pipe across connections (unless the socket is `immediate`); an accepted one lives
//! and dies with its stream. Once the handshake is done, bytes are moved by whoever holds the pipe's tokens; what
//! stays here is time (heartbeats, reconnects, lingering) and the end.

use std::collections::hash_map::Entry;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netzmq_proto::Handshake;

use super::admission::Place;
use super::backoff;
use super::handshaking::STOP_AFTER_DISCONNECT;
use super::io_thread::IoThread;
use super::job::{Fault, Job};
use super::target::Target;
use super::timers::TimerKind;
use super::upgrading::Upgrading;
use crate::deadline;
use crate::monitor::{CLOSED_BY_THIS_SIDE, EventKind, MonitorEvent};
use crate::options::SocketOptions;
use crate::patterns::PipeId;
use crate::pipe::SessionId;
use crate::socket::core::{BondKind, Shared};
use crate::spans::Span;
use crate::transport::poller::{Event, Interest};
use crate::transport::stream::{Moved, Stream};

/// One connection's affairs.
pub(crate) struct Session {
    pub(crate) token: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Arc<SocketOptions>,
    pub(crate) pipe: Option<PipeId>,
    /// The listener that accepted it, and its place there.
    pub(crate) via: Option<SessionId>,
    pub(crate) place: Option<Place>,
    pub(crate) target: Option<Target>,
    pub(crate) phase: Phase,
    /// Attempts and connections that failed in a row.
    pub(crate) failures: u32,
    /// The deadline that the phase timer means.
    pub(crate) phase_deadline: Option<Instant>,
    /// The session is to end: with what is queued sent, or at this time (`None`: whenever it is).
    ending: Option<Option<Instant>>,
    pub(crate) pulse: super::heartbeat::Pulse,
    /// The monitor knows that the last connection is lost.
    pub(crate) told: bool,
    pub(crate) span: Span,
}

pub(crate) enum Phase {
    /// Between attempts.
    Pausing,
    /// The resolver is asked.
    Resolving,
    /// TCP is connecting.
    Connecting(OwnedFd),
    /// A WebSocket is being made of it.
    Upgrading(Box<Upgrading>),
    Shaking(Box<Shaking>),
    Running(Arc<Stream>),
    /// Everything is sent: waiting for the peer to have it and close.
    Parting(Arc<Stream>),
}

/// A handshake under way.
pub(crate) struct Shaking {
    pub(crate) stream: Arc<Stream>,
    pub(crate) handshake: Handshake,
    /// Handshake bytes that the kernel had no room for.
    pub(crate) unsent: Vec<u8>,
    /// Bytes that came so far.
    pub(crate) received: usize,
    /// Bytes that came while the handshake takes none.
    pub(crate) rest: Vec<u8>,
    /// The question to a ZAP handler.
    pub(crate) zap: Option<crate::zap::ZapCall>,
}

/// How long a peer may take to close its side after everything was sent.
const PARTING: Duration = Duration::from_millis(500);

impl IoThread {
    // ---- beginning ----

    pub(crate) fn connect(
        &mut self,
        token: u64,
        shared: Arc<Shared>,
        pipe: Option<PipeId>,
        target: Target,
        options: Arc<SocketOptions>,
    ) {
        let span = shared.span.of_connection(&target.endpoint_text(), false);
        self.sessions.insert(token, Session::new(token, shared, options, pipe, Some(target), span));
        self.attempt(token);
    }

    pub(crate) fn accepted(
        &mut self,
        token: u64,
        shared: Arc<Shared>,
        stream: Stream,
        options: Arc<SocketOptions>,
        via: SessionId,
        place: Place,
    ) {
        let span = shared.span.of_connection(&stream.peer_endpoint, true);
        let mut session = Session::new(token, shared, options, None, None, span);
        session.via = Some(via);
        session.place = Some(place);
        self.sessions.insert(token, session);
        self.begin_handshake(token, stream);
    }

    /// Plans the next attempt, or gives up where none is wanted.
    pub(crate) fn retry(&mut self, token: u64) {
        let random = self.random();
        let Some(session) = self.sessions.get_mut(&token) else { return };
        session.failures = session.failures.saturating_add(1);
        session.phase = Phase::Pausing;
        let options = &session.options;
        let pause = backoff::pause(
            options.reconnect_interval,
            options.reconnect_interval_max,
            session.failures,
            random,
        );
        match pause {
            Some(pause) => {
                self.set_phase_deadline(token, pause);
                self.tell(token, EventKind::ConnectRetried(pause), None);
            }
            None => self.over(token),
        }
    }

    // ---- events and time ----

    pub(crate) fn session_event(&mut self, event: Event) {
        let Some(session) = self.sessions.get(&event.token) else { return };
        match &session.phase {
            Phase::Connecting(_) => self.connect_event(event.token),
            Phase::Upgrading(_) => self.upgrade(event.token, event.readable),
            Phase::Shaking(_) => self.shake(event.token, event.readable),
            Phase::Running(_) => self.traffic(event),
            Phase::Parting(_) => self.part(event.token),
            Phase::Pausing | Phase::Resolving => {}
        }
    }

    pub(crate) fn timer(&mut self, at: Instant, token: u64, kind: TimerKind) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        match kind {
            TimerKind::Phase if session.phase_deadline == Some(at) => {
                session.phase_deadline = None;
                match &session.phase {
                    Phase::Pausing => self.attempt(token),
                    Phase::Connecting(_) => {
                        let phase = std::mem::replace(&mut session.phase, Phase::Pausing);
                        let fd = if let Phase::Connecting(fd) = phase { Some(fd) } else { None };
                        self.attempt_failed(token, &io::ErrorKind::TimedOut.into(), fd);
                    }
                    Phase::Upgrading(_) | Phase::Shaking(_) => {
                        self.handshake_failed(token, Fault::Io(io::ErrorKind::TimedOut.into()))
                    }
                    Phase::Parting(_) => self.over(token),
                    Phase::Running(_) | Phase::Resolving => {}
                }
            }
            TimerKind::Linger if session.ending == Some(Some(at)) => self.over(token),
            TimerKind::Ping | TimerKind::Silence | TimerKind::Ttl => self.pulse_timer(at, token, kind),
            _ => {}
        }
    }

    pub(crate) fn set_phase_deadline(&mut self, token: u64, after: Duration) {
        if let Some(session) = self.sessions.get_mut(&token) {
            let at = deadline::after(after);
            session.phase_deadline = Some(at);
            self.timers.set(at, token, TimerKind::Phase);
        }
    }

    /// An established connection has bytes or room.
    fn traffic(&mut self, event: Event) {
        let Some(session) = self.sessions.get(&event.token) else { return };
        let Some(id) = session.pipe else { return };
        let shared = session.shared.clone();
        if event.writable
            && let Phase::Running(stream) = &session.phase
        {
            // Before the try that follows: who meets a full kernel after this asks again.
            let _ = self.handle.poller.modify(&**stream, event.token, shared.interest(false));
        }
        let mut core = shared.lock();
        if event.writable
            && let Some(wire) = core.pipes.get(id).and_then(|p| p.wire())
            && wire.writing.room()
        {
            shared.flush(&mut core, id, 8);
        }
        if event.readable && !shared.is_caller_led() {
            if event.hangup {
                core.mark_hangup(id);
            }
            core.mark_readable(id);
            let mut news = false;
            // Bounded: what is left is found again in the list, which the flush job works off.
            for _ in 0..8 {
                let Some(next) = core.next_readable() else { break };
                news |= shared.read(&mut core, next, true);
            }
            let more = !core.readable.is_empty();
            shared.flush_dirty(&mut core);
            if more {
                self.handle.post(Job::Readable { token: event.token });
            }
            drop(core);
            if news {
                shared.mailbox.wake();
            }
        } else {
            drop(core);
        }
        self.end_if_drained(event.token);
    }

    /// The rest of a turn of reading.
    pub(crate) fn readable_again(&mut self, token: u64) {
        match self.sessions.get(&token).map(|s| &s.phase) {
            Some(Phase::Running(_)) => {
                self.traffic(Event { token, readable: true, writable: false, hangup: false })
            }
            Some(Phase::Parting(_)) => self.part(token),
            Some(Phase::Upgrading(_)) => self.upgrade(token, true),
            Some(Phase::Shaking(_)) => self.shake(token, true),
            _ => {}
        }
    }

    // ---- the end ----

    /// A caller, or a heartbeat, found the connection dead (or a token came back to a dead or ending one).
    pub(crate) fn broken(&mut self, token: u64, fault: Fault) {
        let Some(session) = self.sessions.get(&token) else { return };
        let Phase::Running(stream) = &session.phase else { return };
        let stream = stream.clone();
        let Some(id) = session.pipe else { return };
        let shared = session.shared.clone();
        let mut core = shared.lock();
        let Some(wire) = core.pipes.get(id).and_then(|p| p.wire()) else { return };
        if !wire.broken {
            drop(core);
            return self.end_if_drained(token);
        }
        if wire.writing.is_held() || wire.reading.is_held() {
            // Whoever holds the token posts this again.
            drop(core);
            if !matches!(fault, Fault::Known) {
                self.tell(token, EventKind::Disconnected(fault.to_string()), Some(&stream));
                if let Some(session) = self.sessions.get_mut(&token) {
                    session.told = true;
                }
            }
            return;
        }
        if let Some(reactor) = &core.reactor {
            // Both go with the descriptor; taking them out now keeps stale events away.
            let _ = reactor.poller.delete(&*stream);
        }
        let _ = self.handle.poller.delete(&*stream);
        stream.shutdown();
        if !session.told {
            let text = fault.to_string();
            drop(core);
            self.tell(token, EventKind::Disconnected(text), Some(&stream));
            core = shared.lock();
        }
        let Some(pipe) = core.pipes.get(id) else { return };
        let ended = pipe.ended;
        let Some(wire) = pipe.wire() else { return };
        wire.lose();
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let news = match session.target {
            _ if ended => None,
            None => session.options.farewell_for(shared.socket_type),
            Some(_) => session.options.hiccup_for(shared.socket_type),
        };
        if let Some(news) = news {
            wire.inbound.append(news);
            let c = &mut *core;
            c.pattern.readable(&mut c.pipes, id);
        }
        session.pulse = super::heartbeat::Pulse::default();
        session.told = true;
        // An ending pipe is connected again only for what it still has to send; a pipe of an immediate socket goes with
        // its connection.
        let worth_keeping = if ended {
            core.pipes.get(id).and_then(|p| p.wire()).is_some_and(|w| !w.is_drained())
        } else {
            !session.options.immediate
        };
        let again = session.target.is_some()
            && session.options.reconnect_interval.is_some()
            && session.options.reconnect_stop & STOP_AFTER_DISCONNECT == 0
            && worth_keeping;
        if again {
            if !ended {
                let c = &mut *core;
                c.pattern.disconnected(&mut c.pipes, id);
            }
            shared.settle(&mut core);
            drop(core);
            shared.mailbox.wake();
            session.failures = 0;
            return self.retry(token);
        }
        let reconnect = session.target.is_some()
            && session.options.immediate
            && session.options.reconnect_stop & STOP_AFTER_DISCONNECT == 0
            && !ended;
        session.pipe = None;
        if ended {
            shared.discard_pipe(&mut core, id);
        } else {
            if let Some(wire) = core.pipes.get(id).and_then(|p| p.wire()) {
                wire.orphan = true;
            }
            core.end_pipe(id);
        }
        shared.settle(&mut core);
        drop(core);
        shared.mailbox.wake();
        if reconnect { self.retry(token) } else { self.over(token) }
    }

    /// The pipe is to go: once what is queued is sent, or after `linger`.
    pub(crate) fn terminate(&mut self, token: u64, linger: Option<Duration>) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let deadline = linger.map(deadline::after);
        session.ending = Some(deadline);
        if linger.is_some_and(|l| l.is_zero()) {
            return self.over(token);
        }
        if let Some(at) = deadline {
            self.timers.set(at, token, TimerKind::Linger);
        }
        if let Some(id) = session.pipe {
            let shared = session.shared.clone();
            shared.flush(&mut shared.lock(), id, 8);
        }
        self.end_if_drained(token);
    }

    /// Ends an ending session that has sent everything.
    pub(crate) fn end_if_drained(&mut self, token: u64) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        if session.ending.is_none() {
            return;
        }
        let drained = match session.pipe {
            None => true,
            Some(id) => match session.shared.lock().pipes.get(id).and_then(|p| p.wire()) {
                Some(wire) => wire.is_drained() && !wire.writing.is_held(),
                None => true,
            },
        };
        if !drained {
            return;
        }
        match &session.phase {
            Phase::Running(stream) if stream.is_connectionless() => self.over(token),
            Phase::Running(stream) => {
                // The peer shall have the last bytes before the descriptor closes: with unread input, closing would
                // reset the connection and take them away.
                let stream = stream.clone();
                let shared = session.shared.clone();
                if let Some(reactor) = shared.lock().reactor.clone() {
                    let _ = reactor.poller.delete(&*stream);
                }
                let linger = session.ending.flatten().map(|at| at.saturating_duration_since(Instant::now()));
                stream.shutdown_write();
                session.phase = Phase::Parting(stream.clone());
                if self.handle.poller.modify(&*stream, token, Interest::Both).is_err() {
                    return self.over(token);
                }
                self.set_phase_deadline(token, linger.map_or(PARTING, |l| l.min(PARTING)));
                self.part(token);
            }
            Phase::Parting(_) => {}
            _ => self.over(token),
        }
    }

    /// Reads and forgets until the peer has closed.
    fn part(&mut self, token: u64) {
        let Some(Session { phase: Phase::Parting(stream), .. }) = self.sessions.get(&token) else { return };
        let stream = stream.clone();
        let mut buffer = [0; 16 * 1024];
        for _ in 0..64 {
            match stream.read(&mut buffer) {
                Ok(Moved::Bytes(_)) => {}
                Ok(Moved::WouldBlock) => return,
                Ok(Moved::End) | Err(_) => return self.over(token),
            }
        }
        self.handle.post(Job::Readable { token });
    }

    /// The session is over: its pipe goes, and nothing of it stays.
    pub(crate) fn over(&mut self, token: u64) {
        let Entry::Occupied(entry) = self.sessions.entry(token) else { return };
        let session = entry.remove();
        self.timers.forget(token);
        let shared = session.shared.clone();
        let established = match &session.phase {
            Phase::Running(stream) | Phase::Parting(stream) => Some(stream.clone()),
            _ => None,
        };
        let mut core = shared.lock();
        if let Some(stream) = &established {
            if let Some(reactor) = &core.reactor {
                let _ = reactor.poller.delete(&**stream);
            }
            let _ = self.handle.poller.delete(&**stream);
            stream.shutdown();
        }
        if let Some(id) = session.pipe {
            if let Some(pipe) = core.pipes.get(id)
                && let Some(wire) = pipe.wire()
                && !wire.writing.is_held()
                && !wire.reading.is_held()
            {
                wire.lose();
            }
            shared.discard_pipe(&mut core, id);
        }
        core.bonds.retain(|b| !matches!(b.kind, BondKind::Connecter(s, _) | BondKind::Datagrams(s) if s.token == token && s.thread == self.handle.index));
        shared.settle(&mut core);
        drop(core);
        if let Some(stream) = &established
            && !session.told
        {
            let why = EventKind::Disconnected(CLOSED_BY_THIS_SIDE.into());
            shared.note(&why, true);
            shared.emit_in(&session.span, || {
                MonitorEvent::new(why, &stream.local_endpoint, &session.remote_text(Some(stream)))
                    .with_fd(&**stream)
                    .incoming(!session.is_connecter())
            });
        }
        shared.mailbox.wake();
        self.session_over(&shared);
    }

    /// One session or listener less for this socket.
    pub(crate) fn session_over(&mut self, shared: &Arc<Shared>) {
        let mut core = shared.lock();
        core.sessions = core.sessions.saturating_sub(1);
        shared.finish_if_done(&mut core);
    }

    /// Tells the socket's monitor.
    pub(crate) fn tell(&self, token: u64, kind: EventKind, stream: Option<&Stream>) {
        self.tell_with(token, kind, stream, 0);
    }

    /// [`tell`](IoThread::tell) with the system's error number.
    pub(crate) fn tell_with(&self, token: u64, kind: EventKind, stream: Option<&Stream>, errno: i32) {
        if let Some(session) = self.sessions.get(&token) {
            session.shared.note(&kind, matches!(session.phase, Phase::Running(_)));
            session.shared.emit_in(&session.span, || {
                let local = stream.map_or("", |s| &s.local_endpoint);
                let event = MonitorEvent::new(kind, local, &session.remote_text(stream));
                let mut event = event.incoming(!session.is_connecter());
                event.errno = errno;
                match stream {
                    Some(stream) => event.with_fd(stream),
                    None => event,
                }
            });
        }
    }
}

impl Session {
    pub(crate) fn new(
        token: u64,
        shared: Arc<Shared>,
        options: Arc<SocketOptions>,
        pipe: Option<PipeId>,
        target: Option<Target>,
        span: Span,
    ) -> Session {
        Session {
            span,
            token,
            shared,
            options,
            pipe,
            via: None,
            place: None,
            target,
            phase: Phase::Pausing,
            failures: 0,
            phase_deadline: None,
            ending: None,
            pulse: super::heartbeat::Pulse::default(),
            told: false,
        }
    }

    /// This side connected.
    pub(crate) fn is_connecter(&self) -> bool {
        self.target.is_some()
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    pub(crate) fn reset_failures(&mut self) {
        self.failures = 0;
    }

    /// The peer's endpoint: the one that was connected to, or the one that the peer connects from.
    pub(crate) fn remote_text(&self, stream: Option<&Stream>) -> String {
        match (&self.target, stream) {
            (Some(target), _) => target.endpoint_text(),
            (None, Some(stream)) => stream.peer_endpoint.clone(),
            (None, None) => String::new(),
        }
    }
}
