//! Commands: the frames that two engines say to each other, rather than two applications.
//!
//! [`Command`] is a zero-copy view of a command frame's *body* in traffic; the `encode_*` functions append whole
//! frames. The commands of a handshake (HELLO, WELCOME, INITIATE) belong to the mechanisms and come out as
//! [`Command::Unknown`] here. Nothing here decides what a command does.
//!
//! Invariants: a parsed PING or PONG has at most 16 bytes of context (a longer PING's is cut, a longer PONG is refused),
//! and a PING has its whole time to live (libzmq 4.3 does not check that and echoes stale bytes). A body longer than [`COMMAND_BYTES_MAX`] is refused, except for a
//! CURVE MESSAGE, whose size is the application's.
//!
//! Sources: RFC 37, "Commands", for PING, PONG, SUBSCRIBE, CANCEL; RFC 48 for JOIN and LEAVE; RFC 25 for MESSAGE.

use crate::error::{CommandName, PeerMisbehaved, ProtocolError};
use crate::frame::FrameHeader;
use crate::limits::{COMMAND_BYTES_MAX, ERROR_REASON_BYTES_MAX, PING_CONTEXT_BYTES_MAX};
use crate::metadata::Metadata;

/// A command, read from a frame's body.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// The handshake's last word: the peer's metadata. Never legal in traffic.
    Ready(Metadata<'a>),
    /// The peer refuses; the connection is over. The reason is at most 255 bytes.
    Error(&'a [u8]),
    /// A heartbeat, to be answered by a PONG with the same context.
    Ping {
        /// For how long the peer wants to be believed alive, in tenths of a second; 0 means no promise.
        ttl_tenths: u16,
        /// At most 16 bytes.
        context: &'a [u8],
    },
    /// A heartbeat's answer.
    Pong {
        /// The PING's context.
        context: &'a [u8],
    },
    /// Subscribe to a topic prefix (ZMTP 3.1).
    Subscribe(&'a [u8]),
    /// Take back one subscription (ZMTP 3.1).
    Cancel(&'a [u8]),
    /// DISH joins a group.
    Join(&'a [u8]),
    /// DISH leaves a group.
    Leave(&'a [u8]),
    /// A CURVE box of traffic: nonce and box, without the name.
    Message(&'a [u8]),
    /// A name we have no use for. libzmq ignores those, and so should the caller.
    Unknown {
        /// 1 to 255 bytes.
        name: &'a [u8],
        /// What follows the name.
        body: &'a [u8],
    },
}

impl<'a> Command<'a> {
    /// Reads a command from the body of a command frame.
    ///
    /// # Errors
    /// No complete name, a body longer than 64 KiB, a malformed READY or ERROR, a PING or PONG of a wrong size.
    ///
    /// ```
    /// use netzmq_proto::Command;
    /// let ping = Command::parse(b"\x04PING\x00\x0ahello")?;
    /// assert_eq!(ping, Command::Ping { ttl_tenths: 10, context: b"hello" });
    /// # Ok::<(), netzmq_proto::ProtocolError>(())
    /// ```
    #[inline]
    pub fn parse(body: &'a [u8]) -> Result<Command<'a>, ProtocolError> {
        let (name, rest) = split_name(body)?;
        if body.len() > COMMAND_BYTES_MAX && name != b"MESSAGE" {
            return Err(PeerMisbehaved::CommandTooLong {
                len: body.len() as u64,
                max: COMMAND_BYTES_MAX as u64,
            }
            .into());
        }
        Ok(match name {
            b"MESSAGE" => Command::Message(rest),
            b"PING" => {
                let malformed =
                    PeerMisbehaved::MalformedCommand { command: CommandName::Ping, len: body.len() };
                let (ttl, context) = rest.split_first_chunk::<2>().ok_or(malformed)?;
                // Longer ones are against the rules; libzmq cuts them, and answers with what is left.
                let context = clipped(context, PING_CONTEXT_BYTES_MAX);
                Command::Ping { ttl_tenths: u16::from_be_bytes(*ttl), context }
            }
            b"PONG" => {
                check_context(CommandName::Pong, rest)?;
                Command::Pong { context: rest }
            }
            b"SUBSCRIBE" => Command::Subscribe(rest),
            b"CANCEL" => Command::Cancel(rest),
            b"JOIN" => Command::Join(rest),
            b"LEAVE" => Command::Leave(rest),
            b"READY" => Command::Ready(Metadata::parse(rest)?),
            b"ERROR" => Command::Error(parse_error(body, rest)?),
            _ => Command::Unknown { name, body: rest },
        })
    }
}

/// Splits a command's body into its name and what follows.
pub(crate) fn split_name(body: &[u8]) -> Result<(&[u8], &[u8]), PeerMisbehaved> {
    body.split_first()
        .filter(|&(&len, _)| len != 0)
        .and_then(|(&len, rest)| rest.split_at_checked(usize::from(len)))
        .ok_or(PeerMisbehaved::MalformedCommandName { len: body.len() })
}

/// The reason of an ERROR command. Bytes behind it are ignored, as libzmq does.
pub(crate) fn parse_error<'a>(body: &[u8], rest: &'a [u8]) -> Result<&'a [u8], PeerMisbehaved> {
    rest.split_first()
        .and_then(|(&len, reason)| reason.get(..usize::from(len)))
        .ok_or(PeerMisbehaved::MalformedCommand { command: CommandName::Error, len: body.len() })
}

fn check_context(command: CommandName, context: &[u8]) -> Result<(), PeerMisbehaved> {
    if context.len() > PING_CONTEXT_BYTES_MAX {
        return Err(PeerMisbehaved::ContextTooLong { command, len: context.len() });
    }
    Ok(())
}

/// Appends a command frame: `name`, then the pieces of its body.
///
/// `name` is one of ours: 1 to 255 bytes.
#[expect(clippy::indexing_slicing, reason = "`encode` says how much of `header` it wrote")]
pub(crate) fn append_command(name: &str, pieces: &[&[u8]], out: &mut Vec<u8>) {
    debug_assert!((1..=255).contains(&name.len()));
    let body_len = 1 + name.len() + pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let mut header = [0; FrameHeader::MAX_LEN];
    let header_len = FrameHeader::encode(false, true, body_len as u64, &mut header);
    out.reserve(header_len + body_len);
    out.extend_from_slice(&header[..header_len]);
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// Appends a PING frame. `ttl_tenths` is in tenths of a second; of `context` at most 16 bytes are sent.
pub fn encode_ping(ttl_tenths: u16, context: &[u8], out: &mut Vec<u8>) {
    append_command("PING", &[&ttl_tenths.to_be_bytes(), clipped(context, PING_CONTEXT_BYTES_MAX)], out);
}

/// Appends a PONG frame, with the PING's context.
pub fn encode_pong(context: &[u8], out: &mut Vec<u8>) {
    append_command("PONG", &[clipped(context, PING_CONTEXT_BYTES_MAX)], out);
}

/// Appends a SUBSCRIBE frame (for ZMTP 3.1 peers; an older one gets a message of `0x01` and the topic).
pub fn encode_subscribe(topic: &[u8], out: &mut Vec<u8>) {
    append_command("SUBSCRIBE", &[topic], out);
}

/// Appends a CANCEL frame (for ZMTP 3.1 peers; an older one gets a message of `0x00` and the topic).
pub fn encode_cancel(topic: &[u8], out: &mut Vec<u8>) {
    append_command("CANCEL", &[topic], out);
}

/// Appends a SUBSCRIBE frame, or a CANCEL frame if `subscribe` is false.
pub fn encode_subscription(subscribe: bool, topic: &[u8], out: &mut Vec<u8>) {
    if subscribe { encode_subscribe(topic, out) } else { encode_cancel(topic, out) }
}

/// Appends a JOIN frame.
pub fn encode_join(group: &[u8], out: &mut Vec<u8>) {
    append_command("JOIN", &[group], out);
}

/// Appends a LEAVE frame.
pub fn encode_leave(group: &[u8], out: &mut Vec<u8>) {
    append_command("LEAVE", &[group], out);
}

/// Appends an ERROR frame; of `reason` at most 255 bytes are sent.
pub fn encode_error(reason: &[u8], out: &mut Vec<u8>) {
    let reason = clipped(reason, ERROR_REASON_BYTES_MAX);
    append_command("ERROR", &[&[reason.len() as u8], reason], out);
}

fn clipped(bytes: &[u8], max: usize) -> &[u8] {
    bytes.get(..max).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(frame: &[u8]) -> &[u8] {
        let header = FrameHeader::parse(frame).unwrap().unwrap();
        assert!(header.command && !header.more);
        let body = &frame[usize::from(header.header_len)..];
        assert_eq!(body.len() as u64, header.body_len);
        body
    }

    #[test]
    fn known_bytes() {
        let mut out = Vec::new();
        encode_ping(600, b"ctx", &mut out);
        assert_eq!(out, b"\x04\x0a\x04PING\x02\x58ctx");
        out.clear();
        encode_subscribe(b"", &mut out);
        assert_eq!(out, b"\x04\x0a\x09SUBSCRIBE");
        out.clear();
        encode_error(b"400", &mut out);
        assert_eq!(out, b"\x04\x0a\x05ERROR\x03400");
    }

    #[test]
    fn heartbeats_are_checked() {
        assert_eq!(
            Command::parse(b"\x04PING\x01"),
            Err(PeerMisbehaved::MalformedCommand { command: CommandName::Ping, len: 6 }.into())
        );
        let ping = [b"\x04PING\0\0", &[7u8; 17][..]].concat();
        assert_eq!(Command::parse(&ping).unwrap(), Command::Ping { ttl_tenths: 0, context: &[7; 16] });
        let pong = [b"\x04PONG", &[7u8; 17][..]].concat();
        assert!(Command::parse(&pong).is_err());
        assert_eq!(
            Command::parse(&ping[..ping.len() - 1]).unwrap(),
            Command::Ping { ttl_tenths: 0, context: &[7; 16] }
        );
        assert_eq!(Command::parse(b"\x04PONG").unwrap(), Command::Pong { context: b"" });
    }

    #[test]
    fn names_and_sizes() {
        for bytes in [&b""[..], b"\0", b"\0abc", b"\x05abc"] {
            let error = PeerMisbehaved::MalformedCommandName { len: bytes.len() };
            assert_eq!(Command::parse(bytes), Err(error.into()));
        }
        assert_eq!(Command::parse(b"\x03FOObar").unwrap(), Command::Unknown { name: b"FOO", body: b"bar" });
        assert_eq!(Command::parse(b"\x05ERROR\x03400junk").unwrap(), Command::Error(b"400"));
        assert!(Command::parse(b"\x05ERROR\x04400").is_err());
        assert!(Command::parse(b"\x05ERROR").is_err());
        let mut long = b"\x09SUBSCRIBE".to_vec();
        long.resize(COMMAND_BYTES_MAX, b'x');
        assert!(Command::parse(&long).is_ok());
        long.push(b'x');
        let error = PeerMisbehaved::CommandTooLong { len: long.len() as u64, max: COMMAND_BYTES_MAX as u64 };
        assert_eq!(Command::parse(&long), Err(error.into()));
        long[..8].copy_from_slice(b"\x07MESSAGE");
        assert!(matches!(Command::parse(&long), Ok(Command::Message(_))));
    }

    proptest! {
        #[test]
        fn encode_then_parse(topic in prop::collection::vec(any::<u8>(), 0..400), ttl: u16) {
            let mut out = Vec::new();
            encode_subscribe(&topic, &mut out);
            prop_assert_eq!(Command::parse(body(&out)).unwrap(), Command::Subscribe(&topic));
            out.clear();
            encode_cancel(&topic, &mut out);
            prop_assert_eq!(Command::parse(body(&out)).unwrap(), Command::Cancel(&topic));
            out.clear();
            encode_join(&topic, &mut out);
            prop_assert_eq!(Command::parse(body(&out)).unwrap(), Command::Join(&topic));
            out.clear();
            encode_leave(&topic, &mut out);
            prop_assert_eq!(Command::parse(body(&out)).unwrap(), Command::Leave(&topic));
            let context = &topic[..topic.len().min(16)];
            out.clear();
            encode_ping(ttl, &topic, &mut out);
            prop_assert_eq!(Command::parse(body(&out)).unwrap(), Command::Ping { ttl_tenths: ttl, context });
            out.clear();
            encode_pong(&topic, &mut out);
            prop_assert_eq!(Command::parse(body(&out)).unwrap(), Command::Pong { context });
            out.clear();
            encode_error(&topic, &mut out);
            let reason = &topic[..topic.len().min(255)];
            prop_assert_eq!(Command::parse(body(&out)).unwrap(), Command::Error(reason));
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..60), known in 0..9usize) {
            let _ = Command::parse(&bytes);
            let names: [&[u8]; 9] = [b"\x04PING", b"\x04PONG", b"\x05ERROR", b"\x05READY", b"\x04JOIN",
                b"\x05LEAVE", b"\x06CANCEL", b"\x09SUBSCRIBE", b"\x07MESSAGE"];
            let _ = Command::parse(&[names[known], &bytes].concat());
        }
    }
}
