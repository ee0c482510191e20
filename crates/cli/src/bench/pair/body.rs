//! What is sent, and how it is known again: a body says at both ends which message it is.
//!
//! The first eight bytes are the message's number in its run, the last eight their complement; in between lies a fixed
//! pattern of which one byte is checked. Making and checking these costs a few nanoseconds whatever the size.

use crate::error::Failure;

/// Shorter bodies could not carry both marks.
const LEN_MIN: usize = 16;
const MARK: usize = 8;

/// The data that an application has and wants to send: written into whatever memory a strategy sends from.
#[derive(Debug)]
pub(crate) struct Template(Vec<u8>);

impl Template {
    /// Of at least [`LEN_MIN`] bytes.
    pub(crate) fn new(len: usize) -> Template {
        Template((0..len.max(LEN_MIN)).map(pattern).collect())
    }

    /// The data of message `number`.
    #[inline]
    pub(crate) fn numbered(&mut self, number: u64) -> &[u8] {
        if let Some(first) = self.0.first_chunk_mut::<MARK>() {
            *first = number.to_le_bytes();
        }
        if let Some(last) = self.0.last_chunk_mut::<MARK>() {
            *last = (!number).to_le_bytes();
        }
        &self.0
    }
}

fn pattern(at: usize) -> u8 {
    (at % 251) as u8
}

/// Refuses sizes that no body of ours can have.
pub(crate) fn check_sizes(sizes: &[usize]) -> Result<(), Failure> {
    match sizes.iter().find(|&&size| size < LEN_MIN) {
        None => Ok(()),
        Some(size) => Err(Failure::Usage(format!(
            "{size} bytes are too few: a body carries the marks that it is known by, which takes {LEN_MIN}"
        ))),
    }
}

/// Whether `bytes` are message `number` of length `len`.
///
/// # Errors
/// What is wrong, with enough to find out why.
#[inline]
pub(crate) fn check(bytes: &[u8], number: u64, len: usize) -> Result<(), Failure> {
    let first = bytes.first_chunk::<MARK>().map(|mark| u64::from_le_bytes(*mark));
    let last = bytes.last_chunk::<MARK>().map(|mark| !u64::from_le_bytes(*mark));
    let middle = len / 2;
    let middle_is_right = len < 2 * MARK + 2 || bytes.get(middle).copied() == Some(pattern(middle));
    if bytes.len() == len && first == Some(number) && last == Some(number) && middle_is_right {
        return Ok(());
    }
    Err(wrong(bytes, number, len, first, last))
}

#[cold]
fn wrong(bytes: &[u8], number: u64, len: usize, first: Option<u64>, last: Option<u64>) -> Failure {
    let mark = |mark: Option<u64>| {
        mark.map_or("no mark".to_owned(), |number| format!("the mark of message {number}"))
    };
    Failure::Wrong(format!(
        "message {number} of {len} bytes arrived wrong: {} bytes, {} in front, {} at the end",
        bytes.len(),
        mark(first),
        mark(last)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_known_again_and_nothing_else() {
        for len in [LEN_MIN, 17, 18, 64, 1000] {
            let mut template = Template::new(len);
            let bytes = template.numbered(7).to_vec();
            check(&bytes, 7, len).unwrap();
            assert!(check(&bytes, 8, len).is_err());
            assert!(check(&bytes, 7, len + 1).is_err());
            assert!(check(&bytes[..len - 1], 7, len).is_err());
            assert!(check(&[], 7, len).is_err());
            for at in [0, len - 1] {
                let mut bent = bytes.clone();
                bent[at] ^= 1;
                assert!(check(&bent, 7, len).is_err());
            }
        }
        let mut bent = Template::new(1000).numbered(0).to_vec();
        bent[500] ^= 1;
        assert!(check(&bent, 0, 1000).is_err());
    }
}
