//! Bounds on what a peer may take of this side before it is dropped, and why each is what it is by default.

use netzmq_proto::limits;

/// What peers may ask of a socket, besides message sizes and high-water marks. 0: no limit.
#[derive(Debug, Copy, Clone)]
pub(crate) struct PeerLimits {
    pub(crate) message_parts: usize,
    pub(crate) handshake_bytes: usize,
    pub(crate) handshakes: usize,
    pub(crate) connections: usize,
    pub(crate) commands_per_second: usize,
    pub(crate) read_ahead: usize,
}

impl Default for PeerLimits {
    fn default() -> PeerLimits {
        PeerLimits {
            // A hundred times what anybody is known to send.
            message_parts: 65_536,
            handshake_bytes: limits::HANDSHAKE_BYTES_MAX,
            // An honest handshake is over in milliseconds: so many at once are a flood, or a restart of a large network,
            // which comes back.
            handshakes: 1000,
            connections: 0,
            // An honest peer sends a PING every few milliseconds at the very most.
            commands_per_second: 10_000,
            read_ahead: 0,
        }
    }
}
