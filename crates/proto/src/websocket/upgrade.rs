//! From HTTP to WebSocket: one request, one answer, and which ZeroMQ sub-protocol both mean.
//!
//! Invariants: at most [`HTTP_HEAD_BYTES_MAX`] bytes are held, and not one behind the empty line is taken. What can't
//! become a request (an answer) is refused at its first wrong byte.
//!
//! Source: RFC 6455, section 4. Which of its "must"s are checked: all that a program could be misled by; the requested
//! path and host are not looked at, as in libzmq.

use crate::error::{ProtocolError, WsFault};
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

/// RFC 6455's constant, behind the key.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const BARE: &str = "ZWS2.0";

/// What follows the upgrade.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum WsProtocol {
    /// `ZWS2.0`: routing ids, then messages. Without security only.
    RoutingId,
    /// `ZWS2.0/NULL` and its like: the mechanism's commands.
    Mechanism,
}

#[derive(Debug)]
enum Role {
    Client { accept: String },
    Server,
}

/// One side of an upgrade. Send what [`WsUpgrade::output`] holds; when [`WsUpgrade::protocol`] says something, it is done.
///
/// ```
/// use netzmq_proto::{WsProtocol, WsUpgrade};
/// let mut client = WsUpgrade::client("example.org:80", "/", "NULL", [7; 16]);
/// let mut server = WsUpgrade::server("NULL", true);
/// server.handle_input(&std::mem::take(client.output()))?;
/// client.handle_input(&std::mem::take(server.output()))?;
/// assert_eq!(client.protocol(), Some(WsProtocol::Mechanism));
/// assert_eq!(server.protocol(), Some(WsProtocol::Mechanism));
/// # Ok::<(), netzmq_proto::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct WsUpgrade {
    role: Role,
    mechanism: &'static str,
    /// The sub-protocol without a mechanism is acceptable.
    bare: bool,
    head: Vec<u8>,
    output: Vec<u8>,
    protocol: Option<WsProtocol>,
    failed: Option<ProtocolError>,
}

impl WsUpgrade {
    /// The side that asks, at `host` (with its port) for `path`. `mechanism` is [`MechanismConfig::name`]; with NULL, a
    /// server that only knows plain `ZWS2.0` will do. `nonce` is fresh randomness.
    ///
    /// [`MechanismConfig::name`]: crate::MechanismConfig::name
    #[must_use]
    pub fn client(host: &str, path: &str, mechanism: &'static str, nonce: [u8; 16]) -> WsUpgrade {
        let key = BASE64.encode(nonce);
        let bare = mechanism == "NULL";
        let or_bare = if bare { ",ZWS2.0" } else { "" };
        let output = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {BARE}/{mechanism}{or_bare}\r\n\
             Sec-WebSocket-Version: 13\r\n\r\n"
        );
        let role = Role::Client { accept: accept_of(&key) };
        WsUpgrade { output: output.into(), ..WsUpgrade::new(role, mechanism, bare) }
    }

    /// The side that is asked. `bare`: with the mechanism NULL, clients may come in by plain `ZWS2.0`, in which nobody can
    /// be asked about them.
    #[must_use]
    pub fn server(mechanism: &'static str, bare: bool) -> WsUpgrade {
        WsUpgrade::new(Role::Server, mechanism, bare && mechanism == "NULL")
    }

    fn new(role: Role, mechanism: &'static str, bare: bool) -> WsUpgrade {
        let (head, output) = (Vec::new(), Vec::new());
        WsUpgrade { role, mechanism, bare, head, output, protocol: None, failed: None }
    }

    /// Takes bytes from the front of `input`, up to the end of the peer's head, and returns how many.
    ///
    /// # Errors
    /// The upgrade has failed: send what [`WsUpgrade::output`] holds, then close. Every later call says the same.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let mut taken = 0;
        for &byte in input {
            if self.protocol.is_some() {
                break;
            }
            self.head.push(byte);
            taken += 1;
            if let Err(error) = self.check() {
                return Err(self.fail(error));
            }
        }
        Ok(taken)
    }

    /// Bytes to be transmitted; the caller takes them out.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// What was agreed on, once the peer's head is here.
    #[must_use]
    pub fn protocol(&self) -> Option<WsProtocol> {
        self.protocol
    }

    fn check(&mut self) -> Result<(), WsFault> {
        let beginning: &[u8] = match self.role {
            Role::Client { .. } => b"HTTP/1.1 101 ",
            Role::Server => b"GET ",
        };
        let length = self.head.len().min(beginning.len());
        if self.head.get(..length) != beginning.get(..length) {
            return Err(WsFault::Upgrade { what: "neither a GET request nor its answer with status 101" });
        }
        if self.head.ends_with(b"\r\n\r\n") {
            let protocol = match &self.role {
                Role::Client { accept } => self.read_answer(accept)?,
                Role::Server => self.read_request()?,
            };
            self.protocol = Some(protocol);
            self.head = Vec::new();
        } else if self.head.len() >= HTTP_HEAD_BYTES_MAX {
            return Err(WsFault::HeadTooLong { max: HTTP_HEAD_BYTES_MAX });
        }
        Ok(())
    }

    fn read_request(&mut self) -> Result<WsProtocol, WsFault> {
        let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        if !request.parse(&self.head).is_ok_and(|status| status.is_complete()) || request.version != Some(1) {
            return Err(WsFault::Upgrade { what: "malformed request" });
        }
        let headers = Headers(request.headers);
        headers.check_upgrade()?;
        let key = headers.only("Sec-WebSocket-Key").filter(|key| !key.is_empty());
        let key = key.ok_or(WsFault::Upgrade { what: "no Sec-WebSocket-Key" })?;
        let offered =
            headers.all("Sec-WebSocket-Protocol").find_map(|name| self.fitting(name).zip(Some(name)));
        let (protocol, name) = offered.ok_or(WsFault::Upgrade { what: "no sub-protocol that fits" })?;
        let accept = accept_of(key);
        self.output = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {name}\r\n\r\n"
        )
        .into();
        Ok(protocol)
    }

    fn read_answer(&self, accept: &str) -> Result<WsProtocol, WsFault> {
        let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut headers);
        if !answer.parse(&self.head).is_ok_and(|status| status.is_complete()) || answer.code != Some(101) {
            return Err(WsFault::Upgrade { what: "malformed answer" });
        }
        let headers = Headers(answer.headers);
        headers.check_upgrade()?;
        if headers.only("Sec-WebSocket-Accept") != Some(accept) {
            return Err(WsFault::Upgrade { what: "no Sec-WebSocket-Accept that belongs to the key" });
        }
        if headers.all("Sec-WebSocket-Extensions").next().is_some() {
            return Err(WsFault::Upgrade { what: "an extension that was not asked for" });
        }
        let name = headers.only("Sec-WebSocket-Protocol");
        name.and_then(|name| self.fitting(name)).ok_or(WsFault::Upgrade { what: "no sub-protocol that fits" })
    }

    /// What a sub-protocol's name means, if it goes with our mechanism.
    fn fitting(&self, name: &str) -> Option<WsProtocol> {
        match name.strip_prefix(BARE)?.strip_prefix('/') {
            None if name == BARE && self.bare => Some(WsProtocol::RoutingId),
            Some(mechanism) if mechanism == self.mechanism => Some(WsProtocol::Mechanism),
            _ => None,
        }
    }

    /// Remembers why; a client is told that its request was no good.
    fn fail(&mut self, fault: WsFault) -> ProtocolError {
        if matches!(self.role, Role::Server) {
            self.output = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\
                            Sec-WebSocket-Version: 13\r\n\r\n"
                .to_vec();
        }
        self.head = Vec::new();
        let error = ProtocolError::from(fault);
        self.failed = Some(error.clone());
        error
    }
}

/// A head's lines.
struct Headers<'a>(&'a [httparse::Header<'a>]);

impl<'a> Headers<'a> {
    /// All values of this name, lists taken apart.
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a str> + use<'a> {
        let lines = self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
        lines
            .filter_map(|line| str::from_utf8(line.value).ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
    }

    /// The value of a line that there is once.
    fn only(&self, name: &'static str) -> Option<&'a str> {
        let mut lines = self.0.iter().filter(|line| line.name.eq_ignore_ascii_case(name));
        let value = str::from_utf8(lines.next()?.value).ok()?;
        lines.next().is_none().then(|| value.trim())
    }

    fn check_upgrade(&self) -> Result<(), WsFault> {
        if !self.all("Upgrade").any(|value| value.eq_ignore_ascii_case("websocket")) {
            return Err(WsFault::Upgrade { what: "no Upgrade to websocket" });
        }
        if !self.all("Connection").any(|value| value.eq_ignore_ascii_case("upgrade")) {
            return Err(WsFault::Upgrade { what: "no Connection for the upgrade" });
        }
        Ok(())
    }
}

/// What a server answers to a key.
fn accept_of(key: &str) -> String {
    BASE64.encode(Sha1::new().chain_update(key).chain_update(ACCEPT_SUFFIX).finalize())
}
