//! `zmq_proxy`, `zmq_proxy_steerable` and their ancestor `zmq_device`.

use std::ffi::{c_int, c_void};

use netzmq::Proxy;

use crate::boundary::export;
use crate::errno::{EFAULT, Errno};
use crate::handles;
use crate::socket::CSocket;

fn run(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
) -> Result<c_int, Errno> {
    if frontend.is_null() || backend.is_null() {
        return Err(EFAULT);
    }
    let optional = |socket: *mut c_void| {
        if socket.is_null() { Ok(None) } else { handles::get::<CSocket>(socket).map(Some) }
    };
    let (frontend, backend) = (handles::get::<CSocket>(frontend)?, handles::get::<CSocket>(backend)?);
    let (capture, control) = (optional(capture)?, optional(control)?);
    let mut proxy = Proxy::new(frontend.socket(), backend.socket());
    if let Some(capture) = &capture {
        proxy = proxy.capture(capture.socket());
    }
    if let Some(control) = &control {
        proxy = proxy.control(control.socket());
    }
    proxy.run().map(|_| 0).map_err(Errno::from)
}

export! {
    /// Passes messages between two sockets until their context ends. (`zmq_proxy`)
    fn zmq_proxy(frontend: *mut c_void, backend: *mut c_void, capture: *mut c_void) -> c_int {
        run(frontend, backend, capture, std::ptr::null_mut())
    }

    /// `zmq_proxy` that obeys a control socket. (`zmq_proxy_steerable`)
    fn zmq_proxy_steerable(
        frontend: *mut c_void,
        backend: *mut c_void,
        capture: *mut c_void,
        control: *mut c_void,
    ) -> c_int {
        run(frontend, backend, capture, control)
    }

    /// The older name of `zmq_proxy`. (`zmq_device`)
    fn zmq_device(_kind: c_int, frontend: *mut c_void, backend: *mut c_void) -> c_int {
        run(frontend, backend, std::ptr::null_mut(), std::ptr::null_mut())
    }
}
