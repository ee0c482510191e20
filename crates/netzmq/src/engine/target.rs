//! Where a connection is made to, again and again: as it was parsed, not yet resolved.

use std::net::SocketAddr;

use crate::transport::ipc::IpcName;
use crate::transport::services::Service;

/// Where a connecting session connects to.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// `path`: of a WebSocket there.
    Tcp {
        host: String,
        port: u16,
        source: Option<SocketAddr>,
        path: Option<String>,
    },
    Ipc(IpcName),
    Service(Service),
}

impl Target {
    pub(crate) fn endpoint_text(&self) -> String {
        match self {
            Target::Tcp { host, port, path: None, .. } => format!("tcp://{host}:{port}"),
            Target::Tcp { host, port, path: Some(path), .. } => format!("ws://{host}:{port}{path}"),
            Target::Ipc(name) => name.endpoint_text(),
            Target::Service(service) => service.endpoint_text(),
        }
    }
}
