//! Heartbeats of one connection: PINGs in time, and the end of a connection on which nothing is heard.
//!
//! Any byte counts as life. While reading has stopped because the application takes nothing, silence is our own doing
//! and proves nothing.

use std::time::{Duration, Instant};

use netzmq_proto::command;

use super::io_thread::IoThread;
use super::job::Fault;
use super::session::Phase;
use super::timers::TimerKind;
use crate::deadline;

/// A connection's pulse.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    next_ping: Option<Instant>,
    silence: Option<Instant>,
    ttl: Option<Instant>,
    peer_ttl: Duration,
    /// The last PING with a time to live.
    ttl_from: Option<Instant>,
    /// Bytes received when last looked at, for each limit.
    seen_at_ping: u64,
    seen_at_ttl: u64,
}

impl IoThread {
    pub(crate) fn start_pulse(&mut self, token: u64, now: Instant) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        session.pulse = Pulse::default();
        let interval = session.options.heartbeat_interval;
        if interval.is_zero() || super::handshaking::is_raw(&session.shared, &session.options) {
            return;
        }
        let at = deadline::from(now, interval);
        session.pulse.next_ping = Some(at);
        self.timers.set(at, token, TimerKind::Ping);
    }

    /// A PING said for how long the peer wants to be believed alive.
    pub(crate) fn peer_ttl(&mut self, token: u64, ttl_tenths: u16) {
        let received = self.received(token).map_or(0, |(bytes, _)| bytes);
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let ttl = Duration::from_millis(u64::from(ttl_tenths) * 100);
        session.pulse.peer_ttl = ttl;
        session.pulse.seen_at_ttl = received;
        let now = Instant::now();
        session.pulse.ttl_from = Some(now);
        let at = deadline::from(now, ttl);
        // A timer that rings earlier is set right when it does: a storm of PINGs makes no heap of timers.
        if session.pulse.ttl.is_none_or(|set| at < set) {
            session.pulse.ttl = Some(at);
            self.timers.set(at, token, TimerKind::Ttl);
        }
    }

    pub(crate) fn pulse_timer(&mut self, at: Instant, token: u64, kind: TimerKind) {
        let Some((received, stopped)) = self.received(token) else { return };
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let Phase::Running(_) = session.phase else { return };
        let pulse = &mut session.pulse;
        let options = &session.options;
        match kind {
            TimerKind::Ping if pulse.next_ping == Some(at) => {
                let next = deadline::from(at.max(Instant::now()), options.heartbeat_interval);
                pulse.next_ping = Some(next);
                self.timers.set(next, token, TimerKind::Ping);
                if pulse.silence.is_none() {
                    pulse.seen_at_ping = received;
                    let timeout = options.heartbeat_timeout.unwrap_or(options.heartbeat_interval);
                    let limit = deadline::from(at, timeout);
                    pulse.silence = Some(limit);
                    self.timers.set(limit, token, TimerKind::Silence);
                }
                self.ping(token);
            }
            TimerKind::Silence if pulse.silence == Some(at) => {
                pulse.silence = None;
                if received == pulse.seen_at_ping && !stopped {
                    self.silent(token);
                }
            }
            TimerKind::Ttl if pulse.ttl == Some(at) => {
                pulse.ttl = None;
                let due = pulse.ttl_from.map_or(at, |from| deadline::from(from, pulse.peer_ttl));
                if due > at {
                    pulse.ttl = Some(due);
                    self.timers.set(due, token, TimerKind::Ttl);
                    return;
                }
                if received == pulse.seen_at_ttl && !stopped {
                    return self.silent(token);
                }
                pulse.seen_at_ttl = received;
                let next = at + pulse.peer_ttl;
                pulse.ttl = Some(next);
                self.timers.set(next, token, TimerKind::Ttl);
            }
            _ => {}
        }
    }

    fn ping(&mut self, token: u64) {
        let Some(session) = self.sessions.get(&token) else { return };
        let Some(id) = session.pipe else { return };
        if let Phase::Running(stream) = &session.phase
            && stream.ping()
        {
            return;
        }
        let tenths = (session.options.heartbeat_ttl.as_millis() / 100).min(u128::from(u16::MAX)) as u16;
        let mut frame = Vec::with_capacity(16);
        command::encode_ping(tenths, b"", &mut frame);
        let shared = session.shared.clone();
        let mut core = shared.lock();
        core.pipes.push_command(id, &frame);
        shared.flush(&mut core, id, 1);
        drop(core);
    }

    fn silent(&mut self, token: u64) {
        let Some(session) = self.sessions.get(&token) else { return };
        let Some(id) = session.pipe else { return };
        let shared = session.shared.clone();
        shared.fault(&mut shared.lock(), id, Fault::Silence);
    }

    /// Bytes received so far, and whether reading has stopped.
    fn received(&self, token: u64) -> Option<(u64, bool)> {
        let session = self.sessions.get(&token)?;
        let controls = match &session.phase {
            Phase::Running(stream) => stream.controls(),
            _ => 0,
        };
        let mut core = session.shared.lock();
        let wire = core.pipes.get(session.pipe?)?.wire()?;
        Some((wire.inbound.bytes_received() + controls, wire.stopped))
    }
}
