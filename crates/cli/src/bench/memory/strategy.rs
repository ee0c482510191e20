//! The strategies: where a message's bytes lie before they are sent and after they are received.

/// One of the seed's six. What each does exactly is in `ways`.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// A fresh `Vec` for each message, on both sides.
    ByteArray,
    /// One buffer on each side, used again and again.
    ArrayPool,
    /// Copied into a message, received as one.
    Message,
    /// Sent from rented memory; the receiver looks at the bytes where they lie.
    MessagePooled,
    /// Sent from rented memory, received into rented memory.
    MessagePooledRecvPool,
    /// The application's own memory, lent to the message and freed by a callback; received as a message.
    MessageZeroCopy,
}

impl Strategy {
    /// In the order of the tables.
    pub(crate) const ALL: [Strategy; 6] = [
        Strategy::ByteArray,
        Strategy::ArrayPool,
        Strategy::Message,
        Strategy::MessagePooled,
        Strategy::MessagePooledRecvPool,
        Strategy::MessageZeroCopy,
    ];

    /// What the others are compared with: what one writes without thinking about memory.
    pub(crate) const BASELINE: Strategy = Strategy::ByteArray;

    /// The one of that name, however its letters are written.
    fn named(name: &str) -> Option<Strategy> {
        Strategy::ALL.into_iter().find(|strategy| strategy.name().eq_ignore_ascii_case(name))
    }

    /// As in tables and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Strategy::ByteArray => "ByteArray",
            Strategy::ArrayPool => "ArrayPool",
            Strategy::Message => "Message",
            Strategy::MessagePooled => "MessagePooled",
            Strategy::MessagePooledRecvPool => "MessagePooled+RecvPool",
            Strategy::MessageZeroCopy => "MessageZeroCopy",
        }
    }
}

impl std::str::FromStr for Strategy {
    type Err = String;

    fn from_str(name: &str) -> Result<Strategy, String> {
        let names = || Strategy::ALL.map(Strategy::name).join(", ");
        Strategy::named(name).ok_or_else(|| format!("the strategies are {}", names()))
    }
}
