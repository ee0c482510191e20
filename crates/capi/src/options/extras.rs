//! What C sets in pieces and the library takes whole (security), and numbers for transports that are not built in.

use std::ffi::c_int;

use std::sync::Weak;

use netzmq::Security;
use netzmq::proto::{CurvePublicKey, CurveSecretKey, Password};

use crate::monitor::Sink;

/// The mechanism that the last option chose.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    #[default]
    Null,
    Plain,
    Curve,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    pub(crate) mechanism: Mechanism,
    pub(crate) as_server: bool,
    pub(crate) plain_username: String,
    pub(crate) plain_password: Password,
    pub(crate) curve_public: Option<CurvePublicKey>,
    pub(crate) curve_secret: Option<CurveSecretKey>,
    pub(crate) curve_server: Option<CurvePublicKey>,
    pub(crate) affinity: u64,
    /// Where the socket's events go.
    pub(crate) monitor: Weak<Sink>,
    /// A descriptor that was given away to the next bind.
    pub(crate) bind_fd: Option<c_int>,
    /// Options without an effect in this build, by number, where they differ from their defaults.
    pub(crate) numbers: Vec<(c_int, c_int)>,
}

/// A key that was never set is all zero, as in libzmq: nobody is let in with it.
fn no_key() -> CurveSecretKey {
    CurveSecretKey::from_bytes([0; 32])
}

impl Extras {
    /// The mechanism and its credentials, for the library.
    pub(crate) fn security(&self) -> Security {
        match (self.mechanism, self.as_server) {
            (Mechanism::Null, _) => Security::Null,
            (Mechanism::Plain, true) => Security::PlainServer,
            (Mechanism::Plain, false) => Security::PlainClient {
                username: self.plain_username.clone(),
                password: self.plain_password.clone(),
            },
            (Mechanism::Curve, true) => {
                Security::CurveServer { secret_key: self.curve_secret.clone().unwrap_or_else(no_key) }
            }
            (Mechanism::Curve, false) => Security::CurveClient {
                server_key: self.curve_server.unwrap_or_else(|| CurvePublicKey::from_bytes([0; 32])),
                public_key: self.curve_public.unwrap_or_else(|| CurvePublicKey::from_bytes([0; 32])),
                secret_key: self.curve_secret.clone().unwrap_or_else(no_key),
            },
        }
    }

    pub(crate) fn number(&self, option: c_int, default: c_int) -> c_int {
        self.numbers.iter().find(|(known, _)| *known == option).map_or(default, |(_, value)| *value)
    }

    pub(crate) fn set_number(&mut self, option: c_int, value: c_int) {
        self.numbers.retain(|(known, _)| *known != option);
        self.numbers.push((option, value));
    }
}
