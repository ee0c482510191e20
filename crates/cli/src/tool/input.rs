//! Where messages to be sent come from: `--message` arguments, or standard input.

use std::io::{self, BufReader};
use std::time::Duration;

use netzmq::Multipart;

use super::format::{FormatArgs, Reader};
use super::wire::parse_time;
use crate::Result;

/// What to send.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct InputArgs {
    /// A message to send instead of what is read from standard input; may be given several times
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Vec<String>,
    /// How often to send the messages of --message; 0 for ever
    #[arg(
        short,
        long,
        value_name = "N",
        requires = "message",
        default_value_t = 1,
        hide_default_value = true
    )]
    pub(crate) repeat: u64,
    /// Pause after each message
    #[arg(short, long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) interval: Option<Duration>,
}

/// Messages, one after the other.
pub(crate) struct Input<'a> {
    args: &'a InputArgs,
    reader: Reader<BufReader<io::Stdin>>,
    given: u64,
}

impl<'a> Input<'a> {
    pub(crate) fn new(args: &'a InputArgs, format: &FormatArgs) -> Input<'a> {
        Input { args, reader: Reader::new(BufReader::new(io::stdin()), format), given: 0 }
    }

    /// The next message, after the pause that was asked for; `None` at the end.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<Multipart>> {
        let message = match self.args.message.as_slice() {
            [] => self.reader.next()?,
            texts => {
                let len = texts.len() as u64;
                let is_over = self.args.repeat > 0 && self.given / len >= self.args.repeat;
                let text = texts.get((self.given % len) as usize).filter(|_| !is_over);
                text.map(|text| self.reader.split(text.as_bytes()))
            }
        };
        if let Some(interval) = self.args.interval.filter(|_| message.is_some() && self.given > 0) {
            std::thread::sleep(interval);
        }
        self.given += 1;
        Ok(message)
    }
}
