//! The subscriber's book: which topics the application asked for, and how often.
//!
//! A topic subscribed to twice must be unsubscribed from twice (RFC 29). Used to tell the publishers, to tell a new
//! publisher everything, and to drop what a publisher sends although no one asked for it (any more).

use super::{Trie, Vacant};

#[derive(Debug, Default)]
struct Count(u32);

impl Vacant for Count {
    fn is_vacant(&self) -> bool {
        self.0 == 0
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Filter {
    trie: Trie<Count>,
    topics: usize,
}

impl Filter {
    pub(crate) fn new() -> Filter {
        Filter { trie: Trie::new(), topics: 0 }
    }

    /// Counts one more subscription to `topic`.
    pub(crate) fn add(&mut self, topic: &[u8]) {
        let node = self.trie.insert(topic);
        if let Some(count) = self.trie.value_mut(node) {
            self.topics += usize::from(count.0 == 0);
            count.0 = count.0.saturating_add(1);
        }
    }

    /// Counts one subscription to `topic` less. True if it was the last one; false also if there was none.
    pub(crate) fn remove(&mut self, topic: &[u8]) -> bool {
        let Some(node) = self.trie.find(topic) else { return false };
        let Some(count) = self.trie.value_mut(node) else { return false };
        if count.0 == 0 {
            return false;
        }
        count.0 -= 1;
        let last = count.0 == 0;
        if last {
            self.topics -= 1;
            self.trie.prune(node);
        }
        last
    }

    /// Whether a message that begins with `body` was asked for.
    #[inline]
    pub(crate) fn accepts(&self, body: &[u8]) -> bool {
        let mut accepted = false;
        self.trie.prefixes(body, |_| {
            accepted = true;
            false
        });
        accepted
    }

    /// Whether exactly `topic` was asked for (groups have no prefixes).
    pub(crate) fn contains(&self, topic: &[u8]) -> bool {
        self.trie.find(topic).is_some_and(|node| self.trie.value(node).is_some_and(|count| count.0 > 0))
    }

    /// Hands out every topic, once each.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        self.trie.for_each(|topic, _| visit(topic));
    }

    /// How many different topics there are.
    pub(crate) fn len(&self) -> usize {
        self.topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Goal: a counted set of prefixes. Method: random steps beside a plain list of topics, over an alphabet of
        /// two bytes so that topics share prefixes, split and join.
        #[test]
        fn is_a_counted_set_of_prefixes(
            steps in proptest::collection::vec((any::<bool>(), "[ab]{0,6}"), 0..120),
            probes in proptest::collection::vec("[abc]{0,8}", 8),
        ) {
            let mut filter = Filter::new();
            let mut model: Vec<String> = Vec::new();
            for (add, topic) in steps {
                if add {
                    filter.add(topic.as_bytes());
                    model.push(topic);
                } else {
                    let at = model.iter().position(|t| *t == topic);
                    if let Some(at) = at {
                        model.remove(at);
                    }
                    let last = at.is_some() && !model.contains(&topic);
                    prop_assert_eq!(filter.remove(topic.as_bytes()), last);
                }
                let mut topics = model.clone();
                topics.sort();
                topics.dedup();
                prop_assert_eq!(filter.len(), topics.len());
                let mut listed = Vec::new();
                filter.for_each(|topic| listed.push(String::from_utf8(topic.to_vec()).unwrap()));
                prop_assert_eq!(listed, topics);
                for probe in &probes {
                    let wanted = model.iter().any(|topic| probe.starts_with(topic.as_str()));
                    prop_assert_eq!(filter.accepts(probe.as_bytes()), wanted);
                    prop_assert_eq!(filter.contains(probe.as_bytes()), model.contains(probe));
                }
            }
        }
    }
}
