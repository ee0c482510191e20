//! ZAP across engines: whoever is known gets in, whoever is not stays out and is heard of, with either engine as the server,
//! over tcp and ipc, with NULL, with PLAIN and with CURVE, for every pairing of socket types.

use std::time::Duration;

use netzmq::{EventKind, SocketType as Type};
use netzmq_interop::{End, Engine, Mechanism, TRANSPORTS, WAIT, World};

/// Each constellation of server's engine, mechanism and transport: a server that receives, of a fresh world.
fn in_every_guarded_way(talk: impl Fn(&World, Engine, Mechanism, &End, &str)) {
    for engine in [Engine::Ours, Engine::Theirs] {
        for mechanism in [Mechanism::Plain, Mechanism::Curve] {
            for transport in TRANSPORTS {
                println!("server {engine:?}, {mechanism:?}, {transport}");
                let world = World::new();
                let server = world.end(engine, Type::Pull);
                server.guard(mechanism);
                talk(&world, engine, mechanism, &server, transport);
            }
        }
    }
}

fn other(engine: Engine) -> Engine {
    if engine == Engine::Ours { Engine::Theirs } else { Engine::Ours }
}

/// Goal: the unknown one never gets a word in, the known one does. Method: the unknown one first; what arrives is the other's.
#[test]
fn only_the_known_one_is_let_in() {
    in_every_guarded_way(|world, engine, mechanism, server, transport| {
        let endpoint = server.bind(transport);
        let unknown = world.end(other(engine), Type::Push);
        unknown.pretend(mechanism);
        unknown.connect(&endpoint);
        // It may be queued there; it goes nowhere.
        let known = world.end(other(engine), Type::Push);
        known.identify(mechanism);
        known.connect(&endpoint);
        known.send(b"let me in");
        assert_eq!(server.recv(), b"let me in");
        assert!(!server.arrives_within(Duration::ZERO));
    });
}

/// Goal: our server's monitor tells the status of a refusal, and of a success. Method: libzmq's clients.
#[test]
fn our_monitor_tells_of_refusals() {
    in_every_guarded_way(|world, engine, mechanism, server, transport| {
        let End::Ours(socket) = server else { return };
        assert_eq!(engine, Engine::Ours);
        let monitor = socket.monitor();
        let endpoint = server.bind(transport);
        let unknown = world.end(Engine::Theirs, Type::Push);
        unknown.pretend(mechanism);
        unknown.connect(&endpoint);
        let refused = |event: &netzmq::MonitorEvent| event.kind == EventKind::HandshakeFailedAuth(400);
        assert!(monitor.wait_for(WAIT, refused).is_some(), "{mechanism:?} over {transport}");
        let known = world.end(Engine::Theirs, Type::Push);
        known.identify(mechanism);
        known.connect(&endpoint);
        let welcomed = |event: &netzmq::MonitorEvent| event.kind == EventKind::HandshakeSucceeded;
        assert!(monitor.wait_for(WAIT, welcomed).is_some(), "{mechanism:?} over {transport}");
    });
}

/// Goal: our client hears that libzmq's handler refused it, with the status, and gives up as libzmq's does.
#[test]
fn our_client_hears_of_its_refusal() {
    in_every_guarded_way(|world, engine, mechanism, server, transport| {
        if engine == Engine::Ours {
            return;
        }
        let endpoint = server.bind(transport);
        let unknown = world.end(Engine::Ours, Type::Push);
        unknown.pretend(mechanism);
        let End::Ours(socket) = &unknown else { return };
        let monitor = socket.monitor();
        unknown.connect(&endpoint);
        let refused =
            |event: &netzmq::MonitorEvent| matches!(event.kind, EventKind::HandshakeFailedAuth(400));
        assert!(monitor.wait_for(WAIT, refused).is_some(), "{mechanism:?} over {transport}");
    });
}

/// Every pairing of standard types that ZMTP allows.
const PAIRINGS: [(Type, Type); 12] = [
    (Type::Pair, Type::Pair),
    (Type::Push, Type::Pull),
    (Type::Pub, Type::Sub),
    (Type::Pub, Type::XSub),
    (Type::XPub, Type::Sub),
    (Type::XPub, Type::XSub),
    (Type::Req, Type::Rep),
    (Type::Req, Type::Router),
    (Type::Dealer, Type::Rep),
    (Type::Dealer, Type::Dealer),
    (Type::Dealer, Type::Router),
    (Type::Router, Type::Router),
];

/// Who meets whom, how.
#[derive(Debug, Copy, Clone)]
struct Cell {
    server: Type,
    client: Type,
    /// Whose the server is; the client is the other's.
    engine: Engine,
    mechanism: Mechanism,
    transport: &'static str,
    server_binds: bool,
    /// Whether the client is let in.
    known: bool,
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (server, client) in PAIRINGS.into_iter().chain(PAIRINGS.map(|(one, other)| (other, one))) {
        for engine in [Engine::Ours, Engine::Theirs] {
            for mechanism in [Mechanism::Null, Mechanism::Plain, Mechanism::Curve] {
                for transport in TRANSPORTS {
                    for (server_binds, known) in [(true, false), (true, true), (false, false), (false, true)]
                    {
                        cells.push(Cell {
                            server,
                            client,
                            engine,
                            mechanism,
                            transport,
                            server_binds,
                            known,
                        });
                    }
                }
            }
        }
    }
    cells
}

/// Goal: yes and no for every pairing, mechanism, transport and role. Method: our side's monitor, which hears of both, wherever it
/// is. With NULL, which shows nothing, it is the server's domain that decides.
#[test]
fn yes_and_no_for_every_pairing() {
    for cell in cells() {
        let world = World::new();
        let (server, client) =
            (world.end(cell.engine, cell.server), world.end(other(cell.engine), cell.client));
        server.guard(cell.mechanism);
        if cell.mechanism == Mechanism::Null {
            server.domain(cell.known);
        }
        if cell.known {
            client.identify(cell.mechanism)
        } else {
            client.pretend(cell.mechanism)
        }
        let ((End::Ours(ours), _) | (_, End::Ours(ours))) = (&server, &client) else { unreachable!() };
        let monitor = ours.monitor();
        if cell.server_binds {
            client.connect(&server.bind(cell.transport));
        } else {
            server.connect(&client.bind(cell.transport));
        }
        let (yes, no) = (EventKind::HandshakeSucceeded, EventKind::HandshakeFailedAuth(400));
        let (expected, wrong) = if cell.known { (yes, no) } else { (no, yes) };
        let mut seen = Vec::new();
        let came = monitor.wait_for(WAIT, |event| {
            seen.push(event.kind.clone());
            event.kind == expected || event.kind == wrong
        });
        assert!(came.is_some_and(|event| event.kind == expected), "{cell:?}: {seen:?}");
    }
    // Twelve pairings in both orders, two engines, three mechanisms, two transports, two who bind, yes and no.
    assert_eq!(cells().len(), 24 * 2 * 3 * 2 * 4);
}
