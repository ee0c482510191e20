//! Models of how the tokens are used, with a kernel that reports changes by edges: once, and to whoever asks first.

use loom::thread;

use super::*;
use crate::pipe::mailbox::{Alarm, Mailbox};
use crate::sync::{Arc, Condvar, Mutex, lock, model};

// ---- writing ----

#[derive(Default)]
struct Drain {
    room: u32,
    /// Whoever met the end of the room has asked to hear of the next, which is reported once.
    armed: bool,
    edge: bool,
    written: u32,
    /// A wait for room has lasted long enough.
    late: bool,
}

/// A stream with little room, and a socket's side of it.
#[derive(Default)]
struct Outgoing {
    kernel: Mutex<Drain>,
    changed: Condvar,
    core: Mutex<(WriteToken, u32)>,
}

impl Outgoing {
    fn write(&self, bytes: u32) -> u32 {
        let mut kernel = lock(&self.kernel);
        let written = bytes.min(kernel.room);
        kernel.room -= written;
        kernel.written += written;
        self.changed.notify_all();
        written
    }

    /// As `Shared::report_room`: room that is there already is news as well.
    fn report_room(&self) {
        let mut kernel = lock(&self.kernel);
        kernel.armed = kernel.room == 0;
        kernel.edge |= !kernel.armed;
        self.changed.notify_all();
    }

    /// The peer reads a byte.
    fn drain(&self) {
        let mut kernel = lock(&self.kernel);
        kernel.room += 1;
        kernel.edge |= std::mem::take(&mut kernel.armed);
        self.changed.notify_all();
    }

    /// The time of whoever waits for room is up.
    fn be_late(&self) {
        lock(&self.kernel).late = true;
        self.changed.notify_all();
    }

    /// As `Stream::wait_room`.
    fn wait_room(&self) -> bool {
        let mut kernel = lock(&self.kernel);
        while kernel.room == 0 && !kernel.late {
            kernel = self.changed.wait(kernel).unwrap();
        }
        kernel.room > 0
    }

    /// As `Shared::flush_until_full`, whose last words (bytes that are left go to the I/O thread) are another round here.
    fn flush(&self, report: bool) {
        loop {
            let mut core = lock(&self.core);
            if !core.0.is_free() || core.1 == 0 {
                return;
            }
            let bytes = std::mem::take(&mut core.1);
            core.0.take();
            drop(core);
            let written = self.write(bytes);
            if report && written < bytes {
                self.report_room();
            }
            let mut core = lock(&self.core);
            core.0.give_back(written < bytes);
            core.1 += bytes - written;
        }
    }

    fn send(&self) {
        lock(&self.core).1 += 1;
        self.flush(true);
    }

    /// As `Shared::drive`, behind a send. Whoever finds the token out goes away, as if its time were up at once.
    fn send_at_the_peers_pace(&self) {
        lock(&self.core).1 += 1;
        self.flush(true);
        loop {
            let mut core = lock(&self.core);
            if core.0.is_held() {
                return;
            }
            if core.0.take_blocked() {
                drop(core);
                let room = self.wait_room();
                if !room {
                    self.report_room();
                }
                lock(&self.core).0.give_back(!room);
                if !room {
                    return self.flush(true);
                }
            } else if core.1 == 0 {
                return;
            } else {
                drop(core);
            }
            self.flush(false);
        }
    }

    /// As the I/O thread: goes on whenever the stream is writable, until so much is written.
    fn serve(&self, until: u32) {
        loop {
            let mut kernel = lock(&self.kernel);
            while !kernel.edge && kernel.written < until {
                kernel = self.changed.wait(kernel).unwrap();
            }
            if !std::mem::take(&mut kernel.edge) {
                return;
            }
            drop(kernel);
            let room = lock(&self.core).0.room();
            if room {
                self.flush(true);
            }
        }
    }
}

/// Goal: every byte is written, whoever met the full kernel and whenever the room came.
#[test]
fn loom_no_byte_is_left_unwritten() {
    for senders in 1..3 {
        model(4 - senders as usize, move || {
            let out = Arc::new(Outgoing::default());
            let mut threads = Vec::new();
            for _ in 0..senders {
                let out = out.clone();
                threads.push(thread::spawn(move || (0..3 - senders).for_each(|_| out.send())));
            }
            let peer = out.clone();
            threads.push(thread::spawn(move || (0..2).for_each(|_| peer.drain())));
            out.serve(2);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(lock(&out.core).1, 0);
        });
    }
}

/// Goal: the same with a sender that waits for room by itself, for a while, and one that does not.
#[test]
fn loom_a_sender_that_waits_for_room_leaves_no_byte() {
    for others in 0..2 {
        model(3 - others as usize, move || {
            let out = Arc::new(Outgoing::default());
            let mut threads = Vec::new();
            for _ in 0..others {
                let out = out.clone();
                threads.push(thread::spawn(move || out.send()));
            }
            let sender = out.clone();
            threads
                .push(thread::spawn(move || (0..2 - others).for_each(|_| sender.send_at_the_peers_pace())));
            let peer = out.clone();
            threads.push(thread::spawn(move || {
                peer.drain();
                peer.be_late();
                peer.drain();
            }));
            out.serve(2);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(lock(&out.core).1, 0);
        });
    }
}

// ---- reading ----

#[derive(Default)]
struct Source {
    bytes: u32,
    edge: bool,
    kicked: bool,
    over: bool,
}

/// As the socket has it.
#[derive(PartialEq)]
enum Lead {
    Nobody,
    Caller,
    IoThread,
}

struct Core {
    token: ReadToken,
    /// In the socket's list of pipes to read.
    listed: bool,
    received: u32,
    lead: Lead,
}

struct Incoming {
    kernel: Mutex<Source>,
    changed: Condvar,
    mailbox: Mailbox,
    core: Mutex<Core>,
}

/// Bytes of the one message of the models, and how many a read takes at most.
const MESSAGE: u32 = 3;
const READ: u32 = 2;

impl Alarm for Incoming {
    fn ring(&self) {
        lock(&self.kernel).kicked = true;
        self.changed.notify_all();
    }
}

type Guard<'a> = crate::sync::MutexGuard<'a, Core>;

impl Incoming {
    fn new(lead: Lead) -> Arc<Incoming> {
        Arc::new(Incoming {
            kernel: Mutex::default(),
            changed: Condvar::new(),
            mailbox: Mailbox::new(),
            core: Mutex::new(Core { token: ReadToken::default(), listed: false, received: 0, lead }),
        })
    }

    fn arrive(&self, bytes: u32) {
        let mut kernel = lock(&self.kernel);
        kernel.bytes += bytes;
        kernel.edge = true;
        self.changed.notify_all();
    }

    /// As `Shared::read`.
    fn read<'a>(&'a self, mut core: Guard<'a>) -> (Guard<'a>, bool) {
        if !core.token.take() {
            return (core, false);
        }
        drop(core);
        let count = {
            let mut kernel = lock(&self.kernel);
            let count = kernel.bytes.min(READ);
            kernel.bytes -= count;
            count
        };
        let mut core = lock(&self.core);
        core.received += count;
        let drained = (count > 0).then_some(count < READ);
        core.listed |= core.token.give_back(drained);
        let news = core.received == MESSAGE;
        (core, news)
    }

    fn next_readable(core: &mut Core) -> bool {
        std::mem::take(&mut core.listed) && core.token.wants_reader()
    }

    fn mark(core: &mut Core, edge: bool) {
        if edge {
            core.token.news(false);
            core.listed = true;
        }
    }

    /// As a blocking receive in the lead.
    fn recv(self: &Arc<Self>) {
        let mut core = lock(&self.core);
        while core.received < MESSAGE {
            if Self::next_readable(&mut core) {
                let news;
                (core, news) = self.read(core);
                if news && core.lead == Lead::Caller {
                    self.mailbox.wake();
                }
                continue;
            }
            let Some(ticket) = self.mailbox.ticket() else { continue };
            if core.lead == Lead::Caller {
                drop(core);
                self.mailbox.sleep(ticket, None);
                core = lock(&self.core);
                continue;
            }
            core.lead = Lead::Caller;
            if self.mailbox.leader_sleeps(ticket, self.clone()) {
                drop(core);
                let mut kernel = lock(&self.kernel);
                while !kernel.edge && !kernel.kicked {
                    kernel = self.changed.wait(kernel).unwrap();
                }
                let edge = std::mem::take(&mut kernel.edge);
                kernel.kicked = false;
                drop(kernel);
                core = lock(&self.core);
                self.mailbox.leader_woke();
                Self::mark(&mut core, edge);
            }
            core.lead = Lead::Nobody;
            // For followers.
            self.mailbox.wake();
        }
        drop(core);
        lock(&self.kernel).over = true;
        self.changed.notify_all();
    }

    /// As the I/O thread in the lead, with one read a turn, until a caller has it.
    fn lead(&self) {
        let mut pending = false;
        loop {
            {
                let mut kernel = lock(&self.kernel);
                while !kernel.edge && !kernel.over && !pending {
                    kernel = self.changed.wait(kernel).unwrap();
                }
                if kernel.over {
                    return;
                }
            }
            let mut core = lock(&self.core);
            if core.lead != Lead::IoThread {
                return;
            }
            let edge = std::mem::take(&mut lock(&self.kernel).edge);
            Self::mark(&mut core, edge);
            let mut news = false;
            if Self::next_readable(&mut core) {
                (core, news) = self.read(core);
            }
            pending = core.listed;
            let lost = core.lead != Lead::IoThread;
            drop(core);
            if news || (pending && lost) {
                self.mailbox.wake();
            }
        }
    }
}

/// Goal: a caller that takes the lead from the I/O thread gets its message, whoever read which part of it.
#[test]
fn loom_taking_the_lead_loses_no_byte() {
    model(3, || {
        let incoming = Incoming::new(Lead::IoThread);
        incoming.arrive(1);
        let thread = incoming.clone();
        let io_thread = thread::spawn(move || thread.lead());
        let thread = incoming.clone();
        let peer = thread::spawn(move || thread.arrive(2));
        incoming.recv();
        io_thread.join().unwrap();
        peer.join().unwrap();
    });
}

/// Goal: the same when all bytes are there and no edge will ever come again. Regression: the I/O thread read a part,
/// lost the lead meanwhile and told nobody that there was more.
#[test]
fn loom_what_the_last_leader_left_is_read() {
    model(3, || {
        let incoming = Incoming::new(Lead::IoThread);
        incoming.arrive(3);
        let thread = incoming.clone();
        let io_thread = thread::spawn(move || thread.lead());
        incoming.recv();
        io_thread.join().unwrap();
    });
}

/// Goal: two callers on one socket see the message, one leading and one behind it.
#[test]
fn loom_callers_share_the_lead() {
    model(2, || {
        let incoming = Incoming::new(Lead::Nobody);
        let thread = incoming.clone();
        let other = thread::spawn(move || thread.recv());
        let thread = incoming.clone();
        let peer = thread::spawn(move || {
            thread.arrive(2);
            thread.arrive(1);
        });
        incoming.recv();
        other.join().unwrap();
        peer.join().unwrap();
    });
}
