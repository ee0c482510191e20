//! How each strategy sends and receives a body: the code that is measured.
//!
//! Every strategy begins with the same data in the application's hands and writes it once into the memory it sends
//! from, as the seed did. "Plain receive" (`MessagePooled`) means `recv_with`: the receiver reads the bytes where the
//! engine has them and takes no memory for them. A byte array is passed to `send` as a slice, as in the seed, where the
//! array stays the caller's; giving a `Vec` away is lending memory, which is what `MessageZeroCopy` measures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use netzmq::{Message, MessagePool, Received};

use super::strategy::Strategy;
use crate::Result;
use crate::bench::pair::body;
use crate::bench::pair::routers::{PATIENCE, Receiver, Sender};
use crate::error::Failure;

/// Sends messages 0 to `count - 1`.
pub(crate) fn send(strategy: Strategy, sender: &mut Sender, count: u64) -> Result<()> {
    let pool = MessagePool::shared();
    match strategy {
        Strategy::ByteArray => sender.each(count, |socket, data, _| {
            let fresh = data.to_vec();
            socket.send(&fresh)
        }),
        Strategy::ArrayPool => sender.each(count, |socket, data, buffer| {
            buffer.clear();
            buffer.extend_from_slice(data);
            socket.send(&buffer[..])
        }),
        Strategy::Message => {
            sender.each(count, |socket, data, _| socket.send(Message::copy_from_slice(data)))
        }
        Strategy::MessagePooled | Strategy::MessagePooledRecvPool => sender.each(count, |socket, data, _| {
            let mut rented = pool.rent(data.len());
            rented.copy_from_slice(data);
            socket.send(rented.freeze())
        }),
        Strategy::MessageZeroCopy => {
            sender.each(count, |socket, data, _| socket.send(Message::from_owner(Lent(data.into()))))
        }
    }
}

/// Receives and checks messages 0 to `count - 1`.
pub(crate) fn receive(strategy: Strategy, receiver: &mut Receiver, count: u64) -> Result<()> {
    match strategy {
        Strategy::ByteArray => receiver.all(count, |socket, number, size, _| {
            let (bytes, more) = socket.recv_vec()?;
            body::check(&bytes, number, size).map(|()| more)
        }),
        Strategy::ArrayPool => receiver.all(count, |socket, number, size, buffer| {
            let Received { len, more } = socket.recv_into(buffer)?;
            body::check(buffer.get(..len).unwrap_or_default(), number, size).map(|()| more)
        }),
        Strategy::MessagePooled => receiver.all(count, |socket, number, size, _| {
            let (checked, more) = socket.recv_with(|bytes| body::check(bytes, number, size))?;
            checked.map(|()| more)
        }),
        Strategy::Message | Strategy::MessagePooledRecvPool | Strategy::MessageZeroCopy => {
            receiver.all(count, |socket, number, size, _| {
                let message = socket.recv()?;
                body::check(&message, number, size).map(|()| message.has_more())
            })
        }
    }
}

/// Memory of the application that a message borrows. The callback is its drop, which frees it.
struct Lent(Box<[u8]>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        FREED.with(|freed| {
            // Relaxed, and no locked instruction, which would cost more than all that is measured: only this thread writes.
            freed.store(freed.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        });
    }
}

thread_local! {
    /// Callbacks of [`Lent`] on this thread so far. Leaked, so that they are counted also when the thread has ended.
    static FREED: &'static AtomicU64 = {
        let freed: &'static AtomicU64 = Box::leak(Box::default());
        all().push(freed);
        freed
    };
}

/// The counts of all threads.
static ALL: Mutex<Vec<&'static AtomicU64>> = Mutex::new(Vec::new());

fn all() -> MutexGuard<'static, Vec<&'static AtomicU64>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Callbacks so far, of all threads.
fn freed() -> u64 {
    // Relaxed: counts that are waited for.
    all().iter().map(|freed| freed.load(Ordering::Relaxed)).sum()
}

/// Counts free callbacks from now on.
#[derive(Debug)]
pub(crate) struct Callbacks {
    before: u64,
}

impl Callbacks {
    pub(crate) fn now() -> Callbacks {
        Callbacks { before: freed() }
    }

    /// Waits until each of `count` messages has given its memory back: once each, and soon.
    pub(crate) fn expect(&self, count: u64) -> Result<()> {
        let came = || freed().wrapping_sub(self.before);
        let deadline = Instant::now() + PATIENCE;
        while came() < count && Instant::now() < deadline {
            std::thread::yield_now();
        }
        match came() {
            came if came == count => Ok(()),
            came => Err(Failure::Wrong(format!("{came} free callbacks for {count} messages"))),
        }
    }
}
