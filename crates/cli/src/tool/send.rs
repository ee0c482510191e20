//! `netzmq pub`, `netzmq push`: messages from standard input (or arguments) to a socket.

use std::time::Instant;

use netzmq::{Context, RecvError, SendFailure, Socket, SocketType};

use super::delivery::deliver;
use super::format::FormatArgs;
use super::input::{Input, InputArgs};
use super::wire::SocketArgs;
use crate::Result;
use crate::error::Failure;

/// Arguments of `push`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    format: FormatArgs,
}

/// Arguments of `pub`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PubArgs {
    #[command(flatten)]
    push: PushArgs,
    /// Wait for so many subscriptions before the first message: what nobody has subscribed to is dropped
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    wait: usize,
}

/// `push`.
pub(crate) fn push(args: &PushArgs) -> Result<()> {
    let (context, socket) = args.socket.open(SocketType::Push)?;
    send_all(context, socket, args, |_| Ok(()))
}

/// `pub`: an XPUB, which sees the subscriptions that it waits for.
pub(crate) fn publish(args: &PubArgs) -> Result<()> {
    let (context, socket) = args.push.socket.create(SocketType::XPub)?;
    socket.set_xpub_verbose(true)?;
    args.push.socket.attach(&socket)?;
    let deadline = args.push.socket.timeout.map(|timeout| Instant::now() + timeout);
    let mut subscriptions = 0;
    while subscriptions < args.wait {
        let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let heard = if is_late { Err(RecvError::WouldBlock) } else { socket.recv() };
        match heard {
            Ok(message) => subscriptions += usize::from(message.first() == Some(&1)),
            Err(RecvError::WouldBlock) => {
                let in_time = args.push.socket.in_time();
                return Err(Failure::Nothing(format!(
                    "{subscriptions} of {} subscriptions came {in_time}",
                    args.wait
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Nobody reads what comes later; it must not pile up.
    send_all(context, socket, &args.push, |socket| match socket.try_recv() {
        Ok(_) | Err(RecvError::WouldBlock) => Ok(()),
        Err(error) => Err(error.into()),
    })
}

fn send_all(
    context: Context,
    socket: Socket,
    args: &PushArgs,
    between: impl Fn(&Socket) -> Result<()>,
) -> Result<()> {
    let mut input = Input::new(&args.input, &args.format);
    while let Some(message) = input.next()? {
        between(&socket)?;
        socket.send_multipart(message).map_err(|error| match error.reason {
            SendFailure::WouldBlock => {
                Failure::Nothing(format!("nobody took the message {}", args.socket.in_time()))
            }
            _ => error.into(),
        })?;
    }
    deliver(context, socket, &args.socket)
}
