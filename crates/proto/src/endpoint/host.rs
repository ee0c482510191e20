//! Hosts and ports, as `tcp`, `udp` and `ws` endpoints write them.
//!
//! Nothing is resolved here: whether a name is an interface or a DNS name, and which address it has, is found out
//! by whoever binds or connects.

use super::EndpointError;
use crate::limits::HOST_BYTES_MAX;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The host part of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// `*`: every local address.
    Any,
    /// An address.
    Ip {
        /// The address itself.
        address: IpAddr,
        /// The text behind `%` of an IPv6 address: an interface's name or index.
        scope: Option<String>,
    },
    /// A name: of an interface where one binds or names a source, else of an interface or of a host.
    Name(String),
}

/// The port part of an endpoint.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum Port {
    /// `*` or `0`: whichever is free.
    Wildcard,
    /// 1 to 65535.
    Number(u16),
}

impl Port {
    /// The number for the kernel: 0 for a wildcard.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Port::Wildcard => 0,
            Port::Number(number) => number,
        }
    }

    /// The port with this number; 0 is the wildcard.
    #[must_use]
    pub const fn from_number(number: u16) -> Port {
        if number == 0 { Port::Wildcard } else { Port::Number(number) }
    }

    pub(super) fn parse(text: &str) -> Result<Port, EndpointError> {
        let invalid = || EndpointError::InvalidPort { port: text.to_owned() };
        match text {
            "" => Err(EndpointError::MissingPort),
            "*" => Ok(Port::Wildcard),
            // `u16::from_str` would take a plus sign.
            _ if !text.bytes().all(|byte| byte.is_ascii_digit()) => Err(invalid()),
            _ => text.parse().map(Port::from_number).map_err(|_| invalid()),
        }
    }
}

impl Host {
    pub(super) fn parse(text: &str) -> Result<Host, EndpointError> {
        let invalid = || EndpointError::InvalidHost { host: text.to_owned() };
        if text.len() > HOST_BYTES_MAX {
            return Err(EndpointError::HostTooLong { len: text.len() });
        }
        if text == "*" {
            return Ok(Host::Any);
        }
        let bracketed = text.starts_with('[') || text.ends_with(']');
        let bare = if bracketed {
            text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or_else(invalid)?
        } else {
            text
        };
        let (address, scope) = match bare.split_once('%') {
            Some((address, scope)) => (address, Some(scope)),
            None => (bare, None),
        };
        if let Ok(address) = address.parse::<Ipv6Addr>() {
            if scope.is_some_and(|scope| !is_name(scope)) {
                return Err(invalid());
            }
            let host = Host::Ip { address: address.into(), scope: scope.map(str::to_owned) };
            // It is shown with brackets, and in its own spelling: what is shown must be short enough to be read again.
            let len = if scope.is_some() { host.to_string().len() } else { 0 };
            return if len > HOST_BYTES_MAX { Err(EndpointError::HostTooLong { len }) } else { Ok(host) };
        }
        if bracketed || scope.is_some() {
            return Err(invalid());
        }
        match address.parse::<IpAddr>() {
            Ok(address) => Ok(Host::Ip { address, scope: None }),
            Err(_) if is_name(text) => Ok(Host::Name(text.to_owned())),
            Err(_) => Err(invalid()),
        }
    }
}

/// What a DNS name or an interface may be spelled with; a colon for Linux's alias interfaces (`eth0:1`).
fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte) || byte >= 0x80;
    !text.is_empty() && text.bytes().all(legal)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Any => f.write_str("*"),
            Host::Ip { address: IpAddr::V4(address), .. } => write!(f, "{address}"),
            Host::Ip { address, scope: None } => write!(f, "[{address}]"),
            Host::Ip { address, scope: Some(scope) } => write!(f, "[{address}%{scope}]"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Port::Wildcard => f.write_str("*"),
            Port::Number(number) => write!(f, "{number}"),
        }
    }
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Where.
    pub host: Host,
    /// Which.
    pub port: Port,
}

impl HostPort {
    /// The last colon separates, as in libzmq, so an IPv6 address needs no brackets.
    pub(super) fn parse(text: &str) -> Result<HostPort, EndpointError> {
        let (host, port) = text.rsplit_once(':').ok_or(EndpointError::MissingPort)?;
        if host.is_empty() {
            return Err(EndpointError::MissingHost);
        }
        // `[::1]` alone: the last colon is inside the brackets.
        if port.ends_with(']') {
            return Err(EndpointError::MissingPort);
        }
        Ok(HostPort { host: Host::parse(host)?, port: Port::parse(port)? })
    }

    /// True if neither part is a wildcard, so that one can connect there.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        self.host != Host::Any && self.port != Port::Wildcard
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> HostPort {
        let scope = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(v6.scope_id().to_string()),
            _ => None,
        };
        HostPort { host: Host::Ip { address: address.ip(), scope }, port: Port::from_number(address.port()) }
    }
}
