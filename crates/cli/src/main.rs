//! The `netzmq` program.
fn main() {}
