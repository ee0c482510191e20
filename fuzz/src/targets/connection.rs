//! The two directions of a connection: bytes that came, and messages that go, however they are cut.

use std::collections::VecDeque;

use netzmq::fuzzing::{Decoder, Encoder, Kind};
use netzmq::proto::command;

use crate::Input;

/// Bytes of a peer, cut in two ways: the same parts come out, the same fault ends both, and nothing is kept that did not
/// come.
pub(crate) fn inbound(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choices = input.byte();
    let kind = match choices & 3 {
        0 => Kind::Subscriptions,
        1 => Kind::Groups,
        _ => Kind::Messages,
    };
    let limit = (choices & 4 != 0).then_some(300);
    let cuts = input.take(4);
    let mut stream = Vec::new();
    // Runs of one byte make bodies that are longer than any input.
    while !input.is_empty() {
        let length = usize::from(input.byte());
        if length == 255 {
            let byte = input.byte();
            stream.resize(stream.len() + (input.below(65_536) << 2), byte);
        } else {
            stream.extend_from_slice(input.take(length + 1));
        }
        if stream.len() > 300_000 {
            break;
        }
    }
    let read = |cuts: &[u8]| {
        let mut decoder = Decoder::new(limit, kind, false);
        let (mut rest, mut parts, mut cuts) = (&stream[..], Vec::new(), cuts.iter().cycle());
        let mut fault = None;
        while !rest.is_empty() && fault.is_none() {
            let cut = cuts.next().map_or(rest.len(), |cut| match cut {
                // A long stream byte by byte would take all the time there is.
                0..=127 => (usize::from(*cut) + 1) * (1 + stream.len() / 4096),
                _ => usize::from(*cut) << 9,
            });
            let (now, later) = rest.split_at(rest.len().min(cut));
            rest = later;
            fault = decoder.feed(now).err();
            while let Some(part) = decoder.take() {
                parts.push(part);
            }
        }
        if let Some(limit) = limit {
            assert!(parts.iter().all(|(body, _)| body.len() as u64 <= limit || kind != Kind::Messages));
        }
        decoder.end();
        while let Some(part) = decoder.take() {
            parts.push(part);
        }
        (parts, fault)
    };
    assert!(read(&[]) == read(cuts), "how it is cut changes nothing");
}

/// Operations on two ends of one connection, in clear or encrypted, beside the list of messages that were sent.
pub(crate) fn connection(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choices = input.byte();
    let sealed = choices & 1 != 0;
    let mut encoder = Encoder::new(sealed);
    let mut decoder = Decoder::new(None, Kind::Messages, sealed);
    let mut wire: Vec<u8> = Vec::new();
    let mut composing: Vec<(Vec<u8>, bool)> = Vec::new();
    let mut sent: VecDeque<(Vec<u8>, bool)> = VecDeque::new();
    let mut serial = 0u8;
    let mut budget = 150_000;
    while !input.is_empty() && budget > 0 {
        let choice = input.byte();
        match choice & 7 {
            0..=2 => {
                serial = serial.wrapping_add(1);
                let length = match choice >> 6 {
                    0 | 1 => usize::from(input.byte()),
                    2 => input.below(9000),
                    _ => input.below(65_536) + 30_000,
                };
                budget -= length.min(budget);
                let (body, more) = (vec![serial; length], choice & 0x08 != 0);
                encoder.push(&body, more, choice & 0x10 != 0);
                composing.push((body, more));
                if !more {
                    sent.extend(composing.drain(..));
                }
            }
            3 => {
                let mut frame = Vec::new();
                command::encode_ping(7, input.take(16), &mut frame);
                encoder.command(&frame);
            }
            4 => {
                encoder.rollback();
                composing.clear();
            }
            5 => {
                let most = input.below(65_536) << (choice >> 5);
                wire.extend(encoder.write(most));
            }
            6 => {
                let most = (input.below(65_536) << (choice >> 5)).min(wire.len());
                let now: Vec<u8> = wire.drain(..most).collect();
                decoder.feed(&now).expect("an honest peer");
            }
            _ => {
                while let Some(part) = decoder.take() {
                    assert!(Some(part) == sent.pop_front(), "in order, whole, as sent");
                }
            }
        }
    }
    if choices & 2 == 0 {
        wire.extend(encoder.write(usize::MAX));
        decoder.feed(&wire).expect("an honest peer");
        while let Some(part) = decoder.take() {
            assert!(Some(part) == sent.pop_front(), "in order, whole, as sent");
        }
        assert!(sent.is_empty(), "everything arrives");
    } else {
        // The connection is lost: what of it the sender takes back is the end of what was sent, whole.
        let kept = encoder.reclaim();
        let all: Vec<Vec<u8>> = sent.into_iter().chain(composing).map(|(body, _)| body).collect();
        assert!(all.ends_with(&kept), "whole messages, in order");
    }
}
