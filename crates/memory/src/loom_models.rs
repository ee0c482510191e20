//! Model checks of what threads do to each other: counts, the return path, the shared tier, closing.
//!
//! `RUSTFLAGS="--cfg netzmq_loom" cargo test -p netzmq-memory --release --lib loom`
//!
//! loom runs each closure under every interleaving (up to the stated number of preemptions) and every value
//! that the memory model lets a load see. The cells in blocks' links are loom's, so two threads that own a
//! block at once are reported as a race. Each model also counts what is alive: nothing may leak, nothing may
//! be freed twice.

use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst};

use loom::sync::Arc;
use loom::thread;

use crate::block::{Block, Fill, Header};
use crate::pool::local::Local;
use crate::pool::pool_core::Core;
use crate::pool::shared::{Depot, Magazine};
use crate::pool::size_class::Class;
use crate::{Message, MessagePool};

/// Blocks and cores alive; plain, since it is no part of what is modelled.
pub(crate) static ALIVE: AtomicIsize = AtomicIsize::new(0);

/// Stands for the bytes of a message: loom reports a write at the same time as any other access.
struct Tracked(loom::cell::UnsafeCell<u8>);

// SAFETY: that is what loom checks.
unsafe impl Sync for Tracked {}
// SAFETY: as above.
unsafe impl Send for Tracked {}

const LEN: usize = 2 << 20;

fn model(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    // One model at a time: ALIVE is common to all.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    ALIVE.store(0, SeqCst);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 50_000;
    let executions = std::sync::Arc::new(AtomicUsize::new(0));
    let count = executions.clone();
    builder.check(move || {
        count.fetch_add(1, SeqCst);
        f();
        assert_eq!(ALIVE.load(SeqCst), 0, "something leaked or was freed twice");
    });
    let executions = executions.load(SeqCst);
    println!("{executions} executions");
    assert!(executions > 1, "a model without choices checks nothing");
}

fn new_block(core: &Core) -> std::ptr::NonNull<Header> {
    crate::pool::threads::rent(core, LEN, Fill::Copy(&[])).unwrap()
}

#[test]
fn loom_the_last_of_several_holders_returns_the_block_once() {
    model(3, || {
        let pool = MessagePool::new();
        let message = pool.rent(LEN).freeze();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let message = message.clone();
                thread::spawn(move || drop(message))
            })
            .collect();
        drop(message);
        for thread in threads {
            thread.join().unwrap();
        }
        let stats = pool.stats();
        assert_eq!((stats.rents, stats.returns, stats.cached), (1, 1, 1));
    });
}

#[test]
fn loom_a_sole_holder_sees_all_that_others_did() {
    // The tracked cell stands for the bytes: holders read them until they let go; the last one left, having
    // seen that it is alone, writes.
    static SEEN: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    model(3, || {
        let pool = MessagePool::new();
        let bytes = Arc::new(Tracked(loom::cell::UnsafeCell::new(0)));
        let message = pool.rent(LEN).freeze();
        let writer = {
            let (mut message, bytes) = (message.clone(), bytes.clone());
            thread::spawn(move || {
                let alone = message.as_mut_slice().is_some();
                if alone {
                    // SAFETY: loom checks that nobody else reads or writes meanwhile.
                    bytes.0.with_mut(|value| unsafe { *value = 1 });
                }
                alone
            })
        };
        // SAFETY: as above, for reading.
        bytes.0.with(|value| unsafe { *value });
        drop(message);
        // Either way is right; which ones were seen is counted below.
        let alone = writer.join().unwrap();
        SEEN[usize::from(alone)].fetch_add(1, SeqCst);
    });
    assert!(SEEN.iter().all(|seen| seen.load(SeqCst) > 0), "both outcomes must have been explored");
}

#[test]
fn loom_an_owner_is_dropped_once_after_all_reads() {
    struct Owner(Arc<Tracked>, std::sync::Arc<AtomicUsize>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            b"bytes"
        }
    }
    impl Drop for Owner {
        fn drop(&mut self) {
            self.1.fetch_add(1, SeqCst);
            // SAFETY: loom checks that no reader is left.
            self.0.0.with_mut(|value| unsafe { *value = 1 });
        }
    }
    model(3, || {
        let bytes = Arc::new(Tracked(loom::cell::UnsafeCell::new(0)));
        let drops = std::sync::Arc::new(AtomicUsize::new(0));
        let pool = MessagePool::new();
        let message = Message::from_owner_in(&pool, Owner(bytes.clone(), drops.clone()));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (message, bytes) = (message.clone(), bytes.clone());
                thread::spawn(move || {
                    // SAFETY: loom checks that the owner has not been dropped.
                    bytes.0.with(|value| unsafe { *value });
                    drop(message);
                })
            })
            .collect();
        drop(message);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(drops.load(SeqCst), 1);
    });
}

/// A magazine of `n` fresh blocks.
fn magazine(core: &Core, n: u32) -> Magazine {
    let mut head = std::ptr::null_mut();
    for _ in 0..n {
        let block = new_block(core);
        // SAFETY: fresh.
        unsafe { block.as_ref().set_next(head) };
        head = block.as_ptr();
    }
    // SAFETY: a chain of `n` blocks of ours.
    unsafe { Magazine::from_chain(std::ptr::NonNull::new(head).unwrap(), n, 0) }
}

/// Drops the blocks of a magazine into the pool; returns how many there were.
fn drop_all(magazine: Magazine) -> u32 {
    let (head, len) = magazine.into_chain();
    let mut next = Some(head);
    let mut count = 0;
    while let Some(block) = next {
        // SAFETY: ours; read before the block goes.
        unsafe {
            next = std::ptr::NonNull::new(block.as_ref().link().next);
            drop(Block::first_reference(block));
        }
        count += 1;
    }
    assert_eq!(count, len);
    count
}

#[test]
fn loom_the_shared_tier_loses_and_doubles_nothing() {
    // Three magazines in two slots, so that stacks form; two threads that take, put back and take again.
    model(2, || {
        let pool = MessagePool::new();
        let depot = Arc::new(Depot::new());
        for n in 1..=3 {
            depot.put(magazine(pool.core(), n), 0);
        }
        let threads: Vec<_> = (0..2)
            .map(|hint| {
                let depot = depot.clone();
                thread::spawn(move || {
                    depot.put(depot.take(hint)?, hint + 1);
                    depot.take(hint)
                })
            })
            .collect();
        let taken = threads.into_iter().filter_map(|thread| thread.join().unwrap());
        let mut sum: u32 = taken.map(drop_all).sum();
        while let Some(magazine) = depot.take(0) {
            sum += drop_all(magazine);
        }
        assert_eq!(sum, 6);
    });
}

#[test]
fn loom_draining_and_putting_at_once_keeps_every_block() {
    model(2, || {
        let pool = MessagePool::new();
        let depot = Arc::new(Depot::new());
        depot.put(magazine(pool.core(), 1), 0);
        depot.put(magazine(pool.core(), 2), 0);
        let putter = {
            let (depot, pool) = (depot.clone(), pool.clone());
            thread::spawn(move || {
                let taken = depot.take(0);
                depot.put(magazine(pool.core(), 3), 0);
                taken.map_or(0, drop_all)
            })
        };
        let mut sum = 0;
        // Keeps all of them: exercises the putting back.
        depot.drain(Some, |magazine| sum += drop_all(magazine));
        assert_eq!(sum, 0);
        sum += putter.join().unwrap();
        depot.drain(|_| None, |magazine| sum += drop_all(magazine));
        assert_eq!(sum, 6);
    });
}

#[test]
fn loom_blocks_cross_from_one_threads_magazines_to_anothers() {
    // The maximum of 4 makes magazines of one block, so that two blocks are enough to spill.
    model(2, || {
        let pool = MessagePool::new();
        let class = Class::for_len(64);
        pool.set_max(64, 4).unwrap();
        let core = pool.core();
        let fresh: Vec<_> = (0..3)
            .map(|_| core.create_for_model(class))
            .map(|block| block.as_ptr().expose_provenance())
            .collect();
        let giver = {
            let pool = pool.clone();
            thread::spawn(move || {
                let local = Local::new();
                for block in fresh {
                    let block = std::ptr::with_exposed_provenance_mut(block);
                    // SAFETY: `local` serves only this pool; each block is fresh and given once.
                    unsafe { local.give(pool.core(), class, std::ptr::NonNull::new(block).unwrap()) };
                }
                local.detach();
            })
        };
        let local = Local::new();
        // SAFETY: `local` serves only this pool.
        let taken = unsafe { local.rent(core, class) };
        if let Some(block) = taken {
            // SAFETY: rented, so ours.
            unsafe { local.give(core, class, block) };
        }
        local.detach();
        giver.join().unwrap();
        let stats = *pool.stats().class(64).unwrap();
        assert_eq!(stats.returns, 3 + u64::from(taken.is_some()));
        assert_eq!(core.reserved_for_model(class) as u64 + stats.rejects, 3);
    });
}

#[test]
fn loom_a_pool_closing_while_a_block_returns_leaks_neither() {
    model(3, || {
        let pool = MessagePool::new();
        let message = pool.rent(LEN).freeze();
        let other = thread::spawn(move || drop(message));
        drop(pool);
        other.join().unwrap();
    });
}

#[test]
fn loom_the_last_two_handles_go_at_once() {
    model(3, || {
        let pool = MessagePool::new();
        drop(pool.rent(LEN));
        let clone = pool.clone();
        let other = thread::spawn(move || {
            drop(clone.rent(LEN));
            drop(clone);
        });
        drop(pool);
        other.join().unwrap();
    });
}

#[test]
fn loom_two_threads_never_reserve_beyond_the_maximum() {
    model(3, || {
        let pool = MessagePool::new();
        pool.set_max(LEN, 1).unwrap();
        let messages = [pool.rent(LEN).freeze(), pool.rent(LEN).freeze()];
        let threads = messages.map(|message| thread::spawn(move || drop(message)));
        for thread in threads {
            thread.join().unwrap();
        }
        let stats = pool.stats();
        assert_eq!((stats.returns, stats.cached, stats.rejects), (2, 1, 1));
    });
}
