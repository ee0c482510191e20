//! The options that change what a pattern decides.
//!
//! A plain copy of the socket's own options: the socket fills it and hands it over again whenever one of them
//! changes. Never holds what concerns pipes or connections (high-water marks, conflate, immediate, linger): a
//! pattern learns of those only through what its pipes answer.

/// Options of all socket types together; each pattern reads its own. Names are those of the C options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatternOptions {
    /// ROUTER: an unknown or full peer is an error, not a silent drop.
    pub(crate) router_mandatory: bool,
    /// ROUTER: a newcomer with a routing id in use takes it over, and the older peer is closed.
    pub(crate) router_handover: bool,
    /// ROUTER: peers speak no ZMTP; ids are always given by this side, an empty body closes the peer.
    pub(crate) router_raw: bool,
    /// ROUTER: [`NOTIFY_CONNECT`] and [`NOTIFY_DISCONNECT`].
    pub(crate) router_notify: u8,
    /// ROUTER, DEALER, REQ: an empty message greets each new connection, so that a ROUTER learns of this side.
    pub(crate) probe_router: bool,
    /// REQ: a request id travels in front of the delimiter, and only the reply that carries it is taken.
    pub(crate) req_correlate: bool,
    /// REQ: a new request may be sent while a reply is awaited; the old reply is then ignored.
    pub(crate) req_relaxed: bool,
    /// XPUB: every subscription is shown to the application, not the first of each topic only.
    pub(crate) xpub_verbose: bool,
    /// XPUB: every subscription and every cancellation is shown.
    pub(crate) xpub_verboser: bool,
    /// XPUB: the application decides what the peer whose request it read last is subscribed to.
    pub(crate) xpub_manual: bool,
    /// XPUB: as manual, and the next message goes to that peer only (if it is subscribed).
    pub(crate) xpub_manual_last_value: bool,
    /// XPUB, PUB, RADIO: wait for full peers instead of passing over them.
    pub(crate) xpub_nodrop: bool,
    /// XPUB, PUB: sent to each new connection.
    pub(crate) xpub_welcome: Option<Vec<u8>>,
    /// XPUB, PUB, SUB: a message goes to those who did *not* subscribe to it. Both ends must agree.
    pub(crate) invert_matching: bool,
    /// XSUB, SUB: every cancellation is sent upstream, not the last of each topic only.
    pub(crate) xsub_verbose_unsubscribe: bool,
    /// XPUB, XSUB: only a message's first part can make it a subscription.
    pub(crate) only_first_subscribe: bool,
    /// STREAM, raw ROUTER: an empty message tells of each connect and disconnect.
    pub(crate) stream_notify: bool,
    /// XPUB, PUB, RADIO: a peer that subscribes to more topics at once is closed. 0: no limit.
    pub(crate) subscriptions_per_peer_max: usize,
    /// XPUB, PUB: a peer that subscribes to a longer topic is closed. 0: no limit.
    pub(crate) topic_bytes_max: usize,
}

/// Bit of `router_notify`: an empty message tells of each new peer.
pub(crate) const NOTIFY_CONNECT: u8 = 1;
/// Bit of `router_notify`: an empty message tells of each lost peer.
pub(crate) const NOTIFY_DISCONNECT: u8 = 2;

/// A million topics of one peer: ten times what the largest known deployments use, and about 100 MB of ours.
pub(crate) const SUBSCRIPTIONS_PER_PEER_MAX: usize = 1_000_000;

/// Topics are names: longer ones are no use but to fill memory, a million at a time.
pub(crate) const TOPIC_BYTES_MAX: usize = 4096;

impl Default for PatternOptions {
    fn default() -> PatternOptions {
        PatternOptions {
            router_mandatory: false,
            router_handover: false,
            router_raw: false,
            router_notify: 0,
            probe_router: false,
            req_correlate: false,
            req_relaxed: false,
            xpub_verbose: false,
            xpub_verboser: false,
            xpub_manual: false,
            xpub_manual_last_value: false,
            xpub_nodrop: false,
            xpub_welcome: None,
            invert_matching: false,
            xsub_verbose_unsubscribe: false,
            only_first_subscribe: false,
            stream_notify: true,
            subscriptions_per_peer_max: SUBSCRIPTIONS_PER_PEER_MAX,
            topic_bytes_max: TOPIC_BYTES_MAX,
        }
    }
}
