//! NULL: both sides send READY with their metadata, and that is all.
//!
//! With ZAP on, the handler is asked before our READY leaves, about the address alone; the peer's READY waits
//! unread until it has answered. The two READYs cross, so this side may be done with either event.
//!
//! Source: RFC 37, "The NULL mechanism".

use super::{Step, expect_command};
use crate::command::append_command;
use crate::error::{CommandName, ProtocolError};
use crate::handshake::Common;
use crate::zap::ZapCredentials;

#[derive(Debug)]
pub(crate) struct Null;

impl Null {
    pub(super) fn start(&mut self, common: &mut Common, out: &mut Vec<u8>) -> Result<Step, ProtocolError> {
        if common.asks_zap() { Ok(Step::AwaitZap(ZapCredentials::Null)) } else { self.resume(common, out) }
    }

    pub(super) fn resume(&mut self, common: &mut Common, out: &mut Vec<u8>) -> Result<Step, ProtocolError> {
        append_command("READY", &[&common.own_metadata()?], out);
        Ok(Step::Continue)
    }

    pub(super) fn handle_command(
        &mut self,
        common: &mut Common,
        body: &[u8],
        _out: &mut Vec<u8>,
    ) -> Result<Step, ProtocolError> {
        common.accept_metadata(expect_command(body, CommandName::Ready)?)?;
        Ok(Step::Done)
    }
}
