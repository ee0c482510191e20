//! The crate `zeromq` (zmq.rs) on tokio.
//!
//! Its queues have fixed bounds that no option changes; a PUB drops what is beyond 100,000 messages. It has no inproc.

use std::process::ExitCode;

use bytes::Bytes;
use netzmq_bench::blocking::{Kind, Setup};
use netzmq_bench::{Failure, fail, tasks};
use zeromq::{
    DealerSocket, PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket, RouterSocket, Socket as _,
    SocketOptions, SocketRecv, SocketSend, SubSocket, ZmqMessage,
};

#[derive(Clone)]
struct Zeromq;

enum Any {
    Push(PushSocket),
    Pull(PullSocket),
    Req(ReqSocket),
    Rep(RepSocket),
    Pub(PubSocket),
    Sub(SubSocket),
    Router(RouterSocket),
    Dealer(DealerSocket),
}

struct Socket {
    any: Any,
    message: Option<ZmqMessage>,
}

macro_rules! any {
    ($any:expr, $socket:ident => $what:expr) => {
        match $any {
            Any::Push($socket) => $what,
            Any::Pull($socket) => $what,
            Any::Req($socket) => $what,
            Any::Rep($socket) => $what,
            Any::Pub($socket) => $what,
            Any::Sub($socket) => $what,
            Any::Router($socket) => $what,
            Any::Dealer($socket) => $what,
        }
    };
}

impl tasks::Engine for Zeromq {
    type Socket = Socket;

    async fn socket(&self, setup: Setup) -> Result<Socket, Failure> {
        let mut options = SocketOptions::default();
        if !setup.routing_id.is_empty() {
            options.peer_identity(setup.routing_id.try_into()?);
        }
        let any = match setup.kind {
            Kind::Push => Any::Push(PushSocket::with_options(options)),
            Kind::Pull => Any::Pull(PullSocket::with_options(options)),
            Kind::Req => Any::Req(ReqSocket::with_options(options)),
            Kind::Rep => Any::Rep(RepSocket::with_options(options)),
            Kind::Pub => Any::Pub(PubSocket::with_options(options)),
            Kind::Sub => {
                let mut socket = SubSocket::with_options(options);
                socket.subscribe("").await?;
                Any::Sub(socket)
            }
            Kind::Router => Any::Router(RouterSocket::with_options(options)),
            Kind::Dealer => Any::Dealer(DealerSocket::with_options(options)),
        };
        Ok(Socket { any, message: None })
    }
}

impl Socket {
    async fn send_message(&mut self, message: ZmqMessage) -> Result<(), Failure> {
        match &mut self.any {
            Any::Push(socket) => socket.send(message).await?,
            Any::Req(socket) => socket.send(message).await?,
            Any::Rep(socket) => socket.send(message).await?,
            Any::Pub(socket) => socket.send(message).await?,
            Any::Router(socket) => socket.send(message).await?,
            Any::Dealer(socket) => socket.send(message).await?,
            Any::Pull(_) | Any::Sub(_) => return Err(fail("this type does not send")),
        }
        Ok(())
    }

    async fn part(&mut self, index: usize) -> Result<&[u8], Failure> {
        let message = match &mut self.any {
            Any::Pull(socket) => socket.recv().await?,
            Any::Req(socket) => socket.recv().await?,
            Any::Rep(socket) => socket.recv().await?,
            Any::Sub(socket) => socket.recv().await?,
            Any::Router(socket) => socket.recv().await?,
            Any::Dealer(socket) => socket.recv().await?,
            Any::Push(_) | Any::Pub(_) => return Err(fail("this type does not receive")),
        };
        let part = self.message.insert(message).get(index);
        part.map(|bytes| &bytes[..]).ok_or_else(|| fail("a message with too few parts"))
    }
}

impl tasks::Socket for Socket {
    async fn bind(&mut self, endpoint: &str) -> Result<(), Failure> {
        if endpoint.starts_with("inproc:") {
            return Err(Failure::Unsupported);
        }
        any!(&mut self.any, socket => socket.bind(endpoint).await)?;
        Ok(())
    }

    async fn connect(&mut self, endpoint: &str) -> Result<(), Failure> {
        Ok(any!(&mut self.any, socket => socket.connect(endpoint).await)?)
    }

    async fn send(&mut self, body: &[u8]) -> Result<(), Failure> {
        self.send_message(Bytes::copy_from_slice(body).into()).await
    }

    async fn recv(&mut self) -> Result<&[u8], Failure> {
        self.part(0).await
    }

    async fn send_back(&mut self) -> Result<(), Failure> {
        let message = self.message.take().ok_or_else(|| fail("nothing to send back"))?;
        self.send_message(message).await
    }

    async fn send_routed(&mut self, to: &'static [u8], body: &[u8]) -> Result<(), Failure> {
        let parts = vec![Bytes::from_static(to), Bytes::copy_from_slice(body)];
        self.send_message(parts.try_into().map_err(|_| fail("no parts"))?).await
    }

    async fn recv_routed(&mut self) -> Result<&[u8], Failure> {
        self.part(1).await
    }
}

fn main() -> ExitCode {
    netzmq_bench::main("zeromq", |args| tasks::run(|| Ok(Zeromq), args))
}
