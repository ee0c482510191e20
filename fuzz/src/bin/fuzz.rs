//! The fuzzer: libFuzzer around the target that the environment variable `NETZMQ_FUZZ` names.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("NETZMQ_FUZZ").unwrap_or_default();
    netzmq_fuzz::by_name(&name).unwrap_or_else(|| panic!("NETZMQ_FUZZ={name}: no such target"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
