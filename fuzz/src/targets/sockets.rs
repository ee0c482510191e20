//! Operations in any order on two sockets that are joined within the process, beside what must hold of any such order:
//! nothing blocks, nothing panics, an error of a send gives the message back, and what is received was sent, whole.

use std::cell::Cell;
use std::collections::HashSet;

use netzmq::{Context, Socket, SocketType};

use crate::Input;

const PAIRS: [(SocketType, SocketType); 12] = [
    (SocketType::Pair, SocketType::Pair),
    (SocketType::Push, SocketType::Pull),
    (SocketType::Pub, SocketType::Sub),
    (SocketType::XPub, SocketType::XSub),
    (SocketType::XPub, SocketType::Sub),
    (SocketType::Req, SocketType::Rep),
    (SocketType::Req, SocketType::Router),
    (SocketType::Dealer, SocketType::Rep),
    (SocketType::Dealer, SocketType::Router),
    (SocketType::Router, SocketType::Router),
    (SocketType::Client, SocketType::Server),
    (SocketType::Scatter, SocketType::Gather),
];

struct Side {
    socket: Socket,
    sent: HashSet<Vec<u8>>,
    serial: u16,
}

pub(crate) fn sockets(bytes: &[u8]) {
    thread_local! {
        static CONTEXT: Context = Context::builder().io_threads(1).build();
        static SERIAL: Cell<u64> = const { Cell::new(0) };
    }
    // Nothing of an earlier input is to be met.
    SERIAL.set(SERIAL.get() + 1);
    let name = &format!("inproc://fuzz-{}", SERIAL.get());
    let mut input = Input::new(bytes);
    let pair = PAIRS[input.below(PAIRS.len())];
    let hwm = usize::from(input.byte());
    let binder = usize::from(input.byte() & 1);
    let side = |socket_type| {
        let socket = CONTEXT.with(|context| context.socket(socket_type)).ok()?;
        socket.set_linger(Some(std::time::Duration::ZERO)).ok()?;
        socket.set_send_hwm(hwm).ok()?;
        socket.set_recv_hwm(hwm).ok()?;
        Some(Side { socket, sent: HashSet::new(), serial: 0 })
    };
    let (Some(a), Some(b)) = (side(pair.0), side(pair.1)) else { return };
    let mut sides = [a, b];
    let mut joined = 0;
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        let choice = input.byte();
        let which = usize::from(choice & 1);
        match choice >> 1 & 15 {
            // One binds and one connects: a socket that reaches itself hears what it says.
            0 => drop(sides[binder].socket.bind(name)),
            // Each has a pipe of its own; a few are enough.
            1 if joined < 4 => {
                joined += 1;
                drop(sides[1 - binder].socket.connect(name));
            }
            2 => drop(sides[which].socket.unbind(name)),
            3 => drop(sides[which].socket.disconnect(name)),
            4 => drop(sides[which].socket.subscribe(input.piece())),
            5 => drop(sides[which].socket.unsubscribe(input.piece())),
            6 | 7 => send(&mut sides[which], &mut input, choice & 0x40 != 0),
            8..=10 => receive(&mut sides, which),
            11 => drop(sides[which].socket.set_send_hwm(usize::from(input.byte()))),
            12 => drop(sides[which].socket.set_routing_id(input.piece().to_vec())),
            13 => {
                let socket = &sides[which].socket;
                let _ = (socket.can_recv(), socket.can_send());
            }
            _ => send(&mut sides[which], &mut input, false),
        }
    }
}

/// A body that nobody else sends, sometimes with a topic or an envelope before it.
fn send(side: &mut Side, input: &mut Input<'_>, more: bool) {
    let choice = input.byte();
    side.serial += 1;
    let mut body = input.take(usize::from(choice & 15)).to_vec();
    if choice & 0x10 != 0 {
        body.extend_from_slice(&side.serial.to_le_bytes());
        body.resize(body.len() + usize::from(choice >> 5) * 20, choice);
    }
    side.sent.insert(body.clone());
    let result = if more { side.socket.try_send_more(&body[..]) } else { side.socket.try_send(&body[..]) };
    if let Err(error) = result {
        assert_eq!(&error.message[..], &body[..], "an error holds the message");
    }
}

fn receive(sides: &mut [Side; 2], which: usize) {
    let Ok(message) = sides[which].socket.try_recv_multipart() else { return };
    let parts = message.into_parts();
    assert!(!parts.is_empty());
    let other = &sides[1 - which];
    let told = sides[which].socket.socket_type();
    // Routing ids, delimiters and subscriptions are made on the way; everything else was sent.
    let made = matches!(told, SocketType::Router | SocketType::XPub | SocketType::Server)
        || matches!(other.socket.socket_type(), SocketType::Router | SocketType::Rep | SocketType::Req);
    let own = sides[which].sent.clone();
    assert!(
        made || parts.iter().all(|part| other.sent.contains(&part[..]) || own.contains(&part[..])),
        "{told:?} {parts:?}"
    );
}
