//! ZAP across engines: whoever is known gets in, whoever is not stays out and is heard of, with either engine as the server,
//! over tcp and ipc, with PLAIN and with CURVE.

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
