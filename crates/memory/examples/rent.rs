//! What renting costs, beside a `Vec`: `cargo run --release -p netzmq-memory --example rent`.
//!
//! Each cell is the median of several runs in nanoseconds per message; every buffer's first and last byte is
//! written, so that no allocation is optimised away. "cross" rents here and drops on another thread, the
//! queue between them included for both sides.

use std::hint::black_box;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use netzmq_memory::{Message, MessagePool};

const SIZES: [usize; 7] = [64, 512, 1024, 4096, 16 << 10, 64 << 10, 1 << 20];
const RUNS: usize = 7;

fn touch(bytes: &mut [u8]) {
    if let [first, .., last] = bytes {
        (*first, *last) = (1, 1);
    }
    black_box(bytes);
}

/// The median over `RUNS` runs of the nanoseconds that one of `count` rounds takes.
fn median(count: usize, mut run: impl FnMut(usize)) -> f64 {
    run(count / 4 + 1);
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run(count);
            start.elapsed().as_nanos() as f64 / count as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

fn each(make: impl Fn() -> Message) -> impl FnMut(usize) {
    move |count| {
        for _ in 0..count {
            // Looked at where it is: a message moved right after it was written costs some nanoseconds more.
            let message = make();
            black_box(&message);
        }
    }
}

fn window<T>(mut make: impl FnMut() -> T) -> impl FnMut(usize) {
    let mut held: Vec<Option<T>> = (0..64).map(|_| None).collect();
    move |count| {
        for i in 0..count {
            held[i % 64] = Some(make());
        }
    }
}

/// Batches of 32 go to another thread, which drops them.
fn cross<T: Send + 'static>(count: usize, make: impl Fn() -> T) {
    let (sender, receiver) = mpsc::sync_channel::<Vec<T>>(4);
    let (empties, back) = mpsc::channel::<Vec<T>>();
    let consumer = thread::spawn(move || {
        for mut batch in receiver {
            batch.clear();
            let _ = empties.send(batch);
        }
    });
    for _ in 0..count / 32 {
        let mut batch = back.try_recv().unwrap_or_else(|_| Vec::with_capacity(32));
        batch.extend((0..32).map(|_| make()));
        if sender.send(batch).is_err() {
            break;
        }
    }
    drop(sender);
    let _ = consumer.join();
}

fn main() {
    let pool = MessagePool::shared();
    let own = MessagePool::new();
    println!(
        "{:>8} | {:>9} {:>9} {:>9} | {:>9} {:>9} | {:>9} {:>9} {:>9} | {:>9} {:>9}",
        "bytes",
        "vec",
        "rent",
        "own pool",
        "vec w64",
        "rent w64",
        "to_vec",
        "copy",
        "from(vec)",
        "vec x",
        "rent x"
    );
    for size in SIZES {
        let count = (200_000_000 / (size + 400)).clamp(2_000, 400_000);
        let source = vec![7_u8; size];
        let new_vec = || {
            let mut vec = Vec::<u8>::with_capacity(size);
            // The cheapest a Vec can be: nothing is zeroed, two bytes are written.
            let spare = vec.spare_capacity_mut();
            spare[0].write(1);
            spare[size - 1].write(1);
            black_box(vec)
        };
        let rent = |pool: &MessagePool| {
            let mut buffer = pool.rent(size);
            touch(&mut buffer);
            buffer.freeze()
        };
        println!(
            "{:>8} | {:>9.1} {:>9.1} {:>9.1} | {:>9.1} {:>9.1} | {:>9.1} {:>9.1} {:>9.1} | {:>9.1} {:>9.1}",
            size,
            median(count, |n| (0..n).for_each(|_| drop(new_vec()))),
            median(count, each(|| rent(pool))),
            median(count, each(|| rent(&own))),
            median(count, window(new_vec)),
            median(count, window(|| rent(pool))),
            median(count, |n| (0..n).for_each(|_| {
                let vec = black_box(&source[..]).to_vec();
                black_box(&vec);
            })),
            median(count, each(|| Message::copy_from_slice(black_box(&source)))),
            median(count, each(|| Message::from(black_box(&source[..]).to_vec()))),
            median(count / 2, |n| cross(n, new_vec)),
            median(count / 2, |n| cross(n, || rent(pool))),
        );
    }
    println!("\nsmall and shared, ns per operation");
    let small = Message::from("twelve bytes");
    let large = Message::copy_from_slice(&[1; 1000]);
    let bytes = [5_u8; 50];
    println!(
        "  inline copy of 12 B and drop   {:>6.1}",
        median(400_000, each(|| Message::copy_from_slice(black_box(&bytes[..12]))))
    );
    println!(
        "  inline copy of 50 B and drop   {:>6.1}",
        median(400_000, each(|| Message::copy_from_slice(black_box(&bytes))))
    );
    println!("  clone and drop, inline         {:>6.1}", median(400_000, each(|| black_box(&small).clone())));
    println!("  clone and drop, shared block   {:>6.1}", median(400_000, each(|| black_box(&large).clone())));
    println!(
        "  slice of 500 B and drop        {:>6.1}",
        median(400_000, each(|| black_box(&large).slice(..500)))
    );
    println!("\n{}", pool.stats());
}
