//! `netzmq proxy`: passes messages between two sets of endpoints, in the three classical ways.

use netzmq::{Context, Proxy, Socket, SocketType};

use crate::Result;

/// Which two sockets stand back to back.
#[derive(Debug, Copy, Clone, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    /// Requests to workers and replies back: ROUTER in front, DEALER behind
    Queue,
    /// Publications to subscribers: XSUB in front, XPUB behind
    Forwarder,
    /// Work to workers: PULL in front, PUSH behind
    Streamer,
}

impl Shape {
    fn types(self) -> (SocketType, SocketType) {
        match self {
            Shape::Queue => (SocketType::Router, SocketType::Dealer),
            Shape::Forwarder => (SocketType::XSub, SocketType::XPub),
            Shape::Streamer => (SocketType::Pull, SocketType::Push),
        }
    }
}

/// Its arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(group(clap::ArgGroup::new("front").required(true).multiple(true).args(["frontend", "frontend_connect"])))]
#[command(group(clap::ArgGroup::new("back").required(true).multiple(true).args(["backend", "backend_connect"])))]
pub(crate) struct ProxyArgs {
    /// What to be
    #[arg(value_enum)]
    shape: Shape,
    /// Endpoint to bind to, where messages come from
    #[arg(short, long, value_name = "ENDPOINT")]
    frontend: Vec<String>,
    /// Endpoint to connect to, where messages come from
    #[arg(long, value_name = "ENDPOINT")]
    frontend_connect: Vec<String>,
    /// Endpoint to bind to, where messages go to
    #[arg(short, long, value_name = "ENDPOINT")]
    backend: Vec<String>,
    /// Endpoint to connect to, where messages go to
    #[arg(long, value_name = "ENDPOINT")]
    backend_connect: Vec<String>,
    /// Endpoint to publish a copy of every message at
    #[arg(short, long, value_name = "ENDPOINT")]
    capture: Option<String>,
    /// Messages that may wait for each peer; 0 for any number [default: 1000]
    #[arg(long, value_name = "N")]
    hwm: Option<usize>,
}

/// Runs until it is ended from outside.
pub(crate) fn run(args: &ProxyArgs) -> Result<()> {
    let context = Context::new();
    let socket =
        |socket_type: SocketType, bind: &[String], connect: &[String], name: &str| -> Result<Socket> {
            let socket = context.socket(socket_type)?;
            if let Some(hwm) = args.hwm {
                socket.set_send_hwm(hwm)?;
                socket.set_recv_hwm(hwm)?;
            }
            for endpoint in bind {
                eprintln!("{name} bound to {}", socket.bind(endpoint)?);
            }
            for endpoint in connect {
                socket.connect(endpoint)?;
            }
            Ok(socket)
        };
    let (front, back) = args.shape.types();
    let frontend = socket(front, &args.frontend, &args.frontend_connect, "frontend")?;
    let backend = socket(back, &args.backend, &args.backend_connect, "backend")?;
    let capture = match &args.capture {
        Some(endpoint) => Some(socket(SocketType::Pub, std::slice::from_ref(endpoint), &[], "capture")?),
        None => None,
    };
    let mut proxy = Proxy::new(&frontend, &backend);
    if let Some(capture) = &capture {
        proxy = proxy.capture(capture);
    }
    proxy.run()?;
    Ok(())
}
