//! A pipeline: PUSH hands tasks to workers in turn, the workers hand results to one PULL.
//!
//! `cargo run -p netzmq --example pipeline`

use std::thread;

use netzmq::{Context, Error, Pull, Push};

const WORKERS: usize = 3;
const TASKS: u64 = 1000;

fn main() -> Result<(), Error> {
    let context = Context::new();
    let tasks = context.push().bind("tcp://127.0.0.1:*")?;
    let results = context.pull().bind("tcp://127.0.0.1:*")?;

    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        // Made here: a thread that starts late may find the work done, and the context shut down.
        let input = context.pull().connect(tasks.endpoint())?;
        let output = context.push().connect(results.endpoint())?;
        workers.push(thread::spawn(move || work(&input, &output)));
    }

    // With all queues at their high-water marks, `send` waits: fast producers do not fill memory. So whoever sends
    // much must not be the only one who receives the results.
    let producer = thread::spawn(move || (0..TASKS).try_for_each(|task| tasks.send(&task.to_le_bytes())));

    let mut sum = 0;
    for _ in 0..TASKS {
        let result = results.recv()?;
        sum += u64::from_le_bytes(result[..].try_into().expect("eight bytes"));
    }
    println!("the sum of the squares below {TASKS} is {sum}");
    assert_eq!(sum, (0..TASKS).map(|n| n * n).sum());

    producer.join().expect("the producer does not panic")?;
    context.shutdown(); // the workers' `recv` ends with an error
    for worker in workers {
        let done = worker.join().expect("a worker does not panic")?;
        println!("a worker did {done} tasks");
    }
    Ok(())
}

/// Squares numbers until the context is shut down. Returns how many.
fn work(input: &Pull, output: &Push) -> Result<usize, Error> {
    let mut done = 0;
    while let Ok(task) = input.recv() {
        let number = u64::from_le_bytes(task[..].try_into().expect("eight bytes"));
        output.send(&(number * number).to_le_bytes())?;
        done += 1;
    }
    Ok(done)
}
