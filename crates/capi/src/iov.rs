//! Messages of many parts from and into arrays of memory: `zmq_sendiov`, `zmq_recviov`.

use std::ffi::{c_int, c_void};

use crate::boundary::{bytes, export, place};
use crate::errno::{EINVAL, ENOMEM, Errno};
use crate::handles;
use crate::socket::{CSocket, ZMQ_SNDMORE};

/// The array at C's pointer. EINVAL for null or nothing.
///
/// # Safety
/// `iov` is null or points to `count` entries that nobody else uses during `'a`.
unsafe fn entries<'a>(iov: *mut libc::iovec, count: usize) -> Result<&'a mut [libc::iovec], Errno> {
    if iov.is_null() || count == 0 {
        return Err(EINVAL);
    }
    // SAFETY: by the contract.
    Ok(unsafe { std::slice::from_raw_parts_mut(iov, count) })
}

export! {
    /// Sends each entry as one part; returns the length of the last. (`zmq_sendiov`)
    fn zmq_sendiov(socket: *mut c_void, iov: *mut libc::iovec, count: usize, flags: c_int) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        // SAFETY: the manual page's contract.
        let entries = unsafe { entries(iov, count) }?;
        let mut sent = 0;
        for (index, entry) in entries.iter().enumerate() {
            let flags = if index + 1 == count { flags & !ZMQ_SNDMORE } else { flags };
            // SAFETY: the manual page's contract.
            let body = unsafe { bytes(entry.iov_base, entry.iov_len) }?;
            sent = socket.send_bytes(None, body, flags)?;
        }
        Ok(sent)
    }

    /// Receives up to `*count` parts of one message, each into memory from `malloc` that is the caller's to free;
    /// `*count` says how many came. (`zmq_recviov`)
    fn zmq_recviov(socket: *mut c_void, iov: *mut libc::iovec, count: *mut usize, flags: c_int) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        // SAFETY: the manual page's contract.
        let count = unsafe { place(count) }.map_err(|_| EINVAL)?;
        // SAFETY: the manual page's contract.
        let entries = unsafe { entries(iov, *count) }?;
        *count = 0;
        for entry in entries {
            let message = socket.recv(flags)?;
            // SAFETY: any size may be asked for.
            let memory = unsafe { libc::malloc(message.len().max(1)) };
            if memory.is_null() {
                return Err(ENOMEM);
            }
            // SAFETY: as much was just allocated.
            unsafe { memory.cast::<u8>().copy_from_nonoverlapping(message.as_ptr(), message.len()) };
            *entry = libc::iovec { iov_base: memory, iov_len: message.len() };
            *count += 1;
            if !message.has_more() {
                break;
            }
        }
        Ok(crate::message::length(*count))
    }
}
