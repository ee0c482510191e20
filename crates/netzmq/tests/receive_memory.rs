//! Where received bodies lie: in the shared pool, in a pool of one's own, or on the heap.

use std::time::Duration;

use netzmq::memory::MessageKind;
use netzmq::{Context, MessagePool, ReceiveMemory};

/// Goal: the option chooses, for small and large bodies, and a pool of one's own counts every block back in. Method:
/// messages of several sizes through each kind of memory; kinds and statistics are looked at.
#[test]
fn the_option_chooses_where_bodies_lie() {
    let own = MessagePool::new();
    for (memory, kind) in [
        (ReceiveMemory::Shared, MessageKind::Pooled),
        (ReceiveMemory::Pool(own.clone()), MessageKind::Pooled),
        (ReceiveMemory::Heap, MessageKind::External),
    ] {
        let context = Context::new();
        let (pull, push) = (context.pull().unwrap(), context.push().unwrap());
        pull.set_recv_timeout(Some(Duration::from_secs(10))).unwrap();
        push.set_linger(Some(Duration::ZERO)).unwrap();
        pull.set_receive_memory(memory.clone()).unwrap();
        push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
        let before = own.stats();
        let mut kept = Vec::new();
        let sizes = [0, 10, 100, 5000, 40_000, 200_000];
        for size in sizes {
            let body: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            push.send(&body).unwrap();
            let message = pull.recv().unwrap();
            assert!(message[..] == body[..]);
            assert_eq!(
                message.kind(),
                if size <= 50 { MessageKind::Inline } else { kind },
                "{memory:?}: {size}"
            );
            kept.push(message);
        }
        let during = own.stats();
        let rented = if matches!(memory, ReceiveMemory::Pool(_)) { 4 } else { 0 };
        assert_eq!(during.rents - before.rents, rented, "{memory:?}");
        assert_eq!(during.outstanding, rented);
        drop(kept);
        assert_eq!(own.stats().outstanding, 0);
    }
}
