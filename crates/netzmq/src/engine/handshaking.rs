//! From a bare stream to an open pipe: the handshake, driven on the I/O thread, and what follows from its outcome.

use std::sync::Arc;
use std::time::Instant;

use netzmq_memory::{Annotations, Properties};
use netzmq_proto::{
    Cipher, Handshake, HandshakeConfig, HandshakeStatus, MechanismConfig, PeerMisbehaved, PeerProperties,
    PeerProtocol, ProtocolError, SocketType, ZapReply,
};

use super::io_thread::IoThread;
use super::job::{Fault, Job};
use super::session::{Phase, Session, Shaking};
use super::upgrading::Upgrading;
use crate::connection::outbound::Framing;
use crate::context::ContextInner;
use crate::monitor::{EventKind, MonitorEvent};
use crate::options::{Security, SocketOptions};
use crate::patterns::{PeerInfo, PipeId};
use crate::pipe::{Link, Pipe, PipeStats, SessionId, Wire};
use crate::socket::core::{Core, Lead, Reactor, Shared};
use crate::transport::codec::Codec;
use crate::transport::poller::Interest;
use crate::transport::stream::{Moved, Stream};
use crate::zap::ZapCall;

/// Read at once while shaking hands: a whole handshake, usually.
const READ_BYTES: usize = 8 * 1024;
/// Reads before other connections have their turn: more than any honest handshake takes.
const READS_PER_TURN: usize = 64;

impl IoThread {
    pub(crate) fn begin_handshake(&mut self, token: u64, stream: Stream) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        if self.handle.poller.add(&stream, token, Interest::Both).is_err() {
            return self.over(token);
        }
        let shared = session.shared.clone();
        if is_raw(&shared, &session.options) {
            return self.establish(token, Arc::new(stream), None, &[], &[]);
        }
        let config = match self
            .context
            .upgrade()
            .map(|context| config(&context, &shared, &session.options, &stream))
        {
            Some(Ok(config)) => config,
            _ => return self.over(token),
        };
        session.phase_deadline = None;
        let timeout = session.options.handshake_timeout;
        if !timeout.is_zero() {
            self.set_phase_deadline(token, timeout);
        }
        let Some(web) = stream.web.clone() else {
            return self.shake_hands(token, Arc::new(stream), config, 0);
        };
        match (Upgrading::new(stream, &web, config), self.sessions.get_mut(&token)) {
            (Ok(upgrading), Some(session)) => {
                session.phase = Phase::Upgrading(Box::new(upgrading));
                self.make_room(token);
                self.upgrade(token, false);
            }
            _ => self.over(token),
        }
    }

    /// Begins the handshake itself; the peer has used up `received` of its bytes.
    pub(crate) fn shake_hands(
        &mut self,
        token: u64,
        stream: Arc<Stream>,
        config: HandshakeConfig,
        received: usize,
    ) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let coded = stream.is_coded();
        session.phase = Phase::Shaking(Box::new(Shaking {
            stream,
            handshake: Handshake::new(config),
            unsent: Vec::new(),
            received,
            rest: Vec::new(),
            zap: None,
        }));
        if !coded {
            self.make_room(token);
        }
        // The greeting's beginning goes out at once; the registration reports what there is to read, but for what a codec
        // has read already.
        self.shake(token, coded);
    }

    /// Moves the handshake on.
    pub(crate) fn shake(&mut self, token: u64, readable: bool) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let Phase::Shaking(shaking) = &mut session.phase else { return };
        let (mut fault, mut more) = (None, false);
        if readable {
            match shaking.read(session.options.limits.handshake_bytes) {
                Ok(rest) => more = rest,
                Err(why) => fault = Some(why),
            }
        }
        while fault.is_none() && shaking.handshake.status() == HandshakeStatus::AwaitingZap {
            let Some(context) = self.context.upgrade() else { return };
            match shaking.judged(&context, self.handle.index, token) {
                Ok(Some(reply)) => fault = shaking.judge(reply).err(),
                Ok(None) => break,
                Err(error) => fault = Some(error),
            }
        }
        // Also after an error: the peer is told why.
        shaking.unsent.append(shaking.handshake.output());
        if !shaking.unsent.is_empty() {
            match shaking.stream.write(&shaking.unsent) {
                Ok(Moved::Bytes(n)) => drop(shaking.unsent.drain(..n)),
                Ok(_) => {}
                Err(error) => fault = fault.or(Some(Fault::Io(error))),
            }
        }
        if let Some(fault) = fault {
            return self.handshake_failed(token, fault);
        }
        if shaking.handshake.status() != HandshakeStatus::Done {
            if more {
                self.handle.post(Job::Readable { token });
            }
            return;
        }
        let Phase::Shaking(shaking) = std::mem::replace(&mut session.phase, Phase::Pausing) else { return };
        let Shaking { mut stream, handshake, unsent, mut rest, .. } = *shaking;
        let Ok(established) = handshake.finish() else { return self.over(token) };
        if established.peer.protocol == PeerProtocol::Zmtp1 {
            // What waits to be sent is this side's routing id: it goes before all that is encoded.
            let Some(stream) = Arc::get_mut(&mut stream).filter(|_| unsent.is_empty()) else {
                return self.handshake_failed(token, Fault::Io(std::io::ErrorKind::WouldBlock.into()));
            };
            stream.set_codec(Codec::zmtp1(), &std::mem::take(&mut rest));
            if matches!(session.shared.socket_type, SocketType::Pub | SocketType::XPub) {
                // Its SUB filters by itself, and never says what it wants (libzmq makes this up, too).
                rest = b"\0\x01\x01".to_vec();
            }
        }
        self.establish(token, stream, Some((established.peer, established.cipher)), &unsent, &rest);
    }

    pub(crate) fn handshake_failed(&mut self, token: u64, fault: Fault) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        session.phase_deadline = None;
        let stream = match std::mem::replace(&mut session.phase, Phase::Pausing) {
            Phase::Shaking(shaking) => shaking.stream,
            Phase::Upgrading(upgrading) => Arc::new(upgrading.stream),
            _ => return,
        };
        let connecter = session.is_connecter();
        let kind = match &fault {
            Fault::Protocol(ProtocolError::Unauthorized(refusal)) => {
                EventKind::HandshakeFailedAuth(refusal.status())
            }
            Fault::Protocol(error) => EventKind::HandshakeFailedProtocol {
                reason: error.to_string(),
                code: error.zmq_code().unwrap_or(0),
            },
            other => EventKind::HandshakeFailed(other.to_string()),
        };
        let errno = match &fault {
            Fault::End => EPIPE,
            Fault::NoJudge => EFAULT,
            // Without a number the time was over: the stream had nothing, and that is what libzmq tells.
            Fault::Io(error) => error.raw_os_error().unwrap_or(EAGAIN),
            _ => 0,
        };
        self.tell_with(token, kind, Some(&stream), errno);
        self.tell(token, EventKind::Disconnected(fault.to_string()), Some(&stream));
        let _ = self.handle.poller.delete(&*stream);
        stream.shutdown();
        drop(stream);
        let fatal = matches!(&fault, Fault::Protocol(error) if error.is_final());
        let stop = session_stops(self.sessions.get(&token), STOP_HANDSHAKE_FAILED);
        if connecter && !fatal && !stop { self.retry(token) } else { self.over(token) }
    }

    /// A socket for datagrams: there is nobody to shake hands with.
    pub(crate) fn open_datagrams(
        &mut self,
        token: u64,
        shared: Arc<Shared>,
        stream: Stream,
        options: Arc<SocketOptions>,
    ) {
        let span = shared.span.of_connection(&stream.peer_endpoint, false);
        self.sessions.insert(token, Session::new(token, shared, options, None, None, span));
        if self.handle.poller.add(&stream, token, Interest::Both).is_err() {
            return self.over(token);
        }
        let peer = PeerProperties {
            // Like that one, it knows no commands and says nothing of itself.
            protocol: PeerProtocol::Zmtp1,
            minor_version: 0,
            socket_type: SocketType::Dgram,
            routing_id: Vec::new(),
            properties: Vec::new(),
        };
        self.establish(token, Arc::new(stream), Some((peer, Cipher::None)), &[], &[]);
    }

    /// The pipe opens: messages flow.
    fn establish(
        &mut self,
        token: u64,
        stream: Arc<Stream>,
        peer: Option<(PeerProperties, Cipher)>,
        unsent: &[u8],
        early: &[u8],
    ) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        session.phase_deadline = None;
        if let Some(place) = &mut session.place {
            place.settle();
        }
        let shared = session.shared.clone();
        let options = session.options.clone();
        let thread = self.handle.index;
        let connecter = session.is_connecter();
        let remote = session.remote_text(Some(&stream));
        let existing = session.pipe;
        let span = session.span.clone();
        // Told before a message can pass: whoever has an answer has heard of the connection.
        shared.emit_in(&span, || {
            let event = MonitorEvent::new(EventKind::HandshakeSucceeded, &stream.local_endpoint, &remote);
            let mut event = event.with_fd(&*stream).incoming(!connecter);
            if let Some((peer, _)) = &peer {
                event.routing_id.clone_from(&peer.routing_id);
            }
            event
        });
        let mut core = shared.lock();
        if core.closed && existing.is_none() {
            drop(core);
            return self.over(token);
        }
        let c = &mut *core;
        let id = match existing {
            Some(id) => id,
            None => {
                if session.via.is_some_and(|via| !c.is_listening(via)) {
                    // The endpoint was unbound meanwhile.
                    drop(core);
                    return self.over(token);
                }
                let id = new_wire_pipe(&shared, c, &options, SessionId { thread, token });
                let attached = c.pattern.attach(&mut c.pipes, id, None);
                session.pipe = Some(id);
                if let Some(pipe) = c.pipes.get(id) {
                    pipe.via = session.via;
                }
                if !attached {
                    drop(core);
                    return self.over(token);
                }
                id
            }
        };
        let caller_led = shared.is_caller_led();
        if caller_led {
            let ready = reactor(c).and_then(|reactor| {
                reactor.poller.add(&*stream, u64::from(id.0), Interest::Read)?;
                Ok(())
            });
            if ready.is_err() {
                drop(core);
                return self.over(token);
            }
        }
        // From here on this thread hears of room to write only when it is asked for.
        if self.handle.poller.modify(&*stream, token, shared.interest(false)).is_err() {
            drop(core);
            return self.over(token);
        }
        let (peer, cipher) = match peer {
            Some((peer, cipher)) => (peer, cipher),
            None => (raw_peer(), Cipher::None),
        };
        // Older peers know no PING.
        let has_heartbeats = !matches!(peer.protocol, PeerProtocol::Zmtp1 | PeerProtocol::Zmtp2);
        let ending = session.is_ending();
        session.phase = Phase::Running(stream.clone());
        session.reset_failures();
        session.told = false;
        let properties = Arc::new(Annotations::new("", Some(Arc::new(properties(&peer, &stream)))));
        let Some((pipe, buffers)) = c.pipes.with_buffers(id) else { return };
        pipe.properties = Some(properties);
        pipe.address = remote.into();
        pipe.stats.connected += 1;
        c.counts.connections.established += 1;
        c.counts.connections.reconnects += u64::from(pipe.stats.connected > 1);
        let Some(wire) = pipe.wire() else { return };
        wire.renew_inbound(options.max_message_size, shared.deliver());
        wire.inbound.set_max_parts(match options.limits.message_parts {
            0 => usize::MAX,
            max => max,
        });
        wire.inbound.limit_reads(options.in_batch);
        wire.out.limit_batches(options.out_batch);
        wire.commands = peer.minor_version >= 1;
        wire.out.push_unsent(buffers, unsent);
        wire.set_cipher(cipher);
        if !options.hello.is_empty() && !is_raw(&shared, &options) {
            // Before all that waits.
            let mut hello = crate::connection::outbound::Body::Borrowed(&options.hello);
            wire.out.push(buffers, &mut hello, false);
        }
        wire.open(buffers, stream.clone());
        let info = PeerInfo { socket_type: peer.socket_type, routing_id: &peer.routing_id };
        if !ending && !c.pattern.connected(&mut c.pipes, id, &info) {
            drop(core);
            return self.over(token);
        }
        c.pattern.writable(&mut c.pipes, id);
        let early = shared.preload(c, id, early);
        if !caller_led || stream.is_coded() {
            // The end may have been reported while the handshake was read, and a codec may have read more: look until
            // there is nothing.
            c.mark_hangup(id);
            c.mark_readable(id);
            if caller_led && c.lead == Lead::IoThread {
                // Who leads waits for the kernel, which may have told everything.
                self.go_on(&shared);
            }
        }
        c.pipes.mark_dirty(id);
        if caller_led && c.lead == Lead::Nobody && !c.ticking {
            c.ticking = true;
            self.watch_home(&shared);
        }
        shared.settle(c);
        shared.flush_dirty(&mut core);
        drop(core);
        shared.mailbox.wake();
        if has_heartbeats {
            self.start_pulse(token, Instant::now());
        }
        match early {
            Err(error) => {
                let mut core = shared.lock();
                shared.fault(&mut core, id, Fault::Protocol(error));
            }
            Ok(()) if !caller_led => self.readable_again(token),
            Ok(()) => {}
        }
        self.end_if_drained(token);
    }

    fn go_on(&mut self, shared: &Arc<Shared>) {
        if let Some(context) = self.context.upgrade() {
            context.post(shared.home_thread(), Job::GoOn { shared: shared.clone() });
        }
    }

    fn watch_home(&mut self, shared: &Arc<Shared>) {
        if let Some(context) = self.context.upgrade() {
            context.post(shared.home_thread(), Job::Tick { shared: shared.clone() });
        }
    }
}

/// The session's options want this to be the end of it.
pub(crate) fn session_stops(session: Option<&super::session::Session>, bit: u8) -> bool {
    session.is_some_and(|session| session.options.reconnect_stop & bit != 0)
}

/// Bits of `reconnect_stop`, as `ZMQ_RECONNECT_STOP_*` has them: a refused connection, a failed handshake, a connection
/// that was lost.
pub(crate) const STOP_REFUSED: u8 = 1;
const STOP_HANDSHAKE_FAILED: u8 = 2;
pub(crate) const STOP_AFTER_DISCONNECT: u8 = 4;

impl Shaking {
    /// Reads what the handshake wants; while it wants nothing, only to learn whether the peer is still there. True: there
    /// may be more.
    fn read(&mut self, max: usize) -> Result<bool, Fault> {
        let mut buffer = [0; READ_BYTES];
        for _ in 0..READS_PER_TURN {
            if self.handshake.status() == HandshakeStatus::Done || self.rest.len() >= READ_BYTES {
                return Ok(false);
            }
            match self.stream.read(&mut buffer) {
                Ok(Moved::Bytes(n)) => {
                    let used = self.handshake.handle_input(&buffer[..n]).map_err(Fault::Protocol)?;
                    self.received += used;
                    if max > 0 && self.received > max {
                        return Err(Fault::Protocol(PeerMisbehaved::HandshakeTooLong { max }.into()));
                    }
                    self.rest.extend_from_slice(&buffer[used..n]);
                }
                Ok(Moved::WouldBlock) => return Ok(false),
                Ok(Moved::End) => return Err(Fault::End),
                Err(error) => return Err(Fault::Io(error)),
            }
        }
        Ok(true)
    }

    /// The verdict on the peer, when it is there.
    fn judged(
        &mut self,
        context: &Arc<ContextInner>,
        thread: usize,
        token: u64,
    ) -> Result<Option<ZapReply>, Fault> {
        let Some(request) = self.handshake.zap_request() else { return Ok(None) };
        if let Some(reply) = context.authenticate(&request) {
            return Ok(Some(reply));
        }
        if self.zap.is_none() {
            self.zap = ZapCall::ask(context, &request, thread, token);
        }
        match self.zap.as_ref().ok_or(Fault::NoJudge)?.answer() {
            None => Ok(None),
            Some(Ok(reply)) => Ok(Some(reply)),
            Some(Err(error)) => Err(Fault::Protocol(error.into())),
        }
    }

    /// Goes on with a verdict, and with what has come since.
    fn judge(&mut self, reply: ZapReply) -> Result<(), Fault> {
        self.zap = None;
        self.handshake.handle_zap_reply(reply).map_err(Fault::Protocol)?;
        let waiting = std::mem::take(&mut self.rest);
        let used = self.handshake.handle_input(&waiting).map_err(Fault::Protocol)?;
        self.rest.extend_from_slice(&waiting[used..]);
        Ok(())
    }
}

/// A pipe over a wire that is not open yet.
pub(crate) fn new_wire_pipe(
    shared: &Shared,
    core: &mut Core,
    options: &SocketOptions,
    session: SessionId,
) -> PipeId {
    let framing = if is_raw(shared, options) { Framing::Raw } else { Framing::Zmtp };
    let mut wire = Wire::new(session, framing, options.max_message_size, shared.deliver());
    wire.inbound.set_memory(options.receive_memory.clone());
    let (send_hwm, recv_hwm, conflate) =
        (core.options.send_hwm, core.options.recv_hwm, options.conflates(shared.socket_type));
    // There is nothing in it: counted, so to speak.
    core.credited_at.get_or_insert_with(Instant::now);
    core.pipes.insert(|id| Pipe {
        id,
        link: Link::Wire(Box::new(wire)),
        send_hwm,
        recv_hwm,
        full: false,
        credited: 0,
        ended: false,
        conflate,
        via: None,
        farewell: None,
        properties: None,
        address: "".into(),
        stats: PipeStats::default(),
    })
}

/// The socket's reactor, made with its first connection.
fn reactor(core: &mut Core) -> std::io::Result<Arc<Reactor>> {
    if let Some(reactor) = &core.reactor {
        return Ok(reactor.clone());
    }
    let reactor = Arc::new(Reactor::new()?);
    core.reactor = Some(reactor.clone());
    Ok(reactor)
}

/// Peers speak no ZMTP.
pub(crate) fn is_raw(shared: &Shared, options: &SocketOptions) -> bool {
    shared.socket_type == SocketType::Stream
        || (shared.socket_type == SocketType::Router && options.pattern.router_raw)
}

fn raw_peer() -> PeerProperties {
    PeerProperties {
        protocol: PeerProtocol::Zmtp3,
        minor_version: 1,
        socket_type: SocketType::Stream,
        routing_id: Vec::new(),
        properties: Vec::new(),
    }
}

fn config(
    context: &ContextInner,
    shared: &Shared,
    options: &SocketOptions,
    stream: &Stream,
) -> std::io::Result<HandshakeConfig> {
    let enforced = options.zap_enforce_domain;
    let has_domain = !options.zap_domain.is_empty();
    let mut seed = [0; 32];
    let mut zap = false;
    let mechanism = match &options.security {
        Security::Null => {
            // Naive sockets don't ask: only those with a domain.
            zap = has_domain && (enforced || context.has_judge());
            MechanismConfig::Null
        }
        Security::PlainServer => MechanismConfig::PlainServer,
        Security::PlainClient { username, password } => {
            MechanismConfig::PlainClient { username: username.clone(), password: password.clone() }
        }
        Security::CurveServer { secret_key } => {
            // Encryption without authentication is allowed where the domain is not enforced.
            zap = if enforced { has_domain } else { context.has_judge() };
            MechanismConfig::CurveServer { secret_key: secret_key.clone() }
        }
        Security::CurveClient { server_key, public_key, secret_key } => MechanismConfig::CurveClient {
            server_key: *server_key,
            public_key: *public_key,
            secret_key: secret_key.clone(),
        },
    };
    if options.security.is_curve() {
        rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())?;
    }
    let mut config = HandshakeConfig::new(shared.socket_type, mechanism);
    config.seed = seed.into();
    config.zap = zap;
    config.zap_domain.clone_from(&options.zap_domain);
    config.routing_id.clone_from(&options.routing_id);
    config.metadata.clone_from(&options.metadata);
    config.peer_address.clone_from(&stream.peer_address);
    Ok(config)
}

/// The system's numbers that stand for a peer that left and for nobody to ask, as monitors have them.
const EPIPE: i32 = 32;
const EFAULT: i32 = 14;
const EAGAIN: i32 = 11;

/// What messages of this peer tell of it.
fn properties(peer: &PeerProperties, stream: &Stream) -> Properties {
    use std::os::fd::{AsFd, AsRawFd};
    let mut pairs: Vec<(Box<str>, Box<[u8]>)> = Vec::new();
    for (name, value) in &peer.properties {
        pairs.push((name.as_str().into(), value.as_slice().into()));
    }
    let mut add = |name: &str, value: &[u8]| {
        if !pairs.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            pairs.push((name.into(), value.into()));
        }
    };
    if matches!(peer.protocol, PeerProtocol::Zmtp2 | PeerProtocol::Zmtp3) {
        add("Socket-Type", peer.socket_type.as_str().as_bytes());
    }
    add("Peer-Address", stream.peer_address.as_bytes());
    if !peer.routing_id.is_empty() {
        add("Identity", &peer.routing_id);
    }
    Properties::new(pairs, stream.as_fd().as_raw_fd())
}
