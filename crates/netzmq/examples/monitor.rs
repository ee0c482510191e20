//! Watching connections come and go: who connected, who was refused and why, who was lost.
//!
//! `cargo run -p netzmq --example monitor`
//!
//! What a peer does wrong never shows up in `send` or `recv`. It shows up here.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use netzmq::{Context, Error, EventKind, Monitor};

fn main() -> Result<(), Error> {
    let context = Context::new();
    let pull = context.pull().open()?;
    let monitor = pull.monitor(); // before `bind`, so that nothing is missed
    let endpoint = pull.bind("tcp://127.0.0.1:*")?;

    let push = context.push().connect(&endpoint)?;
    show_until(&monitor, |kind| *kind == EventKind::HandshakeSucceeded);
    drop(push);
    show_until(&monitor, |kind| matches!(kind, EventKind::Disconnected(_)));

    println!("-- somebody who does not speak ZMTP:");
    let mut stranger = TcpStream::connect(endpoint.trim_start_matches("tcp://"))?;
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: here\r\nAccept: */*\r\nConnection: close\r\n\r\n")?;
    show_until(&monitor, |kind| {
        matches!(kind, EventKind::HandshakeFailedProtocol { .. } | EventKind::HandshakeFailed(_))
    });

    println!("-- a socket of a type that does not go with PULL:");
    let _publisher = context.publisher().connect(&endpoint)?;
    show_until(&monitor, |kind| matches!(kind, EventKind::HandshakeFailedProtocol { .. }));
    Ok(())
}

/// Prints events up to the first that `last` accepts.
fn show_until(monitor: &Monitor, last: impl Fn(&EventKind) -> bool) {
    while let Some(event) = monitor.recv_timeout(Duration::from_secs(10)) {
        println!("{:?} (here {}, there {})", event.kind, event.local, event.remote);
        if last(&event.kind) {
            return;
        }
    }
    panic!("the event did not come");
}
