//! Work for whoever is free: DEALERs ask a ROUTER for tasks, which answers each by its routing id.
//!
//! `cargo run -p netzmq --example router_dealer`
//!
//! Unlike PUSH, which gives every worker as many tasks as the next, this gives more to those that are faster.

use std::thread;

use netzmq::{Context, Error};

const TASKS: u32 = 100;

fn main() -> Result<(), Error> {
    let context = Context::new();
    // Mandatory: a message for a peer that is gone is an error, and does not just vanish.
    let router = context.router().mandatory(true).bind("tcp://127.0.0.1:*")?;

    let workers: Vec<_> = ["ant", "bee"]
        .into_iter()
        .map(|name| {
            let (context, endpoint) = (context.clone(), router.endpoint());
            thread::spawn(move || work(&context, &endpoint, name))
        })
        .collect();

    let mut tasks = 0..TASKS;
    let mut working = workers.len();
    while working > 0 {
        // A ROUTER puts the sender's id in front of what it receives, and takes the receiver's id off what it sends.
        let (worker, _request) = router.recv_request()?;
        match tasks.next() {
            Some(task) => router.reply_to(&worker, format!("task {task}"))?,
            None => {
                router.reply_to(&worker, "")?;
                working -= 1;
            }
        }
    }
    let done: u32 =
        workers.into_iter().map(|w| w.join().expect("a worker does not panic").unwrap_or(0)).sum();
    assert_eq!(done, TASKS);
    Ok(())
}

/// Asks for tasks until there are none. Returns how many there were.
fn work(context: &Context, endpoint: &str, name: &str) -> Result<u32, Error> {
    let dealer = context.dealer().routing_id(name).connect(endpoint)?; // else the ROUTER makes up a name
    dealer.send("ready")?;
    let mut done = 0;
    while !dealer.recv()?.is_empty() {
        done += 1;
        dealer.send("ready")?;
    }
    println!("{name} did {done} tasks");
    Ok(done)
}
