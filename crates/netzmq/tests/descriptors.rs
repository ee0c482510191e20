//! Goal: running out of descriptors pauses accepting, and nothing else. Method: this process, which has the limit for itself,
//! lowers it until an accept fails, and lifts it again.

mod common;

use common::{expect, frame, greeting, raw, ready, socket};
use netzmq::{Context, EventKind, SocketType};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Write;

#[test]
fn running_out_of_descriptors() {
    let context = Context::new();
    let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
    let monitor = pull.monitor();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    push.connect(&endpoint).unwrap();
    push.send("before").unwrap();
    assert_eq!(pull.recv().unwrap(), "before");

    let usual = getrlimit(Resource::Nofile);
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    // This side's end takes the last descriptor; there is none for the other end.
    setrlimit(Resource::Nofile, Rlimit { current: Some(open), maximum: usual.maximum }).unwrap();
    let mut waiting = raw(&endpoint);
    expect(&monitor, "AcceptFailed", |kind| *kind == EventKind::AcceptFailed(24));
    push.send("meanwhile").unwrap();
    assert_eq!(pull.recv().unwrap(), "meanwhile");

    setrlimit(Resource::Nofile, usual).unwrap();
    waiting.write_all(&[greeting("NULL"), ready("PUSH"), frame(0, b"afterwards")].concat()).unwrap();
    assert_eq!(pull.recv().unwrap(), "afterwards");
}
