//! Freelance: a client that knows several servers, asks all of them, and takes the first answer.
//!
//! `cargo run -p netzmq --example freelance`. No broker: a DEALER connected to all servers, and a number in front of
//! each request, by which late answers to older ones are told.

use std::thread;
use std::time::{Duration, Instant};

use netzmq::{Context, Dealer, Error, Message, RecvError};

const SERVERS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Error> {
    let context = Context::new();
    let client = context.dealer().linger(Duration::ZERO).open()?;
    let mut threads = Vec::new();
    for number in 0..SERVERS {
        let router = context.router().bind("tcp://127.0.0.1:*")?;
        client.connect(router.endpoint())?;
        // The first server is there and answers nothing, ever.
        threads.push(thread::spawn(move || -> Result<(), Error> {
            loop {
                let (client, request) = router.recv_request()?;
                if let ([sequence, question], 1..) = (&request[..], number) {
                    let answer = format!("server {number} heard {}", question.escape_ascii());
                    router.reply_to(&client, (sequence.clone(), answer))?;
                }
            }
        }));
    }
    for sequence in 0..5u32 {
        let answer = ask(&client, sequence, "a question")?;
        println!("{sequence}: {}", answer.escape_ascii());
    }
    context.shutdown(); // the servers end: "terminated"
    threads.into_iter().for_each(|thread| drop(thread.join().expect("no panic")));
    Ok(())
}

fn ask(client: &Dealer, sequence: u32, question: &str) -> Result<Message, Error> {
    for _ in 0..SERVERS {
        // An empty part behind the name that the ROUTER puts in front, as a REQ would send.
        client.send_multipart(("", sequence.to_le_bytes(), question))?;
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        client.set_recv_timeout(deadline.saturating_duration_since(Instant::now()))?;
        match &client.recv_multipart()?[..] {
            [_, number, answer] if *number == sequence.to_le_bytes() => return Ok(answer.clone()),
            _ if Instant::now() > deadline => return Err(RecvError::WouldBlock.into()),
            _ => {} // a late answer to an older request
        }
    }
}
