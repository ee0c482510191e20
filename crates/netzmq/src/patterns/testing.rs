//! A fake room for patterns under test: pipes that are plain queues, and a driver that plays the socket.
//!
//! `Fake` answers as the seam promises, checks that patterns keep their side of it (no part without room, nothing
//! taken that is not there) and records what was done.

use super::{Next, Outgoing, Part, Pattern, PatternOptions, PeerInfo, PipeId, Pipes, Verdict};
use netzmq_memory::Message;
use netzmq_proto::SocketType;
use std::collections::{BTreeMap, VecDeque};

/// A message as its parts.
pub(crate) type Parts = Vec<Vec<u8>>;

/// `parts(&["a", "b"])`: a message of two parts.
pub(crate) fn parts(texts: &[&str]) -> Parts {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// One fake pipe.
#[derive(Debug, Default)]
pub(crate) struct FakePipe {
    incoming: VecDeque<(Vec<u8>, bool)>,
    /// Whole messages sent and not yet collected.
    pub(crate) sent: Vec<Parts>,
    unfinished: Parts,
    /// How many more whole messages fit.
    pub(crate) room: usize,
    pub(crate) closed: bool,
    pub(crate) subscriptions: Vec<(bool, Vec<u8>)>,
}

/// All fake pipes of a socket.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    pub(crate) pipes: BTreeMap<u32, FakePipe>,
}

impl Fake {
    pub(crate) fn pipe(&mut self, pipe: u32) -> &mut FakePipe {
        self.pipes.get_mut(&pipe).expect("the pattern used a pipe that is not attached")
    }

    /// The pipe forgets what had arrived.
    pub(crate) fn clear_incoming(&mut self, pipe: u32) {
        self.pipe(pipe).incoming.clear();
    }

    /// Nothing has arrived that is not read.
    pub(crate) fn is_drained(&mut self, pipe: u32) -> bool {
        self.pipe(pipe).incoming.is_empty()
    }

    /// A part whose message may be long begun.
    fn append(&mut self, pipe: PipeId, body: &[u8], more: bool) {
        let pipe = self.pipe(pipe.0);
        if pipe.unfinished.is_empty() {
            assert!(pipe.room > 0, "a message was begun on a pipe without room");
        }
        pipe.unfinished.push(body.to_vec());
        if !more {
            pipe.room -= 1;
            let message = std::mem::take(&mut pipe.unfinished);
            pipe.sent.push(message);
        }
    }
}

impl Pipes for Fake {
    fn has_message(&mut self, pipe: PipeId) -> bool {
        !self.pipe(pipe.0).incoming.is_empty()
    }

    fn peek(&mut self, pipe: PipeId) -> Option<(&[u8], bool)> {
        self.pipe(pipe.0).incoming.front().map(|(body, more)| (&body[..], *more))
    }

    fn take(&mut self, pipe: PipeId) -> Option<Part> {
        let (body, more) = self.pipe(pipe.0).incoming.pop_front()?;
        Some(Part { body: Message::from(body), more })
    }

    fn skip(&mut self, pipe: PipeId) -> bool {
        self.pipe(pipe.0).incoming.pop_front().is_some_and(|(_, more)| more)
    }

    fn can_write(&mut self, pipe: PipeId) -> bool {
        self.pipe(pipe.0).room > 0
    }

    fn write(&mut self, pipe: PipeId, body: &[u8], more: bool) {
        self.append(pipe, body, more);
    }

    fn rollback(&mut self, pipe: PipeId) {
        self.pipe(pipe.0).unfinished.clear();
    }

    fn write_subscription(&mut self, pipe: PipeId, subscribe: bool, topic: &[u8]) {
        self.pipe(pipe.0).subscriptions.push((subscribe, topic.to_vec()));
    }

    fn close(&mut self, pipe: PipeId) {
        self.pipe(pipe.0).closed = true;
    }
}

/// A socket in miniature: a pattern, its fake pipes, and the socket's duties between them.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) pattern: Pattern,
    pub(crate) fake: Fake,
    /// Every other time, parts go by the short answers (`next_id`, `target_named`).
    short: bool,
}

impl Bench {
    pub(crate) fn new(socket_type: SocketType, options: &PatternOptions) -> Bench {
        Bench { pattern: Pattern::new(socket_type, options, 7), fake: Fake::default(), short: false }
    }

    /// A pipe that is not connected yet.
    pub(crate) fn attach(&mut self, pipe: u32, connect_routing_id: Option<&[u8]>) -> bool {
        self.fake.pipes.insert(pipe, FakePipe { room: 1000, ..FakePipe::default() });
        let taken = self.pattern.attach(&mut self.fake, PipeId(pipe), connect_routing_id.map(<[u8]>::to_vec));
        if !taken {
            self.fake.pipes.remove(&pipe);
        }
        taken
    }

    pub(crate) fn connected(&mut self, pipe: u32, routing_id: &[u8]) -> bool {
        let peer = PeerInfo { socket_type: SocketType::Dealer, routing_id };
        self.pattern.connected(&mut self.fake, PipeId(pipe), &peer)
    }

    /// A pipe with an anonymous peer.
    pub(crate) fn join(&mut self, pipe: u32) {
        assert!(self.attach(pipe, None));
        assert!(self.connected(pipe, b""));
    }

    pub(crate) fn join_as(&mut self, pipe: u32, routing_id: &str) -> bool {
        assert!(self.attach(pipe, None));
        self.connected(pipe, routing_id.as_bytes())
    }

    pub(crate) fn disconnected(&mut self, pipe: u32) {
        self.pattern.disconnected(&mut self.fake, PipeId(pipe));
    }

    pub(crate) fn detach(&mut self, pipe: u32) {
        self.pattern.detach(&mut self.fake, PipeId(pipe));
        self.fake.pipes.remove(&pipe);
    }

    /// The peer behind `pipe` sent a message.
    pub(crate) fn arrive(&mut self, pipe: u32, message: &[&str]) {
        self.arrive_bytes(pipe, &parts(message));
    }

    pub(crate) fn arrive_bytes(&mut self, pipe: u32, message: &[Vec<u8>]) {
        self.arrive_unnoticed(pipe, message);
        self.pattern.readable(&mut self.fake, PipeId(pipe));
    }

    /// As `arrive`, before the pattern is told.
    pub(crate) fn arrive_unnoticed(&mut self, pipe: u32, message: &[Vec<u8>]) {
        let last = message.len() - 1;
        for (index, body) in message.iter().enumerate() {
            self.fake.pipe(pipe).incoming.push_back((body.clone(), index < last));
        }
    }

    pub(crate) fn set_room(&mut self, pipe: u32, room: usize) {
        self.fake.pipe(pipe).room = room;
        self.pattern.writable(&mut self.fake, PipeId(pipe));
    }

    /// Routes one part and appends it as the verdict says.
    pub(crate) fn send_outgoing(&mut self, part: &Outgoing<'_>) -> Verdict {
        // The short way must come to what the long one says.
        self.short = !self.short;
        let single = if part.more { None } else { self.pattern.next_target() };
        let single = single.filter(|&pipe| self.fake.can_write(pipe));
        if part.more
            && let Some(pipe) = self.pattern.target_named(part.body)
            && self.fake.can_write(pipe)
            && self.short
        {
            self.pattern.begin_send(pipe);
            return Verdict::Absorbed;
        }
        let verdict = self.pattern.route(&mut self.fake, part);
        assert!(single.is_none_or(|pipe| verdict == Verdict::To(pipe)), "not what the short way would do");
        let more = part.more && !self.pattern.is_raw();
        match &verdict {
            Verdict::To(pipe) => self.fake.append(*pipe, part.body, more),
            Verdict::Fan => {
                assert!(!self.pattern.fan().is_empty(), "an empty fan");
                for pipe in self.pattern.fan().to_vec() {
                    self.fake.append(pipe, part.body, more);
                }
            }
            _ => {}
        }
        verdict
    }

    pub(crate) fn send_part(&mut self, body: &str, more: bool) -> Verdict {
        self.send_outgoing(&Outgoing::part(body.as_bytes(), more))
    }

    /// Sends a message; the verdict on its first part that is blocked or refused, else on the last.
    pub(crate) fn send(&mut self, message: &[&str]) -> Verdict {
        let last = message.len() - 1;
        for (index, body) in message.iter().enumerate() {
            let verdict = self.send_part(body, index < last);
            if index == last || matches!(verdict, Verdict::Block | Verdict::Refuse(_)) {
                return verdict;
            }
        }
        Verdict::Drop
    }

    /// One part, and the pipe it came from (`None`: made by the pattern).
    pub(crate) fn recv_part(&mut self) -> Result<(Vec<u8>, bool, Option<u32>), Next> {
        // The short way must come to what the long one says.
        self.short = !self.short;
        let id = self.pattern.next_id().map(|(pipe, id)| (pipe, id.to_vec()));
        let id = id.filter(|(pipe, _)| self.fake.has_message(*pipe));
        let source = self.pattern.next_source();
        let source =
            source.filter(|&pipe| self.fake.peek(pipe).is_some_and(|(body, _)| self.pattern.wants(body)));
        if let Some((pipe, id)) = &id
            && self.short
        {
            self.pattern.id_taken(*pipe);
            return Ok((id.clone(), true, None));
        }
        let next = self.pattern.next(&mut self.fake);
        let is_same = match &next {
            Next::From(pipe) => id.is_none() && source.is_none_or(|source| source == *pipe),
            Next::Made(part) => {
                source.is_none() && id.is_none_or(|(_, id)| part.more && part.body[..] == id[..])
            }
            _ => id.is_none() && source.is_none(),
        };
        assert!(is_same, "not what the short way would do: {next:?}");
        match next {
            Next::From(pipe) => {
                let part = self.fake.take(pipe).expect("the pattern named an empty pipe");
                self.pattern.taken(pipe, part.more);
                Ok((part.body.to_vec(), part.more, Some(pipe.0)))
            }
            Next::Made(part) => Ok((part.body.to_vec(), part.more, None)),
            other => Err(other),
        }
    }

    /// A whole message, or `None` when there is none or receiving is refused.
    pub(crate) fn recv(&mut self) -> Option<Parts> {
        let ready = self.can_recv();
        let mut message = Parts::new();
        loop {
            let Ok((body, more, _)) = self.recv_part() else {
                assert!(message.is_empty(), "a message broke off");
                assert!(!ready, "ready, but nothing came");
                return None;
            };
            assert!(ready, "not ready, but something came");
            message.push(body);
            if !more {
                return Some(message);
            }
        }
    }

    pub(crate) fn can_recv(&mut self) -> bool {
        self.pattern.can_recv(&mut self.fake)
    }

    pub(crate) fn can_send(&mut self) -> bool {
        self.pattern.can_send(&mut self.fake)
    }

    /// Whole messages that went out through `pipe` since the last call.
    pub(crate) fn sent(&mut self, pipe: u32) -> Vec<Parts> {
        std::mem::take(&mut self.fake.pipe(pipe).sent)
    }

    /// Subscriptions that went out through `pipe` since the last call, as `+topic` and `-topic`.
    pub(crate) fn subscriptions(&mut self, pipe: u32) -> Vec<String> {
        let written = std::mem::take(&mut self.fake.pipe(pipe).subscriptions);
        written
            .into_iter()
            .map(|(subscribe, topic)| {
                format!("{}{}", if subscribe { '+' } else { '-' }, String::from_utf8_lossy(&topic))
            })
            .collect()
    }
}
