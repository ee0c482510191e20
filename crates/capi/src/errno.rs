//! Error numbers: the platform's own where it has them, libzmq's above `ZMQ_HAUSNUMERO` for the rest.
//!
//! One exhaustive match per kind of error: an error that is new to the library does not compile here until it has a
//! number. C's own `errno` is set, because that is what callers read.

use std::ffi::{CStr, c_char, c_int};
use std::io;

use netzmq::{EndpointError, Error, OptionError, RecvError, SendFailure, SocketError};

use crate::boundary::export;

/// A value of C's `errno`.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) c_int);

/// Where libzmq's own numbers begin.
const HAUSNUMERO: c_int = 156_384_712;

pub(crate) const EFSM: Errno = Errno(HAUSNUMERO + 51);
pub(crate) const ENOCOMPATPROTO: Errno = Errno(HAUSNUMERO + 52);
pub(crate) const ETERM: Errno = Errno(HAUSNUMERO + 53);
pub(crate) const EMTHREAD: Errno = Errno(HAUSNUMERO + 54);
pub(crate) const EFAULT: Errno = Errno(libc::EFAULT);
pub(crate) const EINVAL: Errno = Errno(libc::EINVAL);
pub(crate) const ENOTSOCK: Errno = Errno(libc::ENOTSOCK);
pub(crate) const EAGAIN: Errno = Errno(libc::EAGAIN);
pub(crate) const ENOTSUP: Errno = Errno(libc::ENOTSUP);
pub(crate) const ENOMEM: Errno = Errno(libc::ENOMEM);
pub(crate) const EMFILE: Errno = Errno(libc::EMFILE);
pub(crate) const EHOSTUNREACH: Errno = Errno(libc::EHOSTUNREACH);
pub(crate) const EPROTONOSUPPORT: Errno = Errno(libc::EPROTONOSUPPORT);
pub(crate) const ENOENT: Errno = Errno(libc::ENOENT);
pub(crate) const ENAMETOOLONG: Errno = Errno(libc::ENAMETOOLONG);
pub(crate) const EADDRINUSE: Errno = Errno(libc::EADDRINUSE);
pub(crate) const EINTR: Errno = Errno(libc::EINTR);

impl Errno {
    /// Makes it the calling thread's `errno`.
    pub(crate) fn set(self) {
        // SAFETY: the location is the calling thread's own and always valid.
        unsafe { *libc::__errno_location() = self.0 }
    }

    /// The calling thread's `errno`.
    pub(crate) fn current() -> Errno {
        // SAFETY: as above.
        Errno(unsafe { *libc::__errno_location() })
    }
}

impl From<SendFailure> for Errno {
    // Apart: the calls that move messages seldom fail, and pay for every word in their way.
    #[cold]
    #[inline(never)]
    fn from(failure: SendFailure) -> Errno {
        match failure {
            SendFailure::WouldBlock => EAGAIN,
            SendFailure::Unroutable => EHOSTUNREACH,
            SendFailure::WrongState => EFSM,
            SendFailure::NotSupported => ENOTSUP,
            SendFailure::Malformed => EINVAL,
            SendFailure::Terminated => ETERM,
            SendFailure::Closed => ENOTSOCK,
            SendFailure::Interrupted => EINTR,
            // Failures are added in the same workspace, with a test here that counts them.
            _ => EINVAL,
        }
    }
}

impl From<RecvError> for Errno {
    #[cold]
    #[inline(never)]
    fn from(error: RecvError) -> Errno {
        match error {
            RecvError::WouldBlock => EAGAIN,
            RecvError::WrongState => EFSM,
            RecvError::NotSupported => ENOTSUP,
            RecvError::Terminated => ETERM,
            RecvError::Closed => ENOTSOCK,
            RecvError::Interrupted => EINTR,
            _ => EINVAL,
        }
    }
}

impl From<EndpointError> for Errno {
    fn from(error: EndpointError) -> Errno {
        match error {
            EndpointError::Invalid { .. } => EINVAL,
            EndpointError::Unsupported { .. } => EPROTONOSUPPORT,
            EndpointError::InUse(_) => EADDRINUSE,
            EndpointError::NotFound(_) => ENOENT,
            EndpointError::Io { source, .. } => source.into(),
            EndpointError::Terminated => ETERM,
            EndpointError::Closed => ENOTSOCK,
            _ => EINVAL,
        }
    }
}

impl From<OptionError> for Errno {
    fn from(error: OptionError) -> Errno {
        match error {
            OptionError::Invalid { .. } | OptionError::NotSupported(_) => EINVAL,
            OptionError::Closed => ENOTSOCK,
            _ => EINVAL,
        }
    }
}

impl From<SocketError> for Errno {
    fn from(error: SocketError) -> Errno {
        match error {
            SocketError::TooMany(_) => EMFILE,
            SocketError::Unsupported(_) => EINVAL,
            SocketError::Terminated => ETERM,
            _ => EINVAL,
        }
    }
}

impl From<Error> for Errno {
    fn from(error: Error) -> Errno {
        match error {
            Error::Send(error) => error.reason.into(),
            Error::Recv(error) => error.into(),
            Error::Endpoint(error) => error.into(),
            Error::Option(error) => error.into(),
            Error::Socket(error) => error.into(),
            Error::Io(error) => error.into(),
            _ => EINVAL,
        }
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Errno {
        Errno(error.raw_os_error().unwrap_or(match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::AddrNotAvailable => libc::ENODEV,
            io::ErrorKind::InvalidInput => libc::EINVAL,
            io::ErrorKind::TimedOut => libc::ETIMEDOUT,
            io::ErrorKind::Other => EMTHREAD.0,
            _ => libc::EIO,
        }))
    }
}

/// What libzmq's own numbers mean; the platform explains its own, but for one of which libzmq has always said this, not that
/// there is no route.
fn explanation(number: c_int) -> Option<&'static CStr> {
    match Errno(number) {
        EFSM => Some(c"Operation cannot be accomplished in current state"),
        ENOCOMPATPROTO => Some(c"The protocol is not compatible with the socket type"),
        ETERM => Some(c"Context was terminated"),
        EMTHREAD => Some(c"No thread available"),
        EHOSTUNREACH => Some(c"Host unreachable"),
        _ => None,
    }
}

export! {
    /// The calling thread's `errno`. (`zmq_errno`)
    fn zmq_errno() -> c_int {
        Ok(Errno::current().0)
    }

    /// What an error number means, in words. (`zmq_strerror`)
    fn zmq_strerror(number: c_int) -> *const c_char {
        Ok(match explanation(number) {
            Some(text) => text.as_ptr(),
            // SAFETY: takes any number; the text it returns is static or this thread's own.
            None => unsafe { libc::strerror(number) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: numbers are C's own. Method: set one, read it as C does.
    #[test]
    fn errno_is_the_platforms() {
        EAGAIN.set();
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EAGAIN));
        // SAFETY: takes no pointers.
        assert_eq!(unsafe { zmq_errno() }, libc::EAGAIN);
        assert_eq!(Errno::from(io::Error::from_raw_os_error(libc::EACCES)), Errno(libc::EACCES));
    }

    #[test]
    fn own_numbers_have_words() {
        for number in [EFSM, ENOCOMPATPROTO, ETERM, EMTHREAD] {
            assert!(explanation(number.0).is_some());
        }
    }
}
