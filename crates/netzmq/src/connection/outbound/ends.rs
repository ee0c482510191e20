//! Where the messages of a stream end: as runs of ends at equal distances, since the messages of a stream are mostly
//! alike. Such a message costs a comparison and two additions, and a batch of them leaves at once.
//!
//! Invariants:
//! - Ends only grow, from run to run and within one.
//! - `open` is the last run; it is empty only if all are.

use std::collections::VecDeque;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Ends {
    closed: VecDeque<Run>,
    closed_len: usize,
    /// Keeps its last end and its step when it is empty, for what goes on alike.
    open: Run,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    last: u64,
    step: u64,
    count: usize,
}

impl Run {
    fn first(&self) -> u64 {
        self.last - self.step * (self.count as u64).saturating_sub(1)
    }

    /// How many of its ends are not behind `offset`.
    fn up_to(&self, offset: u64) -> usize {
        let first = self.first();
        if self.last <= offset {
            self.count
        } else if offset < first {
            0
        } else {
            // Between the two, so there is a distance.
            ((offset - first) / self.step) as usize + 1
        }
    }
}

impl Ends {
    pub(crate) const fn new() -> Ends {
        Ends { closed: VecDeque::new(), closed_len: 0, open: Run { last: 0, step: 0, count: 0 } }
    }

    /// All of them, leaving none.
    pub(crate) fn take(&mut self) -> Ends {
        std::mem::replace(self, Ends::new())
    }

    /// Forgets all of them, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.closed.clear();
        self.closed_len = 0;
        self.open.count = 0;
    }

    /// Empty: the next end is behind this one, and the first guess is that it is as far from it as the last two were.
    pub(crate) fn restart(&mut self, at: u64) {
        debug_assert_eq!(self.len(), 0);
        self.open.last = at;
    }

    /// The next end.
    #[inline]
    pub(crate) fn push(&mut self, end: u64) {
        let step = end - self.open.last;
        if step == self.open.step {
            self.open.last = end;
            self.open.count += 1;
        } else {
            self.begin(end, step);
        }
    }

    #[inline(never)]
    fn begin(&mut self, end: u64, step: u64) {
        if self.open.count == 1 {
            self.open = Run { last: end, step, count: 2 };
            return;
        }
        if self.open.count > 0 {
            self.close();
        }
        self.open = Run { last: end, step, count: 1 };
    }

    /// Those of another list, each moved by `base`.
    pub(crate) fn append(&mut self, base: u64, others: &Ends) {
        for run in others.closed.iter().chain([&others.open]) {
            if run.count == 0 {
                continue;
            }
            self.push(base + run.first());
            if run.count == 1 {
                continue;
            }
            if self.open.step != run.step && self.open.count > 1 {
                // The end that was pushed last begins a run of its own.
                let last = self.open.last;
                self.open = Run { last: last - self.open.step, count: self.open.count - 1, ..self.open };
                self.close();
                self.open = Run { last, step: 0, count: 1 };
            }
            self.open = Run { last: base + run.last, step: run.step, count: self.open.count + run.count - 1 };
        }
    }

    fn close(&mut self) {
        self.closed.push_back(self.open);
        self.closed_len += self.open.count;
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.closed_len + self.open.count
    }

    pub(crate) fn first(&self) -> Option<u64> {
        let open = (self.open.count > 0).then_some(&self.open);
        self.closed.front().or(open).map(Run::first)
    }

    /// How many ends are not behind `offset`. Its cost grows with those alone.
    pub(crate) fn up_to(&self, offset: u64) -> usize {
        let mut count = 0;
        for run in self.closed.iter().chain([&self.open]) {
            let part = run.up_to(offset);
            count += part;
            if part < run.count {
                break;
            }
        }
        count
    }

    /// Forgets those that are not behind `offset`, and names the last of them.
    pub(crate) fn pop_up_to(&mut self, offset: u64) -> Option<u64> {
        let mut popped = None;
        while let Some(run) = self.closed.front_mut() {
            let part = run.up_to(offset);
            if part == 0 {
                return popped;
            }
            popped = Some(run.first() + run.step * (part as u64 - 1));
            run.count -= part;
            self.closed_len -= part;
            if run.count > 0 {
                return popped;
            }
            self.closed.pop_front();
        }
        let part = self.open.up_to(offset);
        if part > 0 {
            popped = Some(self.open.first() + self.open.step * (part as u64 - 1));
            self.open.count -= part;
        }
        popped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Goal: what one list holds is another's. Method: beside plain ones.
        #[test]
        fn as_a_plain_list_when_appended(
            lists in proptest::collection::vec(proptest::collection::vec((0..4u64, 1..4u64), 0..6), 0..6),
        ) {
            let (mut ends, mut plain) = (Ends::new(), Vec::new());
            for list in lists {
                let (mut others, mut end) = (Ends::new(), 0);
                let base = plain.last().copied().unwrap_or(0);
                for (repeat, distance) in list {
                    for _ in 0..=repeat {
                        end += distance;
                        others.push(end);
                        plain.push(base + end);
                    }
                }
                ends.append(base, &others);
            }
            prop_assert_eq!(ends.len(), plain.len());
            for (number, end) in plain.iter().enumerate() {
                prop_assert_eq!(ends.first(), Some(*end));
                let more = plain.iter().skip(number).take_while(|other| *other == end).count();
                prop_assert_eq!(ends.up_to(*end), more);
                if plain.get(number + 1) != Some(end) {
                    prop_assert_eq!(ends.pop_up_to(*end), Some(*end));
                }
            }
            prop_assert_eq!(ends.len(), 0);
        }

        /// Goal: a list of growing numbers, whatever their distances. Method: beside a plain one, step by step.
        #[test]
        fn as_a_plain_list(steps in proptest::collection::vec((0..4u64, 0..4u64, any::<bool>()), 0..200)) {
            let (mut ends, mut plain) = (Ends::new(), VecDeque::new());
            let mut end = 0;
            for (repeat, distance, pop) in steps {
                for _ in 0..=repeat {
                    end += distance;
                    ends.push(end);
                    plain.push_back(end);
                }
                // Somewhere among them, before them or behind.
                let offset = end.saturating_sub(repeat * 3);
                prop_assert_eq!(ends.up_to(offset), plain.iter().filter(|end| **end <= offset).count());
                if pop {
                    let mut last = None;
                    while plain.front().is_some_and(|end| *end <= offset) {
                        last = plain.pop_front();
                    }
                    prop_assert_eq!(ends.pop_up_to(offset), last);
                }
                prop_assert_eq!((ends.len(), ends.first()), (plain.len(), plain.front().copied()));
            }
        }
    }
}
