//! What subscribers get of a publisher in full spate: everything they asked for, whole, in order, and nothing else.
//!
//! Messages for the same subscribers are encoded once for all of them, as long as nothing else happens. So everything else
//! happens here: other topics, messages of several parts, large ones, subscribers that come, go and change their minds.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{finishes, socket};
use netzmq::{Context, Message, Socket, SocketType};

const MESSAGES: u32 = 30_000;

/// Random enough, and the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// The parts of message `number`: a topic, the number, and some bytes. Runs of messages of one kind.
fn message(number: u32) -> Vec<Vec<u8>> {
    let mut run = Dice(u64::from(number / 50));
    let topic = [&b"a"[..], b"ab", b"abc", b"b", b"", b"zz"][run.throw(6) as usize];
    let kind = run.throw(8);
    let mut dice = Dice(u64::from(number) << 20);
    let filler = match kind {
        0..4 => 16,
        4 | 5 => dice.throw(300) as usize,
        6 => dice.throw(1_500) as usize,
        // Some of these are sent by reference.
        _ => dice.throw(9_000) as usize,
    };
    // The first byte of the number never looks like a topic.
    let mut first = topic.to_vec();
    first.push(b'#');
    first.extend_from_slice(&number.to_be_bytes());
    first.resize(first.len() + filler, number as u8);
    let several = kind == 5 && number.is_multiple_of(7);
    if several { vec![first, number.to_le_bytes().to_vec()] } else { vec![first] }
}

fn number_of(first: &[u8]) -> u32 {
    let at = first.iter().position(|byte| *byte == b'#').unwrap() + 1;
    u32::from_be_bytes(first[at..at + 4].try_into().unwrap())
}

fn is_wanted(first: &[u8], topics: &[&str]) -> bool {
    topics.iter().any(|topic| first.starts_with(topic.as_bytes()))
}

/// Everybody asks for these, too. They are repeated until all have heard them.
const HELLO: &[u8] = b"!hello";
const END: &[u8] = b"!end";

fn subscriber(context: &Context, endpoint: &str, topics: &[&str]) -> Socket {
    let sub = socket(context, SocketType::Sub);
    sub.set_recv_hwm(0).unwrap();
    for topic in topics.iter().copied().chain(["!"]) {
        sub.subscribe(topic).unwrap();
    }
    sub.connect(endpoint).unwrap();
    sub
}

/// The next message but for greetings.
fn receive(sub: &Socket) -> Vec<Message> {
    loop {
        let parts: Vec<Message> = sub.recv_multipart().unwrap().into_iter().collect();
        if parts[0] != HELLO {
            return parts;
        }
    }
}

/// Receives to the end, and checks that from message `next` on all wanted ones come, each as it was sent.
fn check(sub: &Socket, topics: &[&str], mut next: u32) {
    loop {
        let got = receive(sub);
        let number = if got[0] == END { MESSAGES } else { number_of(&got[0]) };
        assert!(number >= next, "{number} came after {next}");
        let lost: Vec<u32> = (next..number).filter(|n| is_wanted(&message(*n)[0], topics)).collect();
        assert!(lost.is_empty(), "{lost:?} did not come to who wants {topics:?}");
        if got[0] == END {
            return;
        }
        let sent = message(number);
        assert!(got.iter().eq(sent.iter()), "message {number} is not what was sent");
        assert!(is_wanted(&sent[0], topics), "{number} was not asked for");
        next = number + 1;
    }
}

/// Goal: exactly-once and in order, for each of several subscribers, whatever the others asked for and whenever they come
/// and go. Method: a PUB without high-water mark; four that stay, one that joins in the middle (it may miss a beginning,
/// but nothing behind it), one that comes and goes all the time, and one that changes its mind all the time.
#[test]
fn each_gets_what_it_asked_for() {
    const STAYING: [&[&str]; 4] = [&[""], &["a"], &["ab", "zz"], &["abc", "b", "q"]];
    finishes("publishing", || {
        let context = Context::new();
        let publisher = socket(&context, SocketType::Pub);
        publisher.set_send_hwm(0).unwrap();
        let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = endpoint.as_str();
        // Made before, so that they are sent without a pause.
        let messages: Vec<_> = (0..MESSAGES).map(message).collect();
        let (greeted, busy, is_over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let subscribe = |work: &'static (dyn Fn(Subscriber<'_>) + Sync)| {
                busy.fetch_add(1, Ordering::SeqCst);
                let subscriber =
                    Subscriber { context: &context, endpoint, greeted: &greeted, is_over: &is_over };
                let busy = &busy;
                scope.spawn(move || {
                    // Also when it fails: the publisher goes on until nobody is left.
                    let _leave = Leave(busy);
                    work(subscriber);
                });
            };
            subscribe(&|my| my.stay(STAYING[0]));
            subscribe(&|my| my.stay(STAYING[1]));
            subscribe(&|my| my.stay(STAYING[2]));
            subscribe(&|my| my.stay(STAYING[3]));
            while greeted.load(Ordering::SeqCst) < STAYING.len()
                && busy.load(Ordering::SeqCst) == STAYING.len()
            {
                publisher.send(HELLO).unwrap();
                std::thread::yield_now();
            }
            subscribe(&|my| my.join_late());
            subscribe(&|my| my.come_and_go());
            subscribe(&|my| my.waver());
            for parts in &messages {
                let (last, others) = parts.split_last().unwrap();
                others.iter().for_each(|part| publisher.send_more(part).unwrap());
                publisher.send(last).unwrap();
            }
            is_over.store(true, Ordering::SeqCst);
            while busy.load(Ordering::SeqCst) > 0 {
                publisher.send(END).unwrap();
                std::thread::yield_now();
            }
        });
    });
}

struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Subscriber<'a> {
    context: &'a Context,
    endpoint: &'a str,
    greeted: &'a AtomicUsize,
    is_over: &'a AtomicBool,
}

impl Subscriber<'_> {
    fn connect(&self, topics: &[&str]) -> Socket {
        subscriber(self.context, self.endpoint, topics)
    }

    fn stay(&self, topics: &[&str]) {
        let sub = self.connect(topics);
        assert_eq!(sub.recv().unwrap(), HELLO);
        self.greeted.fetch_add(1, Ordering::SeqCst);
        check(&sub, topics, 0);
    }

    fn join_late(&self) {
        let sub = self.connect(&["a"]);
        let first = receive(&sub);
        if first[0] != END {
            check(&sub, &["a"], number_of(&first[0]) + 1);
        }
    }

    fn come_and_go(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            receive(&self.connect(&["", "zz"]));
        }
    }

    fn waver(&self) {
        let sub = self.connect(&["a"]);
        while !self.is_over.load(Ordering::SeqCst) {
            sub.subscribe("b").unwrap();
            receive(&sub);
            sub.unsubscribe("b").unwrap();
        }
    }
}

/// What was subscribed before a message was sent counts for it, although nobody else had a turn in between: a program
/// that subscribes and publishes at once relied on libzmq's threads being faster than its own way from one to the other.
/// Method: again and again a new subscription over tcp, and a message for it right after. Left to the I/O thread's next
/// turn most of these were lost, and all of them on a busy machine. (When that thread is just reading, and has no core for
/// a millisecond, one may still be.)
#[test]
fn a_subscription_counts_from_the_next_message_on() {
    finishes("subscribing and publishing at once", || {
        let rounds = 50;
        let mut heard = 0;
        for _ in 0..rounds {
            let context = Context::new();
            let publisher = socket(&context, SocketType::XPub);
            let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap().to_string();
            let sub = subscriber(&context, &endpoint, &[]);
            assert_eq!(publisher.recv().unwrap(), b"\x01!"[..]);
            sub.subscribe("now").unwrap();
            publisher.send("now").unwrap();
            publisher.send(END).unwrap();
            heard += usize::from(sub.recv().unwrap() == b"now"[..]);
        }
        assert!(heard > rounds * 3 / 4, "{heard} of {rounds}");
    });
}
