//! `netzmq sub`, `netzmq pull`: messages from a socket to standard output.

use std::time::{Duration, Instant};

use netzmq::{RecvError, Socket, SocketType};

use super::format::{FormatArgs, Writer};
use super::wire::SocketArgs;
use crate::Result;
use crate::bench::units;
use crate::error::Failure;

/// Arguments of `pull`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PullArgs {
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    format: FormatArgs,
    /// End after so many messages
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
    /// Tell every second, and at the end, how many messages came
    #[arg(short, long)]
    stats: bool,
}

/// Arguments of `sub`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SubArgs {
    #[command(flatten)]
    pull: PullArgs,
    /// Receive messages that begin with this; may be given several times [default: everything]
    #[arg(short = 'T', long, value_name = "TEXT")]
    topic: Vec<String>,
}

/// `pull`.
pub(crate) fn pull(args: &PullArgs) -> Result<()> {
    let (_context, socket) = args.socket.open(SocketType::Pull)?;
    receive_all(&socket, args)
}

/// `sub`.
pub(crate) fn subscribe(args: &SubArgs) -> Result<()> {
    let (_context, socket) = args.pull.socket.create(SocketType::Sub)?;
    if args.topic.is_empty() {
        socket.subscribe("")?;
    }
    for topic in &args.topic {
        socket.subscribe(topic)?;
    }
    args.pull.socket.attach(&socket)?;
    receive_all(&socket, &args.pull)
}

fn receive_all(socket: &Socket, args: &PullArgs) -> Result<()> {
    let mut writer = Writer::stdout(&args.format);
    let mut stats = Stats::new(args.stats);
    while args.count.is_none_or(|count| stats.messages < count) {
        let message = match socket.try_recv_multipart() {
            Err(RecvError::WouldBlock) => {
                // Nothing more for now: what came shall be seen.
                writer.flush()?;
                socket.recv_multipart()
            }
            other => other,
        };
        match message {
            Ok(message) => {
                stats.add(message.iter().map(|part| part.len() as u64).sum());
                writer.write(&message)?;
            }
            Err(RecvError::WouldBlock) if args.count.is_none() && stats.messages > 0 => break,
            Err(RecvError::WouldBlock) => {
                stats.tell_all();
                return Err(nothing(args, stats.messages));
            }
            Err(error) => return Err(error.into()),
        }
    }
    writer.flush()?;
    stats.tell_all();
    Ok(())
}

fn nothing(args: &PullArgs, messages: u64) -> Failure {
    let in_time = args.socket.in_time();
    Failure::Nothing(match args.count {
        Some(count) if messages > 0 => format!("{messages} of {count} messages came, then nothing {in_time}"),
        _ => format!("no message came {in_time}"),
    })
}

/// Counts, told on standard error.
struct Stats {
    told: bool,
    started: Option<Instant>,
    messages: u64,
    bytes: u64,
    /// At the last line.
    last: (Option<Instant>, u64, u64),
}

/// Messages between looks at the clock.
const LOOK_EVERY: u64 = 256;

impl Stats {
    fn new(told: bool) -> Stats {
        Stats { told, started: None, messages: 0, bytes: 0, last: (None, 0, 0) }
    }

    fn add(&mut self, bytes: u64) {
        self.messages += 1;
        self.bytes += bytes;
        if !self.told || (self.messages > LOOK_EVERY && !self.messages.is_multiple_of(LOOK_EVERY)) {
            return;
        }
        let now = Instant::now();
        self.started.get_or_insert(now);
        let (then, messages, bytes) = self.last;
        let Some(then) = then else {
            self.last.0 = Some(now);
            return;
        };
        if now - then >= Duration::from_secs(1) {
            tell(self.messages - messages, self.bytes - bytes, now - then);
            self.last = (Some(now), self.messages, self.bytes);
        }
    }

    fn tell_all(&self) {
        if self.told {
            tell(self.messages, self.bytes, self.started.map_or(Duration::ZERO, |started| started.elapsed()));
        }
    }
}

fn tell(messages: u64, bytes: u64, time: Duration) {
    let seconds = time.as_secs_f64();
    let mut line =
        format!("{} messages, {} bytes in {seconds:.3} s", units::grouped(messages), units::grouped(bytes));
    if seconds > 0.0 {
        let (rate, byte_rate) = (messages as f64 / seconds, bytes as f64 / seconds);
        line += &format!(": {}, {}", units::rate(rate), units::byte_rate(byte_rate));
    }
    eprintln!("{line}");
}
