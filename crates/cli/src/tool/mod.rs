//! Sockets on the command line: what a shell script, a test or a curious person does with ZeroMQ.
//!
//! One file per tool; each holds its arguments and what they do. What they share: [`wire`] (making a socket of arguments),
//! [`format`] (messages as lines, raw bytes or frames), [`input`] (where messages to be sent come from), [`delivery`]
//! (what was sent leaves before the program does). Messages go to standard output, everything else to standard error.

pub(crate) mod delivery;
pub(crate) mod doctor;
pub(crate) mod exchange;
pub(crate) mod format;
pub(crate) mod input;
pub(crate) mod keygen;
pub(crate) mod monitor;
pub(crate) mod ping;
pub(crate) mod proxy;
pub(crate) mod receive;
pub(crate) mod rep;
pub(crate) mod req;
pub(crate) mod send;
pub(crate) mod shell;
pub(crate) mod wire;

use clap::Subcommand;
use netzmq::SocketType;

use crate::Result;

/// A tool and its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    /// Publish messages to all subscribers
    Pub(send::PubArgs),
    /// Receive messages whose beginning was subscribed to
    Sub(receive::SubArgs),
    /// Hand messages out, each to one of the connected pullers
    Push(send::PushArgs),
    /// Receive messages that pushers hand out
    Pull(receive::PullArgs),
    /// Ask, and print the replies
    Req(req::ReqArgs),
    /// Print requests, and answer them
    Rep(rep::RepArgs),
    /// Talk to one peer, both ways
    Pair(exchange::ExchangeArgs),
    /// Ask and answer without taking turns
    Dealer(exchange::ExchangeArgs),
    /// Talk to peers by routing id: the first part of every message
    #[command(after_help = exchange::ROUTER_HELP)]
    Router(exchange::ExchangeArgs),
    /// Pass messages between two sets of endpoints
    Proxy(proxy::ProxyArgs),
    /// Watch what happens to a socket's connections
    Monitor(monitor::MonitorArgs),
    /// Ask an endpoint what it is, and how far away
    Ping(ping::PingArgs),
    /// Make a CURVE key pair
    Keygen(keygen::KeygenArgs),
    /// Say what this build and this host support
    Doctor(doctor::DoctorArgs),
    /// Print a completion script for a shell
    Completions(shell::CompletionsArgs),
    /// Print the manual page
    Man,
}

/// Does what was asked for.
pub(crate) fn run(which: Tool) -> Result<()> {
    match which {
        Tool::Pub(args) => send::publish(&args),
        Tool::Push(args) => send::push(&args),
        Tool::Sub(args) => receive::subscribe(&args),
        Tool::Pull(args) => receive::pull(&args),
        Tool::Req(args) => req::run(&args),
        Tool::Rep(args) => rep::run(&args),
        Tool::Pair(args) => exchange::run(SocketType::Pair, &args),
        Tool::Dealer(args) => exchange::run(SocketType::Dealer, &args),
        Tool::Router(args) => exchange::run(SocketType::Router, &args),
        Tool::Proxy(args) => proxy::run(&args),
        Tool::Monitor(args) => monitor::run(&args),
        Tool::Ping(args) => ping::run(&args),
        Tool::Keygen(args) => keygen::run(&args),
        Tool::Doctor(args) => doctor::run(&args),
        Tool::Completions(args) => shell::completions(&args),
        Tool::Man => shell::man(),
    }
}
