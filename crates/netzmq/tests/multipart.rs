//! Messages of several parts: how they are made and taken apart, and that up to four parts cost no allocation.

use netzmq::{Context, Envelope, Message, MessagePool, Multipart};

/// Goal: every way of making one gives the same parts. Method: one message in all ways.
#[test]
fn made_from_anything() {
    let wanted = ["a", "", "ccc"];
    let made: [Multipart; 6] = [
        wanted.into(),
        vec!["a", "", "ccc"].into(),
        ("a", Message::new(), String::from("ccc")).into(),
        wanted.iter().copied().collect(),
        {
            let mut message = Multipart::from("ccc");
            message.push_front("");
            message.push_front("a");
            message
        },
        {
            let mut message = Multipart::new();
            message.extend(wanted);
            message
        },
    ];
    for message in &made {
        assert_eq!(*message, wanted);
        assert_eq!(message.byte_len(), 4);
    }
    assert_eq!(Multipart::from(MessagePool::shared().rent_copy(b"x")), ["x"]);
    let long: Multipart = (0..100u8).map(|n| [n]).collect();
    assert_eq!(long.into_iter().map(|part| part[0]).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
}

/// Goal: it comes apart by patterns, by number and from both ends, and says so when it can't.
#[test]
fn taken_apart() {
    let mut message = Multipart::from(["id", "", "verb", "x", "y"]);
    let [id, empty, rest @ ..] = &message[..] else { panic!("five parts") };
    assert!(*id == "id" && empty.is_empty() && rest.len() == 3);
    assert_eq!(message.split_off(3), ["x", "y"]);
    assert_eq!(message.split_off(9).len(), 0);
    assert_eq!(message.pop_front().unwrap(), "id");
    assert_eq!(message.pop().unwrap(), "verb");
    let back = <[Message; 2]>::try_from(message).unwrap_err();
    let [part] = back.try_into().unwrap();
    assert_eq!((part, Multipart::new().pop_front()), (Message::new(), None));
}

/// Goal: an envelope is what the way back needs: all hops and the delimiter; without one, the nearest peer alone.
#[test]
fn envelopes() {
    for (message, back) in [
        (vec!["hop2", "hop1", "", "q", "", "more"], vec!["hop2", "hop1", "", "answer"]),
        (vec!["dealer", "q"], vec!["dealer", "answer"]),
        (vec!["dealer"], vec!["dealer", "answer"]),
    ] {
        let (envelope, _) = Envelope::open(message);
        assert_eq!(envelope.seal("answer"), Multipart::from(back));
    }
    assert_eq!(Envelope::to("req").delimited().seal(["a", "b"]), ["req", "", "a", "b"]);
    let (nobody, body) = Envelope::open(Multipart::new());
    assert!(nobody.routing_id().is_empty() && body.is_empty());
}

/// Goal: a message of up to four small parts goes through a socket without an allocation, envelope and reply included.
/// Method: count this thread's allocations over many warm rounds, over `inproc` and by hand. Five parts show that the
/// counter counts.
#[test]
fn four_parts_cost_no_allocation() {
    let context = Context::new();
    let a = context.pair().bind("inproc://count").unwrap();
    let b = context.pair().connect("inproc://count").unwrap();
    let round = |parts: &[&str]| {
        a.send_multipart(parts.iter().copied().collect::<Multipart>()).unwrap();
        let (envelope, body) = Envelope::open(b.recv_multipart().unwrap());
        b.send_multipart(envelope.seal(body)).unwrap();
        assert_eq!(a.recv_multipart().unwrap().len(), parts.len());
    };
    let four = ["client", "", "verb", "a body of fifty bytes at most lies in the message"];
    let five = ["client", "", "verb", "body", "and more"];
    (0..100).for_each(|_| round(&four));
    let counted = allocation_counter::measure(|| (0..1000).for_each(|_| round(&four)));
    assert!(counted.count_total <= 10, "{} allocations in 1000 rounds", counted.count_total);
    let counted = allocation_counter::measure(|| (0..1000).for_each(|_| round(&five)));
    assert!(counted.count_total >= 1000, "{} allocations in 1000 rounds", counted.count_total);
}

/// Goal: a refused message comes back whole.
#[test]
fn an_error_holds_all_parts() {
    let push = Context::new().push().open().unwrap();
    let error = push.try_send_multipart(["a", "b", "c"]).unwrap_err();
    assert_eq!(error.reason, netzmq::SendFailure::WouldBlock);
    assert_eq!(*error.message, ["a", "b", "c"]);
    let error = push.try_send_multipart(Multipart::new()).unwrap_err();
    assert_eq!(error.reason, netzmq::SendFailure::Malformed);
}
