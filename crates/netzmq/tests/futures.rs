//! The awaited face: the same socket under different executors, and futures that are dropped half-way.

use std::time::Duration;

use netzmq::{Context, Socket, SocketType};
use proptest::prelude::*;

fn socket(context: &Context, socket_type: SocketType) -> Socket {
    let socket = context.socket(socket_type).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket
}

async fn ping_pong(req: &Socket, rep: &Socket, rounds: u32) {
    let answer = async {
        for _ in 0..rounds {
            let question = rep.recv_async().await.unwrap();
            rep.send_async(question).await.unwrap();
        }
    };
    let ask = async {
        for i in 0..rounds {
            req.send_async(&i.to_le_bytes()).await.unwrap();
            assert_eq!(req.recv_async().await.unwrap()[..], i.to_le_bytes());
        }
    };
    futures_lite::future::zip(ask, answer).await;
}

fn pair(transport: &str, context: &Context) -> (Socket, Socket) {
    let (rep, req) = (socket(context, SocketType::Rep), socket(context, SocketType::Req));
    req.connect(&rep.bind(transport).unwrap()).unwrap();
    (req, rep)
}

/// Goal: round trips under a bare executor, and under tokio in both its flavours, over every transport.
#[test]
fn works_under_any_executor() {
    for transport in ["tcp://127.0.0.1:*", "ipc://*", "inproc://async"] {
        let context = Context::new();
        let (req, rep) = pair(transport, &context);
        futures_lite::future::block_on(ping_pong(&req, &rep, 200));
        let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tokio.block_on(ping_pong(&req, &rep, 200));
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        tokio
            .block_on(async move { tokio::spawn(async move { ping_pong(&req, &rep, 200).await }).await })
            .unwrap();
    }
}

/// Goal: blocking and awaited calls mix on one socket, and a blocked sender's room wakes the awaited one.
#[test]
fn an_awaited_send_waits_for_room() {
    let context = Context::new();
    let (push, pull) = (socket(&context, SocketType::Push), socket(&context, SocketType::Pull));
    push.set_send_hwm(1).unwrap();
    pull.set_recv_hwm(1).unwrap();
    pull.bind("inproc://room").unwrap();
    push.connect("inproc://room").unwrap();
    push.send("1").unwrap();
    push.send("2").unwrap();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| futures_lite::future::block_on(push.send_async("3")));
        for expected in ["1", "2", "3"] {
            assert_eq!(&pull.recv().unwrap()[..], expected.as_bytes());
        }
        sender.join().unwrap().unwrap();
    });
}

/// Goal: an awaited receive ends when the context does.
#[test]
fn termination_wakes_an_awaited_receive() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    pull.bind("tcp://127.0.0.1:*").unwrap();
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| futures_lite::future::block_on(pull.recv_async()));
        context.shutdown();
        assert_eq!(receiver.join().unwrap().unwrap_err(), netzmq::RecvError::Terminated);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Goal: dropped futures lose and double nothing. Method: receives and sends polled once and dropped at random
    /// between those that are awaited to the end; all numbers arrive once, in order.
    #[test]
    fn cancelling_is_safe(drops in proptest::collection::vec((any::<bool>(), any::<bool>()), 1..60)) {
        let context = Context::new();
        let (push, pull) = (socket(&context, SocketType::Push), socket(&context, SocketType::Pull));
        push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
        let mut sent = 0u32;
        let mut got = 0u32;
        futures_lite::future::block_on(async {
            for (drop_send, drop_recv) in drops {
                if drop_send {
                    let bytes = sent.to_le_bytes();
                    if futures_lite::future::poll_once(push.send_async(&bytes)).await.is_some() {
                        sent += 1;
                    }
                } else {
                    push.send_async(&sent.to_le_bytes()).await.unwrap();
                    sent += 1;
                }
                if drop_recv {
                    if let Some(message) = futures_lite::future::poll_once(pull.recv_async()).await {
                        assert_eq!(message.unwrap()[..], got.to_le_bytes());
                        got += 1;
                    }
                } else if got < sent {
                    assert_eq!(pull.recv_async().await.unwrap()[..], got.to_le_bytes());
                    got += 1;
                }
            }
            while got < sent {
                assert_eq!(pull.recv_async().await.unwrap()[..], got.to_le_bytes());
                got += 1;
            }
        });
    }
}
