//! The crate `omq-tokio` through its blocking interface.
//!
//! High-water mark 0 means one message there, so "none" is its largest number. (Its queues are allocated up front in
//! part, hence not `u32::MAX`.)

use std::process::ExitCode;

use netzmq_bench::blocking::{self, Kind, Setup};
use netzmq_bench::{Failure, fail};
use omq_tokio::{Context, Message, Options, SocketType};

const NO_HIGH_WATER_MARK: u32 = 4_000_000;

struct Omq(Context);

struct Socket {
    socket: omq_tokio::blocking::Socket,
    message: Message,
}

impl blocking::Engine for Omq {
    type Socket = Socket;

    fn socket(&self, setup: Setup) -> Result<Socket, Failure> {
        if setup.curve.is_some() {
            return Err(Failure::Unsupported);
        }
        let kind = match setup.kind {
            Kind::Push => SocketType::Push,
            Kind::Pull => SocketType::Pull,
            Kind::Req => SocketType::Req,
            Kind::Rep => SocketType::Rep,
            Kind::Pub => SocketType::Pub,
            Kind::Sub => SocketType::Sub,
            Kind::Router => SocketType::Router,
            Kind::Dealer => SocketType::Dealer,
        };
        let mut options = Options::default();
        if setup.unlimited {
            options = options.send_hwm(NO_HIGH_WATER_MARK).recv_hwm(NO_HIGH_WATER_MARK);
        }
        if !setup.routing_id.is_empty() {
            options = options.identity(setup.routing_id);
        }
        // Without this its PUB drops messages long before any high-water mark; its own benchmarks set it, too.
        options.xpub_nodrop = setup.kind == Kind::Pub;
        let socket = self.0.blocking_socket(kind, options);
        if setup.kind == Kind::Sub {
            socket.subscribe("")?;
        }
        Ok(Socket { socket, message: Message::new() })
    }
}

impl blocking::Socket for Socket {
    fn bind(&mut self, endpoint: &str) -> Result<(), Failure> {
        self.socket.bind(endpoint)?;
        Ok(())
    }

    fn connect(&mut self, endpoint: &str) -> Result<(), Failure> {
        Ok(self.socket.connect(endpoint)?)
    }

    #[inline]
    fn send(&mut self, body: &[u8]) -> Result<(), Failure> {
        Ok(self.socket.send(Message::from_slice(body))?)
    }

    #[inline]
    fn recv(&mut self) -> Result<&[u8], Failure> {
        self.message = self.socket.recv()?;
        self.message.get(0).ok_or_else(|| fail("a message without parts"))
    }

    #[inline]
    fn send_back(&mut self) -> Result<(), Failure> {
        Ok(self.socket.send(std::mem::take(&mut self.message))?)
    }

    #[inline]
    fn send_routed(&mut self, to: &[u8], body: &[u8]) -> Result<(), Failure> {
        let parts = [to, body].map(omq_tokio::message::Payload::from_slice);
        Ok(self.socket.send(Message::multipart_payloads(parts))?)
    }

    #[inline]
    fn recv_routed(&mut self) -> Result<&[u8], Failure> {
        self.message = self.socket.recv()?;
        self.message.get(1).ok_or_else(|| fail("a message without a body"))
    }
}

fn main() -> ExitCode {
    netzmq_bench::main("omq", |args| blocking::run(&Omq(Context::new()), args))
}
