//! A store with a feed of its changes, written against the crate `zmq`: what docs/migrating.md starts from.

use std::collections::HashMap;

/// Serves `get KEY` and `set KEY VALUE` on one endpoint, and publishes every change on another, until it is
/// told over `control` to stop. Tells `started` where it is to be reached.
pub fn serve(
    context: &zmq::Context,
    control: &str,
    started: impl FnOnce(String, String),
) -> Result<usize, zmq::Error> {
    let requests = context.socket(zmq::ROUTER)?;
    requests.set_linger(0)?;
    requests.set_router_mandatory(false)?;
    requests.bind("tcp://127.0.0.1:*")?;
    let changes = context.socket(zmq::PUB)?;
    changes.set_sndhwm(10_000)?;
    changes.bind("tcp://127.0.0.1:*")?;
    let orders = context.socket(zmq::PAIR)?;
    orders.connect(control)?;
    let endpoint = |socket: &zmq::Socket| {
        let text = socket.get_last_endpoint()?;
        text.map_err(|_| zmq::Error::EINVAL)
    };
    started(endpoint(&requests)?, endpoint(&changes)?);

    let mut table: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    let mut served = 0;
    loop {
        let mut items = [requests.as_poll_item(zmq::POLLIN), orders.as_poll_item(zmq::POLLIN)];
        zmq::poll(&mut items, -1)?;
        if items[1].is_readable() {
            orders.recv_bytes(0)?;
            return Ok(served);
        }
        loop {
            let message = match requests.recv_multipart(zmq::DONTWAIT) {
                Ok(message) => message,
                Err(zmq::Error::EAGAIN) => break,
                Err(error) => return Err(error),
            };
            // Who asks, an empty part, then the request.
            if message.len() < 3 || !message[1].is_empty() {
                continue;
            }
            let client = &message[0];
            let answer: Vec<u8> = match (message[2].as_slice(), &message[3..]) {
                (b"get", [key]) => table.get(key).cloned().unwrap_or_default(),
                (b"set", [key, value]) => {
                    table.insert(key.clone(), value.clone());
                    changes.send(key.as_slice(), zmq::SNDMORE)?;
                    changes.send(value.as_slice(), 0)?;
                    b"done".to_vec()
                }
                _ => b"what?".to_vec(),
            };
            served += 1;
            requests.send_multipart([client.as_slice(), b"", answer.as_slice()], 0)?;
        }
    }
}
