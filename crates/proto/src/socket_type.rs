//! The socket types: their names on the wire, libzmq's numbers, and which ones may talk to which.
//!
//! One table for everybody: the handshake, the C ABI and the documentation read it here. It says nothing about what
//! a type *does*; that is a pattern's business.
//!
//! Sources: RFC 28, 29, 30, 31, 41, 48, 49, 51, 52; numbers and pairings as in libzmq 4.3.5 (`zmq.h`, and what its
//! handshake accepts).

use std::fmt;

/// A socket's pattern.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SocketType {
    /// Exclusive pair.
    Pair,
    /// Publisher.
    Pub,
    /// Subscriber.
    Sub,
    /// Asks, then waits for the answer.
    Req,
    /// Answers what it was asked.
    Rep,
    /// Asks without waiting; load-balances.
    Dealer,
    /// Addresses peers by routing id.
    Router,
    /// Receiving end of a pipeline.
    Pull,
    /// Sending end of a pipeline.
    Push,
    /// Publisher that sees subscriptions.
    XPub,
    /// Subscriber that sends subscriptions itself.
    XSub,
    /// Raw TCP. Never speaks ZMTP.
    Stream,
    /// Draft: like ROUTER for CLIENT, single-part.
    Server,
    /// Draft: like DEALER for SERVER, single-part.
    Client,
    /// Draft: publishes to groups.
    Radio,
    /// Draft: joins groups.
    Dish,
    /// Draft: PULL, single-part.
    Gather,
    /// Draft: PUSH, single-part.
    Scatter,
    /// Draft: UDP datagrams.
    Dgram,
    /// Draft: peers that address each other.
    Peer,
    /// Draft: PAIR, single-part.
    Channel,
}

use SocketType::{
    Channel, Client, Dealer, Dgram, Dish, Gather, Pair, Peer, Pub, Pull, Push, Radio, Rep, Req, Router,
    Scatter, Server, Stream, Sub, XPub, XSub,
};

impl SocketType {
    /// Every type, in the order of libzmq's numbers: `ALL[n]` has the number `n`.
    pub const ALL: [SocketType; 21] = [
        Pair, Pub, Sub, Req, Rep, Dealer, Router, Pull, Push, XPub, XSub, Stream, Server, Client, Radio,
        Dish, Gather, Scatter, Dgram, Peer, Channel,
    ];

    /// The name on the wire (`Socket-Type` property): upper case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Pair => "PAIR",
            Pub => "PUB",
            Sub => "SUB",
            Req => "REQ",
            Rep => "REP",
            Dealer => "DEALER",
            Router => "ROUTER",
            Pull => "PULL",
            Push => "PUSH",
            XPub => "XPUB",
            XSub => "XSUB",
            Stream => "STREAM",
            Server => "SERVER",
            Client => "CLIENT",
            Radio => "RADIO",
            Dish => "DISH",
            Gather => "GATHER",
            Scatter => "SCATTER",
            Dgram => "DGRAM",
            Peer => "PEER",
            Channel => "CHANNEL",
        }
    }

    /// The type with this name on the wire; exact, as libzmq compares it.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<SocketType> {
        Self::ALL.into_iter().find(|candidate| candidate.as_str().as_bytes() == name)
    }

    /// libzmq's number: `ZMQ_PAIR` is 0, `ZMQ_CHANNEL` 20.
    #[must_use]
    pub const fn zmq_number(self) -> i32 {
        self as i32
    }

    /// The type with libzmq's number.
    #[must_use]
    pub fn from_zmq_number(number: i32) -> Option<SocketType> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index)).copied()
    }

    /// True if a connection between the two types makes sense: libzmq 4.3.5's table, which is symmetric.
    ///
    /// ```
    /// use netzmq_proto::SocketType;
    /// assert!(SocketType::Req.accepts_peer(SocketType::Router));
    /// assert!(!SocketType::Req.accepts_peer(SocketType::Dealer));
    /// ```
    #[must_use]
    pub const fn accepts_peer(self, peer: SocketType) -> bool {
        match self {
            Pair => matches!(peer, Pair),
            Pub | XPub => matches!(peer, Sub | XSub),
            Sub | XSub => matches!(peer, Pub | XPub),
            Req => matches!(peer, Rep | Router),
            Rep => matches!(peer, Req | Dealer),
            Dealer => matches!(peer, Rep | Dealer | Router),
            Router => matches!(peer, Req | Dealer | Router),
            Pull => matches!(peer, Push),
            Push => matches!(peer, Pull),
            Stream => false,
            Server => matches!(peer, Client),
            Client => matches!(peer, Server),
            Radio => matches!(peer, Dish),
            Dish => matches!(peer, Radio),
            Gather => matches!(peer, Scatter),
            Scatter => matches!(peer, Gather),
            Dgram => matches!(peer, Dgram),
            Peer => matches!(peer, Peer),
            Channel => matches!(peer, Channel),
        }
    }

    /// The type that this one usually talks to: what a peer is taken for whose protocol does not say what it is.
    #[must_use]
    pub const fn usual_peer(self) -> SocketType {
        match self {
            Pub | XPub => Sub,
            Sub | XSub => Pub,
            Req => Rep,
            Rep => Req,
            Router => Dealer,
            Dealer => Router,
            Pull => Push,
            Push => Pull,
            Server => Client,
            Client => Server,
            Radio => Dish,
            Dish => Radio,
            Gather => Scatter,
            Scatter => Gather,
            Pair | Stream | Dgram | Peer | Channel => self,
        }
    }

    /// True for the types that libzmq has only in draft builds.
    #[must_use]
    pub const fn is_draft(self) -> bool {
        self as i32 >= Server as i32
    }

    /// True for the types that tell the peer their routing id in the handshake.
    #[must_use]
    pub const fn sends_routing_id(self) -> bool {
        matches!(self, Req | Dealer | Router)
    }

    /// True for the types whose messages have one part only; a peer's multipart message to them is dropped.
    #[must_use]
    pub const fn is_single_part(self) -> bool {
        matches!(self, Server | Client | Radio | Dish | Gather | Scatter | Peer | Channel)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_go_both_ways() {
        for (number, socket_type) in SocketType::ALL.into_iter().enumerate() {
            assert_eq!(socket_type.zmq_number(), number as i32);
            assert_eq!(SocketType::from_zmq_number(number as i32), Some(socket_type));
            assert_eq!(SocketType::from_name(socket_type.as_str().as_bytes()), Some(socket_type));
        }
        assert_eq!(SocketType::from_zmq_number(21), None);
        assert_eq!(SocketType::from_zmq_number(-1), None);
        assert_eq!(SocketType::from_name(b"req"), None);
        assert_eq!(SocketType::Server.zmq_number(), 12);
        assert!(SocketType::Server.is_draft() && !SocketType::Stream.is_draft());
    }

    #[test]
    fn compatibility_is_symmetric_and_complete() {
        let mut pairs = 0;
        for a in SocketType::ALL {
            for b in SocketType::ALL {
                assert_eq!(a.accepts_peer(b), b.accepts_peer(a), "{a} {b}");
                pairs += usize::from(a.accepts_peer(b));
            }
            assert_eq!(a.accepts_peer(a.usual_peer()), a != SocketType::Stream, "{a}");
            let has_peer = SocketType::ALL.into_iter().any(|b| a.accepts_peer(b));
            assert_eq!(has_peer, a != SocketType::Stream, "{a}");
        }
        // REQ 2, REP 2, DEALER 3, ROUTER 3, PUB/XPUB/SUB/XSUB 2 each, twelve with one peer each.
        assert_eq!(pairs, 10 + 8 + 12);
    }
}
