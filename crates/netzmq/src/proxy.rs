//! Passing messages between two sockets, both ways, for as long as the context lives.

use std::sync::Arc;

use crate::error::{Error, RecvError, SendFailure};
use crate::multipart::Multipart;
use crate::poller::{Bell, Interest, hang};
use crate::socket::Socket;
use crate::socket::core::Shared;
use crate::socket::send::Wait;
use crate::socket::stay::{Ask, Waited, wait_any};
use crate::sync::Wake;

/// Messages passed one way before the other way has its turn.
const BURST: usize = 1000;

/// Passes messages from `frontend` to `backend` and back until the context is terminated, or a control message says so.
///
/// A message is taken from one side only when the other has room, so high-water marks reach through. See
/// `zmq_proxy(3)`.
///
/// ```no_run
/// use netzmq::{Context, Proxy};
/// let context = Context::new();
/// let frontend = context.router().bind("tcp://*:5559")?;
/// let backend = context.dealer().bind("tcp://*:5560")?;
/// Proxy::new(&frontend, &backend).run()?;
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Debug)]
pub struct Proxy<'a> {
    frontend: &'a Socket,
    backend: &'a Socket,
    capture: Option<&'a Socket>,
    control: Option<&'a Socket>,
    statistics: ProxyStatistics,
}

/// What a proxy has passed so far: messages and their bytes. As with `zmq_proxy_steerable(3)` each part counts as one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ProxyStatistics {
    /// Messages taken from the frontend.
    pub frontend_received: u64,
    /// Their bytes.
    pub frontend_received_bytes: u64,
    /// Messages given to the frontend.
    pub frontend_sent: u64,
    /// Their bytes.
    pub frontend_sent_bytes: u64,
    /// Messages taken from the backend.
    pub backend_received: u64,
    /// Their bytes.
    pub backend_received_bytes: u64,
    /// Messages given to the backend.
    pub backend_sent: u64,
    /// Their bytes.
    pub backend_sent_bytes: u64,
}

impl ProxyStatistics {
    fn as_array(&self) -> [u64; 8] {
        [
            self.frontend_received,
            self.frontend_received_bytes,
            self.frontend_sent,
            self.frontend_sent_bytes,
            self.backend_received,
            self.backend_received_bytes,
            self.backend_sent,
            self.backend_sent_bytes,
        ]
    }
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
enum State {
    Active,
    Paused,
    Terminated,
}

impl<'a> Proxy<'a> {
    /// Between these two. They may be the same socket, which then echoes.
    #[must_use]
    pub fn new(frontend: &'a impl AsRef<Socket>, backend: &'a impl AsRef<Socket>) -> Proxy<'a> {
        let (frontend, backend) = (frontend.as_ref(), backend.as_ref());
        Proxy { frontend, backend, capture: None, control: None, statistics: ProxyStatistics::default() }
    }

    /// Gets a copy of every message (the bodies are shared, not copied). Its lack of room, or of peers, holds the proxy up,
    /// where the socket's type waits for room (PUSH, DEALER, PAIR; PUB drops).
    #[must_use]
    pub fn capture(mut self, socket: &'a impl AsRef<Socket>) -> Proxy<'a> {
        self.capture = Some(socket.as_ref());
        self
    }

    /// Obeys `PAUSE`, `RESUME` and `TERMINATE`, and answers `STATISTICS` with eight parts of eight bytes each, in the
    /// machine's byte order, as [`ProxyStatistics`] lists them. A REP control socket is answered after each command.
    #[must_use]
    pub fn control(mut self, socket: &'a impl AsRef<Socket>) -> Proxy<'a> {
        self.control = Some(socket.as_ref());
        self
    }

    /// Runs until `TERMINATE`. Blocks.
    ///
    /// # Errors
    /// The context was terminated or a socket closed (then the proxy's work is done as well), or the sockets' types
    /// don't fit.
    pub fn run(mut self) -> Result<ProxyStatistics, Error> {
        let mut state = State::Active;
        let mut idle = false;
        loop {
            let mut busy = false;
            if let Some(control) = self.control {
                while let Some(command) = ignore_would_block(control.try_recv_multipart())? {
                    state = self.obey(control, &command, state)?;
                    busy = true;
                }
            }
            if state == State::Terminated {
                return Ok(self.statistics);
            }
            if state == State::Active {
                busy |= self.pass(true)?;
                if !self.is_echo() {
                    busy |= self.pass(false)?;
                }
            }
            if busy {
                idle = false;
            } else if !std::mem::replace(&mut idle, true) {
                // Where cores are short, whoever sends has not had its turn: with one there is more to pass at once.
                std::thread::yield_now();
            } else {
                self.frontend.shared().check_usable()?;
                self.backend.shared().check_usable()?;
                self.wait(state)?;
            }
        }
    }

    fn is_echo(&self) -> bool {
        std::ptr::eq(self.frontend, self.backend)
    }

    /// Waits for what there is to do: on this thread, which then reads by itself, unless other threads wait for one of these
    /// sockets, too.
    fn wait(&self, state: State) -> Result<(), Error> {
        // Whoever has nothing is waited for; where that has something, its receiver's room is.
        let active = state == State::Active;
        let room = |receiver: &Socket| self.is_echo() || receiver.can_send();
        let (room_front, room_back) = (active && room(self.frontend), active && room(self.backend));
        let front = Interest { readable: room_back, writable: active && !room_front };
        let back = Interest { readable: room_front, writable: active && !room_back };
        let mut sockets = vec![(self.frontend.shared(), front), (self.backend.shared(), back)];
        if self.is_echo() {
            sockets.pop();
        }
        sockets.extend(self.control.map(|control| (control.shared(), Interest::READABLE)));
        let waited = match wait_any(&sockets) {
            Waited::Refused => wait_to_be_told(&sockets),
            waited => waited,
        };
        if waited == Waited::Interrupted && self.frontend.shared().lock().interruptible {
            return Err(RecvError::Interrupted.into());
        }
        Ok(())
    }

    /// Passes up to a burst in one direction. Says whether anything was passed.
    fn pass(&mut self, forward: bool) -> Result<bool, Error> {
        let (from, to) = if forward { (self.frontend, self.backend) } else { (self.backend, self.frontend) };
        let mut passed = 0;
        while passed < BURST && (self.is_echo() || to.can_send()) {
            // A message of one part, as most are where there are no envelopes, goes without a list.
            let (mut single, mut message) = (None, Multipart::new());
            let (mut parts, mut bytes) = (0, 0);
            let received = from.shared().recv_each(Wait::Never, |part| {
                parts += 1;
                bytes += part.len() as u64;
                if parts == 1 && !part.has_more() { single = Some(part) } else { message.push(part) }
            });
            if ignore_would_block(received)?.is_none() {
                break;
            }
            if let Some(capture) = self.capture {
                match &single {
                    Some(part) => capture.send(part.clone())?,
                    None => capture.send_multipart(message.clone())?,
                }
            }
            let sent = match single {
                Some(part) => to.send(part).map_err(|error| (error.reason, Error::from(error))),
                None => to.send_multipart(message).map_err(|error| (error.reason, Error::from(error))),
            };
            match sent {
                Ok(()) => {}
                // Nobody is there any more: as if it had been lost on the way.
                Err((SendFailure::Unroutable, _)) => {}
                Err((_, error)) => return Err(error),
            }
            self.count(forward, parts, bytes);
            passed += 1;
        }
        Ok(passed > 0)
    }

    fn count(&mut self, forward: bool, parts: u64, bytes: u64) {
        let s = &mut self.statistics;
        if forward {
            s.frontend_received += parts;
            s.frontend_received_bytes += bytes;
            s.backend_sent += parts;
            s.backend_sent_bytes += bytes;
        } else {
            s.backend_received += parts;
            s.backend_received_bytes += bytes;
            s.frontend_sent += parts;
            s.frontend_sent_bytes += bytes;
        }
    }

    fn obey(&self, control: &Socket, command: &Multipart, state: State) -> Result<State, Error> {
        let command = command.first().map_or(&b""[..], |part| &part[..]);
        let next = match command {
            b"PAUSE" => State::Paused,
            b"RESUME" => State::Active,
            b"TERMINATE" => State::Terminated,
            _ => state,
        };
        if command == b"STATISTICS" {
            let parts = self.statistics.as_array().map(u64::to_ne_bytes);
            control.send_multipart(parts.iter().map(|p| &p[..]).collect::<Multipart>())?;
        } else if control.socket_type() == netzmq_proto::SocketType::Rep {
            control.send("")?;
        }
        Ok(next)
    }
}

/// Waits until whoever reads these sockets' connections says that something has changed.
fn wait_to_be_told(sockets: &[(&Arc<Shared>, Interest)]) -> Waited {
    let bell = Arc::new(Bell::default());
    let watches: Vec<_> =
        sockets.iter().enumerate().map(|(key, (shared, _))| (shared, hang(&bell, shared, key))).collect();
    let ready = |&(shared, wanted): &(&Arc<Shared>, Interest)| {
        wanted.is_met_by(shared.events(wanted, Ask::Yes)) || shared.check_usable().is_err()
    };
    // What came before the watches is seen by this look, what comes after it rings.
    let wake = if sockets.iter().any(ready) { Wake::Maybe } else { bell.wait(None, &mut Vec::new()) };
    for (shared, key) in watches {
        shared.unwatch(key);
    }
    if wake == Wake::Signal { Waited::Interrupted } else { Waited::Maybe }
}

fn ignore_would_block<T>(result: Result<T, RecvError>) -> Result<Option<T>, RecvError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(RecvError::WouldBlock) => Ok(None),
        Err(error) => Err(error),
    }
}
