//! Lazy pirate: a client that asks again when the answer does not come, and a server that crashes twice.
//!
//! `cargo run -p netzmq --example lazy_pirate`

use std::thread;
use std::time::Duration;

use netzmq::{Context, Error, RecvError, Rep, Req};

const PATIENCE: Duration = Duration::from_millis(250);
const ATTEMPTS: u32 = 20;

fn main() -> Result<(), Error> {
    let context = Context::new();
    let server = context.rep().bind("tcp://127.0.0.1:*")?;
    let endpoint = server.endpoint();
    let running = {
        let (context, endpoint) = (context.clone(), endpoint.clone());
        thread::spawn(move || crash_twice(&context, server, &endpoint))
    };

    let client = context
        .req()
        .recv_timeout(PATIENCE)
        .relaxed(true) // a new request may follow an unanswered one,
        .correlate(true) // and a late answer to the old one is not taken for one to the new
        .linger(Duration::ZERO) // nobody needs an old request after the end
        .connect(&endpoint)?;
    let answer = ask(&client, "what is the time?")?;
    println!("client: {}", String::from_utf8_lossy(&answer));
    running.join().expect("the server does not panic")
}

/// Sends `question` until it is answered.
fn ask(client: &Req, question: &str) -> Result<netzmq::Message, Error> {
    for attempt in 1..=ATTEMPTS {
        client.send(question)?;
        match client.recv() {
            Ok(answer) => return Ok(answer),
            Err(RecvError::WouldBlock) => println!("client: no answer to attempt {attempt}"),
            Err(error) => return Err(error.into()),
        }
    }
    Err(RecvError::WouldBlock.into())
}

/// The connection is made again by itself; only the request and its answer are lost with it.
fn crash_twice(context: &Context, mut socket: Rep, endpoint: &str) -> Result<(), Error> {
    for _ in 0..2 {
        drop(socket.recv()?); // and no reply
        println!("server: crashed, starts again");
        drop(socket);
        socket = context.rep().bind(endpoint)?;
    }
    Ok(socket.recv()?.reply("time for tea")?)
}
