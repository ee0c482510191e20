//! Endpoints: `transport://address`, taken apart and put together again.
//!
//! Pure grammar: nothing is resolved, opened or looked up here. Every transport that libzmq has a scheme for and that
//! an engine might carry is recognised; which of them are carried is the engine's business.
//!
//! Invariants: what parses is displayed in one canonical form, and that form parses to the same value. Errors say
//! what was wrong with which part, and never hold more than the text they were given.
//!
//! Sources: zmq_tcp(7), zmq_ipc(7), zmq_inproc(7), zmq_udp(7), zmq_vsock(7), zmq_tipc(7), and libzmq 4.3.5's
//! behaviour; stricter than it in one thing: a port must be a number from 0 to 65535, where libzmq cuts it to 16 bits.

mod host;
mod tipc;

pub use host::{Host, HostPort, Port};
pub use tipc::TipcEndpoint;

use crate::limits::{ENDPOINT_BYTES_MAX, INPROC_NAME_BYTES_MAX, IPC_PATH_BYTES_MAX};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use thiserror::Error;

/// Where to bind or to connect.
///
/// ```
/// use netzmq_proto::{Endpoint, Host, Port};
/// let Endpoint::Tcp(tcp) = "tcp://*:5555".parse()? else { unreachable!() };
/// assert_eq!((tcp.target.host, tcp.target.port), (Host::Any, Port::Number(5555)));
/// # Ok::<(), netzmq_proto::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `tcp://host:port`, or `tcp://source:port;host:port` to connect from a certain address.
    Tcp(TcpEndpoint),
    /// `ipc://path`, `ipc://@name`, `ipc://*`.
    Ipc(IpcEndpoint),
    /// `inproc://name`, 1 to 256 bytes.
    Inproc(String),
    /// `udp://host:port`, or `udp://interface;group:port` for multicast.
    Udp(UdpEndpoint),
    /// `tipc://{type,lower,upper}` to bind, `tipc://{type,instance}` to connect.
    Tipc(TipcEndpoint),
    /// `vsock://cid:port`.
    Vsock(VsockEndpoint),
    /// `ws://host:port/path`.
    Ws(WsEndpoint),
    /// `wss://host:port/path`.
    Wss(WsEndpoint),
}

/// A TCP endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TcpEndpoint {
    /// The local address to connect from.
    pub source: Option<HostPort>,
    /// The address to bind or to connect to.
    pub target: HostPort,
}

impl From<SocketAddr> for TcpEndpoint {
    fn from(address: SocketAddr) -> TcpEndpoint {
        TcpEndpoint { source: None, target: address.into() }
    }
}

/// An endpoint of Unix sockets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IpcEndpoint {
    /// `*`: a fresh path in the directory for temporary files.
    Wildcard,
    /// A path, 1 to 107 bytes.
    Path(String),
    /// `@name`: a name in Linux's abstract namespace, 1 to 106 bytes without the `@`.
    Abstract(String),
}

/// A UDP endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UdpEndpoint {
    /// The interface to use, for multicast.
    pub interface: Option<Host>,
    /// The address to bind to or to send to; a group's for multicast.
    pub target: HostPort,
}

/// A WebSocket endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WsEndpoint {
    /// The address to bind or to connect to.
    pub target: HostPort,
    /// Begins with a slash.
    pub path: String,
}

/// An endpoint between a virtual machine and its host.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub struct VsockEndpoint {
    /// Which machine.
    pub cid: VsockCid,
    /// Which port; `None` for `*`.
    pub port: Option<u32>,
}

/// Which machine a vsock endpoint names.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum VsockCid {
    /// `*`: any.
    Any,
    /// `@`: this one.
    Local,
    /// By number.
    Number(u32),
}

/// Why a text is no endpoint, or not one for this purpose.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// There is no `://`.
    #[error("no transport: an endpoint looks like tcp://host:port")]
    NoTransport,
    /// Nobody knows this transport.
    #[error("unknown transport {transport:?}")]
    UnknownTransport {
        /// What stands before `://`.
        transport: String,
    },
    /// Nothing stands behind `://`.
    #[error("the address is missing")]
    MissingAddress,
    /// Longer than any endpoint has to be.
    #[error("an endpoint of {len} bytes, more than {ENDPOINT_BYTES_MAX}")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// A zero byte, which no address can hold.
    #[error("an endpoint with a zero byte")]
    ZeroByte,
    /// Nothing stands before the port.
    #[error("the host is missing")]
    MissingHost,
    /// The host is no address and no name.
    #[error("invalid host {host:?}")]
    InvalidHost {
        /// What was given.
        host: String,
    },
    /// The host's name is longer than 255 bytes.
    #[error("a host name of {len} bytes")]
    HostTooLong {
        /// Its length.
        len: usize,
    },
    /// There is no `:port`.
    #[error("the port is missing")]
    MissingPort,
    /// The port is no number from 0 to 65535 (0 to 2^32 - 1 for vsock), and no `*`.
    #[error("invalid port {port:?}")]
    InvalidPort {
        /// What was given.
        port: String,
    },
    /// The vsock context id is no number.
    #[error("invalid vsock context id {cid:?}")]
    InvalidCid {
        /// What was given.
        cid: String,
    },
    /// An `ipc` path or name longer than the kernel takes.
    #[error("an ipc path of {len} bytes, more than {IPC_PATH_BYTES_MAX}")]
    IpcPathTooLong {
        /// Its length.
        len: usize,
    },
    /// An `inproc` name of more than 256 bytes.
    #[error("an inproc name of {len} bytes, more than {INPROC_NAME_BYTES_MAX}")]
    InprocNameTooLong {
        /// Its length.
        len: usize,
    },
    /// One can't connect to a wildcard, nor to a range.
    #[error("a wildcard can be bound, not connected to")]
    WildcardInConnect,
    /// One can't bind from a source address.
    #[error("a source address is for connecting, not for binding")]
    SourceInBind,
    /// One can't bind to what only names a peer.
    #[error("names a peer to connect to, not a service to bind")]
    PeerInBind,
}

/// The errno that the C API gives for an [`EndpointError`].
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum EndpointErrorKind {
    /// `EINVAL`.
    Invalid,
    /// `EPROTONOSUPPORT`.
    UnknownTransport,
    /// `ENAMETOOLONG`.
    NameTooLong,
}

impl EndpointError {
    /// Which errno this is, as in libzmq.
    #[must_use]
    pub const fn kind(&self) -> EndpointErrorKind {
        match self {
            EndpointError::UnknownTransport { .. } => EndpointErrorKind::UnknownTransport,
            EndpointError::IpcPathTooLong { .. } => EndpointErrorKind::NameTooLong,
            _ => EndpointErrorKind::Invalid,
        }
    }
}

impl Endpoint {
    /// The word before `://`.
    #[must_use]
    pub const fn transport(&self) -> &'static str {
        match self {
            Endpoint::Tcp(_) => "tcp",
            Endpoint::Ipc(_) => "ipc",
            Endpoint::Inproc(_) => "inproc",
            Endpoint::Udp(_) => "udp",
            Endpoint::Tipc(_) => "tipc",
            Endpoint::Vsock(_) => "vsock",
            Endpoint::Ws(_) => "ws",
            Endpoint::Wss(_) => "wss",
        }
    }

    /// Checks that one could bind here, as far as grammar goes.
    ///
    /// # Errors
    /// [`EndpointError::SourceInBind`], [`EndpointError::PeerInBind`].
    pub const fn check_bind(&self) -> Result<(), EndpointError> {
        match self {
            Endpoint::Tcp(TcpEndpoint { source: Some(_), .. }) => Err(EndpointError::SourceInBind),
            Endpoint::Tipc(tipc) if !tipc.is_for_binding() => Err(EndpointError::PeerInBind),
            _ => Ok(()),
        }
    }

    /// Checks that one could connect there, as far as grammar goes.
    ///
    /// # Errors
    /// [`EndpointError::WildcardInConnect`].
    pub fn check_connect(&self) -> Result<(), EndpointError> {
        let definite = match self {
            Endpoint::Tcp(tcp) => tcp.target.is_definite(),
            Endpoint::Ipc(ipc) => *ipc != IpcEndpoint::Wildcard,
            Endpoint::Udp(udp) => udp.target.is_definite(),
            Endpoint::Ws(ws) | Endpoint::Wss(ws) => ws.target.is_definite(),
            Endpoint::Vsock(vsock) => vsock.cid != VsockCid::Any && vsock.port.is_some(),
            Endpoint::Tipc(tipc) => tipc.is_for_connecting(),
            Endpoint::Inproc(_) => true,
        };
        if definite { Ok(()) } else { Err(EndpointError::WildcardInConnect) }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        if text.len() > ENDPOINT_BYTES_MAX {
            return Err(EndpointError::TooLong { len: text.len() });
        }
        if text.contains('\0') {
            return Err(EndpointError::ZeroByte);
        }
        let (transport, address) = text.split_once("://").ok_or(EndpointError::NoTransport)?;
        let parse: fn(&str) -> Result<Endpoint, EndpointError> = match transport {
            "tcp" => parse_tcp,
            "ipc" => |address| parse_ipc(address).map(Endpoint::Ipc),
            "inproc" => parse_inproc,
            "udp" => parse_udp,
            "tipc" => |address| TipcEndpoint::parse(address).map(Endpoint::Tipc),
            "vsock" => |address| parse_vsock(address).map(Endpoint::Vsock),
            "ws" => |address| parse_ws(address).map(Endpoint::Ws),
            "wss" => |address| parse_ws(address).map(Endpoint::Wss),
            "" => return Err(EndpointError::NoTransport),
            _ => return Err(EndpointError::UnknownTransport { transport: transport.to_owned() }),
        };
        if address.is_empty() {
            return Err(EndpointError::MissingAddress);
        }
        parse(address)
    }
}

fn parse_tcp(address: &str) -> Result<Endpoint, EndpointError> {
    let (source, target) = match address.rsplit_once(';') {
        Some((source, target)) => (Some(HostPort::parse(source)?), target),
        None => (None, address),
    };
    Ok(Endpoint::Tcp(TcpEndpoint { source, target: HostPort::parse(target)? }))
}

fn parse_udp(address: &str) -> Result<Endpoint, EndpointError> {
    let (interface, target) = match address.rsplit_once(';') {
        Some((interface, target)) => (Some(Host::parse(interface)?), target),
        None => (None, address),
    };
    Ok(Endpoint::Udp(UdpEndpoint { interface, target: HostPort::parse(target)? }))
}

fn parse_ipc(path: &str) -> Result<IpcEndpoint, EndpointError> {
    if path.len() > IPC_PATH_BYTES_MAX {
        return Err(EndpointError::IpcPathTooLong { len: path.len() });
    }
    match path.strip_prefix('@') {
        _ if path == "*" => Ok(IpcEndpoint::Wildcard),
        Some("") => Err(EndpointError::MissingAddress),
        Some(name) => Ok(IpcEndpoint::Abstract(name.to_owned())),
        None => Ok(IpcEndpoint::Path(path.to_owned())),
    }
}

fn parse_inproc(name: &str) -> Result<Endpoint, EndpointError> {
    if name.len() > INPROC_NAME_BYTES_MAX {
        return Err(EndpointError::InprocNameTooLong { len: name.len() });
    }
    Ok(Endpoint::Inproc(name.to_owned()))
}

fn parse_ws(address: &str) -> Result<WsEndpoint, EndpointError> {
    let (target, path) = match address.find('/') {
        Some(at) => address.split_at(at),
        None => (address, "/"),
    };
    let target = HostPort::parse(target)?;
    // A path goes into an HTTP request line as it is.
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(EndpointError::InvalidHost { host: path.to_owned() });
    }
    Ok(WsEndpoint { target, path: path.to_owned() })
}

fn parse_vsock(address: &str) -> Result<VsockEndpoint, EndpointError> {
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| digits)
    };
    let (cid, port) = address.rsplit_once(':').ok_or(EndpointError::MissingPort)?;
    let cid = match cid {
        "*" => VsockCid::Any,
        "@" => VsockCid::Local,
        _ => VsockCid::Number(number(cid).ok_or_else(|| EndpointError::InvalidCid { cid: cid.to_owned() })?),
    };
    let port = match port {
        "*" => None,
        _ => Some(number(port).ok_or_else(|| EndpointError::InvalidPort { port: port.to_owned() })?),
    };
    Ok(VsockEndpoint { cid, port })
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.transport())?;
        match self {
            Endpoint::Tcp(TcpEndpoint { source: Some(source), target }) => write!(f, "{source};{target}"),
            Endpoint::Tcp(TcpEndpoint { source: None, target }) => write!(f, "{target}"),
            Endpoint::Ipc(IpcEndpoint::Wildcard) => f.write_str("*"),
            Endpoint::Ipc(IpcEndpoint::Path(path)) => f.write_str(path),
            Endpoint::Ipc(IpcEndpoint::Abstract(name)) => write!(f, "@{name}"),
            Endpoint::Inproc(name) => f.write_str(name),
            Endpoint::Tipc(tipc) => write!(f, "{tipc}"),
            Endpoint::Udp(UdpEndpoint { interface: Some(interface), target }) => {
                write!(f, "{interface};{target}")
            }
            Endpoint::Udp(UdpEndpoint { interface: None, target }) => write!(f, "{target}"),
            Endpoint::Vsock(vsock) => {
                match vsock.cid {
                    VsockCid::Any => f.write_str("*")?,
                    VsockCid::Local => f.write_str("@")?,
                    VsockCid::Number(cid) => write!(f, "{cid}")?,
                }
                match vsock.port {
                    None => f.write_str(":*"),
                    Some(port) => write!(f, ":{port}"),
                }
            }
            Endpoint::Ws(ws) | Endpoint::Wss(ws) => write!(f, "{}{}", ws.target, ws.path),
        }
    }
}

#[cfg(test)]
mod tests;
