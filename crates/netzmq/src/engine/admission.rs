//! How many connections one listener has, and how many of them are still in their handshake.
//!
//! Counted over all I/O threads. Each accepted connection holds a [`Place`] from the moment it is accepted until nothing of
//! it is left; the numbers are right because nobody else touches them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One listener's numbers.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    connections: AtomicUsize,
    handshakes: AtomicUsize,
}

impl Crowd {
    /// A place for one more connection; `None` if there are `max` (0: no limit) already.
    pub(crate) fn enter(self: &Arc<Crowd>, max: usize) -> Option<Place> {
        // Relaxed, here and below: a bound on a number, and nothing else is read because of it. Only the listener's thread
        // enters, so the limit can't be overrun.
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        self.handshakes.fetch_add(1, Ordering::Relaxed);
        let place = Place { crowd: self.clone(), shaking: true };
        // If there is none, dropping it takes both back.
        (max == 0 || before < max).then_some(place)
    }
}

/// One connection's place.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    shaking: bool,
}

impl Place {
    /// More connections are in their handshake than this (0: no limit).
    pub(crate) fn is_crowded(&self, max: usize) -> bool {
        max > 0 && self.crowd.handshakes.load(Ordering::Relaxed) > max
    }

    /// The handshake is over.
    pub(crate) fn settle(&mut self) {
        if std::mem::take(&mut self.shaking) {
            self.crowd.handshakes.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.settle();
        self.crowd.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let crowd = Arc::new(Crowd::default());
        let mut first = crowd.enter(2).unwrap();
        let second = crowd.enter(2).unwrap();
        assert!(crowd.enter(2).is_none());
        assert!(crowd.enter(0).is_some());
        assert!(first.is_crowded(1) && !first.is_crowded(2) && !first.is_crowded(0));
        first.settle();
        assert!(!second.is_crowded(1));
        drop(first);
        assert!(crowd.enter(2).is_some());
        drop(second);
        assert_eq!(crowd.handshakes.load(Ordering::Relaxed), 0);
        assert_eq!(crowd.connections.load(Ordering::Relaxed), 0);
    }
}
