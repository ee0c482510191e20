//! The last message of a burst leaves without another call of its sender's, however long the burst.
//!
//! Who writes what was gathered changes in mid-burst: the sender, the I/O thread, whoever finds room. A message that each
//! of them leaves to another one stays until the receiver gives up.

mod common;

use common::{finishes, join, socket};
use netzmq::{Context, Socket, SocketType};

const ROUNDS: u32 = 500;
const LONGEST: u64 = 400;

/// Random enough, and the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn body(number: u32, round: u32, length: usize) -> Vec<u8> {
    let mut body = [number.to_be_bytes(), round.to_be_bytes()].concat();
    body.resize(8 + length, 0x5a);
    body
}

/// Bursts of all lengths, each of which begins when all have seen the last one's end.
fn send_bursts(sender: &Socket, receivers: &[Socket]) {
    let mut dice = Dice(1);
    for round in 0..ROUNDS {
        let (count, length) = (dice.throw(LONGEST) as u32, dice.throw(100) as usize);
        for number in 0..count {
            sender.send(body(number, round, length)).unwrap();
        }
        sender.send(body(u32::MAX, round, 0)).unwrap();
        for receiver in receivers {
            for number in (0..count).chain([u32::MAX]) {
                let got = receiver.recv().unwrap_or_else(|_| panic!("{number} of {count} in round {round}"));
                assert_eq!(got[..8], body(number, round, 0));
            }
        }
    }
}

/// Goal: as above, for one connection. Method: bursts over tcp and ipc, of each type that streams.
#[test]
fn to_one_peer() {
    for (sender, receiver) in [
        (SocketType::Push, SocketType::Pull),
        (SocketType::Dealer, SocketType::Dealer),
        (SocketType::Pair, SocketType::Pair),
    ] {
        for transport in ["tcp://127.0.0.1:*", "ipc://*"] {
            finishes("bursts", move || {
                let context = Context::new();
                let (receiver, sender) = join(&context, transport, receiver, sender);
                send_bursts(&sender, &[receiver]);
            });
        }
    }
}

/// Goal: as above, for a publisher with a dozen subscribers.
#[test]
fn to_many_subscribers() {
    finishes("bursts", || {
        let context = Context::new();
        let publisher = socket(&context, SocketType::Pub);
        // Those who are here early get more than they ask for; a queue with a limit would drop what they wait for.
        publisher.set_send_hwm(0).unwrap();
        let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
        let subscribers: Vec<Socket> = (0..12).map(|_| socket(&context, SocketType::Sub)).collect();
        for subscriber in &subscribers {
            subscriber.subscribe("").unwrap();
            subscriber.connect(&endpoint).unwrap();
            while subscriber.try_recv().is_err() {
                publisher.send("hello").unwrap();
                std::thread::yield_now();
            }
        }
        publisher.send("ready").unwrap();
        for subscriber in &subscribers {
            while subscriber.recv().unwrap() != "ready" {}
        }
        send_bursts(&publisher, &subscribers);
    });
}
