//! A proxy: many clients and many services know one place, and not each other.
//!
//! `cargo run -p netzmq --example proxy`

use std::thread;

use netzmq::{Context, Error, Proxy};

fn main() -> Result<(), Error> {
    let context = Context::new();
    let frontend = context.router().bind("tcp://127.0.0.1:*")?;
    let backend = context.dealer().bind("ipc://*")?;
    let (clients_come_here, services_come_here) = (frontend.endpoint(), backend.endpoint());
    // The proxy obeys what comes from here: PAUSE, RESUME, TERMINATE, STATISTICS.
    let control = context.pair().bind("inproc://control")?;
    let remote_control = context.pair().connect("inproc://control")?;

    let proxy = thread::spawn(move || Proxy::new(&frontend, &backend).control(&control).run());
    let services: Vec<_> = ["one", "two"]
        .into_iter()
        .map(|name| {
            let (context, endpoint) = (context.clone(), services_come_here.clone());
            thread::spawn(move || serve(&context, &endpoint, name))
        })
        .collect();

    let client = context.req().connect(&clients_come_here)?;
    for number in 1..=4 {
        client.send(format!("request {number}"))?;
        println!("{}", String::from_utf8_lossy(&client.recv()?));
    }

    remote_control.send("TERMINATE")?;
    let statistics = proxy.join().expect("the proxy does not panic")?;
    // Four requests and their replies, each of three parts: routing id, empty part, body.
    assert_eq!((statistics.frontend_received, statistics.frontend_sent), (12, 12));
    println!(
        "{} bytes went in, {} came out",
        statistics.frontend_received_bytes, statistics.frontend_sent_bytes
    );
    context.shutdown();
    for service in services {
        // One that began too late found the context over, which is no failure here.
        let _ = service.join().expect("a service does not panic");
    }
    Ok(())
}

fn serve(context: &Context, endpoint: &str, name: &str) -> Result<(), Error> {
    let mut socket = context.rep().connect(endpoint)?; // REP may connect, as any socket may
    while let Ok(request) = socket.recv() {
        let answer = format!("{name} answers {}", String::from_utf8_lossy(&request));
        request.reply(answer)?;
    }
    Ok(())
}
