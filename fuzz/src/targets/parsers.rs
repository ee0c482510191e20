//! Readers of single things, each held to its inverse where it has one.

use netzmq::proto::{
    Command, Endpoint, FrameHeader, GreetingReader, Metadata, ZapReply, ZapRequest, append_property, command,
    limits, z85,
};

use crate::Input;

/// A greeting is 64 bytes however it is cut, and the cut changes nothing.
pub(crate) fn greeting(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (cuts, bytes) = (input.take(8), input.rest());
    let read = |cuts: &[u8]| {
        let (mut reader, mut at) = (GreetingReader::new(), 0);
        let mut cuts = cuts.iter().cycle();
        while reader.greeting().is_none() && at < bytes.len() {
            let most = cuts.next().map_or(bytes.len(), |cut| usize::from(*cut).max(1));
            let end = bytes.len().min(at + most);
            match reader.handle_input(&bytes[at..end]) {
                Ok(taken) => at += taken,
                Err(error) => return Err(error),
            }
            assert!(at <= limits::GREETING_BYTES);
        }
        Ok(reader.greeting())
    };
    let whole = read(&[]);
    assert_eq!(whole, read(cuts));
    assert_eq!(whole.is_ok_and(|greeting| greeting.is_none()), read(cuts).is_ok_and(|g| g.is_none()));
}

/// What was read as a header is written as one that means the same.
pub(crate) fn frame(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some(header)) = FrameHeader::parse(rest) {
        let mut out = [0; FrameHeader::MAX_LEN];
        let length = FrameHeader::encode(header.more, header.command, header.body_len, &mut out);
        let again = FrameHeader::parse(&out[..length]).ok().flatten().expect("what was written is read");
        assert_eq!(
            (again.more, again.command, again.body_len),
            (header.more, header.command, header.body_len)
        );
        assert!(length <= usize::from(header.header_len));
        let end = u64::from(header.header_len).saturating_add(header.body_len);
        rest = usize::try_from(end).ok().and_then(|end| rest.get(end..)).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
    }
}

/// A command that was read is written back to the same bytes.
pub(crate) fn command(bytes: &[u8]) {
    let Ok(command) = Command::parse(bytes) else { return };
    let mut out = Vec::new();
    match command {
        Command::Ping { ttl_tenths, context } => command::encode_ping(ttl_tenths, context, &mut out),
        Command::Pong { context } => command::encode_pong(context, &mut out),
        Command::Subscribe(topic) => command::encode_subscribe(topic, &mut out),
        Command::Cancel(topic) => command::encode_cancel(topic, &mut out),
        Command::Join(group) => command::encode_join(group, &mut out),
        Command::Leave(group) => command::encode_leave(group, &mut out),
        Command::Error(reason) => {
            assert!(reason.len() <= limits::ERROR_REASON_BYTES_MAX);
            return;
        }
        Command::Ready(metadata) => {
            assert!(metadata.iter().count() <= limits::PROPERTIES_MAX);
            return;
        }
        _ => return,
    }
    let header = FrameHeader::parse(&out).ok().flatten().expect("a frame");
    let body = &out[usize::from(header.header_len)..];
    assert!(header.command && bytes.starts_with(body));
    assert_eq!(Command::parse(body), Ok(command));
}

/// A block that was read is written back to the same bytes, and no name is there twice.
pub(crate) fn metadata(bytes: &[u8]) {
    let Ok(metadata) = Metadata::parse(bytes) else { return };
    let (mut out, mut count) = (Vec::new(), 0);
    for property in metadata.iter() {
        append_property(property.name, property.value, &mut out).expect("what was read can be written");
        assert_eq!(metadata.find(&property.name.to_ascii_uppercase()), Some(property.value));
        count += 1;
    }
    assert!(count <= limits::PROPERTIES_MAX);
    assert_eq!(out, bytes);
}

/// Frames of any number and size, to both readers; what one read, the other side reads again.
pub(crate) fn zap(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut frames = Vec::new();
    let reply = input.byte().is_multiple_of(2);
    let known = input.byte();
    // The frames that never change may come for nothing: the rest is worth more of the search.
    if known & 1 != 0 {
        frames.push(b"1.0".to_vec());
    }
    if known & 2 != 0 {
        frames.push(b"1".to_vec());
    }
    if known & 4 != 0 {
        frames.push(b"200".to_vec());
    }
    while !input.is_empty() && frames.len() < 16 {
        frames.push(input.piece().to_vec());
    }
    if reply {
        if let Ok(read) = ZapReply::parse(b"1", &frames) {
            let again = read.frames(b"1").expect("what was read can be written");
            assert_eq!(ZapReply::parse(b"1", &again), Ok(read));
        }
    } else if let Some(read) = ZapRequest::parse(&frames) {
        assert_eq!(ZapRequest::parse(&read.frames()), Some(read));
    }
}

/// Text to bytes and back.
pub(crate) fn z85(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(decoded) = z85::decode(text)
    {
        assert_eq!(z85::encode(&decoded).as_deref(), Ok(text));
    }
    if let Ok(text) = z85::encode(bytes) {
        assert_eq!(z85::decode(&text).as_deref(), Ok(bytes));
    }
}

/// An endpoint that was read is shown as a text that is read as the same.
pub(crate) fn endpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let _ = (endpoint.check_bind(), endpoint.check_connect());
            let shown = endpoint.to_string();
            assert_eq!(shown.parse::<Endpoint>().as_ref(), Ok(&endpoint), "{shown}");
        }
        // Every byte may be shown escaped.
        Err(error) => assert!(error.to_string().len() < 16 * limits::ENDPOINT_BYTES_MAX),
    }
}
