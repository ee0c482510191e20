//! Awaiting sockets: many tasks on one thread, under any executor. Here a few lines of `futures-lite`; tokio and smol do
//! as well, since nothing is needed of them.
//!
//! `cargo run -p netzmq --example awaited`

use futures_lite::future::{block_on, zip};
use netzmq::{Context, Error};

const QUESTIONS: u32 = 1000;

fn main() -> Result<(), Error> {
    let context = Context::new();
    // One socket, two owners: a task that sends and a task that receives.
    let echo = context.dealer().bind("tcp://127.0.0.1:*")?;
    let (sender, receiver) = context.dealer().connect(echo.endpoint())?.split();

    let asking = async {
        for number in 0..QUESTIONS {
            sender.send_async(&number.to_le_bytes()).await?; // waits for room, without a thread
        }
        Ok::<(), Error>(())
    };
    let hearing = async {
        for number in 0..QUESTIONS {
            // A future that is dropped, by a time-out for example, has taken no message with it.
            assert_eq!(receiver.recv_async().await?, number.to_le_bytes());
        }
        Ok::<(), Error>(())
    };
    let answering = async {
        for _ in 0..QUESTIONS {
            echo.send_async(echo.recv_async().await?).await?;
        }
        Ok::<(), Error>(())
    };
    let ((asked, heard), answered) = block_on(zip(zip(asking, hearing), answering));
    asked.and(heard).and(answered)?;
    println!("{QUESTIONS} questions answered by three tasks on one thread");
    println!("{}", echo.stats());
    Ok(())
}
