//! A socket from arguments: endpoints, time-outs, limits, security.
//!
//! Secrets are read from files or the environment, never from the command line, which every user of the machine can see.

use std::path::{Path, PathBuf};
use std::time::Duration;

use netzmq::proto::{CurvePublicKey, CurveSecretKey};
use netzmq::{Context, Security, Socket, SocketType};

use super::keygen;
use crate::Result;
use crate::error::Failure;

/// Where the password of `--plain-user` is looked for.
const PASSWORD_VARIABLE: &str = "NETZMQ_PASSWORD";

/// What every socket can be told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SocketArgs {
    /// Endpoints to connect to, such as tcp://host:5555 or ipc:///path
    #[arg(value_name = "ENDPOINT", required_unless_present = "bind")]
    pub(crate) connect: Vec<String>,
    /// Endpoint to bind to, such as tcp://*:5555; may be given several times
    #[arg(short, long, value_name = "ENDPOINT")]
    pub(crate) bind: Vec<String>,
    /// Give up when nothing comes or goes for so long: 500ms, 2s, 1m
    #[arg(short, long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,
    /// Messages that may wait for each peer, both ways; 0 for any number [default: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) hwm: Option<usize>,
    /// Name under which routers know this socket
    #[arg(long, value_name = "NAME")]
    pub(crate) routing_id: Option<String>,
    /// Say nothing about endpoints
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) security: SecurityArgs,
}

/// Who the two ends are.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SecurityArgs {
    /// Encrypt, and insist that the peer owns this public key (40 characters)
    #[arg(long, help_heading = "Security", value_name = "KEY", conflicts_with = "curve_server")]
    pub(crate) curve_server_key: Option<CurvePublicKey>,
    /// Encrypt, as the side whose key the others know; needs --curve-secret
    #[arg(long, help_heading = "Security", requires = "curve_secret")]
    pub(crate) curve_server: bool,
    /// File with this side's secret key, as `netzmq keygen` writes it [default: a fresh key]
    #[arg(long, help_heading = "Security", value_name = "FILE")]
    pub(crate) curve_secret: Option<PathBuf>,
    /// Show this name, and the password in the environment variable NETZMQ_PASSWORD, unencrypted
    #[arg(long, help_heading = "Security", value_name = "NAME", conflicts_with_all = ["curve_server_key", "curve_server"])]
    pub(crate) plain_user: Option<String>,
}

impl SecurityArgs {
    /// What the library wants to know.
    pub(crate) fn security(&self) -> Result<Security> {
        if let Some(username) = &self.plain_user {
            let password = std::env::var(PASSWORD_VARIABLE).unwrap_or_default();
            return Ok(Security::PlainClient { username: username.clone(), password: password.into() });
        }
        let secret = self.curve_secret.as_deref().map(read_secret).transpose()?;
        if self.curve_server {
            let secret_key =
                secret.ok_or_else(|| Failure::Usage("--curve-server needs --curve-secret".to_owned()))?;
            return Ok(Security::CurveServer { secret_key });
        }
        match self.curve_server_key {
            Some(server_key) => {
                let secret_key = secret.map_or_else(keygen::fresh, Ok)?;
                Ok(Security::CurveClient { server_key, public_key: secret_key.public_key(), secret_key })
            }
            None if secret.is_some() => {
                Err(Failure::Usage("--curve-secret needs --curve-server or --curve-server-key".to_owned()))
            }
            None => Ok(Security::Null),
        }
    }
}

/// The first word of the file is the key; the rest may say what it is.
fn read_secret(path: &Path) -> Result<CurveSecretKey> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
    let word = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    word.unwrap_or_default()
        .parse()
        .map_err(|error| Failure::Usage(format!("{}: not a secret key: {error}", path.display())))
}

impl SocketArgs {
    /// A socket with all options set, but without any connection yet.
    pub(crate) fn create(&self, socket_type: SocketType) -> Result<(Context, Socket)> {
        let context = Context::new();
        let socket = context.socket(socket_type)?;
        socket.set_security(self.security.security()?)?;
        socket.set_send_timeout(self.timeout)?;
        socket.set_recv_timeout(self.timeout)?;
        if let Some(hwm) = self.hwm {
            socket.set_send_hwm(hwm)?;
            socket.set_recv_hwm(hwm)?;
        }
        if let Some(name) = &self.routing_id {
            socket.set_routing_id(name.as_bytes().to_vec())?;
        }
        Ok((context, socket))
    }

    /// Binds and connects. Where it bound is told, because a wildcard leaves it open.
    pub(crate) fn attach(&self, socket: &Socket) -> Result<()> {
        for endpoint in &self.bind {
            let bound = socket.bind(endpoint)?;
            if !self.quiet {
                eprintln!("bound to {bound}");
            }
        }
        for endpoint in &self.connect {
            socket.connect(endpoint)?;
        }
        Ok(())
    }

    /// Both at once.
    pub(crate) fn open(&self, socket_type: SocketType) -> Result<(Context, Socket)> {
        let (context, socket) = self.create(socket_type)?;
        self.attach(&socket)?;
        Ok((context, socket))
    }

    /// `in 2 s`, for messages about what did not happen.
    pub(crate) fn in_time(&self) -> String {
        self.timeout.map_or_else(|| "in time".to_owned(), |timeout| format!("within {timeout:?}"))
    }
}

/// Reads a time: `500ms`, `2s`, `1.5m`, `1h`; a number alone is seconds.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time such as 500ms, 2s or 1m");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, ms) in [("500ms", 500), ("2", 2000), ("1.5s", 1500), ("1m", 60_000), ("0", 0)] {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "-1s", "1d", "1e400", "nan", "inf", "1 s s"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
