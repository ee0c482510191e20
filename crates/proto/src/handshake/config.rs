//! What a handshake must know beforehand, and the metadata block that follows from it.
//!
//! Plain data: whoever holds the socket's options fills it in for each connection. Invariant: what passes
//! [`HandshakeConfig::check`] can be put on the wire by every mechanism.

use crate::error::ConfigError;
use crate::limits::{COMMAND_BYTES_MAX, PROPERTIES_MAX, ROUTING_ID_BYTES_MAX};
use crate::mechanism::MechanismConfig;
use crate::metadata::{IDENTITY, SOCKET_TYPE, append_property};
use crate::socket_type::SocketType;
use std::fmt;
use zeroize::Zeroizing;

/// What a handshake begins with.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, Default)]
pub enum Opening {
    /// ZMTP's greeting. Peers of ZMTP 1.0 and 2.0 are told by it, and taken as libzmq takes them: without security only.
    #[default]
    Greeting,
    /// The mechanism's first command: who the peer is, is known from elsewhere (`ZWS2.0/NULL` and its like).
    Mechanism,
    /// A frame with the routing id, and nothing else (`ZWS2.0`).
    RoutingId,
}

/// Everything that a handshake must know beforehand.
#[derive(Clone)]
pub struct HandshakeConfig {
    /// Our socket's type.
    pub socket_type: SocketType,
    /// Our routing id, at most 255 bytes; empty if we have none. Sent by REQ, DEALER and ROUTER only.
    pub routing_id: Vec<u8>,
    /// Mechanism, side and secrets.
    pub mechanism: MechanismConfig,
    /// The application's own properties; libzmq wants their names to begin with `X-`.
    pub metadata: Vec<(String, Vec<u8>)>,
    /// Ask a ZAP handler before the peer is let in. PLAIN servers always do.
    pub zap: bool,
    /// The domain for the ZAP request.
    pub zap_domain: String,
    /// The peer's address for the ZAP request.
    pub peer_address: String,
    /// What comes first.
    pub opening: Opening,
    /// Our minor version: 1, or 0 to appear as a ZMTP 3.0 peer.
    pub minor_version: u8,
    /// Randomness for keys and nonces: fresh from the operating system for every connection. Only CURVE uses it;
    /// all zeros otherwise is fine.
    pub seed: Zeroizing<[u8; 32]>,
}

impl HandshakeConfig {
    /// A socket type and a mechanism, and defaults for the rest: no routing id, no metadata, no ZAP, ZMTP 3.1, and a
    /// seed of zeros, **which a CURVE connection must replace**.
    #[must_use]
    pub fn new(socket_type: SocketType, mechanism: MechanismConfig) -> HandshakeConfig {
        HandshakeConfig {
            socket_type,
            routing_id: Vec::new(),
            mechanism,
            metadata: Vec::new(),
            zap: false,
            zap_domain: String::new(),
            peer_address: String::new(),
            opening: Opening::Greeting,
            minor_version: 1,
            seed: Zeroizing::default(),
        }
    }

    /// Checks what could not be put on the wire: for the place where options are set.
    ///
    /// # Errors
    /// The first setting that is too long, misspelt or there twice.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.mechanism.check()?;
        self.own_metadata().map(drop)
    }

    /// Peers that can't show who they are may come in.
    #[must_use]
    pub fn takes_strangers(&self) -> bool {
        matches!(self.mechanism, MechanismConfig::Null) && self.zap_domain.is_empty() && !self.zap
    }

    pub(super) fn own_metadata(&self) -> Result<Vec<u8>, ConfigError> {
        if self.routing_id.len() > ROUTING_ID_BYTES_MAX {
            return Err(ConfigError::RoutingIdTooLong { len: self.routing_id.len() });
        }
        let mut block = Vec::new();
        append_property(SOCKET_TYPE, self.socket_type.as_str().as_bytes(), &mut block)?;
        if self.socket_type.sends_routing_id() {
            append_property(IDENTITY, &self.routing_id, &mut block)?;
        }
        for (index, (name, value)) in self.metadata.iter().enumerate() {
            let same = |other: &str| other.eq_ignore_ascii_case(name);
            let earlier = self.metadata.iter().take(index).any(|(other, _)| same(other));
            if earlier || [SOCKET_TYPE, IDENTITY].into_iter().any(same) {
                return Err(ConfigError::PropertyDuplicate { index });
            }
            append_property(name, value, &mut block)?;
        }
        // Two properties of our own, and room for a mechanism's keys around the block.
        let properties = self.metadata.len() + 2;
        if properties > PROPERTIES_MAX || block.len() > COMMAND_BYTES_MAX - 512 {
            return Err(ConfigError::MetadataTooLarge { properties, bytes: block.len() });
        }
        Ok(block)
    }
}

/// Shows no secret and no seed.
impl fmt::Debug for HandshakeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandshakeConfig")
            .field("socket_type", &self.socket_type)
            .field("routing_id", &self.routing_id)
            .field("mechanism", &self.mechanism)
            .field("zap", &self.zap)
            .finish_non_exhaustive()
    }
}
