//! Pooled memory: rent, fill, send; it comes back by itself.
//!
//! `cargo run -p netzmq --example memory_pool`
//!
//! `MessagePool::shared()` serves most programs. A pool of one's own has its own limits and statistics.

use netzmq::{Context, MessagePool};

const SIZE: usize = 48 * 1024;
const MESSAGES: usize = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = MessagePool::builder().byte_budget(16 << 20).build()?;
    // Memory that is touched for the first time costs page faults: better now than with the first messages.
    pool.prewarm(SIZE, 64);

    let context = Context::new();
    let pull = context.pull().bind("tcp://127.0.0.1:*")?;
    // What waits in queues is not in the pool: queues deeper than the pool would make it allocate.
    let push = context.push().send_hwm(32).connect(pull.endpoint())?;

    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for number in 0..MESSAGES {
                // Writable and ours alone; what it contains is left over from earlier messages.
                let mut buffer = pool.rent(SIZE);
                buffer.fill(number as u8);
                push.send(buffer)?; // from here on the engine's, until the kernel has the bytes
            }
            Ok::<(), netzmq::SendError>(())
        });
        for number in 0..MESSAGES {
            // Received into pooled memory as well: the frame's header tells the size before the body is read.
            let message = pull.recv()?;
            assert!(message.len() == SIZE && message.iter().all(|&byte| byte == number as u8));
        }
        sender.join().expect("the sender does not panic")?;
        Ok::<(), netzmq::Error>(())
    })?;

    // Whatever the engine still had in hand is back once the context has ended.
    drop((pull, push));
    context.terminate(None);
    println!("sent from a pool of our own:\n{}", pool.stats());
    println!("received into the shared one:\n{}", MessagePool::shared().stats());
    assert_eq!(pool.stats().rents, MESSAGES as u64);
    assert_eq!(pool.stats().outstanding, 0);
    Ok(())
}
