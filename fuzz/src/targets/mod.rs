//! One file for each part of the code.

pub(crate) mod connection;
pub(crate) mod handshake;
pub(crate) mod options;
pub(crate) mod parsers;
pub(crate) mod reframe;
pub(crate) mod sockets;
