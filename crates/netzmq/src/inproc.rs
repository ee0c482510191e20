//! The names of `inproc`, and joining two sockets under one. Either side may come first.
//!
//! Locks one thing at a time: the registry, then one socket, then the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use netzmq_proto::SocketType;

use crate::connection::outbound::Body;
use crate::options::SocketOptions;
use crate::patterns::{PeerInfo, PipeId};
use crate::pipe::inproc::{End, joined, pair};
use crate::pipe::{Link, Pipe, PipeStats};
use crate::socket::core::{Core, Shared};

/// Who is bound where, and who waits for somebody to be.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    names: Mutex<HashMap<String, Name>>,
}

#[derive(Debug)]
enum Name {
    Bound(Weak<Shared>),
    Awaited(Vec<Waiting>),
}

/// A connecter's other end, to be given to whoever binds.
#[derive(Debug)]
struct Waiting {
    end: End,
    connecter: Weak<Shared>,
    pipe: PipeId,
    side: Side,
}

/// What an end must know of the socket on the other side.
#[derive(Debug, Clone)]
struct Side {
    socket_type: SocketType,
    routing_id: Vec<u8>,
    send_hwm: usize,
    recv_hwm: usize,
    conflate: bool,
}

impl Side {
    fn of(shared: &Shared, core: &Core) -> Side {
        Side {
            socket_type: shared.socket_type,
            routing_id: core.options.routing_id.clone(),
            send_hwm: core.options.send_hwm,
            recv_hwm: core.options.recv_hwm,
            conflate: core.options.conflates(shared.socket_type),
        }
    }
}

/// The name is taken.
#[derive(Debug)]
pub(crate) struct InUse;

impl Registry {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Name>> {
        self.names.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Binds a name, and joins everybody who waits there.
    pub(crate) fn bind(&self, name: &str, shared: &Arc<Shared>) -> Result<(), InUse> {
        let waiting = {
            let mut names = self.lock();
            if let Some(Name::Bound(other)) = names.get(name)
                && other.strong_count() > 0
            {
                return Err(InUse);
            }
            match names.insert(name.to_owned(), Name::Bound(Arc::downgrade(shared))) {
                Some(Name::Awaited(waiting)) => waiting,
                _ => Vec::new(),
            }
        };
        for Waiting { end, connecter, pipe, side } in waiting {
            if end.is_finished() {
                continue;
            }
            let own = Side::of(shared, &shared.lock());
            // Its pipe may have gone since, leaving messages, and another one may have its number.
            let connecter = connecter.upgrade().filter(|connecter| {
                let mut core = connecter.lock();
                match core.pipes.get(pipe).map(|p| &mut p.link) {
                    Some(Link::Inproc(connected)) if connected.is_joined_to(&end) => {
                        connected.set_hwm(side.send_hwm, own.recv_hwm);
                        true
                    }
                    _ => false,
                }
            });
            attach(shared, end, &side, Some(own.send_hwm), false);
            if let Some(connecter) = connecter {
                connected(&connecter, pipe, &own);
            }
        }
        Ok(())
    }

    /// Somebody is bound there now.
    pub(crate) fn is_bound(&self, name: &str) -> bool {
        matches!(self.lock().get(name), Some(Name::Bound(bound)) if bound.strong_count() > 0)
    }

    /// Frees a name of this socket's.
    pub(crate) fn unbind(&self, name: &str, shared: &Shared) -> bool {
        let mut names = self.lock();
        let ours =
            matches!(names.get(name), Some(Name::Bound(s)) if s.upgrade().is_none_or(|s| s.id == shared.id));
        if ours {
            names.remove(name);
        }
        ours
    }

    /// Connects to a name, bound or not yet. Returns the connecter's pipe, `None` if its pattern refused one.
    pub(crate) fn connect(&self, name: &str, shared: &Arc<Shared>) -> Option<PipeId> {
        let side = Side::of(shared, &shared.lock());
        let bound = match self.lock().get(name) {
            Some(Name::Bound(bound)) => bound.upgrade(),
            _ => None,
        };
        if let Some(bound) = bound {
            let other = Side::of(&bound, &bound.lock());
            let (mut near, mut far) = pair(
                joined(side.send_hwm, other.recv_hwm),
                joined(other.send_hwm, side.recv_hwm),
                (side.conflate, side.conflate),
            );
            near.set_hwm(side.send_hwm, other.recv_hwm);
            far.set_hwm(other.send_hwm, side.recv_hwm);
            let pipe = attach(shared, near, &other, None, true)?;
            attach(&bound, far, &side, None, false);
            connected(shared, pipe, &other);
            return Some(pipe);
        }
        let (near, far) = pair(side.send_hwm, side.recv_hwm, (side.conflate, side.conflate));
        let pipe = insert(shared, near)?;
        let waiting = Waiting { end: far, connecter: Arc::downgrade(shared), pipe, side };
        let mut names = self.lock();
        match names.entry(name.to_owned()).or_insert_with(|| Name::Awaited(Vec::new())) {
            Name::Awaited(list) => {
                list.retain(|w| !w.end.is_finished());
                list.push(waiting);
            }
            Name::Bound(bound) => {
                // Somebody bound just now.
                let bound = bound.upgrade();
                drop(names);
                if let Some(bound) = bound {
                    let other = Side::of(&bound, &bound.lock());
                    attach(&bound, waiting.end, &waiting.side, None, false);
                    connected(shared, pipe, &other);
                }
            }
        }
        Some(pipe)
    }
}

fn insert(shared: &Arc<Shared>, end: End) -> Option<PipeId> {
    let mut core = shared.lock();
    insert_locked(shared, &mut core, end)
}

fn insert_locked(shared: &Arc<Shared>, core: &mut Core, mut end: End) -> Option<PipeId> {
    if core.closed {
        end.close();
        return None;
    }
    let (mailbox, memory) = (shared.mailbox.clone(), core.options.receive_memory.clone());
    let id = core.pipes.insert(|id| {
        end.attach(&mailbox, id, memory);
        Pipe {
            id,
            link: Link::Inproc(Box::new(end)),
            send_hwm: 0,
            recv_hwm: 0,
            full: false,
            credited: 0,
            ended: false,
            conflate: false,
            via: None,
            farewell: None,
            properties: None,
            address: "inproc".into(),
            stats: PipeStats::default(),
        }
    });
    let connect_id = SocketOptions::take_connect_id(&mut core.options);
    if !core.pattern.attach(&mut core.pipes, id, connect_id) {
        shared.discard_pipe(core, id);
        return None;
    }
    Some(id)
}

/// Gives a socket its end of a pair; the peer is known already, so it is connected at once, unless `wait`.
fn attach(shared: &Arc<Shared>, mut end: End, peer: &Side, hwm: Option<usize>, wait: bool) -> Option<PipeId> {
    if let Some(own_send) = hwm {
        end.set_hwm(own_send, peer.recv_hwm);
    }
    let mut core = shared.lock();
    let id = insert_locked(shared, &mut core, end)?;
    if !wait {
        let farewell = core.options.farewell_for(shared.socket_type);
        if let Some(pipe) = core.pipes.get(id) {
            pipe.farewell = farewell;
        }
    }
    drop(core);
    if !wait {
        connected(shared, id, peer);
    }
    Some(id)
}

fn connected(shared: &Arc<Shared>, id: PipeId, peer: &Side) {
    let mut core = shared.lock();
    let c = &mut *core;
    if c.pipes.get(id).is_none() {
        return;
    }
    let info = PeerInfo { socket_type: peer.socket_type, routing_id: &peer.routing_id };
    if c.pattern.connected(&mut c.pipes, id, &info) {
        if !c.options.hello.is_empty() {
            let mut hello = Body::Owned(netzmq_memory::Message::copy_from_slice(&c.options.hello));
            c.pipes.push(id, &mut hello, false);
        }
        c.pattern.writable(&mut c.pipes, id);
        c.pattern.readable(&mut c.pipes, id);
    } else {
        c.pipes.closing.push(id);
    }
    // A peer that left before it was told of this end has posted no notice.
    if c.pipes.get(id).is_some_and(|p| matches!(&p.link, Link::Inproc(end) if end.peer_closed())) {
        c.end_pipe(id);
    }
    shared.settle(c);
    drop(core);
    shared.mailbox.wake();
}
