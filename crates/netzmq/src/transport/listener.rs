//! A listening socket: accepts streams, and cleans up behind itself.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::SocketFlags;

use crate::transport::ipc::{self, FileNumber, IpcName};
use crate::transport::services;
use crate::transport::stream::{Stream, Web};
use crate::transport::tcp::{self, TcpOptions};
use crate::transport::tls::Acceptor;

/// What is listened on.
#[derive(Debug)]
pub(crate) enum Address {
    Tcp,
    /// TCP, with an upgrade to WebSockets first, and TLS before that.
    Web(Option<Acceptor>),
    Ipc {
        name: Option<IpcName>,
        wildcard: bool,
        file: Option<FileNumber>,
    },
    /// TIPC or vsock.
    Service,
}

/// Accepts connections on one bound endpoint. Dropping it closes the descriptor and removes an ipc path.
#[derive(Debug)]
pub(crate) struct Listener {
    fd: OwnedFd,
    address: Address,
    /// The endpoint with wildcards resolved.
    pub(crate) endpoint: String,
}

impl Listener {
    pub(crate) fn new(fd: OwnedFd, address: Address, endpoint: String) -> Listener {
        Listener { fd, address, endpoint }
    }

    /// The next waiting connection, tuned; `None` when there is none now.
    pub(crate) fn accept(&self, options: &TcpOptions) -> io::Result<Option<Stream>> {
        let fd = loop {
            match rustix::net::accept_with(&self.fd, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(fd) if self.admits(&fd, options) => break fd,
                // Turned away: closed without a word.
                Ok(_) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        };
        Ok(Some(match &self.address {
            Address::Tcp | Address::Web(_) => {
                tcp::tune(&fd, options)?;
                let (peer_address, peer_endpoint, local) = tcp::names(&fd);
                let stream = Stream::new(fd, peer_address, peer_endpoint, local);
                match &self.address {
                    Address::Web(None) => stream.with_web(Web::Server),
                    Address::Web(Some(tls)) => stream.with_web(Web::Server).with_tls(tls.begin()?),
                    _ => stream,
                }
            }
            Address::Service => {
                let (peer_address, peer_endpoint, local) = services::names(&fd);
                Stream::new(fd, peer_address, peer_endpoint, local)
            }
            Address::Ipc { .. } => {
                let text = match ipc::peer_credentials(&fd) {
                    // The form that libzmq gives: what stands for the address of a Unix socket, then user, group, process.
                    Ok((pid, uid, gid)) => format!("localhost:{uid}:{gid}:{pid}"),
                    Err(_) => String::new(),
                };
                Stream::new(fd, text, self.endpoint.clone(), self.endpoint.clone())
            }
        }))
    }
}

impl Listener {
    fn admits(&self, fd: &OwnedFd, options: &TcpOptions) -> bool {
        match &self.address {
            Address::Tcp | Address::Web(_) => {
                let peer = socket2::SockRef::from(fd).peer_addr().ok().and_then(|peer| peer.as_socket());
                options.accept.pass_address(peer.map(|peer| peer.ip()))
            }
            // Neither an internet address nor a process to be asked about: the filters are for those.
            Address::Service => true,
            Address::Ipc { .. } => options.accept.pass_process(ipc::peer_credentials(fd).ok()),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Ipc { name: Some(name), wildcard, file } = &self.address {
            ipc::unlink(name, *wildcard, *file);
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
