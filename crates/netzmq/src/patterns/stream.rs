//! STREAM: ROUTER's way of addressing, over peers that speak plain TCP and no ZMTP. See `router.rs` for the rules.

use super::router::Routing;

/// See the module.
pub(crate) type Stream = Routing<true>;
