//! A number that nothing but the statistics wants: a plain `u64`.
//!
//! Built with `RUSTFLAGS="--cfg netzmq_uncounted"` it is nothing, and counting costs nothing: the other half of the comparison in
//! docs/tuning.md. Such a build is for measuring only; its statistics are zero.

#[cfg(not(netzmq_uncounted))]
pub(crate) type Tally = u64;

/// What was counted.
#[cfg(not(netzmq_uncounted))]
pub(super) const fn seen(tally: Tally) -> u64 {
    tally
}

#[cfg(netzmq_uncounted)]
pub(crate) use uncounted::Tally;
#[cfg(netzmq_uncounted)]
pub(super) use uncounted::seen;

#[cfg(netzmq_uncounted)]
mod uncounted {
    /// Nothing, which is added to.
    #[derive(Debug, Default, Clone, Copy)]
    pub(crate) struct Tally;

    impl std::ops::AddAssign<u64> for Tally {
        fn add_assign(&mut self, _more: u64) {}
    }

    pub(crate) const fn seen(_tally: Tally) -> u64 {
        0
    }
}
