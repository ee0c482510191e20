//! `netzmq pair`, `dealer`, `router`: both ways at once, standard input to the socket and the socket to standard output.
//!
//! A thread reads standard input and rings an `inproc` socket for every message that it has, so that one poller can wait for
//! both sides. When standard input ends, receiving goes on: until `--count`, until nothing comes for
//! `--timeout`, or until the program is ended.

use std::io::{self, BufReader, BufWriter, Stdout};
use std::sync::mpsc::{Receiver, sync_channel};

use netzmq::{Context, Interest, Message, Multipart, Poller, RecvError, SendFailure, Socket, SocketType};

use super::delivery::deliver;
use super::format::{Format, FormatArgs, Reader, Writer};
use super::wire::SocketArgs;
use crate::Result;
use crate::error::Failure;

/// The arguments of all three.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ExchangeArgs {
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    format: FormatArgs,
    /// End after so many received messages
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
}

pub(crate) const ROUTER_HELP: &str = "\
In lines, the first part of a message is the peer's routing id, as text or, where it is none, as 0x and hexadecimal
digits. Messages to be sent begin in the same way, so --delimiter must be given to send any:

  netzmq router --bind tcp://*:5555 --delimiter ' '";

const SOCKET: usize = 0;
const STDIN: usize = 1;
const BELL: &str = "inproc://stdin";
/// Lines read before they are sent.
const LINES_AHEAD: usize = 64;
/// Received in a row before standard input has its turn.
const BURST: usize = 256;

/// Exchanges messages until there is a reason to end.
pub(crate) fn run(socket_type: SocketType, args: &ExchangeArgs) -> Result<()> {
    let (context, socket) = args.socket.create(socket_type)?;
    let is_router = socket_type == SocketType::Router;
    if is_router {
        // A message to a stranger is told of, not lost.
        socket.set_router_mandatory(true)?;
    }
    args.socket.attach(&socket)?;
    let (bell, lines) = start_feed(&args.format)?;
    let mut exchange = Exchange {
        is_router,
        socket: &socket,
        bell: &bell,
        lines,
        args,
        writer: Writer::stdout(&args.format),
        pending: None,
        has_ended: false,
        received: 0,
    };
    exchange.run()?;
    deliver(context, socket, &args.socket)
}

/// What the reading thread has to say; `None` is the end of input.
type Line = Result<Option<Multipart>>;

/// The thread that reads standard input. Each of its lines is announced by an empty message on the socket.
fn start_feed(format: &FormatArgs) -> Result<(Socket, Receiver<Line>)> {
    // A context of its own, which is never waited for: nobody can end a thread that waits for a keyboard.
    let context = Context::builder().io_threads(0).build();
    let (bell, ring) = (context.socket(SocketType::Pull)?, context.socket(SocketType::Push)?);
    bell.bind(BELL)?;
    ring.connect(BELL)?;
    let (send, lines) = sync_channel(LINES_AHEAD);
    let mut reader = Reader::new(BufReader::new(io::stdin()), format);
    let thread = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let _context = context;
        loop {
            let line = reader.next();
            let is_last = !matches!(line, Ok(Some(_)));
            if send.send(line).is_err() || ring.send("").is_err() || is_last {
                return;
            }
        }
    });
    thread.map_err(|source| Failure::Io { what: "a thread".to_owned(), source })?;
    Ok((bell, lines))
}

struct Exchange<'a> {
    is_router: bool,
    socket: &'a Socket,
    bell: &'a Socket,
    lines: Receiver<Line>,
    args: &'a ExchangeArgs,
    writer: Writer<BufWriter<Stdout>>,
    /// Read, but not sent yet.
    pending: Option<Multipart>,
    /// Standard input has.
    has_ended: bool,
    received: u64,
}

impl Exchange<'_> {
    fn run(&mut self) -> Result<()> {
        let mut poller = Poller::new();
        poller.add(self.socket, SOCKET, Interest::READABLE);
        poller.add(self.bell, STDIN, Interest::READABLE);
        while self.args.count.is_none_or(|count| self.received < count) {
            poller.modify(SOCKET, Interest { readable: true, writable: self.pending.is_some() });
            poller.modify(STDIN, Interest { readable: self.pending.is_none(), writable: false });
            let ready = poller.wait(self.args.socket.timeout);
            if ready.is_empty() {
                return self.nothing_comes();
            }
            let is_readable = ready.iter().any(|ready| ready.key == SOCKET && ready.readable);
            if is_readable {
                self.receive()?;
            }
            self.send()?;
        }
        Ok(())
    }

    fn nothing_comes(&self) -> Result<()> {
        let in_time = self.args.socket.in_time();
        match self.args.count {
            None if self.received > 0 => Ok(()),
            Some(count) => {
                Err(Failure::Nothing(format!("{} of {count} messages came {in_time}", self.received)))
            }
            None => Err(Failure::Nothing(format!("no message came {in_time}"))),
        }
    }

    fn receive(&mut self) -> Result<()> {
        for _ in 0..BURST {
            if self.args.count.is_some_and(|count| self.received >= count) {
                break;
            }
            let message = match self.socket.try_recv_multipart() {
                Ok(message) => message,
                Err(RecvError::WouldBlock) => break,
                Err(error) => return Err(error.into()),
            };
            self.received += 1;
            let mut parts: Vec<Message> = message.into_iter().collect();
            if let Some(id) =
                parts.first_mut().filter(|_| self.is_router && self.args.format.format == Format::Lines)
            {
                *id = Message::from(name_of(id));
            }
            self.writer.write(&parts)?;
        }
        self.writer.flush()
    }

    /// Sends what is pending, else the next line.
    fn send(&mut self) -> Result<()> {
        for _ in 0..BURST {
            let message = match self.pending.take() {
                Some(message) => message,
                None if self.has_ended || self.bell.try_recv().is_err() => return Ok(()),
                None => match self.lines.recv() {
                    Ok(Ok(Some(message))) => self.addressed(message),
                    Ok(Ok(None)) | Err(_) => {
                        self.has_ended = true;
                        return Ok(());
                    }
                    Ok(Err(error)) => return Err(error),
                },
            };
            match self.socket.try_send_multipart(message) {
                Ok(()) => {}
                Err(error) => match error.reason {
                    SendFailure::WouldBlock => {
                        self.pending = Some(*error.message);
                        return Ok(());
                    }
                    SendFailure::Unroutable => {
                        let id = error.message.first().map(|id| name_of(id)).unwrap_or_default();
                        eprintln!("netzmq: nobody here is called {id:?}: message dropped");
                    }
                    _ => return Err(error.into()),
                },
            }
        }
        Ok(())
    }

    /// A line's first part is a name, as it is shown.
    fn addressed(&self, message: Multipart) -> Multipart {
        if !self.is_router || self.args.format.format != Format::Lines {
            return message;
        }
        let mut message = message;
        if let Some(id) = message.pop_front() {
            message.push_front(id_of(&id));
        }
        message
    }
}

/// A routing id as text.
fn name_of(id: &[u8]) -> String {
    match std::str::from_utf8(id) {
        Ok(text) if !text.starts_with("0x") && !text.chars().any(|c| c.is_control()) => text.to_owned(),
        _ => id.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}

/// A routing id from its text.
fn id_of(name: &[u8]) -> Vec<u8> {
    let digits = name.strip_prefix(b"0x").filter(|digits| digits.len().is_multiple_of(2));
    let bytes = digits.and_then(|digits| {
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect::<Option<Vec<u8>>>()
    });
    bytes.unwrap_or_else(|| name.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_shown_and_read_back() {
        for id in [&b"name"[..], b"\0\x01\x02\x03\x04", b"0xnothex", b"0x12", b"", b"\xff", "grün".as_bytes()]
        {
            assert_eq!(id_of(name_of(id).as_bytes()), id, "{}", name_of(id));
        }
        assert_eq!((name_of(b"name"), name_of(b"\0\xab")), ("name".to_owned(), "0x00ab".to_owned()));
        assert_eq!((id_of(b"0x0"), id_of(b"0xzz")), (b"0x0".to_vec(), b"0xzz".to_vec()));
    }
}
