//! `netzmq monitor`: what happens to a socket's connections, a line each, and how fast messages come.
//!
//! The socket takes what peers send, so that rates can be told, and throws it away.

use std::time::{Duration, Instant};

use netzmq::{EventKind, Monitor, MonitorEvent, Socket, SocketType};

use super::format::shown;
use super::wire::SocketArgs;
use crate::Result;
use crate::bench::units;
use crate::error::Failure;
use crate::output;

/// Its arguments.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MonitorArgs {
    #[command(flatten)]
    socket: SocketArgs,
    /// Type of the socket: what the peer expects
    #[arg(long, value_name = "TYPE", value_parser = parse_type, default_value = "sub")]
    r#type: SocketType,
    /// End after so many events
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
}

/// How long an event is waited for before messages are looked at.
const LOOK: Duration = Duration::from_millis(50);
const SECOND: Duration = Duration::from_secs(1);

fn parse_type(text: &str) -> Result<SocketType, String> {
    let found = SocketType::from_name(text.to_ascii_uppercase().as_bytes());
    found.ok_or_else(|| format!("{text:?} is not a socket type such as sub, dealer or router"))
}

/// Prints events until the count is reached, or nothing happens for `--timeout`.
pub(crate) fn run(args: &MonitorArgs) -> Result<()> {
    let (_context, socket) = args.socket.create(args.r#type)?;
    let monitor = socket.monitor();
    if matches!(args.r#type, SocketType::Sub) {
        socket.subscribe("")?;
    }
    args.socket.attach(&socket)?;
    watch(&socket, &monitor, args)
}

fn watch(socket: &Socket, monitor: &Monitor, args: &MonitorArgs) -> Result<()> {
    let started = Instant::now();
    let (mut events, mut last_event) = (0, started);
    let (mut messages, mut bytes, mut last_told) = (0_u64, 0_u64, started);
    while args.count.is_none_or(|count| events < count) {
        if let Some(event) = monitor.recv_timeout(LOOK) {
            (events, last_event) = (events + 1, Instant::now());
            output::print(&format!("{:>9.3}  {}\n", started.elapsed().as_secs_f64(), line(&event)))?;
        } else if args.socket.timeout.is_some_and(|timeout| last_event.elapsed() > timeout) {
            let in_time = args.socket.in_time();
            return if events > 0 && args.count.is_none() {
                Ok(())
            } else {
                Err(Failure::Nothing(format!("{events} events came, then none {in_time}")))
            };
        }
        // A type that cannot receive has nothing here, which is no fault.
        while let Ok(part) = socket.try_recv() {
            messages += u64::from(!part.has_more());
            bytes += part.len() as u64;
        }
        let since = last_told.elapsed();
        if since >= SECOND {
            if messages > 0 {
                let seconds = since.as_secs_f64();
                let (rate, byte_rate) = (messages as f64 / seconds, bytes as f64 / seconds);
                let rates =
                    format!("messages            {}, {}", units::rate(rate), units::byte_rate(byte_rate));
                output::print(&format!("{:>9.3}  {rates}\n", started.elapsed().as_secs_f64()))?;
            }
            (messages, bytes, last_told) = (0, 0, Instant::now());
        }
    }
    Ok(())
}

/// An event in words.
fn line(event: &MonitorEvent) -> String {
    let (name, more) = match &event.kind {
        EventKind::Connected => ("connected", String::new()),
        EventKind::ConnectDelayed => ("connecting", String::new()),
        EventKind::ConnectRetried(pause) => ("retrying", format!("in {pause:.0?}")),
        EventKind::Listening => ("listening", String::new()),
        EventKind::BindFailed(number) => ("bind failed", os_error(*number)),
        EventKind::Accepted => ("accepted", String::new()),
        EventKind::AcceptFailed(number) => ("accept failed", os_error(*number)),
        EventKind::Closed => ("closed", String::new()),
        EventKind::Disconnected(why) => ("disconnected", why.clone()),
        EventKind::HandshakeSucceeded => ("handshake done", String::new()),
        EventKind::HandshakeFailedProtocol { reason, .. } => ("handshake failed", reason.clone()),
        EventKind::HandshakeFailedAuth(status) => ("access denied", format!("status {status}")),
        EventKind::HandshakeFailed(why) => ("handshake failed", why.clone()),
        EventKind::Stopped => ("stopped", String::new()),
        other => ("other", format!("{other:?}")),
    };
    let mut line = format!("{name:<18}");
    let ends = [(&event.local, "at"), (&event.remote, "peer")];
    for (endpoint, what) in ends.into_iter().filter(|(endpoint, _)| !endpoint.is_empty()) {
        line += &format!("  {what} {}", shown(endpoint.as_bytes()));
    }
    if !event.routing_id.is_empty() {
        line += &format!("  id {}", shown(&event.routing_id));
    }
    if !more.is_empty() {
        line += &format!("  ({})", shown(more.as_bytes()));
    }
    line
}

fn os_error(number: i32) -> String {
    std::io::Error::from_raw_os_error(number).to_string()
}
