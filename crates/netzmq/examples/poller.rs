//! Waiting for several sockets at once.
//!
//! `cargo run -p netzmq --example poller`

use std::thread;
use std::time::Duration;

use netzmq::{Context, Error, Interest, Poller, RecvError};

const ORDERS: usize = 0;
const NEWS: usize = 1;

fn main() -> Result<(), Error> {
    let context = Context::new();
    let (orders, news) = (context.pull()?, context.subscriber()?);
    let order_endpoint = orders.bind("tcp://127.0.0.1:*")?;
    news.subscribe("")?;
    let news_endpoint = news.bind("tcp://127.0.0.1:*")?; // a SUB may bind, too

    let shop = thread::spawn(move || -> Result<(), Error> {
        let (orders, news) = (context.push()?, context.publisher()?);
        orders.connect(&order_endpoint)?;
        news.connect(&news_endpoint)?;
        for number in 0..3 {
            orders.send(format!("order {number}"))?;
        }
        orders.send("closed").map_err(Error::from)
    });

    let mut poller = Poller::new();
    poller.add(&orders, ORDERS, Interest::READABLE);
    poller.add(&news, NEWS, Interest::READABLE);
    let mut open = true;
    while open {
        // Only what is ready is told, and it is told again as long as it is ready.
        for ready in poller.wait(Some(Duration::from_secs(10))) {
            let socket = if ready.key == ORDERS { &orders } else { &news };
            // One look at the poller, many messages: fewer calls than one look each.
            loop {
                match socket.try_recv() {
                    Ok(message) if &message[..] == b"closed" => open = false,
                    Ok(message) => println!("{}", String::from_utf8_lossy(&message)),
                    Err(RecvError::WouldBlock) => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    shop.join().expect("the shop does not panic")
}
