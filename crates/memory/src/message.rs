//! `Message`: one message part, 64 bytes, whatever its body.
//!
//! A body is inline, static, a range of a reference-counted block, or external memory with an owner. The
//! message is the handle: cloning never copies a body that is not inline, and dropping the last handle
//! gives the memory back by itself. It never knows about sockets, frames or how many parts a message has.
//!
//! Invariants:
//! * **M1** The tag tells which member of the body is initialised (`repr` R1).
//! * **M2** A body with a block holds exactly one counted reference to it; the bytes `ptr..ptr + len` stay
//!   valid and initialised as long as that reference does, or forever without a block.
//! * **M3** Those bytes are written only through `&mut Message` by the only reference (block I2), and only
//!   where the memory may be written at all.

mod annotations;
mod convert;
mod repr;

use std::ffi::c_void;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::{Bound, RangeBounds};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::sync::Arc;

use self::repr::{Body, Heap, INLINE_MAX, Tag};
use crate::block::Block;
use crate::external::{self, Bytes, ForeignMemory, FreeFn};
use crate::pool::MessagePool;
use crate::pool::size_class::Class;

pub use self::annotations::{Annotations, Properties};

/// What kind of memory a message's bytes lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// In the message itself; no other memory.
    Inline,
    /// In memory that lives forever.
    Static,
    /// In a block that returns to a pool.
    Pooled,
    /// In a reference-counted block of its own, freed with the last reference.
    Shared,
    /// In somebody else's memory, kept alive by its owner.
    External,
}

/// One message part: bytes, wherever they lie, and a few attributes. 64 bytes, `Send` and `Sync`.
///
/// | made by | memory | kind |
/// |---|---|---|
/// | up to [`INLINE_MAX`](Message::INLINE_MAX) bytes copied | the message itself | `Inline` |
/// | more bytes copied, a frozen [`PooledBuffer`](crate::PooledBuffer) | a pooled block | `Pooled` (above 4 MiB `Shared`) |
/// | [`from_static`](Message::from_static) | static | `Static` |
/// | `Vec`, `Box<[u8]>`, `Arc<[u8]>`, `String`, [`from_owner`](Message::from_owner), [`from_raw_parts`](Message::from_raw_parts) | the owner's, no copy | `External` |
///
/// `clone` copies at most the inline bytes. Two messages are equal when their bytes are; attributes do not
/// count. Memory that a message keeps is released when the last clone or [`slice`](Message::slice) of it is
/// dropped, on that thread, once: a block returns to its pool, an owner is dropped.
///
/// ```
/// use netzmq_memory::{Message, MessageKind};
///
/// let small = Message::from("hello");
/// assert_eq!((small.kind(), &small[..2]), (MessageKind::Inline, &b"he"[..]));
///
/// let large = Message::from(vec![7; 100_000]);        // no copy: the Vec moves in
/// let clone = large.clone();                          // no copy: a reference
/// assert_eq!(clone.as_ptr(), large.as_ptr());
/// drop(clone);
/// assert_eq!(large.into_vec().len(), 100_000);        // no copy: the Vec moves out again
/// ```
#[repr(C)]
pub struct Message {
    body: Body,
    tag: Tag,
    more: bool,
    routing_id: u32,
    annotations: Option<Arc<Annotations>>,
}

const _: () = assert!(size_of::<Message>() == 64 && align_of::<Message>() == 8);
const _: () = assert!(size_of::<Option<Message>>() == 64, "`more` leaves room for None");

// SAFETY: by M3 shared bytes are only read; blocks and owners may be released by any thread (`Block`,
// `external::adopt`).
unsafe impl Send for Message {}
// SAFETY: as above; `&Message` gives no way to write.
unsafe impl Sync for Message {}

// A panic cannot leave a message half changed: its bytes are shared read-only or exclusively held.
impl UnwindSafe for Message {}
impl RefUnwindSafe for Message {}

impl Message {
    /// The longest body that lies in the message itself, in bytes.
    pub const INLINE_MAX: usize = INLINE_MAX;

    /// The tag must fit the body (M1), and the body be what M2 says.
    #[inline(always)]
    const fn with_heap(tag: Tag, heap: Heap) -> Message {
        // Built in place: going through a `Body` by value makes the compiler take its 50 bytes apart.
        let mut message = Message::new();
        message.body.heap = heap;
        message.tag = tag;
        message
    }

    #[inline(always)]
    fn of_heap(tag: Tag, ptr: *mut u8, len: usize, block: Block) -> Message {
        Message::with_heap(tag, Heap::of_block(ptr, len, block))
    }

    /// An empty message; needs no memory.
    #[inline]
    #[must_use]
    pub const fn new() -> Message {
        Message { annotations: None, body: Body::EMPTY, tag: Tag::inline(0), more: false, routing_id: 0 }
    }

    /// A message of bytes that live forever; never copied, never freed.
    #[inline]
    #[must_use]
    pub const fn from_static(bytes: &'static [u8]) -> Message {
        // SAFETY: a slice's pointer is not null.
        let ptr = unsafe { NonNull::new_unchecked(bytes.as_ptr().cast_mut()) };
        Message::with_heap(Tag::STATIC, Heap { ptr, len: bytes.len(), block: None })
    }

    /// A copy of `bytes`: in the message itself if they fit, else in a block of the shared pool.
    ///
    /// Never blocks. Aborts the process when memory cannot be had, like `Vec`.
    #[inline]
    #[must_use]
    pub fn copy_from_slice(bytes: &[u8]) -> Message {
        let mut message = MaybeUninit::uninit();
        copy_into(&mut message, bytes);
        // SAFETY: just written.
        unsafe { message.assume_init() }
    }

    /// Becomes a copy of `bytes`, made in place: what was here is dropped, attributes and all. The same as assigning
    /// a [`Message::copy_from_slice`], less the moving of a message that was just written.
    ///
    /// ```
    /// let mut message = netzmq_memory::Message::from_static(b"old");
    /// message.assign(b"new");
    /// assert_eq!(message, *b"new");
    /// ```
    #[inline]
    pub fn assign(&mut self, bytes: &[u8]) {
        if !self.rewrite_alike(bytes) {
            self.assign_other(bytes);
        }
    }

    #[inline(never)]
    fn assign_other(&mut self, bytes: &[u8]) {
        if self.tag == Tag::BLOCK && bytes.len() > INLINE_MAX && self.rewrite(bytes) {
            return;
        }
        *self = Message::new();
        fill(self, bytes);
    }

    /// Puts other bytes in the place of as many, if they fill a block from its beginning and nobody else holds it: most
    /// of what a loop meets that receives into one message.
    #[inline(always)]
    fn rewrite_alike(&mut self, bytes: &[u8]) -> bool {
        if self.tag != Tag::BLOCK || self.annotations.is_some() {
            return false;
        }
        // SAFETY: the tag says that this member is initialised (R1).
        let heap = unsafe { self.body.heap };
        let Some(block) = self.block() else { return false };
        let data = block.data();
        if heap.len != bytes.len()
            || heap.ptr.as_ptr().cast_const() != data.cast_const()
            || !block.is_unique()
        {
            return false;
        }
        // SAFETY: as many bytes as are here already; they cannot lie in the block, of which nobody else holds a part and this
        // message is borrowed mutably; the block's bytes may be written by its sole holder.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len()) };
        (self.more, self.routing_id) = (false, 0);
        true
    }

    /// Puts other bytes into the block that is here, if nobody else holds it and it is of the size that these bytes would
    /// get: a loop that receives into one message then leaves the pool alone.
    #[inline]
    fn rewrite(&mut self, bytes: &[u8]) -> bool {
        let Some(block) = self.block() else { return false };
        if !block.is_unique()
            || block.class() != Class::for_len(bytes.len())
            || block.class() == Class::ONE_OFF
        {
            return false;
        }
        let data = block.data();
        // SAFETY: `bytes` fits (the class says so) and cannot lie in the block, of which nobody else holds a part and this
        // message is borrowed mutably; the block's bytes may be written by its sole holder.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len()) };
        // The body may have been a part of the block only. A block's memory is not null.
        let ptr = NonNull::new(data).unwrap_or(NonNull::dangling());
        // SAFETY: the tag says that this member is initialised (R1).
        let header = unsafe { self.body.heap.block };
        self.body.heap = Heap { ptr, len: bytes.len(), block: header };
        (self.annotations, self.more, self.routing_id) = (None, false, 0);
        true
    }

    /// A message over memory that `owner` keeps alive: no copy. `owner.as_ref()` is called once, now; the
    /// owner is dropped exactly once, when the last clone or slice of the message goes, on that thread.
    ///
    /// Allocates nothing for owners up to 56 bytes in the steady state.
    ///
    /// ```
    /// use netzmq_memory::Message;
    ///
    /// struct Mapping(Vec<u8>);                        // a memory-mapped file, say
    /// impl AsRef<[u8]> for Mapping {
    ///     fn as_ref(&self) -> &[u8] { &self.0 }
    /// }
    /// let message = Message::from_owner(Mapping(vec![1, 2, 3]));
    /// assert_eq!(message, [1, 2, 3]);
    /// ```
    #[must_use]
    pub fn from_owner<T: AsRef<[u8]> + Send + 'static>(owner: T) -> Message {
        let (block, Bytes { ptr, len }) = external::adopt(owner, |owner| external::bytes_of(owner));
        Message::of_heap(Tag::EXTERNAL, ptr, len, block)
    }

    /// Like [`from_owner`](Message::from_owner), with the record from another pool than the shared one.
    #[cfg(all(test, netzmq_loom))]
    pub(crate) fn from_owner_in<T: AsRef<[u8]> + Send + 'static>(pool: &MessagePool, owner: T) -> Message {
        let (block, Bytes { ptr, len }) = external::adopt_in(pool, owner, |owner| external::bytes_of(owner));
        Message::of_heap(Tag::EXTERNAL, ptr, len, block)
    }

    /// A message over `len` bytes at `ptr` that are not Rust's: no copy. `free(ptr, hint)` is called exactly
    /// once, when the last clone or slice goes, on whichever thread that is; without it the memory must
    /// live forever. This is `zmq_msg_init_data`.
    ///
    /// # Safety
    /// Until `free` is called (or for ever), `ptr` is valid for reads and writes of `len` initialised bytes
    /// that nobody else writes (nor reads, if the message is written to). `free` may be called with `ptr`
    /// and `hint` from any thread, and does not unwind. With `len` 0, `ptr` may be null.
    #[must_use]
    pub unsafe fn from_raw_parts(
        ptr: *mut u8,
        len: usize,
        free: Option<FreeFn>,
        hint: *mut c_void,
    ) -> Message {
        let len = if ptr.is_null() { 0 } else { len };
        match free {
            None => {
                let ptr = NonNull::new(ptr).unwrap_or(NonNull::dangling());
                Message::with_heap(Tag::STATIC, Heap { ptr, len, block: None })
            }
            Some(free) => {
                // SAFETY: promised by the caller.
                let owner = unsafe { ForeignMemory::new(ptr, hint, free) };
                let (block, Bytes { ptr, len }) = external::adopt(owner, |_| Bytes { ptr, len });
                Message::of_heap(Tag::EXTERNAL_WRITABLE, ptr, len, block)
            }
        }
    }

    /// `block` is referenced only here, and `len` is at most its capacity.
    #[inline]
    pub(crate) fn from_block(block: Block, len: usize) -> Message {
        Message::of_heap(Tag::BLOCK, block.data(), len, block)
    }

    /// A writable message of `len` bytes, all zero.
    ///
    /// Aborts the process when memory cannot be had, like `Vec`.
    #[must_use]
    pub fn zeroed(len: usize) -> Message {
        let mut message = Message::with_len(len);
        if let Some(bytes) = message.as_mut_slice() {
            bytes.fill(0);
        }
        message
    }

    /// A writable message of `len` bytes, whose contents are unspecified (left over from earlier messages)
    /// but initialised: for filling through [`as_mut_slice`](Message::as_mut_slice).
    ///
    /// Aborts the process when memory cannot be had, like `Vec`; a length that comes from outside goes to
    /// [`try_with_len`](Message::try_with_len).
    #[inline]
    #[must_use]
    pub fn with_len(len: usize) -> Message {
        match Message::try_with_len(len) {
            Some(message) => message,
            None => crate::pool::out_of_memory(len),
        }
    }

    /// Like [`with_len`](Message::with_len), but `None` when memory cannot be had.
    #[inline]
    #[must_use]
    pub fn try_with_len(len: usize) -> Option<Message> {
        if len <= INLINE_MAX {
            let mut message = Message::new();
            message.body.copy_from(&[0; INLINE_MAX]);
            message.tag = Tag::inline(len);
            Some(message)
        } else {
            MessagePool::shared().try_rent(len).map(crate::PooledBuffer::freeze)
        }
    }

    /// [`try_with_len`](Message::try_with_len) where the message is wanted, which saves moving it. Whatever was in `slot`
    /// is written over; it holds an empty message if the memory cannot be had.
    #[inline]
    pub fn write_with_len(slot: &mut MaybeUninit<Message>, len: usize) -> Option<&mut Message> {
        let message = slot.write(Message::new());
        if len <= INLINE_MAX {
            message.body.copy_from(&[0; INLINE_MAX]);
            message.tag = Tag::inline(len);
        } else {
            let (block, len) = MessagePool::shared().try_rent(len)?.into_parts();
            message.body.heap = Heap::of_block(block.data(), len, block);
            message.tag = Tag::BLOCK;
        }
        Some(message)
    }

    // ---- reading ------------------------------------------------------------------------------------

    /// The body outside the message, if it lies there.
    #[inline(always)]
    fn heap(&self) -> Option<Heap> {
        match self.tag.inline_len() {
            Some(_) => None,
            // SAFETY: M1.
            None => Some(unsafe { self.body.heap }),
        }
    }

    /// The length in bytes.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match self.tag.inline_len() {
            Some(len) => len,
            // SAFETY: M1.
            None => unsafe { self.body.heap }.len,
        }
    }

    /// Whether there are no bytes.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `as_ptr` points to `len` initialised bytes (M1, M2) that nobody writes while `self` is
        // borrowed (M3).
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len()) }
    }

    /// Where the bytes begin; never null, also for an empty message. Inline bytes move with the message.
    #[inline]
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        match self.heap() {
            Some(heap) => heap.ptr.as_ptr(),
            None => (&raw const self.body).cast(),
        }
    }

    /// Where the bytes begin, for C callers (`zmq_msg_data`); never null. Whether writing there is right is
    /// the caller's to know: the bytes may be shared or static.
    #[inline]
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        match self.heap() {
            Some(heap) => heap.ptr.as_ptr(),
            None => (&raw mut self.body).cast(),
        }
    }

    /// The bytes for writing, when nobody else can see them: inline, or memory that is writable and has no
    /// other holder. `None` for static, read-only and shared bodies.
    #[inline]
    #[must_use]
    pub fn as_mut_slice(&mut self) -> Option<&mut [u8]> {
        if self.heap().is_some() {
            let writable = self.tag == Tag::BLOCK || self.tag == Tag::EXTERNAL_WRITABLE;
            if !writable || !self.block().is_some_and(|block| block.is_unique()) {
                return None;
            }
        }
        let (ptr, len) = (self.as_mut_ptr(), self.len());
        // SAFETY: M2; inline bytes are covered by `&mut self`, others have no other holder (just checked)
        // and may be written.
        Some(unsafe { std::slice::from_raw_parts_mut(ptr, len) })
    }

    /// The block that holds or keeps the body. Not to be dropped: the reference is the message's.
    #[inline]
    fn block(&self) -> Option<ManuallyDrop<Block>> {
        let header = self.heap()?.block?;
        // SAFETY: M2; the borrow does not drop it.
        Some(ManuallyDrop::new(unsafe { Block::from_raw(header) }))
    }

    /// Whether the body's memory is reference-counted and has other holders now.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.block().is_some_and(|block| !block.is_unique())
    }

    /// What kind of memory the bytes lie in.
    #[must_use]
    pub fn kind(&self) -> MessageKind {
        match self.tag {
            Tag::STATIC => MessageKind::Static,
            Tag::BLOCK => match self.block() {
                Some(block) if block.class() == Class::ONE_OFF => MessageKind::Shared,
                _ => MessageKind::Pooled,
            },
            Tag::EXTERNAL | Tag::EXTERNAL_WRITABLE => MessageKind::External,
            _ => MessageKind::Inline,
        }
    }

    /// Whether it is of [`MessageKind::External`]: somebody may be waiting for word that the memory is free.
    #[inline]
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.tag == Tag::EXTERNAL || self.tag == Tag::EXTERNAL_WRITABLE
    }

    /// Gives up the body's reference, if it has one. To be called once, by `drop`.
    #[inline(never)]
    fn drop_heap(&mut self) {
        if let Some(Heap { block: Some(header), .. }) = self.heap() {
            // SAFETY: M2; the reference is given up with the message.
            drop(unsafe { Block::from_raw(header) });
        }
    }

    // ---- parts and conversions ----------------------------------------------------------------------

    /// A message of a part of the bytes: no copy above [`INLINE_MAX`](Message::INLINE_MAX) bytes (it shares
    /// the memory, and keeps all of it alive), a copy into the new message up to that. Attributes are not
    /// taken along.
    ///
    /// # Panics
    /// When the range is not within the bytes, as slicing does; [`try_slice`](Message::try_slice) does not.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Message {
        let len = self.len();
        match self.try_slice(range) {
            Some(message) => message,
            None => panic!("range is not within a message of {len} bytes"),
        }
    }

    /// Like [`slice`](Message::slice), but `None` when the range is not within the bytes.
    #[must_use]
    pub fn try_slice(&self, range: impl RangeBounds<usize>) -> Option<Message> {
        let start = match range.start_bound() {
            Bound::Included(&at) => at,
            Bound::Excluded(&at) => at.checked_add(1)?,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&at) => at.checked_add(1)?,
            Bound::Excluded(&at) => at,
            Bound::Unbounded => self.len(),
        };
        let part = self.as_slice().get(start..end)?;
        let Some(heap) = self.heap() else { return Some(Message::copy_from_slice(part)) };
        if part.len() <= INLINE_MAX && self.tag != Tag::STATIC {
            return Some(Message::copy_from_slice(part));
        }
        // SAFETY: `start` is within the bytes, as the slicing above has checked; derived from the body's
        // own pointer, so that a sole holder may still write through it.
        let ptr = unsafe { heap.ptr.add(start) };
        let block = self.block().map(|block| Block::clone(&block).into_raw());
        Some(Message::with_heap(self.tag, Heap { ptr, len: part.len(), block }))
    }

    /// The bytes as a `Vec`. No copy when the message was made from a `Vec`, `Box<[u8]>` or `String` of more
    /// than [`INLINE_MAX`](Message::INLINE_MAX) bytes and this is its only holder; else one copy.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        if self.tag == Tag::EXTERNAL_WRITABLE {
            let (ptr, len) = (self.as_ptr(), self.len());
            match self.take_owner::<Vec<u8>>() {
                Ok(mut vec) => {
                    let start = ptr.addr() - vec.as_ptr().addr();
                    vec.truncate(start + len);
                    vec.drain(..start);
                    return vec;
                }
                Err(message) => return message.as_slice().to_vec(),
            }
        }
        self.as_slice().to_vec()
    }

    /// The external owner, when it is a `T` and this is its only holder.
    fn take_owner<T: Send + 'static>(self) -> Result<T, Message> {
        let mut this = ManuallyDrop::new(self);
        let Some(Heap { ptr, len, block: Some(header) }) = this.heap() else {
            return Err(ManuallyDrop::into_inner(this));
        };
        // SAFETY: M2; `this` will not drop it, and is put together again if the owner stays.
        match external::take_owner::<T>(unsafe { Block::from_raw(header) }) {
            Ok(owner) => {
                this.annotations = None;
                Ok(owner)
            }
            Err(block) => {
                this.body = Body { heap: Heap { ptr, len, block: Some(block.into_raw()) } };
                Err(ManuallyDrop::into_inner(this))
            }
        }
    }

    // ---- attributes ---------------------------------------------------------------------------------

    /// The routing id of a SERVER or PEER message; 0 when it has none.
    #[inline]
    #[must_use]
    pub fn routing_id(&self) -> u32 {
        self.routing_id
    }

    /// Sets the routing id.
    #[inline]
    pub fn set_routing_id(&mut self, id: u32) {
        self.routing_id = id;
    }

    /// Whether another part of the same message follows.
    #[inline]
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Says whether another part of the same message follows.
    #[inline]
    pub fn set_more(&mut self, more: bool) {
        self.more = more;
    }

    /// The group and the sender's properties, if any.
    #[inline]
    #[must_use]
    pub fn annotations(&self) -> Option<&Arc<Annotations>> {
        self.annotations.as_ref()
    }

    /// Takes them off.
    #[inline]
    pub fn take_annotations(&mut self) -> Option<Arc<Annotations>> {
        self.annotations.take()
    }

    /// Sets the group and the sender's properties.
    #[inline]
    pub fn set_annotations(&mut self, annotations: Option<Arc<Annotations>>) {
        self.annotations = annotations;
    }
}

/// Writes a copy of `bytes` where the message is wanted. Returned by value it would be put together elsewhere
/// and moved, and a move of bytes that were just written piecemeal costs as much as all the rest. Out of line
/// and with nothing written before, so that the compiler passes the final place straight on.
#[inline(never)]
fn copy_into(slot: &mut MaybeUninit<Message>, bytes: &[u8]) {
    fill(slot.write(Message::new()), bytes);
}

/// Fills an empty message.
#[inline]
fn fill(message: &mut Message, bytes: &[u8]) {
    if bytes.len() <= INLINE_MAX {
        message.body.copy_from(bytes);
        message.tag = Tag::inline(bytes.len());
    } else {
        let (block, len) = MessagePool::shared().rent_copy(bytes).into_parts();
        message.body.heap = Heap::of_block(block.data(), len, block);
        message.tag = Tag::BLOCK;
    }
}

impl Clone for Message {
    /// A message with the same bytes and attributes; shares memory instead of copying it, except for inline
    /// bytes.
    #[inline]
    fn clone(&self) -> Message {
        if let Some(block) = self.block() {
            // The new message takes over this reference: its body is a copy of ours (M2).
            let _ = Block::clone(&block).into_raw();
        }
        Message {
            annotations: self.annotations.clone(),
            body: self.body,
            tag: self.tag,
            more: self.more,
            routing_id: self.routing_id,
        }
    }
}

impl Drop for Message {
    #[inline]
    fn drop(&mut self) {
        // Apart, so that dropping an inline message reads the tag and nothing else.
        if self.tag.inline_len().is_none() {
            self.drop_heap();
        }
    }
}

impl Default for Message {
    #[inline]
    fn default() -> Message {
        Message::new()
    }
}
