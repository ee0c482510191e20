//! Waiting for several sockets at once.
//!
//! `cargo run -p netzmq --example poller`

use std::thread;
use std::time::Duration;

use netzmq::{Context, Error, Interest, Poller, RecvError};

fn main() -> Result<(), Error> {
    let context = Context::new();
    let pull = || context.pull().bind("tcp://127.0.0.1:*");
    let sockets = [("orders", pull()?), ("complaints", pull()?)];
    let endpoints = sockets.each_ref().map(|(_, socket)| socket.endpoint());
    let mut poller = Poller::new();
    for (key, (_, socket)) in sockets.iter().enumerate() {
        poller.add(socket, key, Interest::READABLE);
    }

    let customer = thread::spawn(move || -> Result<(), Error> {
        for (endpoint, what) in endpoints.iter().zip(["a cake", "too sweet"]) {
            let push = context.push().connect(endpoint)?;
            for number in 1..=3 {
                push.send(format!("{what} ({number})"))?;
            }
            push.send("end")?;
        }
        Ok(())
    });

    let mut open = sockets.len();
    while open > 0 {
        // Only what is ready is told, and it is told again as long as it is ready. Empty: nothing came in time.
        for ready in poller.wait(Some(Duration::from_secs(10))) {
            let (name, socket) = &sockets[ready.key];
            // One look at the poller, many messages: cheaper than one look for each.
            loop {
                match socket.try_recv() {
                    Ok(message) if message == "end" => open -= 1,
                    Ok(message) => println!("{name}: {}", String::from_utf8_lossy(&message)),
                    Err(RecvError::WouldBlock) => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    customer.join().expect("the customer does not panic")
}
