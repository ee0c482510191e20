//! The way in from C: how a function is exported, and how its failure is told.
//!
//! A function body returns `Result<T, Errno>`; an error sets C's `errno` and becomes the type's failure value. Panics
//! do not unwind out of an `extern "C"` function: Rust prints where it happened and aborts, in the manner of
//! libzmq's assertions, because whoever continued would run on broken state.

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};

use crate::errno::{EFAULT, EINVAL, Errno};

/// What a function returns when it has failed.
pub(crate) trait Failed {
    const FAILED: Self;
}

macro_rules! failed {
    ($($type:ty = $value:expr;)*) => { $(impl Failed for $type { const FAILED: $type = $value; })* };
}

failed! {
    c_int = -1;
    c_long = -1;
    c_uint = 0;
    c_ulong = 0;
    usize = 0;
    *mut c_void = std::ptr::null_mut();
    *mut c_char = std::ptr::null_mut();
    *const c_char = std::ptr::null();
    *mut u8 = std::ptr::null_mut();
    () = ();
}

/// Sets `errno` for an error.
#[inline]
pub(crate) fn conclude<T: Failed>(result: Result<T, Errno>) -> T {
    result.unwrap_or_else(|errno| {
        errno.set();
        T::FAILED
    })
}

/// Exports functions under their C names. The `// SAFETY:` of each is the manual page's contract: pointers are null
/// (which is refused) or point to what the page says, for as long as the call lasts.
macro_rules! export {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block
    )*) => {
        $(
            $(#[$attribute])*
            ///
            /// # Safety
            /// As the manual page says: each pointer is null, a handle, or points to what the page wants.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? {
                #[allow(clippy::redundant_closure_call)]
                crate::boundary::conclude((|| $body)())
            }
        )*
    };
}
pub(crate) use export;

/// C's text as bytes, without the final zero. EFAULT for null.
///
/// # Safety
/// `text` is null or a zero-terminated string that stays for `'a`.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a [u8], Errno> {
    if text.is_null() {
        return Err(EFAULT);
    }
    // SAFETY: not null, so a string by the contract.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// C's text as UTF-8. EFAULT for null, EINVAL for other bytes.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn utf8<'a>(pointer: *const c_char) -> Result<&'a str, Errno> {
    // SAFETY: the contract is the same.
    std::str::from_utf8(unsafe { text(pointer) }?).map_err(|_| EINVAL)
}

/// `len` bytes to read. Null is refused unless there are none.
///
/// # Safety
/// `data` is null or points to `len` initialised bytes that nobody writes during `'a`.
#[inline]
pub(crate) unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Result<&'a [u8], Errno> {
    match (data.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(EFAULT),
        // SAFETY: not null, so readable by the contract.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(data.cast(), len) }),
    }
}

/// `len` bytes to write. Null is refused unless there are none.
///
/// # Safety
/// `data` is null or points to `len` bytes that nobody else uses during `'a`.
#[inline]
pub(crate) unsafe fn bytes_mut<'a>(data: *mut c_void, len: usize) -> Result<&'a mut [u8], Errno> {
    match (data.is_null(), len) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(EFAULT),
        // SAFETY: not null, so writable by the contract.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), len) }),
    }
}

/// One value to write. EFAULT for null.
///
/// # Safety
/// `pointer` is null or points to a `T` that nobody else uses during `'a`.
pub(crate) unsafe fn place<'a, T>(pointer: *mut T) -> Result<&'a mut T, Errno> {
    // SAFETY: null gives None; else the contract makes it a unique reference.
    unsafe { pointer.as_mut() }.ok_or(EFAULT)
}
