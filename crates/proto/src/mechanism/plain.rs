//! PLAIN: a user name and a password in the clear, judged by a ZAP handler.
//!
//! Client HELLO → server WELCOME → client INITIATE → server READY. The server always asks ZAP, whatever the
//! configuration says: without a handler there is nobody to judge, and libzmq fails such a handshake too.
//!
//! Source: RFC 24.

use super::{Step, expect_command, malformed};
use crate::command::append_command;
use crate::error::{CommandName, ConfigError, ProtocolError};
use crate::handshake::Common;
use crate::mechanism::MechanismConfig;
use crate::zap::ZapCredentials;

/// How libzmq 4.3 spells ERROR in PLAIN: in its source the length byte swallows the E as a third hexadecimal digit
/// (seen on the wire, 4.3.5). It is understood here; what we send is RFC 24's, which libzmq's client takes for an
/// unexpected command, so that it closes too.
pub(super) const ERROR_OF_LIBZMQ: &[u8] = b"^RROR";

#[derive(Debug, Default)]
pub(crate) struct PlainClient {
    welcomed: bool,
}

impl PlainClient {
    pub(super) fn start(&mut self, common: &mut Common, out: &mut Vec<u8>) -> Result<Step, ProtocolError> {
        if let MechanismConfig::PlainClient { username, password } = common.mechanism() {
            let len_byte = |len: usize| u8::try_from(len).map_err(|_| ConfigError::CredentialTooLong { len });
            let (username_len, password_len) = (len_byte(username.len())?, len_byte(password.len())?);
            append_command(
                "HELLO",
                &[&[username_len], username.as_bytes(), &[password_len], password.as_bytes()],
                out,
            );
        }
        Ok(Step::Continue)
    }

    pub(super) fn handle_command(
        &mut self,
        common: &mut Common,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, ProtocolError> {
        if self.welcomed {
            common.accept_metadata(expect_command(body, CommandName::Ready)?)?;
            return Ok(Step::Done);
        }
        if !expect_command(body, CommandName::Welcome)?.is_empty() {
            return Err(malformed(CommandName::Welcome, body));
        }
        self.welcomed = true;
        append_command("INITIATE", &[&common.own_metadata()?], out);
        Ok(Step::Continue)
    }
}

#[derive(Debug, Default)]
pub(crate) struct PlainServer {
    greeted: bool,
}

impl PlainServer {
    pub(super) fn handle_command(
        &mut self,
        common: &mut Common,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, ProtocolError> {
        if self.greeted {
            common.accept_metadata(expect_command(body, CommandName::Initiate)?)?;
            append_command("READY", &[&common.own_metadata()?], out);
            return Ok(Step::Done);
        }
        let rest = expect_command(body, CommandName::Hello)?;
        let (username, password) =
            split_credentials(rest).ok_or_else(|| malformed(CommandName::Hello, body))?;
        self.greeted = true;
        Ok(Step::AwaitZap(ZapCredentials::Plain { username: username.to_vec(), password: password.into() }))
    }

    pub(super) fn resume(&mut self, _common: &mut Common, out: &mut Vec<u8>) -> Result<Step, ProtocolError> {
        append_command("WELCOME", &[], out);
        Ok(Step::Continue)
    }
}

/// Two strings with a length byte each, and nothing behind them.
fn split_credentials(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&username_len, rest) = bytes.split_first()?;
    let (username, rest) = rest.split_at_checked(usize::from(username_len))?;
    let (&password_len, password) = rest.split_first()?;
    (password.len() == usize::from(password_len)).then_some((username, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials() {
        assert_eq!(split_credentials(b"\x05admin\x06secret"), Some((&b"admin"[..], &b"secret"[..])));
        assert_eq!(split_credentials(b"\0\0"), Some((&b""[..], &b""[..])));
        for bad in [&b""[..], b"\0", b"\x05admi", b"\x05admin", b"\x01a\x02b", b"\x01a\x01bc"] {
            assert_eq!(split_credentials(bad), None, "{bad:?}");
        }
    }
}
