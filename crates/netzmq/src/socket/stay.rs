//! Waiting for sockets outside their own calls: how `zmq_poll` waits without another thread's help.
//!
//! For one socket that is a receive's wait without the receive ([`Shared::wait_ready`]). For several, and for
//! descriptors beside them, the caller takes the lead of each socket in turn (a [`Stay`]) and waits for their reactors
//! together, by whatever means it has: a reactor is a descriptor that is readable when its socket wants looking at. So a
//! loop of poll and receive stays on one thread, and leaves nothing behind for the I/O thread to wake somebody with.
//!
//! Invariant: a stay holds the lead, and has taken it in the same turn of the lock in which the socket was found not
//! ready; whatever changes after that is reported by the reactor.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::core::{Core, Guard, Lead, Reactor, Shared};
use super::wait::{Ready, Woken};
use crate::error::RecvError;
use crate::poller::Interest;

/// A socket's lead, held for a wait. Dropping it gives the lead back.
#[derive(Debug)]
pub struct Stay<'a> {
    shared: &'a Shared,
    reactor: Arc<Reactor>,
    reported: bool,
}

/// How it went to begin one.
#[derive(Debug)]
pub enum Entered<'a> {
    /// Wait for its descriptor.
    Stay(Stay<'a>),
    /// The socket is ready, or wants looking at.
    LookAgain,
    /// Somebody else leads: be told by them.
    Refused,
}

/// Whether a look at a socket asks the kernel for news, when what is wanted is not known to be there.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What is known is enough.
    No,
    /// Unless that was done within the last 20 µs: for who has found something else already, and looks on.
    NotAgain,
    /// It does.
    Yes,
}

/// What [`Ask::NotAgain`] calls the last. Asking takes half a microsecond, and is in vain for most of the sockets that are waited for together.
const LATELY: Duration = Duration::from_micros(20);

impl Shared {
    /// Whether something can be received, and sent, without waiting, as far as is known.
    pub(crate) fn look(&self, core: &mut Guard<'_>) -> (bool, bool) {
        if let Some(signal) = &core.signal {
            signal.lower();
        }
        self.read_mail(core);
        if core.closed || core.terminated {
            return (false, false);
        }
        core.resume_stopped();
        let can_recv = loop {
            let c = &mut **core;
            if c.pattern.can_recv(&mut c.pipes) {
                break true;
            }
            let Some(id) = core.next_readable() else { break false };
            core.last_read = Some(id);
            let news = self.read(core, id, false);
            self.share(core, news);
        };
        let c = &mut **core;
        let can_send = c.pattern.can_send(&mut c.pipes);
        self.settle(core);
        (can_recv, can_send)
    }

    /// The same for a caller who wants one of the two. If neither can be done as it is, the kernel may have news, what the
    /// peers answer may lie here unwritten, and room may be only a write away. (Whoever finds what he wants goes on, and what
    /// he has sent is gathered with what follows.)
    fn look_for(&self, core: &mut Guard<'_>, wanted: Interest, ask: Ask) -> (bool, bool) {
        let ready = self.look(core);
        if wanted.is_met_by(ready) || core.closed || core.terminated {
            return ready;
        }
        let asks = match ask {
            Ask::No => false,
            Ask::NotAgain => core.asked_at.is_none_or(|at| at.elapsed() > LATELY),
            Ask::Yes => true,
        };
        let asks = asks && core.lead == Lead::Nobody && core.reactor.is_some();
        if asks {
            self.poll_now(core);
            core.asked_at = Some(Instant::now());
        } else if core.pipes.dirty.is_empty() {
            return ready;
        }
        self.flush_dirty(core);
        self.look(core)
    }

    /// Whether something can be received, and sent, without waiting, for a caller who wants one of the two.
    pub(crate) fn events(&self, wanted: Interest, ask: Ask) -> (bool, bool) {
        self.look_for(&mut self.lock(), wanted, ask)
    }

    /// Waits until one of the two can be done; says what can. Neither: the time is over.
    pub(crate) fn wait_ready(
        &self,
        interest: Interest,
        deadline: Option<Instant>,
    ) -> Result<(bool, bool), RecvError> {
        let mut core = self.lock();
        // Not asked at first: the wait asks anyway.
        let mut woken = Woken::Maybe;
        loop {
            let last = woken == Woken::TimedOut || deadline.is_some_and(|at| at <= Instant::now());
            let ask = if last { Ask::Yes } else { Ask::No };
            let ready = self.look_for(&mut core, interest, ask);
            if core.terminated {
                core.end_told = true;
                return Err(RecvError::Terminated);
            }
            if core.closed {
                return Err(RecvError::Closed);
            }
            let wanted = (ready.0 && interest.readable, ready.1 && interest.writable);
            if wanted.0 || wanted.1 || last {
                return Ok(wanted);
            }
            if woken == Woken::Interrupted {
                return Err(RecvError::Interrupted);
            }
            if is_unwritten(&core) {
                continue;
            }
            core.last_send = None;
            // Who does not want to receive must not read.
            woken = if interest.readable {
                self.wait_message(&mut core, deadline)
            } else {
                self.wait_room(&mut core, deadline)
            };
        }
    }

    /// Takes the lead for a wait, if the socket is not ready and nobody else leads it.
    pub(crate) fn stay(&self, interest: Interest) -> Entered<'_> {
        let mut core = self.lock();
        let ready = self.look_for(&mut core, interest, Ask::No);
        let unread = interest.readable && !core.readable.is_empty();
        if interest.is_met_by(ready) || unread || core.terminated || core.closed || is_unwritten(&core) {
            return Entered::LookAgain;
        }
        if core.watchers > 0 || core.lead == Lead::Caller {
            return Entered::Refused;
        }
        let reactor = match &core.reactor {
            Some(reactor) => reactor.clone(),
            // Without connections: for the kick in it.
            None => match Reactor::new() {
                Ok(reactor) => core.reactor.insert(Arc::new(reactor)).clone(),
                Err(_) => return Entered::Refused,
            },
        };
        let Some(ticket) = self.mailbox.ticket() else { return Entered::LookAgain };
        if !self.mailbox.leader_sleeps(ticket, reactor.clone()) {
            return Entered::LookAgain;
        }
        if core.lead == Lead::IoThread {
            self.context.unlead(self.home_thread(), &reactor);
        }
        core.lead = Lead::Caller;
        core.last_send = None;
        drop(core);
        Entered::Stay(Stay { shared: self, reactor, reported: true })
    }
}

/// How a wait for several sockets ended.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Look at them again.
    Maybe,
    /// A signal handler has run.
    Interrupted,
    /// Somebody else leads one of them: be told by them.
    Refused,
}

/// At most so many are waited for together.
pub(crate) const STAYS_MAX: usize = 3;

/// Waits, for as long as it takes, until what is wanted of one of these sockets may be had. To be called when a look has found
/// nothing; look again after.
pub(crate) fn wait_any(sockets: &[(&Arc<Shared>, Interest)]) -> Waited {
    let mut stays: [Option<Stay<'_>>; STAYS_MAX] = [const { None }; STAYS_MAX];
    for (place, (shared, interest)) in stays.iter_mut().zip(sockets) {
        match shared.stay(*interest) {
            Entered::Stay(stay) => *place = Some(stay),
            Entered::LookAgain => return Waited::Maybe,
            Entered::Refused => return Waited::Refused,
        }
    }
    let reactors = stays.each_ref().map(|stay| stay.as_ref().map(|stay| stay.reactor.clone()));
    let mut fds: Vec<PollFd<'_>> =
        reactors.iter().flatten().map(|reactor| PollFd::new(&reactor.poller, PollFlags::IN)).collect();
    // A wait that fails otherwise reports nothing; the looks after it ask.
    let result = rustix::event::poll(&mut fds, None);
    for (stay, fd) in stays.iter_mut().flatten().zip(&fds) {
        if result.is_ok() && fd.revents().is_empty() {
            stay.nothing_reported();
        }
    }
    if result == Err(rustix::io::Errno::INTR) { Waited::Interrupted } else { Waited::Maybe }
}

/// What was sent, and still lies here, may be what the answer waits for.
fn is_unwritten(core: &Core) -> bool {
    !core.pipes.dirty.is_empty()
}

impl Stay<'_> {
    /// Says that the descriptor was not readable, so that nobody has to ask again.
    pub fn nothing_reported(&mut self) {
        self.reported = false;
    }
}

impl AsFd for Stay<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reactor.poller.as_fd()
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        let mut ready = Ready::new();
        if self.reported {
            // No report is no news.
            let _ = self.reactor.poller.wait(Some(Duration::ZERO), |event| ready.add(event));
        }
        let mut core = self.shared.lock();
        self.shared.mailbox.leader_woke();
        if ready.kicked {
            self.reactor.kick.drain();
        }
        ready.mark(&mut core);
        self.shared.leave_lead(&mut core);
    }
}
