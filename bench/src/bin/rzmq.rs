//! The crate `rzmq` on tokio (without its io_uring back end, which is not its default).

use std::process::ExitCode;

use netzmq_bench::blocking::{Kind, Setup};
use netzmq_bench::{Failure, fail, tasks};
use rzmq::socket::options::{RCVHWM, ROUTING_ID, SNDHWM, SUBSCRIBE};
use rzmq::{Context, Msg, MsgFlags, SocketType};

const NO_HIGH_WATER_MARK: i32 = 1_000_000;

#[derive(Clone)]
struct Rzmq(Context);

struct Socket {
    socket: rzmq::Socket,
    message: Vec<Msg>,
    routed: bool,
}

impl tasks::Engine for Rzmq {
    type Socket = Socket;

    async fn socket(&self, setup: Setup) -> Result<Socket, Failure> {
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
        let socket = self.0.socket(kind)?;
        if setup.unlimited {
            socket.set_option(SNDHWM, NO_HIGH_WATER_MARK).await?;
            socket.set_option(RCVHWM, NO_HIGH_WATER_MARK).await?;
        }
        if !setup.routing_id.is_empty() {
            socket.set_option_raw(ROUTING_ID, setup.routing_id).await?;
        }
        if setup.kind == Kind::Sub {
            socket.set_option_raw(SUBSCRIBE, b"").await?;
        }
        Ok(Socket { socket, message: Vec::new(), routed: setup.kind == Kind::Router })
    }
}

impl Socket {
    fn part(&self, index: usize) -> Result<&[u8], Failure> {
        self.message.get(index).and_then(Msg::data).ok_or_else(|| fail("a message with too few parts"))
    }
}

impl tasks::Socket for Socket {
    async fn bind(&mut self, endpoint: &str) -> Result<(), Failure> {
        Ok(self.socket.bind(endpoint).await?)
    }

    async fn connect(&mut self, endpoint: &str) -> Result<(), Failure> {
        Ok(self.socket.connect(endpoint).await?)
    }

    async fn send(&mut self, body: &[u8]) -> Result<(), Failure> {
        Ok(self.socket.send(Msg::from_vec(body.to_vec())).await?)
    }

    async fn recv(&mut self) -> Result<&[u8], Failure> {
        self.message.clear();
        self.message.push(self.socket.recv().await?);
        self.part(0)
    }

    async fn send_back(&mut self) -> Result<(), Failure> {
        if self.routed {
            return Ok(self.socket.send_multipart(std::mem::take(&mut self.message)).await?);
        }
        let message = self.message.pop().ok_or_else(|| fail("nothing to send back"))?;
        Ok(self.socket.send(message).await?)
    }

    async fn send_routed(&mut self, to: &'static [u8], body: &[u8]) -> Result<(), Failure> {
        let mut id = Msg::from_static(to);
        id.set_flags(MsgFlags::MORE);
        Ok(self.socket.send_multipart(vec![id, Msg::from_vec(body.to_vec())]).await?)
    }

    async fn recv_routed(&mut self) -> Result<&[u8], Failure> {
        self.message = self.socket.recv_multipart().await?;
        self.part(1)
    }
}

fn main() -> ExitCode {
    netzmq_bench::main("rzmq", |args| tasks::run(|| Ok(Rzmq(Context::new()?)), args))
}
