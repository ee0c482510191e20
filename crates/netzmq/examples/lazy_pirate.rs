//! Lazy pirate: a client that asks again when the answer does not come, and a server that crashes twice.
//!
//! `cargo run -p netzmq --example lazy_pirate`. `Requester` is what one would write by hand: a REQ with a time-out, a fresh
//! connection for each attempt, and numbers on the requests, so that no late answer is taken for another one.

use std::thread;
use std::time::Duration;

use netzmq::{Context, Error, Rep, RequestError};

fn main() -> Result<(), Error> {
    let context = Context::new();
    let server = context.rep().bind("tcp://127.0.0.1:*")?;
    let endpoint = server.endpoint();
    let mut client =
        context.requester().timeout(Duration::from_millis(250)).retries(20).connect(&endpoint)?;
    let running = {
        let (context, endpoint) = (context.clone(), endpoint.clone());
        thread::spawn(move || crash_twice(&context, server, &endpoint))
    };
    let answer = client.request("what is the time?").expect("it lives in the end");
    println!("client: {}", answer[0].escape_ascii());
    running.join().expect("the server does not panic")?;

    // Nobody is there any more.
    let mut client = context.requester().timeout(Duration::from_millis(20)).retries(2).connect(&endpoint)?;
    let error = client.request("hello?").expect_err("nobody answers");
    println!("client: {error}");
    assert_eq!(error, RequestError::NoAnswer { attempts: 3 });
    Ok(())
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
