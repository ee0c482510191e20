//! Who is in a system call for a connection, and what is known of the kernel's side of it.
//!
//! Pure state that the socket's lock protects. A token is taken before the system call and given back after it, both
//! under the lock; what the I/O thread hears of the stream meanwhile is kept here, so that it is not lost between the
//! kernel's answer and the lock.
//!
//! Invariants:
//! - At most one thread holds a token.
//! - Bytes that wait to be written have somebody to write them: the holder, who looks again when it gives the token
//!   back; or, while `blocked`, the news that the stream is writable, which has not come yet.
//! - Bytes that wait in the kernel are known of: `readable` is set, or the holder will find them, or the news of them
//!   has not come yet. It is cleared *before* the system call, so that news that come during it stay.
//!
//! The models at the end of this file check these rules as they are used.

/// The right to write to a stream.
#[derive(Debug, Default)]
pub(crate) struct WriteToken {
    held: bool,
    /// The kernel had no room: the I/O thread goes on when the stream is writable.
    blocked: bool,
    /// The stream became writable while the token was out: its holder tries again.
    edge: bool,
}

impl WriteToken {
    /// Nobody writes, and the kernel is not known to be full.
    #[inline]
    pub(crate) fn is_free(&self) -> bool {
        !self.held && !self.blocked
    }

    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Takes the token if it is free. Whoever finds it held leaves its bytes to the holder.
    #[inline]
    pub(crate) fn take(&mut self) -> bool {
        if !self.is_free() {
            return false;
        }
        self.held = true;
        self.edge = false;
        true
    }

    /// Takes the token of a stream that has no room, to wait for that. Not if somebody has it.
    pub(crate) fn take_blocked(&mut self) -> bool {
        if self.held || !self.blocked {
            return false;
        }
        self.held = true;
        self.blocked = false;
        self.edge = false;
        true
    }

    /// Gives the token back; `full`: the kernel did not take everything. If the token is free after this, look again
    /// at what waits to be written.
    #[inline]
    pub(crate) fn give_back(&mut self, full: bool) {
        self.held = false;
        self.blocked = full && !self.edge;
    }

    /// The stream has become writable. True: write what waits; else the holder does.
    pub(crate) fn room(&mut self) -> bool {
        if self.held {
            self.edge = true;
        } else {
            self.blocked = false;
        }
        !self.held
    }

    /// Another stream takes the place of the one that was lost. Only while nobody holds the token.
    pub(crate) fn renew(&mut self) {
        debug_assert!(!self.held, "somebody is in a write for the old stream");
        *self = WriteToken::default();
    }
}

/// The right to read from a stream.
#[derive(Debug, Default)]
pub(crate) struct ReadToken {
    held: bool,
    /// The kernel may hold bytes that nobody has read.
    readable: bool,
    /// The end of the stream has been reported, and will not be again: read on until it is found.
    hangup: bool,
    /// The same, from before the read that is going on.
    hangup_before: bool,
}

impl ReadToken {
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// There may be something to read, and nobody does. A holder is told by `give_back`.
    #[inline]
    pub(crate) fn wants_reader(&self) -> bool {
        self.readable && !self.held
    }

    /// The kernel has something. `hangup`: perhaps the end.
    #[inline]
    pub(crate) fn news(&mut self, hangup: bool) {
        self.readable = true;
        self.hangup |= hangup;
    }

    /// Takes the token if nobody has it.
    #[inline]
    pub(crate) fn take(&mut self) -> bool {
        if self.held {
            return false;
        }
        self.held = true;
        self.readable = false;
        self.hangup_before = std::mem::take(&mut self.hangup);
        true
    }

    /// Gives the token back after a read that found bytes (`Some`: and took the last of them, for what the kernel
    /// says) or none. True: there may be more, so the stream must be on a list of those to be read.
    #[inline]
    pub(crate) fn give_back(&mut self, drained: Option<bool>) -> bool {
        self.held = false;
        let hangup_before = std::mem::take(&mut self.hangup_before);
        if let Some(drained) = drained {
            // A short read does not mean that there is no end behind it.
            self.hangup |= hangup_before;
            self.readable |= !drained || self.hangup;
        }
        self.readable
    }

    /// The stream is lost, or another one takes its place. Only while nobody holds the token.
    pub(crate) fn renew(&mut self) {
        debug_assert!(!self.held, "somebody is in a read from the old stream");
        *self = ReadToken::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_that_came_during_a_write_is_not_lost() {
        let mut token = WriteToken::default();
        assert!(token.take() && !token.take());
        assert!(!token.room());
        token.give_back(true);
        assert!(token.is_free(), "tries again");
        assert!(token.take());
        token.give_back(true);
        assert!(!token.is_free() && !token.take());
        assert!(token.room() && token.is_free());
    }

    #[test]
    fn who_waits_for_room_has_the_token() {
        let mut token = WriteToken::default();
        assert!(!token.take_blocked(), "there is room");
        assert!(token.take());
        token.give_back(true);
        assert!(token.take_blocked() && !token.take_blocked() && !token.take());
        assert!(!token.room(), "the holder is told");
        token.give_back(true);
        assert!(token.is_free(), "room came while it waited");
        assert!(token.take());
        token.give_back(true);
        assert!(token.take_blocked());
        token.give_back(true);
        assert!(!token.is_free() && token.room(), "waited in vain: the next news are the I/O thread's");
    }

    #[test]
    fn news_that_came_during_a_read_stay() {
        let mut token = ReadToken::default();
        token.news(false);
        assert!(token.wants_reader() && token.take() && !token.take());
        token.news(false);
        assert!(!token.wants_reader());
        assert!(token.give_back(Some(true)));
        assert!(token.take());
        assert!(!token.give_back(Some(true)), "a short read has found everything");
        assert!(token.take());
        assert!(token.give_back(Some(false)), "a full one has not");
    }

    #[test]
    fn the_end_is_looked_for_until_it_is_found() {
        let mut token = ReadToken::default();
        token.news(true);
        for _ in 0..3 {
            assert!(token.take());
            assert!(token.give_back(Some(true)));
        }
        assert!(token.take());
        assert!(!token.give_back(None));
    }
}

/// Models of how the tokens are used, with a kernel that reports changes by edges: once, and to whoever asks first.
#[cfg(all(test, netzmq_loom))]
mod loom_tests {
    use loom::thread;

    use super::*;
    use crate::pipe::mailbox::{Alarm, Mailbox};
    use crate::sync::{Arc, Condvar, Mutex, lock, model};

    // ---- writing ----

    #[derive(Default)]
    struct Drain {
        room: u32,
        /// A writer has met the end of the room: the next room is reported.
        short: bool,
        edge: bool,
        written: u32,
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
            kernel.short |= written < bytes;
            self.changed.notify_all();
            written
        }

        /// The peer reads a byte.
        fn drain(&self) {
            let mut kernel = lock(&self.kernel);
            kernel.room += 1;
            kernel.edge |= std::mem::take(&mut kernel.short);
            self.changed.notify_all();
        }

        /// As `Shared::flush`, whose last words (bytes that are left go to the I/O thread) are another round here.
        fn flush(&self) {
            loop {
                let mut core = lock(&self.core);
                if !core.0.is_free() || core.1 == 0 {
                    return;
                }
                let bytes = std::mem::take(&mut core.1);
                core.0.take();
                drop(core);
                let written = self.write(bytes);
                let mut core = lock(&self.core);
                core.0.give_back(written < bytes);
                core.1 += bytes - written;
            }
        }

        fn send(&self) {
            lock(&self.core).1 += 1;
            self.flush();
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
                    self.flush();
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
}
