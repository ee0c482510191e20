//! Unix domain stream sockets: paths and (Linux) abstract names.
//!
//! Binding does not steal unless it is told to (as libzmq always does): a path with a living owner is "address in use";
//! a stale one is taken over. Only what was bound here, and is still there, is unlinked again.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::transport::tcp::TcpOptions;

/// Where a Unix socket lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum IpcName {
    Path(PathBuf),
    /// Without the leading `@`.
    Abstract(Vec<u8>),
}

/// The kernel's address has 108 bytes, one of which is a zero.
const PATH_MAX: usize = 107;

impl IpcName {
    /// `ipc://…`
    pub(crate) fn endpoint_text(&self) -> String {
        match self {
            IpcName::Path(path) => format!("ipc://{}", path.display()),
            IpcName::Abstract(name) => format!("ipc://@{}", String::from_utf8_lossy(name)),
        }
    }

    /// The system has room for this name.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.address().map(drop)
    }

    fn address(&self) -> io::Result<SockAddr> {
        let len = match self {
            IpcName::Path(path) => path.as_os_str().len(),
            IpcName::Abstract(name) => name.len(),
        };
        if len > PATH_MAX {
            return Err(rustix::io::Errno::NAMETOOLONG.into());
        }
        match self {
            IpcName::Path(path) => SockAddr::unix(path),
            IpcName::Abstract(name) => {
                use std::os::unix::ffi::OsStrExt;
                let mut bytes = vec![0u8];
                bytes.extend_from_slice(name);
                SockAddr::unix(std::ffi::OsStr::from_bytes(&bytes))
            }
        }
    }
}

/// A fresh path for `ipc://*`, in a folder of its own so that nobody else can be there.
pub(crate) fn wildcard() -> io::Result<IpcName> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = std::env::temp_dir();
    loop {
        // Relaxed: only uniqueness within the process matters; mkdir settles the rest.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("netzmq-{}-{count}", std::process::id()));
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(IpcName::Path(path.join("socket"))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// A listening socket on `name`, non-blocking. `takes_over`: also where somebody else listens, who then is not found any
/// more.
pub(crate) fn listen(name: &IpcName, options: &TcpOptions, takes_over: bool) -> io::Result<OwnedFd> {
    let address = name.address()?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    socket.set_cloexec(true)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let IpcName::Path(path) = name else { return Err(error) };
            if !(is_socket(path) && (takes_over || is_stale(&address))) {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            socket.bind(&address)?;
        }
        other => other?,
    }
    socket.listen(options.backlog)?;
    Ok(socket.into())
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket())
}

/// A socket that nobody listens on any more.
fn is_stale(address: &SockAddr) -> bool {
    let Ok(probe) = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None) else { return false };
    probe.connect(address).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused)
}

/// Which file a path leads to. No other has the number while the socket that it belongs to is open.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) struct FileNumber(u64, u64);

impl FileNumber {
    pub(crate) fn of(name: &IpcName) -> Option<FileNumber> {
        use std::os::unix::fs::MetadataExt;
        let IpcName::Path(path) = name else { return None };
        std::fs::symlink_metadata(path).ok().map(|m| FileNumber(m.dev(), m.ino()))
    }
}

/// Removes what [`listen`] (and [`wildcard`]) made, unless somebody has taken the path over.
pub(crate) fn unlink(name: &IpcName, wildcard: bool, file: Option<FileNumber>) {
    if let IpcName::Path(path) = name
        && FileNumber::of(name) == file
    {
        // It may be gone already: somebody cleaned up, which is what is wanted.
        let _ = std::fs::remove_file(path);
        if let (true, Some(folder)) = (wildcard, path.parent()) {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Connects. A Unix socket connects at once or not at all; a full backlog is an error, retried like any other.
pub(crate) fn connect(name: &IpcName) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    socket.set_cloexec(true)?;
    socket.connect(&name.address()?)?;
    Ok(socket.into())
}

/// Credentials of the process at the other end: (pid, uid, gid).
pub(crate) fn peer_credentials(fd: &OwnedFd) -> io::Result<(i32, u32, u32)> {
    let credentials = rustix::net::sockopt::socket_peercred(fd)?;
    Ok((credentials.pid.as_raw_nonzero().get(), credentials.uid.as_raw(), credentials.gid.as_raw()))
}
