//! libzmq is compiled with CURVE (see .cargo/config.toml at the root), for which it needs libsodium, behind it on the line.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_LIBZMQ").is_some() {
        println!("cargo::rustc-link-arg=-lsodium");
    }
}
