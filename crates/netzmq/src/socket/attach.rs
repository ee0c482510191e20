//! Where a socket is to be reached and what it reaches: bind, connect and their undoing; and closing.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use netzmq_proto::{Endpoint, Host, HostPort, IpcEndpoint, SocketType, TcpEndpoint, UdpEndpoint, WsEndpoint};

use super::core::{Bond, BondKind, Shared};
use crate::engine::handshaking::{is_raw, new_wire_pipe};
use crate::engine::job::Job;
use crate::engine::target::{Target, WebTarget};
use crate::error::EndpointError;
use crate::monitor::{EventKind, MonitorEvent};
use crate::options::SocketOptions;
use crate::pipe::{Pipe, SessionId};
use crate::transport::ipc::{self, FileNumber, IpcName};
use crate::transport::listener::{Address, Listener};
use crate::transport::services::{self, Service};
use crate::transport::stream::Stream;
use crate::transport::tcp;
use crate::transport::tls::{self, TlsOptions};
use crate::transport::udp::{self, Datagrams, Shape};

impl Shared {
    pub(crate) fn bind(&self, text: &str) -> Result<String, EndpointError> {
        self.bind_with(text, None, false)
    }

    /// [`bind`](Shared::bind) with a descriptor that listens already, if there is one. `takes_over`: an ipc path that
    /// somebody else listens at, too.
    pub(crate) fn bind_with(
        &self,
        text: &str,
        mut ready: Option<OwnedFd>,
        takes_over: bool,
    ) -> Result<String, EndpointError> {
        let me = self.arc();
        let endpoint = self.parse(text)?;
        endpoint.check_bind().map_err(|e| invalid(text, &e))?;
        self.check_open()?;
        let options = self.lock().options.clone();
        let io = |source: io::Error| {
            let number = source.raw_os_error().unwrap_or(ENODEV);
            self.emit(|| MonitorEvent::new(EventKind::BindFailed(number), text, "").incoming(true));
            match source.kind() {
                io::ErrorKind::AddrInUse => EndpointError::InUse(text.to_owned()),
                _ => EndpointError::Io { endpoint: text.to_owned(), source },
            }
        };
        let listener = match &endpoint {
            Endpoint::Inproc(name) => {
                self.context.registry.bind(name, &me).map_err(|_| EndpointError::InUse(text.to_owned()))?;
                self.add_bond(text, text, BondKind::InprocBound);
                return Ok(text.to_owned());
            }
            Endpoint::Tcp(tcp_endpoint) => {
                let address = local_address(&tcp_endpoint.target, options.tcp.ipv6).map_err(io)?;
                let fd = match ready.take() {
                    Some(fd) => fd,
                    None => tcp::listen(address, &options.tcp).map_err(io)?,
                };
                let resolved = tcp::endpoint_text(tcp::local_address(&fd).map_err(io)?);
                Listener::new(fd, Address::Tcp, resolved)
            }
            Endpoint::Ws(web) | Endpoint::Wss(web) => {
                let (scheme, tls) = match &endpoint {
                    Endpoint::Wss(_) => ("wss", Some(self.sealed(text, &options, TlsOptions::acceptor)?)),
                    _ => ("ws", None),
                };
                let address = local_address(&web.target, options.tcp.ipv6).map_err(io)?;
                let fd = match ready.take() {
                    Some(fd) => fd,
                    None => tcp::listen(address, &options.tcp).map_err(io)?,
                };
                let resolved = format!("{scheme}://{}{}", tcp::local_address(&fd).map_err(io)?, web.path);
                Listener::new(fd, Address::Web(tls), resolved)
            }
            Endpoint::Ipc(ipc_endpoint) => {
                let (name, wildcard) = match ipc_endpoint {
                    IpcEndpoint::Wildcard => (ipc::wildcard().map_err(io)?, true),
                    IpcEndpoint::Path(path) => (IpcName::Path(path.into()), false),
                    IpcEndpoint::Abstract(name) => (IpcName::Abstract(name.as_bytes().to_vec()), false),
                };
                // What somebody else has bound is somebody else's to unlink.
                let ours = ready.is_none();
                let fd = match ready.take() {
                    Some(fd) => fd,
                    None => ipc::listen(&name, &options.tcp, takes_over).map_err(io)?,
                };
                let resolved = name.endpoint_text();
                let file = FileNumber::of(&name);
                Listener::new(
                    fd,
                    Address::Ipc { name: Some(name).filter(|_| ours), wildcard, file },
                    resolved,
                )
            }
            Endpoint::Udp(udp) => return self.open_datagrams(text, udp, true),
            other => {
                let service = service(other).ok_or_else(|| unsupported(text))?;
                let (fd, resolved) = match ready.take() {
                    Some(fd) => (fd, service.endpoint_text()),
                    None => services::listen(&service, &options.tcp).map_err(io)?,
                };
                Listener::new(fd, Address::Service, resolved)
            }
        };
        let resolved = listener.endpoint.clone();
        let session = self.new_session(text)?;
        self.add_bond(text, &resolved, BondKind::Listener(session));
        let job = Job::Listen { token: session.token, shared: me, listener, options };
        self.context.post(session.thread, job);
        Ok(resolved)
    }

    pub(crate) fn connect(&self, text: &str) -> Result<(), EndpointError> {
        let me = self.arc();
        let endpoint = self.parse(text)?;
        endpoint.check_connect().map_err(|e| invalid(text, &e))?;
        self.check_open()?;
        let io = |source: io::Error| EndpointError::Io { endpoint: text.to_owned(), source };
        let target = match &endpoint {
            Endpoint::Inproc(name) => {
                if let Some(pipe) = self.context.registry.connect(name, &me) {
                    self.add_bond(text, text, BondKind::InprocConnected(pipe));
                }
                return Ok(());
            }
            Endpoint::Tcp(TcpEndpoint { source, target }) => {
                let ipv6 = self.lock().options.tcp.ipv6;
                let source = source.as_ref().map(|s| local_address(s, ipv6)).transpose().map_err(io)?;
                Target::Tcp { host: target.host.to_string(), port: target.port.number(), source, web: None }
            }
            Endpoint::Ws(WsEndpoint { target, path }) | Endpoint::Wss(WsEndpoint { target, path }) => {
                let host = target.host.to_string();
                let tls = match &endpoint {
                    Endpoint::Wss(_) => {
                        let options = self.lock().options.clone();
                        Some(self.sealed(text, &options, |tls| tls.connector(&host))?)
                    }
                    _ => None,
                };
                let web = Some(WebTarget { path: path.clone(), tls });
                Target::Tcp { host, port: target.port.number(), source: None, web }
            }
            Endpoint::Udp(udp) => return self.open_datagrams(text, udp, false).map(drop),
            Endpoint::Ipc(IpcEndpoint::Path(path)) => Target::Ipc(IpcName::Path(path.into())),
            Endpoint::Ipc(IpcEndpoint::Abstract(name)) => {
                Target::Ipc(IpcName::Abstract(name.as_bytes().to_vec()))
            }
            other => Target::Service(service(other).ok_or_else(|| unsupported(text))?),
        };
        if let Target::Ipc(name) = &target {
            name.check().map_err(io)?;
        }
        let session = self.new_session(text)?;
        let mut core = self.lock();
        // Types that talk to each peer once ignore a second connection to the same place, as in libzmq.
        let once = matches!(
            self.socket_type,
            SocketType::Dealer | SocketType::Sub | SocketType::Pub | SocketType::Req
        );
        if once && core.bonds.iter().any(|b| b.given == text && matches!(b.kind, BondKind::Connecter(..))) {
            core.sessions -= 1;
            return Ok(());
        }
        let options = core.options.clone();
        let connect_id = SocketOptions::take_connect_id(&mut core.options);
        let c = &mut *core;
        // A raw peer of a ROUTER opens its pipe with its connection: nothing can be queued for somebody whose routing id
        // nobody knows. A STREAM tells it (`ZMQ_ROUTING_ID`), and programs ask and send at once.
        let nameless =
            is_raw(self, &options) && self.socket_type != SocketType::Stream && connect_id.is_none();
        let early = !options.immediate && !nameless;
        let pipe = if early {
            let id = new_wire_pipe(self, c, &options, session);
            if !c.pattern.attach(&mut c.pipes, id, connect_id) {
                c.pipes.remove(id);
                c.sessions -= 1;
                return Ok(());
            }
            Some(id)
        } else {
            None
        };
        let mut resolved = target.endpoint_text();
        if let Some(pipe) = pipe.and_then(|id| c.pipes.get(id)) {
            pipe.address = resolved.as_str().into();
        }
        if let Endpoint::Tcp(TcpEndpoint { source: Some(_), .. }) = &endpoint {
            // Where it comes from is part of its name, as in libzmq.
            text.clone_into(&mut resolved);
        }
        c.last_endpoint.clone_from(&resolved);
        c.bonds.push(Bond { given: text.to_owned(), resolved, kind: BondKind::Connecter(session, pipe) });
        drop(core);
        self.context
            .post(session.thread, Job::Connect { token: session.token, shared: me, pipe, target, options });
        self.mailbox.wake();
        Ok(())
    }

    /// RADIO connects, DISH and DGRAM bind: a socket for datagrams that is there when this returns.
    fn open_datagrams(&self, text: &str, udp: &UdpEndpoint, binds: bool) -> Result<String, EndpointError> {
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => EndpointError::InUse(text.to_owned()),
            _ => EndpointError::Io { endpoint: text.to_owned(), source },
        };
        let options = self.lock().options.clone();
        let ipv6 = options.tcp.ipv6;
        let address = local_address(&udp.target, ipv6).map_err(io)?;
        let shape = match (self.socket_type, binds) {
            (SocketType::Radio, false) => Shape::Sent(address),
            (SocketType::Dish, true) => Shape::Received,
            (SocketType::Dgram, true) => Shape::Addressed,
            _ => {
                let reason = "udp is for RADIO to connect, and for DISH and DGRAM to bind";
                return Err(EndpointError::Unsupported { endpoint: text.to_owned(), reason });
            }
        };
        let named = udp.interface.as_ref().filter(|host| **host != Host::Any);
        if named.is_some() && !address.ip().is_multicast() {
            let reason = "an interface is for multicast groups".to_owned();
            return Err(EndpointError::Invalid { endpoint: text.to_owned(), reason });
        }
        let at = named.map(|host| HostPort { host: host.clone(), port: udp.target.port });
        let interface = at.map(|at| local_address(&at, ipv6)).transpose().map_err(io)?;
        let name = if let Some(Host::Name(name)) = named { Some(name.as_str()) } else { None };
        let place = udp::place(address, interface.map(|at| at.ip()), name).map_err(io)?;
        let fd = udp::open(&place, shape, &options.tcp).map_err(io)?;
        let resolved = match udp.target.port.number() {
            0 if binds => format!("udp://{}", tcp::local_address(&fd).map_err(io)?),
            _ => text.to_owned(),
        };
        let stream = Stream::new(fd, String::new(), text.to_owned(), resolved.clone());
        let stream = stream.with_datagrams(Datagrams::new(shape));
        let session = self.new_session(text)?;
        self.add_bond(text, &resolved, BondKind::Datagrams(session));
        let (done, wait) = std::sync::mpsc::channel();
        let job = Job::Datagrams { token: session.token, shared: self.arc(), stream, options, done };
        self.context.post(session.thread, job);
        // The end is dropped when it is there, or when the thread is gone.
        let _ = wait.recv();
        Ok(resolved)
    }

    /// Undoes a bind: when this returns, the endpoint is free. Connections accepted there end, once what was sent over
    /// them has left; what has arrived can still be received, as in libzmq.
    pub(crate) fn unbind(&self, text: &str) -> Result<(), EndpointError> {
        self.check_open()?;
        let bond = self.take_bond(text, |kind| {
            matches!(kind, BondKind::Listener(_) | BondKind::InprocBound | BondKind::Datagrams(_))
        })?;
        match bond.kind {
            BondKind::Listener(session) => {
                self.stop_listening(session);
                let mut core = self.lock();
                let linger = core.options.linger;
                let (done, wait) = std::sync::mpsc::channel();
                for id in core.pipes.ids() {
                    let pipe = core.pipes.get(id).filter(|pipe| pipe.via == Some(session));
                    if let Some(SessionId { thread, token }) = pipe.and_then(Pipe::wire).map(|w| w.session) {
                        self.context.post(thread, Job::Unbound { token, linger, done: done.clone() });
                    }
                }
                drop((core, done));
                // Over when all ends are dropped, or the threads are gone.
                let _ = wait.recv();
            }
            BondKind::Datagrams(_) => {
                let mut core = self.lock();
                self.end_bond(&mut core, &bond);
            }
            _ => {
                let name = bond.given.trim_start_matches("inproc://").to_owned();
                self.context.registry.unbind(&name, self);
            }
        }
        Ok(())
    }

    /// Undoes a connect. What was sent there still goes out, as long as `linger` says.
    pub(crate) fn disconnect(&self, text: &str) -> Result<(), EndpointError> {
        self.check_open()?;
        let connected = |kind: &BondKind| {
            matches!(kind, BondKind::Connecter(..) | BondKind::InprocConnected(_) | BondKind::Datagrams(_))
        };
        let mut bond = self.take_bond(text, connected)?;
        loop {
            self.end_bond(&mut self.lock(), &bond);
            // As often as it was connected there.
            match self.take_bond(text, connected) {
                Ok(another) => bond = another,
                Err(_) => return Ok(()),
            }
        }
    }

    fn end_bond(&self, core: &mut super::core::Core, bond: &Bond) {
        match bond.kind {
            BondKind::InprocConnected(pipe) => self.terminate_pipe(core, pipe, None),
            BondKind::Connecter(session, _) | BondKind::Datagrams(session) => {
                let pipe = if let BondKind::Connecter(_, pipe) = bond.kind { pipe } else { None };
                let alive = pipe.or_else(|| {
                    core.pipes.iter_mut().find_map(|p| {
                        let id = p.id;
                        p.wire().filter(|w| w.session == session).map(|_| id)
                    })
                });
                match alive {
                    Some(id) => self.terminate_pipe(core, id, None),
                    None => {
                        let linger = core.options.linger;
                        self.context.post(session.thread, Job::Terminate { token: session.token, linger });
                    }
                }
            }
            BondKind::Listener(_) | BondKind::InprocBound => {}
        }
        self.settle(core);
    }

    fn stop_listening(&self, session: SessionId) {
        let (done, wait) = std::sync::mpsc::channel();
        self.context.post(session.thread, Job::Unlisten { token: session.token, done });
        // Its end is dropped when the thread is gone, which is as good as an answer.
        let _ = wait.recv();
    }

    /// Ends the socket. Returns at once; the engine sends what is queued as long as `linger` says.
    pub(crate) fn close(&self) {
        let mut core = self.lock();
        if std::mem::replace(&mut core.closed, true) {
            return;
        }
        self.flush_dirty(&mut core);
        let bonds = std::mem::take(&mut core.bonds);
        drop(core);
        for bond in &bonds {
            match &bond.kind {
                BondKind::Listener(session) => self.stop_listening(*session),
                BondKind::InprocBound => {
                    self.context.registry.unbind(bond.given.trim_start_matches("inproc://"), self);
                }
                _ => {}
            }
        }
        // That its connections end is no news to who has closed it, and whether it came in time would be chance.
        self.set_monitor(None);
        let mut core = self.lock();
        for bond in &bonds {
            if matches!(bond.kind, BondKind::Connecter(..) | BondKind::Datagrams(_)) {
                self.end_bond(&mut core, bond);
            }
        }
        for id in core.pipes.ids() {
            self.terminate_pipe(&mut core, id, None);
        }
        self.settle(&mut core);
        // A closed socket gives no one anything to receive any more: whoever waits is told.
        self.finish_if_done(&mut core);
        drop(core);
        self.mailbox.wake();
        self.context.post_to_all(|| Job::Forget { shared: self.arc() });
    }

    fn check_open(&self) -> Result<(), EndpointError> {
        let mut core = self.lock();
        if core.terminated {
            core.end_told = true;
            Err(EndpointError::Terminated)
        } else if core.closed {
            Err(EndpointError::Closed)
        } else {
            Ok(())
        }
    }

    fn parse(&self, text: &str) -> Result<Endpoint, EndpointError> {
        let endpoint: Endpoint = text.parse().map_err(|e| invalid(text, &e))?;
        let wire = matches!(endpoint, Endpoint::Tcp(_));
        if self.socket_type == SocketType::Dgram && !matches!(endpoint, Endpoint::Udp(_)) {
            let reason = "DGRAM sockets speak udp only";
            return Err(EndpointError::Unsupported { endpoint: text.to_owned(), reason });
        }
        if self.socket_type == SocketType::Stream && !wire {
            return Err(EndpointError::Unsupported {
                endpoint: text.to_owned(),
                reason: "STREAM sockets speak tcp only",
            });
        }
        Ok(endpoint)
    }

    /// What TLS an endpoint has, if there is TLS at all.
    fn sealed<T>(
        &self,
        text: &str,
        options: &SocketOptions,
        make: impl FnOnce(&TlsOptions) -> Result<T, String>,
    ) -> Result<T, EndpointError> {
        if !tls::IS_BUILT_IN {
            return Err(unsupported(text));
        }
        if is_raw(self, options) {
            let reason = "raw sockets speak tcp only";
            return Err(EndpointError::Unsupported { endpoint: text.to_owned(), reason });
        }
        make(&options.tls).map_err(|reason| EndpointError::Invalid { endpoint: text.to_owned(), reason })
    }

    fn new_session(&self, text: &str) -> Result<SessionId, EndpointError> {
        let io = |source: io::Error| EndpointError::Io { endpoint: text.to_owned(), source };
        self.context.start().map_err(io)?;
        let affinity = self.lock().options.affinity;
        let thread = self.context.next_thread(affinity);
        let Some((thread, token)) = thread.and_then(|t| Some((t, self.context.new_token(t)?))) else {
            return Err(io(io::Error::other(
                "the context has no I/O threads for this: make it with more, or widen the affinity",
            )));
        };
        self.lock().sessions += 1;
        Ok(SessionId { thread, token })
    }

    fn add_bond(&self, given: &str, resolved: &str, kind: BondKind) {
        let mut core = self.lock();
        core.last_endpoint = resolved.to_owned();
        core.bonds.push(Bond { given: given.to_owned(), resolved: resolved.to_owned(), kind });
    }

    fn take_bond(&self, text: &str, wanted: impl Fn(&BondKind) -> bool) -> Result<Bond, EndpointError> {
        let mut core = self.lock();
        // A wildcard that was bound names nothing in particular: only what it became does.
        let exact = !text.contains('*');
        let given = |b: &Bond| (exact || matches!(b.kind, BondKind::Connecter(..))) && b.given == text;
        let named = |b: &Bond| given(b) || b.resolved == text;
        let found = core.bonds.iter().position(|b| named(b) && wanted(&b.kind));
        match found {
            Some(index) => Ok(core.bonds.remove(index)),
            None => {
                let _: Endpoint = text.parse().map_err(|e| invalid(text, &e))?;
                Err(EndpointError::NotFound(text.to_owned()))
            }
        }
    }
}

/// The address of an interface of this machine: by wildcard, number or name.
fn local_address(at: &HostPort, ipv6: bool) -> io::Result<SocketAddr> {
    let port = at.port.number();
    match &at.host {
        Host::Any if ipv6 => Ok(SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port)),
        Host::Any => Ok(SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), port)),
        Host::Name(name) => match tcp::interface(name, ipv6)? {
            Some(address) => Ok(SocketAddr::new(address, port)),
            None => tcp::resolve(name, port, ipv6).map_err(nowhere_here),
        },
        host => tcp::resolve(&host.to_string(), port, ipv6).map_err(nowhere_here),
    }
}

/// What a resolver cannot resolve is no place of this machine.
fn nowhere_here(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() { error } else { io::Error::new(io::ErrorKind::NotFound, error) }
}

/// What the C interface makes of an address that is nowhere on this machine.
const ENODEV: i32 = 19;

/// What is reached by numbers alone.
fn service(endpoint: &Endpoint) -> Option<Service> {
    match endpoint {
        Endpoint::Tipc(tipc) => Some(Service::Tipc(*tipc)),
        Endpoint::Vsock(vsock) => Some(Service::Vsock(*vsock)),
        _ => None,
    }
}

fn invalid(text: &str, error: &netzmq_proto::EndpointError) -> EndpointError {
    EndpointError::Invalid { endpoint: text.to_owned(), reason: error.to_string() }
}

fn unsupported(text: &str) -> EndpointError {
    EndpointError::Unsupported { endpoint: text.to_owned(), reason: "this transport is not supported" }
}
