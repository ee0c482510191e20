//! Simple pirate: clients ask again, and a queue gives requests to workers that said they are ready, one at a time each.
//! `cargo run -p netzmq --example simple_pirate`. A worker that dies takes one request along, and gets no other.

use std::{collections::VecDeque, thread::spawn, time::Duration};

use netzmq::{Context, Envelope, Error, Interest, Poller, Req, Router};

const READY: &str = "\x01";

fn main() -> Result<(), Error> {
    let context = Context::new();
    let clients = context.router().bind("tcp://127.0.0.1:*")?;
    let workers = context.router().bind("tcp://127.0.0.1:*")?;
    let patient = context.requester().timeout(Duration::from_millis(250)).retries(10);
    let mut client = patient.connect(clients.endpoint())?;
    let mut threads = Vec::new();
    for (name, requests) in [("the frail one", 2), ("the steady one", 100)] {
        let worker = context.req().linger(Duration::ZERO).connect(workers.endpoint())?;
        threads.push(spawn(move || work(&worker, name, requests)));
    }
    threads.push(spawn(move || queue(&clients, &workers)));
    for number in 1..=8 {
        let answer = client.request(format!("request {number}")).expect("somebody lives");
        println!("{}", answer[0].escape_ascii());
    }
    context.shutdown(); // everybody ends: "terminated"
    threads.into_iter().for_each(|thread| drop(thread.join().expect("no panic")));
    Ok(())
}

fn queue(clients: &Router, workers: &Router) -> Result<(), Error> {
    let mut ready = VecDeque::new();
    let mut poller = Poller::new();
    poller.add(workers, 0, Interest::READABLE);
    poller.add(clients, 1, Interest::READABLE);
    loop {
        poller.modify(1, Interest { readable: !ready.is_empty(), writable: false }); // else they wait
        for event in poller.wait(None) {
            if event.key == 0 {
                let (worker, message) = workers.recv_request()?;
                ready.push_back(worker);
                if message != [READY] {
                    clients.send_multipart(message)?; // client, empty part, answer
                }
            } else if let Some(worker) = ready.pop_front() {
                workers.reply_to(&worker, clients.recv_multipart()?)?;
            }
        }
    }
}

fn work(worker: &Req, name: &str, requests: usize) -> Result<(), Error> {
    worker.send(READY)?;
    for _ in 1..requests {
        let (client, request) = Envelope::open(worker.recv_multipart()?);
        worker.send_multipart(client.seal(format!("{name} did {}", request[0].escape_ascii())))?;
    }
    worker.recv_multipart()?;
    Ok(()) // and dies with it
}
