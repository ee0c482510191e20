//! Addresses of TIPC: services by number instead of hosts and ports.
//!
//! Grammar only, as everywhere in this folder. Source: zmq_tipc(7), tipc(7).

use super::EndpointError;
use std::fmt;

/// A TIPC endpoint: what stands behind `tipc://`.
///
/// ```
/// use netzmq_proto::{Endpoint, TipcEndpoint};
/// let endpoint: Endpoint = "tipc://{5560,0}".parse()?;
/// assert_eq!(endpoint, Endpoint::Tipc(TipcEndpoint::Service { kind: 5560, instance: 0, domain: 0 }));
/// # Ok::<(), netzmq_proto::EndpointError>(())
/// ```
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum TipcEndpoint {
    /// `<*>`: a port that the system chooses, to bind.
    Any,
    /// `{type,lower,upper}`: all these instances of a service, to bind.
    Range {
        /// The service.
        kind: u32,
        /// The first instance.
        lower: u32,
        /// The last instance, itself included.
        upper: u32,
    },
    /// `{type,instance}` or `{type,instance}@z.c.n`: whoever is bound to that instance, to connect to.
    Service {
        /// The service.
        kind: u32,
        /// The instance.
        instance: u32,
        /// Where to look: a node, a cluster, a zone; 0 for everywhere, the nearest first.
        domain: u32,
    },
    /// `<z.c.n:reference>`: one port of one node, to connect to.
    Port {
        /// The node.
        node: u32,
        /// Its port.
        reference: u32,
    },
}

impl TipcEndpoint {
    pub(super) fn parse(address: &str) -> Result<TipcEndpoint, EndpointError> {
        Self::read(address).ok_or_else(|| EndpointError::InvalidHost { host: address.to_owned() })
    }

    fn read(address: &str) -> Option<TipcEndpoint> {
        if address == "<*>" {
            return Some(TipcEndpoint::Any);
        }
        if let Some(port) = address.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            let (node, reference) = port.split_once(':')?;
            return Some(TipcEndpoint::Port { node: read_node(node)?, reference: read_number(reference)? });
        }
        let (numbers, domain) = address.strip_prefix('{')?.split_once('}')?;
        let numbers: Vec<u32> = numbers.splitn(4, ',').map(read_number).collect::<Option<_>>()?;
        match (numbers.as_slice(), domain.strip_prefix('@')) {
            (&[kind, lower, upper], None) if domain.is_empty() && lower <= upper => {
                Some(TipcEndpoint::Range { kind, lower, upper })
            }
            (&[kind, instance], None) if domain.is_empty() => {
                Some(TipcEndpoint::Service { kind, instance, domain: 0 })
            }
            (&[kind, instance], Some(domain)) => {
                Some(TipcEndpoint::Service { kind, instance, domain: read_node(domain)? })
            }
            _ => None,
        }
    }

    /// One can bind there.
    pub(super) const fn is_for_binding(self) -> bool {
        matches!(self, TipcEndpoint::Any | TipcEndpoint::Range { .. })
    }

    /// One can connect there.
    pub(super) const fn is_for_connecting(self) -> bool {
        matches!(self, TipcEndpoint::Service { .. } | TipcEndpoint::Port { .. })
    }
}

fn read_number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// `zone.cluster.node`, in 8, 12 and 12 bits.
fn read_node(text: &str) -> Option<u32> {
    let mut parts = text.splitn(4, '.').map(read_number);
    let (zone, cluster, node) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = zone < 1 << 8 && cluster < 1 << 12 && node < 1 << 12 && parts.next().is_none();
    fits.then_some(zone << 24 | cluster << 12 | node)
}

struct Node(u32);

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0 >> 24, self.0 >> 12 & 0xFFF, self.0 & 0xFFF)
    }
}

impl fmt::Display for TipcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            TipcEndpoint::Any => f.write_str("<*>"),
            TipcEndpoint::Range { kind, lower, upper } => write!(f, "{{{kind},{lower},{upper}}}"),
            TipcEndpoint::Service { kind, instance, domain: 0 } => write!(f, "{{{kind},{instance}}}"),
            TipcEndpoint::Service { kind, instance, domain } => {
                write!(f, "{{{kind},{instance}}}@{}", Node(domain))
            }
            TipcEndpoint::Port { node, reference } => write!(f, "<{}:{reference}>", Node(node)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let node = 1 << 24 | 2 << 12 | 3;
        for (text, is) in [
            ("<*>", TipcEndpoint::Any),
            ("{5560,0,7}", TipcEndpoint::Range { kind: 5560, lower: 0, upper: 7 }),
            ("{5560,4}", TipcEndpoint::Service { kind: 5560, instance: 4, domain: 0 }),
            ("{5560,4}@1.2.3", TipcEndpoint::Service { kind: 5560, instance: 4, domain: node }),
            ("<1.2.3:99>", TipcEndpoint::Port { node, reference: 99 }),
        ] {
            assert_eq!(TipcEndpoint::parse(text), Ok(is));
            assert_eq!(is.to_string(), text);
            assert_ne!(is.is_for_binding(), is.is_for_connecting());
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "*",
            "{}",
            "{1}",
            "{1,2",
            "{1,2}x",
            "{1,2}@1.2",
            "{1,9,2}",
            "{1,2,3}@1.2.3",
            "{1,2,3,4}",
            "{1,-2}",
            "{1,4294967296}",
            "<>",
            "<1.2.3>",
            "<1.2:3>",
            "<256.0.0:1>",
            "<1.4096.0:1>",
            "<1.2.3.4:1>",
            "{1, 2}",
        ] {
            assert!(TipcEndpoint::parse(text).is_err(), "{text}");
        }
    }
}
