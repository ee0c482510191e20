//! How a caller waits: in the lead, reading its own connections, or behind somebody who leads.
//!
//! A caller that must wait for a message becomes its socket's reader: no other thread has to be woken for a message to
//! arrive. It spins for a moment if that has paid lately, then sits in the socket's reactor, from which peers in the
//! same process and the I/O thread kick it out. When it leaves with its message nobody leads; the I/O thread looks
//! every few milliseconds and takes over a socket that its callers have stopped driving. The lead is taken back by the
//! next caller that has to wait, at any time: only who reads changes, never where the bytes are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::core::{Core, Guard, KICK_TOKEN, Lead, Reactor, Shared};
use crate::engine::job::Job;
use crate::patterns::PipeId;
use crate::pipe::mailbox::Ticket;
use crate::sync::Wake;
use crate::transport::poller::{EVENTS_PER_WAIT, Event};

/// Longer spinning is not worth the CPU it takes.
const SPIN: Duration = Duration::from_micros(20);

/// A wait shorter than this was none: the message lay in the kernel.
const AT_ONCE: Duration = Duration::from_micros(3);

/// A spinner reads the clock once in so many looks at its mailbox.
const LOOKS_PER_CLOCK: u32 = 8;

/// After so many spins in vain in a row, one wait in 2^8 tries again.
const SPIN_FAILURES_MAX: u32 = 8;

/// Whether the time was up.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Woken {
    Maybe,
    TimedOut,
    /// A signal handler has run, and the socket's user wants to know.
    Interrupted,
}

impl Core {
    /// What a signal makes of a wait.
    fn interrupted(&self) -> Woken {
        if self.interruptible { Woken::Interrupted } else { Woken::Maybe }
    }

    /// Whether this wait begins with spinning.
    fn may_spin(&mut self) -> bool {
        if self.spin_rest > 0 {
            self.spin_rest -= 1;
            return false;
        }
        // On one core a spinner only keeps its peer from running.
        self.spin_pays && cores() > 1
    }

    /// How it went: who spins in vain rests the longer.
    fn note_spin(&mut self, met: bool) {
        if met {
            self.spin_failures = 0;
        } else {
            self.spin_failures = (self.spin_failures + 1).min(SPIN_FAILURES_MAX);
            self.spin_rest = 1 << self.spin_failures;
        }
    }
}

impl Shared {
    /// Waits until there may be a message. To be called when a look under the lock has found none; look again after.
    pub(crate) fn wait_message(&self, core: &mut Guard<'_>, deadline: Option<Instant>) -> Woken {
        let Some(ticket) = self.mailbox.ticket() else { return Woken::Maybe };
        let can_lead = core.reactor.is_some() && core.watchers == 0 && core.lead != Lead::Caller;
        if can_lead {
            self.wait_leading(core, ticket, deadline)
        } else {
            self.wait_behind(core, ticket, deadline)
        }
    }

    /// Waits until there may be room to send.
    pub(crate) fn wait_room(&self, core: &mut Guard<'_>, deadline: Option<Instant>) -> Woken {
        let Some(ticket) = self.mailbox.ticket() else { return Woken::Maybe };
        self.wait_behind(core, ticket, deadline)
    }

    fn wait_behind(&self, core: &mut Guard<'_>, ticket: Ticket, deadline: Option<Instant>) -> Woken {
        if passed(deadline) {
            return Woken::TimedOut;
        }
        // Without connections all news is of peers in this process, and comes by the mailbox.
        let spins = core.reactor.is_none() && core.followers == 0;
        if spins && core.may_spin() {
            let met = core.unlocked(|| self.spin_for_mail(ticket));
            core.note_spin(met);
            if met {
                return Woken::Maybe;
            }
        }
        let began = Instant::now();
        core.followers += 1;
        let wake = core.unlocked(|| self.mailbox.sleep(ticket, deadline));
        core.followers -= 1;
        if spins {
            core.spin_pays = began.elapsed() < SPIN + SPIN / 4;
        }
        if wake == Wake::Signal { core.interrupted() } else { Woken::Maybe }
    }

    fn wait_leading(&self, core: &mut Guard<'_>, ticket: Ticket, deadline: Option<Instant>) -> Woken {
        if passed(deadline) {
            return Woken::TimedOut;
        }
        let Some(reactor) = core.reactor.clone() else { return Woken::Maybe };
        if core.lead == Lead::IoThread {
            self.context.unlead(self.home_thread(), &reactor);
        }
        core.lead = Lead::Caller;
        let woken = self.wait_in_reactor(core, &reactor, ticket, deadline);
        self.leave_lead(core);
        woken
    }

    /// The wait itself. Only who has the lead may be in here: a kick wakes one.
    fn wait_in_reactor(
        &self,
        core: &mut Guard<'_>,
        reactor: &Arc<Reactor>,
        ticket: Ticket,
        deadline: Option<Instant>,
    ) -> Woken {
        let rests = core.spin_rest > 0;
        if core.may_spin()
            && let Some(place) = SpinPlace::take()
        {
            let met = self.spin(core, ticket);
            drop(place);
            core.note_spin(met);
            if met {
                return Woken::Maybe;
            }
        } else if rests && core.read_pays && self.try_read(core) {
            return Woken::Maybe;
        }
        if !core.readable.is_empty() || !self.mailbox.leader_sleeps(ticket, reactor.clone()) {
            return Woken::Maybe;
        }
        let began = Instant::now();
        let mut ready = Ready::new();
        let signalled = core.unlocked(|| {
            let timeout = deadline.map(|d| d.saturating_duration_since(began));
            // A poller that fails otherwise has nothing to report; the deadline and the kicks still hold.
            let result = reactor.poller.wait(timeout, |event| ready.add(event));
            result.is_err_and(|error| error.kind() == std::io::ErrorKind::Interrupted)
        });
        self.mailbox.leader_woke();
        if ready.kicked {
            reactor.kick.drain();
        }
        let took = began.elapsed();
        core.spin_pays = took < SPIN + SPIN / 4;
        core.read_pays = took < AT_ONCE && core.pipes.len() == 1;
        ready.mark(core);
        if signalled { core.interrupted() } else { Woken::Maybe }
    }

    /// Reads the only connection without asking first whether there is anything. What is read here is no news to the
    /// reactor, which costs one look in vain later on.
    fn try_read(&self, core: &mut Guard<'_>) -> bool {
        let Some(id) = core.last_read else { return false };
        core.read_pays = self.read(core, id, false);
        core.read_pays || !core.readable.is_empty() || !core.pipes.dirty.is_empty()
    }

    /// Tries the likeliest connection over and over for a moment.
    fn spin(&self, core: &mut Guard<'_>, ticket: Ticket) -> bool {
        let Some(id) = core.last_read else { return false };
        let until = Instant::now() + SPIN;
        loop {
            let has_messages = self.read(core, id, false);
            // Bytes that are known to be there are reported by no poller again: they must be read before any sleep. And
            // what the read itself has queued (a PONG) must be written before one.
            let has_work = !core.readable.is_empty() || !core.pipes.dirty.is_empty();
            if has_messages || has_work || self.mailbox.moved_on(ticket) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            std::hint::spin_loop();
        }
    }

    /// Looks at the mailbox over and over for a moment.
    fn spin_for_mail(&self, ticket: Ticket) -> bool {
        let until = Instant::now() + SPIN;
        loop {
            for _ in 0..LOOKS_PER_CLOCK {
                if self.mailbox.moved_on(ticket) {
                    return true;
                }
                std::hint::spin_loop();
            }
            if Instant::now() >= until {
                return false;
            }
        }
    }

    /// The caller is done: somebody else may lead.
    #[inline]
    pub(crate) fn leave_lead(&self, core: &mut Core) {
        core.lead = Lead::Nobody;
        core.epoch = core.epoch.wrapping_add(1);
        if core.followers > 0 {
            self.mailbox.wake();
        }
        if !core.ticking {
            core.ticking = true;
            self.context.post(self.home_thread(), Job::Tick { shared: self.arc() });
        }
    }

    /// Asks the reactor, without waiting, which connections have bytes.
    pub(crate) fn poll_now(&self, core: &mut Core) {
        core.since_poll = 0;
        let Some(reactor) = core.reactor.clone() else { return };
        let mut ready = Ready::new();
        // As above: no report is no news.
        let _ = reactor.poller.wait(Some(Duration::ZERO), |event| ready.add(event));
        if ready.kicked {
            reactor.kick.drain();
        }
        ready.mark(core);
    }
}

/// What a wait in a reactor reported: on the stack, since there is one in every wait.
pub(crate) struct Ready {
    /// Which pipe, and whether its peer has hung up.
    pipes: [(PipeId, bool); EVENTS_PER_WAIT],
    count: usize,
    pub(crate) kicked: bool,
}

impl Ready {
    pub(crate) fn new() -> Ready {
        Ready { pipes: [(PipeId(0), false); EVENTS_PER_WAIT], count: 0, kicked: false }
    }

    pub(crate) fn add(&mut self, event: Event) {
        if event.token == KICK_TOKEN {
            self.kicked = true;
        } else if let Some(place) = self.pipes.get_mut(self.count) {
            *place = (PipeId(event.token as u32), event.hangup);
            self.count += 1;
        }
    }

    pub(crate) fn mark(&self, core: &mut Core) {
        for &(id, hangup) in self.pipes.iter().take(self.count) {
            if hangup {
                core.mark_hangup(id);
            }
            core.mark_readable(id);
        }
    }
}

fn passed(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|d| Instant::now() >= d)
}

/// Cores of this machine, as far as this process may use them.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The right to spin at a connection: no more callers than there are cores, or they would keep their own peers from running.
struct SpinPlace;

/// How many spin. Relaxed: it guards nothing, and a place too many for a moment costs some µs.
static SPINNERS: AtomicUsize = AtomicUsize::new(0);

impl SpinPlace {
    fn take() -> Option<SpinPlace> {
        let others = SPINNERS.fetch_add(1, Ordering::Relaxed);
        // Gives it back at once if there was none.
        let taken = SpinPlace;
        (others < cores()).then_some(taken)
    }
}

impl Drop for SpinPlace {
    fn drop(&mut self) {
        SPINNERS.fetch_sub(1, Ordering::Relaxed);
    }
}
