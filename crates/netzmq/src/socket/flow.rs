//! The two movers: writing what a pipe has queued, reading what its peer has sent.
//!
//! Callers and I/O threads run the same code. Each takes the socket's lock to get hold of a token and the bytes, does
//! the system call without the lock, and comes back to put the rest where it belongs.
//!
//! Why no bytes are left lying: a sender that finds the writing token held leaves its bytes to that writer, who looks
//! again under the lock before it lets go. A writer that finds no room leaves the token blocked, and the I/O thread goes
//! on when the stream is writable; if that news came while the token was out, the writer tries again itself. Reading is
//! alike. The rules are in `pipe::tokens`, with their models.

use std::cell::Cell;
use std::time::{Duration, Instant};

use netzmq_proto::{PeerMisbehaved, ProtocolError, command};

use super::core::{Core, Guard, Lead, Shared};
use crate::connection::inbound::{Control, Read};
use crate::connection::outbound::Wrote;
use crate::engine::job::{Fault, Job};
use crate::gathering::{ALONE_AFTER, OVERDUE_AFTER};
use crate::patterns::PipeId;
use crate::pipe::SessionId;
use crate::transport::stream::Stream;

impl Shared {
    /// Writes what is queued on a pipe, for at most `rounds` batches; what is left then is the I/O thread's.
    pub(crate) fn flush(&self, core: &mut Guard<'_>, id: PipeId, rounds: usize) {
        self.flush_until_full(core, id, rounds, true);
    }

    /// The same. Without `report`, a caller that met a full kernel has to see to it that somebody hears of room.
    pub(super) fn flush_until_full(&self, core: &mut Guard<'_>, id: PipeId, rounds: usize, report: bool) {
        // What this call itself found out does not outlast a write either.
        core.end_permits();
        for _ in 0..rounds {
            let Some((pipe, buffers)) = core.pipes.with_buffers(id) else { return };
            let conflate = pipe.conflate;
            pipe.note_queue();
            let Some(wire) = pipe.wire() else { return };
            if !wire.writing.is_free() || wire.broken {
                return;
            }
            if conflate && wire.stream.is_some() {
                wire.encode_newest(buffers);
            }
            let session = wire.session;
            let Some(stream) = wire.stream.clone() else { return };
            let Some(mut batch) = wire.out.take(buffers) else { return };
            wire.writing.take();
            core.unwritten_since = None;
            let wrote = core.unlocked(|| {
                let wrote = batch.write(&stream);
                if report && matches!(wrote, Wrote::Blocked) {
                    // While the token is out: news that come at once are kept for its holder.
                    self.report_room(session, &stream);
                }
                // Here, not under the lock: what is dropped may be the application's own memory.
                batch.drop_done();
                wrote
            });
            let Some(pipe) = core.pipes.get(id) else { return };
            // The pipe may be gone, and its name in use again.
            let Some(wire) = pipe.wire().filter(|w| w.session == session) else { return };
            wire.writing.give_back(matches!(wrote, Wrote::Blocked));
            let written = batch.written();
            if written > 0 {
                wire.pace.moved();
            }
            if wire.pace.writer_is_back() {
                self.mailbox.wake();
            }
            wire.out.put_back(batch);
            pipe.stats.bytes_out += written;
            if let Wrote::Failed(error) = wrote {
                self.fault(core, id, Fault::Io(error));
            }
            if let Some(pipe) = core.pipes.get(id) {
                if pipe.full && pipe.has_room() {
                    self.credit(core, id);
                }
                self.let_go(core, id);
            }
        }
        // The turn is over; if bytes are left, or came meanwhile, the I/O thread goes on with them.
        let idle =
            core.pipes.get(id).and_then(|p| p.wire()).is_some_and(|w| w.writing.is_free() && !w.broken);
        if idle {
            core.pipes.mark_dirty(id);
            self.post_flush(core);
        }
    }

    /// The I/O thread goes on when there is room.
    pub(super) fn report_room(&self, session: SessionId, stream: &Stream) {
        self.context.report_room(session, stream, self.interest(true));
    }

    /// A pipe has room again.
    fn credit(&self, core: &mut Core, id: PipeId) {
        core.pattern.writable(&mut core.pipes, id);
        self.mailbox.wake();
    }

    /// A token came back to a wire that was broken, or is to end: the I/O thread may be waiting for that.
    pub(crate) fn let_go(&self, core: &mut Core, id: PipeId) {
        let Some(pipe) = core.pipes.get(id) else { return };
        let ended = pipe.ended;
        if let Some(wire) = pipe.wire()
            && (wire.broken || ended)
            && !wire.writing.is_held()
            && !wire.reading.is_held()
        {
            let session = wire.session;
            self.context.post(session.thread, Job::Broken { token: session.token, fault: Fault::Known });
        }
    }

    /// Marks a connection as dead, and has the I/O thread take it down.
    pub(crate) fn fault(&self, core: &mut Core, id: PipeId, fault: Fault) {
        if let Some(wire) = core.pipes.get(id).and_then(|p| p.wire())
            && !std::mem::replace(&mut wire.broken, true)
        {
            let session = wire.session;
            self.context.post(session.thread, Job::Broken { token: session.token, fault });
        }
    }

    /// Writes all that is dirty. A caller does this before it waits.
    pub(crate) fn flush_dirty(&self, core: &mut Guard<'_>) {
        core.looks = 0;
        while let Some(id) = core.next_dirty() {
            self.count_driven();
            self.flush(core, id, 4);
        }
    }

    /// Reads once from a pipe. `ahead`: nobody is asking, so stop at the receive high-water mark. Says whether the pipe
    /// has messages now.
    pub(crate) fn read(&self, core: &mut Guard<'_>, id: PipeId, ahead: bool) -> bool {
        let read_ahead = core.options.limits.read_ahead;
        let Some((pipe, buffers)) = core.pipes.with_buffers(id) else { return false };
        let (recv_hwm, conflate) = (pipe.recv_hwm, pipe.conflate);
        let Some(wire) = pipe.wire() else { return false };
        if wire.reading.is_held() || wire.broken {
            return false;
        }
        let full = recv_hwm > 0 && wire.inbound.messages() >= recv_hwm;
        let fat = read_ahead > 0 && wire.inbound.messages() > 0 && wire.inbound.waiting_bytes() >= read_ahead;
        if ahead && (full || fat) {
            if !std::mem::replace(&mut wire.stopped, true) {
                core.stopped.push(id);
            }
            return false;
        }
        let session = wire.session;
        let Some(stream) = wire.stream.clone() else { return false };
        let mut target = wire.inbound.begin_read(buffers);
        wire.reading.take();
        if !ahead {
            core.epoch = core.epoch.wrapping_add(1);
        }
        let read = core.unlocked(|| target.read(&stream));
        let Some((pipe, buffers)) = core.pipes.with_buffers(id) else { return false };
        let Some(wire) = pipe.wire().filter(|w| w.session == session) else { return false };
        let mut controls = Vec::new();
        let (count, drained, fault) = match read {
            Read::Bytes { count, drained } => (count, Some(drained), None),
            Read::Empty => (0, None, None),
            Read::End => (0, None, Some(Fault::End)),
            Read::Failed(error) => (0, None, Some(Fault::Io(error))),
        };
        let again = wire.reading.give_back(drained);
        let result = wire.inbound.finish_read(buffers, target, count, &mut controls);
        if conflate {
            wire.conflated += wire.inbound.keep_newest();
        }
        let has_messages = wire.inbound.messages() > 0;
        let commands = wire.inbound.take_commands();
        pipe.stats.bytes_in += count as u64;
        if again {
            core.mark_readable(id);
            if !ahead && stream.is_coded() && core.lead == Lead::IoThread {
                // This caller may not come back, and no poller tells the leader what a codec keeps: the end, perhaps.
                self.context.post(self.home_thread(), Job::GoOn { shared: self.arc() });
            }
        }
        if let Some(fault) = result.err().map(Fault::Protocol).or(fault) {
            self.fault(core, id, fault);
        }
        if commands > 0 {
            self.count_commands(core, id, commands);
            self.answer(core, id, controls);
        }
        if has_messages {
            let c = &mut **core;
            c.pattern.readable(&mut c.pipes, id);
        }
        self.let_go(core, id);
        self.settle(core);
        has_messages
    }

    /// A peer may send only so many commands within a second.
    fn count_commands(&self, core: &mut Core, id: PipeId, commands: usize) {
        let max = core.options.limits.commands_per_second;
        let Some(wire) = core.pipes.get(id).and_then(|p| p.wire()) else { return };
        if max > 0 && wire.commands_within_second(commands, Instant::now()) > max {
            self.fault(core, id, Fault::Protocol(PeerMisbehaved::TooManyCommands { max }.into()));
        }
    }

    /// A publisher is about to send: what its subscribers have asked for until now counts, though the I/O thread may not
    /// have had its turn yet. On a busy machine that takes a millisecond, while a program that subscribes and publishes
    /// goes on at once. Not in the midst of a stream, which it would cost a clock a message (one to nobody it does), and not
    /// where it is many reads.
    #[inline]
    pub(super) fn hear_subscribers(&self, core: &mut Guard<'_>) {
        if core.flush_posted
            || core.sending
            || !core.pattern.is_asked_for_topics()
            || core.pipes.len() > HEARD_MAX
        {
            return;
        }
        // Peers in this process have said it already.
        if !core.pipes.iter_mut().any(|pipe| pipe.wire().is_some()) {
            return;
        }
        let now = Instant::now();
        if core.heard_at.is_none_or(|heard| now - heard > HEAR_EVERY) {
            self.hear_subscribers_now(core);
            core.heard_at = Some(now);
        }
    }

    #[cold]
    fn hear_subscribers_now(&self, core: &mut Guard<'_>) {
        let mut ids = std::mem::take(&mut core.scratch);
        ids.extend(core.pipes.iter_mut().map(|pipe| pipe.id));
        let until = Instant::now() + HEAR_FOR;
        for &id in &ids {
            // The I/O thread may be in the midst of reading it, and have lost its core there.
            while core.pipes.get(id).and_then(|pipe| pipe.wire()).is_some_and(|wire| wire.reading.is_held())
                && Instant::now() < until
            {
                core.unlocked(std::thread::yield_now);
            }
            self.read(core, id, true);
        }
        ids.clear();
        core.scratch = ids;
    }

    /// Reacts to what was not a message.
    pub(crate) fn answer(&self, core: &mut Core, id: PipeId, controls: Vec<Control>) {
        let mut ttl = 0;
        for control in controls {
            match control {
                Control::Ping { ttl_tenths, context } => {
                    ttl = if ttl_tenths > 0 { ttl_tenths } else { ttl };
                    let waiting =
                        core.pipes.get(id).and_then(|p| p.wire()).map_or(0, |w| w.out.commands_waiting());
                    if waiting >= PONGS_MAX {
                        // It does not read its answers: they are not kept for it.
                        continue;
                    }
                    let mut frame = Vec::with_capacity(32);
                    command::encode_pong(&context, &mut frame);
                    core.pipes.push_command(id, &frame);
                }
                Control::Pong => {}
            }
        }
        // The last one holds.
        if ttl > 0
            && let Some(wire) = core.pipes.get(id).and_then(|p| p.wire())
        {
            let SessionId { thread, token } = wire.session;
            self.context.post(thread, Job::PeerTtl { token, ttl_tenths: ttl });
        }
    }

    /// Bytes that came with the handshake are messages like any other.
    pub(crate) fn preload(&self, core: &mut Core, id: PipeId, bytes: &[u8]) -> Result<(), ProtocolError> {
        let mut controls = Vec::new();
        let Some((pipe, buffers)) = core.pipes.with_buffers(id) else { return Ok(()) };
        let conflate = pipe.conflate;
        pipe.stats.bytes_in += bytes.len() as u64;
        let Some(wire) = pipe.wire() else { return Ok(()) };
        wire.inbound.preload(buffers, bytes, &mut controls)?;
        if conflate {
            wire.conflated += wire.inbound.keep_newest();
        }
        let has_messages = wire.inbound.messages() > 0;
        let commands = wire.inbound.take_commands();
        self.count_commands(core, id, commands);
        self.answer(core, id, controls);
        if has_messages {
            core.pattern.readable(&mut core.pipes, id);
        }
        Ok(())
    }

    // ---- who writes after a send ----

    /// Decides who writes what a send has just queued: this caller now, or the I/O thread soon.
    #[inline]
    pub(crate) fn after_send(&self, core: &mut Guard<'_>, id: PipeId) {
        let Some(pipe) = core.pipes.get(id) else { return };
        if pipe.wants_write() {
            self.count_driven();
            return self.flush(core, id, 1);
        }
        let idle = pipe.wire().is_some_and(|wire| wire.stream.is_some() && wire.writing.is_free());
        if idle {
            self.see_to_writing(core);
        }
    }

    /// Something waits that nobody is writing now.
    #[inline]
    pub(crate) fn see_to_writing(&self, core: &mut Guard<'_>) {
        if !core.flush_posted {
            self.write_or_post(core);
        } else if self.is_time_to_look() {
            self.write_overdue(core);
        }
    }

    /// The I/O thread has been asked to write, but this sender may keep it from its core for milliseconds: what has waited
    /// too long goes out here.
    #[cold]
    fn write_overdue(&self, core: &mut Guard<'_>) {
        if self.is_overdue(core, Instant::now()) {
            self.flush_dirty(core);
        }
    }

    /// What lies here should have been written by now.
    pub(super) fn is_overdue(&self, core: &mut Core, now: Instant) -> bool {
        let width = core.pipes.dirty.len() as u32;
        // Who sends to many connections gathers longer: to write to all of them takes its time, too.
        let overdue_after = OVERDUE_AFTER * (1 + width / OVERDUE_WIDTH);
        now - *core.unwritten_since.get_or_insert(now) > overdue_after
    }

    /// Nobody is about to write: write here if this send stands alone, else ask the I/O thread, once for the burst.
    pub(crate) fn write_or_post(&self, core: &mut Guard<'_>) {
        let now = Instant::now();
        let alone = core.last_send.replace(now).is_none_or(|last| now - last > ALONE_AFTER);
        if alone && core.pipes.dirty.len() <= INLINE_PIPES_MAX && !Tour::goes_on(now) {
            self.flush_dirty(core);
            return Tour::wrote();
        }
        self.post_flush(core);
    }

    pub(crate) fn post_flush(&self, core: &mut Core) {
        if !core.flush_posted && !core.pipes.dirty.is_empty() {
            core.flush_posted = true;
            let seen = self.sent().messages;
            self.context.post(self.home_thread(), Job::Flush { shared: self.arc(), seen });
        }
    }
}

/// A thread that sends on many sockets, one after the other, is in a burst just as one that sends much on one: after the
/// first few, whose messages may be all there is, the I/O thread gathers and writes.
///
/// Kept by thread, as sockets know nothing of each other. A receive that reads or waits ends the tour.
pub(crate) struct Tour;

thread_local! {
    /// When this thread's last lone message was written (or left to the I/O thread), and how many there were in a row.
    static TOUR: Cell<(Option<Instant>, u32)> = const { Cell::new((None, 0)) };
}

impl Tour {
    /// Another message that stands alone on its socket. True: it is one of many.
    fn goes_on(now: Instant) -> bool {
        let (last, count) = TOUR.get();
        let count = if last.is_some_and(|last| now - last <= ALONE_AFTER) { count + 1 } else { 0 };
        let is_long = count >= TOUR_MIN;
        TOUR.set((if is_long { Some(now) } else { last }, count.min(TOUR_MIN)));
        is_long
    }

    /// It was written here.
    fn wrote() {
        let (_, count) = TOUR.get();
        TOUR.set((Some(Instant::now()), count));
    }

    #[inline]
    pub(crate) fn is_over() {
        TOUR.set((None, 0));
    }
}

/// So many messages in a row, each on its own, are written by their sender.
const TOUR_MIN: u32 = 8;

/// How often a publisher looks for subscriptions by itself: that costs half a microsecond a subscriber.
const HEAR_EVERY: Duration = Duration::from_micros(100);
/// For so long it waits for whoever is reading already.
const HEAR_FOR: Duration = Duration::from_millis(1);
/// With more connections than this it leaves them to the I/O thread: one send must not wait for many reads.
const HEARD_MAX: usize = 8;
/// PONGs that wait for a peer to read them, at most.
const PONGS_MAX: usize = 1000;
/// Times one more for so many connections.
const OVERDUE_WIDTH: u32 = 8;
/// One caller writes to so many connections in a row; beyond, the I/O thread spreads the load.
const INLINE_PIPES_MAX: usize = 2;
