//! Messages as bytes on standard input and output.
//!
//! | format | a message is |
//! |---|---|
//! | `lines` | a line; its parts are separated by the delimiter, if there is one |
//! | `raw` | on input everything up to the end, on output nothing but its bytes |
//! | `frames` | for each part a byte (1: more parts follow, 0: the last one), its length in four bytes, big-endian, and its bytes |
//!
//! Only `frames` can carry every message. On a terminal, control characters are shown as escapes: a peer's bytes must not
//! move the cursor.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use netzmq::{Message, Multipart};

use crate::Result;
use crate::error::Failure;

/// How messages and bytes correspond.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// One message per line
    #[default]
    Lines,
    /// Nothing but the bytes
    Raw,
    /// Parts with their lengths in front: any message, and back
    Frames,
}

/// The format's arguments.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct FormatArgs {
    /// How messages are read and written
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// What separates the parts of a message on a line; input is split only if this is given [default for output: a tab]
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) delimiter: Option<String>,
}

/// Reads messages.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    from: R,
    format: Format,
    delimiter: Option<Vec<u8>>,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(from: R, args: &FormatArgs) -> Reader<R> {
        let delimiter = args.delimiter.as_ref().filter(|text| !text.is_empty());
        Reader {
            from,
            format: args.format,
            delimiter: delimiter.map(|text| text.as_bytes().to_vec()),
            ended: false,
        }
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// Input that cannot be read, or that ends in the middle of a frame.
    pub(crate) fn next(&mut self) -> Result<Option<Multipart>> {
        if self.ended {
            return Ok(None);
        }
        let message = match self.format {
            Format::Lines => self.line(),
            Format::Raw => {
                self.ended = true;
                let mut bytes = Vec::new();
                self.from.read_to_end(&mut bytes).map(|_| Some(Multipart::from_iter([bytes])))
            }
            Format::Frames => self.frames(),
        };
        message.map_err(|source| Failure::Io { what: "standard input".to_owned(), source })
    }

    fn line(&mut self) -> io::Result<Option<Multipart>> {
        let mut line = Vec::new();
        if self.from.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok(Some(self.split(&line)))
    }

    /// A line's parts.
    pub(crate) fn split(&self, line: &[u8]) -> Multipart {
        let Some(delimiter) = &self.delimiter else { return Multipart::from_iter([line]) };
        let mut parts = Multipart::new();
        let mut rest = line;
        while let Some(at) = rest.windows(delimiter.len()).position(|window| window == delimiter) {
            parts.push(rest.get(..at).unwrap_or_default());
            rest = rest.get(at + delimiter.len()..).unwrap_or_default();
        }
        parts.push(rest);
        parts
    }

    fn frames(&mut self) -> io::Result<Option<Multipart>> {
        let mut parts = Multipart::new();
        loop {
            let mut more = [0];
            if self.from.read(&mut more)? == 0 {
                return if parts.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            if more[0] > 1 {
                let what = format!("{} where 0 or 1 begins a frame", more[0]);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            let mut len = [0; 4];
            self.from.read_exact(&mut len)?;
            let len = u64::from(u32::from_be_bytes(len));
            let mut part = Vec::new();
            // Memory grows with what is there, not with what the length says.
            if self.from.by_ref().take(len).read_to_end(&mut part)? as u64 != len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            parts.push(part);
            if more[0] == 0 {
                return Ok(Some(parts));
            }
        }
    }
}

/// Writes messages to standard output.
#[derive(Debug)]
pub(crate) struct Writer<W> {
    to: W,
    format: Format,
    delimiter: Vec<u8>,
    terminal: bool,
}

impl Writer<io::BufWriter<io::Stdout>> {
    /// On standard output.
    pub(crate) fn stdout(args: &FormatArgs) -> Self {
        Writer::new(io::BufWriter::new(io::stdout()), args, io::stdout().is_terminal())
    }
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(to: W, args: &FormatArgs, terminal: bool) -> Writer<W> {
        let delimiter = args.delimiter.clone().unwrap_or_else(|| "\t".to_owned()).into_bytes();
        Writer { to, format: args.format, delimiter, terminal }
    }

    /// Writes one message; [`Writer::flush`] makes sure that it is seen.
    pub(crate) fn write(&mut self, parts: &[Message]) -> Result<()> {
        for (at, part) in parts.iter().enumerate() {
            match self.format {
                Format::Lines => {
                    if at > 0 {
                        self.to.write_all(&self.delimiter)?;
                    }
                    self.write_shown(part)?;
                }
                Format::Raw => self.to.write_all(part)?,
                Format::Frames => {
                    let len = u32::try_from(part.len()).map_err(|_| {
                        Failure::Wrong(format!("a part of {} bytes is too long for this format", part.len()))
                    })?;
                    self.to.write_all(&[u8::from(at + 1 < parts.len())])?;
                    self.to.write_all(&len.to_be_bytes())?;
                    self.to.write_all(part)?;
                }
            }
        }
        if self.format == Format::Lines {
            self.to.write_all(b"\n")?;
        }
        Ok(())
    }

    fn write_shown(&mut self, part: &[u8]) -> Result<()> {
        if self.terminal {
            self.to.write_all(shown(part).as_bytes())?
        } else {
            self.to.write_all(part)?
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        Ok(self.to.flush()?)
    }
}

/// Text as it is, everything else escaped.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() && c != '\t' { text.extend(c.escape_default()) } else { text.push(c) }
        }
        for byte in chunk.invalid() {
            text += &format!("\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(format: Format, delimiter: Option<&str>) -> FormatArgs {
        FormatArgs { format, delimiter: delimiter.map(str::to_owned) }
    }

    fn read(input: &[u8], args: &FormatArgs) -> Result<Vec<Vec<Vec<u8>>>> {
        let mut reader = Reader::new(input, args);
        let mut messages = Vec::new();
        while let Some(message) = reader.next()? {
            messages.push(message.into_iter().map(|part| part.to_vec()).collect());
        }
        Ok(messages)
    }

    fn written(parts: &[&[u8]], args: &FormatArgs, terminal: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let parts: Vec<Message> = parts.iter().map(|part| Message::from(*part)).collect();
        Writer::new(&mut bytes, args, terminal).write(&parts).unwrap();
        bytes
    }

    #[test]
    fn lines_and_their_parts() {
        let plain = args(Format::Lines, None);
        assert_eq!(
            read(b"a b\n\nlast", &plain).unwrap(),
            [[b"a b".to_vec()], [b"".to_vec()], [b"last".to_vec()]]
        );
        let split = args(Format::Lines, Some("::"));
        assert_eq!(read(b"a::b::\n", &split).unwrap(), [[b"a".to_vec(), b"b".to_vec(), b"".to_vec()]]);
        assert_eq!(written(&[b"a", b"b"], &plain, false), b"a\tb\n");
        assert_eq!(written(&[b"a", b"b"], &split, false), b"a::b\n");
    }

    #[test]
    fn raw_is_everything() {
        let raw = args(Format::Raw, None);
        assert_eq!(read(b"a\nb", &raw).unwrap(), [[b"a\nb".to_vec()]]);
        assert_eq!(read(b"", &raw).unwrap(), [[b"".to_vec()]]);
        assert_eq!(written(&[b"a", b"b"], &raw, false), b"ab");
    }

    #[test]
    fn frames_carry_everything_and_come_back() {
        let frames = args(Format::Frames, None);
        let parts: [&[u8]; 3] = [b"", b"\n\0\xff", &[7; 1000]];
        let bytes = [written(&parts, &frames, false), written(&[b"x"], &frames, false)].concat();
        let messages = read(&bytes, &frames).unwrap();
        assert_eq!(messages, [parts.map(<[u8]>::to_vec).to_vec(), vec![b"x".to_vec()]]);
        for cut in 1..bytes.len() {
            let whole = cut == bytes.len() - 6;
            assert_eq!(read(&bytes[..cut], &frames).is_ok(), whole, "cut at {cut}");
        }
        assert!(read(b"\x02\0\0\0\0", &frames).is_err());
        assert!(read(b"\0\xff\xff\xff\xffshort", &frames).is_err());
    }

    #[test]
    fn terminals_are_not_written_to_by_peers() {
        let plain = args(Format::Lines, None);
        assert_eq!(written(&[b"\x1b[2J\xfft\tx"], &plain, true), b"\\u{1b}[2J\\xfft\tx\n");
        assert_eq!(written(&["grün".as_bytes()], &plain, true), "grün\n".as_bytes());
    }
}
