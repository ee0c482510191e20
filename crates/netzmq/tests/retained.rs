//! What a message that is kept costs: never more than a stated multiple of its size, whatever it was read together with.
//!
//! Method: an allocator that counts; many messages are received over tcp, one in a hundred is kept, so that each lies among
//! ninety-nine others in the memory that was read. The heap may grow by twice the size and 64 bytes for each, and by
//! what the sockets need for themselves. One test function, so that nobody else allocates meanwhile.

use std::alloc::System;
use std::time::Duration;

use netzmq::{Context, Message, SocketType};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The header of a block.
const HEADER: usize = 64;
/// Chunks, segments, and magazines that were not full before.
const SOCKETS: usize = 3 << 20;

#[test]
fn a_kept_message_holds_little_more_than_itself() {
    let context = Context::new();
    let push = context.socket(SocketType::Push).unwrap();
    let pull = context.socket(SocketType::Pull).unwrap();
    pull.set_recv_timeout(Some(Duration::from_secs(30))).unwrap();
    push.set_linger(Some(Duration::ZERO)).unwrap();
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    for (size, keep) in
        [(10, 2000), (51, 2000), (64, 2000), (65, 2000), (1000, 1000), (4000, 500), (40_000, 200)]
    {
        let body: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        let mut kept: Vec<Message> = Vec::with_capacity(keep);
        // The small ones a hundred to one, the large ones (which share memory with nobody) ten to one.
        let among = if size < 10_000 { 100 } else { 10 };
        let region = Region::new(ALLOCATOR);
        for _ in 0..keep {
            for _ in 0..among {
                push.send(&body).unwrap();
            }
            for at in 0..among {
                let message = pull.recv().unwrap();
                if at == among / 2 {
                    kept.push(message);
                }
            }
        }
        let change = region.change();
        let grown = (change.bytes_allocated as isize + change.bytes_reallocated
            - change.bytes_deallocated as isize)
            .max(0) as usize;
        let bound = if size <= Message::INLINE_MAX { 0 } else { keep * (2 * size + HEADER) };
        assert!(grown <= bound + SOCKETS, "{keep} messages of {size} B hold {grown} B, not {bound}");
        // Far less than if each had kept what it was read with.
        assert!(kept.iter().all(|message| message[..] == body[..]));
        let pinning = keep * (16 << 10);
        assert!(size >= 10_000 || grown < pinning / 2, "{grown}");
    }
}
