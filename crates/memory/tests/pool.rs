//! The pool's contract, in the words of the seed's own pool tests and beyond: renting with and without
//! sending, several holders, maxima that really free, settings at run time, empty and huge requests,
//! prewarming, clearing with blocks out, budget, trimming, statistics.
//!
//! Method: pools of one's own, so that numbers are exact; time is an argument, so nothing waits.

use std::thread;
use std::time::{Duration, Instant};

use netzmq_memory::{Message, MessageKind, MessagePool, PoolError, PooledBuffer};

#[test]
fn a_rented_buffer_has_the_length_asked_for_and_the_capacity_of_its_class() {
    let pool = MessagePool::new();
    for (len, capacity) in [(0, 16), (1, 16), (16, 16), (17, 32), (64, 64), (65, 128), (4 << 20, 4 << 20)] {
        let buffer = pool.rent(len);
        assert_eq!((buffer.len(), buffer.capacity()), (len, capacity));
        assert_eq!(buffer.as_ref().len(), len);
    }
}

#[test]
fn class_sizes_are_the_seeds_nineteen() {
    assert_eq!(MessagePool::CLASS_SIZES.len(), 19);
    assert_eq!(MessagePool::CLASS_SIZES[0], 16);
    assert_eq!(MessagePool::CLASS_SIZES[18], 4 * 1024 * 1024);
    assert!(MessagePool::CLASS_SIZES.windows(2).all(|pair| pair[1] == 2 * pair[0]));
}

#[test]
fn rent_without_sending_returns_the_block() {
    let pool = MessagePool::new();
    for _ in 0..100 {
        drop(pool.rent(1000));
    }
    let stats = pool.stats();
    assert_eq!((stats.rents, stats.returns, stats.outstanding), (100, 100, 0));
    assert_eq!((stats.misses, stats.hits, stats.cached), (1, 99, 1));
}

#[test]
fn rent_and_send_returns_the_block_when_the_last_holder_drops_it() {
    // "Sent to several sockets": each has a clone, and drops it on a thread of its own.
    let pool = MessagePool::new();
    let message = pool.rent_copy(&[7; 3000]).freeze();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let message = message.clone();
            thread::spawn(move || assert!(message.iter().all(|&byte| byte == 7)))
        })
        .collect();
    drop(message);
    for thread in threads {
        thread.join().unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.rents, stats.returns, stats.outstanding, stats.cached), (1, 1, 0, 1));
}

#[test]
fn mixed_use_with_and_without_sending_keeps_count() {
    let pool = MessagePool::new();
    let mut held = Vec::new();
    for i in 0..200_usize {
        let buffer = pool.rent(i * 37 % 5000);
        if i.is_multiple_of(3) {
            held.push(buffer.freeze());
        }
    }
    assert_eq!(pool.stats().outstanding, held.len() as u64);
    held.truncate(10);
    assert_eq!(pool.stats().outstanding, 10);
    held.clear();
    let stats = pool.stats();
    assert_eq!((stats.rents, stats.returns, stats.outstanding), (200, 200, 0));
    assert_eq!(stats.hits + stats.misses, stats.rents);
}

#[test]
fn freezing_keeps_the_bytes_where_they_are() {
    let pool = MessagePool::new();
    let mut buffer = pool.rent(100);
    buffer.copy_from_slice(&[9; 100]);
    buffer.set_len(60).unwrap();
    let at = buffer.as_ptr();
    let message = buffer.freeze();
    assert_eq!((message.as_ptr(), message.kind()), (at, MessageKind::Pooled));
    assert_eq!(message, vec![9; 60]);
}

#[test]
fn a_length_beyond_the_capacity_is_refused_and_changes_nothing() {
    let pool = MessagePool::new();
    let mut buffer = pool.rent(100);
    assert_eq!(buffer.set_len(129), Err(PoolError::BeyondCapacity { len: 129, capacity: 128 }));
    assert_eq!(buffer.len(), 100);
    buffer.set_len(128).unwrap();
    assert_eq!(buffer.len(), 128);
}

#[test]
fn rent_copy_copies_exactly() {
    let pool = MessagePool::new();
    drop(pool.rent_copy(&[0xFF; 64]));
    let bytes: Vec<u8> = (0..50).collect();
    let buffer = pool.rent_copy(&bytes);
    assert_eq!(&buffer[..], &bytes[..]);
}

#[test]
fn beyond_the_maximum_blocks_are_really_freed() {
    let pool = MessagePool::builder().max_for_class(1024, 3).build().unwrap();
    let held: Vec<_> = (0..10).map(|_| pool.rent(1024)).collect();
    drop(held);
    let class = *pool.stats().class(1024).unwrap();
    assert_eq!((class.returns, class.rejects, class.cached, class.max), (10, 7, 3, 3));
    let _held: Vec<_> = (0..4).map(|_| pool.rent(1024)).collect();
    assert_eq!(pool.stats().class(1024).unwrap().hits, 3);
}

#[test]
fn the_maximum_holds_for_every_number_and_class() {
    for max in [1, 2, 5, 8, 33, 100, 300] {
        for size in [16, 1024, 65_536, 131_072] {
            let pool = MessagePool::builder().max_per_class(max).build().unwrap();
            let held: Vec<_> = (0..350).map(|_| pool.rent(size)).collect();
            drop(held);
            let class = *pool.stats().class(size).unwrap();
            let fits = (pool.stats().byte_budget / size).min(max).min(350) as u64;
            assert_eq!(class.cached, fits, "maximum {max}, size {size}");
            assert_eq!(class.rejects, 350 - class.cached);
        }
    }
}

#[test]
fn the_maximum_changed_at_run_time_applies_at_once() {
    let pool = MessagePool::new();
    let cached = |pool: &MessagePool| pool.stats().class(64).unwrap().cached;
    drop((0..20).map(|_| pool.rent(64)).collect::<Vec<_>>());
    assert_eq!(cached(&pool), 20);
    pool.set_max(64, 5).unwrap();
    assert_eq!(cached(&pool), 5);
    drop((0..20).map(|_| pool.rent(64)).collect::<Vec<_>>());
    assert_eq!(cached(&pool), 5);
    pool.set_max(64, 12).unwrap();
    drop((0..20).map(|_| pool.rent(64)).collect::<Vec<_>>());
    assert_eq!(cached(&pool), 12);
}

#[test]
fn a_maximum_lowered_elsewhere_reaches_this_threads_magazines_at_the_next_return() {
    let pool = MessagePool::new();
    drop((0..20).map(|_| pool.rent(64)).collect::<Vec<_>>());
    let other = pool.clone();
    thread::spawn(move || other.set_max(64, 2).unwrap()).join().unwrap();
    drop(pool.rent(64));
    assert!(pool.stats().class(64).unwrap().cached <= 2);
}

#[test]
fn a_maximum_of_zero_and_unknown_classes_are_refused() {
    // A negative maximum, which the seed also refuses, cannot be written in Rust.
    let pool = MessagePool::new();
    assert_eq!(pool.set_max(64, 0), Err(PoolError::ZeroMaximum));
    let too_large = PoolError::NoSuchClass { len: (4 << 20) + 1, max: 4 << 20 };
    assert_eq!(pool.set_max((4 << 20) + 1, 1), Err(too_large));
    assert_eq!(MessagePool::builder().max_per_class(0).build().err(), Some(PoolError::ZeroMaximum));
    assert_eq!(MessagePool::builder().max_for_class(16, 0).build().err(), Some(PoolError::ZeroMaximum));
    assert!(too_large.to_string().contains("4194305"));
}

#[test]
fn over_large_requests_get_a_block_of_their_own() {
    let pool = MessagePool::new();
    let len = (4 << 20) + 1;
    let message = pool.rent(len).freeze();
    assert_eq!((message.len(), message.kind()), (len, MessageKind::Shared));
    let clone = message.clone();
    drop(message);
    assert_eq!(pool.stats().one_off.outstanding, 1);
    drop(clone);
    let stats = pool.stats();
    assert_eq!((stats.one_off.rents, stats.one_off.misses, stats.outstanding, stats.cached), (1, 1, 0, 0));
}

#[test]
fn impossible_requests_are_refused_not_fatal() {
    let pool = MessagePool::new();
    for len in [usize::MAX, usize::MAX - 15, isize::MAX as usize, 1 << 56] {
        assert!(pool.try_rent(len).is_none());
        assert!(Message::try_with_len(len).is_none());
    }
    let stats = pool.stats();
    assert_eq!((stats.rents, stats.outstanding, stats.misses), (0, 0, 0));
}

#[test]
fn prewarming_respects_the_maximum_and_serves_the_next_rents() {
    let pool = MessagePool::builder().max_for_class(2048, 10).build().unwrap();
    assert_eq!(pool.prewarm(2000, 4), 4);
    assert_eq!(pool.prewarm(2000, 100), 6);
    assert_eq!(pool.prewarm(2000, 1), 0);
    assert_eq!(pool.prewarm((4 << 20) + 1, 1), 0);
    let held: Vec<_> = (0..11).map(|_| pool.rent(2048)).collect();
    let class = *pool.stats().class(2048).unwrap();
    assert_eq!((class.hits, class.misses, class.prewarmed, class.cached), (10, 1, 10, 0));
    drop(held);
    assert_eq!(pool.stats().class(2048).unwrap().cached, 10);
    assert_eq!(pool.prewarm(2048, 5), 0);
}

#[test]
fn prewarming_each_class_works() {
    let pool = MessagePool::new();
    for size in MessagePool::CLASS_SIZES {
        let count = if size > 1 << 20 { 2 } else { 9 };
        assert_eq!(pool.prewarm(size, count), count, "class {size}");
        assert_eq!(pool.stats().class(size).unwrap().cached, count as u64);
    }
}

#[test]
fn clearing_frees_what_is_cached_and_leaves_what_is_out() {
    let pool = MessagePool::new();
    let held: Vec<Message> = (0..5).map(|_| pool.rent_copy(&[3; 500]).freeze()).collect();
    drop((0..5).map(|_| pool.rent(500)).collect::<Vec<_>>());
    assert_eq!(pool.stats().cached, 5);
    pool.clear();
    let stats = pool.stats();
    assert_eq!((stats.cached, stats.outstanding), (0, 5));
    assert!(held.iter().all(|message| message == &vec![3; 500]));
    drop(held);
    assert_eq!((pool.stats().cached, pool.stats().outstanding), (5, 0));
}

#[test]
fn the_budget_bounds_the_cache_across_classes_and_can_change() {
    let pool = MessagePool::builder().byte_budget(1 << 20).build().unwrap();
    for size in [64 << 10, 256 << 10, 1 << 20, 1024] {
        drop((0..40).map(|_| pool.rent(size)).collect::<Vec<_>>());
        assert!(pool.stats().bytes_cached <= 1 << 20);
    }
    pool.set_byte_budget(100 << 10);
    assert!(pool.stats().bytes_cached <= 100 << 10);
    pool.set_byte_budget(0);
    drop(pool.rent(64));
    assert_eq!(pool.stats().bytes_cached, 0);
}

#[test]
fn small_blocks_push_idle_large_ones_out_of_a_full_budget() {
    let pool = MessagePool::builder().byte_budget(2 << 20).build().unwrap();
    drop(pool.rent(2 << 20));
    assert_eq!(pool.stats().bytes_cached, 2 << 20);
    drop(pool.rent(64));
    let stats = pool.stats();
    assert_eq!((stats.class(64).unwrap().cached, stats.class(2 << 20).unwrap().cached), (1, 0));
}

#[test]
fn idle_memory_is_given_back_after_its_time_and_not_before() {
    let pool = MessagePool::builder().trim_after(Duration::from_secs(10)).build().unwrap();
    let start = Instant::now();
    pool.trim_idle(start);
    drop((0..4).map(|_| pool.rent(2 << 20)).collect::<Vec<_>>());
    assert_eq!(pool.trim_idle(start + Duration::from_secs(5)), 0);
    assert_eq!(pool.stats().bytes_cached, 8 << 20);
    // Memory put away since the last pass is dated to this one, so ten seconds count from here.
    assert_eq!(pool.trim_idle(start + Duration::from_secs(14)), 0);
    assert_eq!(pool.trim_idle(start + Duration::from_secs(16)), 8 << 20);
    assert_eq!(pool.stats().bytes_cached, 0);
}

#[test]
fn memory_put_away_after_a_long_pause_is_not_taken_for_old() {
    let pool = MessagePool::builder().trim_after(Duration::from_secs(10)).build().unwrap();
    let start = Instant::now();
    pool.trim_idle(start + Duration::from_secs(5));
    drop(pool.rent(2 << 20));
    assert_eq!(pool.trim_idle(start + Duration::from_secs(3600)), 0);
    assert_eq!(pool.trim_idle(start + Duration::from_secs(3611)), 2 << 20);
}

#[test]
fn trimming_by_hand_gives_back_everything_this_thread_can_reach() {
    let pool = MessagePool::new();
    drop((0..100).map(|_| pool.rent(1000)).collect::<Vec<_>>());
    drop((0..3).map(|_| pool.rent(200 << 10)).collect::<Vec<_>>());
    assert_eq!(pool.trim(), 100 * 1024 + 3 * (256 << 10));
    assert_eq!((pool.trim(), pool.stats().cached), (0, 0));
}

#[test]
fn blocks_outlive_their_pool_handle() {
    let pool = MessagePool::new();
    let message = pool.rent_copy(&[5; 5000]).freeze();
    let buffer: PooledBuffer = pool.rent(300_000);
    drop(pool);
    assert_eq!(message, vec![5; 5000]);
    thread::spawn(move || drop(message)).join().unwrap();
    drop(buffer);
}

#[test]
fn pools_do_not_mix() {
    let (one, two) = (MessagePool::new(), MessagePool::new());
    let from_one = one.rent(100).freeze();
    let _from_two = two.rent(100);
    drop(from_one);
    assert_eq!((one.stats().cached, two.stats().cached), (1, 0));
    assert_eq!((one.stats().outstanding, two.stats().outstanding), (0, 1));
}

#[test]
fn a_thread_may_use_more_pools_than_it_keeps_magazines_for() {
    let pools: Vec<_> = (0..10).map(|_| MessagePool::new()).collect();
    for _ in 0..20 {
        for pool in &pools {
            drop(pool.rent(100));
        }
    }
    for pool in &pools {
        let stats = pool.stats();
        assert_eq!((stats.rents, stats.returns, stats.misses, stats.cached), (20, 20, 1, 1));
    }
}

#[test]
fn a_threads_magazines_come_back_when_it_ends() {
    let pool = MessagePool::new();
    let inner = pool.clone();
    thread::spawn(move || drop((0..10).map(|_| inner.rent(100)).collect::<Vec<_>>())).join().unwrap();
    assert_eq!(pool.stats().cached, 10);
    drop((0..10).map(|_| pool.rent(100)).collect::<Vec<_>>());
    let stats = pool.stats();
    assert_eq!((stats.rents, stats.returns, stats.misses, stats.hits), (20, 20, 10, 10));
}

#[test]
fn the_snapshot_prints_a_table() {
    let pool = MessagePool::new();
    drop(pool.rent(1000));
    let text = pool.stats().to_string();
    assert!(text.contains("1 KiB") && text.contains("hit %") && text.contains("64 MiB"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
}
