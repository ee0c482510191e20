//! netzmq as its users get it: defaults, no flush, no profile.

use std::process::ExitCode;

use netzmq::proto::{CurvePublicKey, CurveSecretKey};
use netzmq::{Context, Message, Security, SocketType};
use netzmq_bench::Failure;
use netzmq_bench::blocking::{
    self, CLIENT_KEY, CLIENT_PUBLIC_KEY, Curve, Kind, SERVER_KEY, SERVER_PUBLIC_KEY, Setup,
};

struct Netzmq(Context);

struct Socket {
    socket: netzmq::Socket,
    routing_id: Message,
    body: Message,
    routed: bool,
}

impl blocking::Engine for Netzmq {
    type Socket = Socket;

    fn socket(&self, setup: Setup) -> Result<Socket, Failure> {
        let socket = self.0.socket(match setup.kind {
            Kind::Push => SocketType::Push,
            Kind::Pull => SocketType::Pull,
            Kind::Req => SocketType::Req,
            Kind::Rep => SocketType::Rep,
            Kind::Pub => SocketType::Pub,
            Kind::Sub => SocketType::Sub,
            Kind::Router => SocketType::Router,
            Kind::Dealer => SocketType::Dealer,
        })?;
        if setup.unlimited {
            socket.set_send_hwm(0)?;
            socket.set_recv_hwm(0)?;
        }
        if !setup.routing_id.is_empty() {
            socket.set_routing_id(setup.routing_id.to_vec())?;
        }
        if setup.kind == Kind::Sub {
            socket.subscribe("")?;
        }
        let key = CurveSecretKey::from_bytes;
        match setup.curve {
            None => {}
            Some(Curve::Server) => {
                socket.set_security(Security::CurveServer { secret_key: key(SERVER_KEY) })?;
            }
            Some(Curve::Client) => socket.set_security(Security::CurveClient {
                server_key: CurvePublicKey::from_bytes(SERVER_PUBLIC_KEY),
                public_key: CurvePublicKey::from_bytes(CLIENT_PUBLIC_KEY),
                secret_key: key(CLIENT_KEY),
            })?,
        }
        Ok(Socket {
            socket,
            routing_id: Message::new(),
            body: Message::new(),
            routed: setup.kind == Kind::Router,
        })
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
        Ok(self.socket.send(body)?)
    }

    #[inline]
    fn recv(&mut self) -> Result<&[u8], Failure> {
        self.socket.recv_to(&mut self.body)?;
        Ok(&self.body)
    }

    #[inline]
    fn send_back(&mut self) -> Result<(), Failure> {
        if self.routed {
            self.socket.send_more(std::mem::take(&mut self.routing_id))?;
        }
        Ok(self.socket.send(std::mem::take(&mut self.body))?)
    }

    #[inline]
    fn send_routed(&mut self, to: &[u8], body: &[u8]) -> Result<(), Failure> {
        self.socket.send_more(to)?;
        Ok(self.socket.send(body)?)
    }

    #[inline]
    fn recv_routed(&mut self) -> Result<&[u8], Failure> {
        self.socket.recv_to(&mut self.routing_id)?;
        self.socket.recv_to(&mut self.body)?;
        Ok(&self.body)
    }
}

fn main() -> ExitCode {
    netzmq_bench::main("netzmq", |args| blocking::run(&Netzmq(Context::new()), args))
}
