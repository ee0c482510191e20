//! A library with libzmq's C interface, called as a C program calls it: our `libzmq.so.5` or another one, loaded at run time,
//! or with the feature `peers` the libzmq that is linked in.
//!
//! Only what `bench interop` measures is here. Every call goes through a function pointer, so that nothing of the library is
//! inlined.
//!
//! Invariants:
//! * **I1** The pointers of [`Functions`] are those of a library with `zmq.h`'s interface, and stay valid: a library that has
//!   been loaded is never unloaded.
//! * **I2** The message of a [`CPair`] lies still in its box. It is open within one of the pair's methods at most, which closes
//!   it or has it sent before it returns.
//! * **I3** The handles of a [`CPair`] are open until it is dropped, and are used by one thread at a time (`&mut`).

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::NonNull;

use crate::Result;
use crate::error::Failure;

const PULL: c_int = 7;
const PUSH: c_int = 8;
const LINGER: c_int = 17;
const RCVTIMEO: c_int = 27;
const SNDTIMEO: c_int = 28;

/// `zmq_msg_t`: 64 bytes, at least as aligned as a pointer.
#[repr(C, align(8))]
struct Raw([u8; 64]);

macro_rules! functions {
    ($($name:ident($($argument:ty),*) -> $result:ty;)*) => {
        /// The functions of the interface, by their names.
        #[derive(Debug, Copy, Clone)]
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) -> $result,)*
        }

        impl Functions {
            /// Those of a library at this path, or whose name the loader knows.
            fn load(path: &Path) -> std::result::Result<Functions, libloading::Error> {
                // SAFETY: loading runs the initialisers of a library that the user has named, as the loader would if it
                // were linked.
                let library = unsafe { libloading::Library::new(path) }?;
                let functions = Functions {
                    $($name: {
                        // SAFETY: the types are those of zmq.h (I1).
                        let symbol = unsafe {
                            library.get::<unsafe extern "C" fn($($argument),*) -> $result>(stringify!($name).as_bytes())
                        };
                        *symbol?
                    },)*
                };
                // Its threads may outlive its contexts by a little: it stays.
                std::mem::forget(library);
                Ok(functions)
            }
        }
    };
}

functions! {
    zmq_ctx_new() -> *mut c_void;
    zmq_ctx_term(*mut c_void) -> c_int;
    zmq_socket(*mut c_void, c_int) -> *mut c_void;
    zmq_close(*mut c_void) -> c_int;
    zmq_setsockopt(*mut c_void, c_int, *const c_void, usize) -> c_int;
    zmq_bind(*mut c_void, *const c_char) -> c_int;
    zmq_connect(*mut c_void, *const c_char) -> c_int;
    zmq_send(*mut c_void, *const c_void, usize, c_int) -> c_int;
    zmq_recv(*mut c_void, *mut c_void, usize, c_int) -> c_int;
    zmq_msg_init(*mut c_void) -> c_int;
    zmq_msg_init_size(*mut c_void, usize) -> c_int;
    zmq_msg_data(*mut c_void) -> *mut c_void;
    zmq_msg_size(*const c_void) -> usize;
    zmq_msg_send(*mut c_void, *mut c_void, c_int) -> c_int;
    zmq_msg_recv(*mut c_void, *mut c_void, c_int) -> c_int;
    zmq_msg_close(*mut c_void) -> c_int;
    zmq_errno() -> c_int;
    zmq_strerror(c_int) -> *const c_char;
}

/// A library, ready to be called.
#[derive(Debug, Copy, Clone)]
pub(crate) struct CLibrary {
    functions: Functions,
}

impl CLibrary {
    /// The library at this path, or whose name the loader knows. It stays loaded until the process ends.
    ///
    /// # Errors
    /// It is not there, is no library, or lacks a function.
    pub(crate) fn load(path: &Path) -> Result<CLibrary> {
        let functions = Functions::load(path)
            .map_err(|error| Failure::Usage(format!("{}: no libzmq: {error}", path.display())))?;
        Ok(CLibrary { functions })
    }

    /// The libzmq that the crate `zmq` links.
    #[cfg(feature = "peers")]
    pub(crate) fn linked() -> CLibrary {
        use zmq_sys as sys;
        // Its own declarations name messages by type. Here they are addresses, as they are when a library was loaded.
        macro_rules! adapted {
            ($name:ident($($argument:ident: $kind:ty),*) -> $result:ty) => {{
                unsafe extern "C" fn $name($($argument: $kind),*) -> $result {
                    // SAFETY: the caller keeps to zmq.h, whose types these are; a message's type is 64 bytes on both sides.
                    unsafe { sys::$name($($argument.cast()),*) }
                }
                $name
            }};
        }
        unsafe extern "C" fn init_size(message: *mut c_void, size: usize) -> c_int {
            // SAFETY: as above.
            unsafe { sys::zmq_msg_init_size(message.cast(), size) }
        }
        unsafe extern "C" fn send(message: *mut c_void, socket: *mut c_void, flags: c_int) -> c_int {
            // SAFETY: as above.
            unsafe { sys::zmq_msg_send(message.cast(), socket, flags) }
        }
        unsafe extern "C" fn recv(message: *mut c_void, socket: *mut c_void, flags: c_int) -> c_int {
            // SAFETY: as above.
            unsafe { sys::zmq_msg_recv(message.cast(), socket, flags) }
        }
        unsafe extern "C" fn size(message: *const c_void) -> usize {
            // SAFETY: as above. (The size is only read.)
            unsafe { sys::zmq_msg_size(message.cast()) }
        }
        CLibrary {
            functions: Functions {
                zmq_ctx_new: sys::zmq_ctx_new,
                zmq_ctx_term: sys::zmq_ctx_term,
                zmq_socket: sys::zmq_socket,
                zmq_close: sys::zmq_close,
                zmq_setsockopt: sys::zmq_setsockopt,
                zmq_bind: sys::zmq_bind,
                zmq_connect: sys::zmq_connect,
                zmq_send: sys::zmq_send,
                zmq_recv: sys::zmq_recv,
                zmq_msg_init: adapted!(zmq_msg_init(message: *mut c_void) -> c_int),
                zmq_msg_init_size: init_size,
                zmq_msg_data: adapted!(zmq_msg_data(message: *mut c_void) -> *mut c_void),
                zmq_msg_size: size,
                zmq_msg_send: send,
                zmq_msg_recv: recv,
                zmq_msg_close: adapted!(zmq_msg_close(message: *mut c_void) -> c_int),
                zmq_errno: sys::zmq_errno,
                zmq_strerror: sys::zmq_strerror,
            },
        }
    }

    /// What the last call of this thread failed with.
    #[cold]
    fn failed(&self, call: &str) -> Failure {
        // SAFETY: neither has a precondition, and the text is static (I1).
        let text = unsafe { CStr::from_ptr((self.functions.zmq_strerror)((self.functions.zmq_errno)())) };
        Failure::Wrong(format!("{call}: {}", text.to_string_lossy()))
    }

    /// An answer of -1 is a failure.
    #[inline]
    fn done(&self, call: &str, answer: c_int) -> Result<usize> {
        usize::try_from(answer).map_err(|_| self.failed(call))
    }

    /// A PUSH and a PULL in a context of their own, connected over inproc.
    ///
    /// # Errors
    /// What the library says.
    pub(crate) fn pair(&self, patience_ms: c_int) -> Result<CPair> {
        let functions = self.functions;
        // SAFETY: no precondition (I1).
        let context = NonNull::new(unsafe { (functions.zmq_ctx_new)() });
        let mut pair = CPair {
            library: *self,
            context: context.ok_or_else(|| self.failed("zmq_ctx_new"))?,
            sockets: [None; 2],
            message: Box::new(Raw([0; 64])),
        };
        let endpoint = CString::from(c"inproc://interop");
        for (socket, kind) in [PULL, PUSH].into_iter().enumerate() {
            // SAFETY: the context is open (I3).
            let made = NonNull::new(unsafe { (functions.zmq_socket)(pair.context.as_ptr(), kind) });
            let made = made.ok_or_else(|| self.failed("zmq_socket"))?;
            if let Some(place) = pair.sockets.get_mut(socket) {
                *place = Some(made);
            }
            for (option, value) in [(LINGER, 0), (RCVTIMEO, patience_ms), (SNDTIMEO, patience_ms)] {
                let value: c_int = value;
                // SAFETY: the socket is open, and the value is as long as is said.
                let answer = unsafe {
                    (functions.zmq_setsockopt)(
                        made.as_ptr(),
                        option,
                        (&raw const value).cast(),
                        size_of::<c_int>(),
                    )
                };
                self.done("zmq_setsockopt", answer)?;
            }
            let attach = if kind == PULL { functions.zmq_bind } else { functions.zmq_connect };
            // SAFETY: the socket is open, and the text ends with a zero.
            let answer = unsafe { attach(made.as_ptr(), endpoint.as_ptr()) };
            self.done("zmq_bind or zmq_connect", answer)?;
        }
        Ok(pair)
    }
}

/// A PUSH and a PULL of a C library, and a message of its own kind.
pub(crate) struct CPair {
    library: CLibrary,
    context: NonNull<c_void>,
    /// PULL and PUSH.
    sockets: [Option<NonNull<c_void>>; 2],
    message: Box<Raw>,
}

impl CPair {
    #[inline]
    fn pull(&self) -> *mut c_void {
        self.sockets[0].map_or(std::ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    fn push(&self) -> *mut c_void {
        self.sockets[1].map_or(std::ptr::null_mut(), NonNull::as_ptr)
    }

    /// Makes a message of `size` bytes, and closes it.
    #[inline]
    pub(crate) fn make_and_close(&mut self, size: usize) -> Result<()> {
        let message = (&raw mut *self.message).cast();
        // SAFETY: the memory is a message's, and holds none that is open (I2).
        let answer = unsafe { (self.library.functions.zmq_msg_init_size)(message, size) };
        self.library.done("zmq_msg_init_size", answer)?;
        self.close()
    }

    /// Closes the message.
    #[inline]
    fn close(&mut self) -> Result<()> {
        // SAFETY: only called when the message is open (I2).
        let answer = unsafe { (self.library.functions.zmq_msg_close)((&raw mut *self.message).cast()) };
        self.library.done("zmq_msg_close", answer).map(drop)
    }

    /// `zmq_send`.
    #[inline]
    pub(crate) fn send_buffer(&mut self, body: &[u8]) -> Result<()> {
        // SAFETY: the socket is open, or null, which the library refuses; the bytes are ours to read (I3).
        let answer =
            unsafe { (self.library.functions.zmq_send)(self.push(), body.as_ptr().cast(), body.len(), 0) };
        self.library.done("zmq_send", answer).map(drop)
    }

    /// `zmq_msg_init_size`, a copy, and `zmq_msg_send`.
    #[inline]
    pub(crate) fn send_message(&mut self, body: &[u8]) -> Result<()> {
        let (functions, message) = (self.library.functions, (&raw mut *self.message).cast());
        // SAFETY: the memory is a message's, and holds none that is open (I2).
        let answer = unsafe { (functions.zmq_msg_init_size)(message, body.len()) };
        self.library.done("zmq_msg_init_size", answer)?;
        // SAFETY: the message is open and has as many bytes as the body; its memory is its own.
        unsafe {
            let data: *mut u8 = (functions.zmq_msg_data)(message).cast();
            data.copy_from_nonoverlapping(body.as_ptr(), body.len());
        }
        // SAFETY: message and socket are open (I2, I3). What was sent need not be closed.
        let answer = unsafe { (functions.zmq_msg_send)(message, self.push(), 0) };
        let sent = self.library.done("zmq_msg_send", answer).map(drop);
        if sent.is_err() {
            // Still ours; the first failure is the one to tell.
            let _ = self.close();
        }
        sent
    }

    /// `zmq_recv` into the buffer: how many bytes came, those included that did not fit.
    #[inline]
    pub(crate) fn recv_buffer(&mut self, buffer: &mut [u8]) -> Result<usize> {
        // SAFETY: the socket is open, and the buffer is ours to write (I3).
        let answer = unsafe {
            (self.library.functions.zmq_recv)(self.pull(), buffer.as_mut_ptr().cast(), buffer.len(), 0)
        };
        self.library.done("zmq_recv", answer)
    }

    /// `zmq_msg_init`, `zmq_msg_recv`, a look at the bytes, and `zmq_msg_close`.
    #[inline]
    pub(crate) fn recv_message(&mut self, look: impl FnOnce(&[u8]) -> Result<()>) -> Result<()> {
        let (functions, message) = (self.library.functions, (&raw mut *self.message).cast());
        // SAFETY: the memory is a message's, and holds none that is open (I2).
        let answer = unsafe { (functions.zmq_msg_init)(message) };
        self.library.done("zmq_msg_init", answer)?;
        // SAFETY: message and socket are open (I2, I3).
        let answer = unsafe { (functions.zmq_msg_recv)(message, self.pull(), 0) };
        let seen = self.library.done("zmq_msg_recv", answer).and_then(|_| {
            // SAFETY: the message is open: its bytes stay where they are until it is closed, and nobody writes them. An
            // empty message may have no address, so that it is not made a slice of.
            let bytes = unsafe {
                match (functions.zmq_msg_size)(message) {
                    0 => &[],
                    size => std::slice::from_raw_parts((functions.zmq_msg_data)(message).cast::<u8>(), size),
                }
            };
            look(bytes)
        });
        let closed = self.close();
        seen.and(closed)
    }
}

impl Drop for CPair {
    fn drop(&mut self) {
        let functions = self.library.functions;
        for socket in self.sockets.into_iter().flatten() {
            // SAFETY: the socket is open, and this is its last use (I3). Nothing can be done about a failure.
            unsafe { (functions.zmq_close)(socket.as_ptr()) };
        }
        // SAFETY: the context is open, all its sockets are closed, and this is its last use.
        unsafe { (functions.zmq_ctx_term)(self.context.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_libzmq_is_refused() {
        let said = CLibrary::load(Path::new("no/such/libzmq.so")).unwrap_err().to_string();
        assert!(said.contains("no/such/libzmq.so"), "{said}");
        let said = CLibrary::load(Path::new("libc.so.6")).unwrap_err().to_string();
        assert!(said.contains("zmq_ctx_new"), "{said}");
    }
}
