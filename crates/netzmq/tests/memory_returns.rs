//! After a burst, memory goes back to the system.
//!
//! Method: a gibibyte of 64 KiB messages, a quarter of which piles up at a time; then the process's resident memory is
//! looked at until it is back, or a deadline is over. One test function, so that nobody else needs memory meanwhile.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use netzmq::{Context, MessagePool, SocketType};

const BODY: usize = 64 << 10;
const BURST: usize = 1 << 30;
/// What piles up in the queues before anybody receives.
const PILE: usize = BURST / 4 / BODY;
const IDLE: Duration = Duration::from_millis(500);
const SLACK: usize = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_burst_leaves_nothing_behind() {
    let context = Context::new();
    let push = context.socket(SocketType::Push).unwrap();
    let pull = context.socket(SocketType::Pull).unwrap();
    push.set_send_hwm(0).unwrap();
    pull.set_recv_hwm(0).unwrap();
    pull.set_recv_timeout(Some(PATIENCE)).unwrap();
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    // The sockets' own threads and first buffers are no part of the burst.
    push.send("warm").unwrap();
    assert_eq!(pull.recv().unwrap().len(), 4);
    MessagePool::shared().set_trim_after(IDLE);

    let before = resident();
    let mut most = 0;
    for _ in 0..BURST / BODY / PILE {
        for _ in 0..PILE {
            push.send(MessagePool::shared().rent_copy(&[7; BODY])).unwrap();
        }
        most = most.max(resident());
        for _ in 0..PILE {
            assert_eq!(pull.recv().unwrap().len(), BODY);
        }
    }
    assert!(most > before + PILE * BODY / 2, "{most} B: nothing piled up");

    let deadline = Instant::now() + PATIENCE;
    pull.set_recv_timeout(Some(Duration::from_millis(50))).unwrap();
    while resident() > before + SLACK {
        assert!(Instant::now() < deadline, "{} MiB before, {} MiB now", before >> 20, resident() >> 20);
        // Nothing comes: this waits, as an idle application does.
        assert!(pull.recv().is_err());
    }
}
