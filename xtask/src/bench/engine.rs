//! Who is measured.

/// One implementation: a feature and a program of the package `bench`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Engine {
    /// Feature name; the program is `peer-NAME`.
    pub(crate) name: &'static str,
    /// Messages that its PUB queues at most before it drops them, with no way to raise it.
    pub(crate) publish_max: u64,
}

const fn engine(name: &'static str) -> Engine {
    Engine { name, publish_max: u64::MAX }
}

/// Every engine, in the order of the tables. Ratios are to [`YARDSTICK`] and to [`LIMIT`].
pub(crate) const ENGINES: [Engine; 7] = [
    engine("netzmq"),
    engine("libzmq"),
    engine("omq"),
    engine("rzmq"),
    Engine { name: "zeromq", publish_max: 80_000 },
    engine("monocoque"),
    engine("raw"),
];

/// The engine that ratios are to.
pub(crate) const YARDSTICK: &str = "libzmq";
/// The engine that is the limit.
pub(crate) const LIMIT: &str = "raw";

/// The engine of this name, if there is one.
pub(crate) fn by_name(name: &str) -> Option<&'static Engine> {
    ENGINES.iter().find(|engine| engine.name == name)
}
