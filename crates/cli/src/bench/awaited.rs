//! `netzmq bench async`: what awaiting costs, beside blocking calls on the same sockets.
//!
//! PUSH to PULL over tcp, a thread at each end, every message checked. Each contender sends and receives in its own
//! manner; the awaited one under the smallest executor there is, which parks its thread.

use std::time::{Duration, Instant};

use netzmq::{Context, Pull, Push};

use super::memory;
use super::pair::body::{self, Template};
use super::rounds;
use super::session::{Contender, Session};
use crate::Result;
use crate::args::AsyncArgs;
use crate::error::Failure;

const SIZES: [usize; 4] = [64, 512, 1024, 64 << 10];
/// A run of small messages takes some 50 ms then: when the manner changes, the reading thread does, which takes milliseconds.
const MESSAGES: u64 = 500_000;
const MESSAGES_LARGE: u64 = 10_000;
/// From this size on fewer messages do.
const LARGE: usize = 64 << 10;
/// A message that takes longer than this is lost. Long, because the machine may be busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

const BLOCKING: &str = "Blocking";
const AWAITED: &str = "Awaited";

/// Measures, prints, and writes what was asked for.
pub(crate) fn run(args: &AsyncArgs) -> Result<()> {
    let sizes = args.common.sizes_or(&SIZES);
    body::check_sizes(&sizes)?;
    let session = Session {
        bench: "async",
        title: "Awaited beside blocking: PUSH to PULL over tcp loopback, every message checked",
        sizes,
        contenders: [BLOCKING, AWAITED].map(|name| Contender::ours(name, BLOCKING)).to_vec(),
        common: &args.common,
    };
    let messages = |size: usize| match args.messages {
        Some(messages) => u64::from(messages),
        None if size >= LARGE => MESSAGES_LARGE,
        None => MESSAGES,
    };
    let rounds = args.common.rounds();
    let records = session.run(
        messages,
        |size, messages, progress| {
            let context = Context::new();
            let pull = context.pull().recv_timeout(PATIENCE).bind("tcp://127.0.0.1:*")?;
            let push =
                context.push().send_timeout(PATIENCE).linger(Duration::ZERO).connect(pull.endpoint())?;
            rounds::take_turns(2, rounds, progress, |which| {
                transfer(&push, &pull, which == 1, size, messages)
            })
        },
        |size, records| vec![memory::table(size, records)],
    )?;
    session.save(&records)
}

/// Sends messages 0 to `count - 1` from one thread to the other; the time until the last one is checked.
fn transfer(push: &Push, pull: &Pull, awaited: bool, size: usize, count: u64) -> Result<Duration> {
    let started = Instant::now();
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || -> Result<()> {
            let mut template = Template::new(size);
            if awaited {
                return pollster::block_on(async {
                    for number in 0..count {
                        push.send_async(template.numbered(number)).await?;
                    }
                    Ok(())
                });
            }
            (0..count).try_for_each(|number| Ok(push.send(template.numbered(number))?))
        });
        let received = if awaited {
            pollster::block_on(async {
                for number in 0..count {
                    body::check(&pull.recv_async().await?, number, size)?;
                }
                Ok(())
            })
        } else {
            (0..count).try_for_each(|number| body::check(&pull.recv()?, number, size))
        };
        let sent = sender.join().unwrap_or_else(|_| Err(Failure::Wrong("the sending thread is gone".into())));
        received.and(sent)
    })?;
    Ok(started.elapsed())
}
