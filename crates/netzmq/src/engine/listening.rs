//! The engine's side of a bound endpoint: accepts, spreads the connections over the I/O threads, and pauses when the
//! system is out of descriptors instead of spinning.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::admission::Crowd;
use super::io_thread::IoThread;
use super::job::{Fault, Job};
use super::session::{Phase, Session};
use super::timers::TimerKind;
use crate::monitor::{EventKind, MonitorEvent};
use crate::options::SocketOptions;
use crate::pipe::SessionId;
use crate::socket::core::Shared;
use crate::transport::listener::Listener;
use crate::transport::poller::Interest;

/// After a failed accept (no descriptors, no memory) the listener rests so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections accepted before others have their turn. The listener is level-triggered: the rest reports again.
const ACCEPTS_PER_TURN: usize = 64;

/// The system's number for "too many users", under which monitors hear of a connection beyond `max_connections`.
const EUSERS: i32 = 87;

/// Turns of reading before an unbound connection ends: more than a high-water mark lets in.
const READS_MAX: usize = 1024;

pub(crate) struct Listening {
    shared: Arc<Shared>,
    listener: Listener,
    options: Arc<SocketOptions>,
    crowd: Arc<Crowd>,
}

impl IoThread {
    pub(crate) fn listen(
        &mut self,
        token: u64,
        shared: Arc<Shared>,
        listener: Listener,
        options: Arc<SocketOptions>,
    ) {
        let endpoint = listener.endpoint.clone();
        match self.handle.poller.add(&listener, token, Interest::Level) {
            Ok(()) => {
                shared.emit(|| {
                    MonitorEvent::new(EventKind::Listening, &endpoint, "").with_fd(&listener).incoming(true)
                });
                self.listeners.insert(token, Listening { shared, listener, options, crowd: Arc::default() });
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                shared.emit(|| MonitorEvent::new(EventKind::BindFailed(errno), &endpoint, "").incoming(true));
                self.session_over(&shared);
            }
        }
    }

    pub(crate) fn unlisten(&mut self, token: u64, done: &Sender<()>) {
        if let Some(listening) = self.listeners.remove(&token) {
            // It goes with its descriptor in any case.
            let _ = self.handle.poller.delete(&listening.listener);
            self.timers.forget(token);
            let Listening { shared, listener, .. } = listening;
            let endpoint = listener.endpoint.clone();
            let closed =
                MonitorEvent::new(EventKind::Closed, &endpoint, "").with_fd(&listener).incoming(true);
            drop(listener);
            shared.emit(|| closed);
            self.session_over(&shared);
        }
        // Nobody may be waiting for it.
        let _ = done.send(());
    }

    /// The endpoint at which this connection was accepted is gone, and so is the connection soon. What has arrived by now
    /// stays to be received (zmq_unbind(3)).
    pub(crate) fn unbound(&mut self, token: u64, linger: Option<Duration>, done: Sender<()>) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let Some(id) = session.pipe else { return self.terminate(token, linger) };
        let shared = session.shared.clone();
        let mut core = shared.lock();
        shared.flush(&mut core, id, 8);
        core.mark_readable(id);
        for _ in 0..READS_MAX {
            let wire = core.pipes.get(id).and_then(|p| p.wire());
            if !wire.is_some_and(|w| w.reading.wants_reader() && !w.stopped) {
                break;
            }
            shared.read(&mut core, id, true);
        }
        let Some(wire) = core.pipes.get(id).filter(|p| !p.ended).and_then(|p| p.wire()) else { return };
        if wire.writing.is_held() || wire.reading.is_held() {
            // A caller is at it, for as long as a call to the system takes.
            drop(core);
            return self.handle.post(Job::Unbound { token, linger, done });
        }
        if !wire.is_drained() {
            // One pipe can't both wait to be written and be over: what is to be sent goes first.
            return shared.terminate_pipe(&mut core, id, Some(linger));
        }
        wire.lose();
        wire.orphan = true;
        session.pipe = None;
        core.end_pipe(id);
        shared.settle(&mut core);
        drop(core);
        shared.mailbox.wake();
        self.terminate(token, linger);
    }

    pub(crate) fn accept(&mut self, token: u64) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listening) = self.listeners.get(&token) else { return };
            let shared = listening.shared.clone();
            let endpoint = listening.listener.endpoint.clone();
            match listening.listener.accept(&listening.options.tcp) {
                Ok(Some(stream)) => {
                    let options = listening.options.clone();
                    let Some(place) = listening.crowd.enter(options.limits.connections) else {
                        drop(stream);
                        let full = EventKind::AcceptFailed(EUSERS);
                        shared.emit(|| MonitorEvent::new(full, &endpoint, "").incoming(true));
                        continue;
                    };
                    shared.emit(|| {
                        MonitorEvent::new(EventKind::Accepted, &endpoint, &stream.peer_endpoint)
                            .with_fd(&stream)
                            .incoming(true)
                    });
                    let Some(context) = self.context.upgrade() else { return };
                    shared.lock().sessions += 1;
                    let thread = context.next_thread(options.affinity).unwrap_or(self.handle.index);
                    let via = SessionId { thread: self.handle.index, token };
                    if thread == self.handle.index {
                        let token = self.handle.new_token();
                        self.accepted(token, shared, stream, options, via, place);
                    } else if let Some(token) = context.new_token(thread) {
                        context.post(thread, Job::Accepted { token, shared, stream, options, via, place });
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    let errno = error.raw_os_error().unwrap_or(0);
                    // No message: it is no fault of the peer, and the next one may do better after a pause.
                    let _ = self.handle.poller.delete(&listening.listener);
                    self.timers.set(Instant::now() + ACCEPT_PAUSE, token, TimerKind::Accept);
                    shared.emit(|| {
                        MonitorEvent::new(EventKind::AcceptFailed(errno), &endpoint, "").incoming(true)
                    });
                    return;
                }
            }
        }
    }

    /// A newcomer's handshake begins. If that is one too many, the oldest that is still at it, of those that came over
    /// the same listener and live on this thread, makes room.
    pub(crate) fn make_room(&mut self, newcomer: u64) {
        let Some(session) = self.sessions.get(&newcomer) else { return };
        let max = session.options.limits.handshakes;
        if !session.place.as_ref().is_some_and(|place| place.is_crowded(max)) {
            return;
        }
        let via = session.via;
        let is_shaking = |session: &Session| {
            matches!(session.phase, Phase::Upgrading(_) | Phase::Shaking(_)) && session.via == via
        };
        let shaking = self.sessions.values().filter(|session| is_shaking(session));
        // Tokens are given out in order.
        if let Some(oldest) = shaking.map(|session| session.token).min() {
            self.handshake_failed(oldest, Fault::Crowded);
        }
    }

    pub(crate) fn resume_accept(&mut self, token: u64) {
        if let Some(listening) = self.listeners.get(&token)
            && self.handle.poller.add(&listening.listener, token, Interest::Level).is_err()
        {
            self.timers.set(Instant::now() + ACCEPT_PAUSE, token, TimerKind::Accept);
        }
    }
}
