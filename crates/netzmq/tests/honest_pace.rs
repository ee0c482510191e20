//! An honest pair keeps more than half of its throughput while its socket is attacked.
//!
//! The method: attackers are threads of this process, and take as much of its processors as there is. So the pair is timed while
//! they attack *its* socket, and while the very same ones attack a socket of another context: what differs is what an attack costs
//! whoever is attacked. Rounds follow each other closely, and one that holds is enough: a busy machine disturbs single ones, while
//! a socket that attackers can slow down holds in none.

mod common;

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::{frame, greeting, raw, raw_peer, socket};
use netzmq::{Context, Socket, SocketType};

/// The tests take turns, so that neither is the other's attacker.
static TURN: Mutex<()> = Mutex::new(());
const MESSAGES: u32 = 100_000;
const ROUNDS: usize = 10;

/// A PULL that listens.
fn listening(context: &Context) -> (Socket, String) {
    let pull = socket(context, SocketType::Pull);
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    (pull, endpoint)
}

/// How long the pair takes for its messages, all of which arrive in order, and nothing else.
fn time(pull: &Socket, push: &Socket) -> Duration {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..MESSAGES).for_each(|i| push.send(&i.to_be_bytes()).unwrap()));
        (0..MESSAGES).for_each(|i| assert_eq!(pull.recv().unwrap()[..], i.to_be_bytes()));
    });
    begun.elapsed()
}

/// The pair's time while `endpoint` is attacked, and how many attacks there were.
fn time_among(endpoint: &str, pull: &Socket, push: &Socket) -> (Duration, u32) {
    // Nonsense, half a greeting, and more commands than are taken from a peer within a second.
    let attacks = [
        (vec![0x55; 1000], false),
        (greeting("NULL")[..40].to_vec(), false),
        (frame(4, b"\x04PING\0\0").repeat(11_000), true),
    ];
    let (over, count) = (AtomicBool::new(false), AtomicU32::new(0));
    let time = std::thread::scope(|scope| {
        for (bytes, shaken) in &attacks {
            let (over, count) = (&over, &count);
            scope.spawn(move || {
                // Relaxed: it only has to end some time, and the count is read after the threads have ended.
                while !over.load(Ordering::Relaxed) {
                    let mut stream = if *shaken { raw_peer(endpoint, "PUSH") } else { raw(endpoint) };
                    // It may be thrown out while it is still talking.
                    let _ = stream.write_all(bytes);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let time = time(pull, push);
        over.store(true, Ordering::Relaxed);
        time
    });
    (time, count.into_inner())
}

#[test]
fn attackers_cost_less_than_half() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (context, elsewhere) = (Context::new(), Context::new());
    let (pull, endpoint) = listening(&context);
    let (_victim, other_endpoint) = listening(&elsewhere);
    let push = socket(&context, SocketType::Push);
    push.connect(&endpoint).unwrap();
    time(&pull, &push);
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        let alone = time(&pull, &push);
        let (others, _) = time_among(&other_endpoint, &pull, &push);
        let (attacked, attacks) = time_among(&endpoint, &pull, &push);
        seen.push(format!(
            "alone {alone:?}, others attacked {others:?}, attacked {attacked:?} {attacks} times"
        ));
        println!("{}", seen[seen.len() - 1]);
        if attacks > 10 && attacked < others * 2 {
            return;
        }
    }
    panic!("more than half is lost in every round: {seen:#?}");
}

/// Silent and slow attackers take no processor, so here the pair is timed against itself alone. Method: 300 connections that never
/// begin, that stop in a greeting, or that stop in a message.
#[test]
fn idle_attackers_cost_less_than_half() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let context = Context::new();
    let (pull, endpoint) = listening(&context);
    let push = socket(&context, SocketType::Push);
    push.connect(&endpoint).unwrap();
    time(&pull, &push);
    let halves = [vec![], greeting("NULL")[..40].to_vec(), frame(0, b"message")[..5].to_vec()];
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        let alone = time(&pull, &push);
        let attackers: Vec<_> = (0..300)
            .map(|i| {
                let mut stream = if i % 3 == 2 { raw_peer(&endpoint, "PUSH") } else { raw(&endpoint) };
                stream.write_all(&halves[i % 3]).unwrap();
                stream
            })
            .collect();
        let among = time(&pull, &push);
        drop(attackers);
        seen.push(format!("alone {alone:?}, among {among:?}"));
        println!("{}", seen[seen.len() - 1]);
        if among < alone * 2 {
            return;
        }
    }
    panic!("more than half is lost in every round: {seen:#?}");
}
