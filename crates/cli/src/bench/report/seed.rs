//! What the seed measured: times relative to the byte array, in C# over libzmq, as published.
//!
//! The article is "Net.ZMQ Memory Optimization - MessagePool and ZeroCopy Verification" of 2025-12-23; another machine,
//! language and engine, so only ratios are comparable.

use crate::bench::memory::strategy::Strategy;

const SIZES: [usize; 4] = [64, 512, 1024, 64 << 10];

/// The seed's ratio to its byte array; `None` for what it did not measure, and for the byte array itself.
pub(crate) fn ratio(strategy: &str, size: usize) -> Option<f64> {
    let ratios: [f64; 4] = match strategy {
        s if s == Strategy::ArrayPool.name() => [1.03, 0.95, 1.02, 0.95],
        s if s == Strategy::Message.name() => [2.18, 1.01, 1.03, 0.79],
        s if s == Strategy::MessagePooled.name() => [1.78, 0.84, 0.90, 0.88],
        s if s == Strategy::MessagePooledRecvPool.name() => [2.21, 0.99, 1.00, 0.94],
        s if s == Strategy::MessageZeroCopy.name() => [2.47, 1.16, 1.37, 0.84],
        _ => return None,
    };
    let at = SIZES.iter().position(|&known| known == size)?;
    ratios.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown() {
        assert_eq!(ratio("MessageZeroCopy", 64), Some(2.47));
        assert_eq!((ratio("ByteArray", 64), ratio("Message", 65)), (None, None));
    }
}
