//! TLS below a WebSocket, for the transport `wss`. Without the feature of that name all of this is nothing, and `wss` is
//! refused.
//!
//! A [`Tls`] is one connection's; it stands between the codec and the kernel. An [`Acceptor`] makes those of a bound endpoint, a
//! [`Connector`] those of a connected one; both are made of [`TlsOptions`], by the caller that binds or connects: what is
//! wrong with a key or certificate is told there, and no I/O thread reads files.

#[cfg(feature = "wss")]
mod session;
#[cfg(feature = "wss")]
mod settings;
#[cfg(feature = "wss")]
mod trust;

#[cfg(not(feature = "wss"))]
mod absent;

#[cfg(not(feature = "wss"))]
pub(crate) use absent::{Acceptor, Connector, IS_BUILT_IN, Tls, TlsOptions};
#[cfg(feature = "wss")]
pub(crate) use session::Tls;
#[cfg(feature = "wss")]
pub(crate) use settings::{Acceptor, Connector, TlsOptions};

/// There is a transport `wss`.
#[cfg(feature = "wss")]
pub(crate) const IS_BUILT_IN: bool = true;
