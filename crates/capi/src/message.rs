//! `zmq_msg_t`: one message part of 64 bytes, which is a [`netzmq::Message`] in C's hands.
//!
//! Invariants:
//! - **C1** An initialised `zmq_msg_t` holds a valid `Message` in its own bytes. All bytes zero is one too: the empty
//!   one.
//! - **C2** A closed `zmq_msg_t` has a tag that no `Message` has, and so have most of those that never were
//!   initialised: they are refused with EFAULT instead of being followed.

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;

use netzmq::Message;
use netzmq::memory::{Annotations, MessageKind};

use crate::boundary::{bytes, export, text};
use crate::errno::{EFAULT, EINVAL, ENOMEM, Errno};

/// C's `zmq_msg_t`.
#[repr(C, align(8))]
pub struct RawMessage(MaybeUninit<Message>);

const _: () = assert!(size_of::<RawMessage>() == 64 && align_of::<RawMessage>() == 8);

/// Where a `Message` says what its bytes are; a test below holds this against the real thing.
const TAG_AT: usize = 50;
/// Where its more-flag is.
const MORE_AT: usize = 51;
/// A tag that no `Message` has: lengths end at 50, kinds begin at 0xFC.
const CLOSED: u8 = 0x7F;
const KINDS_FROM: u8 = 0xFC;

const ZMQ_MORE: c_int = 1;
const ZMQ_SRCFD: c_int = 2;
const ZMQ_SHARED: c_int = 3;
/// RADIO and DISH: a group's name is at most this long, in bytes.
const GROUP_MAX: usize = 255;

#[inline(always)]
fn is_live(message: *const RawMessage) -> bool {
    if message.is_null() || !message.is_aligned() {
        return false;
    }
    let bytes = message.cast::<u8>();
    // SAFETY: not null, so 64 readable bytes by the manual page's contract; both were written by whatever
    // initialised or closed the message.
    let (tag, more) = unsafe { (bytes.add(TAG_AT).read(), bytes.add(MORE_AT).read()) };
    (usize::from(tag) <= Message::INLINE_MAX || tag >= KINDS_FROM) && more <= 1
}

/// The message at C's pointer, to change.
///
/// # Safety
/// `message` is null or points to a `zmq_msg_t` that was initialised or closed, and that nobody else uses during `'a`.
#[inline]
pub(crate) unsafe fn message_mut<'a>(message: *mut RawMessage) -> Result<&'a mut Message, Errno> {
    if !is_live(message) {
        return Err(EFAULT);
    }
    // SAFETY: C1.
    Ok(unsafe { (*message).0.assume_init_mut() })
}

/// The message at C's pointer, to read.
///
/// # Safety
/// As [`message_mut`], but others may read it too.
#[inline]
pub(crate) unsafe fn message_ref<'a>(message: *const RawMessage) -> Result<&'a Message, Errno> {
    if !is_live(message) {
        return Err(EFAULT);
    }
    // SAFETY: C1.
    Ok(unsafe { (*message).0.assume_init_ref() })
}

/// Initialises C's memory, whatever was in it.
#[inline(always)]
fn init(place: *mut RawMessage, message: Message) -> Result<c_int, Errno> {
    if place.is_null() {
        return Err(EFAULT);
    }
    // SAFETY: not null, so 64 writable bytes by the manual page's contract.
    unsafe { place.write(RawMessage(MaybeUninit::new(message))) };
    Ok(0)
}

/// The length as C's `int`, which ends earlier than lengths do.
#[inline]
pub(crate) fn length(len: usize) -> c_int {
    c_int::try_from(len).unwrap_or(c_int::MAX)
}

/// The function that `zmq_msg_init_data` calls when the memory is no longer needed.
type FreeFn = unsafe extern "C" fn(*mut c_void, *mut c_void);

export! {
    /// Makes an empty message. (`zmq_msg_init`)
    fn zmq_msg_init(message: *mut RawMessage) -> c_int {
        init(message, Message::new())
    }

    /// Makes a message of `size` bytes to be filled. (`zmq_msg_init_size`)
    fn zmq_msg_init_size(message: *mut RawMessage, size: usize) -> c_int {
        if message.is_null() {
            return Err(EFAULT);
        }
        // SAFETY: not null, so 64 bytes by the manual page's contract, to be written as if nothing were there.
        let place = unsafe { &mut (*message).0 };
        Message::write_with_len(place, size).map(|_| 0).ok_or(ENOMEM)
    }

    /// Makes a message with a copy of `size` bytes. (`zmq_msg_init_buffer`)
    fn zmq_msg_init_buffer(message: *mut RawMessage, data: *const c_void, size: usize) -> c_int {
        // SAFETY: the manual page's contract.
        let from = unsafe { bytes(data, size) }?;
        let mut copy = Message::try_with_len(size).ok_or(ENOMEM)?;
        if let Some(to) = copy.as_mut_slice() {
            to.copy_from_slice(from);
        }
        init(message, copy)
    }

    /// Makes a message over the caller's memory, without a copy. `free(data, hint)` is called exactly once, on any
    /// thread, when nothing uses the memory any more; without it the memory must stay. (`zmq_msg_init_data`)
    fn zmq_msg_init_data(
        message: *mut RawMessage,
        data: *mut c_void,
        size: usize,
        free: Option<FreeFn>,
        hint: *mut c_void,
    ) -> c_int {
        if message.is_null() || (data.is_null() && size > 0) {
            return Err(EFAULT);
        }
        // SAFETY: the manual page's contract is this function's.
        init(message, unsafe { Message::from_raw_parts(data.cast(), size, free, hint) })
    }

    /// Gives the message up. It may be initialised again after this. (`zmq_msg_close`)
    fn zmq_msg_close(message: *mut RawMessage) -> c_int {
        // SAFETY: the manual page's contract.
        unsafe { message_mut(message) }?;
        // SAFETY: just checked; the message is taken out, and the place marked as holding none (C2).
        unsafe {
            drop(message.read().0.assume_init());
            message.cast::<u8>().add(TAG_AT).write(CLOSED);
        }
        Ok(0)
    }

    /// Moves a message; what was in `to` is given up, `from` is empty after. (`zmq_msg_move`)
    fn zmq_msg_move(to: *mut RawMessage, from: *mut RawMessage) -> c_int {
        if to == from {
            // SAFETY: the manual page's contract.
            return unsafe { message_mut(to) }.map(|_| 0);
        }
        // SAFETY: the manual page's contract, and they are not the same.
        let (to, from) = unsafe { (message_mut(to)?, message_mut(from)?) };
        *to = std::mem::take(from);
        Ok(0)
    }

    /// Copies a message; large bodies are shared, not copied. (`zmq_msg_copy`)
    fn zmq_msg_copy(to: *mut RawMessage, from: *mut RawMessage) -> c_int {
        // SAFETY: the manual page's contract.
        let copy = unsafe { message_ref(from) }?.clone();
        // SAFETY: the manual page's contract.
        *unsafe { message_mut(to) }? = copy;
        Ok(0)
    }

    /// Where the body is; not null, even if it is empty. (`zmq_msg_data`)
    fn zmq_msg_data(message: *mut RawMessage) -> *mut c_void {
        // SAFETY: the manual page's contract.
        Ok(unsafe { message_mut(message) }?.as_mut_ptr().cast())
    }

    /// The body's length in bytes. (`zmq_msg_size`)
    fn zmq_msg_size(message: *const RawMessage) -> usize {
        // SAFETY: the manual page's contract.
        Ok(unsafe { message_ref(message) }?.len())
    }

    /// 1 if more parts of the same message follow. (`zmq_msg_more`)
    fn zmq_msg_more(message: *const RawMessage) -> c_int {
        // SAFETY: the manual page's contract.
        Ok(c_int::from(unsafe { message_ref(message) }?.has_more()))
    }

    /// A property by number. (`zmq_msg_get`)
    fn zmq_msg_get(message: *const RawMessage, property: c_int) -> c_int {
        // SAFETY: the manual page's contract.
        let message = unsafe { message_ref(message) }?;
        match property {
            ZMQ_MORE => Ok(c_int::from(message.has_more())),
            ZMQ_SRCFD => {
                let properties = message.annotations().and_then(|a| a.properties.as_ref());
                match properties.map(|p| p.source_fd()) {
                    Some(fd) if fd >= 0 => Ok(fd),
                    _ => Err(EINVAL),
                }
            }
            ZMQ_SHARED => Ok(c_int::from(message.is_shared() || message.kind() == MessageKind::Static)),
            _ => Err(EINVAL),
        }
    }

    /// No property can be set. (`zmq_msg_set`)
    fn zmq_msg_set(message: *mut RawMessage, _property: c_int, _value: c_int) -> c_int {
        // SAFETY: the manual page's contract.
        unsafe { message_ref(message) }?;
        Err(EINVAL)
    }

    /// What the sender's handshake said under this name; valid as long as the message. (`zmq_msg_gets`)
    fn zmq_msg_gets(message: *const RawMessage, property: *const c_char) -> *const c_char {
        // SAFETY: the manual page's contract.
        let message = unsafe { message_ref(message) }?;
        // SAFETY: the manual page's contract.
        let name = std::str::from_utf8(unsafe { text(property) }?).map_err(|_| EINVAL)?;
        let properties = message.annotations().and_then(|a| a.properties.as_ref()).ok_or(EINVAL)?;
        Ok(properties.get_with_nul(name).ok_or(EINVAL)?.as_ptr().cast())
    }

    /// SERVER, PEER: whom the message is for. Not 0. (`zmq_msg_set_routing_id`)
    fn zmq_msg_set_routing_id(message: *mut RawMessage, id: u32) -> c_int {
        // SAFETY: the manual page's contract.
        let message = unsafe { message_mut(message) }?;
        if id == 0 {
            return Err(EINVAL);
        }
        message.set_routing_id(id);
        Ok(0)
    }

    /// SERVER, PEER: whom the message is from; 0 if nobody. (`zmq_msg_routing_id`)
    fn zmq_msg_routing_id(message: *mut RawMessage) -> u32 {
        // SAFETY: the manual page's contract.
        Ok(unsafe { message_ref(message) }?.routing_id())
    }

    /// RADIO: the group that the message is for, at most 255 bytes. (`zmq_msg_set_group`)
    fn zmq_msg_set_group(message: *mut RawMessage, group: *const c_char) -> c_int {
        // SAFETY: the manual page's contract.
        let message = unsafe { message_mut(message) }?;
        // SAFETY: the manual page's contract.
        let group = std::str::from_utf8(unsafe { text(group) }?).map_err(|_| EINVAL)?;
        if group.len() > GROUP_MAX {
            return Err(EINVAL);
        }
        let properties = message.annotations().and_then(|a| a.properties.clone());
        message.set_annotations(Some(Arc::new(Annotations::new(group, properties))));
        Ok(0)
    }

    /// DISH: the group that the message was sent to; valid as long as the message. (`zmq_msg_group`)
    fn zmq_msg_group(message: *mut RawMessage) -> *const c_char {
        // SAFETY: the manual page's contract.
        let message = unsafe { message_ref(message) }?;
        Ok(message.annotations().map_or(c"", |a| a.group_with_nul()).as_ptr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte(message: &RawMessage, at: usize) -> u8 {
        // SAFETY: the two marks are always initialised.
        unsafe { (&raw const *message).cast::<u8>().add(at).read() }
    }

    /// Goal: the two marks are where this file believes them. Method: messages that differ in them alone.
    #[test]
    fn the_marks_of_a_message() {
        for len in [0, 1, Message::INLINE_MAX] {
            let mut message = Message::copy_from_slice(&vec![1; len]);
            message.set_more(len == 1);
            let raw = RawMessage(MaybeUninit::new(message));
            assert_eq!(usize::from(byte(&raw, TAG_AT)), len);
            assert_eq!(byte(&raw, MORE_AT), u8::from(len == 1));
        }
        for message in
            [Message::from_static(b"x"), Message::from(vec![0; 99]), Message::copy_from_slice(&[0; 99])]
        {
            let mut raw = RawMessage(MaybeUninit::new(message));
            assert!(byte(&raw, TAG_AT) >= KINDS_FROM);
            // SAFETY: a live message; afterwards a closed one.
            let closed = unsafe { [zmq_msg_close(&raw mut raw), zmq_msg_close(&raw mut raw)] };
            assert_eq!(closed, [0, -1]);
        }
    }

    #[test]
    fn all_zero_is_an_empty_message() {
        let mut raw = RawMessage(MaybeUninit::zeroed());
        // SAFETY: a live message.
        unsafe {
            assert_eq!(zmq_msg_size(&raw const raw), 0);
            assert!(!zmq_msg_data(&raw mut raw).is_null());
            assert_eq!(zmq_msg_close(&raw mut raw), 0);
        }
    }
}
