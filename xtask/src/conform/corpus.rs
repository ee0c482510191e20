//! Inputs for libzmq's fuzzer programs, whose own are in no release: well-formed beginnings, and what becomes of them when
//! bytes are changed. Always the same, so that two runs mean the same.

use std::path::Path;

use super::make;
use crate::shell::Result;

/// Writes the inputs of one program where it looks for them; nothing for other programs.
pub(super) fn prepare(test: &str, run_in: &Path) -> Result<()> {
    let Some(name) = test.strip_suffix("_fuzzer") else { return Ok(()) };
    // This one reads its sibling's.
    let name = if name == "test_connect_stream" { "test_connect_null" } else { name };
    let folder = run_in.join(format!("tests/libzmq-fuzz-corpora/{name}_fuzzer_seed_corpus"));
    make(&folder)?;
    for (index, input) in inputs(test).iter().enumerate() {
        let path = folder.join(format!("{index:03}"));
        std::fs::write(&path, input).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn inputs(test: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    match test {
        "test_bind_fuzzer" | "test_connect_fuzzer" => mutated(texts(&ENDPOINTS), 60),
        "test_z85_decode_fuzzer" => {
            texts(&["HelloWorld", "#####", "%nSc0", "%nSc1", "~~~~~", "     ", "\"\"\"\"\""])
        }
        "test_socket_options_fuzzer" => {
            [1, 4, 8, 32, 40, 41, 255, 256].iter().map(|n| vec![0xFF; *n]).collect()
        }
        // It waits for the client's HELLO without a limit: an input without one only holds it up.
        "test_connect_curve_fuzzer" => vec![[greeting("CURVE"), command("HELLO", &[1; 194])].concat()],
        "test_bind_curve_fuzzer" => mutated(
            vec![[greeting("CURVE"), command("HELLO", &[1; 194]), command("INITIATE", &[2; 150])].concat()],
            20,
        ),
        "test_bind_ws_fuzzer" => mutated(texts(&[ASK]), 20),
        "test_connect_ws_fuzzer" => mutated(texts(&[ANSWER]), 20),
        _ => mutated(streams(), 20),
    }
}

const ENDPOINTS: [&str; 24] = [
    "tcp://",
    "tcp://:",
    "tcp://*",
    "tcp://*:*",
    "tcp://*:99999",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:-1",
    "tcp://[::1",
    "tcp://[]:1",
    "tcp://a:b:c",
    "tcp://;",
    "tcp://127.0.0.1:0;127.0.0.1:0",
    "tcp://nosuchdevice0:1",
    "ipc://",
    "ipc://@",
    "ipc:///nosuch/dir/x",
    "inproc://",
    "inproc",
    "://",
    ":",
    "nosuch://x",
    "pgm://x;y:1",
    "tcp://%s%n:1",
    "TCP://127.0.0.1:1",
];

const ASK: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: bmV0em1xIG5ldHptcSBuZQ==\r\nSec-WebSocket-Protocol: ZWS2.0/NULL,ZWS2.0\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nSec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n";

/// What a peer says first: 64 bytes.
fn greeting(mechanism: &str) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[0] = 0xFF;
    bytes[8] = 1;
    bytes[9] = 0x7F;
    bytes[10] = 3;
    bytes[11] = 1;
    bytes[12..12 + mechanism.len()].copy_from_slice(mechanism.as_bytes());
    bytes
}

fn command(name: &str, body: &[u8]) -> Vec<u8> {
    [&[4, (1 + name.len() + body.len()) as u8, name.len() as u8], name.as_bytes(), body].concat()
}

fn ready() -> Vec<u8> {
    command("READY", b"\x0bSocket-Type\0\0\0\x03SUB\x08Identity\0\0\0\0")
}

fn streams() -> Vec<Vec<u8>> {
    let begun = [greeting("NULL"), ready()].concat();
    let after = |rest: &[u8]| [begun.as_slice(), rest].concat();
    vec![
        after(b"\0\x05hello"),
        after(b"\x01\x01a\x01\x01b\0\x01c"),
        after(&[command("PING", b"\0\x10ctx"), command("PONG", b"ctx"), command("PING", b"")].concat()),
        after(&[command("SUBSCRIBE", b"x"), command("CANCEL", b"x"), b"\0\x04\x01abc".to_vec()].concat()),
        after(&[&[2], i64::MAX.to_be_bytes().as_slice(), b"x"].concat()),
        after(&[&[2], u64::MAX.to_be_bytes().as_slice(), b"x"].concat()),
        [greeting("NULL"), command("READY", b"\x0bSocket-Type\x7f\xff\xff\xffSUB")].concat(),
        [greeting("NULL"), command("ERROR", b"\xffshort")].concat(),
        [greeting("NOSUCH"), ready()].concat(),
        greeting("NULL")[..63].to_vec(),
        b"\xff".to_vec(),
    ]
}

/// The inputs, and `count` more: each one of them, changed in a few places.
fn mutated(mut inputs: Vec<Vec<u8>>, count: usize) -> Vec<Vec<u8>> {
    let originals = inputs.clone();
    // A congruential generator: any scatter will do, as long as it is the same one every time.
    let mut state = 7u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound.max(1)
    };
    for _ in 0..count {
        let mut input = originals[below(originals.len())].clone();
        for _ in 0..=below(3) {
            let at = below(input.len());
            match below(3) {
                0 => input[at] ^= 1 << below(8),
                1 => input.insert(at, below(256) as u8),
                _ => input[at] = [0, 1, 0x7F, 0x80, 0xFF][below(5)],
            }
        }
        inputs.push(input);
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_always_the_same() {
        for test in
            ["test_bind_fuzzer", "test_bind_null_fuzzer", "test_connect_ws_fuzzer", "test_bind_curve_fuzzer"]
        {
            assert_eq!(inputs(test), inputs(test));
            assert!(inputs(test).iter().all(|input| !input.is_empty()) && inputs(test).len() > 20);
        }
        assert_eq!(greeting("NULL").len(), 64);
    }
}
