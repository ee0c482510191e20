//! Random operations on messages and a pool, against a naive model.
//!
//! Goal: whatever is done in whatever order, bytes are what they should be, sharing is what it should be,
//! owners are dropped exactly when their last holder goes, and the pool's numbers add up within its bounds.
//! Method: the model keeps each message's bytes as a `Vec` and counts the holders of each body by a plain
//! number; after each step everything is compared.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use netzmq_memory::{Message, MessageKind, MessagePool};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    /// Rent, fill, cut to a part of the length, freeze.
    Rent(usize, u8, usize),
    /// Rent with a copy, and freeze.
    RentCopy(usize, u8),
    /// Rent and drop without freezing.
    RentAndDrop(usize),
    Copy(usize, u8),
    Static(usize),
    FromVec(usize, u8),
    FromOwner(usize, u8),
    Clone(usize),
    Slice(usize, usize, usize),
    Write(usize, u8),
    IntoVec(usize),
    Drop(usize),
    Clear,
    Trim,
    Prewarm(usize, usize),
    SetMax(usize, usize),
    SetBudget(usize),
}

const ZEROS: [u8; 300] = [0; 300];

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![
        20 => 0..100_usize,
        20 => 0..3000_usize,
        3 => 60_000..140_000_usize,
        1 => (4 << 20) - 1..(4 << 20) + 2_usize,
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (lengths(), any::<u8>(), any::<usize>()).prop_map(|(len, fill, cut)| Op::Rent(len, fill, cut)),
        3 => (lengths(), any::<u8>()).prop_map(|(len, fill)| Op::RentCopy(len, fill)),
        3 => lengths().prop_map(Op::RentAndDrop),
        2 => (0..2000_usize, any::<u8>()).prop_map(|(len, fill)| Op::Copy(len, fill)),
        1 => (0..300_usize).prop_map(Op::Static),
        2 => (0..500_usize, any::<u8>()).prop_map(|(len, fill)| Op::FromVec(len, fill)),
        2 => (0..500_usize, any::<u8>()).prop_map(|(len, fill)| Op::FromOwner(len, fill)),
        4 => any::<usize>().prop_map(Op::Clone),
        4 => any::<(usize, usize, usize)>().prop_map(|(at, from, to)| Op::Slice(at, from, to)),
        3 => any::<(usize, u8)>().prop_map(|(at, fill)| Op::Write(at, fill)),
        2 => any::<usize>().prop_map(Op::IntoVec),
        8 => any::<usize>().prop_map(Op::Drop),
        1 => Just(Op::Clear),
        1 => Just(Op::Trim),
        1 => (0..200_000_usize, 0..40_usize).prop_map(|(len, count)| Op::Prewarm(len, count)),
        1 => (0..200_000_usize, 0..20_usize).prop_map(|(len, max)| Op::SetMax(len, max)),
        1 => (0..2_000_000_usize).prop_map(Op::SetBudget),
    ]
}

/// What a body is known to be, whoever holds it.
#[derive(Clone, Copy, PartialEq)]
enum Body {
    /// Nobody else can ever hold it.
    Own,
    /// Lives forever, never written.
    Static,
    /// A block of the pool under test.
    Pooled(usize),
    /// A block of the shared pool, or a `Vec`.
    Other(usize),
    /// An owner whose drops are counted.
    Owner(usize),
}

struct Held {
    message: Message,
    bytes: Vec<u8>,
    body: Body,
}

struct World {
    pool: MessagePool,
    held: Vec<Held>,
    holders: HashMap<usize, usize>,
    drops: HashMap<usize, Arc<AtomicUsize>>,
    next: usize,
    rents: u64,
}

struct Owner(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

impl Body {
    fn id(self) -> Option<usize> {
        match self {
            Body::Pooled(id) | Body::Other(id) | Body::Owner(id) => Some(id),
            Body::Own | Body::Static => None,
        }
    }
}

impl World {
    fn hold(&mut self, message: Message, bytes: Vec<u8>, body: Body) {
        if let Some(id) = body.id() {
            *self.holders.entry(id).or_default() += 1;
        }
        self.held.push(Held { message, bytes, body });
    }

    fn fresh(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn count(&self, body: Body) -> usize {
        body.id().map_or(1, |id| self.holders[&id])
    }

    fn release(&mut self, body: Body) {
        if let Some(id) = body.id() {
            *self.holders.get_mut(&id).unwrap() -= 1;
        }
    }

    /// A copy is inline or has a block of its own, in the shared pool.
    fn hold_copy(&mut self, message: Message, bytes: Vec<u8>) {
        let id = self.fresh();
        let body = if bytes.len() <= Message::INLINE_MAX { Body::Own } else { Body::Other(id) };
        self.hold(message, bytes, body);
    }

    fn apply(&mut self, op: Op) {
        let at = |index: usize, world: &World| (!world.held.is_empty()).then(|| index % world.held.len());
        match op {
            Op::Rent(len, fill, cut) => {
                let mut buffer = self.pool.rent(len);
                assert!(buffer.len() == len && buffer.capacity() >= len);
                buffer.fill(fill);
                let len = cut % (len + 1);
                buffer.set_len(len).unwrap();
                self.rents += 1;
                let id = self.fresh();
                self.hold(buffer.freeze(), vec![fill; len], Body::Pooled(id));
            }
            Op::RentCopy(len, fill) => {
                let bytes = vec![fill; len];
                self.rents += 1;
                let id = self.fresh();
                self.hold(self.pool.rent_copy(&bytes).freeze(), bytes, Body::Pooled(id));
            }
            Op::RentAndDrop(len) => {
                self.rents += 1;
                drop(self.pool.rent(len));
            }
            Op::Copy(len, fill) => {
                let bytes = vec![fill; len];
                self.hold_copy(Message::copy_from_slice(&bytes), bytes);
            }
            Op::Static(len) => {
                self.hold(Message::from_static(&ZEROS[..len]), ZEROS[..len].to_vec(), Body::Static);
            }
            Op::FromVec(len, fill) => {
                let bytes = vec![fill; len];
                self.hold_copy(Message::from(bytes.clone()), bytes);
            }
            Op::FromOwner(len, fill) => {
                let (bytes, drops) = (vec![fill; len], Arc::new(AtomicUsize::new(0)));
                let id = self.fresh();
                self.drops.insert(id, drops.clone());
                self.hold(Message::from_owner(Owner(bytes.clone(), drops)), bytes, Body::Owner(id));
            }
            Op::Clone(index) => {
                if let Some(at) = at(index, self) {
                    let Held { message, bytes, body } = &self.held[at];
                    let (message, bytes, body) = (message.clone(), bytes.clone(), *body);
                    self.hold(message, bytes, body);
                }
            }
            Op::Slice(index, from, to) => {
                let Some(at) = at(index, self) else { return };
                let Held { message, bytes, body } = &self.held[at];
                let (from, to) = (from % (bytes.len() + 2), to % (bytes.len() + 2));
                let Some(part) = message.try_slice(from..to) else {
                    assert!(from > to || to > bytes.len());
                    return;
                };
                let (bytes, body) = (bytes[from..to].to_vec(), *body);
                if bytes.len() > Message::INLINE_MAX || body == Body::Static {
                    self.hold(part, bytes, body);
                } else {
                    assert_eq!(part.kind(), MessageKind::Inline);
                    self.hold(part, bytes, Body::Own);
                }
            }
            Op::Write(index, fill) => {
                let Some(at) = at(index, self) else { return };
                let alone = self.count(self.held[at].body) == 1;
                let held = &mut self.held[at];
                let writable = alone && !matches!(held.body, Body::Static | Body::Owner(_));
                match held.message.as_mut_slice() {
                    Some(bytes) => {
                        assert!(writable);
                        bytes.fill(fill);
                        held.bytes.fill(fill);
                    }
                    None => assert!(!writable),
                }
            }
            Op::IntoVec(index) => {
                if let Some(at) = at(index, self) {
                    let Held { message, bytes, body } = self.held.swap_remove(at);
                    assert_eq!(message.into_vec(), bytes);
                    self.release(body);
                }
            }
            Op::Drop(index) => {
                if let Some(at) = at(index, self) {
                    let held = self.held.swap_remove(at);
                    self.release(held.body);
                }
            }
            Op::Clear => {
                self.pool.clear();
                assert_eq!(self.pool.stats().cached, 0);
            }
            Op::Trim => {
                let before = self.pool.stats().bytes_cached;
                assert_eq!(self.pool.trim() as u64, before);
            }
            Op::Prewarm(len, count) => {
                let before = self.pool.stats().class(len).unwrap().cached;
                let made = self.pool.prewarm(len, count) as u64;
                assert!(made <= count as u64);
                assert_eq!(self.pool.stats().class(len).unwrap().cached, before + made);
            }
            Op::SetMax(len, max) => assert_eq!(self.pool.set_max(len, max).is_err(), max == 0),
            Op::SetBudget(bytes) => self.pool.set_byte_budget(bytes),
        }
    }

    fn check(&self) {
        for Held { message, bytes, body } in &self.held {
            assert_eq!(message, bytes);
            let shareable = body.id().is_some();
            assert_eq!(message.is_shared(), shareable && self.count(*body) > 1);
        }
        for (id, drops) in &self.drops {
            let gone = self.holders[id] == 0;
            assert_eq!(drops.load(Ordering::SeqCst), usize::from(gone));
        }
        let mut out: Vec<_> = self
            .held
            .iter()
            .filter_map(|held| match held.body {
                Body::Pooled(id) => Some(id),
                _ => None,
            })
            .collect();
        out.sort_unstable();
        out.dedup();
        let stats = self.pool.stats();
        assert_eq!((stats.rents, stats.outstanding), (self.rents, out.len() as u64));
        assert_eq!(stats.rents, stats.returns + stats.outstanding);
        assert_eq!(stats.rents, stats.hits + stats.misses);
        assert!(stats.bytes_cached <= stats.byte_budget as u64);
        for class in &stats.classes {
            assert!(class.cached <= class.max as u64);
            let made = class.misses + class.prewarmed;
            assert_eq!(made, class.outstanding + class.cached + class.rejects + class.released);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_and_pool_agree_with_the_model(ops in vec(ops(), 1..120)) {
        let mut world = World {
            pool: MessagePool::builder().byte_budget(1 << 20).max_per_class(20).build().unwrap(),
            held: Vec::new(),
            holders: HashMap::new(),
            drops: HashMap::new(),
            next: 0,
            rents: 0,
        };
        for op in ops {
            // The largest are few, or the test would be about memset.
            if world.held.iter().map(|held| held.bytes.len()).sum::<usize>() > 32 << 20 {
                world.held.clear();
                world.holders.values_mut().for_each(|holders| *holders = 0);
            }
            world.apply(op);
            world.check();
        }
    }

    #[test]
    fn any_bytes_survive_any_way_in_and_out(bytes in vec(any::<u8>(), 0..400), cut in any::<usize>()) {
        let cut = cut % (bytes.len() + 1);
        let ways = [
            Message::copy_from_slice(&bytes),
            Message::from(bytes.clone()),
            Message::from(Arc::<[u8]>::from(&bytes[..])),
            Message::from_owner(bytes.clone()),
            Message::from(MessagePool::shared().rent_copy(&bytes)),
        ];
        for message in ways {
            let (head, tail) = (message.slice(..cut), message.slice(cut..));
            prop_assert_eq!([&head[..], &tail[..]].concat(), &bytes[..]);
            drop((head, tail));
            prop_assert_eq!(message.into_vec(), &bytes[..]);
        }
    }
}
