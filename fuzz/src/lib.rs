//! The fuzz targets: functions of bytes that must not panic.
//!
//! Each says at its head what it holds the code to besides. A target is deterministic: the same bytes, the same way
//! through, so that what was found can be kept in `corpus/TARGET/` and is replayed by `tests/corpus.rs`.
#![forbid(unsafe_code)]

mod input;
mod targets;

pub use input::Input;

/// A target's name, and what it does with some bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target. Each has a folder of its name in `corpus`.
pub const TARGETS: &[Target] = &[
    ("greeting", targets::parsers::greeting),
    ("frame", targets::parsers::frame),
    ("command", targets::parsers::command),
    ("metadata", targets::parsers::metadata),
    ("zap", targets::parsers::zap),
    ("z85", targets::parsers::z85),
    ("endpoint", targets::parsers::endpoint),
    ("options", targets::options::options),
    ("handshake_null", targets::handshake::null),
    ("handshake_plain", targets::handshake::plain),
    ("handshake_curve", targets::handshake::curve),
    ("upgrade", targets::reframe::upgrade),
    ("websocket", targets::reframe::websocket),
    ("zmtp1", targets::reframe::zmtp1),
    ("inbound", targets::connection::inbound),
    ("connection", targets::connection::connection),
    ("sockets", targets::sockets::sockets),
];

/// The target of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}
