//! Last value cache: a proxy between publishers and subscribers that gives each new subscriber the newest value at once.
//!
//! `cargo run -p netzmq --example last_value_cache`

use std::collections::HashMap;
use std::thread;

use netzmq::{Context, Error, Interest, Message, Poller, Sub, XPub};

fn main() -> Result<(), Error> {
    let context = Context::new();
    let publishers = context.subscriber().subscribe("").bind("tcp://127.0.0.1:*")?;
    // Verbose: every subscription is shown, not the first of a topic only.
    let subscribers = context.xpub().verbose(true).bind("tcp://127.0.0.1:*")?;
    let (in_here, out_there) = (publishers.endpoint(), subscribers.endpoint());
    let cache = thread::spawn(move || cache(&publishers, &subscribers));

    // Its values are published long before anybody asks for them.
    let publisher = context.xpub().connect(in_here)?;
    publisher.recv()?; // the cache has subscribed
    for (topic, value) in [("oslo", "snow"), ("rome", "sun"), ("oslo", "more snow"), ("end", "")] {
        publisher.send_multipart([topic, value])?;
    }
    let end = context.subscriber().subscribe("end").connect(&out_there)?;
    end.recv_multipart()?;

    for (topic, newest) in [("oslo", "more snow"), ("rome", "sun"), ("oslo", "more snow")] {
        let subscriber = context.subscriber().subscribe(topic).connect(&out_there)?;
        let message = subscriber.recv_multipart()?;
        println!("{topic}: {}", message[1].escape_ascii());
        assert_eq!(message, [topic, newest]);
    }
    context.shutdown();
    drop(cache.join().expect("the cache does not panic")); // terminated
    Ok(())
}

fn cache(publishers: &Sub, subscribers: &XPub) -> Result<(), Error> {
    let mut values: HashMap<Message, Message> = HashMap::new();
    let mut poller = Poller::new();
    poller.add(publishers, 0, Interest::READABLE);
    poller.add(subscribers, 1, Interest::READABLE);
    loop {
        for event in poller.wait(None) {
            if event.key == 0 {
                let message = publishers.recv_multipart()?;
                if let [topic, value] = &message[..] {
                    values.insert(topic.clone(), value.clone());
                }
                subscribers.send_multipart(message)?;
            } else if let [1, topic @ ..] = &subscribers.recv()?[..]
                && let Some(value) = values.get(&Message::from(topic))
            {
                subscribers.send_multipart((topic, value.clone()))?;
            }
        }
    }
}
