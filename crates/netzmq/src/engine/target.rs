//! Where a connection is made to, again and again: as it was parsed, not yet resolved.

use std::net::SocketAddr;

use crate::transport::ipc::IpcName;
use crate::transport::services::Service;
use crate::transport::tls::Connector;

/// Where a connecting session connects to.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// Perhaps of a WebSocket there.
    Tcp {
        host: String,
        port: u16,
        source: Option<SocketAddr>,
        web: Option<WebTarget>,
    },
    Ipc(IpcName),
    Service(Service),
}

/// A WebSocket on a server, perhaps over TLS.
#[derive(Debug, Clone)]
pub(crate) struct WebTarget {
    pub(crate) path: String,
    pub(crate) tls: Option<Connector>,
}

impl Target {
    pub(crate) fn endpoint_text(&self) -> String {
        match self {
            Target::Tcp { host, port, web: None, .. } => format!("tcp://{host}:{port}"),
            Target::Tcp { host, port, web: Some(WebTarget { path, tls }), .. } => {
                let scheme = if tls.is_some() { "wss" } else { "ws" };
                format!("{scheme}://{host}:{port}{path}")
            }
            Target::Ipc(name) => name.endpoint_text(),
            Target::Service(service) => service.endpoint_text(),
        }
    }
}
