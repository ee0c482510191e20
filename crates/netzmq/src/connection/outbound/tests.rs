//! What goes out, beside a naive model.
//!
//! The model keeps whole units (messages, commands) and the bytes of all of them; the writer is a fake one that takes
//! as many bytes as the case says.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use netzmq_memory::Message;
use netzmq_proto::{CurveOpener, FrameHeader, command};
use proptest::prelude::*;

use super::*;
use crate::connection::testing::{body, buffers, curve};
use crate::transport::stream::Stream;

/// One part as the model has it.
type ModelPart = (Vec<u8>, bool);

#[derive(Debug, Clone)]
enum Unit {
    Message(Vec<ModelPart>),
    Other(Vec<u8>),
}

impl Unit {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Unit::Message(parts) => {
                let mut out = Vec::new();
                for (body, more) in parts {
                    FrameHeader::append_frame(*more, false, body, &mut out);
                }
                out
            }
            Unit::Other(bytes) => bytes.clone(),
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push {
        length: usize,
        more: bool,
        owned: bool,
    },
    Command(usize),
    /// The tail is lent for at most so many messages, and so many bytes, and messages of these lengths come.
    Lend(usize, u64, Vec<usize>),
    Take,
    Write(usize),
    PutBack,
    Through(usize, usize),
    Rollback,
    /// The connection is lost, and another one is made; so many bytes of its handshake are left to send.
    Lose(usize),
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0..300usize,
        3 => REFERENCE_FROM - 5..REFERENCE_FROM + 5,
        2 => 4000..20_000usize,
        2 => BLOCK_FROM - 3..BLOCK_FROM + 3,
        1 => 60_000..140_000usize,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        14 => (length(), prop::bool::weighted(0.3), any::<bool>())
            .prop_map(|(length, more, owned)| Step::Push { length, more, owned }),
        2 => prop_oneof![5 => 0..60usize, 1 => 65_000..140_000usize].prop_map(Step::Command),
        6 => (0..12usize, prop_oneof![Just(u64::MAX), 0..3000u64], prop::collection::vec(prop_oneof![Just(64), length()], 0..20))
            .prop_map(|(messages, bytes, lengths)| Step::Lend(messages, bytes, lengths)),
        4 => Just(Step::Take),
        6 => prop_oneof![1 => 0..50usize, 1 => 0..5000usize, 2 => 0..300_000usize].prop_map(Step::Write),
        3 => Just(Step::PutBack),
        3 => (BLOCK_FROM..100_000, prop_oneof![0..12usize, 0..110_000usize]).prop_map(|(a, b)| Step::Through(a, b)),
        1 => Just(Step::Rollback),
        1 => prop_oneof![Just(0), 1..100usize].prop_map(Step::Lose),
    ]
}

fn gather<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<u8> {
    items.into_iter().flat_map(|item| item.bytes().to_vec()).collect()
}

/// The model, and the real thing next to it.
struct Bench {
    buffers: Buffers,
    out: Outbound,
    batch: Option<Batch>,
    /// What this connection was given, in order.
    units: Vec<Unit>,
    composing: Vec<ModelPart>,
    late: Vec<Vec<u8>>,
    sink: Vec<u8>,
    serial: u32,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            buffers: buffers(),
            out: Outbound::new(Framing::Zmtp),
            batch: None,
            units: Vec::new(),
            composing: Vec::new(),
            late: Vec::new(),
            sink: Vec::new(),
            serial: 0,
        }
    }

    fn push(&mut self, bytes: Vec<u8>, more: bool, owned: bool) {
        let mut body = match owned {
            true if bytes.len().is_multiple_of(2) => Body::Given(bytes.clone()),
            true => Body::Owned(Message::from(bytes.clone())),
            false => Body::Borrowed(&bytes),
        };
        self.out.push(&mut self.buffers, &mut body, more);
        self.composing.push((bytes, more));
        if !more {
            self.units.push(Unit::Message(std::mem::take(&mut self.composing)));
            self.units.extend(self.late.drain(..).map(Unit::Other));
        }
    }

    /// A batch takes what it can, at most `n` bytes.
    fn write(&mut self, n: usize) {
        if let Some(batch) = &mut self.batch {
            let bytes = gather(&batch.items);
            let n = n.min(bytes.len());
            self.sink.extend_from_slice(&bytes[..n]);
            batch.advance(n);
        }
    }

    fn put_back(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.out.put_back(batch);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Push { length, more, owned } => {
                self.serial += 1;
                self.push(body(self.serial, length), more, owned);
            }
            Step::Command(length) => {
                self.serial += 1;
                let mut frame = Vec::new();
                command::encode_subscribe(&body(self.serial, length), &mut frame);
                self.out.push_command(&mut self.buffers, &frame);
                if self.composing.is_empty() {
                    self.units.push(Unit::Other(frame));
                } else {
                    self.late.push(frame);
                }
            }
            Step::Lend(messages, bytes, lengths) => self.lend(messages, bytes, &lengths),
            Step::Take if self.batch.is_none() => self.batch = self.out.take(&mut self.buffers),
            Step::Take => {}
            Step::Write(n) => self.write(n),
            Step::PutBack => self.put_back(),
            Step::Through(length, written) => self.write_through(length, written),
            Step::Rollback => {
                self.out.rollback(&mut self.buffers);
                self.composing.clear();
                self.units.extend(self.late.drain(..).map(Unit::Other));
            }
            Step::Lose(unsent) => self.lose(unsent),
        }
    }

    fn lend(&mut self, messages: usize, bytes: u64, lengths: &[usize]) {
        if self.out.room_at_once(u64::MAX, usize::MAX).is_none() {
            return;
        }
        let Some(mut tail) = self.out.lend_tail(bytes, messages) else { return };
        let (mut count, mut sum) = (0, 0);
        for &length in lengths {
            self.serial += 1;
            let bytes = body(self.serial, length);
            if tail.append(&bytes) {
                count += 1;
                let unit = Unit::Message(vec![(bytes, false)]);
                sum += unit.bytes().len() as u64;
                self.units.push(unit);
            }
        }
        assert!(count <= messages && (count == 0 || sum < bytes), "more than was lent");
        assert_eq!(self.out.return_tail(tail), count);
    }

    /// A caller writes past the queue, and meanwhile something else is pushed.
    fn write_through(&mut self, length: usize, written: usize) {
        if self.batch.is_some() || !self.out.takes_write_through() {
            return;
        }
        self.serial += 1;
        let bytes = body(self.serial, length);
        let unit = Unit::Message(vec![(bytes.clone(), false)]);
        let all = unit.bytes();
        let header = &all[..all.len() - bytes.len()];
        let written = written.min(all.len());
        self.out.begin_write_through(all.len() as u64);
        self.units.push(unit);
        self.step(Step::Push { length: 7, more: self.serial.is_multiple_of(3), owned: false });
        self.step(Step::Command(5));
        self.sink.extend_from_slice(&all[..written]);
        self.out.wrote_through(header, &bytes, written);
    }

    fn lose(&mut self, unsent: usize) {
        self.put_back();
        let mut at = 0;
        let mut expected: VecDeque<ModelPart> = VecDeque::new();
        for unit in self.units.drain(..) {
            let length = unit.bytes().len();
            if let Unit::Message(parts) = unit
                && at >= self.sink.len()
            {
                expected.extend(parts);
            }
            at += length;
        }
        expected.extend(self.composing.drain(..));
        self.late.clear();
        self.sink.clear();
        let parts = self.out.reclaim();
        let parts: VecDeque<ModelPart> = parts.iter().map(|part| (part.to_vec(), part.has_more())).collect();
        assert!(parts == expected, "{:?} instead of {:?}", outline(&parts), outline(&expected));
        assert!(self.out.items.is_empty() && self.out.is_drained() && self.out.messages() == 0);
        if unsent > 0 {
            let bytes = body(self.serial, unsent);
            self.out.push_unsent(&mut self.buffers, &bytes);
            self.units.push(Unit::Other(bytes));
        }
        // As a pipe does it when the next connection stands.
        for (bytes, more) in parts {
            self.push(bytes, more, true);
        }
    }

    fn check(&self) {
        let committed: Vec<u8> = self.units.iter().flat_map(Unit::bytes).collect();
        let mut all = committed.clone();
        if !self.composing.is_empty() {
            all.extend(Unit::Message(self.composing.clone()).bytes());
        }
        let held = self.batch.as_ref().map_or(Vec::new(), |batch| gather(&batch.items));
        let mut real = self.sink.clone();
        real.extend(&held);
        let taken = real.len();
        assert!(taken <= committed.len(), "a batch holds part of an unfinished message");
        real.extend(gather(&self.out.items));
        assert!(real == all, "{} bytes instead of {}, or others", real.len(), all.len());
        let mut at = 0;
        let mut waiting = 0;
        for unit in &self.units {
            at += unit.bytes().len();
            waiting += usize::from(matches!(unit, Unit::Message(_)) && at > taken);
        }
        assert_eq!(self.out.messages(), waiting, "what the high-water mark counts");
        assert_eq!(self.out.waiting_bytes() as usize, committed.len() - taken);
        if self.batch.is_none() {
            assert_eq!(self.out.is_drained(), self.sink.len() == committed.len());
        }
    }
}

fn outline(parts: &VecDeque<ModelPart>) -> Vec<(usize, bool)> {
    parts.iter().map(|(body, more)| (body.len(), *more)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Goal: the bytes are those of the messages in order, whoever writes how much of them; the counts agree; a lost
    /// connection gives back just what it did not touch. Method: random steps beside the model, all bytes compared
    /// after each.
    #[test]
    fn any_steps_agree_with_the_model(steps in prop::collection::vec(step(), 0..60)) {
        let mut bench = Bench::new();
        for step in steps {
            bench.step(step);
            bench.check();
        }
        bench.lose(0);
    }

    /// Goal: what is encrypted comes out whole and in order, and comes back readable when the connection is lost.
    /// Method: messages and commands sealed, some batches written, then reclaimed; the other side's opener checks.
    #[test]
    fn sealed_messages_arrive_or_come_back(
        pushes in prop::collection::vec((length(), prop::bool::weighted(0.3), any::<bool>()), 1..12),
        written in 0..400_000usize,
    ) {
        let mut bench = Bench::new();
        let (sealer, opener) = curve();
        bench.out.sealer = Some(sealer);
        for (length, more, ping) in pushes {
            bench.step(Step::Push { length, more, owned: false });
            if ping {
                bench.step(Step::Command(9));
            }
        }
        while bench.sink.len() < written {
            bench.step(Step::Take);
            if bench.batch.is_none() {
                break;
            }
            bench.step(Step::Write(written - bench.sink.len()));
            bench.step(Step::PutBack);
        }
        let (opened, touched) = open_all(opener, &bench.sink);
        let messages: Vec<ModelPart> = bench.units.iter().flat_map(|unit| match unit {
            Unit::Message(parts) => parts.clone(),
            Unit::Other(_) => Vec::new(),
        }).chain(bench.composing.clone()).collect();
        prop_assert_eq!(&messages[..opened.len()], &opened[..]);
        let back = bench.out.reclaim();
        let back: Vec<ModelPart> = back.iter().map(|part| (part.to_vec(), part.has_more())).collect();
        prop_assert_eq!(&messages[messages.len() - back.len()..], &back[..]);
        // Between what arrived and what came back is at most one message: the one that was cut.
        let lost = &messages[opened.len()..messages.len() - back.len()];
        prop_assert!(lost.is_empty() || touched || opened.last().is_some_and(|(_, more)| *more));
        prop_assert!(lost.iter().filter(|(_, more)| !more).count() <= 1);
    }

    /// Goal: a real kernel that takes little at a time gets every byte once and in order. Method: a Unix socket with
    /// the smallest buffers, emptied whenever it is full.
    #[test]
    fn a_socket_gets_every_byte(lengths in prop::collection::vec((length(), any::<bool>()), 1..10)) {
        let (near, far) = UnixStream::pair().unwrap();
        let near = socket2::Socket::from(near);
        near.set_send_buffer_size(1).unwrap();
        let stream = Stream::new(OwnedFd::from(near), String::new(), String::new(), String::new());
        far.set_nonblocking(true).unwrap();
        let mut bench = Bench::new();
        for (length, owned) in lengths {
            bench.step(Step::Push { length, more: false, owned });
        }
        while let Some(mut batch) = bench.out.take(&mut bench.buffers) {
            let wrote = batch.write(&stream);
            prop_assert!(matches!(wrote, Wrote::All | Wrote::Blocked), "{:?}", wrote);
            bench.out.put_back(batch);
            // The only way to end is a kernel that has no more to give.
            let _ = std::io::Read::read_to_end(&mut &far, &mut bench.sink);
        }
        bench.check();
        prop_assert!(bench.out.is_drained());
    }

    /// Goal: a peer that speaks no ZMTP gets the bytes alone. Method: all of them, cut anywhere.
    #[test]
    fn raw_bytes_are_the_bytes(lengths in prop::collection::vec(length(), 0..10), written in 0..200_000usize) {
        let mut bench = Bench::new();
        bench.out = Outbound::new(Framing::Raw);
        let mut expected = Vec::new();
        let mut ends = vec![0];
        for (serial, length) in (0..).zip(lengths) {
            let bytes = body(serial, length);
            bench.out.push(&mut bench.buffers, &mut Body::Borrowed(&bytes), false);
            expected.extend(bytes);
            ends.push(expected.len());
        }
        bench.batch = bench.out.take(&mut bench.buffers);
        bench.write(written);
        bench.put_back();
        prop_assert_eq!(&expected[..bench.sink.len()], &bench.sink[..]);
        let back: Vec<u8> = bench.out.reclaim().iter().flat_map(|m| m.to_vec()).collect();
        let from = *ends.iter().find(|&&end| end >= bench.sink.len()).unwrap();
        prop_assert_eq!(&expected[from..], &back[..]);
    }
}

/// The parts in a sealed stream, and whether it ends inside a frame.
fn open_all(mut opener: CurveOpener, mut stream: &[u8]) -> (Vec<ModelPart>, bool) {
    let mut parts = Vec::new();
    while let Ok(Some(header)) = FrameHeader::parse(stream) {
        let start = usize::from(header.header_len);
        let Some(frame) = stream.get(start..start + header.body_len as usize) else { break };
        let mut frame = frame.to_vec();
        let opened = opener.open_in_place(&mut frame).unwrap();
        if !opened.command {
            parts.push((frame.split_off(opened.start), opened.more));
        }
        stream = &stream[start + header.body_len as usize..];
    }
    (parts, !stream.is_empty())
}

/// Goal: a segment that was emptied is used again, and an idle connection holds none. Method: count what the
/// connection holds after each turn.
#[test]
fn an_idle_connection_holds_no_memory() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        bench.step(Step::Push { length: 100, more: false, owned: false });
        bench.step(Step::Take);
        bench.step(Step::Write(usize::MAX));
        bench.step(Step::PutBack);
        assert!(bench.out.items.is_empty() && bench.out.ends.len() == 0);
    }
}

/// Goal: a batch is no larger than was asked for, give or take a message. Method: many messages, taken batch by batch.
#[test]
fn batches_can_be_limited() {
    let mut buffers = buffers();
    for (limit, most) in [(0, WRITE_BYTES), (8192, 8192), (100, 4096)] {
        let mut out = Outbound::new(Framing::Zmtp);
        out.limit_batches(limit);
        for _ in 0..1000 {
            out.push(&mut buffers, &mut Body::Borrowed(&[7; 1000]), false);
        }
        let (mut total, mut largest) = (0, 0);
        while let Some(mut batch) = out.take(&mut buffers) {
            let bytes = gather(&batch.items).len();
            total += bytes;
            largest = largest.max(bytes);
            batch.advance(bytes);
            out.put_back(batch);
        }
        assert_eq!(total, 1000 * 1009);
        assert!(largest <= most + SEGMENT_BYTES.min(most), "{largest} bytes at once, {most} at most");
    }
}
