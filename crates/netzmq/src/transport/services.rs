//! TIPC and vsock: stream sockets of the kernel whose addresses are numbers.
//!
//! Where the kernel has no such family, its own error ("address family not supported") comes back. Sources: tipc(7),
//! vsock(7), zmq_tipc(7).

use std::io;
use std::os::fd::OwnedFd;

use netzmq_proto::{TipcEndpoint, VsockCid, VsockEndpoint};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::transport::sys;
use crate::transport::tcp::TcpOptions;

/// What is bound or connected to.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Service {
    Tipc(TipcEndpoint),
    Vsock(VsockEndpoint),
}

const AF_TIPC: u16 = 30;
/// tipc(7): what an address is.
const RANGE: u8 = 1;
const NAME: u8 = 2;
const PORT: u8 = 3;
/// Whom a service is shown to: everybody.
const ZONE_SCOPE: u8 = 1;

const CID_ANY: u32 = u32::MAX;
const PORT_ANY: u32 = u32::MAX;

impl Service {
    /// As endpoints show it.
    pub(crate) fn endpoint_text(&self) -> String {
        match *self {
            Service::Tipc(tipc) => netzmq_proto::Endpoint::Tipc(tipc).to_string(),
            Service::Vsock(vsock) => netzmq_proto::Endpoint::Vsock(vsock).to_string(),
        }
    }

    fn socket(&self) -> io::Result<Socket> {
        let domain = match self {
            Service::Tipc(_) => Domain::from(i32::from(AF_TIPC)),
            Service::Vsock(_) => Domain::VSOCK,
        };
        let socket = Socket::new(domain, Type::STREAM.nonblocking(), None)?;
        socket.set_cloexec(true)?;
        Ok(socket)
    }

    /// The kernel's address; `None` where none is needed to bind.
    fn address(&self) -> io::Result<Option<SockAddr>> {
        match *self {
            // A port of the kernel's choice is what every TIPC socket has.
            Service::Tipc(TipcEndpoint::Any) => Ok(None),
            Service::Tipc(tipc) => sys::tipc_address(tipc_bytes(tipc)).map(Some),
            Service::Vsock(VsockEndpoint { cid, port }) => {
                let cid = match cid {
                    VsockCid::Any => CID_ANY,
                    VsockCid::Local => sys::local_cid(std::fs::File::open("/dev/vsock")?)?,
                    VsockCid::Number(cid) => cid,
                };
                Ok(Some(SockAddr::vsock(cid, port.unwrap_or(PORT_ANY))))
            }
        }
    }
}

/// tipc(7): family, kind, scope, and twelve bytes by the kind, in the machine's own order.
fn tipc_bytes(endpoint: TipcEndpoint) -> [u8; sys::TIPC_BYTES] {
    let (kind, scope, words) = match endpoint {
        TipcEndpoint::Any => (PORT, 0, [0; 3]),
        TipcEndpoint::Range { kind, lower, upper } => (RANGE, ZONE_SCOPE, [kind, lower, upper]),
        TipcEndpoint::Service { kind, instance, domain } => (NAME, 0, [kind, instance, domain]),
        TipcEndpoint::Port { node, reference } => (PORT, 0, [reference, node, 0]),
    };
    let mut bytes = [0; sys::TIPC_BYTES];
    bytes[..2].copy_from_slice(&AF_TIPC.to_ne_bytes());
    bytes[2..4].copy_from_slice(&[kind, scope]);
    for (place, word) in bytes[4..].chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// The name of one end, as the kernel tells it.
fn name(address: &SockAddr) -> Option<Service> {
    if let Some((cid, port)) = address.as_vsock_address() {
        let cid = if cid == CID_ANY { VsockCid::Any } else { VsockCid::Number(cid) };
        return Some(Service::Vsock(VsockEndpoint { cid, port: Some(port) }));
    }
    let bytes = sys::tipc_bytes(address).filter(|_| address.family() == AF_TIPC)?;
    let mut words =
        bytes[4..].chunks_exact(4).filter_map(|word| Some(u32::from_ne_bytes(word.try_into().ok()?)));
    let (reference, node) = (words.next()?, words.next()?);
    Some(Service::Tipc(TipcEndpoint::Port { node, reference }))
}

/// A listening socket, non-blocking, and where: what was a wildcard is a number now.
pub(crate) fn listen(service: &Service, options: &TcpOptions) -> io::Result<(OwnedFd, String)> {
    let socket = service.socket()?;
    if let Some(address) = service.address()? {
        socket.bind(&address)?;
    }
    socket.listen(options.backlog)?;
    let bound = match service {
        // A service keeps its name: the port behind it is nobody's business.
        Service::Tipc(TipcEndpoint::Range { .. }) => *service,
        _ => socket.local_addr().ok().as_ref().and_then(name).unwrap_or(*service),
    };
    Ok((socket.into(), bound.endpoint_text()))
}

/// Starts connecting: the descriptor becomes writable when it is done, one way or the other.
pub(crate) fn connect(service: &Service) -> io::Result<OwnedFd> {
    let socket = service.socket()?;
    let address = service.address()?.ok_or(rustix::io::Errno::INVAL)?;
    match socket.connect(&address) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}

/// Both ends of a connected stream: the peer's address alone, its endpoint, the own one.
pub(crate) fn names(fd: &OwnedFd) -> (String, String, String) {
    let socket = SockRef::from(fd);
    let text = |address: io::Result<SockAddr>| {
        address.ok().as_ref().and_then(name).map(|name| name.endpoint_text()).unwrap_or_default()
    };
    let peer = text(socket.peer_addr());
    (
        peer.split_once("://").map(|(_, address)| address.to_owned()).unwrap_or_default(),
        peer,
        text(socket.local_addr()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the kernel's address holds what tipc(7) says. Method: the bytes, one kind after the other.
    #[test]
    fn tipc_layout() {
        let words = |endpoint| {
            let bytes = tipc_bytes(endpoint);
            let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!(u16::from_ne_bytes([bytes[0], bytes[1]]), 30);
            (bytes[2], bytes[3], [word(4), word(8), word(12)])
        };
        assert_eq!(words(TipcEndpoint::Range { kind: 5, lower: 6, upper: 7 }), (1, 1, [5, 6, 7]));
        assert_eq!(words(TipcEndpoint::Service { kind: 5, instance: 6, domain: 7 }), (2, 0, [5, 6, 7]));
        assert_eq!(words(TipcEndpoint::Port { node: 5, reference: 6 }), (3, 0, [6, 5, 0]));
        let port = Service::Tipc(TipcEndpoint::Port { node: 0x0100_2003, reference: 6 });
        let address = port.address().unwrap().unwrap();
        assert_eq!(name(&address), Some(port));
        assert_eq!(port.endpoint_text(), "tipc://<1.2.3:6>");
    }

    #[test]
    fn vsock_names() {
        let here = Service::Vsock(VsockEndpoint { cid: VsockCid::Number(2), port: Some(99) });
        assert_eq!(name(&here.address().unwrap().unwrap()), Some(here));
        let any = Service::Vsock(VsockEndpoint { cid: VsockCid::Any, port: None });
        assert_eq!(any.address().unwrap().unwrap().as_vsock_address(), Some((CID_ANY, PORT_ANY)));
        assert_eq!(name(&SockAddr::unix("/x").unwrap()), None);
    }
}
