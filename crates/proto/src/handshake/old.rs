//! Handshakes without a mechanism: ZMTP 1.0 and 2.0, and `ZWS2.0`. Each side says its routing id, and that is all.
//!
//! Taken only where nobody has to show who it is ([`HandshakeConfig::takes_strangers`]), as libzmq does it. Stricter than
//! libzmq: the first frame's flags must be zero, so that what speaks no ZeroMQ at all (an HTTP client, say) is still
//! refused; and a ZMTP 2.0 peer's socket type must go with ours.
//!
//! Sources: RFC 13 (ZMTP 1.0), RFC 15 (2.0), RFC 45 (ZWS 2.0).
//!
//! [`HandshakeConfig::takes_strangers`]: super::HandshakeConfig

use super::{Handshake, PeerProperties, PeerProtocol, Stage};
use crate::error::{PeerIncompatible, PeerMisbehaved, ProtocolError};
use crate::frame::FrameHeader;
use crate::limits::ROUTING_ID_BYTES_MAX;
use crate::reframe::zmtp1::Zmtp1Decoder;
use crate::socket_type::SocketType;

/// What a ZMTP 2.0 peer sends in the place of the major version.
const REVISION_2_0: u8 = 1;

/// The peer's first frame, as far as it is here.
#[derive(Debug)]
pub(super) struct RoutingIdFrame {
    protocol: PeerProtocol,
    /// Told by ZMTP 2.0 only.
    socket_type: SocketType,
    /// ZMTP 1.0 frames another way.
    decoder: Option<Zmtp1Decoder>,
    bytes: Vec<u8>,
}

impl RoutingIdFrame {
    /// Takes one byte; the routing id, when that was the last.
    fn push(&mut self, byte: u8) -> Result<Option<Vec<u8>>, ProtocolError> {
        match &mut self.decoder {
            Some(decoder) => decoder.decode(&[byte], &mut self.bytes)?,
            None => self.bytes.push(byte),
        }
        let Some(header) = FrameHeader::parse(&self.bytes)? else { return Ok(None) };
        if header.more || header.command {
            return Err(PeerMisbehaved::ReservedFrameFlags { flags: byte }.into());
        }
        let length = header.body_len as usize;
        if header.body_len > ROUTING_ID_BYTES_MAX as u64 {
            return Err(PeerMisbehaved::RoutingIdTooLong { len: length }.into());
        }
        let start = usize::from(header.header_len);
        Ok(self.bytes.get(start..start + length).map(<[u8]>::to_vec))
    }
}

impl Handshake {
    /// The greeting was an older peer's, or none. `had`: bytes that the reader had taken before `input` showed it. Says how
    /// much of `input` was taken.
    pub(super) fn go_on_with_old_peer(
        &mut self,
        old: PeerIncompatible,
        had: usize,
    ) -> Result<usize, ProtocolError> {
        let welcome = self.common.config.takes_strangers();
        match old {
            PeerIncompatible::Unversioned { .. } if welcome => {
                // The signature that was sent stands for the head of our frame; its body follows.
                self.output.extend_from_slice(&self.common.config.routing_id);
                self.expect_routing_id(PeerProtocol::Zmtp1, self.common.config.socket_type.usual_peer());
                // Where more than one byte was needed to see it, they are less than the head of a long frame.
                let earlier = self.reader.bytes().get(..had).unwrap_or_default().to_vec();
                self.handle_routing_id(&earlier)?;
                Ok(0)
            }
            PeerIncompatible::OldVersion { revision: REVISION_2_0 } if welcome => {
                self.output.push(self.common.config.socket_type.zmq_number() as u8);
                self.stage = Stage::SocketType;
                Ok(1)
            }
            other => Err(other.into()),
        }
    }

    pub(super) fn handle_socket_type(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let Some(&number) = input.first() else { return Ok(0) };
        let ours = self.common.config.socket_type;
        let theirs = SocketType::from_zmq_number(i32::from(number));
        let theirs = theirs.ok_or(PeerMisbehaved::SocketTypeUnknown { len: 1 })?;
        if !ours.accepts_peer(theirs) {
            return Err(PeerIncompatible::SocketType { ours, theirs }.into());
        }
        self.exchange_routing_ids(PeerProtocol::Zmtp2, theirs);
        Ok(1)
    }

    /// Sends ours, and waits for the peer's.
    pub(super) fn exchange_routing_ids(&mut self, protocol: PeerProtocol, socket_type: SocketType) {
        FrameHeader::append_frame(false, false, &self.common.config.routing_id, &mut self.output);
        self.expect_routing_id(protocol, socket_type);
    }

    fn expect_routing_id(&mut self, protocol: PeerProtocol, socket_type: SocketType) {
        let decoder = (protocol == PeerProtocol::Zmtp1).then(Zmtp1Decoder::new);
        self.stage = Stage::RoutingId(RoutingIdFrame { protocol, socket_type, decoder, bytes: Vec::new() });
    }

    pub(super) fn handle_routing_id(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let Stage::RoutingId(frame) = &mut self.stage else { return Ok(0) };
        for (index, &byte) in input.iter().enumerate() {
            if let Some(routing_id) = frame.push(byte)? {
                self.common.peer = Some(PeerProperties {
                    protocol: frame.protocol,
                    minor_version: 0,
                    socket_type: frame.socket_type,
                    routing_id,
                    properties: Vec::new(),
                });
                self.stage = Stage::Done;
                return Ok(index + 1);
            }
        }
        Ok(input.len())
    }
}
