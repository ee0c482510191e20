//! No heap allocation a message in the steady state, on both sides together, over real tcp.
//!
//! Method: an allocator that counts for the whole process, I/O threads included; one test function, so that nobody else
//! runs. For each size and each way to send and receive: first the queues are filled as far as the high-water mark lets
//! them and emptied, so that everything that grows has grown; then messages flow in rounds while allocations are counted.
//! How batches fall differs from round to round, and the first of a new size needs memory; but what is allocated for each
//! message, or for one in hundreds, is in every round: one without any must come soon.

use std::alloc::System;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use netzmq::{Context, Message, MessagePool, SendError, SendFailure, Socket, SocketType};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PATIENCE: Duration = Duration::from_secs(30);
/// Of each socket: what is on its way stays within the pool's usual bounds at every size.
const HIGH_WATER_MARK: usize = 16;

/// At most so many rounds until nothing is allocated. Blocks that are rented on one thread and given back on another first
/// fill that thread's magazines, which may take one more in each round.
const ROUNDS: usize = 300;

/// A way to send a body.
type Send = fn(&Socket, &[u8]) -> Result<(), SendError>;
/// A way to receive one; says how long it was.
type Receive = fn(&Socket, &mut [u8]) -> usize;

const SENDS: [(&str, Send); 3] = [
    ("send(&[u8])", |socket, body| socket.try_send(body)),
    ("rent, fill, send", |socket, body| {
        let mut rented = MessagePool::shared().rent(body.len());
        rented.copy_from_slice(body);
        socket.try_send(rented)
    }),
    ("copy_from_slice, send", |socket, body| socket.try_send(Message::copy_from_slice(body))),
];

const RECEIVES: [(&str, Receive); 3] = [
    ("recv", |socket, _| socket.recv().unwrap().len()),
    ("recv_into", |socket, buffer| socket.recv_into(buffer).unwrap().len),
    ("recv_with", |socket, _| socket.recv_with(<[u8]>::len).unwrap().0),
];

const SIZES: [usize; 12] =
    [1, 50, 51, 512, 1024, 4095, 4096, 32 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20];

#[test]
fn nothing_is_allocated_for_a_message() {
    let context = Context::new();
    let push = context.socket(SocketType::Push).unwrap();
    let pull = context.socket(SocketType::Pull).unwrap();
    push.set_send_hwm(HIGH_WATER_MARK).unwrap();
    pull.set_recv_hwm(HIGH_WATER_MARK).unwrap();
    push.set_linger(Some(Duration::ZERO)).unwrap();
    push.set_send_timeout(Some(PATIENCE)).unwrap();
    pull.set_recv_timeout(Some(PATIENCE)).unwrap();
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    let mut found = Vec::new();
    for size in SIZES {
        for (how_sent, send) in SENDS {
            for (how_received, receive) in RECEIVES {
                let count = (16 << 20) / size.max(16 << 10);
                let rounds = steady(&push, &pull, size, count, send, receive);
                if !rounds.contains(&0) {
                    found.push(format!(
                        "{size} B, {how_sent}, {how_received}: {rounds:?} in rounds of {count}"
                    ));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Allocations in rounds of `count` messages each, up to the first round without any.
fn steady(
    push: &Socket,
    pull: &Socket,
    size: usize,
    count: usize,
    send: Send,
    receive: Receive,
) -> Vec<usize> {
    let body: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
    let mut buffer = vec![0; size];
    // As deep as it gets.
    let mut filled = 0;
    while filled < 1000 && !is_full(send(push, &body)) {
        filled += 1;
    }
    for _ in 0..filled {
        assert_eq!(receive(pull, &mut buffer), size);
    }
    let mut allocations = Vec::with_capacity(ROUNDS);
    let (barrier, done) = (Barrier::new(2), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                barrier.wait();
                if done.load(Ordering::SeqCst) {
                    return;
                }
                let mut left = count;
                while left > 0 {
                    if is_full(send(push, &body)) {
                        wait_for_room(push);
                    } else {
                        left -= 1;
                    }
                }
                barrier.wait();
            }
        });
        while allocations.len() < ROUNDS && allocations.last() != Some(&0) {
            let region = Region::new(ALLOCATOR);
            barrier.wait();
            for _ in 0..count {
                assert_eq!(receive(pull, &mut buffer), size);
            }
            barrier.wait();
            let change = region.change();
            allocations.push(change.allocations + change.reallocations);
        }
        done.store(true, Ordering::SeqCst);
        barrier.wait();
    });
    allocations
}

fn is_full(sent: Result<(), SendError>) -> bool {
    match sent {
        Ok(()) => false,
        Err(SendError { reason: SendFailure::WouldBlock, .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

fn wait_for_room(push: &Socket) {
    while !push.can_send() {
        std::thread::yield_now();
    }
}
