//! Nothing is allocated per message once things are warm, and nothing is left over in the end.
//!
//! Method: an allocator that counts, for each thread by itself, and a single test function, so that hardly
//! anybody else allocates meanwhile.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};
use std::sync::mpsc::sync_channel;
use std::thread;

use netzmq_memory::{Message, MessagePool};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}
static LIVE_BYTES: AtomicIsize = AtomicIsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE_BYTES.fetch_add(layout.size() as isize, SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE_BYTES.fetch_add(layout.size() as isize, SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size() as isize, SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `round` until warm, then asserts that many more allocate `each` times per round.
fn allocations_per_round(what: &str, each: usize, mut round: impl FnMut()) {
    const ROUNDS: usize = 1000;
    for _ in 0..300 {
        round();
    }
    let before = ALLOCATIONS.get();
    for _ in 0..ROUNDS {
        round();
    }
    assert_eq!(ALLOCATIONS.get() - before, each * ROUNDS, "{what}");
}

#[test]
fn nothing_is_allocated_per_message_and_nothing_is_left_over() {
    let live_before = LIVE_BYTES.load(SeqCst);
    let shared = MessagePool::shared();
    let own = MessagePool::new();
    for pool in [shared, &own] {
        for len in MessagePool::CLASS_SIZES {
            allocations_per_round(&format!("rent, freeze, drop: {len} B"), 0, || {
                drop(black_box(pool.rent(len).freeze()));
            });
        }
    }
    let bytes = vec![1; 1 << 20];
    for len in [0, 1, Message::INLINE_MAX, 51, 64, 512, 1024, 65_536, 1 << 20] {
        allocations_per_round(&format!("copy, clone, slice: {len} B"), 0, || {
            let message = Message::copy_from_slice(black_box(&bytes[..len]));
            drop(black_box((message.clone(), message.slice(len / 3..), message)));
        });
    }
    let arc: Arc<[u8]> = Arc::from(&bytes[..1000]);
    allocations_per_round("an Arc as owner", 0, || drop(black_box(Message::from(arc.clone()))));
    allocations_per_round("an owner in place", 0, || drop(black_box(Message::from_owner([7_u8; 56]))));
    allocations_per_round("an owner that is too large", 1, || {
        drop(black_box(Message::from_owner([7_u8; 57])))
    });
    allocations_per_round("a fresh Vec in and out", 1, || {
        let vec = Message::from(black_box(vec![0_u8; 1000])).into_vec();
        drop(black_box(vec));
    });
    allocations_per_round("a burst of 1000", 0, || {
        let burst: [Message; 1000] = std::array::from_fn(|_| shared.rent(100).freeze());
        drop(black_box(burst));
    });
    drop(arc);
    let messages: Vec<Message> = Vec::with_capacity(100);
    across_threads(shared, messages);
    drop(bytes);

    // Everything goes back: the pools keep nothing but the shared one's list of threads.
    shared.clear();
    drop(own);
    assert_eq!(shared.stats().cached + shared.stats().owner_records.cached, 0);
    let left = LIVE_BYTES.load(SeqCst) - live_before;
    assert!(left < 4096, "{left} B are left over");
}

/// Rents here, drops there, in batches that go back and forth, so that the channels need no memory either.
fn across_threads(pool: &MessagePool, mut batch: Vec<Message>) {
    let (to, there) = sync_channel::<Vec<Message>>(1);
    let (back, from) = sync_channel::<Vec<Message>>(1);
    let consumer = thread::spawn(move || {
        for mut batch in there {
            let before = ALLOCATIONS.get();
            batch.clear();
            // Returning needs no memory, also when magazines go to the shared tier.
            assert_eq!(ALLOCATIONS.get(), before);
            back.send(batch).unwrap();
        }
    });
    for len in [64, 4096, 65_536, 131_072] {
        let mut round = |rounds: usize| {
            for _ in 0..rounds {
                batch.extend((0..100).map(|_| pool.rent(len).freeze()));
                to.send(std::mem::take(&mut batch)).unwrap();
                batch = from.recv().unwrap();
            }
        };
        round(50);
        let misses = pool.stats().class(len).unwrap().misses;
        let before = ALLOCATIONS.get();
        round(50);
        assert_eq!(pool.stats().class(len).unwrap().misses, misses, "{len} B across threads");
        assert!(ALLOCATIONS.get() - before <= 2, "the channel may allocate, the pool may not");
    }
    drop(to);
    consumer.join().unwrap();
}
