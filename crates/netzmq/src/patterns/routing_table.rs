//! Who is who: routing ids to pipes, and back.
//!
//! An id is 1 to 255 bytes. An automatic one is a zero byte and a number that counts up from a random start, so that
//! no id given by a peer (which may not begin with zero) collides with it, and a restarted socket hardly repeats
//! itself. Never decides what becomes of a duplicate: it refuses, and its user acts.
//!
//! Invariant: the two directions agree; an id has one pipe and a pipe at most one id.

use super::{PipeId, Pipes};
use netzmq_memory::Message;
use std::collections::HashMap;

#[derive(Debug)]
struct Entry {
    /// Ready to be handed out with each message: cloning it copies no more than an inline message.
    id: Message,
    /// The peer is there, and its going is news.
    connected: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct RoutingTable {
    by_id: HashMap<Box<[u8]>, PipeId>,
    by_pipe: Vec<Option<Entry>>,
    /// The pipe found last: conversations come in runs, and comparing an id is cheaper than hashing it.
    recent: Option<PipeId>,
    next_number: u32,
}

impl RoutingTable {
    /// `seed`: where automatic ids start.
    pub(crate) fn new(seed: u32) -> RoutingTable {
        RoutingTable { by_id: HashMap::new(), by_pipe: Vec::new(), recent: None, next_number: seed }
    }

    #[inline]
    fn entry(&self, pipe: PipeId) -> Option<&Entry> {
        self.by_pipe.get(pipe.0 as usize)?.as_ref()
    }

    /// Gives `pipe`, which has no id, this one. False if the id is in use.
    pub(crate) fn insert(&mut self, pipe: PipeId, id: &[u8]) -> bool {
        if self.by_id.contains_key(id) || self.entry(pipe).is_some() {
            return false;
        }
        self.by_id.insert(id.into(), pipe);
        let index = pipe.0 as usize;
        if index >= self.by_pipe.len() {
            self.by_pipe.resize_with(index + 1, || None);
        }
        if let Some(place) = self.by_pipe.get_mut(index) {
            *place = Some(Entry { id: Message::copy_from_slice(id), connected: false });
        }
        true
    }

    /// Gives `pipe`, which has no id, a new one.
    pub(crate) fn insert_automatic(&mut self, pipe: PipeId) {
        if self.entry(pipe).is_some() {
            return;
        }
        loop {
            let [a, b, c, d] = self.next_number.to_be_bytes();
            self.next_number = self.next_number.wrapping_add(1);
            if self.insert(pipe, &[0, a, b, c, d]) {
                return;
            }
        }
    }

    /// Forgets `pipe`. Its id, and whether it was connected.
    pub(crate) fn remove(&mut self, pipe: PipeId) -> Option<(Message, bool)> {
        let entry = self.by_pipe.get_mut(pipe.0 as usize)?.take()?;
        self.by_id.remove(&entry.id[..]);
        if self.recent == Some(pipe) {
            self.recent = None;
        }
        Some((entry.id, entry.connected))
    }

    /// The pipe with this id.
    pub(crate) fn find(&self, id: &[u8]) -> Option<PipeId> {
        self.by_id.get(id).copied()
    }

    /// As `find`, and cheap if it is the same again.
    #[inline]
    pub(crate) fn look_up(&mut self, id: &[u8]) -> Option<PipeId> {
        if let Some(pipe) = self.recent
            && self.entry(pipe).is_some_and(|entry| entry.id[..] == *id)
        {
            return Some(pipe);
        }
        let found = self.find(id)?;
        self.recent = Some(found);
        Some(found)
    }

    /// The next id to be looked up is likely this pipe's: an answer follows a question.
    #[inline]
    pub(crate) fn foresee(&mut self, pipe: PipeId) {
        self.recent = Some(pipe);
    }

    #[inline]
    pub(crate) fn id_of(&self, pipe: PipeId) -> Option<&Message> {
        self.entry(pipe).map(|entry| &entry.id)
    }

    /// Notes whether the peer is there; what was noted before.
    pub(crate) fn set_connected(&mut self, pipe: PipeId, connected: bool) -> bool {
        let entry = self.by_pipe.get_mut(pipe.0 as usize).and_then(Option::as_mut);
        entry.is_some_and(|entry| std::mem::replace(&mut entry.connected, connected))
    }

    /// Whether any pipe with an id has room.
    pub(crate) fn any_writable<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        if self.recent.is_some_and(|pipe| pipes.can_write(pipe)) {
            return true;
        }
        let found = self.by_id.values().copied().find(|&pipe| pipes.can_write(pipe));
        self.recent = found.or(self.recent);
        found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32, String),
        Automatic(u32),
        Remove(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..5u32, "[abc]").prop_map(|(p, id)| Step::Insert(p, id)),
            1 => (0..5u32).prop_map(Step::Automatic),
            2 => (0..5u32).prop_map(Step::Remove),
        ]
    }

    proptest! {
        /// Goal: a one-to-one relation. Method: random steps beside a list of pairs.
        #[test]
        fn is_one_to_one(steps in proptest::collection::vec(step(), 0..100)) {
            let mut table = RoutingTable::new(u32::MAX - 1);
            let mut number = u32::MAX - 1;
            let mut model: Vec<(u32, Vec<u8>)> = Vec::new();
            for step in steps {
                match step {
                    Step::Insert(pipe, id) => {
                        let id = id.into_bytes();
                        let free = !model.iter().any(|(p, i)| *p == pipe || *i == id);
                        prop_assert_eq!(table.insert(PipeId(pipe), &id), free);
                        if free {
                            model.push((pipe, id));
                        }
                    }
                    Step::Automatic(pipe) => {
                        table.insert_automatic(PipeId(pipe));
                        if !model.iter().any(|(p, _)| *p == pipe) {
                            let mut id = vec![0];
                            id.extend(number.to_be_bytes());
                            number = number.wrapping_add(1);
                            model.push((pipe, id));
                        }
                    }
                    Step::Remove(pipe) => {
                        let at = model.iter().position(|(p, _)| *p == pipe);
                        let removed = table.remove(PipeId(pipe)).map(|(id, _)| id.to_vec());
                        prop_assert_eq!(removed, at.map(|at| model.remove(at).1));
                    }
                }
                for pipe in 0..5 {
                    let id = model.iter().find(|(p, _)| *p == pipe).map(|(_, id)| id.clone());
                    prop_assert_eq!(table.id_of(PipeId(pipe)).map(|id| id.to_vec()), id);
                }
                for id in [&b"a"[..], b"b", b"c"].into_iter().chain(model.iter().map(|(_, id)| &id[..])) {
                    let pipe = model.iter().find(|(_, i)| i == id).map(|(p, _)| PipeId(*p));
                    prop_assert_eq!(table.look_up(id), pipe);
                    prop_assert_eq!(table.look_up(id), pipe);
                }
            }
        }
    }

    /// Goal: the counter passes over ids in use when it comes round. Method: two of the same seed in one table.
    #[test]
    fn automatic_ids_avoid_those_in_use() {
        let mut table = RoutingTable::new(5);
        assert!(table.insert(PipeId(0), &[0, 0, 0, 0, 5]));
        table.insert_automatic(PipeId(1));
        assert_eq!(table.id_of(PipeId(1)).map(|id| id.to_vec()), Some(vec![0, 0, 0, 0, 6]));
    }
}
