//! What stands in front of ZMTP 3's frames: WebSockets and their HTTP upgrade, and ZMTP 1.0. However the bytes are cut the same
//! comes out, and what comes out are whole ZMTP 3 frames, up to the fault.

use netzmq::proto::{
    FrameHeader, ProtocolError, WsDecoder, WsEncoder, WsUpgrade, Zmtp1Decoder, Zmtp1Encoder,
};

use crate::Input;

type Decoded = (Vec<u8>, Option<ProtocolError>);

fn decode(
    mut decode: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), ProtocolError>,
    bytes: &[u8],
    cuts: &[u8],
) -> Decoded {
    let (mut rest, mut out, mut cuts) = (bytes, Vec::new(), cuts.iter().cycle());
    while !rest.is_empty() {
        let most = cuts.next().map_or(rest.len(), |cut| usize::from(*cut) + 1);
        let (now, later) = rest.split_at(most.min(rest.len()));
        rest = later;
        if let Err(error) = decode(now, &mut out) {
            return (out, Some(error));
        }
    }
    (out, None)
}

/// The frames that are whole at the front.
fn whole_frames(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Ok(Some(header)) = FrameHeader::parse(&bytes[at..]) {
        let end = at as u64 + u64::from(header.header_len) + header.body_len;
        match usize::try_from(end) {
            Ok(end) if end <= bytes.len() => at = end,
            _ => break,
        }
    }
    assert!(FrameHeader::parse(&bytes[at..]).is_ok(), "what comes out is ZMTP 3");
    &bytes[..at]
}

pub(crate) fn websocket(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choices = input.byte();
    let (cuts, stream) = (input.take(4), input.rest());
    let limit = (choices & 2 != 0).then_some(100);
    let read = |cuts| {
        let mut decoder = WsDecoder::new(choices & 1 != 0, limit);
        let decoded = decode(|now, out| decoder.decode(now, out), stream, cuts);
        (decoded, decoder.is_closed(), decoder.controls(), decoder.take_ping())
    };
    let whole = read(&[]);
    assert!(whole == read(cuts), "how it is cut changes nothing");
    let frames = whole_frames(&whole.0.0);
    // What was read is written, and read as the same.
    let client = choices & 1 != 0;
    let mut encoder = if client { WsEncoder::client([choices; 32]) } else { WsEncoder::server() };
    let (encoded, fault) = decode(|now, out| encoder.encode(now, out), frames, cuts);
    assert_eq!(fault, None);
    let mut decoder = WsDecoder::new(client, None);
    let (again, fault) = decode(|now, out| decoder.decode(now, out), &encoded, cuts);
    assert!(fault.is_none() && whole_frames(&again).len() == again.len());
    assert!(again == frames, "the same frames");
}

pub(crate) fn upgrade(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choices = input.byte();
    let (cuts, stream) = (input.take(4), input.rest());
    let mechanism = ["NULL", "PLAIN", "CURVE", "NULL"][usize::from(choices >> 1 & 3)];
    let read = |cuts: &[u8]| {
        let mut upgrade = if choices & 1 != 0 {
            WsUpgrade::server(mechanism, choices & 8 != 0)
        } else {
            WsUpgrade::client("localhost:1", "/", mechanism, [7; 16])
        };
        let (mut at, mut cuts) = (0, cuts.iter().cycle());
        let mut fault = None;
        while at < stream.len() && fault.is_none() && upgrade.protocol().is_none() {
            let most = cuts.next().map_or(stream.len(), |cut| usize::from(*cut) + 1);
            match upgrade.handle_input(&stream[at..stream.len().min(at + most)]) {
                Ok(taken) => at += taken,
                Err(error) => fault = Some(error),
            }
        }
        assert!(upgrade.output().len() < 4096);
        let taken = if fault.is_some() { 0 } else { at };
        (fault, taken, format!("{:?}", upgrade.protocol()), upgrade.output().clone())
    };
    assert_eq!(read(&[]), read(cuts), "how it is cut changes nothing");
}

pub(crate) fn zmtp1(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (cuts, stream) = (input.take(4), input.rest());
    let read = |cuts| {
        let mut decoder = Zmtp1Decoder::new();
        decode(|now, out| decoder.decode(now, out), stream, cuts)
    };
    let whole = read(&[]);
    assert!(whole == read(cuts), "how it is cut changes nothing");
    let frames = whole_frames(&whole.0);
    let mut encoder = Zmtp1Encoder::new();
    let (encoded, fault) = decode(|now, out| encoder.encode(now, out), frames, cuts);
    assert_eq!(fault, None);
    let mut decoder = Zmtp1Decoder::new();
    assert!(decode(|now, out| decoder.decode(now, out), &encoded, cuts) == (frames.to_vec(), None));
}
