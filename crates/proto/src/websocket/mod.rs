//! ZeroMQ over WebSockets: the HTTP upgrade, and each ZMTP frame as one binary frame.
//!
//! A binary frame's payload is a byte of flags (1: more parts follow, 2: a command), then the part. With the
//! sub-protocols `ZWS2.0/NULL`, `/PLAIN` and `/CURVE` the mechanism's commands come first, without a greeting; with
//! plain `ZWS2.0` each side sends its routing id and nothing else. Heartbeats are the WebSocket's own pings, outside of
//! any encryption.
//!
//! Never here: TLS, text frames (refused), extensions (none are offered, and their bits are refused).
//!
//! Sources: RFC 6455 (WebSocket), ZeroMQ's RFC 45 (ZWS 2.0), and what libzmq 4.3.5 sends and takes. Beyond libzmq, a
//! message in fragments is put together again.

mod decoder;
mod encoder;
mod upgrade;

pub use decoder::WsDecoder;
pub use encoder::WsEncoder;
pub use upgrade::{WsProtocol, WsUpgrade};

/// Bits of a payload's first byte.
const MORE: u8 = 1;
const COMMAND: u8 = 2;

/// Bits and opcodes of a frame's first bytes.
const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// A control frame's payload has at most so many bytes.
const CONTROL_MAX: usize = 125;

/// Masks, or unmasks, bytes of which the first is at `position` in the payload.
fn apply_mask(mask: [u8; 4], position: u64, bytes: &mut [u8]) {
    let mut turned = mask;
    turned.rotate_left((position % 4) as usize);
    let wide = u64::from_ne_bytes([
        turned[0], turned[1], turned[2], turned[3], turned[0], turned[1], turned[2], turned[3],
    ]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(turned.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests;
