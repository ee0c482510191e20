//! The programs of this folder in Rust: `native ROLE ENDPOINT BYTES COUNT [message|buffer]`, where ROLE is the name of
//! the C program. The same sockets, the same calls, the same checks.

use std::time::{Duration, Instant};

use netzmq::{Context, Error, Message, Socket};

#[derive(Clone)]
struct Arguments {
    endpoint: String,
    count: usize,
    /// Parts move between memory of the program's own, instead of as messages.
    buffered: bool,
    buffer: Vec<u8>,
}

impl Arguments {
    fn put(&mut self, socket: &Socket, turn: usize) -> Result<(), Error> {
        let size = self.buffer.len();
        if self.buffered {
            if let Some(first) = self.buffer.first_mut() {
                *first = turn as u8;
            }
            return Ok(socket.send(&self.buffer)?);
        }
        let mut message = Message::with_len(size);
        if let Some(first) = message.as_mut_slice().and_then(<[u8]>::first_mut) {
            *first = turn as u8;
        }
        Ok(socket.send(message)?)
    }

    fn get(&mut self, socket: &Socket, turn: usize, message: &mut Message) -> Result<(), Error> {
        let size = self.buffer.len();
        let (len, first) = if self.buffered {
            let received = socket.recv_into(&mut self.buffer)?;
            (received.len, self.buffer.first())
        } else {
            socket.recv_to(message)?;
            (message.len(), message.first())
        };
        assert_eq!(len, size);
        assert!(first.is_none_or(|first| *first == turn as u8));
        Ok(())
    }

    fn throughput(&self, time: Duration) {
        let rate = self.count as f64 / time.as_secs_f64();
        println!("{rate:.0} messages/s, {:.1} Mbit/s", rate * self.buffer.len() as f64 * 8.0 / 1e6);
    }

    fn latency(&self, time: Duration) {
        println!("{:.3} us/round trip", time.as_secs_f64() * 1e6 / self.count as f64);
    }
}

fn receive_all(a: &mut Arguments, pull: &Socket) -> Result<(), Error> {
    let mut message = Message::new();
    a.get(pull, 0, &mut message)?;
    let begun = Instant::now();
    for turn in 1..=a.count {
        a.get(pull, turn, &mut message)?;
    }
    a.throughput(begun.elapsed());
    Ok(())
}

fn ask_all(a: &mut Arguments, req: &Socket) -> Result<(), Error> {
    let mut message = Message::new();
    a.put(req, 0)?;
    a.get(req, 0, &mut message)?;
    let begun = Instant::now();
    for turn in 1..=a.count {
        a.put(req, turn)?;
        a.get(req, turn, &mut message)?;
    }
    a.latency(begun.elapsed());
    Ok(())
}

fn send_all(a: &mut Arguments, push: &Socket) -> Result<(), Error> {
    (0..=a.count).try_for_each(|turn| a.put(push, turn))
}

fn echo_all(a: &mut Arguments, rep: &Socket) -> Result<(), Error> {
    let mut message = Message::new();
    for turn in 0..=a.count {
        a.get(rep, turn, &mut message)?;
        if a.buffered { a.put(rep, turn)? } else { rep.send(std::mem::take(&mut message))? }
    }
    Ok(())
}

/// Runs `other` in a thread of its own, and `this` here.
fn beside(
    a: &mut Arguments,
    mut other: impl FnMut(&mut Arguments) -> Result<(), Error> + Send,
    mut this: impl FnMut(&mut Arguments) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut own = a.clone();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || other(&mut own));
        this(a)?;
        thread.join().unwrap_or(Ok(()))
    })
}

fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [role, endpoint, bytes, count, rest @ ..] = words.as_slice() else {
        eprintln!("usage: native ROLE ENDPOINT BYTES COUNT [message|buffer]");
        std::process::exit(2);
    };
    let a = &mut Arguments {
        endpoint: endpoint.clone(),
        count: count.parse().unwrap_or(0),
        buffered: rest.first().is_some_and(|way| way == "buffer"),
        buffer: vec![b'x'; bytes.parse().unwrap_or(0)],
    };
    let context = Context::new();
    match role.as_str() {
        "local_thr" => {
            let pull = context.socket(netzmq::SocketType::Pull)?;
            pull.bind(&a.endpoint)?;
            receive_all(a, &pull)
        }
        "remote_thr" => {
            let push = context.socket(netzmq::SocketType::Push)?;
            push.connect(&a.endpoint)?;
            send_all(a, &push)
        }
        "local_lat" => {
            let rep = context.socket(netzmq::SocketType::Rep)?;
            rep.bind(&a.endpoint)?;
            echo_all(a, &rep)
        }
        "remote_lat" => {
            let req = context.socket(netzmq::SocketType::Req)?;
            req.connect(&a.endpoint)?;
            ask_all(a, &req)
        }
        "inproc_thr" => {
            let (pull, push) =
                (context.socket(netzmq::SocketType::Pull)?, context.socket(netzmq::SocketType::Push)?);
            pull.bind(&a.endpoint)?;
            push.connect(&a.endpoint)?;
            beside(a, |a| send_all(a, &push), |a| receive_all(a, &pull))
        }
        "inproc_lat" => {
            let (req, rep) =
                (context.socket(netzmq::SocketType::Req)?, context.socket(netzmq::SocketType::Rep)?);
            req.bind(&a.endpoint)?;
            rep.connect(&a.endpoint)?;
            beside(a, |a| echo_all(a, &rep), |a| ask_all(a, &req))
        }
        _ => {
            eprintln!("no such role: {role}");
            std::process::exit(2);
        }
    }
}
