//! No TLS: types of which there is no value, so that nobody else has to know whether there is any.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;

use crate::transport::stream::Moved;

/// There is a transport `wss`.
pub(crate) const IS_BUILT_IN: bool = false;

/// What a socket knows of TLS: nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsOptions {}

impl TlsOptions {
    pub(crate) fn acceptor(&self) -> Result<Acceptor, String> {
        Err("built without TLS".into())
    }

    pub(crate) fn connector(&self, _host: &str) -> Result<Connector, String> {
        Err("built without TLS".into())
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Acceptor {}

#[derive(Debug, Clone)]
pub(crate) enum Connector {}

#[derive(Debug)]
pub(crate) enum Tls {}

impl Acceptor {
    pub(crate) fn begin(&self) -> io::Result<Tls> {
        match *self {}
    }
}

impl Connector {
    pub(crate) fn begin(&self) -> io::Result<Tls> {
        match *self {}
    }
}

impl Tls {
    pub(crate) fn recv(&self, _fd: &OwnedFd, _target: &mut [u8]) -> io::Result<Moved> {
        match *self {}
    }

    pub(crate) fn send(&self, _fd: &OwnedFd, _sources: &[IoSlice<'_>]) -> io::Result<Moved> {
        match *self {}
    }

    pub(crate) fn flush(&self, _fd: &OwnedFd) -> io::Result<bool> {
        match *self {}
    }

    pub(crate) fn close(&self, _fd: &OwnedFd) {
        match *self {}
    }

    pub(crate) fn handshake_bytes(&self) -> usize {
        match *self {}
    }
}
