//! A leak on purpose, so that `cargo xtask asan` can see that its leak detector sees one.
//!
//! Goal: "no leaks" from the sanitizer means something. Method: with `NETZMQ_PLANT_LEAK` set, this program forgets messages
//! of each kind that holds memory; the step fails unless the sanitizer then fails. Without it nothing is forgotten, and
//! the pool's own count must say so: that is the other leak check, which needs no sanitizer.

use netzmq_memory::{Message, MessagePool};

#[test]
fn what_is_forgotten_stays_outstanding_and_nothing_else_does() {
    let is_planted = std::env::var_os("NETZMQ_PLANT_LEAK").is_some();
    let pool = MessagePool::new();
    let let_go = |message: Message| if is_planted { std::mem::forget(message) } else { drop(message) };
    for len in [100, 64 << 10] {
        let_go(pool.rent(len).freeze());
        let_go(pool.rent_copy(&vec![7; len]).freeze().slice(1..));
        drop(pool.rent(len).freeze().clone());
    }
    let_go(Message::from(vec![7; 100]));
    let_go(Message::from_owner([7; 1000]));
    assert_eq!(pool.stats().outstanding, if is_planted { 4 } else { 0 });
}
