//! The children of one tree node, by their label's first byte.
//!
//! Most nodes have none, one or a few children, some near the root have many: the form follows the number, so that
//! a node stays within a cache line and a lookup is a compare, a short scan or an index. Between the two larger
//! forms lies a gap, so that coming and going at the border does not convert back and forth.

use super::NodeId;

/// Beyond this many children a table of all 256 bytes pays.
const FEW_MAX: usize = 16;
/// At this many children a full table shrinks again.
const MANY_MIN: usize = 10;
/// Marks an empty place in the full table. The root is nobody's child.
const NOBODY: NodeId = NodeId::ROOT;

/// See the module.
#[derive(Debug, Default)]
pub(crate) enum Children {
    #[default]
    None,
    One(u8, NodeId),
    Few(Box<Few>),
    Many(Box<Many>),
}

#[derive(Debug)]
pub(crate) struct Few {
    count: u8,
    bytes: [u8; FEW_MAX],
    nodes: [NodeId; FEW_MAX],
}

#[derive(Debug)]
pub(crate) struct Many {
    count: u16,
    nodes: [NodeId; 256],
}

impl Few {
    fn position(&self, byte: u8) -> Option<usize> {
        self.bytes.iter().take(usize::from(self.count)).position(|&b| b == byte)
    }

    fn pairs(&self) -> impl Iterator<Item = (u8, NodeId)> + '_ {
        self.bytes.iter().copied().zip(self.nodes.iter().copied()).take(usize::from(self.count))
    }
}

impl Many {
    fn pairs(&self) -> impl Iterator<Item = (u8, NodeId)> + '_ {
        (0..=u8::MAX).zip(self.nodes.iter().copied()).filter(|&(_, node)| node != NOBODY)
    }
}

impl Children {
    #[inline]
    pub(crate) fn get(&self, byte: u8) -> Option<NodeId> {
        match self {
            Children::None => None,
            Children::One(b, node) => (*b == byte).then_some(*node),
            Children::Few(few) => few.position(byte).and_then(|at| few.nodes.get(at).copied()),
            Children::Many(many) => many.nodes.get(usize::from(byte)).copied().filter(|&node| node != NOBODY),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Children::None => 0,
            Children::One(..) => 1,
            Children::Few(few) => usize::from(few.count),
            Children::Many(many) => usize::from(many.count),
        }
    }

    /// The only child, if there is exactly one.
    pub(crate) fn only(&self) -> Option<NodeId> {
        match self {
            Children::One(_, node) => Some(*node),
            _ => None,
        }
    }

    /// Adds a child, or replaces the one of the same byte.
    pub(crate) fn set(&mut self, byte: u8, node: NodeId) {
        match self {
            Children::None => *self = Children::One(byte, node),
            Children::One(b, old) if *b == byte => *old = node,
            Children::One(..) => {
                *self = self.as_few();
                self.set(byte, node);
            }
            Children::Few(few) => {
                let at = few.position(byte).unwrap_or(usize::from(few.count));
                if let (Some(b), Some(place)) = (few.bytes.get_mut(at), few.nodes.get_mut(at)) {
                    (*b, *place) = (byte, node);
                    few.count = few.count.max(at as u8 + 1);
                } else {
                    *self = self.as_many();
                    self.set(byte, node);
                }
            }
            Children::Many(many) => {
                if let Some(place) = many.nodes.get_mut(usize::from(byte)) {
                    many.count += u16::from(*place == NOBODY);
                    *place = node;
                }
            }
        }
    }

    /// Removes the child of this byte, if there is one.
    pub(crate) fn remove(&mut self, byte: u8) {
        match self {
            Children::None => {}
            Children::One(b, _) => {
                if *b == byte {
                    *self = Children::None;
                }
            }
            Children::Few(few) => {
                let Some(at) = few.position(byte) else { return };
                let last = usize::from(few.count) - 1;
                few.bytes.swap(at, last);
                few.nodes.swap(at, last);
                few.count -= 1;
                if few.count == 1 {
                    let [byte, ..] = few.bytes;
                    let [node, ..] = few.nodes;
                    *self = Children::One(byte, node);
                }
            }
            Children::Many(many) => {
                if let Some(place) = many.nodes.get_mut(usize::from(byte)) {
                    many.count -= u16::from(*place != NOBODY);
                    *place = NOBODY;
                }
                if usize::from(many.count) <= MANY_MIN {
                    *self = self.as_few();
                }
            }
        }
    }

    /// Hands out each child.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(NodeId)) {
        match self {
            Children::None => {}
            Children::One(_, node) => visit(*node),
            Children::Few(few) => few.pairs().for_each(|(_, node)| visit(node)),
            Children::Many(many) => many.pairs().for_each(|(_, node)| visit(node)),
        }
    }

    /// The same children in the middle form (as many as fit, which by the callers' counts is all).
    fn as_few(&self) -> Children {
        let mut few = Few { count: 0, bytes: [0; FEW_MAX], nodes: [NOBODY; FEW_MAX] };
        let mut put = |(byte, node): (u8, NodeId)| {
            let at = usize::from(few.count);
            if let (Some(b), Some(place)) = (few.bytes.get_mut(at), few.nodes.get_mut(at)) {
                (*b, *place) = (byte, node);
                few.count += 1;
            }
        };
        match self {
            Children::None => {}
            Children::One(byte, node) => put((*byte, *node)),
            Children::Few(other) => other.pairs().for_each(put),
            Children::Many(many) => many.pairs().for_each(put),
        }
        Children::Few(Box::new(few))
    }

    fn as_many(&self) -> Children {
        let mut many = Many { count: 0, nodes: [NOBODY; 256] };
        if let Children::Few(few) = self {
            for (byte, node) in few.pairs() {
                if let Some(place) = many.nodes.get_mut(usize::from(byte)) {
                    *place = node;
                    many.count += 1;
                }
            }
        }
        Children::Many(Box::new(many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Goal: in every form and across every change of form, a map of bytes. Method: random steps beside a
        /// `BTreeMap`; few enough bytes to come back down again.
        #[test]
        fn is_a_map(steps in proptest::collection::vec((any::<bool>(), 0..40u8, 1..1000u32), 0..300)) {
            let mut children = Children::default();
            let mut model = BTreeMap::new();
            for (add, byte, node) in steps {
                if add {
                    children.set(byte, NodeId::new(node));
                    model.insert(byte, NodeId::new(node));
                } else {
                    children.remove(byte);
                    model.remove(&byte);
                }
                prop_assert_eq!(children.len(), model.len());
                let mut all = Vec::new();
                children.for_each(|node| all.push(node));
                all.sort();
                let mut expected: Vec<_> = model.values().copied().collect();
                expected.sort();
                prop_assert_eq!(all, expected);
                for byte in 0..40 {
                    prop_assert_eq!(children.get(byte), model.get(&byte).copied());
                }
                let only = (model.len() == 1).then(|| *model.values().next().unwrap());
                prop_assert_eq!(children.only(), only);
            }
        }
    }

    /// Goal: 256 children work and leave again. Method: all of them, up and down.
    #[test]
    fn holds_every_byte() {
        let mut children = Children::default();
        for byte in 0..=255u8 {
            children.set(byte, NodeId::new(u32::from(byte) + 1));
        }
        assert_eq!(children.len(), 256);
        for byte in 0..=255u8 {
            assert_eq!(children.get(byte), Some(NodeId::new(u32::from(byte) + 1)));
        }
        for byte in 0..=255u8 {
            children.remove(byte);
        }
        assert!(matches!(children, Children::None));
    }
}
