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
    let router = context.router()?;
    router.set_router_mandatory(true)?; // a message for a peer that is gone is an error, and does not just vanish
    let endpoint = router.bind("tcp://127.0.0.1:*")?;

    let workers: Vec<_> = ["ant", "bee"]
        .into_iter()
        .map(|name| {
            let (context, endpoint) = (context.clone(), endpoint.clone());
            thread::spawn(move || work(&context, &endpoint, name))
        })
        .collect();

    let mut tasks = 0..TASKS;
    let mut working = workers.len();
    while working > 0 {
        // A ROUTER puts the sender's id in front of what it receives, and takes the receiver's id off what it sends.
        let request = router.recv_multipart()?;
        router.send_more(&request[0])?;
        match tasks.next() {
            Some(task) => router.send(format!("task {task}"))?,
            None => {
                router.send("")?;
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
    let dealer = context.dealer()?;
    dealer.set_routing_id(name.into())?; // before connecting; else the ROUTER makes one up
    dealer.connect(endpoint)?;
    dealer.send("ready")?;
    let mut done = 0;
    while !dealer.recv()?.is_empty() {
        done += 1;
        dealer.send("ready")?;
    }
    println!("{name} did {done} tasks");
    Ok(done)
}
