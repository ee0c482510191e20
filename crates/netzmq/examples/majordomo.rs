//! Majordomo (after RFC 7): clients ask for a service by name, a broker finds a worker that offers it.
//!
//! `cargo run -p netzmq --example majordomo`. Left out: workers that die (`set_heartbeat_interval` finds them).

use std::collections::{HashMap, VecDeque};
use std::thread::spawn;

use netzmq::{Context, Dealer, Error, Message, Router};

fn main() -> Result<(), Error> {
    let context = Context::new();
    let broker = context.router().bind("tcp://127.0.0.1:*")?;
    let client = context.req().connect(broker.endpoint())?;
    let worker = context.dealer().connect(broker.endpoint())?;
    let threads = [spawn(move || mediate(&broker)), spawn(move || work(&worker, "echo"))];
    for question in ["one", "two", "three"] {
        client.send_multipart(["MDPC01", "echo", question])?;
        let reply = client.recv_multipart()?;
        println!("{} says {}", reply[1].escape_ascii(), reply[2].escape_ascii());
        assert_eq!(reply[2], question);
    }
    context.shutdown(); // both threads end: "terminated"
    threads.into_iter().for_each(|thread| drop(thread.join().expect("no panic")));
    Ok(())
}

fn mediate(socket: &Router) -> Result<(), Error> {
    // For each service the workers that are free, and the questions that wait for one.
    let mut services: HashMap<Message, (VecDeque<Message>, VecDeque<[Message; 2]>)> = HashMap::new();
    loop {
        // A ROUTER receives: who sent it, an empty part (REQ adds it, our worker does the same), the rest.
        let message = socket.recv_multipart()?;
        let [from, _, kind, name, rest @ ..] = &message[..] else { continue };
        let (free, waiting) = services.entry(name.clone()).or_default();
        match rest {
            [question] if *kind == "MDPC01" => waiting.push_back([from.clone(), question.clone()]),
            [client, answer] if *kind == "MDPW01" => {
                let [client, answer] = [client.clone(), answer.clone()];
                socket.send_multipart([client, "".into(), "MDPC01".into(), name.clone(), answer])?;
                free.push_back(from.clone());
            }
            [] if *kind == "MDPW01" => free.push_back(from.clone()),
            _ => continue, // nothing that a broker answers
        }
        while let (Some(worker), Some(_)) = (free.front(), waiting.front()) {
            let (worker, [client, question]) = (worker.clone(), waiting.pop_front().expect("looked at"));
            free.pop_front();
            socket.send_multipart([worker, "".into(), client, question])?;
        }
    }
}

fn work(socket: &Dealer, name: &str) -> Result<(), Error> {
    socket.send_multipart(["", "MDPW01", name])?; // ready for the first question
    while let [_, client, question] = &socket.recv_multipart()?[..] {
        socket.send_multipart(["".into(), "MDPW01".into(), name.into(), client.clone(), question.clone()])?;
    }
    Ok(())
}
