//! Making a connection: one attempt, from the target's name to a stream. What comes before and after an attempt is the
//! session's business.
//!
//! Nothing here blocks the I/O thread: names are resolved, and proxies talked to, on threads of their own.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use super::handshaking::{STOP_REFUSED, session_stops};
use super::io_thread::IoThread;
use super::job::Job;
use super::session::{Phase, Session};
use super::target::{Target, WebTarget};
use crate::monitor::{EventKind, MonitorEvent};
use crate::transport::poller::Interest;
use crate::transport::stream::{Stream, Web};
use crate::transport::{ipc, services, socks, tcp};

impl IoThread {
    pub(crate) fn attempt(&mut self, token: u64) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let Some(target) = session.target.clone() else { return };
        match target {
            Target::Ipc(name) => match ipc::connect(&name) {
                Ok(fd) => {
                    let text = name.endpoint_text();
                    let address = ipc::peer_credentials(&fd)
                        .map(|(pid, uid, gid)| format!("localhost:{uid}:{gid}:{pid}"))
                        .unwrap_or_default();
                    // This end has no name.
                    let stream = Stream::new(fd, address, text, "ipc://".to_owned());
                    self.connected(token, stream);
                }
                Err(error) => self.attempt_failed(token, &error, None),
            },
            Target::Service(service) => self.begun(token, services::connect(&service)),
            Target::Tcp { host, port, .. } => {
                if !session.options.socks.address.is_empty() {
                    return self.ask_proxy(token, host, port);
                }
                let ipv6 = session.options.tcp.ipv6;
                let literal = host.trim_start_matches('[').trim_end_matches(']');
                if literal.parse::<std::net::IpAddr>().is_ok() {
                    let address = tcp::resolve(&host, port, ipv6);
                    return self.resolved(token, address);
                }
                session.phase = Phase::Resolving;
                let context = self.context.clone();
                let thread = self.handle.index;
                // Names are asked for on a thread of their own: a resolver may take many seconds.
                let asked = std::thread::Builder::new().name("netzmq-resolver".into()).spawn(move || {
                    let address = tcp::resolve(&host, port, ipv6);
                    if let Some(context) = context.upgrade() {
                        context.post(thread, Job::Resolved { token, address });
                    }
                });
                if let Err(error) = asked {
                    self.attempt_failed(token, &error, None);
                }
            }
        }
    }

    pub(crate) fn resolved(&mut self, token: u64, address: io::Result<SocketAddr>) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let source = match &session.target {
            Some(Target::Tcp { source, .. }) => *source,
            _ => None,
        };
        let options = session.options.clone();
        let fd = address.and_then(|address| tcp::connect(address, source, &options.tcp));
        self.begun(token, fd);
    }

    /// An attempt is under way, or is over already.
    fn begun(&mut self, token: u64, fd: io::Result<OwnedFd>) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let options = session.options.clone();
        match fd.and_then(|fd| self.handle.poller.add(&fd, token, Interest::Both).map(|()| fd)) {
            Ok(fd) => {
                let timeout = options.connect_timeout;
                session.phase = Phase::Connecting(fd);
                session.phase_deadline = None;
                if !timeout.is_zero() {
                    self.set_phase_deadline(token, timeout);
                }
                self.tell(token, EventKind::ConnectDelayed, None);
            }
            Err(error) => self.attempt_failed(token, &error, None),
        }
    }

    /// The dialogue with a proxy blocks, so it has a thread of its own.
    fn ask_proxy(&mut self, token: u64, host: String, port: u16) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        session.phase = Phase::Resolving;
        let options = session.options.clone();
        let context = self.context.clone();
        let thread = self.handle.index;
        let asked = std::thread::Builder::new().name("netzmq-socks".into()).spawn(move || {
            let stream = socks::connect(&options.socks, &host, port, options.connect_timeout);
            if let Some(context) = context.upgrade() {
                context.post(thread, Job::Proxied { token, stream });
            }
        });
        match asked {
            Ok(_) => self.tell(token, EventKind::ConnectDelayed, None),
            Err(error) => self.attempt_failed(token, &error, None),
        }
    }

    pub(crate) fn proxied(&mut self, token: u64, stream: io::Result<OwnedFd>) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        session.phase = Phase::Pausing;
        let tuned = stream.and_then(|fd| tcp::tune(&fd, &session.options.tcp).map(|()| fd));
        match tuned.and_then(|fd| session.tcp_stream(fd)) {
            Ok(stream) => self.connected(token, stream),
            Err(error) => self.attempt_failed(token, &error, None),
        }
    }

    /// The kernel has connected, or not.
    pub(crate) fn connect_event(&mut self, token: u64) {
        let Some(session) = self.sessions.get_mut(&token) else { return };
        let Phase::Connecting(fd) = std::mem::replace(&mut session.phase, Phase::Pausing) else { return };
        // Registered anew for the handshake, under the same token: the edge that brought us here is used up.
        let _ = self.handle.poller.delete(&fd);
        let service = matches!(session.target, Some(Target::Service(_)));
        let tuned = tcp::finish(&fd)
            .and_then(|()| if service { Ok(()) } else { tcp::tune(&fd, &session.options.tcp) });
        if let Err(error) = tuned {
            return self.attempt_failed(token, &error, Some(fd));
        }
        match if service { Ok(service_stream(fd)) } else { session.tcp_stream(fd) } {
            Ok(stream) => self.connected(token, stream),
            Err(error) => self.attempt_failed(token, &error, None),
        }
    }

    fn connected(&mut self, token: u64, stream: Stream) {
        if let Some(session) = self.sessions.get(&token) {
            let remote = session.remote_text(Some(&stream));
            session.shared.emit_in(&session.span, || {
                MonitorEvent::new(EventKind::Connected, &stream.local_endpoint, &remote).with_fd(&stream)
            });
        }
        self.begin_handshake(token, stream);
    }

    pub(crate) fn attempt_failed(&mut self, token: u64, error: &io::Error, fd: Option<OwnedFd>) {
        if let Some(session) = self.sessions.get(&token) {
            session.shared.emit_in(&session.span, || {
                let event = MonitorEvent::new(EventKind::Closed, "", &session.remote_text(None));
                match &fd {
                    Some(fd) => event.with_fd(fd),
                    None => event,
                }
            });
        }
        // Told first: nobody else has the number meanwhile.
        drop(fd);
        let refused = error.kind() == io::ErrorKind::ConnectionRefused;
        let stop = refused && session_stops(self.sessions.get(&token), STOP_REFUSED);
        if stop { self.over(token) } else { self.retry(token) }
    }
}

/// A stream between the two ends that the kernel names.
fn service_stream(fd: OwnedFd) -> Stream {
    let (address, peer, local) = services::names(&fd);
    Stream::new(fd, address, peer, local)
}

impl Session {
    /// A stream to the target, as it is called.
    fn tcp_stream(&self, fd: OwnedFd) -> io::Result<Stream> {
        let (address, peer, local) = tcp::names(&fd);
        let stream = Stream::new(fd, address, peer, local);
        let Some(Target::Tcp { host, port, web: Some(WebTarget { path, tls }), .. }) = &self.target else {
            return Ok(stream);
        };
        let stream = stream.with_web(Web::Client { host: format!("{host}:{port}"), path: path.clone() });
        match tls {
            None => Ok(stream),
            Some(tls) => Ok(stream.with_tls(tls.begin()?)),
        }
    }
}
