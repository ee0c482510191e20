//! What an I/O thread can be asked to do: the one way in which callers reach it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use netzmq_proto::ProtocolError;

use super::admission::Place;
use super::target::Target;
use crate::options::SocketOptions;
use crate::patterns::PipeId;
use crate::pipe::SessionId;
use crate::socket::core::Shared;
use crate::transport::listener::Listener;
use crate::transport::stream::Stream;

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The peer closed it.
    End,
    /// The kernel says so.
    Io(io::Error),
    /// The peer broke the rules.
    Protocol(ProtocolError),
    /// Nothing was heard for too long.
    Silence,
    /// Nobody is there to be asked whether the peer may come in.
    NoJudge,
    /// Too many others are in their handshake.
    Crowded,
    /// Told before; a token has come back since.
    Known,
}

/// See the module's text. Tokens are those of `SessionId`.
pub(crate) enum Job {
    /// Look after a bound endpoint.
    Listen { token: u64, shared: Arc<Shared>, listener: Listener, options: Arc<SocketOptions> },
    /// Make a connection, and keep making it.
    Connect {
        token: u64,
        shared: Arc<Shared>,
        pipe: Option<PipeId>,
        target: Target,
        options: Arc<SocketOptions>,
    },
    /// Look after a connection that another thread accepted.
    Accepted {
        token: u64,
        shared: Arc<Shared>,
        stream: Stream,
        options: Arc<SocketOptions>,
        via: SessionId,
        place: Place,
    },
    /// Look after a socket for datagrams; drop the channel's end when that has begun.
    Datagrams {
        token: u64,
        shared: Arc<Shared>,
        stream: Stream,
        options: Arc<SocketOptions>,
        done: std::sync::mpsc::Sender<()>,
    },
    /// Close a listener; drop the channel's end when that is done.
    Unlisten { token: u64, done: std::sync::mpsc::Sender<()> },
    /// End a connection for good, once what is queued is written, or after `linger`.
    Terminate { token: u64, linger: Option<Duration> },
    /// Ends an accepted connection whose endpoint was unbound: as `Terminate`, but what has arrived can still be received.
    /// Drop the channel's end when nothing more arrives.
    Unbound { token: u64, linger: Option<Duration>, done: std::sync::mpsc::Sender<()> },
    /// A read or write found the connection dead.
    Broken { token: u64, fault: Fault },
    /// The peer wants to be dropped if it is silent for so long.
    PeerTtl { token: u64, ttl_tenths: u16 },
    /// Write what is dirty. `seen`: messages that the socket had sent when this was asked for.
    Flush { shared: Arc<Shared>, seen: u64 },
    /// A caller has stopped driving this socket: look after it soon.
    Tick { shared: Arc<Shared> },
    /// Lead this socket from now on.
    Lead { shared: Arc<Shared> },
    /// Go on reading for a socket that is led here and had too much for one turn.
    GoOn { shared: Arc<Shared> },
    /// A name was resolved.
    Resolved { token: u64, address: io::Result<std::net::SocketAddr> },
    /// A proxy was asked for a connection.
    Proxied { token: u64, stream: io::Result<std::os::fd::OwnedFd> },
    /// Go on reading a connection that had too much for one turn.
    Readable { token: u64 },
    /// A socket is closed: don't lead it.
    Forget { shared: Arc<Shared> },
    /// The context is over.
    Stop,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::End => f.write_str("the peer closed the connection"),
            Fault::Io(error) => error.fmt(f),
            Fault::Protocol(error) => error.fmt(f),
            Fault::Silence => f.write_str("nothing was heard of the peer for too long"),
            Fault::NoJudge => f.write_str("nobody is there to authenticate the peer"),
            Fault::Crowded => f.write_str("more handshakes at once than this side takes"),
            Fault::Known => f.write_str("the connection was lost"),
        }
    }
}
