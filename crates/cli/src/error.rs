//! How a command fails, and the exit code that goes with it.

use std::io;
use std::path::Path;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The library refused something.
    #[error("{0}")]
    Library(#[from] netzmq::Error),
    /// What was waited for did not come in time.
    #[error("{0}")]
    Nothing(String),
    /// Arguments that make no sense together.
    #[error("{0}")]
    Usage(String),
    /// The library that ours is compared with.
    #[cfg(feature = "peers")]
    #[error("libzmq: {0}")]
    Libzmq(#[from] zmq::Error),
    /// A benchmark received something else than was sent, or not all of it.
    #[error("{0}")]
    Wrong(String),
    /// A file, or the system.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, or to which file.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// Standard output.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// A failure of a file.
    pub(crate) fn file(path: &Path, source: io::Error) -> Failure {
        Failure::Io { what: path.display().to_string(), source }
    }

    /// Whoever read our output has gone: they have seen enough.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// 1 if nothing came in time, 2 for everything else.
    pub(crate) fn exit_code(&self) -> u8 {
        if matches!(self, Failure::Nothing(_)) { 1 } else { 2 }
    }
}

macro_rules! from_library {
    ($($error:ident),*) => {
        $(
            impl From<netzmq::$error> for Failure {
                fn from(error: netzmq::$error) -> Failure {
                    Failure::Library(error.into())
                }
            }
        )*
    };
}

from_library!(SendError, SendMultipartError, RecvError, EndpointError, OpenError, OptionError, SocketError);
