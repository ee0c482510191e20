//! Asking a ZAP handler in this process: whoever has bound `inproc://zeromq.zap.01` (RFC 27).
//!
//! Each question has a socket of its own, which no application sees: its end tells the handler that nobody waits for
//! the answer any more. Never blocks: the answer rings, and the I/O thread looks.

use std::sync::Arc;

use netzmq_memory::Message;
use netzmq_proto::{SocketType, ZapHandlerError, ZapReply, ZapRequest};

use crate::connection::outbound::Body;
use crate::context::ContextInner;
use crate::engine::job::Job;
use crate::pipe::mailbox::Alarm;
use crate::socket::core::Shared;
use crate::socket::send::Wait;

/// The handler's name within the process.
const HANDLER: &str = "zeromq.zap.01";
/// A reply has a delimiter and six frames; one more shows that it has too many.
const FRAMES_MAX: usize = 8;

/// A question that is asked as long as this lives.
#[derive(Debug)]
pub(crate) struct ZapCall {
    shared: Arc<Shared>,
    request_id: Vec<u8>,
}

struct Bell {
    context: std::sync::Weak<ContextInner>,
    thread: usize,
    token: u64,
}

impl Alarm for Bell {
    fn ring(&self) {
        if let Some(context) = self.context.upgrade() {
            context.post(self.thread, Job::Readable { token: self.token });
        }
    }
}

/// There is a handler to ask.
pub(crate) fn has_handler(context: &ContextInner) -> bool {
    context.registry.is_bound(HANDLER)
}

impl ZapCall {
    /// Asks on behalf of a session, whose thread is told to look when there is an answer. `None`: nobody to ask.
    pub(crate) fn ask(
        context: &Arc<ContextInner>,
        request: &ZapRequest,
        thread: usize,
        token: u64,
    ) -> Option<ZapCall> {
        if !has_handler(context) {
            return None;
        }
        let shared = context.hidden_socket(SocketType::Dealer);
        let call = ZapCall { shared, request_id: request.request_id.clone() };
        context.registry.connect(HANDLER, &call.shared)?;
        call.shared.watch(Arc::new(Bell { context: Arc::downgrade(context), thread, token }));
        let frames = request.frames();
        let mut left = frames.len();
        call.shared.send(Body::Borrowed(b""), true, Wait::Never).ok()?;
        for frame in frames {
            left -= 1;
            call.shared.send(Body::Borrowed(frame), left > 0, Wait::Never).ok()?;
        }
        Some(call)
    }

    /// The answer, if it is here.
    pub(crate) fn answer(&self) -> Option<Result<ZapReply, ZapHandlerError>> {
        let mut frames: Vec<Message> = Vec::new();
        loop {
            let (frame, more) = self.shared.recv(Wait::Never, |taken| taken.into_message()).ok()?;
            if frames.len() < FRAMES_MAX {
                frames.push(frame);
            }
            if !more {
                break;
            }
        }
        let malformed = ZapHandlerError::MalformedReply { frames: frames.len().saturating_sub(1) };
        Some(match frames.split_first() {
            Some((delimiter, frames)) if delimiter.is_empty() => ZapReply::parse(&self.request_id, frames),
            _ => Err(malformed),
        })
    }
}

impl Drop for ZapCall {
    fn drop(&mut self) {
        self.shared.close();
    }
}
