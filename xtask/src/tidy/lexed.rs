//! A Rust file with its comments and literals blanked out, so that rules look at code and at nothing else.
//!
//! The blanked text has the same length and the same lines as the original: an offset in one is the same place in the
//! other. It is a scanner, not a parser; what it must get right is where a comment, string or character literal
//! ends, for every form that Rust has.

/// A file's code.
#[derive(Debug)]
pub(crate) struct Lexed {
    /// The text with every comment and the inside of every literal replaced by spaces.
    pub(crate) code: String,
}

/// An identifier or keyword of the code, with where it begins and which line that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
    pub(crate) line: usize,
}

impl Lexed {
    /// Scans `text`.
    pub(crate) fn new(text: &str) -> Lexed {
        let bytes = text.as_bytes();
        let mut code = bytes.to_vec();
        let mut at = 0;
        while at < bytes.len() {
            let end = match bytes[at] {
                b'/' if bytes.get(at + 1) == Some(&b'/') => end_of_line(bytes, at),
                b'/' if bytes.get(at + 1) == Some(&b'*') => end_of_block_comment(bytes, at),
                b'"' => end_of_string(bytes, at + 1),
                b'r' | b'b' | b'c' if !continues_a_word(bytes, at) => match literal_after_prefix(bytes, at) {
                    Some(end) => end,
                    None => {
                        at += 1;
                        continue;
                    }
                },
                b'\'' => match end_of_char(bytes, at) {
                    Some(end) => end,
                    None => {
                        at += 1;
                        continue;
                    }
                },
                _ => {
                    at += 1;
                    continue;
                }
            };
            for byte in &mut code[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            at = end;
        }
        // Bytes above ASCII stand only in comments, literals and the rare identifier, where a blank does no harm.
        let code = code.into_iter().map(|byte| if byte.is_ascii() { byte as char } else { ' ' }).collect();
        Lexed { code }
    }

    /// Every word of the code.
    pub(crate) fn words(&self) -> Vec<Word<'_>> {
        let bytes = self.code.as_bytes();
        let (mut words, mut at, mut line) = (Vec::new(), 0, 1);
        while at < bytes.len() {
            let end = end_of_word(bytes, at);
            if end > at {
                words.push(Word { text: &self.code[at..end], at, line });
                at = end;
            } else {
                line += usize::from(bytes[at] == b'\n');
                at += 1;
            }
        }
        words
    }

    /// The first byte at or after `at` that is not white space, with its place.
    pub(crate) fn next_mark(&self, at: usize) -> Option<(usize, u8)> {
        let rest = self.code.as_bytes().get(at..)?;
        let skipped = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        Some((at + skipped, rest[skipped]))
    }

    /// The place after the brace that closes the one at `open`; the end of the file if none does.
    pub(crate) fn end_of_braces(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (at, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'{' => depth += 1,
                b'}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
        }
        self.code.len()
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn end_of_word(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| is_word(*byte)) {
        at += 1;
    }
    at
}

fn continues_a_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_word(bytes[at - 1])
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

fn end_of_block_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// `at` is after the opening quote.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A literal that begins with `r`, `b` or `c`, if that is what stands here.
fn literal_after_prefix(bytes: &[u8], at: usize) -> Option<usize> {
    let prefix = bytes[at..].iter().take(2).take_while(|byte| b"rbc".contains(byte)).count();
    let after = at + prefix;
    let raw = bytes[at..after].contains(&b'r');
    let hashes = bytes[after..].iter().take_while(|byte| **byte == b'#').count();
    match bytes.get(after + hashes)? {
        b'"' if raw => {
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let start = after + hashes + 1;
            let length = bytes[start..].windows(close.len()).position(|window| window == close);
            Some(length.map_or(bytes.len(), |length| start + length + close.len()))
        }
        b'"' if hashes == 0 => Some(end_of_string(bytes, after + 1)),
        b'\'' if hashes == 0 && bytes[at] == b'b' => end_of_char(bytes, after),
        _ => None,
    }
}

/// The end of a character literal, or `None` where the quote begins a lifetime.
fn end_of_char(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at + 1) == Some(&b'\\') {
        let close = bytes[at + 3..].iter().position(|byte| *byte == b'\'')?;
        return Some(at + 3 + close + 1);
    }
    // One character of one to four bytes, and the closing quote.
    let close = (at + 2..=at + 5).find(|close| bytes.get(*close) == Some(&b'\''))?;
    let text = std::str::from_utf8(&bytes[at + 1..close]).ok()?;
    (text.chars().count() == 1).then_some(close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Lexed::new(text).words().iter().map(|word| word.text.to_owned()).collect()
    }

    #[test]
    fn comments_and_literals_are_blank() {
        for hidden in [
            "// unsafe",
            "/* a /* unsafe */ unsafe */",
            "\"unsafe \\\" unsafe\"",
            "r\"unsafe\\\"",
            "r#\"unsafe \" unsafe\"#",
            "b\"unsafe\"",
            "br##\"unsafe\"# unsafe\"##",
            "c\"unsafe\"",
        ] {
            assert_eq!(words(&format!("one {hidden}\ntwo")), ["one", "two"], "{hidden}");
        }
    }

    #[test]
    fn lifetimes_are_not_characters() {
        assert_eq!(
            words("fn f<'a>(x: &'a str, y: char) { g('u', '\\'', b'n', '\\u{1F}', 'é') } unsafe"),
            ["fn", "f", "a", "x", "a", "str", "y", "char", "g", "unsafe"]
        );
        assert_eq!(words("'outer: loop { break 'outer }"), ["outer", "loop", "break", "outer"]);
    }

    #[test]
    fn places_are_kept() {
        let lexed = Lexed::new("a /*\n\n*/ b\n\"\n\" c");
        assert_eq!(
            lexed.words().iter().map(|word| (word.text, word.line)).collect::<Vec<_>>(),
            [("a", 1), ("b", 3), ("c", 5)]
        );
        let braces = Lexed::new("mod a { { '}' } } after");
        assert_eq!(&braces.code[braces.end_of_braces(6)..], " after");
        assert_eq!(braces.next_mark(5), Some((6, b'{')));
    }

    #[test]
    fn raw_identifiers_and_macros_stay() {
        assert_eq!(words("r#type br b c"), ["r", "type", "br", "b", "c"]);
    }
}
