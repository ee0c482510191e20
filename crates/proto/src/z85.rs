//! Z85: binary as printable text, four bytes in five characters. Keys are written so.
//!
//! Pure and allocation-free at the core: [`encode_into`] and [`decode_into`] fill the caller's buffer. The table is
//! looked up by value, so this is not constant-time, and neither is libzmq's: text of a secret key is for files and
//! command lines.
//!
//! Source: RFC 32.

use thiserror::Error;

const ALPHABET: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// Not a digit.
const NONE: u8 = 0xff;

/// The value of each character.
#[expect(clippy::indexing_slicing, reason = "computed while compiling")]
const DIGITS: [u8; 256] = {
    let mut digits = [NONE; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        digits[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// Why something can't be written or read as Z85.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Z85Error {
    /// Bytes to encode must come in fours, text to decode in fives, and the buffer must be as long as the result.
    #[error("a length of {len} does not fit Z85 or the buffer")]
    Length {
        /// Of what was given.
        len: usize,
    },
    /// A character outside the alphabet.
    #[error("no Z85 character at {at}")]
    Character {
        /// Where, counted in bytes.
        at: usize,
    },
    /// Five characters that stand for more than 2^32 - 1.
    #[error("Z85 characters at {at} that stand for more than four bytes")]
    Overflow {
        /// Where the five begin, counted in bytes.
        at: usize,
    },
}

/// Writes `bytes` as text into `text`, which must be 5/4 as long.
///
/// # Errors
/// [`Z85Error::Length`].
#[expect(clippy::indexing_slicing, reason = "a remainder of 85 in 85 characters")]
pub fn encode_into(bytes: &[u8], text: &mut [u8]) -> Result<(), Z85Error> {
    let (fours, rest) = bytes.as_chunks::<4>();
    let (fives, text_rest) = text.as_chunks_mut::<5>();
    if !rest.is_empty() || !text_rest.is_empty() || fours.len() != fives.len() {
        return Err(Z85Error::Length { len: bytes.len() });
    }
    for (four, five) in fours.iter().zip(fives) {
        let mut value = u32::from_be_bytes(*four);
        for character in five.iter_mut().rev() {
            *character = ALPHABET[(value % 85) as usize];
            value /= 85;
        }
    }
    Ok(())
}

/// Reads `text` into `bytes`, which must be 4/5 as long.
///
/// # Errors
/// A wrong length, a character outside the alphabet, or a group that overflows. `bytes` may be partly written then.
#[expect(clippy::indexing_slicing, reason = "a byte in 256 entries")]
pub fn decode_into(text: &[u8], bytes: &mut [u8]) -> Result<(), Z85Error> {
    let (fives, rest) = text.as_chunks::<5>();
    let (fours, bytes_rest) = bytes.as_chunks_mut::<4>();
    if !rest.is_empty() || !bytes_rest.is_empty() || fours.len() != fives.len() {
        return Err(Z85Error::Length { len: text.len() });
    }
    for (index, (five, four)) in fives.iter().zip(fours).enumerate() {
        let mut value = 0u64;
        for (offset, character) in five.iter().enumerate() {
            let digit = DIGITS[usize::from(*character)];
            if digit == NONE {
                return Err(Z85Error::Character { at: index * 5 + offset });
            }
            value = value * 85 + u64::from(digit);
        }
        let value = u32::try_from(value).map_err(|_| Z85Error::Overflow { at: index * 5 })?;
        *four = value.to_be_bytes();
    }
    Ok(())
}

/// `bytes` as text.
///
/// # Errors
/// [`Z85Error::Length`] if the length is no multiple of four.
///
/// ```
/// let text = netzmq_proto::z85::encode(&[0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b])?;
/// assert_eq!(text, "HelloWorld");
/// assert_eq!(netzmq_proto::z85::decode(&text)?.len(), 8);
/// # Ok::<(), netzmq_proto::z85::Z85Error>(())
/// ```
pub fn encode(bytes: &[u8]) -> Result<String, Z85Error> {
    let mut text = vec![0; bytes.len() / 4 * 5];
    encode_into(bytes, &mut text)?;
    Ok(text.into_iter().map(char::from).collect())
}

/// The bytes that `text` stands for.
///
/// # Errors
/// A wrong length, a character outside the alphabet, or a group that overflows.
pub fn decode(text: &str) -> Result<Vec<u8>, Z85Error> {
    let mut bytes = vec![0; text.len() / 5 * 4];
    decode_into(text.as_bytes(), &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refusals() {
        assert_eq!(encode(b"abc"), Err(Z85Error::Length { len: 3 }));
        assert_eq!(decode("abcd"), Err(Z85Error::Length { len: 4 }));
        assert_eq!(decode("HelloW\"rld"), Err(Z85Error::Character { at: 6 }));
        assert_eq!(decode("0000ä0000"), Err(Z85Error::Character { at: 4 }));
        // 2^32 - 1 is the last value.
        assert_eq!(decode("%nSc0").unwrap(), [0xff; 4]);
        assert_eq!(decode("00000%nSc1"), Err(Z85Error::Overflow { at: 5 }));
        assert_eq!(decode("#####"), Err(Z85Error::Overflow { at: 0 }));
        assert_eq!(encode(b"").unwrap(), "");
        assert_eq!(encode_into(b"abcd", &mut [0; 4]), Err(Z85Error::Length { len: 4 }));
        assert_eq!(decode_into(b"00000", &mut [0; 8]), Err(Z85Error::Length { len: 5 }));
    }

    proptest! {
        #[test]
        fn both_ways(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            bytes.truncate(bytes.len() / 4 * 4);
            let text = encode(&bytes).unwrap();
            prop_assert_eq!(text.len(), bytes.len() / 4 * 5);
            prop_assert_eq!(decode(&text).unwrap(), bytes);
        }

        #[test]
        fn any_text(text in ".{0,80}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes).unwrap(), text);
            }
        }
    }
}
