//! Recycled buffers of the two sizes that connections move bytes in.
//!
//! A socket keeps a few for itself (its lock protects them, so a rent costs nothing); the context keeps a bounded
//! stock for all. An idle connection holds none. Buffers are always initialised memory: zeroed when made, stale after
//! that, and never shown to anyone beyond what was written into them.

use std::sync::{Arc, Mutex};

/// Outgoing bytes are gathered in pieces of this size: one write moves one or two.
pub(crate) const SEGMENT_BYTES: usize = 64 * 1024;
/// Incoming bytes are read in pieces of at most this size. More falls out of the caches.
pub(crate) const CHUNK_BYTES: usize = 128 * 1024;

/// What the context keeps in stock: at most 4 MiB of each.
const STOCK_SEGMENTS: usize = 64;
const STOCK_CHUNKS: usize = 32;
/// What a socket keeps at hand.
const OWN_SEGMENTS: usize = 4;
const OWN_CHUNKS: usize = 2;

/// The context's stock.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    segments: Mutex<Vec<Box<[u8]>>>,
    chunks: Mutex<Vec<Box<[u8]>>>,
}

impl Stock {
    /// Gives idle buffers back to the system.
    pub(crate) fn trim(&self) {
        lock(&self.segments).clear();
        lock(&self.chunks).clear();
    }
}

/// One socket's buffers.
#[derive(Debug)]
pub(crate) struct Buffers {
    segments: Vec<Box<[u8]>>,
    chunks: Vec<Box<[u8]>>,
    stock: Arc<Stock>,
}

impl Buffers {
    pub(crate) fn new(stock: Arc<Stock>) -> Buffers {
        Buffers { segments: Vec::new(), chunks: Vec::new(), stock }
    }

    pub(crate) fn segment(&mut self) -> Box<[u8]> {
        rent(&mut self.segments, &self.stock.segments, SEGMENT_BYTES)
    }

    pub(crate) fn give_segment(&mut self, buffer: Box<[u8]>) {
        give(&mut self.segments, OWN_SEGMENTS, &self.stock.segments, STOCK_SEGMENTS, buffer);
    }

    pub(crate) fn chunk(&mut self) -> Box<[u8]> {
        rent(&mut self.chunks, &self.stock.chunks, CHUNK_BYTES)
    }

    pub(crate) fn give_chunk(&mut self, buffer: Box<[u8]>) {
        give(&mut self.chunks, OWN_CHUNKS, &self.stock.chunks, STOCK_CHUNKS, buffer);
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        for buffer in self.segments.drain(..) {
            stock(&self.stock.segments, STOCK_SEGMENTS, buffer);
        }
        for buffer in self.chunks.drain(..) {
            stock(&self.stock.chunks, STOCK_CHUNKS, buffer);
        }
    }
}

#[inline]
fn rent(own: &mut Vec<Box<[u8]>>, shared: &Mutex<Vec<Box<[u8]>>>, size: usize) -> Box<[u8]> {
    own.pop().or_else(|| lock(shared).pop()).unwrap_or_else(|| vec![0; size].into_boxed_slice())
}

#[inline]
fn give(
    own: &mut Vec<Box<[u8]>>,
    own_max: usize,
    shared: &Mutex<Vec<Box<[u8]>>>,
    shared_max: usize,
    buffer: Box<[u8]>,
) {
    if own.len() < own_max {
        own.push(buffer);
    } else {
        stock(shared, shared_max, buffer);
    }
}

fn stock(shared: &Mutex<Vec<Box<[u8]>>>, max: usize, buffer: Box<[u8]>) {
    let mut shared = lock(shared);
    if shared.len() < max {
        shared.push(buffer);
    }
}

/// A poisoned stock is still a stock: nothing in it can be half done.
fn lock(shared: &Mutex<Vec<Box<[u8]>>>) -> std::sync::MutexGuard<'_, Vec<Box<[u8]>>> {
    shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
