//! The awaited face under the runtimes that people have: tokio in both its flavours, smol, pollster; streams and sinks;
//! thousands of sockets; and futures that are dropped at random.
#![cfg(feature = "futures")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::StreamExt;
use futures_util::SinkExt;
use netzmq::{Context, Dealer, Incoming, Multipart, Outgoing, RecvError};
use proptest::prelude::*;

mod common;

use common::finishes;

/// What everybody has to be able to run: questions and answers through the awaited calls, then a stream fed by a sink.
async fn conversation(endpoint: &'static str) {
    let context = Context::new();
    let mut rep = context.rep().bind(endpoint).unwrap();
    let req = context.req().connect(rep.endpoint()).unwrap();
    let answering = async {
        for _ in 0..50 {
            let request = rep.recv_async().await.unwrap();
            request.echo().unwrap();
        }
    };
    let asking = async {
        for number in 0..50u8 {
            req.send_multipart_async([[number], [number]]).await.unwrap();
            assert_eq!(req.recv_multipart_async().await.unwrap(), [[number], [number]]);
        }
    };
    futures_lite::future::zip(asking, answering).await;
    drop((req, rep));

    let pull = context.pull().recv_hwm(10).bind(endpoint).unwrap();
    let push = context.push().send_hwm(10).connect(pull.endpoint()).unwrap();
    let feeding = async {
        let mut sink = Outgoing::new(&push);
        for number in 0..500u32 {
            sink.feed(Multipart::from([number.to_le_bytes(), [0; 4]])).await.unwrap();
        }
        SinkExt::<Multipart>::close(&mut sink).await.unwrap();
    };
    let draining = async {
        let mut stream = Incoming::new(&pull);
        for number in 0..500u32 {
            let message = stream.next().await.unwrap().unwrap();
            assert_eq!(message[0], number.to_le_bytes());
        }
    };
    futures_lite::future::zip(feeding, draining).await;
}

/// Goal: the same works everywhere, from a task of each runtime, over every transport.
#[test]
fn every_runtime() {
    for endpoint in common::TRANSPORTS {
        finishes("pollster", move || pollster::block_on(conversation(endpoint)));
        finishes("smol", move || smol::block_on(smol::spawn(conversation(endpoint))));
        finishes("tokio, one thread", move || {
            let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
            tokio.block_on(conversation(endpoint));
        });
        finishes("tokio, many threads", move || {
            let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
            tokio.block_on(async move { tokio::spawn(conversation(endpoint)).await.unwrap() });
        });
    }
}

/// Goal: split halves in two tasks that a work-stealing runtime moves about.
#[test]
fn halves_in_tasks() {
    finishes("halves", || {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
        tokio.block_on(async {
            let context = Context::new();
            let echo: Dealer = context.dealer().bind("tcp://127.0.0.1:*").unwrap();
            let (sender, receiver) = context.dealer().connect(echo.endpoint()).unwrap().split();
            let echoing = tokio::spawn(async move {
                for _ in 0..1000 {
                    let message = echo.recv_multipart_async().await.unwrap();
                    echo.send_multipart_async(message).await.unwrap();
                }
            });
            let sending = tokio::spawn(async move {
                for number in 0..1000u32 {
                    sender.send_async(&number.to_le_bytes()).await.unwrap();
                }
                sender
            });
            let mut stream = Incoming::new(receiver);
            for number in 0..1000u32 {
                assert_eq!(stream.next().await.unwrap().unwrap(), [number.to_le_bytes()]);
            }
            echoing.await.unwrap();
            sending.await.unwrap();
        });
    });
}

/// Goal: a stream ends with its context, for good; that of a socket which can't receive says so once.
#[test]
fn streams_end() {
    finishes("ends", || {
        let context = Context::new();
        let pull = Arc::new(context.pull().bind("tcp://127.0.0.1:*").unwrap());
        let waiting = {
            let pull = pull.clone();
            std::thread::spawn(move || {
                pollster::block_on(async {
                    let mut stream = Incoming::new(&*pull);
                    assert!(stream.next().await.is_none());
                    assert!(stream.next().await.is_none());
                });
            })
        };
        context.shutdown();
        waiting.join().unwrap();

        let push = Context::new().push().open().unwrap();
        let all: Vec<_> = pollster::block_on(Incoming::new(push.as_ref()).collect());
        assert_eq!(all, [Err(RecvError::NotSupported)]);
    });
}

/// Goal: thousands of sockets in one process, all awaited at once by one thread, each with an answer of its own.
#[test]
fn thousands_of_sockets() {
    const CLIENTS: u32 = 1500;
    finishes("thousands", || {
        let context = Context::builder().max_sockets(2 * CLIENTS as usize + 1).build();
        let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tokio.block_on(async {
            let mut tasks = Vec::new();
            for number in 0..CLIENTS {
                let endpoint = format!("inproc://{number}");
                let mut rep = context.rep().bind(&endpoint).unwrap();
                let req = context.req().connect(&endpoint).unwrap();
                tasks.push(tokio::spawn(async move {
                    let request = rep.recv_async().await.unwrap();
                    request.echo().unwrap();
                    rep
                }));
                tasks.push(tokio::spawn(async move {
                    req.send_async(&number.to_le_bytes()).await.unwrap();
                    assert_eq!(req.recv_async().await.unwrap(), number.to_le_bytes());
                    drop(req);
                    Context::new().rep().open().unwrap()
                }));
            }
            assert_eq!(context.sockets_open(), 2 * CLIENTS as usize);
            for task in tasks {
                drop(task.await.unwrap());
            }
        });
    });
}

/// Polls `future` at most `polls` times, then drops it.
async fn polled<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        if let Some(outcome) = futures_lite::future::poll_once(future.as_mut()).await {
            return Some(outcome);
        }
        futures_lite::future::yield_now().await;
    }
    None
}

/// What a step of the property test does: a send or a receive, in which form, polled so often before it is dropped.
type Step = (bool, bool, usize);

fn all_or_nothing(endpoint: &str, hwm: usize, steps: Vec<Step>) {
    let context = Context::new();
    let pull = context.pull().recv_hwm(hwm).bind(endpoint).unwrap();
    let push = context.push().send_hwm(hwm).linger(Duration::ZERO).connect(pull.endpoint()).unwrap();
    let message = |number: u32| Multipart::from([number.to_le_bytes(), [1; 4], [2; 4]]);
    let (mut sent, mut got) = (0u32, 0u32);
    let check = |message: Multipart, got: &mut u32| {
        assert_eq!(message.len(), 3, "a whole message");
        assert_eq!(message[0], got.to_le_bytes());
        *got += 1;
    };
    pollster::block_on(async {
        for (send, stream, polls) in steps {
            match (send, stream) {
                (true, false) => {
                    let done = polled(push.send_multipart_async(message(sent)), polls).await;
                    sent += u32::from(done.is_some_and(|outcome| outcome.is_ok()));
                }
                (true, true) => {
                    let mut sink = Outgoing::new(&push);
                    let done = polled(sink.send(message(sent)), polls).await;
                    // Not sent yet is still in the sink, and only there.
                    match (done, sink.into_inner().1) {
                        (Some(Ok(())), None) => sent += 1,
                        (None, Some(back)) => assert_eq!(back[0], sent.to_le_bytes()),
                        (None, None) if polls == 0 => {}
                        other => panic!("{other:?}"),
                    }
                }
                (false, false) => {
                    if let Some(message) = polled(pull.recv_multipart_async(), polls).await {
                        check(message.unwrap(), &mut got);
                    }
                }
                (false, true) => {
                    let mut stream = Incoming::new(&pull);
                    if let Some(message) = polled(stream.next(), polls).await {
                        check(message.unwrap().unwrap(), &mut got);
                    }
                }
            }
        }
        while got < sent {
            check(pull.recv_multipart_async().await.unwrap(), &mut got);
        }
        assert!(polled(pull.recv_multipart_async(), 1).await.is_none(), "nothing that was not sent");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Goal: a dropped receive loses nothing, a dropped send sent all or nothing; in futures, streams and sinks, with
    /// room and without. Method: random operations polled a random number of times and dropped; numbers arrive once
    /// each, in order, whole.
    #[test]
    fn dropped_at_random(
        tcp in any::<bool>(),
        hwm in 1usize..5,
        steps in proptest::collection::vec((any::<bool>(), any::<bool>(), 0usize..4), 1..80),
    ) {
        let endpoint = if tcp { "tcp://127.0.0.1:*" } else { "inproc://drops" };
        finishes("drops", move || all_or_nothing(endpoint, hwm, steps));
    }
}
