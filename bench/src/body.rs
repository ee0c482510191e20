//! Bodies that prove themselves: [`Load`] makes them, [`Check`] verifies them.
//!
//! A body is its sequence number (8 bytes, little endian), a filler, and a last byte made from the sequence number. Every
//! message is checked for length, order and both ends, one in 1,024 for every byte between. A probe has the sequence
//! number `u64::MAX`; it may appear anywhere and is not counted. A *stamped* body has the time of sending (8 bytes,
//! little endian) behind its sequence number, which is no filler then.

use crate::{Failure, Report, Side, fail};

/// The smallest body: a sequence number and the last byte.
pub const SIZE_MIN: usize = 9;
/// The smallest body with a stamp.
pub const STAMPED_SIZE_MIN: usize = SIZE_MIN + 8;
/// Bytes of a probe.
pub const PROBE_BYTES: usize = SIZE_MIN;

const FILLER: u8 = 0xA5;
const PROBE: u64 = u64::MAX;
/// One in this many messages is compared in full.
const FULL_EVERY: u64 = 1024;

fn last_byte(sequence: u64) -> u8 {
    (sequence as u8) ^ 0x5A
}

fn sequence_of(body: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*body.first_chunk::<8>()?))
}

/// A message that only says "the way is open".
pub fn probe() -> [u8; PROBE_BYTES] {
    let mut body = [FILLER; PROBE_BYTES];
    body[..8].copy_from_slice(&PROBE.to_le_bytes());
    body
}

/// Whether `body` is a probe.
pub fn is_probe(body: &[u8]) -> bool {
    sequence_of(body) == Some(PROBE)
}

/// What a sender sends: `warmup + count` bodies, in order.
#[derive(Debug)]
pub struct Load {
    body: Vec<u8>,
    next: u64,
    warmup: u64,
    end: u64,
    side: Option<Side>,
}

impl Load {
    /// A load of `warmup` and then `count` bodies of `size` bytes.
    pub fn new(size: usize, warmup: u64, count: u64) -> Load {
        Load { body: vec![FILLER; size.max(SIZE_MIN)], next: 0, warmup, end: warmup + count, side: None }
    }

    /// The next body, or `None` when all have been given out. Starts this side's clock after the warm-up.
    #[inline]
    pub fn next_body(&mut self) -> Option<&[u8]> {
        if self.next == self.warmup {
            self.side = Some(Side::start());
        }
        if self.next == self.end {
            return None;
        }
        let last = self.body.len() - 1;
        self.body[..8].copy_from_slice(&self.next.to_le_bytes());
        self.body[last] = last_byte(self.next);
        self.next += 1;
        Some(&self.body)
    }

    /// The same with a stamp; the size is at least [`STAMPED_SIZE_MIN`].
    #[inline]
    pub fn next_stamped(&mut self, stamp: u64) -> Option<&[u8]> {
        if let Some(place) = self.body.get_mut(8..STAMPED_SIZE_MIN - 1) {
            place.copy_from_slice(&stamp.to_le_bytes());
        }
        self.next_body()
    }

    /// The sender's report. Call it when the other side has everything, so that the CPU time of flushing counts.
    pub fn report(self) -> Report {
        let count = self.end - self.warmup;
        let side = self.side.unwrap_or_else(Side::start);
        side.report(count, count * self.body.len() as u64)
    }
}

/// What a receiver must get: the same bodies, in the same order.
#[derive(Debug)]
pub struct Check {
    size: usize,
    next: u64,
    warmup: u64,
    end: u64,
    /// Where the filler begins.
    filler: usize,
    side: Option<Side>,
}

impl Check {
    /// Expects what `Load::new(size, warmup, count)` sends.
    pub fn new(size: usize, warmup: u64, count: u64) -> Check {
        Check { size, next: 0, warmup, end: warmup + count, filler: 8, side: None }
    }

    /// The same for stamped bodies.
    pub fn stamped(size: usize, warmup: u64, count: u64) -> Check {
        Check { filler: STAMPED_SIZE_MIN - 1, ..Check::new(size, warmup, count) }
    }

    /// The stamp of a stamped body.
    pub fn stamp_of(body: &[u8]) -> Option<u64> {
        Some(u64::from_le_bytes(*body.get(8..)?.first_chunk::<8>()?))
    }

    /// Whether messages are still to come.
    #[inline]
    pub fn more(&self) -> bool {
        self.next < self.end
    }

    /// Verifies one message; a probe is passed over. Starts the clock with the last message of the warm-up.
    #[inline]
    pub fn take(&mut self, body: &[u8]) -> Result<(), Failure> {
        let good = body.len() == self.size
            && sequence_of(body) == Some(self.next)
            && body.last() == Some(&last_byte(self.next));
        if !good {
            return self.refuse(body);
        }
        if self.next.is_multiple_of(FULL_EVERY) {
            self.compare_all(body)?;
        }
        self.next += 1;
        if self.next == self.warmup {
            self.side = Some(Side::start());
        }
        Ok(())
    }

    /// The measured part so far.
    pub fn side(&self) -> Option<&Side> {
        self.side.as_ref()
    }

    /// The receiver's report, with the clock stopped now.
    pub fn report(self) -> Report {
        let count = self.end - self.warmup;
        let side = self.side.unwrap_or_else(Side::start);
        side.report(count, count * self.size as u64)
    }

    #[cold]
    fn refuse(&self, body: &[u8]) -> Result<(), Failure> {
        if is_probe(body) {
            return Ok(());
        }
        let found = sequence_of(body);
        Err(fail(format!(
            "message {} is wrong: {} bytes (expected {}), sequence number {found:?}, last byte {:?}",
            self.next,
            body.len(),
            self.size,
            body.last()
        )))
    }

    #[cold]
    fn compare_all(&self, body: &[u8]) -> Result<(), Failure> {
        let filler = body.get(self.filler..body.len() - 1).unwrap_or_default();
        match filler.iter().position(|byte| *byte != FILLER) {
            None => Ok(()),
            Some(at) => Err(fail(format!("message {}: byte {} was changed", self.next, at + self.filler))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_passes_its_check() {
        let (mut load, mut check) = (Load::new(64, 2, 3000), Check::new(64, 2, 3000));
        while let Some(body) = load.next_body() {
            assert!(check.more());
            check.take(body).unwrap();
        }
        assert!(!check.more());
        let (sent, received) = (load.report(), check.report());
        assert_eq!((sent.messages, received.messages), (3000, 3000));
        assert_eq!((sent.bytes, received.bytes), (192_000, 192_000));
    }

    #[test]
    fn stamps_are_carried() {
        let mut load = Load::new(64, 1, 1);
        let mut check = Check::stamped(64, 1, 1);
        let body = load.next_stamped(7).unwrap();
        check.take(body).unwrap();
        assert_eq!(Check::stamp_of(body), Some(7));
        assert!(Check::new(64, 1, 1).take(body).is_err(), "elsewhere it would be damage");
    }

    #[test]
    fn probes_are_passed_over() {
        let mut check = Check::new(64, 1, 1);
        check.take(&probe()).unwrap();
        assert!(is_probe(&probe()) && check.more());
    }

    /// Each kind of damage is noticed: a lost message, a wrong length, either end, and (in message 0) the middle.
    #[test]
    fn damage_is_noticed() {
        let damage: [fn(&mut Vec<u8>); 5] =
            [|b| b[0] = 1, |b| b.push(0), |b| b.truncate(3), |b| *b.last_mut().unwrap() = 0, |b| b[20] = 0];
        for (which, harm) in damage.iter().enumerate() {
            let mut load = Load::new(64, 1, 1);
            let mut body = load.next_body().unwrap().to_vec();
            harm(&mut body);
            assert!(Check::new(64, 1, 1).take(&body).is_err(), "damage {which}");
        }
    }
}
