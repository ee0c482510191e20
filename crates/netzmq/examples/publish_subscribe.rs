//! Publish and subscribe: everyone gets the messages that begin with a topic they asked for.
//!
//! `cargo run -p netzmq --example publish_subscribe`
//!
//! A publisher does not wait for subscribers: what it sends before a subscription has arrived is gone (the "slow
//! joiner"). An XPUB is a PUB that can see subscriptions arrive, and so can begin when somebody listens.

use netzmq::{Context, Error};

fn main() -> Result<(), Error> {
    let context = Context::new();
    let publisher = context.xpub().bind("tcp://127.0.0.1:*")?;
    let subscriber = context.subscriber().subscribe("weather.").connect(publisher.endpoint())?;

    // A byte 1, and the topic.
    let subscription = publisher.recv()?;
    assert_eq!(&subscription[..], b"\x01weather.");

    for (topic, text) in [
        ("weather.oslo", "snow"),
        ("sports.oslo", "skiing"), // nobody asked for it: it is not even sent
        ("weather.rome", "sun"),
    ] {
        // The topic is the beginning of the first part; a part of its own keeps it apart from the text.
        publisher.send_multipart([topic, text])?;
    }

    for expected in ["snow", "sun"] {
        let message = subscriber.recv_multipart()?;
        let [topic, text] = &message[..] else { panic!("two parts were sent") };
        println!("{}: {}", String::from_utf8_lossy(topic), String::from_utf8_lossy(text));
        assert_eq!(*text, *expected);
    }
    Ok(())
}
