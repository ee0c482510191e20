//! Values as C passes them: numbers of their exact size, flags, bytes, texts with a final zero.

use std::ffi::c_int;
use std::time::Duration;

use crate::errno::{EINVAL, Errno};

pub(super) fn int(value: &[u8]) -> Result<c_int, Errno> {
    value.try_into().map(c_int::from_ne_bytes).map_err(|_| EINVAL)
}

/// A number that is at least `least`.
pub(super) fn int_from(value: &[u8], least: c_int) -> Result<c_int, Errno> {
    int(value).and_then(|number| if number >= least { Ok(number) } else { Err(EINVAL) })
}

/// 0 or 1.
pub(super) fn flag(value: &[u8]) -> Result<bool, Errno> {
    match int(value)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(EINVAL),
    }
}

/// Any number that is not negative; all but zero are yes.
pub(super) fn loose_flag(value: &[u8]) -> Result<bool, Errno> {
    int_from(value, 0).map(|number| number != 0)
}

/// Milliseconds; -1 is for ever.
pub(super) fn wait(value: &[u8]) -> Result<Option<Duration>, Errno> {
    int_from(value, -1).map(|millis| u64::try_from(millis).ok().map(Duration::from_millis))
}

/// Milliseconds.
pub(super) fn millis(value: &[u8]) -> Result<Duration, Errno> {
    int_from(value, 0).map(|millis| Duration::from_millis(u64::from(millis.unsigned_abs())))
}

/// A text of at most `longest` bytes; it ends at a zero.
pub(super) fn text(value: &[u8], longest: usize) -> Result<String, Errno> {
    let bytes = value.split(|byte| *byte == 0).next().unwrap_or_default();
    if bytes.len() > longest {
        return Err(EINVAL);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| EINVAL)
}

// ---- answers ----

/// Exactly as many bytes as there is room for.
pub(super) fn exact(answer: &[u8], room: &mut [u8]) -> Result<usize, Errno> {
    if room.len() != answer.len() {
        return Err(EINVAL);
    }
    room.copy_from_slice(answer);
    Ok(answer.len())
}

/// At most as many bytes as there is room for; the rest of the room is zeroed.
pub(super) fn fitting(answer: &[u8], room: &mut [u8]) -> Result<usize, Errno> {
    if room.len() < answer.len() {
        return Err(EINVAL);
    }
    let (to, rest) = room.split_at_mut(answer.len());
    to.copy_from_slice(answer);
    rest.fill(0);
    Ok(answer.len())
}

/// A text with its final zero.
pub(super) fn with_nul(answer: &[u8], room: &mut [u8]) -> Result<usize, Errno> {
    let mut text = answer.to_vec();
    text.push(0);
    fitting(&text, room)
}

pub(super) fn millis_of(wait: Option<Duration>) -> c_int {
    wait.map_or(-1, |wait| c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX))
}

pub(super) fn count_of(count: usize) -> c_int {
    c_int::try_from(count).unwrap_or(c_int::MAX)
}
