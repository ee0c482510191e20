//! Who gets a message: the rules of the socket types, pure.
//!
//! A pattern *decides*: which pipe takes the next part, which pipe is read next, what an envelope means, who
//! subscribed to what. It never moves bytes itself, holds no lock, reads no clock, knows no thread and no kernel.
//! The socket (the one room where a pattern meets its pipes) gives it a [`Pipes`] to ask and act through; tests
//! give it a fake one.
//!
//! Invariants that every pattern keeps:
//! - A message's parts are never interleaved with another's on one pipe, and a message is routed as a whole: the
//!   first part chooses, the others follow.
//! - A pipe is named by its [`PipeId`] from `attach` to `detach`; after `detach` a pattern holds no trace of it,
//!   since the socket gives the same name to a later pipe.
//! - No operation costs more than the work it does: idle and full pipes are not walked.

mod channel;
mod client_server;
mod dealer;
mod fair_queue;
mod fan_out;
mod load_balancer;
mod notices;
mod options;
mod pair;
mod pattern;
mod pull;
mod push;
mod radio_dish;
mod rep;
mod req;
mod ring;
mod router;
mod routing_table;
mod scatter_gather;
mod stream;
mod subscription;
#[cfg(test)]
mod testing;
mod xpub;
mod xsub;

pub(crate) use options::PatternOptions;
pub(crate) use pattern::Pattern;

use netzmq_memory::Message;
use netzmq_proto::SocketType;

/// Names one pipe of one socket, from attach to detach. Small and dense: an index is fine.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct PipeId(pub(crate) u32);

/// One part of a message.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) body: Message,
    /// More parts of the same message follow.
    pub(crate) more: bool,
}

/// What a pattern sees of a part that is to be sent.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) body: &'a [u8],
    /// More parts of the same message follow.
    pub(crate) more: bool,
    /// SERVER, PEER: whom it is for (`Message::routing_id`).
    pub(crate) routing_id: u32,
    /// RADIO: the group it is for.
    pub(crate) group: &'a [u8],
}

#[cfg(test)]
impl<'a> Outgoing<'a> {
    /// A part of the types that know neither numbers nor groups.
    pub(crate) fn part(body: &'a [u8], more: bool) -> Outgoing<'a> {
        Outgoing { body, more, routing_id: 0, group: b"" }
    }
}

/// What is known of a peer when its handshake is complete (at once for inproc).
#[derive(Debug)]
pub(crate) struct PeerInfo<'a> {
    pub(crate) socket_type: SocketType,
    /// Empty when the peer did not name itself.
    pub(crate) routing_id: &'a [u8],
}

/// What a pattern may ask of, and do to, its socket's pipes.
pub(crate) trait Pipes {
    /// A whole message (all its parts) can be taken from `pipe` without waiting. After a no, the socket calls
    /// `readable` once that may have changed.
    fn has_message(&mut self, pipe: PipeId) -> bool;
    /// Body and more-flag of the part that `take` would return.
    fn peek(&mut self, pipe: PipeId) -> Option<(&[u8], bool)>;
    /// Takes the next part. `None` only if `has_message` is false.
    fn take(&mut self, pipe: PipeId) -> Option<Part>;
    /// Drops the next part, and says whether more parts of its message follow. False when there is none.
    fn skip(&mut self, pipe: PipeId) -> bool;

    /// `pipe` has room for one more message (below its high-water mark). After a no, the socket calls `writable`
    /// once that may have changed.
    fn can_write(&mut self, pipe: PipeId) -> bool;
    /// Appends a part of the pattern's own making (an envelope, a delimiter, a probe). A message becomes visible to
    /// the peer with its last part only. To a pipe without room a *whole* message must not be begun.
    fn write(&mut self, pipe: PipeId, body: &[u8], more: bool);
    /// Forgets the parts written since the last whole message.
    fn rollback(&mut self, pipe: PipeId);
    /// Sends a subscription or its cancellation (DISH: joins or leaves the group), in whatever form the peer's
    /// protocol version wants. Not subject to the high-water mark: their number is the application's own.
    fn write_subscription(&mut self, pipe: PipeId, subscribe: bool, topic: &[u8]);
    /// Asks for the pipe to be terminated. `detach` follows later (never from inside this call). Asking twice is
    /// asking once.
    fn close(&mut self, pipe: PipeId);
}

/// Where the part at hand goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Append it to this pipe.
    To(PipeId),
    /// Append it to each of the pattern's `fan()`, which is not empty.
    Fan,
    /// The pattern has used it up (a routing id, a subscription): nothing is appended.
    Absorbed,
    /// No one wants it, and the rules say that it vanishes.
    Drop,
    /// No pipe has room (or there is none): wait, or say "would block".
    Block,
    /// The rules forbid it.
    Refuse(Refusal),
}

/// Why a part can't be sent or received now or ever.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The socket type has no such operation (PULL can't send): ENOTSUP.
    NotSupported,
    /// It is not this operation's turn (REQ must receive first): EFSM.
    WrongState,
    /// ROUTER with `mandatory`: no such peer: EHOSTUNREACH.
    Unroutable,
    /// A malformed message (a multipart on a single-part type) or topic: EINVAL.
    Malformed,
}

/// Where the next incoming part comes from.
#[derive(Debug)]
pub(crate) enum Next {
    /// Take the next part of this pipe; then tell the pattern with `taken`.
    From(PipeId),
    /// The pattern made this part itself (a routing id, a subscription). Not followed by `taken`.
    Made(Part),
    /// Nothing now.
    Empty,
    /// The rules forbid receiving now.
    Refuse(Refusal),
}

impl From<Option<PipeId>> for Next {
    #[inline]
    fn from(pipe: Option<PipeId>) -> Next {
        pipe.map_or(Next::Empty, Next::From)
    }
}
