//! `Pattern`: the rules of one socket, whichever its type. What a socket holds and asks.
//!
//! [`Rules`] is the list of questions; a socket type answers those that concern it, and the defaults say "no such
//! operation". `Pattern` is the closed set of types and hands each question on (an enum, not a trait object, so that
//! a part costs a jump and no more).
//!
//! A caller's duties:
//! - `attach` before all else, `detach` last; in between any call in any order, and any call any number of times.
//! - After `has_message` answered no, `readable` when that may have changed; after `can_write` answered no,
//!   `writable`. A pattern does not ask again by itself.
//! - After `To` or `Fan` the part is appended there before the next call; after `From` it is taken and `taken` is
//!   called, or nothing happened and `next` says the same again.

use super::channel::{Channel, Dgram};
use super::client_server::{Client, Server};
use super::dealer::Dealer;
use super::options::PatternOptions;
use super::pair::Pair;
use super::pull::Pull;
use super::push::Push;
use super::radio_dish::{Dish, Radio};
use super::rep::Rep;
use super::req::Req;
use super::router::Router;
use super::scatter_gather::{Gather, Scatter};
use super::stream::Stream;
use super::xpub::{Pub, XPub};
use super::xsub::{Sub, XSub};
use super::{Next, Outgoing, PeerInfo, PipeId, Pipes, Refusal, Verdict};
use netzmq_memory::Message;
use netzmq_proto::SocketType;

/// What a socket type answers. See [`Pattern`]'s methods of the same names.
///
/// Long answers are kept out of line (`inline(never)`): inlined into `Pattern`'s match they would make the short ones
/// of PUSH and its like save registers that only the long ones need.
pub(crate) trait Rules {
    fn set_options(&mut self, _: &PatternOptions) {}

    fn attach<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, connect_routing_id: Option<Vec<u8>>) -> bool;
    fn connected<P: Pipes>(&mut self, _: &mut P, _: PipeId, _: &PeerInfo<'_>) -> bool {
        true
    }
    fn disconnected<P: Pipes>(&mut self, _: &mut P, _: PipeId) {}
    fn detach<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId);
    #[inline]
    fn readable<P: Pipes>(&mut self, _: &mut P, _: PipeId) {}
    #[inline]
    fn writable<P: Pipes>(&mut self, _: &mut P, _: PipeId) {}

    #[inline]
    fn route<P: Pipes>(&mut self, _: &mut P, _: &Outgoing<'_>) -> Verdict {
        Verdict::Refuse(Refusal::NotSupported)
    }
    #[inline]
    fn fan(&self) -> &[PipeId] {
        &[]
    }
    #[inline]
    fn next_target(&self) -> Option<PipeId> {
        None
    }
    #[inline]
    fn has_one_target(&self) -> bool {
        false
    }
    #[inline]
    fn target_taken(&mut self) {}
    fn abort_send<P: Pipes>(&mut self, _: &mut P) {}
    #[inline]
    fn can_send<P: Pipes>(&mut self, _: &mut P) -> bool {
        false
    }
    fn waits_for_room(&self) -> bool {
        true
    }

    #[inline]
    fn next<P: Pipes>(&mut self, _: &mut P) -> Next {
        Next::Refuse(Refusal::NotSupported)
    }
    #[inline]
    fn next_source(&self) -> Option<PipeId> {
        None
    }
    #[inline]
    fn has_one_source(&self) -> bool {
        false
    }
    #[inline]
    fn taken(&mut self, _: PipeId, _: bool) {}
    #[inline]
    fn can_recv<P: Pipes>(&mut self, _: &mut P) -> bool {
        false
    }

    fn is_reading(&self, _: PipeId) -> bool {
        false
    }

    fn subscribe<P: Pipes>(&mut self, _: &mut P, _: &[u8]) -> Result<(), Refusal> {
        Err(Refusal::NotSupported)
    }
    fn unsubscribe<P: Pipes>(&mut self, _: &mut P, _: &[u8]) -> Result<(), Refusal> {
        Err(Refusal::NotSupported)
    }
    fn topics_count(&self) -> usize {
        0
    }

    fn pipe_of(&self, _: &[u8]) -> Option<PipeId> {
        None
    }
    fn routing_id_of(&self, _: PipeId) -> Option<&[u8]> {
        None
    }
    #[inline]
    fn stamp_for(&self, _: PipeId) -> u32 {
        0
    }
    #[inline]
    fn group(&self) -> Option<&[u8]> {
        None
    }
    #[inline]
    fn is_raw(&self) -> bool {
        false
    }
}

/// An empty message, so that a ROUTER at the other end learns of this side before it has anything to say.
pub(crate) fn probe<P: Pipes>(pipes: &mut P, pipe: PipeId) {
    if pipes.can_write(pipe) {
        pipes.write(pipe, b"", false);
    }
}

/// The rules of one socket.
#[derive(Debug)]
pub(crate) enum Pattern {
    Pair(Pair),
    Pub(Pub),
    Sub(Sub),
    Req(Req),
    Rep(Rep),
    Dealer(Dealer),
    Router(Router),
    Pull(Pull),
    Push(Push),
    XPub(XPub),
    XSub(XSub),
    Stream(Stream),
    Server(Server),
    Client(Client),
    Radio(Radio),
    Dish(Dish),
    Gather(Gather),
    Scatter(Scatter),
    Dgram(Dgram),
    Peer(Server),
    Channel(Channel),
}

/// Hands a question on to whichever type it is.
macro_rules! each {
    ($pattern:expr, $rules:ident => $answer:expr) => {
        match $pattern {
            Pattern::Pair($rules) => $answer,
            Pattern::Pub($rules) => $answer,
            Pattern::Sub($rules) => $answer,
            Pattern::Req($rules) => $answer,
            Pattern::Rep($rules) => $answer,
            Pattern::Dealer($rules) => $answer,
            Pattern::Router($rules) => $answer,
            Pattern::Pull($rules) => $answer,
            Pattern::Push($rules) => $answer,
            Pattern::XPub($rules) => $answer,
            Pattern::XSub($rules) => $answer,
            Pattern::Stream($rules) => $answer,
            Pattern::Server($rules) => $answer,
            Pattern::Client($rules) => $answer,
            Pattern::Radio($rules) => $answer,
            Pattern::Dish($rules) => $answer,
            Pattern::Gather($rules) => $answer,
            Pattern::Scatter($rules) => $answer,
            Pattern::Dgram($rules) => $answer,
            Pattern::Peer($rules) => $answer,
            Pattern::Channel($rules) => $answer,
        }
    };
}

impl Pattern {
    /// The rules of `socket_type`. `seed` is randomness: where automatic routing ids and request ids start.
    pub(crate) fn new(socket_type: SocketType, options: &PatternOptions, seed: u32) -> Pattern {
        match socket_type {
            SocketType::Pub => Pattern::Pub(Pub::new(options)),
            SocketType::Sub => Pattern::Sub(Sub::new(options)),
            SocketType::Req => Pattern::Req(Req::new(options, seed)),
            SocketType::Rep => Pattern::Rep(Rep::new()),
            SocketType::Dealer => Pattern::Dealer(Dealer::new(options)),
            SocketType::Router => Pattern::Router(Router::new(options, seed)),
            SocketType::Pull => Pattern::Pull(Pull::new()),
            SocketType::Push => Pattern::Push(Push::new()),
            SocketType::XPub => Pattern::XPub(XPub::new(options)),
            SocketType::XSub => Pattern::XSub(XSub::new(options)),
            SocketType::Stream => Pattern::Stream(Stream::new(options, seed)),
            SocketType::Server => Pattern::Server(Server::new(seed)),
            SocketType::Client => Pattern::Client(Client::new()),
            SocketType::Radio => Pattern::Radio(Radio::new(options)),
            SocketType::Dish => Pattern::Dish(Dish::new()),
            SocketType::Gather => Pattern::Gather(Gather::new()),
            SocketType::Scatter => Pattern::Scatter(Scatter::new()),
            SocketType::Dgram => Pattern::Dgram(Dgram::new()),
            SocketType::Peer => Pattern::Peer(Server::new(seed)),
            SocketType::Channel => Pattern::Channel(Channel::new()),
            // PAIR. (The list is open to other crates; this one grows along with it, and a test sees to that.)
            _ => Pattern::Pair(Pair::new()),
        }
    }

    /// Takes over changed options, at any time.
    pub(crate) fn set_options(&mut self, options: &PatternOptions) {
        each!(self, rules => rules.set_options(options));
    }

    /// `pipe` exists from now on, perhaps before it is connected. `connect_routing_id` is the name by which the
    /// application wants to address that peer (ROUTER, STREAM). False: refused, close it; nothing of it is kept
    /// (PAIR's second, a routing id in use).
    pub(crate) fn attach<P: Pipes>(
        &mut self,
        pipes: &mut P,
        pipe: PipeId,
        connect_routing_id: Option<Vec<u8>>,
    ) -> bool {
        each!(self, rules => rules.attach(pipes, pipe, connect_routing_id))
    }

    /// The handshake with the peer is complete; again after each reconnect. False: refused, close it (ROUTER: its
    /// routing id is in use).
    pub(crate) fn connected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId, peer: &PeerInfo<'_>) -> bool {
        each!(self, rules => rules.connected(pipes, pipe, peer))
    }

    /// The wire is lost; the pipe stays and will be connected again. Whole messages that had arrived may still be
    /// in the pipe, and are still received.
    pub(crate) fn disconnected<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        each!(self, rules => rules.disconnected(pipes, pipe));
    }

    /// `pipe` is gone, with all that was in it. Its name is forgotten.
    pub(crate) fn detach<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        each!(self, rules => rules.detach(pipes, pipe));
    }

    /// `has_message(pipe)` may have become true.
    #[inline]
    pub(crate) fn readable<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        each!(self, rules => rules.readable(pipes, pipe));
    }

    /// `can_write(pipe)` may have become true.
    #[inline]
    pub(crate) fn writable<P: Pipes>(&mut self, pipes: &mut P, pipe: PipeId) {
        each!(self, rules => rules.writable(pipes, pipe));
    }

    /// Where the next outgoing part goes. `Block` and `Refuse` leave everything as it was: ask again with the same
    /// part. Parts of the pattern's own making (an envelope) are written by this call, in front of the part.
    #[inline]
    pub(crate) fn route<P: Pipes>(&mut self, pipes: &mut P, part: &Outgoing<'_>) -> Verdict {
        each!(self, rules => rules.route(pipes, part))
    }

    /// The pipes of the last `Verdict::Fan`; never empty then. Valid until the next call that may change it.
    #[inline]
    pub(crate) fn fan(&self) -> &[PipeId] {
        each!(self, rules => rules.fan())
    }

    /// Who gets a message is up to what peers have asked for, and nobody receives that in order to send.
    #[inline]
    pub(crate) fn is_asked_for_topics(&self) -> bool {
        matches!(self, Pattern::Pub(_) | Pattern::XPub(_) | Pattern::Radio(_))
    }

    /// The last message's fan is that of every message which begins with so many bytes of `body`, that message's, as long
    /// as they have room and nothing else happens. `None` if that is not so simple.
    pub(crate) fn fan_prefix(&self, body: &[u8]) -> Option<usize> {
        match self {
            Pattern::Pub(rules) => rules.fan_prefix(body),
            Pattern::XPub(rules) => rules.fan_prefix(body),
            _ => None,
        }
    }

    /// The pipe that `route` would name for a whole message of one part if it has room: `None` also where that is not so
    /// simple. Asks no pipe; if a message is appended there, `target_taken` follows.
    #[inline]
    pub(crate) fn next_target(&self) -> Option<PipeId> {
        each!(self, rules => rules.next_target())
    }

    /// `next_target` goes on naming the same pipe as long as nothing but whole messages are sent, and `target_taken` need
    /// not be called for them.
    #[inline]
    pub(crate) fn has_one_target(&self) -> bool {
        each!(self, rules => rules.has_one_target())
    }

    #[inline]
    pub(crate) fn target_taken(&mut self) {
        each!(self, rules => rules.target_taken());
    }

    /// The pipe that `route` would note for a message whose first part is this routing id, if it has room: `None` also
    /// where that is not so simple. Asks no pipe; if it has room, `begin_send` follows.
    #[inline]
    pub(crate) fn target_named(&mut self, routing_id: &[u8]) -> Option<PipeId> {
        match self {
            Pattern::Router(rules) => rules.target_named(routing_id),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn begin_send(&mut self, pipe: PipeId) {
        if let Pattern::Router(rules) = self {
            rules.begin_send(pipe);
        }
    }

    /// The application gave up in the middle of a message: what is written of it is rolled back, and the next part
    /// begins a message.
    pub(crate) fn abort_send<P: Pipes>(&mut self, pipes: &mut P) {
        each!(self, rules => rules.abort_send(pipes));
    }

    /// POLLOUT, by libzmq's rules.
    #[inline]
    pub(crate) fn can_send<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        each!(self, rules => rules.can_send(pipes))
    }

    /// A message that finds its pipe full waits, rather than being dropped.
    pub(crate) fn waits_for_room(&self) -> bool {
        each!(self, rules => rules.waits_for_room())
    }

    /// Where the next incoming part comes from.
    #[inline]
    pub(crate) fn next<P: Pipes>(&mut self, pipes: &mut P) -> Next {
        each!(self, rules => rules.next(pipes))
    }

    /// The pipe that `next` would name if it has a message: `None` also where that is not so simple. Asks no pipe.
    #[inline]
    pub(crate) fn next_source(&self) -> Option<PipeId> {
        each!(self, rules => rules.next_source())
    }

    /// `next_source` goes on naming the same pipe as long as nothing but whole messages are taken, and `taken` need not be
    /// called for them.
    #[inline]
    pub(crate) fn has_one_source(&self) -> bool {
        each!(self, rules => rules.has_one_source())
    }

    /// The routing id that `next` would make of this pipe's next message, if it has one: `None` also where that is not so
    /// simple. Asks no pipe; if the id is handed out, `id_taken` follows.
    #[inline]
    pub(crate) fn next_id(&self) -> Option<(PipeId, &Message)> {
        match self {
            Pattern::Router(rules) => rules.next_id(),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn id_taken(&mut self, pipe: PipeId) {
        if let Pattern::Router(rules) = self {
            rules.id_taken(pipe);
        }
    }

    /// Whether the application is to see the part that `next_source` named, for all that is known without asking more.
    #[inline]
    pub(crate) fn wants(&self, body: &[u8]) -> bool {
        match self {
            Pattern::Sub(rules) => rules.wants(body),
            _ => true,
        }
    }

    /// Whether `wants` says yes to everything, unless a message is partly taken.
    pub(crate) fn wants_all(&self) -> bool {
        match self {
            Pattern::Sub(rules) => rules.wants_all(),
            _ => true,
        }
    }

    /// The part that `Next::From(pipe)` (or `next_source`) named was taken.
    #[inline]
    pub(crate) fn taken(&mut self, pipe: PipeId, more: bool) {
        each!(self, rules => rules.taken(pipe, more));
    }

    /// POLLIN, by libzmq's rules. May drop messages that no one wants, but nothing that `next` would give.
    #[inline]
    pub(crate) fn can_recv<P: Pipes>(&mut self, pipes: &mut P) -> bool {
        each!(self, rules => rules.can_recv(pipes))
    }

    /// REP: the application does not answer the request that it read. Nothing for the other types.
    pub(crate) fn decline<P: Pipes>(&mut self, pipes: &mut P) {
        if let Pattern::Rep(rep) = self {
            rep.decline(pipes);
        }
    }

    /// A message of `pipe` is partly received. Do not detach it now, or its rest is lost and the application
    /// receives a message without an end.
    pub(crate) fn is_reading(&self, pipe: PipeId) -> bool {
        each!(self, rules => rules.is_reading(pipe))
    }

    /// SUB: subscribes. DISH: joins a group. XPUB (manual): subscribes the peer whose request was received last.
    ///
    /// `Malformed` for the other types, for a group that is joined already and for a group over 255 bytes.
    pub(crate) fn subscribe<P: Pipes>(&mut self, pipes: &mut P, topic: &[u8]) -> Result<(), Refusal> {
        each!(self, rules => rules.subscribe(pipes, topic))
    }

    /// The opposite of `subscribe`. A topic that was not subscribed is no error, a group not joined is.
    pub(crate) fn unsubscribe<P: Pipes>(&mut self, pipes: &mut P, topic: &[u8]) -> Result<(), Refusal> {
        each!(self, rules => rules.unsubscribe(pipes, topic))
    }

    /// How many different topics are subscribed to (SUB, XSUB: by this side; PUB, XPUB: by all peers).
    pub(crate) fn topics_count(&self) -> usize {
        each!(self, rules => rules.topics_count())
    }

    /// Copies for peers that were passed over because they were full (PUB, XPUB, RADIO).
    pub(crate) fn passed_over(&self) -> u64 {
        match self {
            Pattern::Pub(rules) => rules.passed_over(),
            Pattern::XPub(rules) => rules.passed_over(),
            Pattern::Radio(rules) => rules.passed_over(),
            _ => 0,
        }
    }

    /// The pipe of the peer that the application addresses so (ROUTER, STREAM).
    pub(crate) fn pipe_of(&self, routing_id: &[u8]) -> Option<PipeId> {
        each!(self, rules => rules.pipe_of(routing_id))
    }

    /// How the application addresses the peer behind `pipe` (ROUTER, STREAM).
    pub(crate) fn routing_id_of(&self, pipe: PipeId) -> Option<&[u8]> {
        each!(self, rules => rules.routing_id_of(pipe))
    }

    /// The number that `Message::routing_id` shall have on messages from `pipe` (SERVER, PEER; known from `attach`
    /// on). 0 for the other types: nothing to stamp.
    #[inline]
    pub(crate) fn stamp_for(&self, pipe: PipeId) -> u32 {
        each!(self, rules => rules.stamp_for(pipe))
    }

    /// The group of the part that the last `Next::From` named (DISH).
    #[inline]
    pub(crate) fn group(&self) -> Option<&[u8]> {
        each!(self, rules => rules.group())
    }

    /// Peers speak no ZMTP (STREAM, raw ROUTER): the part behind the routing id is appended as a whole message,
    /// whatever its more-flag says.
    pub(crate) fn is_raw(&self) -> bool {
        each!(self, rules => rules.is_raw())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    /// Goal: each socket type has its own rules, and those that can't send or receive say so in every way. Method:
    /// all types of the list.
    #[test]
    fn every_type_has_its_rules() {
        use SocketType::{Dish, Gather, Pub, Pull, Push, Radio, Scatter, Sub};
        for socket_type in SocketType::ALL {
            let mut bench = Bench::new(socket_type, &PatternOptions::default());
            let debug = format!("{:?}", bench.pattern);
            assert!(debug.starts_with(&format!("{socket_type:?}(")), "{socket_type:?} is {debug}");
            let sends = !matches!(socket_type, Sub | Pull | Gather | Dish);
            let receives = !matches!(socket_type, Pub | Push | Scatter | Radio);
            bench.join(0);
            let refused = Verdict::Refuse(Refusal::NotSupported);
            assert_eq!(bench.send_part("x", false) == refused, !sends, "{socket_type:?}");
            let refused = matches!(bench.recv_part(), Err(Next::Refuse(Refusal::NotSupported)));
            assert_eq!(refused, !receives, "{socket_type:?}");
        }
    }

    /// Goal: an event may be told at any time and any number of times, also of pipes that were never heard of.
    /// Method: all types, all events, in an order that makes no sense.
    #[test]
    fn stray_events_are_harmless() {
        let options = PatternOptions { stream_notify: false, ..PatternOptions::default() };
        for socket_type in SocketType::ALL {
            let mut bench = Bench::new(socket_type, &options);
            bench.join(1);
            for pipe in [PipeId(1), PipeId(1)] {
                bench.pattern.readable(&mut bench.fake, pipe);
                bench.pattern.writable(&mut bench.fake, pipe);
                bench.pattern.disconnected(&mut bench.fake, pipe);
                bench.pattern.abort_send(&mut bench.fake);
            }
            bench.detach(1);
            for pipe in [PipeId(0), PipeId(1), PipeId(9)] {
                bench.pattern.readable(&mut bench.fake, pipe);
                bench.pattern.writable(&mut bench.fake, pipe);
                bench.pattern.detach(&mut bench.fake, pipe);
            }
            assert!(!bench.can_recv());
            assert!(bench.pattern.fan().is_empty());
            bench.join(1);
        }
    }
}
