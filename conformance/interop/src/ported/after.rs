//! The same store on netzmq: moved over by the tables of docs/migrating.md, call for call.

use std::collections::HashMap;
use std::time::Duration;

use netzmq::{Context, Error, Interest, Message, Poller, RecvError};

const REQUESTS: usize = 0;
const ORDERS: usize = 1;

/// Serves `get KEY` and `set KEY VALUE` on one endpoint, and publishes every change on another, until it is
/// told over `control` to stop. Tells `started` where it is to be reached.
pub fn serve(context: &Context, control: &str, started: impl FnOnce(String, String)) -> Result<usize, Error> {
    let requests = context.router().linger(Duration::ZERO).bind("tcp://127.0.0.1:*")?;
    let changes = context.publisher().send_hwm(10_000).bind("tcp://127.0.0.1:*")?;
    let orders = context.pair().connect(control)?;
    started(requests.endpoint(), changes.endpoint());

    let mut table: HashMap<Message, Message> = HashMap::new();
    let mut served = 0;
    let mut poller = Poller::new();
    poller.add(&requests, REQUESTS, Interest::READABLE);
    poller.add(&orders, ORDERS, Interest::READABLE);
    loop {
        if poller.wait(None).iter().any(|ready| ready.key == ORDERS) {
            orders.recv()?;
            return Ok(served);
        }
        loop {
            let (client, request) = match requests.try_recv_request() {
                Ok(request) => request,
                Err(RecvError::WouldBlock) => break,
                Err(error) => return Err(error.into()),
            };
            let answer = match &request[..] {
                [verb, key] if *verb == "get" => table.get(key).cloned().unwrap_or_default(),
                [verb, key, value] if *verb == "set" => {
                    table.insert(key.clone(), value.clone());
                    changes.send_multipart((key.clone(), value.clone()))?;
                    "done".into()
                }
                _ => "what?".into(),
            };
            served += 1;
            requests.reply_to(&client, answer)?;
        }
    }
}
