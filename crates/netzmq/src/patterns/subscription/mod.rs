//! Who subscribed to what: a prefix tree, and the two books kept in it.
//!
//! - [`Trie`]: byte strings to values, and all values whose string is a prefix of a given one.
//! - [`Matcher`]: the publisher's book: topic to the set of pipes that want it.
//! - [`Filter`]: the subscriber's book: topic to how often the application asked for it.
//!
//! Topics come from peers: nothing here recurses, and no step costs more than the length of the topic at hand times
//! a small constant, whatever else was subscribed to before.

mod children;
mod filter;
mod matcher;
mod trie;

pub(crate) use filter::Filter;
pub(crate) use matcher::{Added, Matcher, Removed};
pub(crate) use trie::{NodeId, Trie, Vacant};
