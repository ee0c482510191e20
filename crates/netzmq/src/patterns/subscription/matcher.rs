//! The publisher's book: which pipes want which topics.
//!
//! Per pipe a topic is wanted or not, however often it asked (libzmq's publishers do not count, and its subscribers
//! count for themselves and cancel once, so counting here would keep dead subscriptions). A pipe's topics are listed
//! with the pipe, so that its going costs what it had and not what all have.

use super::super::PipeId;
use super::{NodeId, Trie, Vacant};
use std::collections::HashSet;

/// A set of pipes; most have one member or are empty.
#[derive(Debug, Default)]
enum PipeSet {
    #[default]
    None,
    One(PipeId),
    /// Sorted.
    Many(Vec<PipeId>),
}

impl Vacant for PipeSet {
    #[inline]
    fn is_vacant(&self) -> bool {
        matches!(self, PipeSet::None)
    }
}

impl PipeSet {
    #[inline]
    fn as_slice(&self) -> &[PipeId] {
        match self {
            PipeSet::None => &[],
            PipeSet::One(pipe) => std::slice::from_ref(pipe),
            PipeSet::Many(pipes) => pipes,
        }
    }

    /// False if it was a member already.
    fn insert(&mut self, pipe: PipeId) -> bool {
        match self {
            PipeSet::None => *self = PipeSet::One(pipe),
            PipeSet::One(only) if *only == pipe => return false,
            PipeSet::One(only) => {
                *self = PipeSet::Many(vec![pipe.min(*only), pipe.max(*only)]);
            }
            PipeSet::Many(pipes) => match pipes.binary_search(&pipe) {
                Ok(_) => return false,
                Err(at) => pipes.insert(at, pipe),
            },
        }
        true
    }

    /// False if it was no member.
    fn remove(&mut self, pipe: PipeId) -> bool {
        match self {
            PipeSet::One(only) if *only == pipe => *self = PipeSet::None,
            PipeSet::None | PipeSet::One(_) => return false,
            PipeSet::Many(pipes) => {
                let Ok(at) = pipes.binary_search(&pipe) else { return false };
                pipes.remove(at);
                if let [only] = pipes[..] {
                    *self = PipeSet::One(only);
                }
            }
        }
        true
    }
}

/// What a subscription changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// Nobody wanted the topic before.
    First,
    /// Others wanted it.
    Another,
    /// This pipe wanted it already.
    Already,
}

/// What a cancellation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// Nobody wants the topic any more.
    Last,
    /// Others want it.
    OthersRemain,
    /// This pipe did not want it.
    NotFound,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Matcher {
    trie: Trie<PipeSet>,
    by_pipe: Vec<HashSet<NodeId>>,
    topics: usize,
}

impl Matcher {
    pub(crate) fn new() -> Matcher {
        Matcher { trie: Trie::new(), by_pipe: Vec::new(), topics: 0 }
    }

    pub(crate) fn add(&mut self, topic: &[u8], pipe: PipeId) -> Added {
        let node = self.trie.insert(topic);
        let Some(pipes) = self.trie.value_mut(node) else { return Added::Already };
        let first = pipes.is_vacant();
        if !pipes.insert(pipe) {
            return Added::Already;
        }
        let index = pipe.0 as usize;
        if index >= self.by_pipe.len() {
            self.by_pipe.resize_with(index + 1, HashSet::new);
        }
        if let Some(nodes) = self.by_pipe.get_mut(index) {
            nodes.insert(node);
        }
        self.topics += usize::from(first);
        if first { Added::First } else { Added::Another }
    }

    pub(crate) fn remove(&mut self, topic: &[u8], pipe: PipeId) -> Removed {
        let Some(node) = self.trie.find(topic) else { return Removed::NotFound };
        let removed = self.remove_from(node, pipe);
        if removed != Removed::NotFound
            && let Some(nodes) = self.by_pipe.get_mut(pipe.0 as usize)
        {
            nodes.remove(&node);
        }
        removed
    }

    fn remove_from(&mut self, node: NodeId, pipe: PipeId) -> Removed {
        let Some(pipes) = self.trie.value_mut(node) else { return Removed::NotFound };
        if !pipes.remove(pipe) {
            return Removed::NotFound;
        }
        if !pipes.is_vacant() {
            return Removed::OthersRemain;
        }
        self.topics -= 1;
        self.trie.prune(node);
        Removed::Last
    }

    /// Forgets all that `pipe` wanted.
    pub(crate) fn forget_pipe(&mut self, pipe: PipeId) {
        for node in self.take_nodes(pipe) {
            self.remove_from(node, pipe);
        }
    }

    /// As `forget_pipe`, and reports each topic in order, with whether nobody wants it any more.
    pub(crate) fn remove_pipe(&mut self, pipe: PipeId, mut report: impl FnMut(&[u8], bool)) {
        let mut topics = Vec::new();
        for node in self.take_nodes(pipe) {
            let mut topic = Vec::new();
            self.trie.text_of(node, &mut topic);
            let last = self.remove_from(node, pipe) == Removed::Last;
            topics.push((topic, last));
        }
        topics.sort();
        topics.iter().for_each(|(topic, last)| report(topic, *last));
    }

    fn take_nodes(&mut self, pipe: PipeId) -> HashSet<NodeId> {
        self.by_pipe.get_mut(pipe.0 as usize).map(std::mem::take).unwrap_or_default()
    }

    /// Hands out the pipes that want a message that begins with `body`, a pipe perhaps several times.
    #[inline]
    pub(crate) fn matching(&self, body: &[u8], mut visit: impl FnMut(PipeId)) {
        self.trie.prefixes(body, |pipes| {
            pipes.as_slice().iter().for_each(|&pipe| visit(pipe));
            true
        });
    }

    /// How many bytes of `body` decide whom `matching` hands out: the same for all that begin with them. `None` if it is
    /// not so simple.
    pub(crate) fn decisive(&self, body: &[u8]) -> Option<usize> {
        self.trie.decisive(body)
    }

    /// Hands out the pipes that want exactly `topic` (groups have no prefixes).
    pub(crate) fn matching_exactly(&self, topic: &[u8], visit: impl FnMut(PipeId)) {
        if let Some(pipes) = self.trie.find(topic).and_then(|node| self.trie.value(node)) {
            pipes.as_slice().iter().copied().for_each(visit);
        }
    }

    /// How many topics `pipe` wants.
    pub(crate) fn count_of(&self, pipe: PipeId) -> usize {
        self.by_pipe.get(pipe.0 as usize).map_or(0, HashSet::len)
    }

    /// How many different topics are wanted.
    pub(crate) fn len(&self) -> usize {
        self.topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Add(String, u32),
        Remove(String, u32),
        Forget(u32),
        RemovePipe(u32),
    }

    /// Topics long enough to need chains of nodes, of few letters so that they share and branch.
    fn topic() -> impl Strategy<Value = String> {
        prop_oneof![3 => "[ab]{0,5}", 1 => "(aaaaaaaaa){0,5}[ab]{0,3}", 1 => "[a-z]{1,2}"]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (topic(), 0..5u32).prop_map(|(t, p)| Step::Add(t, p)),
            4 => (topic(), 0..5u32).prop_map(|(t, p)| Step::Remove(t, p)),
            1 => (0..5u32).prop_map(Step::Forget),
            1 => (0..5u32).prop_map(Step::RemovePipe),
        ]
    }

    proptest! {
        /// Goal: a set of (topic, pipe). Method: random steps beside a plain list of pairs.
        #[test]
        fn is_a_set_of_topics_and_pipes(
            steps in proptest::collection::vec(step(), 0..150),
            probes in proptest::collection::vec(topic(), 6),
        ) {
            let mut matcher = Matcher::new();
            let mut model: Vec<(String, u32)> = Vec::new();
            for step in steps {
                match step {
                    Step::Add(topic, pipe) => {
                        let wanted = if model.contains(&(topic.clone(), pipe)) {
                            Added::Already
                        } else if model.iter().any(|(t, _)| *t == topic) {
                            Added::Another
                        } else {
                            Added::First
                        };
                        prop_assert_eq!(matcher.add(topic.as_bytes(), PipeId(pipe)), wanted);
                        if wanted != Added::Already {
                            model.push((topic, pipe));
                        }
                    }
                    Step::Remove(topic, pipe) => {
                        let before = model.len();
                        model.retain(|pair| *pair != (topic.clone(), pipe));
                        let wanted = if model.len() == before {
                            Removed::NotFound
                        } else if model.iter().any(|(t, _)| *t == topic) {
                            Removed::OthersRemain
                        } else {
                            Removed::Last
                        };
                        prop_assert_eq!(matcher.remove(topic.as_bytes(), PipeId(pipe)), wanted);
                    }
                    Step::Forget(pipe) => {
                        matcher.forget_pipe(PipeId(pipe));
                        model.retain(|(_, p)| *p != pipe);
                    }
                    Step::RemovePipe(pipe) => {
                        let mut gone: Vec<String> =
                            model.iter().filter(|(_, p)| *p == pipe).map(|(t, _)| t.clone()).collect();
                        gone.sort();
                        model.retain(|(_, p)| *p != pipe);
                        let mut reported = Vec::new();
                        matcher.remove_pipe(PipeId(pipe), |topic, last| {
                            reported.push((String::from_utf8(topic.to_vec()).unwrap(), last));
                        });
                        let wanted: Vec<(String, bool)> = gone
                            .into_iter()
                            .map(|topic| {
                                let last = !model.iter().any(|(t, _)| *t == topic);
                                (topic, last)
                            })
                            .collect();
                        prop_assert_eq!(reported, wanted);
                    }
                }
                let mut topics: Vec<&String> = model.iter().map(|(t, _)| t).collect();
                topics.sort();
                topics.dedup();
                prop_assert_eq!(matcher.len(), topics.len());
                for pipe in 0..5 {
                    let count = model.iter().filter(|(_, p)| *p == pipe).count();
                    prop_assert_eq!(matcher.count_of(PipeId(pipe)), count);
                }
                for probe in &probes {
                    let mut found = Vec::new();
                    matcher.matching(probe.as_bytes(), |pipe| found.push(pipe.0));
                    let mut wanted: Vec<u32> =
                        model.iter().filter(|(t, _)| probe.starts_with(t.as_str())).map(|(_, p)| *p).collect();
                    found.sort_unstable();
                    wanted.sort_unstable();
                    prop_assert_eq!(found, wanted);
                    let mut found = Vec::new();
                    matcher.matching_exactly(probe.as_bytes(), |pipe| found.push(pipe.0));
                    let mut wanted: Vec<u32> =
                        model.iter().filter(|(t, _)| t == probe).map(|(_, p)| *p).collect();
                    found.sort_unstable();
                    wanted.sort_unstable();
                    prop_assert_eq!(found, wanted);
                }
                // Each topic needs a node, a branch and, if it is long, a chain: no litter.
                let bound = 1 + topics.iter().map(|t| 2 + t.len() / 5).sum::<usize>();
                prop_assert!(matcher.trie.node_count() <= bound);
            }
        }
    }

    /// Goal: a hundred thousand topics are found and leave nothing behind. Method: add all, match, drop the pipes.
    #[test]
    fn holds_a_hundred_thousand_topics() {
        let mut matcher = Matcher::new();
        for n in 0..100_000u32 {
            matcher.add(format!("sensor.{}.{}", n % 331, n).as_bytes(), PipeId(n % 7));
        }
        assert_eq!(matcher.len(), 100_000);
        let mut found = Vec::new();
        matcher.matching(b"sensor.5.5|reading", |pipe| found.push(pipe));
        assert_eq!(found, [PipeId(5)]);
        for pipe in 0..7 {
            matcher.forget_pipe(PipeId(pipe));
        }
        assert_eq!((matcher.len(), matcher.trie.node_count()), (0, 1));
    }

    /// Goal: depth is no danger. Method: a long topic, many of its prefixes, and their removal.
    #[test]
    fn long_topics_need_no_stack() {
        let topic = vec![b'x'; 100_000];
        let mut matcher = Matcher::new();
        for len in (0..=topic.len()).step_by(1000) {
            matcher.add(&topic[..len], PipeId(1));
        }
        let mut found = 0;
        matcher.matching(&topic, |_| found += 1);
        assert_eq!(found, matcher.len());
        matcher.remove_pipe(PipeId(1), |_, last| assert!(last));
        assert_eq!((matcher.len(), matcher.trie.node_count()), (0, 1));
    }

    /// Goal: a node of a pipe set is one cache line.
    #[test]
    fn a_set_of_pipes_is_three_words() {
        assert_eq!(size_of::<PipeSet>(), 24);
    }
}
