//! `netzmq req`: asks, and prints the replies.

use netzmq::{RecvError, SendFailure, SocketType};

use super::format::{FormatArgs, Writer};
use super::input::{Input, InputArgs};
use super::wire::SocketArgs;
use crate::Result;
use crate::error::Failure;

/// Its arguments.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReqArgs {
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    format: FormatArgs,
}

/// One question after the other; each waits for its reply.
pub(crate) fn run(args: &ReqArgs) -> Result<()> {
    let (_context, socket) = args.socket.open(SocketType::Req)?;
    // A question that nobody answered is not worth waiting for at the end.
    socket.set_linger(Some(std::time::Duration::ZERO))?;
    let mut input = Input::new(&args.input, &args.format);
    let mut writer = Writer::stdout(&args.format);
    while let Some(question) = input.next()? {
        socket.send_multipart(question).map_err(|error| match error.reason {
            SendFailure::WouldBlock => {
                Failure::Nothing(format!("nobody took the request {}", args.socket.in_time()))
            }
            _ => error.into(),
        })?;
        let reply = socket.recv_multipart().map_err(|error| match error {
            RecvError::WouldBlock => Failure::Nothing(format!("no reply came {}", args.socket.in_time())),
            _ => error.into(),
        })?;
        writer.write(&reply)?;
        writer.flush()?;
    }
    Ok(())
}
