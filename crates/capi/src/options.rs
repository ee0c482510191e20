//! Socket options: one table from number to name, type, range and the library's own setter and getter.
//!
//! A value that libzmq refuses is refused here, with EINVAL, before the library sees it. What has no effect in a build
//! without the transport that it is for (multicast, VMCI) is kept and given back, as libzmq does; what libzmq refuses
//! in such a build (GSSAPI) is refused.

mod extras;
mod table;
mod value;

use std::ffi::{c_int, c_void};

use netzmq::{SocketType, raw};

use crate::boundary::{bytes, bytes_mut, export, place};
use crate::errno::{EINVAL, ETERM};
use crate::handles;
use crate::socket::CSocket;

pub(crate) use extras::Extras;
use table::find;

/// Types that libzmq lets several threads use at once.
pub(crate) fn is_thread_safe(socket_type: SocketType) -> bool {
    use SocketType::{Channel, Client, Dish, Gather, Peer, Radio, Scatter, Server};
    matches!(socket_type, Client | Server | Radio | Dish | Gather | Scatter | Peer | Channel)
}

/// Lists and texts that are unset by null only: SOCKS_PROXY, TCP_ACCEPT_FILTER, the IPC_FILTERs.
const UNSET_BY_NULL: [c_int; 5] = [68, 38, 58, 59, 60];

export! {
    /// Sets an option. (`zmq_setsockopt`)
    fn zmq_setsockopt(socket: *mut c_void, option: c_int, value: *const c_void, len: usize) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        if raw::is_end_told(socket.socket()) {
            return Err(ETERM);
        }
        let line = find(option).ok_or(EINVAL)?;
        let set = line.set.ok_or(EINVAL)?;
        // Some texts are unset with a null pointer and no length; else null is no value.
        if value.is_null() && len > 0 {
            return Err(EINVAL);
        }
        if !value.is_null() && len == 0 && UNSET_BY_NULL.contains(&option) {
            return Err(EINVAL);
        }
        // SAFETY: the manual page's contract.
        set(&socket, unsafe { bytes(value, len) }?).map(|()| 0)
    }

    /// An option's value; `*len` says how much room there is, and then how long the value is. (`zmq_getsockopt`)
    fn zmq_getsockopt(socket: *mut c_void, option: c_int, value: *mut c_void, len: *mut usize) -> c_int {
        let socket = handles::get::<CSocket>(socket)?;
        if raw::is_end_told(socket.socket()) {
            return Err(ETERM);
        }
        // SAFETY: the manual page's contract.
        let len = unsafe { place(len) }?;
        let get = find(option).and_then(|line| line.get).ok_or(EINVAL)?;
        // SAFETY: the manual page's contract.
        let room = unsafe { bytes_mut(value, *len) }?;
        *len = get(&socket, room)?;
        Ok(0)
    }
}
