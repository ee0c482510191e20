//! A sender that writes what it has queued by itself, waiting a bounded moment for room: for streams of large messages.
//!
//! Only calls that may wait at all come here, and only for a socket's one connection: waiting for one peer while others
//! could take messages would be no balance. Who is to wait, and for how long at most, is decided in [`crate::pipe::pace`].
//!
//! Why no bytes are left lying, and nobody sleeps for long: every wait here has an end of its own, and whoever leaves with
//! the stream full has asked the I/O thread to go on, as after any other write.

use std::time::Instant;

use super::core::{Guard, Shared};
use crate::deadline;
use crate::patterns::PipeId;
use crate::pipe::pace::{DELAY_MAX, STALLED_AFTER};

/// Batches in a row before the time is looked at.
const ROUNDS: usize = 64;

impl Shared {
    /// Until when the sender of a large message may be delayed; `None`: not at all.
    pub(super) fn patience(&self, core: &mut Guard<'_>, id: PipeId) -> Option<Instant> {
        let timeout = core.options.send_timeout;
        if core.pipes.len() != 1 || timeout.is_some_and(|t| t.is_zero()) {
            return None;
        }
        let pipe = core.pipes.get(id)?;
        let conflate = pipe.conflate;
        let wire = pipe.wire()?;
        if conflate || wire.stream.is_none() || wire.broken {
            return None;
        }
        let ahead = wire.out.waiting_bytes();
        wire.pace
            .large(ahead, Instant::now())
            .then(|| deadline::after(timeout.map_or(DELAY_MAX, |timeout| timeout.min(DELAY_MAX))))
    }

    /// Writes what is queued on a pipe until nothing is left, the stream does not move, or the time is up.
    #[cold]
    pub(super) fn drive(&self, core: &mut Guard<'_>, id: PipeId, until: Instant) {
        loop {
            let Some(wire) = core.pipes.get(id).and_then(|pipe| pipe.wire()) else { return };
            if wire.broken {
                return;
            }
            if wire.writing.is_held() {
                // The I/O thread is at it: whatever it does, there is less to do after it.
                let Some(ticket) = self.mailbox.ticket() else { return };
                wire.pace.await_writer();
                let deadline = until.min(Instant::now() + STALLED_AFTER);
                core.unlocked(|| self.mailbox.sleep(ticket, Some(deadline)));
                if Instant::now() >= deadline {
                    return;
                }
                continue;
            }
            let session = wire.session;
            let Some(stream) = wire.stream.clone() else { return };
            if wire.writing.take_blocked() {
                let in_time = Instant::now() < until;
                let room = core.unlocked(|| {
                    let room = in_time && stream.wait_room(STALLED_AFTER);
                    if !room {
                        self.report_room(session, &stream);
                    }
                    room
                });
                let Some(wire) = core.pipes.get(id).and_then(|pipe| pipe.wire()) else { return };
                if wire.session != session {
                    return;
                }
                wire.writing.give_back(!room);
                if in_time && !room {
                    wire.pace.stall();
                }
                self.let_go(core, id);
                if !room {
                    // News may have come while the token was out.
                    return self.flush(core, id, 1);
                }
            } else if wire.out.waiting_bytes() == 0 {
                return;
            }
            self.flush_until_full(core, id, ROUNDS, false);
        }
    }
}
