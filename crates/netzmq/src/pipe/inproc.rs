//! Two sockets of one process, joined without a wire: messages go through a bounded queue each way.
//!
//! A `Lane` is one direction. Its lock is a leaf, held for a push or for a swap of whole queues ([`parcel`]), so the two
//! ends meet on it once a batch. Only whole messages enter a lane. The reader counts what it took and gives the credit back at
//! half the high-water mark, as libzmq does, so that a full pipe does not ping-pong. A reader that is faster than the writer
//! leaves it the lane for a moment, or both would fight for it over every message.
//!
//! Invariant: a reader that found the lane empty has left `reader_asleep` set, under the lane's lock, and the next push
//! clears it and posts a notice; likewise `writer_waiting` and the next credit. No one looks without the lock.

mod parcel;

use std::time::{Duration, Instant};

use netzmq_memory::Message;

use self::parcel::Parcel;
pub(crate) use self::parcel::is_copied;
use super::mailbox::Mailbox;
use super::tally::Tally;
use crate::connection::inbound::Taken;
use crate::connection::outbound::Body;
use crate::options::ReceiveMemory;
use crate::patterns::PipeId;
use crate::sync::{Arc, Mutex, MutexGuard, lock};

#[derive(Debug, Default)]
struct LaneState {
    parcel: Parcel,
    messages_max: usize,
    /// Whole messages that the reader has consumed, as last told.
    consumed: u64,
    reader_asleep: bool,
    writer_waiting: bool,
    /// The writer will write no more.
    closed: bool,
    /// The reader will read no more.
    abandoned: bool,
    reader: Option<(Arc<Mailbox>, PipeId)>,
    writer: Option<(Arc<Mailbox>, PipeId)>,
}

#[derive(Debug, Default)]
struct Lane(Mutex<LaneState>);

/// A whole message has been appended.
#[inline]
fn pushed(mut lane: MutexGuard<'_, LaneState>) {
    lane.messages_max = lane.messages_max.max(lane.parcel.messages());
    if lane.reader_asleep {
        wake_reader(lane);
    }
}

#[cold]
fn wake_reader(mut lane: MutexGuard<'_, LaneState>) {
    lane.reader_asleep = false;
    let reader = lane.reader.clone();
    drop(lane);
    if let Some((mailbox, pipe)) = reader {
        mailbox.post(pipe);
    }
}

/// So long a reader in a hurry lets messages gather: some twenty small ones.
const GATHER: Duration = Duration::from_micros(2);
/// A reader that comes back sooner than this, for few messages, is in a hurry.
const HURRY: Duration = Duration::from_micros(4);
/// So few messages are not worth the way of the lane from one core to the other.
const FEW: usize = 32;
/// A writer that is so far ahead needs nobody to wait for it.
const MANY: usize = 256;

/// One socket's end of the pair.
#[derive(Debug)]
pub(crate) struct End {
    outgoing: Arc<Lane>,
    incoming: Arc<Lane>,
    /// Parts of the message being composed.
    composing: Parcel,
    /// What was taken out of the lane in one go.
    local: Parcel,
    /// Where copies of short bodies go.
    memory: ReceiveMemory,
    pushed: u64,
    peer_consumed: u64,
    consumed: u64,
    consumed_told: u64,
    /// Messages on the way out, at most (0: no limit); and the reader's half of the incoming side's.
    hwm: usize,
    /// The peer's receiving part of that, once it is known.
    peer_hwm: Option<usize>,
    credit_step: u64,
    /// When few messages were fetched last, if nothing was sent since: who answers has no stream to wait for.
    fetched_at: Option<Instant>,
    /// The reader is faster than the writer.
    hurries: bool,
    conflate: bool,
    /// Messages that made way for newer ones on the way out.
    pub(crate) conflated: u64,
}

/// Joined high-water marks: what both sides hold together, unlimited if either is.
pub(crate) fn joined(send: usize, recv: usize) -> usize {
    if send == 0 || recv == 0 { 0 } else { send.saturating_add(recv) }
}

/// A joined pair. `hwm_ab` bounds the messages on the way from the first end to the second, 0 meaning no bound.
pub(crate) fn pair(hwm_ab: usize, hwm_ba: usize, conflate: (bool, bool)) -> (End, End) {
    let (ab, ba) = (Arc::new(Lane::default()), Arc::new(Lane::default()));
    lock(&ab.0).reader_asleep = true;
    lock(&ba.0).reader_asleep = true;
    let end = |outgoing: &Arc<Lane>, incoming: &Arc<Lane>, hwm: usize, hwm_in: usize, conflate| End {
        outgoing: outgoing.clone(),
        incoming: incoming.clone(),
        composing: Parcel::default(),
        local: Parcel::default(),
        memory: ReceiveMemory::Shared,
        pushed: 0,
        peer_consumed: 0,
        consumed: 0,
        consumed_told: 0,
        hwm,
        peer_hwm: None,
        credit_step: hwm_in.div_ceil(2) as u64,
        fetched_at: None,
        hurries: false,
        conflate,
        conflated: 0,
    };
    (end(&ab, &ba, hwm_ab, hwm_ba, conflate.0), end(&ba, &ab, hwm_ba, hwm_ab, conflate.1))
}

impl End {
    /// Tells the peer's lanes where this end's socket is to be reached.
    pub(crate) fn attach(&mut self, mailbox: &Arc<Mailbox>, pipe: PipeId, memory: ReceiveMemory) {
        self.memory = memory;
        lock(&self.outgoing.0).writer = Some((mailbox.clone(), pipe));
        lock(&self.incoming.0).reader = Some((mailbox.clone(), pipe));
    }

    // ---- writing ----

    /// Room for one more message.
    #[inline]
    pub(crate) fn has_room(&mut self) -> bool {
        self.has_counted_room() || self.has_credit()
    }

    /// The same by what the peer was last seen to have consumed.
    #[inline]
    fn has_counted_room(&self) -> bool {
        self.hwm == 0 || self.pushed - self.peer_consumed < self.hwm as u64
    }

    /// Looks at what the peer has consumed. If that gives no room, its next credit posts a notice.
    #[cold]
    fn has_credit(&mut self) -> bool {
        let mut lane = lock(&self.outgoing.0);
        self.peer_consumed = lane.consumed;
        let room = self.conflate || self.pushed - self.peer_consumed < self.hwm as u64;
        lane.writer_waiting = !room;
        room
    }

    /// Appends one part; the last one makes the whole message visible to the peer.
    pub(crate) fn push(&mut self, body: &mut Body<'_>, more: bool) {
        if !is_copied(body) {
            // Not under the lane's lock, if there is much to be copied.
            *body = Body::Owned(body.take());
        }
        if more {
            self.composing.push(body, true);
            return;
        }
        self.pushed += 1;
        self.fetched_at = None;
        let mut lane = lock(&self.outgoing.0);
        if lane.abandoned {
            self.composing.clear();
            return;
        }
        if self.conflate {
            // Only the newest counts. What falls out was never consumed, so it is credited here.
            let dropped = lane.parcel.messages() as u64;
            lane.consumed += dropped;
            self.conflated += dropped;
            lane.parcel.clear();
        }
        if !self.composing.is_empty() {
            lane.parcel.append(&mut self.composing);
        }
        lane.parcel.push(body, false);
        pushed(lane);
    }

    /// [`push`](End::push) for the usual case only: a whole message that is copied, and room as counted last. False:
    /// nothing has happened.
    #[inline]
    pub(crate) fn push_at_once(&mut self, body: &[u8]) -> bool {
        if !self.has_counted_room() || self.conflate || !self.composing.is_empty() {
            return false;
        }
        let mut lane = lock(&self.outgoing.0);
        if lane.abandoned || !lane.parcel.push_copy(body, false) {
            return false;
        }
        self.pushed += 1;
        self.fetched_at = None;
        pushed(lane);
        true
    }

    /// Whole messages that the peer has not fetched: now, and at most so far.
    pub(crate) fn queued_out(&self) -> (u64, u64) {
        let lane = lock(&self.outgoing.0);
        (lane.parcel.messages() as u64, lane.messages_max as u64)
    }

    /// Whole messages fetched from the lane.
    pub(crate) fn queued_in(&self) -> u64 {
        self.local.messages() as u64
    }

    pub(crate) fn rollback(&mut self) {
        self.composing.clear();
    }

    // ---- reading ----

    /// A whole message can be taken. If not, the next push posts a notice.
    #[inline]
    pub(crate) fn has_message(&mut self) -> bool {
        self.local.messages() > 0 || self.fetch()
    }

    /// Takes all that is in the lane.
    fn fetch(&mut self) -> bool {
        if self.hurries && self.fetched_at.is_some() && !cfg!(netzmq_loom) {
            let until = Instant::now() + GATHER;
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        }
        let mut lane = lock(&self.incoming.0);
        if lane.parcel.is_empty() {
            lane.reader_asleep = true;
            self.hurries = false;
            return false;
        }
        std::mem::swap(&mut self.local, &mut lane.parcel);
        drop(lane);
        self.note_pace();
        true
    }

    /// Whether the next fetch had better wait a moment.
    fn note_pace(&mut self) {
        let messages = self.local.messages();
        if messages < FEW {
            let now = Instant::now();
            self.hurries = self.fetched_at.is_some_and(|last| now - last < HURRY);
            self.fetched_at = Some(now);
        } else if messages >= MANY {
            self.hurries = false;
        }
    }

    pub(crate) fn peek(&mut self) -> Option<(&[u8], bool)> {
        if !self.has_message() {
            return None;
        }
        self.local.peek()
    }

    /// Hands the next part to `f`, counts its bytes, and says whether more follow.
    #[inline]
    pub(crate) fn take_with<R>(
        &mut self,
        bytes_taken: &mut Tally,
        f: impl FnOnce(Taken<'_>) -> R,
    ) -> Option<(R, bool)> {
        if !self.has_message() {
            return None;
        }
        self.take_at_once(bytes_taken, f).ok()
    }

    /// The same if a message has been fetched from the lane. Otherwise gives `f` back.
    #[inline]
    pub(crate) fn take_at_once<R, F: FnOnce(Taken<'_>) -> R>(
        &mut self,
        bytes_taken: &mut Tally,
        f: F,
    ) -> Result<(R, bool), F> {
        let (result, more) = self.local.take_with(&self.memory, bytes_taken, f)?;
        if !more {
            self.consumed += 1;
            if self.credit_step > 0 && self.consumed - self.consumed_told >= self.credit_step {
                self.give_credit();
            }
        }
        Ok((result, more))
    }

    #[cold]
    fn give_credit(&mut self) {
        let mut lane = lock(&self.incoming.0);
        lane.consumed += self.consumed - self.consumed_told;
        self.consumed_told = self.consumed;
        let writer = if lane.writer_waiting { lane.writer.clone() } else { None };
        lane.writer_waiting = false;
        drop(lane);
        if let Some((mailbox, pipe)) = writer {
            mailbox.post(pipe);
        }
    }

    // ---- the end ----

    /// This end writes no more; the peer may still read what is there.
    pub(crate) fn close(&mut self) {
        self.composing.clear();
        let reader = {
            let mut lane = lock(&self.outgoing.0);
            lane.closed = true;
            lane.reader.clone()
        };
        let writer = {
            let mut lane = lock(&self.incoming.0);
            lane.abandoned = true;
            lane.parcel.clear();
            lane.writer.clone()
        };
        for (mailbox, pipe) in [reader, writer].into_iter().flatten() {
            mailbox.post(pipe);
        }
    }

    /// The peer has closed its end, and everything it sent has been taken.
    pub(crate) fn is_finished(&self) -> bool {
        self.local.messages() == 0 && {
            let lane = lock(&self.incoming.0);
            lane.closed && lane.parcel.is_empty()
        }
    }

    /// The peer has closed its end (it may have left messages).
    pub(crate) fn peer_closed(&self) -> bool {
        lock(&self.incoming.0).closed
    }

    /// A message of this side's own making, behind all that came. Only when the peer has closed.
    pub(crate) fn append(&mut self, message: Message) {
        let mut lane = lock(&self.incoming.0);
        lane.parcel.push_owned(message, false);
    }

    /// Both ends of one pair.
    pub(crate) fn is_joined_to(&self, other: &End) -> bool {
        Arc::ptr_eq(&self.outgoing, &other.incoming)
    }

    /// Changes the bound of the way out.
    pub(crate) fn set_hwm(&mut self, own: usize, peer: usize) {
        self.peer_hwm = Some(peer);
        self.hwm = joined(own, peer);
    }

    /// This end's socket has changed its own part of the bound.
    pub(crate) fn set_own_hwm(&mut self, own: usize) {
        self.hwm = self.peer_hwm.map_or(own, |peer| joined(own, peer));
    }
}

#[cfg(all(test, not(netzmq_loom)))]
mod tests;

/// Goal: across two sockets nobody sleeps on while there is a message, room, or an end to be seen.
#[cfg(all(test, netzmq_loom))]
mod loom_tests {
    use loom::thread;

    use super::*;
    use crate::sync::model;

    /// One socket: its end of the pair and the mailbox in which it sleeps.
    struct Side {
        end: End,
        mailbox: Arc<Mailbox>,
    }

    fn sides(hwm: usize, conflate: bool) -> (Side, Side) {
        let (a, b) = pair(hwm, hwm, (conflate, conflate));
        let [a, b] = [a, b].map(|mut end| {
            let mailbox = Arc::new(Mailbox::new());
            end.attach(&mailbox, PipeId(0), ReceiveMemory::Shared);
            Side { end, mailbox }
        });
        (a, b)
    }

    impl Side {
        fn look_or_wait(&self) {
            if self.mailbox.has_mail() {
                self.mailbox.drain(&mut Vec::new());
            } else if let Some(ticket) = self.mailbox.ticket() {
                self.mailbox.sleep(ticket, None);
            }
        }

        fn send(&mut self, body: u8) {
            while !self.end.has_room() {
                self.look_or_wait();
            }
            self.end.push(&mut Body::Borrowed(&[body]), false);
        }

        fn recv(&mut self) -> Option<u8> {
            loop {
                if let Some((first, _)) = self.end.take_with(&mut 0, |taken| taken.bytes().first().copied()) {
                    return first;
                }
                if self.end.peer_closed() && !self.end.has_message() {
                    return None;
                }
                self.look_or_wait();
            }
        }
    }

    #[test]
    fn loom_messages_and_room_are_heard_of() {
        model(3, || {
            let (mut writer, mut reader) = sides(1, false);
            let thread = thread::spawn(move || {
                (1..=2).for_each(|body| writer.send(body));
                writer.end.close();
            });
            for expected in [Some(1), Some(2), None] {
                assert_eq!(reader.recv(), expected);
            }
            assert!(reader.end.is_finished());
            thread.join().unwrap();
        });
    }

    #[test]
    fn loom_the_newest_message_arrives() {
        model(3, || {
            let (mut writer, mut reader) = sides(1, true);
            let thread = thread::spawn(move || {
                (1..=3).for_each(|body| writer.send(body));
                writer
            });
            let mut last = 0;
            while last < 3 {
                let next = reader.recv().unwrap();
                assert!(next > last);
                last = next;
            }
            thread.join().unwrap();
        });
    }

    /// A writer that waits for room must learn that its reader is gone.
    #[test]
    fn loom_a_blocked_writer_hears_of_the_end() {
        model(3, || {
            let (mut writer, mut reader) = sides(1, false);
            let thread = thread::spawn(move || {
                reader.recv();
                reader.end.close();
            });
            writer.send(1);
            while !writer.end.peer_closed() {
                if writer.end.has_room() {
                    writer.end.push(&mut Body::Borrowed(&[2]), false);
                } else {
                    writer.look_or_wait();
                }
            }
            thread.join().unwrap();
        });
    }

    #[test]
    fn loom_both_directions_at_once() {
        model(2, || {
            let (mut a, mut b) = sides(1, false);
            let thread = thread::spawn(move || {
                let question = b.recv().unwrap();
                b.send(question + 1);
            });
            a.send(1);
            assert_eq!(a.recv(), Some(2));
            thread.join().unwrap();
        });
    }
}
