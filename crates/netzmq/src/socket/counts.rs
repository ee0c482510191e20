//! Counting: what the socket itself counts, and the snapshots of it.
//!
//! Never on the way of a message: what is counted there is a field of the pipe (`pipe::PipeStats`).

use super::core::{Core, Shared};
use crate::monitor::EventKind;
use crate::pipe::{Link, Pipe};
use crate::stats::{Blocker, Connections, Drops, PeerStats, SocketStats, Traffic};

/// Under the socket's lock, beside its pipes.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) no_receiver: u64,
    pub(crate) connections: Connections,
}

impl Shared {
    /// Counts what happened to a connection, which was established or not. Not under the socket's lock.
    pub(crate) fn note(&self, kind: &EventKind, established: bool) {
        let change: fn(&mut Connections) = match kind {
            EventKind::Disconnected(_) if established => |counts| counts.lost += 1,
            EventKind::ConnectRetried(_) => |counts| counts.retries += 1,
            EventKind::HandshakeFailedProtocol { .. }
            | EventKind::HandshakeFailedAuth(_)
            | EventKind::HandshakeFailed(_) => |counts| counts.handshakes_failed += 1,
            _ => return,
        };
        change(&mut self.lock().counts.connections);
    }

    pub(crate) fn stats(&self) -> SocketStats {
        let mut core = self.lock();
        self.read_mail(&mut core);
        let c = &mut *core;
        let mut peers: Vec<PeerStats> = Vec::with_capacity(c.pipes.len());
        for id in c.pipes.ids() {
            let routing_id = c.pattern.routing_id_of(id).map(<[u8]>::to_vec);
            if let Some(pipe) = c.pipes.get(id) {
                peers.push(peer(pipe, routing_id));
            }
        }
        let (total, drops, connections) = totals(c);
        SocketStats { socket_type: self.socket_type, total, peers, drops, connections }
    }

    /// The sums alone.
    pub(crate) fn totals(&self) -> (Traffic, Drops, Connections) {
        totals(&mut self.lock())
    }

    pub(crate) fn blocker(&self) -> Blocker {
        let mut core = self.lock();
        let mut blocker = Blocker {
            socket_type: self.socket_type,
            open: !core.closed,
            unsent: 0,
            linger: core.options.linger,
            peers: Vec::new(),
        };
        for pipe in core.pipes.iter_mut() {
            let unsent = pipe.traffic().queued_out;
            blocker.unsent += unsent;
            if blocker.open || unsent > 0 {
                blocker.peers.push(pipe.address.to_string());
            }
        }
        blocker
    }
}

pub(crate) fn totals(core: &mut Core) -> (Traffic, Drops, Connections) {
    let mut total = core.pipes.retired;
    let mut drops =
        Drops { no_receiver: core.counts.no_receiver, full: core.pattern.passed_over(), ..core.pipes.lost };
    for pipe in core.pipes.iter_mut() {
        total.add(&pipe.traffic());
        drops.conflated += pipe.conflated();
    }
    (total, drops, core.counts.connections)
}

fn peer(pipe: &mut Pipe, routing_id: Option<Vec<u8>>) -> PeerStats {
    let named = || pipe.properties.as_ref()?.properties.as_ref()?.get("Identity").map(<[u8]>::to_vec);
    let routing_id = routing_id.or_else(named).unwrap_or_default();
    let connected = !pipe.ended
        && match &pipe.link {
            Link::Wire(wire) => wire.stream.is_some(),
            Link::Inproc(end) => !end.peer_closed(),
        };
    PeerStats { address: pipe.address.to_string(), routing_id, connected, traffic: pipe.traffic() }
}
