//! What comes in, beside a naive model: the parts in order, however the stream was cut.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use netzmq_proto::{PeerMisbehaved, command};
use proptest::prelude::*;

use super::*;
use crate::connection::testing::{body, buffers, curve};
use crate::transport::stream::Stream;

#[derive(Debug, Clone)]
enum Unit {
    Part {
        length: usize,
        more: bool,
    },
    Ping,
    /// For a publisher, a message; for the others, nothing.
    Subscribe(usize),
}

fn unit() -> impl Strategy<Value = Unit> {
    let length = prop_oneof![
        8 => 0..300usize,
        2 => 250..260usize,
        2 => 0..20_000usize,
        2 => LARGE_FROM - 12..LARGE_FROM + 3,
        1 => LARGE_FROM..200_000usize,
        1 => BELIEVED - 2..BELIEVED + 100_000,
    ];
    prop_oneof![
        8 => (length, prop::bool::weighted(0.3)).prop_map(|(length, more)| Unit::Part { length, more }),
        1 => Just(Unit::Ping),
        2 => prop_oneof![5 => 0..100usize, 1 => 30_000..60_000usize].prop_map(Unit::Subscribe),
    ]
}

fn units(most: usize) -> impl Strategy<Value = Vec<Unit>> {
    prop::collection::vec(unit(), 0..most).prop_map(|mut units| {
        // No command falls between the parts of a message, and the last message is whole.
        let mut inside = false;
        units.retain(|unit| match unit {
            Unit::Part { more, .. } => {
                inside = *more;
                true
            }
            _ => !inside,
        });
        if inside {
            units.push(Unit::Part { length: 1, more: false });
        }
        units
    })
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    let cut =
        prop_oneof![1..10usize, 1..2000usize, 7000..9000usize, 30_000..35_000usize, 100_000..300_000usize];
    prop::collection::vec(cut, 1..10)
}

/// One part as the model has it.
type ModelPart = (Vec<u8>, bool);

/// A stream and what is in it.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    /// Each part with the offset in the stream at which it is whole.
    parts: Vec<(ModelPart, usize)>,
    pings: usize,
}

impl Model {
    fn new(units: &[Unit], deliver: Deliver, mut sealer: Option<CurveSealer>) -> Model {
        let mut model = Model::default();
        for (serial, unit) in (0..).zip(units) {
            let mut frame = Vec::new();
            let (is_command, more) = match unit {
                Unit::Part { length, more } => {
                    frame = body(serial, *length);
                    (false, *more)
                }
                Unit::Ping => {
                    command::encode_ping(3, b"ping", &mut frame);
                    (true, false)
                }
                Unit::Subscribe(length) => {
                    command::encode_subscribe(&body(serial, *length), &mut frame);
                    (true, false)
                }
            };
            let content = if is_command {
                let header = FrameHeader::parse(&frame).unwrap().unwrap();
                frame.split_off(usize::from(header.header_len))
            } else {
                frame
            };
            match &mut sealer {
                Some(sealer) => {
                    let start = model.bytes.len();
                    model.bytes.resize(start + sealer.sealed_len(content.len()), 0);
                    sealer.seal(&content, more, is_command, &mut model.bytes[start..]);
                }
                None => FrameHeader::append_frame(more, is_command, &content, &mut model.bytes),
            }
            let part = match unit {
                Unit::Part { .. } => Some((content, more)),
                Unit::Subscribe(length) if deliver == Deliver::Subscriptions => {
                    Some(([&[1][..], &body(serial, *length)].concat(), false))
                }
                _ => None,
            };
            model.pings += usize::from(matches!(unit, Unit::Ping));
            model.parts.extend(part.map(|part| (part, model.bytes.len())));
        }
        model
    }

    fn all(&self) -> Vec<ModelPart> {
        self.parts.iter().map(|(part, _)| part.clone()).collect()
    }

    /// The parts of the messages that are whole when so many bytes have come.
    fn whole_at(&self, bytes: usize) -> &[(ModelPart, usize)] {
        let whole = self.parts.iter().rposition(|((_, more), end)| !more && *end <= bytes);
        whole.map_or(&[], |last| &self.parts[..=last])
    }
}

struct Bench {
    buffers: Buffers,
    inbound: Inbound,
    taken: Vec<ModelPart>,
    controls: Vec<Control>,
}

impl Bench {
    fn new(inbound: Inbound) -> Bench {
        Bench { buffers: buffers(), inbound, taken: Vec::new(), controls: Vec::new() }
    }

    /// One read of at most so many bytes from the front of the stream; returns how many it took.
    fn read(&mut self, bytes: &[u8]) -> Result<usize, ProtocolError> {
        let mut target = self.inbound.begin_read(&mut self.buffers);
        let used = target.fill_from(bytes);
        assert!(used > 0, "no room to read into");
        self.inbound.finish_read(&mut self.buffers, target, used, &mut self.controls)?;
        Ok(used)
    }

    fn read_all(&mut self, mut bytes: &[u8], cuts: &[usize]) -> Result<(), ProtocolError> {
        let mut cuts = cuts.iter().cycle();
        while !bytes.is_empty() {
            let cut = cuts.next().map_or(bytes.len(), |&cut| cut.min(bytes.len()));
            bytes = &bytes[self.read(&bytes[..cut])?..];
        }
        Ok(())
    }

    /// What can be had of the lent chunk.
    fn borrow(&mut self) {
        let Some(mut loan) = self.inbound.lend(4) else { return };
        let mut count = 0;
        while let Ok(bytes) = loan.take(|bytes| bytes.len() != 77, |taken| taken.bytes().to_vec()) {
            self.taken.push((bytes, false));
            count += 1;
        }
        assert!(count <= 4, "more than was lent");
        assert_eq!(self.inbound.restore(loan), count);
    }

    fn take(&mut self) -> bool {
        if self.taken.len().is_multiple_of(3) {
            self.borrow();
        }
        let peeked = self.inbound.peek().map(|(bytes, more)| (bytes.to_vec(), more));
        let taken = self.inbound.take_with(|taken| taken.bytes().to_vec());
        assert!(peeked == taken, "peek and take disagree");
        self.taken.extend(taken);
        peeked.is_some()
    }

    fn take_all(&mut self) {
        while self.take() {}
        assert_eq!(self.inbound.messages(), 0, "counted, but not to be had");
    }

    /// Bytes of all memory held.
    fn memory(&self) -> usize {
        let ready = self.inbound.ready.iter().map(|ready| match ready {
            Ready::Chunk(chunk) => chunk.buffer.len(),
            Ready::Whole { body, .. } => body.len(),
        });
        let large = self.inbound.large.as_ref().map_or(0, |large| match &large.memory {
            Memory::Block(block) => block.len(),
            Memory::Growing(vec) => vec.capacity(),
        });
        ready.sum::<usize>() + self.inbound.chunk.as_ref().map_or(0, |chunk| chunk.buffer.len()) + large
    }
}

fn inbound(deliver: Deliver) -> Inbound {
    Inbound::new(None, false, deliver)
}

fn deliver() -> impl Strategy<Value = Deliver> {
    prop_oneof![Just(Deliver::MessagesOnly), Just(Deliver::Subscriptions)]
}

fn same(real: &[ModelPart], model: &[ModelPart]) -> Result<(), TestCaseError> {
    let outline = |parts: &[ModelPart]| parts.iter().map(|(b, more)| (b.len(), *more)).collect::<Vec<_>>();
    prop_assert_eq!(outline(real), outline(model));
    prop_assert!(real == model, "same sizes, other bytes");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Goal: the parts are the same however the stream is cut and whenever they are taken, plain or encrypted; what
    /// is counted can be taken; memory follows the bytes that came. Method: random units, cuts and takes.
    #[test]
    fn any_cuts_yield_the_same_parts(
        units in units(12),
        deliver in deliver(),
        cuts in cuts(),
        takes in prop::collection::vec(0..4usize, 1..6),
        sealed: bool,
    ) {
        let mut bench = Bench::new(inbound(deliver));
        let sealer = sealed.then(|| {
            let (sealer, opener) = curve();
            bench.inbound.set_opener(opener);
            sealer
        });
        let model = Model::new(&units, deliver, sealer);
        let (mut cuts, mut takes) = (cuts.iter().cycle(), takes.iter().cycle());
        let mut at = 0;
        while at < model.bytes.len() {
            let cut = (model.bytes.len() - at).min(*cuts.next().unwrap());
            at += bench.read(&model.bytes[at..at + cut]).unwrap();
            for _ in 0..*takes.next().unwrap() {
                bench.take();
            }
            let whole = model.whole_at(at);
            let messages = |parts: &[ModelPart]| parts.iter().filter(|(_, more)| !more).count();
            let arrived = whole.iter().filter(|((_, more), _)| !more).count();
            prop_assert_eq!(bench.inbound.messages(), arrived - messages(&bench.taken));
            prop_assert!(bench.taken.len() <= whole.len());
            prop_assert!(bench.memory() <= 3 * at + BELIEVED + 2 * CHUNK_BYTES, "{} bytes held", bench.memory());
        }
        bench.take_all();
        same(&bench.taken, &model.all())?;
        prop_assert_eq!(bench.controls.len(), model.pings);
        prop_assert_eq!(bench.memory(), 0, "an idle connection holds no memory");
    }

    /// Goal: a connection that is cut anywhere leaves its whole messages and nothing else, in front of what the next
    /// one brings. Method: three streams, each cut, with takes in between.
    #[test]
    fn lost_connections_leave_whole_messages(
        streams in prop::collection::vec((units(6), 0..400_000usize, 0..5usize), 1..4),
        cuts in cuts(),
    ) {
        let mut bench = Bench::new(inbound(Deliver::MessagesOnly));
        let mut expected = Vec::new();
        for (units, cut, takes) in streams {
            let model = Model::new(&units, Deliver::MessagesOnly, None);
            let cut = cut.min(model.bytes.len());
            bench.inbound.renew(None, Deliver::MessagesOnly);
            bench.read_all(&model.bytes[..cut], &cuts).unwrap();
            expected.extend(model.whole_at(cut).iter().map(|(part, _)| part.clone()));
            for _ in 0..takes {
                bench.take();
            }
            bench.inbound.end();
        }
        bench.take_all();
        same(&bench.taken, &expected)?;
    }

    /// Goal: whatever a peer sends, nothing panics, what was whole before its fault can be taken, and the next
    /// connection begins clean. Method: valid streams with changed bytes, or plain garbage.
    #[test]
    fn garbage_harms_nobody(
        units in units(6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..200),
        cuts in cuts(),
        sealed: bool,
    ) {
        let mut bench = Bench::new(Inbound::new(Some(1 << 20), false, Deliver::Subscriptions));
        let sealer = sealed.then(|| {
            let (sealer, opener) = curve();
            bench.inbound.set_opener(opener);
            sealer
        });
        let mut bytes = Model::new(&units, Deliver::Subscriptions, sealer).bytes;
        if !bytes.is_empty() {
            for (index, change) in changes {
                let at = index.index(bytes.len());
                bytes[at] ^= change;
            }
        }
        bytes.extend(noise);
        let _ = bench.read_all(&bytes, &cuts);
        let whole = bench.inbound.messages();
        bench.inbound.end();
        prop_assert_eq!(bench.inbound.messages(), whole);
        bench.take_all();
        prop_assert_eq!(bench.taken.iter().filter(|(_, more)| !more).count(), whole);
        prop_assert!(bench.taken.last().is_none_or(|(_, more)| !more));
        prop_assert_eq!(bench.memory(), 0);
        bench.taken.clear();
        bench.inbound.renew(None, Deliver::Subscriptions);
        let model = Model::new(&units, Deliver::Subscriptions, None);
        bench.read_all(&model.bytes, &cuts).unwrap();
        bench.take_all();
        same(&bench.taken, &model.all())?;
    }

    /// Goal: messages that come before a fault in the same read are delivered. Method: a reserved flag behind them.
    #[test]
    fn a_fault_takes_nothing_with_it(units in units(6), cuts in cuts()) {
        let model = Model::new(&units, Deliver::MessagesOnly, None);
        let bytes = [&model.bytes[..], b"\xff\xff"].concat();
        let mut bench = Bench::new(inbound(Deliver::MessagesOnly));
        prop_assert!(bench.read_all(&bytes, &cuts).is_err());
        bench.take_all();
        same(&bench.taken, &model.all())?;
        bench.inbound.end();
        prop_assert_eq!(bench.memory(), 0);
    }

    /// Goal: the same through a real kernel. Method: a Unix socket whose other end writes in the cuts.
    #[test]
    fn a_socket_yields_the_same_parts(units in units(8), cuts in cuts()) {
        let model = Model::new(&units, Deliver::MessagesOnly, None);
        let (near, far) = UnixStream::pair().unwrap();
        let stream = Stream::new(OwnedFd::from(near), String::new(), String::new(), String::new());
        far.set_nonblocking(true).unwrap();
        let mut bench = Bench::new(inbound(Deliver::MessagesOnly));
        let (mut cuts, mut bytes) = (cuts.iter().cycle(), &model.bytes[..]);
        loop {
            let cut = bytes.len().min(*cuts.next().unwrap());
            // A full kernel takes none: reading makes room.
            bytes = &bytes[(&far).write(&bytes[..cut]).unwrap_or(0)..];
            let mut target = bench.inbound.begin_read(&mut bench.buffers);
            let count = match target.read(&stream) {
                Read::Bytes { count, .. } => count,
                Read::Empty => 0,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            let controls = &mut bench.controls;
            bench.inbound.finish_read(&mut bench.buffers, target, count, controls).unwrap();
            if count == 0 && bytes.is_empty() {
                break;
            }
        }
        bench.take_all();
        same(&bench.taken, &model.all())?;
    }

    /// Goal: what comes with the handshake is read like the rest, however much it is.
    #[test]
    fn preloaded_bytes_are_read(units in units(8)) {
        let model = Model::new(&units, Deliver::MessagesOnly, None);
        let mut bench = Bench::new(inbound(Deliver::MessagesOnly));
        bench.inbound.preload(&mut bench.buffers, &model.bytes, &mut bench.controls).unwrap();
        bench.take_all();
        same(&bench.taken, &model.all())?;
    }

    /// Goal: a peer that speaks no ZMTP is understood byte by byte. Method: any bytes, any cuts, nothing lost.
    #[test]
    fn raw_bytes_are_the_bytes(bytes in prop::collection::vec(any::<u8>(), 0..5000), cuts in cuts(), takes in 0..3usize) {
        let mut bench = Bench::new(Inbound::new(None, true, Deliver::MessagesOnly));
        let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let cut = rest.len().min(*cuts.next().unwrap());
            rest = &rest[bench.read(&rest[..cut]).unwrap()..];
            (0..takes).for_each(|_| {
                bench.take();
            });
        }
        bench.inbound.end();
        bench.take_all();
        prop_assert_eq!(bench.taken.concat_bodies(), bytes);
        prop_assert_eq!(bench.memory(), 0);
    }

    /// Goal: the size limit is exact, plain and encrypted. Method: lengths around it.
    #[test]
    fn the_size_limit_is_exact(limit in prop_oneof![0..1000usize, 30_000..40_000usize, 255_000..300_000usize], over: bool, sealed: bool) {
        let mut bench = Bench::new(Inbound::new(Some(limit as u64), false, Deliver::MessagesOnly));
        let sealer = sealed.then(|| {
            let (sealer, opener) = curve();
            bench.inbound.set_opener(opener);
            sealer
        });
        let length = limit + usize::from(over);
        let model = Model::new(&[Unit::Part { length, more: false }], Deliver::MessagesOnly, sealer);
        let result = bench.read_all(&model.bytes, &[100_000]);
        prop_assert_eq!(result.is_err(), over);
        bench.take_all();
        prop_assert_eq!(bench.taken.len(), usize::from(!over));
    }
}

trait Bodies {
    fn concat_bodies(&self) -> Vec<u8>;
}

impl Bodies for Vec<ModelPart> {
    fn concat_bodies(&self) -> Vec<u8> {
        self.iter().flat_map(|(body, _)| body.clone()).collect()
    }
}

/// Goal: a claim costs nothing: memory is got as bytes come. Method: lengths up to the largest legal one, a few bytes.
#[test]
fn a_claimed_length_allocates_little() {
    for length in [1 << 20, 1 << 30, 1 << 62, (1 << 63) - 1] {
        let mut bench = Bench::new(inbound(Deliver::MessagesOnly));
        let mut header = [0; FrameHeader::MAX_LEN];
        let n = FrameHeader::encode(false, false, length, &mut header);
        bench.read_all(&header[..n], &[]).unwrap();
        bench.read_all(&[7; 1000], &[]).unwrap();
        assert!(bench.memory() <= BELIEVED + CHUNK_BYTES, "{} for {length}", bench.memory());
        // On and on: never much more than came.
        for _ in 0..40 {
            bench.read_all(&[7; 10_000], &[]).unwrap();
        }
        assert!(bench.memory() <= 2 * 401_000 + BELIEVED, "{} for {length}", bench.memory());
    }
}

/// Goal: a peer that says nothing but PING costs nothing, whether or not a message waits. Method: many, and a look at
/// what is held. Regression: each read kept its chunk until a message was taken.
#[test]
fn commands_alone_hold_no_memory() {
    let mut bench = Bench::new(inbound(Deliver::MessagesOnly));
    let mut ping = Vec::new();
    command::encode_ping(0, b"", &mut ping);
    for _ in 0..100 {
        bench.read_all(&ping, &[]).unwrap();
        assert_eq!(bench.memory(), 0);
    }
    bench.read_all(b"\x00\x01x", &[]).unwrap();
    for _ in 0..1000 {
        bench.read_all(&ping, &[3]).unwrap();
    }
    assert!(bench.memory() <= 4 * CHUNK_BYTES, "{}", bench.memory());
    bench.take_all();
    assert_eq!(bench.taken, [(b"x".to_vec(), false)]);
    assert_eq!(bench.controls.len(), 1100);
}

/// Goal: only the flags inside a box count. Regression: "more" on the frame around it stopped the socket. Method: an
/// authentic box with the outer flag set, as any peer with a key can send it.
#[test]
fn flags_around_a_box_mean_nothing() {
    for length in [3, LARGE_FROM + 1] {
        let (mut sealer, opener) = curve();
        let mut bench = Bench::new(inbound(Deliver::MessagesOnly));
        bench.inbound.set_opener(opener);
        for outer in [1, 4] {
            let mut frame = vec![0; sealer.sealed_len(length)];
            sealer.seal(&body(outer, length), false, false, &mut frame);
            frame[0] |= outer as u8;
            bench.read_all(&frame, &[]).unwrap();
        }
        bench.take_all();
        assert_eq!(bench.taken, [(body(1, length), false), (body(4, length), false)]);
    }
}

/// Goal: commands in the wrong place, or of the wrong kind, are the peer's fault. Method: one of each.
#[test]
fn commands_out_of_place_are_faults() {
    let mut subscribe = Vec::new();
    command::encode_subscribe(b"topic", &mut subscribe);
    let inside = [b"\x01\x01a", &subscribe[..]].concat();
    let ready = b"\x04\x06\x05READY";
    let mut error = Vec::new();
    command::encode_error(b"go away", &mut error);
    for bytes in [&inside[..], ready, &error, b"\x04\x00", b"\x04\x03\x09ab"] {
        for cut in [1, 1000] {
            let mut bench = Bench::new(inbound(Deliver::Subscriptions));
            assert!(bench.read_all(bytes, &[cut]).is_err(), "{bytes:?}");
            bench.take_all();
        }
    }
    // Unknown commands are nobody's business.
    let mut bench = Bench::new(inbound(Deliver::MessagesOnly));
    bench.read_all(b"\x04\x04\x03XYZ\x00\x01a", &[]).unwrap();
    bench.take_all();
    assert_eq!(bench.taken.len(), 1);
    let too_long = [&[6][..], &(limits::COMMAND_BYTES_MAX as u64 + 1).to_be_bytes()].concat();
    let error = bench.read_all(&too_long, &[]).unwrap_err();
    let max = limits::COMMAND_BYTES_MAX as u64;
    assert_eq!(error, PeerMisbehaved::CommandTooLong { len: max + 1, max }.into());
}
