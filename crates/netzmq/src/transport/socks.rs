//! Connecting through a SOCKS5 proxy (RFC 1928, with the user names of RFC 1929): the dialogue, blocking.
//!
//! Run on a thread of its own, like name resolution, because the proxy may take its time. The name of the peer is the
//! proxy's to resolve. Every answer is read to its exact length: what follows belongs to the peer.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::time::Duration;

use netzmq_proto::Password;
use socket2::{Domain, Protocol, Socket, Type};
use zeroize::Zeroizing;

/// Where the proxy is, and who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// `host:port`, or a host at port 1080; before it, with a semicolon, the address to connect from. Empty: no proxy.
    pub(crate) address: String,
    /// Empty: no authentication.
    pub(crate) username: String,
    pub(crate) password: Password,
}

const VERSION: u8 = 5;
const DEFAULT_PORT: u16 = 1080;
/// A proxy that is silent for so long will not answer any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connects to `host:port` by way of the proxy. `patience`: how long a step may take; zero is our own bound.
pub(crate) fn connect(proxy: &Proxy, host: &str, port: u16, patience: Duration) -> io::Result<OwnedFd> {
    let patience = if patience.is_zero() { PATIENCE } else { patience };
    let mut stream = reach(&proxy.address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    introduce(&mut stream, proxy)?;
    request(&mut stream, host, port)?;
    stream.set_nonblocking(true)?;
    Ok(stream.into())
}

fn reach(address: &str, patience: Duration) -> io::Result<TcpStream> {
    let (source, address) = match address.split_once(';') {
        Some((source, address)) => (resolve(source)?.next(), address),
        None => (None, address),
    };
    let mut last = refused("no such proxy");
    for address in resolve(address)? {
        match open(source, address, patience) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn open(source: Option<SocketAddr>, to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(source) = source {
        socket.bind(&source.into())?;
    }
    socket.connect_timeout(&to.into(), patience)?;
    Ok(socket.into())
}

fn resolve(address: &str) -> io::Result<impl Iterator<Item = SocketAddr>> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| refused("not a port"))?),
        None => (address, DEFAULT_PORT),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port).to_socket_addrs()
}

fn introduce(stream: &mut (impl Read + Write), proxy: &Proxy) -> io::Result<()> {
    let method = if proxy.username.is_empty() { 0 } else { 2 };
    stream.write_all(&[VERSION, 1, method])?;
    let [version, chosen] = read(stream)?;
    if version != VERSION || chosen != method {
        return Err(refused("the proxy wants another way of authentication"));
    }
    if method == 0 {
        return Ok(());
    }
    // Made as large as it gets, so that no growing leaves an unwiped copy behind.
    let mut words = Zeroizing::new(Vec::with_capacity(3 + 2 * 255));
    words.push(1);
    for word in [proxy.username.as_bytes(), proxy.password.as_bytes()] {
        words.push(
            u8::try_from(word.len()).map_err(|_| refused("a name or password of more than 255 bytes"))?,
        );
        words.extend_from_slice(word);
    }
    stream.write_all(&words)?;
    match read(stream)? {
        [1, 0] => Ok(()),
        _ => Err(refused("the proxy refused the name or password")),
    }
}

fn request(stream: &mut (impl Read + Write), host: &str, port: u16) -> io::Result<()> {
    let mut words = vec![VERSION, 1, 0];
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    match literal.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            words.push(1);
            words.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            words.push(4);
            words.extend_from_slice(&address.octets());
        }
        Err(_) => {
            words.extend_from_slice(&[3, u8::try_from(host.len()).map_err(|_| refused("too long a name"))?]);
            words.extend_from_slice(host.as_bytes());
        }
    }
    words.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&words)?;
    let [version, answer, _, kind] = read(stream)?;
    if version != VERSION || answer != 0 {
        return Err(refused("the proxy did not connect"));
    }
    // Where the proxy's own end is: of no use to us.
    match kind {
        1 => read::<6>(stream).map(drop),
        4 => read::<18>(stream).map(drop),
        3 => {
            let [len] = read(stream)?;
            let mut rest = vec![0; usize::from(len) + 2];
            stream.read_exact(&mut rest)
        }
        _ => Err(refused("an address of an unknown kind")),
    }
}

fn read<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// Answers from a script, and keeps what was said.
    struct Script(Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Script {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }

    impl Write for Script {
        fn write(&mut self, from: &[u8]) -> io::Result<usize> {
            self.1.extend_from_slice(from);
            Ok(from.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn script(answers: &[u8]) -> Script {
        Script(Cursor::new(answers.to_vec()), Vec::new())
    }

    #[test]
    fn names_and_addresses() {
        let mut proxy = script(b"\x05\0\0\x01\0\0\0\0\0\0rest");
        request(&mut proxy, "example.org", 80).unwrap();
        assert_eq!(proxy.1, b"\x05\x01\0\x03\x0bexample.org\0\x50");
        assert_eq!(proxy.0.position(), 10, "what follows is the peer's");
        let mut proxy = script(b"\x05\0\0\x03\x02ab\0\0");
        request(&mut proxy, "127.0.0.1", 258).unwrap();
        assert_eq!(proxy.1, b"\x05\x01\0\x01\x7f\0\0\x01\x01\x02");
        assert!(request(&mut script(b"\x05\x01\0\x01\0\0\0\0\0\0"), "a", 1).is_err());
        assert!(request(&mut script(b"\x05\0"), "a", 1).is_err());
    }

    #[test]
    fn introductions() {
        let known = Proxy { username: "me".into(), password: "x".into(), ..Proxy::default() };
        let mut proxy = script(b"\x05\x02\x01\0");
        introduce(&mut proxy, &known).unwrap();
        assert_eq!(proxy.1, b"\x05\x01\x02\x01\x02me\x01x");
        assert!(introduce(&mut script(b"\x05\x02\x01\x01"), &known).is_err());
        assert!(introduce(&mut script(b"\x05\xff"), &Proxy::default()).is_err());
        introduce(&mut script(b"\x05\0"), &Proxy::default()).unwrap();
    }
}
