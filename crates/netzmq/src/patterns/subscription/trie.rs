//! A prefix tree: byte strings to values, and all the values whose string is a prefix of a given one.
//!
//! Paths without branches are one node as long as their label fits into it. The label lies in the node (no second
//! cache miss), and its limit bounds what splitting and joining nodes can cost: a peer that holds a topic of a
//! megabyte can't make each tiny topic that branches off it copy a megabyte. A longer path is a chain of nodes.
//!
//! Invariants:
//! - Nodes are named by index; a node's name stays while it has a value, whatever happens around it.
//! - A node without a value has children (or is the root): nothing is left behind by what was removed.
//! - A child is filed under the first byte of its label, and labels are not empty (but the root's).
//! - Nothing recurses.

use super::children::Children;

/// Names a node of one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u32);

impl NodeId {
    pub(crate) const ROOT: NodeId = NodeId(0);

    #[cfg(test)]
    pub(crate) fn new(index: u32) -> NodeId {
        NodeId(index)
    }
}

/// A value that can be absent, which is how it starts.
pub(crate) trait Vacant: Default {
    fn is_vacant(&self) -> bool;
}

/// Makes a node of a pipe set one cache line: 20 for the label, 4 parent, 16 children, 24 value.
const LABEL_MAX: usize = 19;

#[derive(Clone, Copy, Debug)]
struct Label {
    len: u8,
    bytes: [u8; LABEL_MAX],
}

impl Label {
    const EMPTY: Label = Label { len: 0, bytes: [0; LABEL_MAX] };

    /// As much of `bytes` as fits.
    fn prefix_of(bytes: &[u8]) -> Label {
        let mut label = Label::EMPTY;
        for (to, from) in label.bytes.iter_mut().zip(bytes) {
            *to = *from;
            label.len += 1;
        }
        label
    }

    /// Both in one, if it fits.
    fn joined(&self, tail: &Label) -> Option<Label> {
        let mut label = *self;
        let place = label.bytes.get_mut(usize::from(self.len)..)?.get_mut(..tail.as_slice().len())?;
        place.copy_from_slice(tail.as_slice());
        label.len += tail.len;
        Some(label)
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn first(&self) -> u8 {
        self.bytes[0]
    }
}

#[derive(Debug)]
struct Node<V> {
    parent: NodeId,
    label: Label,
    children: Children,
    value: V,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Trie<V> {
    nodes: Vec<Node<V>>,
    /// Nodes out of use, to be used again.
    free: Vec<NodeId>,
}

impl<V: Vacant> Trie<V> {
    pub(crate) fn new() -> Trie<V> {
        let root =
            Node { parent: NodeId::ROOT, label: Label::EMPTY, children: Children::None, value: V::default() };
        Trie { nodes: vec![root], free: Vec::new() }
    }

    #[inline]
    fn node(&self, node: NodeId) -> Option<&Node<V>> {
        self.nodes.get(node.0 as usize)
    }

    fn node_mut(&mut self, node: NodeId) -> Option<&mut Node<V>> {
        self.nodes.get_mut(node.0 as usize)
    }

    pub(crate) fn value(&self, node: NodeId) -> Option<&V> {
        self.node(node).map(|node| &node.value)
    }

    pub(crate) fn value_mut(&mut self, node: NodeId) -> Option<&mut V> {
        self.node_mut(node).map(|node| &mut node.value)
    }

    /// Hands out the values of all prefixes of `text`, shortest first, until `visit` says false.
    #[inline]
    pub(crate) fn prefixes(&self, text: &[u8], mut visit: impl FnMut(&V) -> bool) {
        let mut rest = text;
        let mut at = self.nodes.first();
        while let Some(node) = at {
            let Some(tail) = rest.strip_prefix(node.label.as_slice()) else { return };
            if !node.value.is_vacant() && !visit(&node.value) {
                return;
            }
            rest = tail;
            let Some(&byte) = rest.first() else { return };
            at = node.children.get(byte).and_then(|child| self.node(child));
        }
    }

    /// How many bytes of `text` decide what `prefixes` hands out: the same for all that begin with them. `None` if longer
    /// texts might get more.
    pub(crate) fn decisive(&self, text: &[u8]) -> Option<usize> {
        let mut rest = text;
        let mut at = self.nodes.first();
        while let Some(node) = at {
            let label = node.label.as_slice();
            let common = label.iter().zip(rest).take_while(|(a, b)| a == b).count();
            rest = rest.get(common..)?;
            let decided = text.len() - rest.len();
            if common < label.len() {
                // By the byte that differs, unless the text has ended.
                return (!rest.is_empty()).then_some(decided + 1);
            }
            if node.children.len() == 0 {
                return Some(decided);
            }
            let byte = *rest.first()?;
            let Some(child) = node.children.get(byte) else { return Some(decided + 1) };
            at = self.node(child);
        }
        None
    }

    /// The node of exactly `text`, whether or not it has a value.
    pub(crate) fn find(&self, text: &[u8]) -> Option<NodeId> {
        let mut rest = text;
        let mut at = NodeId::ROOT;
        while let Some(&byte) = rest.first() {
            at = self.node(at)?.children.get(byte)?;
            rest = rest.strip_prefix(self.node(at)?.label.as_slice())?;
        }
        Some(at)
    }

    /// The node of exactly `text`, made if need be. Give it a value or `prune` it.
    pub(crate) fn insert(&mut self, text: &[u8]) -> NodeId {
        let mut rest = text;
        let mut at = NodeId::ROOT;
        while let Some(&byte) = rest.first() {
            let child = self.node(at).and_then(|node| node.children.get(byte));
            let Some(child) = child else {
                let label = Label::prefix_of(rest);
                rest = rest.get(label.as_slice().len()..).unwrap_or_default();
                at = self.add_child(at, label);
                continue;
            };
            let label = self.node(child).map_or(Label::EMPTY, |node| node.label);
            let common = label.as_slice().iter().zip(rest).take_while(|(a, b)| a == b).count();
            at = if common < label.as_slice().len() { self.split(child, common) } else { child };
            rest = rest.get(common..).unwrap_or_default();
        }
        at
    }

    fn add_child(&mut self, parent: NodeId, label: Label) -> NodeId {
        let node = Node { parent, label, children: Children::None, value: V::default() };
        let id = match self.free.pop() {
            Some(id) => {
                if let Some(place) = self.node_mut(id) {
                    *place = node;
                }
                id
            }
            None => {
                self.nodes.push(node);
                NodeId((self.nodes.len() - 1) as u32)
            }
        };
        if let Some(node) = self.node_mut(parent) {
            node.children.set(label.first(), id);
        }
        id
    }

    /// Puts a node between `child` and its parent that takes the first `common` bytes (at least one) of its label.
    fn split(&mut self, child: NodeId, common: usize) -> NodeId {
        let Some(node) = self.node(child) else { return child };
        let (parent, label) = (node.parent, node.label);
        let (head, tail) = label.as_slice().split_at(common.min(label.as_slice().len()));
        let tail = Label::prefix_of(tail);
        let middle = self.add_child(parent, Label::prefix_of(head));
        if let Some(node) = self.node_mut(middle) {
            node.children.set(tail.first(), child);
        }
        if let Some(node) = self.node_mut(child) {
            node.label = tail;
            node.parent = middle;
        }
        middle
    }

    /// Call when a node's value has become vacant: removes what is no longer needed.
    pub(crate) fn prune(&mut self, node: NodeId) {
        let mut at = node;
        while at != NodeId::ROOT {
            let Some(node) = self.node(at) else { return };
            if !node.value.is_vacant() {
                return;
            }
            let (parent, label) = (node.parent, node.label);
            match node.children.len() {
                0 => {
                    if let Some(parent) = self.node_mut(parent) {
                        parent.children.remove(label.first());
                    }
                    self.release(at);
                    at = parent;
                }
                1 => return self.join(at),
                _ => return,
            }
        }
        if self.free.len() + 1 == self.nodes.len() {
            // Nothing but the root: give the memory back.
            self.nodes.truncate(1);
            self.nodes.shrink_to_fit();
            self.free = Vec::new();
        }
    }

    /// Lets the only child of `node`, which has no value, take its place, if their labels fit into one.
    fn join(&mut self, node: NodeId) {
        let Some(Node { parent, label, children, .. }) = self.node(node) else { return };
        let (parent, first) = (*parent, label.first());
        let Some(child) = children.only() else { return };
        let Some(joined) = self.node(child).and_then(|child| label.joined(&child.label)) else { return };
        if let Some(child) = self.node_mut(child) {
            child.label = joined;
            child.parent = parent;
        }
        if let Some(parent) = self.node_mut(parent) {
            parent.children.set(first, child);
        }
        self.release(node);
    }

    fn release(&mut self, id: NodeId) {
        if let Some(node) = self.node_mut(id) {
            node.children = Children::None;
            node.value = V::default();
            self.free.push(id);
        }
    }

    /// Writes the string that `node` stands for into `text`.
    pub(crate) fn text_of(&self, node: NodeId, text: &mut Vec<u8>) {
        text.clear();
        let mut at = node;
        while at != NodeId::ROOT
            && let Some(node) = self.node(at)
        {
            text.extend(node.label.as_slice().iter().rev());
            at = node.parent;
        }
        text.reverse();
    }

    /// Hands out every string that has a value, in the order of their bytes (as libzmq does).
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&[u8], &V)) {
        let mut text = Vec::new();
        let mut waiting = vec![NodeId::ROOT];
        while let Some(id) = waiting.pop() {
            let Some(node) = self.node(id) else { continue };
            if !node.value.is_vacant() {
                self.text_of(id, &mut text);
                visit(&text, &node.value);
            }
            let first = waiting.len();
            node.children.for_each(|child| waiting.push(child));
            let label = |id: &NodeId| self.node(*id).map_or(0, |node| node.label.first());
            waiting[first..].sort_unstable_by_key(|id| std::cmp::Reverse(label(id)));
        }
    }

    /// Nodes in use, the root among them: what the tree costs.
    #[cfg(test)]
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len() - self.free.len()
    }
}
