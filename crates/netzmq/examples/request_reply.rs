//! A request and its reply: REQ asks, REP answers, in strict turns.
//!
//! `cargo run -p netzmq --example request_reply`

use netzmq::{Context, Error, Rep};

fn main() -> Result<(), Error> {
    let context = Context::new();
    // Port `*`: the system chooses one. `endpoint` tells what peers connect to.
    let server = context.rep().bind("tcp://127.0.0.1:*")?;
    let client = context.req().connect(server.endpoint())?;
    let service = std::thread::spawn(move || serve(server));
    for name in ["Ada", "Grace", "Radia"] {
        client.send(name)?;
        println!("{}", String::from_utf8_lossy(&client.recv()?));
    }
    // What blocks on a socket of this context is told that it is over.
    context.shutdown();
    let served = service.join().expect("the service does not panic");
    assert_eq!(served, 3);
    Ok(())
}

/// Greets whoever asks, until the context is shut down. Returns how many were greeted.
fn serve(mut socket: Rep) -> usize {
    let mut served = 0;
    while let Ok(name) = socket.recv() {
        // The reply goes to whoever asked: REP remembers.
        let greeting = format!("Hello, {}!", String::from_utf8_lossy(&name));
        if name.reply(greeting).is_err() {
            break;
        }
        served += 1;
    }
    served
}
