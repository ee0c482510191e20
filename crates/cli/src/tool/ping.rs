//! `netzmq ping`: asks an endpoint what it is and how far away, without becoming its peer where that would do harm.
//!
//! First it only shows a greeting, and learns the peer's version, mechanism and (with NULL) socket type. Then, if the peer
//! is of a type that never sends anything to a newcomer unasked, it joins as a fitting type and measures heartbeats. A PUSH,
//! DEALER or PAIR is not joined: it might send messages that others should get.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use netzmq::proto::{
    Command, Endpoint, FrameHeader, Greeting, GreetingReader, GreetingWriter, Handshake, HandshakeConfig,
    HandshakeStatus, IDENTITY, IpcEndpoint, MechanismConfig, SOCKET_TYPE, command,
};
use netzmq::{Security, SocketType};

use super::format::shown;
use super::keygen;
use super::wire::{SecurityArgs, parse_time};
use crate::Result;
use crate::bench::spread::Spread;
use crate::bench::units;
use crate::error::Failure;
use crate::output::{self, Style};

/// Its arguments.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PingArgs {
    /// A tcp or ipc endpoint
    endpoint: String,
    /// Heartbeats to measure
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// How long to wait for each answer
    #[arg(short, long, value_name = "TIME", value_parser = parse_time, default_value = "2s")]
    timeout: Duration,
    #[command(flatten)]
    security: SecurityArgs,
}

/// Longest frame that a handshake or a heartbeat needs; a peer that sends more is only told of.
const FRAME_MAX: u64 = 64 * 1024;

/// Looks, joins if it may, and prints what it found.
pub(crate) fn run(args: &PingArgs) -> Result<()> {
    let style = Style::detect();
    let found = look(args)?;
    output::print(&format!("{}\n", style.bold(&args.endpoint)))?;
    say("connected", &units::ns(found.connected.as_nanos() as f64))?;
    let as_server = if found.greeting.as_server { ", as server" } else { "" };
    say(
        "speaks",
        &format!("ZMTP 3.{}, mechanism {}{as_server}", found.greeting.minor_version, found.mechanism()),
    )?;
    if let Some(peer) = &found.peer {
        let id = if peer.1.is_empty() { String::new() } else { format!(", routing id {}", shown(&peer.1)) };
        say("socket", &format!("{}{id}", peer.0))?;
    }
    let Some(ours) = found.joining(&args.security)? else {
        return say(
            "round trip",
            "not measured: joining this peer might take messages from others, or needs its keys",
        );
    };
    let joined = join(args, ours)?;
    say("handshake", &format!("{} as {ours}", units::ns(joined.handshake.as_nanos() as f64)))?;
    match Spread::of(&joined.heartbeats_ns) {
        Some(spread) => say(
            "round trip",
            &format!(
                "{} median, {} least, {} most, of {}",
                units::ns(spread.median),
                units::ns(spread.min),
                units::ns(spread.max),
                joined.heartbeats_ns.len()
            ),
        ),
        None => say("round trip", "not measured: the peer has no heartbeats, or the connection is encrypted"),
    }
}

fn say(name: &str, text: &str) -> Result<()> {
    output::print(&format!("  {name:<12}{text}\n"))
}

/// What a greeting told.
struct Found {
    connected: Duration,
    greeting: Greeting,
    /// Socket type and routing id, if the peer has said so without being asked.
    peer: Option<(String, Vec<u8>)>,
}

impl Found {
    fn mechanism(&self) -> String {
        let name: Vec<u8> = self.greeting.mechanism.iter().copied().take_while(|&byte| byte != 0).collect();
        shown(&name)
    }

    /// The type to join as; `None` if it is better not to, or cannot be done.
    fn joining(&self, security: &SecurityArgs) -> Result<Option<SocketType>> {
        let security = mechanism(security)?;
        if security.name() != self.mechanism() {
            return Ok(None);
        }
        let Some((peer, _)) = &self.peer else {
            // Mechanisms with secrets tell the type late; a subscriber without subscriptions harms nobody.
            return Ok(Some(SocketType::Dealer).filter(|_| security.name() != "NULL"));
        };
        Ok(SocketType::from_name(peer.as_bytes()).and_then(harmless_peer_of))
    }
}

/// Who may join a peer of this type without being sent anything.
fn harmless_peer_of(peer: SocketType) -> Option<SocketType> {
    Some(match peer {
        SocketType::Router => SocketType::Dealer,
        SocketType::Rep => SocketType::Req,
        SocketType::Pull => SocketType::Push,
        SocketType::Pub | SocketType::XPub => SocketType::Sub,
        SocketType::Sub | SocketType::XSub => SocketType::Pub,
        SocketType::Server => SocketType::Client,
        SocketType::Dish => SocketType::Radio,
        SocketType::Gather => SocketType::Scatter,
        _ => return None,
    })
}

fn mechanism(args: &SecurityArgs) -> Result<MechanismConfig> {
    Ok(match args.security()? {
        Security::Null => MechanismConfig::Null,
        Security::PlainClient { username, password } => MechanismConfig::PlainClient { username, password },
        Security::CurveClient { server_key, public_key, secret_key } => {
            MechanismConfig::CurveClient { server_key, public_key, secret_key }
        }
        _ => return Err(Failure::Usage("a ping is always the client".to_owned())),
    })
}

/// A connection, and what was read of it but not used.
struct Wire {
    stream: Box<dyn Stream>,
    input: Vec<u8>,
    deadline: Instant,
    /// What is waited for.
    waiting_for: &'static str,
}

trait Stream: Read + Write {
    fn limit(&self, time: Duration) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.set_nodelay(true)?;
        self.set_read_timeout(Some(time))?;
        self.set_write_timeout(Some(time))
    }
}

impl Stream for UnixStream {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))?;
        self.set_write_timeout(Some(time))
    }
}

impl Wire {
    fn connect(args: &PingArgs) -> Result<Wire> {
        let usage = |text: String| Failure::Usage(format!("{:?}: {text}", args.endpoint));
        let endpoint: Endpoint = args.endpoint.parse().map_err(|error| usage(format!("{error}")))?;
        endpoint.check_connect().map_err(|error| usage(format!("{error}")))?;
        let stream: io::Result<Box<dyn Stream>> = match endpoint {
            Endpoint::Tcp(_) => {
                let host = args.endpoint.trim_start_matches("tcp://");
                let host = host.rsplit(';').next().unwrap_or(host);
                connect_tcp(host, args.timeout).map(|stream| Box::new(stream) as Box<dyn Stream>)
            }
            Endpoint::Ipc(IpcEndpoint::Path(path)) => {
                UnixStream::connect(path).map(|stream| Box::new(stream) as Box<dyn Stream>)
            }
            #[cfg(target_os = "linux")]
            Endpoint::Ipc(IpcEndpoint::Abstract(name)) => {
                use std::os::linux::net::SocketAddrExt;
                std::os::unix::net::SocketAddr::from_abstract_name(name)
                    .and_then(|address| UnixStream::connect_addr(&address))
                    .map(|stream| Box::new(stream) as Box<dyn Stream>)
            }
            _ => return Err(usage("only tcp and ipc endpoints can be pinged".to_owned())),
        };
        let stream = stream.map_err(|source| Failure::Io { what: args.endpoint.clone(), source })?;
        Ok(Wire {
            stream,
            input: Vec::new(),
            deadline: Instant::now() + args.timeout,
            waiting_for: "greeting",
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.limit()?;
        self.stream.write_all(bytes).map_err(|error| self.failed(error))
    }

    /// Reads more; false at the end of the stream.
    fn read(&mut self) -> Result<bool> {
        self.limit()?;
        let mut chunk = [0; 4096];
        let count = self.stream.read(&mut chunk).map_err(|error| self.failed(error))?;
        self.input.extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(count > 0)
    }

    fn limit(&self) -> Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.failed(io::ErrorKind::TimedOut.into()));
        }
        self.stream.limit(left).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Failure::Nothing(format!("connected, but no {} came in time", self.waiting_for))
            }
            _ => Failure::Io { what: "connection".to_owned(), source: error },
        }
    }

    /// The next frame's header and body, if it is here in full.
    fn frame(&mut self) -> Result<Option<(FrameHeader, Vec<u8>)>> {
        let Some(header) = FrameHeader::parse(&self.input).map_err(not_zmtp)? else { return Ok(None) };
        if header.body_len > FRAME_MAX {
            return Err(Failure::Wrong(format!(
                "the peer sends a frame of {} bytes: more than was asked",
                header.body_len
            )));
        }
        let start = usize::from(header.header_len);
        let end = start + header.body_len as usize;
        let Some(body) = self.input.get(start..end).map(<[u8]>::to_vec) else { return Ok(None) };
        self.input.drain(..end);
        Ok(Some((header, body)))
    }
}

fn connect_tcp(host: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no such host");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn not_zmtp(error: impl std::fmt::Display) -> Failure {
    Failure::Wrong(format!("somebody answers, but not as ZeroMQ does: {error}"))
}

/// Shows a greeting and reads the peer's.
fn look(args: &PingArgs) -> Result<Found> {
    let started = Instant::now();
    let mut wire = Wire::connect(args)?;
    let connected = started.elapsed();
    let (mut reader, mut writer) = (GreetingReader::new(), GreetingWriter::new(1, "NULL", false, 0));
    let mut out = Vec::new();
    let greeting = loop {
        writer.advance(&reader, &mut out);
        wire.write(&out)?;
        out.clear();
        if let Some(greeting) = reader.greeting() {
            break greeting;
        }
        if wire.input.is_empty() && !wire.read()? {
            return Err(Failure::Wrong("the peer hung up before it said what it is".to_owned()));
        }
        let taken = reader.handle_input(&wire.input).map_err(not_zmtp)?;
        wire.input.drain(..taken);
    };
    // A NULL peer says what it is before we have said anything; others want to be convinced first.
    let peer = if greeting.mechanism.starts_with(b"NULL\0") { ready(&mut wire) } else { None };
    Ok(Found { connected, greeting, peer })
}

/// What a READY command says; `None` if none comes.
fn ready(wire: &mut Wire) -> Option<(String, Vec<u8>)> {
    let body = loop {
        match wire.frame().ok()? {
            Some((_, body)) => break body,
            None if wire.read().ok()? => {}
            None => return None,
        }
    };
    let Ok(Command::Ready(metadata)) = Command::parse(&body) else { return None };
    let name = shown(metadata.find(SOCKET_TYPE)?);
    Some((name, metadata.find(IDENTITY).unwrap_or_default().to_vec()))
}

/// What joining told.
struct Joined {
    handshake: Duration,
    heartbeats_ns: Vec<f64>,
}

fn join(args: &PingArgs, ours: SocketType) -> Result<Joined> {
    let mut config = HandshakeConfig::new(ours, mechanism(&args.security)?);
    *config.seed = keygen::random()?;
    let is_encrypted = config.mechanism.name() == "CURVE";
    let mut wire = Wire::connect(args)?;
    wire.waiting_for = "end of the handshake";
    let started = Instant::now();
    let mut handshake = Handshake::new(config);
    let refused = |error| Failure::Wrong(format!("the peer refused: {error}"));
    loop {
        let out = std::mem::take(handshake.output());
        wire.write(&out)?;
        if handshake.status() == HandshakeStatus::Done {
            break;
        }
        if wire.input.is_empty() && !wire.read()? {
            return Err(Failure::Wrong("the peer hung up in the handshake".to_owned()));
        }
        let taken = handshake.handle_input(&wire.input).map_err(refused)?;
        wire.input.drain(..taken);
    }
    let handshake_time = started.elapsed();
    let minor_version = handshake.finish().map_or(0, |established| established.peer.minor_version);
    let mut heartbeats_ns = Vec::new();
    if minor_version > 0 && !is_encrypted {
        for number in 0..args.count {
            heartbeats_ns.push(heartbeat(&mut wire, number, args.timeout)?.as_nanos() as f64);
        }
    }
    Ok(Joined { handshake: handshake_time, heartbeats_ns })
}

/// Sends a PING, and waits for its PONG.
fn heartbeat(wire: &mut Wire, number: u16, timeout: Duration) -> Result<Duration> {
    let context = number.to_be_bytes();
    let mut ping = Vec::new();
    command::encode_ping(0, &context, &mut ping);
    (wire.deadline, wire.waiting_for) = (Instant::now() + timeout, "heartbeat");
    let started = Instant::now();
    wire.write(&ping)?;
    loop {
        match wire.frame()? {
            Some((header, body)) if header.command => match Command::parse(&body).map_err(not_zmtp)? {
                Command::Pong { context: answered } if answered == context => return Ok(started.elapsed()),
                Command::Ping { context, .. } => {
                    let mut pong = Vec::new();
                    command::encode_pong(context, &mut pong);
                    wire.write(&pong)?;
                }
                _ => {}
            },
            Some(_) => {}
            None if wire.read()? => {}
            None => return Err(Failure::Wrong("the peer hung up".to_owned())),
        }
    }
}
