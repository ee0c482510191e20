//! The one room of this crate with `unsafe`: kernel addresses that no safe crate can make or read.
//!
//! TIPC's, because socket2 makes addresses of any family only from raw memory; and the number of this machine among
//! virtual ones, which the kernel tells by `ioctl` alone. Nothing of a peer's comes here but a 16-byte address that the
//! kernel filled in.

use std::io;
use std::os::fd::AsFd;

use socket2::SockAddr;

/// The size of the kernel's `sockaddr_tipc`.
pub(super) const TIPC_BYTES: usize = 16;

/// An address of these bytes.
pub(super) fn tipc_address(bytes: [u8; TIPC_BYTES]) -> io::Result<SockAddr> {
    // SAFETY: `try_init` hands out zeroed storage of 128 bytes, of which 16 are written, and the length says so. The
    // first two bytes are the family, as in every address.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, len| {
            storage.cast::<[u8; TIPC_BYTES]>().write_unaligned(bytes);
            *len = TIPC_BYTES as _;
            Ok(())
        })
    }?;
    Ok(address)
}

/// The bytes of an address, if it is as long as one of TIPC's.
pub(super) fn tipc_bytes(address: &SockAddr) -> Option<[u8; TIPC_BYTES]> {
    if (address.len() as usize) < TIPC_BYTES {
        return None;
    }
    // SAFETY: an address has storage of 128 initialised bytes, whatever its family.
    Some(unsafe { address.as_ptr().cast::<[u8; TIPC_BYTES]>().read_unaligned() })
}

/// `IOCTL_VM_SOCKETS_GET_LOCAL_CID`, vsock(7).
const LOCAL_CID: rustix::ioctl::Opcode = 0x7b9;

/// The number of this machine, asked of `/dev/vsock`.
pub(super) fn local_cid(device: impl AsFd) -> io::Result<u32> {
    // SAFETY: vsock(7): the call writes one `unsigned int`. Another device refuses the number, or writes as little: none
    // but `/dev/vsock` is passed.
    Ok(unsafe { rustix::ioctl::ioctl(device, rustix::ioctl::Getter::<LOCAL_CID, u32>::new()) }?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back() {
        let mut bytes = [7; TIPC_BYTES];
        bytes[..2].copy_from_slice(&30u16.to_ne_bytes());
        let address = tipc_address(bytes).unwrap();
        assert_eq!((address.family(), tipc_bytes(&address)), (30, Some(bytes)));
        assert_eq!(tipc_bytes(&SockAddr::unix("").unwrap()), None);
    }
}
