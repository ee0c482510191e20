//! What was sent leaves before the program does, or the program says that it did not.

use netzmq::{Context, Socket};

use super::wire::SocketArgs;
use crate::Result;
use crate::error::Failure;

/// Closes a socket and waits until its messages have left: for ever, or as long as `--timeout` says.
///
/// # Errors
/// Time was over first; the messages are lost.
pub(crate) fn deliver(context: Context, socket: Socket, args: &SocketArgs) -> Result<()> {
    drop(socket);
    if context.terminate(args.timeout) {
        return Ok(());
    }
    // Dropping it would wait for what is not going to happen.
    std::mem::forget(context);
    Err(Failure::Nothing(format!("not everything that was sent was taken {}", args.in_time())))
}
