//! libzmq through the crate `zmq`, which builds it from source: 4.3.4, with the system's libsodium, as Debian's package. The yardstick: ratios in the tables are to this program.

use std::process::ExitCode;

use netzmq_bench::Failure;
use netzmq_bench::blocking::{
    self, CLIENT_KEY, CLIENT_PUBLIC_KEY, Curve, Kind, SERVER_KEY, SERVER_PUBLIC_KEY, Setup,
};
use zmq::{Message, SNDMORE};

struct Libzmq(zmq::Context);

struct Socket {
    socket: zmq::Socket,
    routing_id: Message,
    body: Message,
    routed: bool,
}

impl blocking::Engine for Libzmq {
    type Socket = Socket;

    fn socket(&self, setup: Setup) -> Result<Socket, Failure> {
        let kind = match setup.kind {
            Kind::Push => zmq::PUSH,
            Kind::Pull => zmq::PULL,
            Kind::Req => zmq::REQ,
            Kind::Rep => zmq::REP,
            Kind::Pub => zmq::PUB,
            Kind::Sub => zmq::SUB,
            Kind::Router => zmq::ROUTER,
            Kind::Dealer => zmq::DEALER,
        };
        let socket = self.0.socket(kind)?;
        if setup.unlimited {
            socket.set_sndhwm(0)?;
            socket.set_rcvhwm(0)?;
        }
        if !setup.routing_id.is_empty() {
            socket.set_identity(setup.routing_id)?;
        }
        if setup.kind == Kind::Sub {
            socket.set_subscribe(b"")?;
        }
        if setup.curve.is_some() && zmq::has("curve") != Some(true) {
            return Err(Failure::Unsupported);
        }
        match setup.curve {
            None => {}
            Some(Curve::Server) => {
                socket.set_curve_server(true)?;
                socket.set_curve_secretkey(&SERVER_KEY)?;
            }
            Some(Curve::Client) => {
                socket.set_curve_serverkey(&SERVER_PUBLIC_KEY)?;
                socket.set_curve_publickey(&CLIENT_PUBLIC_KEY)?;
                socket.set_curve_secretkey(&CLIENT_KEY)?;
            }
        }
        let routed = setup.kind == Kind::Router;
        Ok(Socket { socket, routing_id: Message::new(), body: Message::new(), routed })
    }
}

impl blocking::Socket for Socket {
    fn bind(&mut self, endpoint: &str) -> Result<(), Failure> {
        Ok(self.socket.bind(endpoint)?)
    }

    fn connect(&mut self, endpoint: &str) -> Result<(), Failure> {
        Ok(self.socket.connect(endpoint)?)
    }

    #[inline]
    fn send(&mut self, body: &[u8]) -> Result<(), Failure> {
        Ok(self.socket.send(body, 0)?)
    }

    #[inline]
    fn recv(&mut self) -> Result<&[u8], Failure> {
        self.socket.recv(&mut self.body, 0)?;
        Ok(&self.body)
    }

    #[inline]
    fn send_back(&mut self) -> Result<(), Failure> {
        if self.routed {
            self.socket.send(std::mem::replace(&mut self.routing_id, Message::new()), SNDMORE)?;
        }
        Ok(self.socket.send(std::mem::replace(&mut self.body, Message::new()), 0)?)
    }

    #[inline]
    fn send_routed(&mut self, to: &[u8], body: &[u8]) -> Result<(), Failure> {
        self.socket.send(to, SNDMORE)?;
        Ok(self.socket.send(body, 0)?)
    }

    #[inline]
    fn recv_routed(&mut self) -> Result<&[u8], Failure> {
        self.socket.recv(&mut self.routing_id, 0)?;
        self.socket.recv(&mut self.body, 0)?;
        Ok(&self.body)
    }
}

fn main() -> ExitCode {
    netzmq_bench::main("libzmq", |args| blocking::run(&Libzmq(zmq::Context::new()), args))
}
