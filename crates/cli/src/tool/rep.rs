//! `netzmq rep`: prints requests, and answers them: with a fixed text, with the request itself, or with what is read from
//! standard input.

use std::io::{self, BufReader};

use netzmq::{Multipart, RecvError, SocketType};

use super::delivery::deliver;
use super::format::{FormatArgs, Reader, Writer};
use super::wire::SocketArgs;
use crate::Result;
use crate::error::Failure;

/// Its arguments.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RepArgs {
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    format: FormatArgs,
    /// Answer every request with this, instead of what is read from standard input
    #[arg(short, long, value_name = "TEXT", conflicts_with = "echo")]
    reply: Option<String>,
    /// Answer every request with itself
    #[arg(short, long)]
    echo: bool,
    /// End after so many requests
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
}

/// Answers until the count is reached, or standard input ends.
pub(crate) fn run(args: &RepArgs) -> Result<()> {
    let (context, socket) = args.socket.open(SocketType::Rep)?;
    let mut reader = Reader::new(BufReader::new(io::stdin()), &args.format);
    let mut writer = Writer::stdout(&args.format);
    let mut answered = 0;
    while args.count.is_none_or(|count| answered < count) {
        let request = match socket.recv_multipart() {
            Ok(request) => request,
            Err(RecvError::WouldBlock) if args.count.is_none() && answered > 0 => break,
            Err(RecvError::WouldBlock) => {
                return Err(Failure::Nothing(format!("no request came {}", args.socket.in_time())));
            }
            Err(error) => return Err(error.into()),
        };
        writer.write(&request)?;
        writer.flush()?;
        let reply = match &args.reply {
            Some(text) => Some(reader.split(text.as_bytes())),
            None if args.echo => Some(Multipart::from_iter(request)),
            None => reader.next()?,
        };
        let Some(reply) = reply else { break };
        socket.send_multipart(reply)?;
        answered += 1;
    }
    deliver(context, socket, &args.socket)
}
