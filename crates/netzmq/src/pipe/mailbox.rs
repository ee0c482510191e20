//! How a socket is told that something happened, and how those who wait for it sleep.
//!
//! A leaf: its lock is taken last and nothing else is locked under it. Peers in the same process post the name of a
//! pipe that wants looking at; whoever changes the socket's state under the socket's own lock calls `wake`.
//!
//! Why no wake-up is lost: a waiter looks at the socket under the socket's lock and takes a `ticket` before it lets
//! go. A change made under the socket's lock comes either before that look (then it is seen) or after it, and then the
//! `wake` that follows moves the sequence past the ticket. A post of a peer, which does not hold the socket's lock, is
//! refused a ticket if it came before, and moves the sequence if it came after. Nobody sleeps on an old ticket.
//!
//! Waking costs a system call only if somebody sleeps: a condition variable for threads that just wait, a kick for the
//! one that sits in a poller, a `Waker` for tasks.

use std::task::Waker;
use std::time::Instant;

use crate::patterns::PipeId;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, SleepQueue, Wake, lock};

/// Something that can be told to look again: a kick in a poller, a many-socket poller's ready list.
pub(crate) trait Alarm: Send + Sync {
    fn ring(&self);
}

/// A moment in the mailbox's life: a sleep ends when something has happened since.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// See the module's text.
pub(crate) struct Mailbox {
    /// There are notices. A hint that spares the lock: Release in `post` pairs with Acquire in `has_mail`.
    flag: AtomicBool,
    /// How often something has happened. Written under `inner` alone; a spinner reads it without: Release in `rouse` pairs
    /// with Acquire in `moved_on`.
    sequence: AtomicU64,
    inner: Mutex<Inner>,
    queue: SleepQueue,
}

#[derive(Default)]
struct Inner {
    notices: Vec<PipeId>,
    sleepers: usize,
    /// The thread that sits in the socket's poller, if one does.
    leader: Option<Arc<dyn Alarm>>,
    wakers: Vec<Waker>,
    /// Those who want to know of everything, always: `ZMQ_FD`, pollers.
    watchers: Vec<(u64, Arc<dyn Alarm>)>,
}

impl Mailbox {
    pub(crate) fn new() -> Mailbox {
        Mailbox {
            flag: AtomicBool::new(false),
            sequence: AtomicU64::new(0),
            inner: Mutex::new(Inner::default()),
            queue: SleepQueue::new(),
        }
    }

    /// Says that `pipe` wants looking at, and wakes whoever waits.
    pub(crate) fn post(&self, pipe: PipeId) {
        let mut inner = lock(&self.inner);
        if !inner.notices.contains(&pipe) {
            inner.notices.push(pipe);
        }
        self.flag.store(true, Ordering::Release);
        self.rouse(inner);
    }

    /// Wakes whoever waits: the socket's state has changed.
    pub(crate) fn wake(&self) {
        self.rouse(lock(&self.inner));
    }

    fn rouse(&self, mut inner: crate::sync::MutexGuard<'_, Inner>) {
        self.sequence.store(self.happenings() + 1, Ordering::Release);
        let sleepers = inner.sleepers > 0;
        let leader = inner.leader.take();
        if inner.wakers.is_empty() && inner.watchers.is_empty() {
            drop(inner);
        } else {
            let wakers = std::mem::take(&mut inner.wakers);
            let watchers: Vec<_> = inner.watchers.iter().map(|(_, alarm)| alarm.clone()).collect();
            drop(inner);
            wakers.into_iter().for_each(Waker::wake);
            watchers.iter().for_each(|alarm| alarm.ring());
        }
        // Not under the lock: whoever wakes would only run into it (measured: three context switches for one). A
        // sleeper that comes in between has seen the new sequence and does not wait.
        if sleepers {
            self.queue.notify_all();
        }
        if let Some(leader) = leader {
            leader.ring();
        }
    }

    /// Exact under the lock.
    fn happenings(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }

    /// There may be notices: one plain load.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// Takes the notices.
    pub(crate) fn drain(&self, into: &mut Vec<PipeId>) {
        let mut inner = lock(&self.inner);
        self.flag.store(false, Ordering::Release);
        into.append(&mut inner.notices);
    }

    /// To be called under the socket's lock after a look that found nothing. `None`: look again, there is mail.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        let inner = lock(&self.inner);
        inner.notices.is_empty().then_some(Ticket(self.happenings()))
    }

    /// Sleeps until something happens after the ticket, a signal handler has run, or until the deadline. Not under the
    /// socket's lock.
    pub(crate) fn sleep(&self, ticket: Ticket, deadline: Option<Instant>) -> Wake {
        let mut inner = lock(&self.inner);
        inner.sleepers += 1;
        let mut wake = Wake::Maybe;
        while self.happenings() == ticket.0 && wake == Wake::Maybe {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            (inner, wake) = self.queue.wait(&self.inner, inner, left);
        }
        inner.sleepers -= 1;
        wake
    }

    /// Registers the thread that is about to wait in the socket's poller. `false`: don't, something has happened.
    pub(crate) fn leader_sleeps(&self, ticket: Ticket, alarm: Arc<dyn Alarm>) -> bool {
        let mut inner = lock(&self.inner);
        if self.happenings() != ticket.0 {
            return false;
        }
        inner.leader = Some(alarm);
        true
    }

    /// The leader is awake: kicks would be wasted on it. Says whether it may have been kicked.
    pub(crate) fn leader_woke(&self) -> bool {
        lock(&self.inner).leader.take().is_none()
    }

    /// Something has happened since the ticket: one plain load.
    #[inline]
    pub(crate) fn moved_on(&self, ticket: Ticket) -> bool {
        self.sequence.load(Ordering::Acquire) != ticket.0
    }

    /// Wakes this task with the next happening. `false`: don't wait, something has happened since the ticket.
    pub(crate) fn register(&self, ticket: Ticket, waker: &Waker) -> bool {
        let mut inner = lock(&self.inner);
        if self.happenings() != ticket.0 {
            return false;
        }
        if !inner.wakers.iter().any(|w| w.will_wake(waker)) {
            inner.wakers.push(waker.clone());
        }
        true
    }

    /// Rings `alarm` at every happening, until `unwatch`.
    pub(crate) fn watch(&self, key: u64, alarm: Arc<dyn Alarm>) {
        lock(&self.inner).watchers.push((key, alarm));
    }

    pub(crate) fn unwatch(&self, key: u64) {
        lock(&self.inner).watchers.retain(|(k, _)| *k != key);
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

/// Goal: nobody sleeps on after something has happened. Each model ends only if every sleeper wakes.
#[cfg(all(test, netzmq_loom))]
mod loom_tests {
    use loom::thread;

    use super::*;
    use crate::sync::{Bell, model};

    impl Alarm for Bell {
        fn ring(&self) {
            Bell::ring(self);
        }
    }

    struct Task(Arc<Bell>);

    impl std::task::Wake for Task {
        fn wake(self: Arc<Task>) {
            self.0.ring();
        }
    }

    /// What the socket's lock protects.
    type State = Arc<Mutex<u32>>;

    /// As a caller waits behind a leader: look under the lock, take a ticket, sleep without the lock.
    fn follow(mailbox: &Mailbox, state: &State, until: u32) {
        loop {
            let core = lock(state);
            if *core >= until {
                return;
            }
            let Some(ticket) = mailbox.ticket() else {
                mailbox.drain(&mut Vec::new());
                continue;
            };
            drop(core);
            mailbox.sleep(ticket, None);
        }
    }

    /// As a caller in the lead waits: in the poller, out of which it is rung.
    fn lead(mailbox: &Mailbox, state: &State, bell: &Arc<Bell>, until: u32) {
        loop {
            let core = lock(state);
            if *core >= until {
                return;
            }
            let Some(ticket) = mailbox.ticket() else {
                mailbox.drain(&mut Vec::new());
                continue;
            };
            if !mailbox.leader_sleeps(ticket, bell.clone()) {
                continue;
            }
            drop(core);
            bell.wait();
            let _core = lock(state);
            mailbox.leader_woke();
            bell.drain();
        }
    }

    fn change(mailbox: &Mailbox, state: &State) {
        *lock(state) += 1;
        mailbox.wake();
    }

    #[test]
    fn loom_a_sleeper_hears_of_every_change() {
        model(3, || {
            let (mailbox, state) = (Arc::new(Mailbox::new()), State::default());
            let (m, s) = (mailbox.clone(), state.clone());
            let changer = thread::spawn(move || {
                change(&m, &s);
                change(&m, &s);
            });
            follow(&mailbox, &state, 2);
            changer.join().unwrap();
        });
    }

    #[test]
    fn loom_a_leader_hears_of_every_change() {
        model(3, || {
            let (mailbox, state) = (Arc::new(Mailbox::new()), State::default());
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (m, s) = (mailbox.clone(), state.clone());
                    thread::spawn(move || change(&m, &s))
                })
                .collect();
            lead(&mailbox, &state, &Arc::new(Bell::default()), 2);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    #[test]
    fn loom_one_change_wakes_leader_and_follower() {
        model(3, || {
            let (mailbox, state) = (Arc::new(Mailbox::new()), State::default());
            let (m, s) = (mailbox.clone(), state.clone());
            let follower = thread::spawn(move || follow(&m, &s, 1));
            let (m, s) = (mailbox.clone(), state.clone());
            let leader = thread::spawn(move || lead(&m, &s, &Arc::new(Bell::default()), 1));
            change(&mailbox, &state);
            follower.join().unwrap();
            leader.join().unwrap();
        });
    }

    #[test]
    fn loom_a_post_without_the_lock_is_heard() {
        model(3, || {
            let (mailbox, seen) = (Arc::new(Mailbox::new()), State::default());
            let threads: Vec<_> = (1..3)
                .map(|pipe| {
                    let m = mailbox.clone();
                    thread::spawn(move || m.post(PipeId(pipe)))
                })
                .collect();
            let mut mail = Vec::new();
            while mail.len() < 2 {
                let core = lock(&seen);
                if mailbox.has_mail() {
                    mailbox.drain(&mut mail);
                    continue;
                }
                let Some(ticket) = mailbox.ticket() else { continue };
                drop(core);
                mailbox.sleep(ticket, None);
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    /// A spinner goes by the sequence alone, without the lock: what moved it must be found by then.
    #[test]
    fn loom_who_saw_it_move_on_finds_the_mail() {
        model(3, || {
            let mailbox = Arc::new(Mailbox::new());
            let ticket = mailbox.ticket().unwrap();
            let m = mailbox.clone();
            let poster = thread::spawn(move || m.post(PipeId(1)));
            while !mailbox.moved_on(ticket) {
                thread::yield_now();
            }
            assert!(mailbox.has_mail() && mailbox.ticket().is_none());
            poster.join().unwrap();
        });
    }

    #[test]
    fn loom_a_task_is_woken() {
        model(3, || {
            let (mailbox, state) = (Arc::new(Mailbox::new()), State::default());
            let (m, s) = (mailbox.clone(), state.clone());
            let changer = thread::spawn(move || change(&m, &s));
            let bell = Arc::new(Bell::default());
            let waker = Waker::from(Arc::new(Task(bell.clone())));
            loop {
                let core = lock(&state);
                if *core > 0 {
                    break;
                }
                let Some(ticket) = mailbox.ticket() else { continue };
                if mailbox.register(ticket, &waker) {
                    drop(core);
                    bell.wait();
                }
            }
            changer.join().unwrap();
        });
    }
}
