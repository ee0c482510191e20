//! Keys of CURVE, and Z85, the text in which they are written.

use std::ffi::{c_char, c_int};
use std::io::Read;

use netzmq::proto::{CurveSecretKey, z85};

use crate::boundary::{export, place, text};
use crate::errno::{EFAULT, EINVAL, Errno};

/// A key's text and its final zero.
type KeyText = [u8; 41];

fn write_key(to: *mut c_char, key: &str) -> Result<(), Errno> {
    // SAFETY: null or room for 41 characters, says the manual page.
    let to = unsafe { place(to.cast::<KeyText>()) }?;
    for (to, from) in to.iter_mut().zip(key.bytes().chain([0])) {
        *to = from;
    }
    Ok(())
}

/// 32 bytes of the system's randomness.
fn random() -> Result<[u8; 32], Errno> {
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}

export! {
    /// Writes a new pair of keys, 40 characters and a final zero each. (`zmq_curve_keypair`)
    fn zmq_curve_keypair(public: *mut c_char, secret: *mut c_char) -> c_int {
        if public.is_null() || secret.is_null() {
            return Err(EFAULT);
        }
        let key = CurveSecretKey::from_bytes(random()?);
        write_key(public, &key.public_key().to_string())?;
        write_key(secret, &key.to_z85())?;
        Ok(0)
    }

    /// Writes the public key that belongs to a secret one. (`zmq_curve_public`)
    fn zmq_curve_public(public: *mut c_char, secret: *const c_char) -> c_int {
        // SAFETY: the manual page's contract.
        let secret = std::str::from_utf8(unsafe { text(secret) }?).map_err(|_| EINVAL)?;
        let key: CurveSecretKey = secret.parse().map_err(|_| EINVAL)?;
        write_key(public, &key.public_key().to_string())?;
        Ok(0)
    }

    /// Writes `size` bytes, a multiple of 4, as text of 5/4 of that and a final zero. (`zmq_z85_encode`)
    fn zmq_z85_encode(to: *mut c_char, data: *const u8, size: usize) -> *mut c_char {
        if !size.is_multiple_of(4) {
            return Err(EINVAL);
        }
        let text_len = size / 4 * 5;
        // SAFETY: the manual page's contract.
        let (data, room) = unsafe {
            (crate::boundary::bytes(data.cast(), size)?, crate::boundary::bytes_mut(to.cast(), text_len + 1)?)
        };
        let (text, end) = room.split_at_mut(text_len);
        z85::encode_into(data, text).map_err(|_| EINVAL)?;
        end.fill(0);
        Ok(to)
    }

    /// Reads text whose length is a multiple of 5, not 0, into 4/5 as many bytes. (`zmq_z85_decode`)
    fn zmq_z85_decode(to: *mut u8, string: *const c_char) -> *mut u8 {
        // SAFETY: the manual page's contract.
        let string = unsafe { text(string) }?;
        // Nothing is no text, says libzmq.
        if string.is_empty() || string.len() % 5 != 0 {
            return Err(EINVAL);
        }
        // SAFETY: the manual page's contract.
        let room = unsafe { crate::boundary::bytes_mut(to.cast(), string.len() / 5 * 4) }?;
        z85::decode_into(string, room).map_err(|_| EINVAL)?;
        Ok(to)
    }
}
