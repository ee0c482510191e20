//! One direction of a pair beside plain queues.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// So many parts of a message that is not finished, then perhaps its last.
    Push(usize, bool),
    Rollback,
    Take(usize),
    CloseWriter,
    CloseReader,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0..3usize, prop::bool::weighted(0.8)).prop_map(|(parts, last)| Step::Push(parts, last)),
        1 => Just(Step::Rollback),
        10 => (1..6usize).prop_map(Step::Take),
        1 => Just(Step::CloseWriter),
        1 => Just(Step::CloseReader),
    ]
}

/// The parts of one message.
type Parts = Vec<Vec<u8>>;

/// What the model knows of one direction.
#[derive(Default)]
struct Model {
    composing: Parts,
    /// Whole messages that the reader has not swapped over to its side yet.
    lane: VecDeque<Parts>,
    local: VecDeque<Vec<u8>>,
    reading: bool,
    written: usize,
    read: usize,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Goal: whole messages in order, never more than the high-water mark on the way, room again when enough was
    /// read, the newest only where conflated; who waits has a notice. Method: random steps beside queues.
    #[test]
    fn one_direction_agrees_with_queues(
        hwm in 0..5usize,
        conflate: bool,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let (mut writer, mut reader) = pair(hwm, 0, (conflate, false));
        let [to_writer, to_reader] = [(); 2].map(|()| Arc::new(Mailbox::new()));
        writer.attach(&to_writer, PipeId(1), ReceiveMemory::Shared);
        reader.attach(&to_reader, PipeId(2), ReceiveMemory::Shared);
        let mut model = Model::default();
        let (mut serial, mut waits_for_room, mut waits_for_message) = (0u32, false, true);
        let (mut writer_closed, mut reader_closed) = (false, false);
        for step in steps {
            match step {
                Step::Push(parts, last) if !writer_closed => {
                    if model.composing.is_empty() && !writer.has_room() {
                        prop_assert!(hwm > 0 && !conflate);
                        prop_assert!(reader_closed || model.written - model.read > hwm / 2);
                        waits_for_room = !reader_closed;
                        continue;
                    }
                    let mail = to_reader.has_mail();
                    for index in 0..parts + usize::from(last) {
                        serial += 1;
                        let body = serial.to_string().into_bytes();
                        writer.push(&mut Body::Borrowed(&body), !last || index < parts);
                        model.composing.push(body);
                    }
                    if last {
                        let message = std::mem::take(&mut model.composing);
                        model.written += 1;
                        if !reader_closed {
                            if conflate {
                                model.read += model.lane.len();
                                model.lane.clear();
                            }
                            model.lane.push_back(message);
                            prop_assert!(hwm == 0 || conflate || model.written - model.read <= hwm);
                            prop_assert_eq!(to_reader.has_mail(), mail || waits_for_message);
                            waits_for_message = false;
                        }
                    }
                }
                Step::Rollback if !writer_closed => {
                    writer.rollback();
                    model.composing.clear();
                }
                Step::Take(parts) if !reader_closed => for _ in 0..parts {
                    if model.local.is_empty() && !model.reading {
                        model.local = model.lane.drain(..).flat_map(Model::mark).collect();
                    }
                    to_reader.drain(&mut Vec::new());
                    let taken = reader.take_with(&mut 0, |taken| taken.bytes().to_vec()).map(|(mut body, more)| {
                        body.push(u8::from(more));
                        body
                    });
                    let expected = model.local.pop_front();
                    prop_assert_eq!(&taken, &expected);
                    waits_for_message = taken.is_none();
                    if waits_for_message {
                        break;
                    }
                    model.reading = taken.is_some_and(|body| body.ends_with(&[1]));
                    model.read += usize::from(!model.reading);
                },
                Step::CloseWriter if !writer_closed => {
                    writer.close();
                    model.composing.clear();
                    writer_closed = true;
                    prop_assert!(to_reader.has_mail());
                }
                Step::CloseReader if !reader_closed => {
                    reader.close();
                    reader_closed = true;
                    prop_assert!(to_writer.has_mail() && writer.peer_closed());
                }
                _ => {}
            }
            if waits_for_room && model.read == model.written && !writer_closed {
                prop_assert!(to_writer.has_mail(), "all is read, and the writer was not told");
                prop_assert!(writer.has_room());
                to_writer.drain(&mut Vec::new());
                waits_for_room = false;
            }
            let unread = !model.local.is_empty() || !model.lane.is_empty();
            if !reader_closed {
                prop_assert_eq!(reader.is_finished(), writer_closed && !unread);
            }
        }
    }
}

impl Model {
    /// The parts of a message, each with its more flag behind it.
    fn mark(parts: Parts) -> Vec<Vec<u8>> {
        let last = parts.len() - 1;
        let marked = parts.into_iter().enumerate().map(|(index, mut body)| {
            body.push(u8::from(index < last));
            body
        });
        marked.collect()
    }
}
