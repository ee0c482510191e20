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

#[cfg(all(test, netzmq_loom))]
mod models;
