//! A request and its reply: REQ asks, REP answers, in strict turns.
//!
//! `cargo run -p netzmq --example request_reply`

use netzmq::{Context, Error, Socket};

fn main() -> Result<(), Error> {
    let context = Context::new();
    let server = context.rep()?;
    // Port `*`: the system chooses one. `bind` returns the endpoint that peers connect to.
    let endpoint = server.bind("tcp://127.0.0.1:*")?;
    let service = std::thread::spawn(move || serve(&server));

    let client = context.req()?;
    client.connect(&endpoint)?;
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
fn serve(socket: &Socket) -> usize {
    let mut served = 0;
    while let Ok(name) = socket.recv() {
        // The reply goes to whoever asked: REP remembers.
        let greeting = format!("Hello, {}!", String::from_utf8_lossy(&name));
        if socket.send(greeting).is_err() {
            break;
        }
        served += 1;
    }
    served
}
