//! One program twice: as it was written against the crate `zmq`, and as docs/migrating.md moves it over.
//!
//! `tests/ported.rs` holds the second against the first, with clients of either library.

pub mod after;
pub mod before;
