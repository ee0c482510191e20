//! Every bound of this crate, each with its reason.
//!
//! A peer can never make this crate hold more than these numbers allow: buffers grow with the bytes that have
//! arrived, never with a length that a peer merely claims. Limits that belong to a connection's owner (handshake
//! time, message size, subscriptions per peer, commands per second) are not here, because this crate has no clock
//! and no queue.

/// Bytes of a ZMTP 3.x greeting: signature 10, version 2, mechanism 20, as-server 1, filler 31.
pub const GREETING_BYTES: usize = 64;

/// Bytes of the signature that opens a greeting.
pub const SIGNATURE_BYTES: usize = 10;

/// Longest body of one command, in a handshake or in traffic (a SUBSCRIBE's topic included): 64 KiB.
///
/// Application metadata and topics are the only parts without a natural size. libzmq bounds neither; real ones are
/// a few hundred bytes, and this is the size of one receive chunk.
pub const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// Bytes that one peer may make us take in before it is authenticated: a greeting and the three longest
/// commands of any mechanism, with their frame headers. No mechanism here takes in more than two commands, so
/// reaching this means that the state machine itself is wrong; the caller may use it to size its read-ahead.
pub const HANDSHAKE_BYTES_MAX: usize = GREETING_BYTES + 3 * (9 + COMMAND_BYTES_MAX);

/// Bytes of the HTTP request or answer that opens a WebSocket: what common servers allow, and far more than the 200 to
/// 500 that programs and browsers send.
pub const HTTP_HEAD_BYTES_MAX: usize = 8 * 1024;

/// Header lines of such a request or answer: browsers behind proxies send about 30.
pub const HTTP_HEADERS_MAX: usize = 64;

/// Properties in one metadata block. The standard defines four; the rest are an application's.
pub const PROPERTIES_MAX: usize = 64;

/// Bytes of a property's name: one length byte on the wire.
pub const PROPERTY_NAME_BYTES_MAX: usize = 255;

/// Bytes of a routing id: one length byte in the older protocols, and libzmq's limit since.
pub const ROUTING_ID_BYTES_MAX: usize = 255;

/// Bytes of a PLAIN user name, and of a password: one length byte each on the wire.
pub const PLAIN_CREDENTIAL_BYTES_MAX: usize = 255;

/// Bytes of an ERROR command's reason: one length byte on the wire.
pub const ERROR_REASON_BYTES_MAX: usize = 255;

/// Bytes of a PING's context, which the PONG echoes (ZMTP 3.1 says 0 to 16).
pub const PING_CONTEXT_BYTES_MAX: usize = 16;

/// Bytes of a RADIO/DISH group's name: libzmq's `ZMQ_GROUP_MAX_LENGTH`.
pub const GROUP_BYTES_MAX: usize = 255;

/// Bytes of an endpoint's host or interface name: a DNS name has at most 253, an interface name at most 15.
pub const HOST_BYTES_MAX: usize = 255;

/// Bytes of an `inproc` name: what libzmq's documentation allows.
pub const INPROC_NAME_BYTES_MAX: usize = 256;

/// Bytes of an `ipc` path or abstract name: the kernel's `sun_path` holds 108 with the final or the leading zero.
pub const IPC_PATH_BYTES_MAX: usize = 107;

/// Bytes of a whole endpoint text: no transport's longest form needs more, and it bounds what an error repeats.
pub const ENDPOINT_BYTES_MAX: usize = 1024;

/// Bytes in one frame of a ZAP reply (user id, status text, metadata). The handler is ours, but its replies may
/// carry what a peer sent.
pub const ZAP_FRAME_BYTES_MAX: usize = COMMAND_BYTES_MAX;
