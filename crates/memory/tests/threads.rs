//! Many threads, exact statistics at rest.
//!
//! Goal: with rents and returns on many threads, blocks crossing between them and threads coming and going,
//! every count adds up once all have stopped, nothing is lost, and no block is ever with two holders.
//! Method: each block is stamped by its renter and checked by whoever drops it.

use std::sync::mpsc;
use std::thread;

use netzmq_memory::{Message, MessagePool};

fn stamped(pool: &MessagePool, len: usize, stamp: u8) -> Message {
    let mut buffer = pool.rent(len);
    buffer.fill(stamp);
    buffer.freeze()
}

#[test]
fn concurrent_rents_and_returns_have_exact_statistics_at_rest() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 3000;
    let pool = MessagePool::new();
    let threads: Vec<_> = (0..THREADS)
        .map(|t| {
            let pool = pool.clone();
            thread::spawn(move || {
                let mut held = Vec::new();
                for i in 0..ROUNDS {
                    let len = 1 + (i * 7919 + t) % 3000;
                    held.push(stamped(&pool, len, t as u8));
                    if held.len() > 40 {
                        let message = held.swap_remove(i % held.len());
                        assert!(message.iter().all(|&byte| byte == t as u8));
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let stats = pool.stats();
    assert_eq!(stats.rents, (THREADS * ROUNDS) as u64);
    assert_eq!((stats.returns, stats.outstanding), (stats.rents, 0));
    assert_eq!(stats.hits + stats.misses, stats.rents);
    let released: u64 = stats.classes.iter().map(|class| class.released).sum();
    assert_eq!(stats.cached, stats.misses - stats.rejects - released);
}

#[test]
fn blocks_that_cross_threads_are_counted_and_reused() {
    const MESSAGES: usize = 20_000;
    let pool = MessagePool::new();
    for len in [64, 4096, 65_536, 300_000] {
        let messages = if len > 100_000 { MESSAGES / 100 } else { MESSAGES / 10 };
        let (sender, receiver) = mpsc::sync_channel::<Message>(16);
        let consumer = thread::spawn(move || {
            receiver.into_iter().inspect(|message| assert_eq!(message.len(), len)).count()
        });
        for i in 0..messages {
            sender.send(stamped(&pool, len, i as u8)).unwrap();
        }
        drop(sender);
        assert_eq!(consumer.join().unwrap(), messages);
        let class = *pool.stats().class(len).unwrap();
        assert_eq!((class.rents, class.returns), (messages as u64, messages as u64));
        // The channel and both threads' magazines bound how many blocks are ever needed at once.
        assert!(class.misses < 450, "{len} B: {} blocks made", class.misses);
    }
}

#[test]
fn settings_change_safely_under_load() {
    let pool = MessagePool::builder().byte_budget(4 << 20).build().unwrap();
    let workers: Vec<_> = (0..4)
        .map(|t| {
            let pool = pool.clone();
            thread::spawn(move || {
                let mut held = Vec::new();
                for i in 0..4000_usize {
                    held.push(stamped(&pool, 1 + i * 31 % 20_000, t));
                    if held.len() == 30 {
                        held.clear();
                    }
                }
            })
        })
        .collect();
    for i in 0..200 {
        pool.set_max(1024, 1 + i % 50).unwrap();
        pool.clear();
        pool.prewarm(512, i % 20);
        pool.trim();
        pool.set_byte_budget((i + 1) << 14);
        assert!(pool.stats().bytes_cached < 64 << 20);
    }
    for worker in workers {
        worker.join().unwrap();
    }
    pool.set_byte_budget(1 << 20);
    let stats = pool.stats();
    assert_eq!((stats.rents, stats.outstanding), (16_000, 0));
    assert!(stats.bytes_cached <= 1 << 20, "{stats}");
    pool.clear();
    assert_eq!(pool.stats().cached, 0);
}

#[test]
fn a_pool_dropped_while_others_still_return_blocks_is_freed_later() {
    // Run under a leak checker this shows that nothing stays behind.
    for _ in 0..50 {
        let pool = MessagePool::new();
        let messages: Vec<_> = (0..100).map(|i| stamped(&pool, 100 + i * 50, 1)).collect();
        let consumer = thread::spawn(move || drop(messages));
        drop(pool);
        consumer.join().unwrap();
    }
}
