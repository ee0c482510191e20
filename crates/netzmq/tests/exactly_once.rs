//! Three PUSH and three PULL, all joined to all: every message arrives, once, and in order on each connection.
//!
//! How a test knows that it has seen all: when a PUSH has sent its messages, it goes on with end marks until each PULL
//! has seen one of them. Order on a connection makes the mark the last word of that connection.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use common::{expect, finishes, socket};
use netzmq::{Context, EventKind, Message, Monitor, Socket, SocketType};

const PEERS: usize = 3;
/// The number of an end mark.
const END: u32 = u32::MAX;

/// What senders and receivers know of one another.
struct Ledger {
    /// For each PUSH: how many messages it has sent, which is the number of the next one.
    sent: [AtomicU32; PEERS],
    /// For each PUSH and message: how often it came.
    seen: Vec<Vec<AtomicU8>>,
    /// For each PUSH and PULL: the end mark came.
    ended: [[AtomicBool; PEERS]; PEERS],
    /// So many PULLs will stay to the end.
    staying: AtomicUsize,
}

impl Ledger {
    /// For at most `most` messages of each PUSH.
    fn new(most: u32) -> Ledger {
        Ledger {
            sent: Default::default(),
            seen: (0..PEERS).map(|_| (0..most).map(|_| AtomicU8::new(0)).collect()).collect(),
            ended: Default::default(),
            staying: AtomicUsize::new(0),
        }
    }

    fn has_ended(&self, push: usize) -> bool {
        self.ended[push].iter().all(|ended| ended.load(Ordering::SeqCst))
    }

    /// Sends this PUSH's messages, at least `least` and until nobody is about to leave any more; then end marks.
    fn send_all(&self, push: usize, socket: &Socket, least: u32) {
        let body = |i: u32| {
            let mut body = [0; 8];
            body[..4].copy_from_slice(&u32::try_from(push).unwrap().to_le_bytes());
            body[4..].copy_from_slice(&i.to_le_bytes());
            body
        };
        let mut sent = 0;
        while sent < least || self.staying.load(Ordering::SeqCst) < PEERS {
            socket.send(&body(sent)).unwrap();
            sent += 1;
            self.sent[push].store(sent, Ordering::SeqCst);
        }
        while !self.has_ended(push) {
            let _ = socket.try_send(&body(END));
            std::thread::yield_now();
        }
    }

    /// Notes a message; `last` is what this receiver had from each PUSH.
    fn note(&self, message: &Message, pull: usize, last: &mut [Option<u32>; PEERS]) {
        let push = u32::from_le_bytes(message[..4].try_into().unwrap()) as usize;
        let i = u32::from_le_bytes(message[4..].try_into().unwrap());
        assert!(last[push].is_none_or(|before| before < i || i == END), "{i} after {:?}", last[push]);
        last[push] = Some(i);
        if i == END {
            self.ended[push][pull].store(true, Ordering::SeqCst);
            return;
        }
        let before = self.seen[push][i as usize].fetch_add(1, Ordering::SeqCst);
        assert_eq!(before, 0, "message {i} of PUSH {push} came again");
    }

    /// The messages that never came.
    fn missing(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.seen.iter().enumerate().flat_map(|(push, seen)| {
            let sent = self.sent[push].load(Ordering::SeqCst) as usize;
            let missing =
                seen[..sent].iter().enumerate().filter(|(_, count)| count.load(Ordering::SeqCst) == 0);
            missing.map(move |(i, _)| (push, u32::try_from(i).unwrap()))
        })
    }
}

/// Goal: nothing is lost, doubled or put out of order. Method: all to all; `each` messages of every PUSH; every number is
/// ticked off once, and must exceed the one before it on its connection.
fn all_arrive_once(transport: &'static str, each: u32) {
    finishes(transport, move || {
        let context = Context::new();
        let pulls: [Socket; PEERS] = std::array::from_fn(|_| socket(&context, SocketType::Pull));
        let pushes: [Socket; PEERS] = std::array::from_fn(|_| socket(&context, SocketType::Push));
        for (i, pull) in pulls.iter().enumerate() {
            let name = transport.replace("here", &format!("here-{i}"));
            let endpoint = pull.bind(&name).unwrap();
            for push in &pushes {
                push.connect(&endpoint).unwrap();
            }
        }
        let ledger = Ledger::new(each);
        ledger.staying.store(PEERS, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for (i, push) in pushes.iter().enumerate() {
                let ledger = &ledger;
                scope.spawn(move || ledger.send_all(i, push, each));
            }
            for (i, pull) in pulls.iter().enumerate() {
                let ledger = &ledger;
                scope.spawn(move || {
                    let mut last = [None; PEERS];
                    while !(0..PEERS).all(|push| ledger.ended[push][i].load(Ordering::SeqCst)) {
                        ledger.note(&pull.recv().unwrap(), i, &mut last);
                    }
                    assert!(last.iter().all(|last| *last == Some(END)));
                });
            }
        });
        assert_eq!(ledger.missing().next(), None, "{transport}");
    });
}

#[test]
fn a_million_over_tcp() {
    all_arrive_once("tcp://127.0.0.1:*", 333_334);
}

#[test]
fn many_over_ipc() {
    all_arrive_once("ipc://*", 50_000);
}

#[test]
fn many_over_inproc() {
    all_arrive_once("inproc://here", 50_000);
}

/// Where messages of one PUSH may be missing: behind the last one that a dropped PULL took, and before the PUSH knew.
struct Window {
    push: usize,
    after: Option<u32>,
    until: u32,
}

const HWM: u32 = 50;
/// So often each PULL leaves.
const DEPARTURES: usize = 4;

/// One PULL's life: it takes `until_drop` messages, goes away and comes back, a few times; the last one stays.
fn churn(
    context: &Context,
    endpoints: &[String],
    pull: usize,
    ledger: &Ledger,
    windows: &Mutex<Vec<Window>>,
    monitors: &Mutex<Vec<Monitor>>,
    until_drop: u32,
) {
    for generation in 0.. {
        let begun: [u32; PEERS] = std::array::from_fn(|p| ledger.sent[p].load(Ordering::SeqCst));
        let socket = socket(context, SocketType::Pull);
        socket.set_recv_hwm(HWM as usize).unwrap();
        let own = socket.monitor();
        for endpoint in endpoints {
            socket.connect(endpoint).unwrap();
        }
        let over_wire = !endpoints[0].starts_with("inproc");
        for _ in 0..if over_wire { PEERS } else { 0 } {
            // Later than any message, so that each PUSH will have something to tell of the end.
            expect(&own, "HandshakeSucceeded", |kind| *kind == EventKind::HandshakeSucceeded);
        }
        let mut last = [None; PEERS];
        if generation == DEPARTURES {
            ledger.staying.fetch_add(1, Ordering::SeqCst);
            while !(0..PEERS).all(|push| ledger.ended[push][pull].load(Ordering::SeqCst)) {
                ledger.note(&socket.recv().unwrap(), pull, &mut last);
            }
            return;
        }
        for _ in 0..until_drop {
            ledger.note(&socket.recv().unwrap(), pull, &mut last);
        }
        // One at a time, so that it is clear whose end the PUSHes tell of.
        let monitors = monitors.lock().unwrap_or_else(PoisonError::into_inner);
        drop(socket);
        for (push, monitor) in monitors.iter().enumerate() {
            if over_wire {
                expect(monitor, "Disconnected", |kind| matches!(kind, EventKind::Disconnected(_)));
            }
            // The event comes a moment before the pipe goes: meanwhile it takes what fits into it, its turn at least
            // every third time.
            let until = ledger.sent[push].load(Ordering::SeqCst) + 4 * HWM;
            let after = last[push].or_else(|| begun[push].checked_sub(1));
            windows.lock().unwrap_or_else(PoisonError::into_inner).push(Window { push, after, until });
        }
    }
}

/// Goal: a receiver that leaves takes along what was on its way to it, and nothing else; what it took does not come again.
/// Method: each PULL leaves and comes back a few times under way. A missing message must lie behind the last one that
/// some leaver took, and before its PUSH knew that it had left.
fn only_what_was_in_flight_is_lost(transport: &'static str) {
    finishes(transport, move || {
        let context = Context::new();
        let pushes: [Socket; PEERS] = std::array::from_fn(|_| socket(&context, SocketType::Push));
        let monitors = Mutex::new(pushes.iter().map(Socket::monitor).collect());
        let mut endpoints = Vec::new();
        for (i, push) in pushes.iter().enumerate() {
            push.set_send_hwm(HWM as usize).unwrap();
            endpoints.push(push.bind(&transport.replace("here", &format!("here-{i}"))).unwrap());
        }
        // Far more than are sent: kernels hold many small messages before a PUSH has to wait.
        let ledger = Ledger::new(3_000_000);
        let windows = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let (context, endpoints) = (&context, &endpoints[..]);
            let (ledger, windows, monitors) = (&ledger, &windows, &monitors);
            for (i, push) in pushes.iter().enumerate() {
                scope.spawn(move || ledger.send_all(i, push, 0));
            }
            for pull in 0..PEERS {
                let until_drop = 3000 + 500 * u32::try_from(pull).unwrap();
                scope.spawn(move || churn(context, endpoints, pull, ledger, windows, monitors, until_drop));
            }
        });
        let windows = windows.into_inner().unwrap();
        assert_eq!(windows.len(), PEERS * PEERS * DEPARTURES);
        for (push, i) in ledger.missing() {
            let excused = windows
                .iter()
                .any(|w| w.push == push && w.after.is_none_or(|after| after < i) && i <= w.until);
            assert!(excused, "{transport}: message {i} of PUSH {push} is missing without a reason");
        }
    });
}

#[test]
fn leavers_over_tcp() {
    only_what_was_in_flight_is_lost("tcp://127.0.0.1:*");
}

#[test]
fn leavers_over_ipc() {
    only_what_was_in_flight_is_lost("ipc://*");
}

#[test]
fn leavers_over_inproc() {
    only_what_was_in_flight_is_lost("inproc://here");
}
