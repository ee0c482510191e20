//! ZAP 1.0: the question "may this peer come in?" and its answer, as frames and as values.
//!
//! The handshake makes a [`ZapRequest`] and takes a [`ZapReply`]. Whether the answer comes from a handler behind
//! `inproc://zeromq.zap.01`, as frames, or from a function call, as a value, is the caller's business. This file
//! judges nobody.
//!
//! The frames here are those of RFC 27 without the empty delimiter that a REQ socket would add: six or more of a
//! request (version, request id, domain, address, routing id, mechanism, credentials…), six of a reply (version,
//! request id, status code, status text, user id, metadata).

use crate::error::{ConfigError, ZapHandlerError};
use crate::limits::{HOST_BYTES_MAX, PLAIN_CREDENTIAL_BYTES_MAX, ROUTING_ID_BYTES_MAX, ZAP_FRAME_BYTES_MAX};
use crate::mechanism::CurvePublicKey;
use crate::metadata::{Metadata, append_property};
use crate::password::Password;

const VERSION: &[u8] = b"1.0";

/// What a peer has shown to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZapCredentials {
    /// Nothing but its address.
    Null,
    /// A user name and a password.
    Plain {
        /// At most 255 bytes.
        username: Vec<u8>,
        /// At most 255 bytes.
        password: Password,
    },
    /// The ownership of a key.
    Curve {
        /// The client's long-term key.
        public_key: CurvePublicKey,
    },
}

impl ZapCredentials {
    /// The mechanism's name, as the request carries it.
    #[must_use]
    pub const fn mechanism(&self) -> &'static str {
        match self {
            ZapCredentials::Null => "NULL",
            ZapCredentials::Plain { .. } => "PLAIN",
            ZapCredentials::Curve { .. } => "CURVE",
        }
    }
}

/// A request to a ZAP handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZapRequest {
    /// Comes back in the reply. A connection asks once, so libzmq and we always send `1`.
    pub request_id: Vec<u8>,
    /// The socket's ZAP domain.
    pub domain: String,
    /// The peer's address, without a port where it has one.
    pub address: String,
    /// *Our* socket's routing id, which tells the handler which socket asks.
    pub routing_id: Vec<u8>,
    /// What the peer has shown.
    pub credentials: ZapCredentials,
}

impl ZapRequest {
    /// The request's frames, without a delimiter.
    #[must_use]
    pub fn frames(&self) -> Vec<&[u8]> {
        let mut frames = vec![
            VERSION,
            &self.request_id,
            self.domain.as_bytes(),
            self.address.as_bytes(),
            &self.routing_id,
            self.credentials.mechanism().as_bytes(),
        ];
        match &self.credentials {
            ZapCredentials::Null => {}
            ZapCredentials::Plain { username, password } => {
                frames.push(username);
                frames.push(password.as_bytes());
            }
            ZapCredentials::Curve { public_key } => frames.push(public_key.as_bytes()),
        }
        frames
    }

    /// Reads a request's frames: for a handler. `None` if they are not a request of ZAP 1.0 with a mechanism that we
    /// know, in which case RFC 27 wants no answer or a 500.
    #[must_use]
    pub fn parse<F: AsRef<[u8]>>(frames: &[F]) -> Option<ZapRequest> {
        let frames: Vec<&[u8]> = frames.iter().map(AsRef::as_ref).collect();
        let [version, request_id, domain, address, routing_id, mechanism, credentials @ ..] =
            frames.as_slice()
        else {
            return None;
        };
        let text =
            |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().filter(|text| text.len() <= HOST_BYTES_MAX);
        if *version != VERSION || request_id.len() > 255 || routing_id.len() > ROUTING_ID_BYTES_MAX {
            return None;
        }
        let credentials = match (*mechanism, credentials) {
            (b"NULL", []) => ZapCredentials::Null,
            (b"PLAIN", [username, password])
                if username.len().max(password.len()) <= PLAIN_CREDENTIAL_BYTES_MAX =>
            {
                ZapCredentials::Plain { username: username.to_vec(), password: (*password).into() }
            }
            (b"CURVE", [key]) => {
                let key: [u8; 32] = (*key).try_into().ok()?;
                ZapCredentials::Curve { public_key: CurvePublicKey::from_bytes(key) }
            }
            _ => return None,
        };
        Some(ZapRequest {
            request_id: request_id.to_vec(),
            domain: text(domain)?,
            address: text(address)?,
            routing_id: routing_id.to_vec(),
            credentials,
        })
    }
}

/// A handler's verdict.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ZapStatus {
    /// 200: let the peer in.
    Success,
    /// 300: not now; the peer may try again. It is told nothing, its connection just ends.
    TemporaryFailure,
    /// 400: no.
    Denied,
    /// 500: the handler failed.
    HandlerFailure,
}

impl ZapStatus {
    /// 200, 300, 400 or 500.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            ZapStatus::Success => 200,
            ZapStatus::TemporaryFailure => 300,
            ZapStatus::Denied => 400,
            ZapStatus::HandlerFailure => 500,
        }
    }

    /// The code as it stands in replies and in ERROR commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ZapStatus::Success => "200",
            ZapStatus::TemporaryFailure => "300",
            ZapStatus::Denied => "400",
            ZapStatus::HandlerFailure => "500",
        }
    }

    /// Reads a code of three digits.
    #[must_use]
    pub fn from_wire(code: &[u8]) -> Option<ZapStatus> {
        [ZapStatus::Success, ZapStatus::TemporaryFailure, ZapStatus::Denied, ZapStatus::HandlerFailure]
            .into_iter()
            .find(|status| status.as_str().as_bytes() == code)
    }
}

/// A handler's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZapReply {
    /// The verdict.
    pub status: ZapStatus,
    /// For people who read logs. Nothing depends on it, and the peer never sees it.
    pub text: Vec<u8>,
    /// Becomes the property `User-Id` of every message from this peer, if the verdict is 200.
    pub user_id: Vec<u8>,
    /// Become properties of every message from this peer, before the peer's own of the same name.
    pub metadata: Vec<(String, Vec<u8>)>,
}

impl ZapReply {
    /// Lets the peer in, under this user id (which may be empty).
    #[must_use]
    pub fn accept(user_id: impl Into<Vec<u8>>) -> ZapReply {
        ZapReply {
            status: ZapStatus::Success,
            text: b"OK".to_vec(),
            user_id: user_id.into(),
            metadata: Vec::new(),
        }
    }

    /// Keeps the peer out.
    #[must_use]
    pub fn refuse(status: ZapStatus, text: impl Into<Vec<u8>>) -> ZapReply {
        ZapReply { status, text: text.into(), user_id: Vec::new(), metadata: Vec::new() }
    }

    /// Reads the six frames of a reply to the request with this id (the delimiter already taken off).
    ///
    /// # Errors
    /// What libzmq reports too: number of frames, version, request id, status code, metadata, in this order.
    ///
    /// ```
    /// use netzmq_proto::{ZapReply, ZapStatus};
    /// let reply = ZapReply::parse(b"1", &[&b"1.0"[..], b"1", b"400", b"No", b"", b""])?;
    /// assert_eq!(reply.status, ZapStatus::Denied);
    /// # Ok::<(), netzmq_proto::ZapHandlerError>(())
    /// ```
    pub fn parse<F: AsRef<[u8]>>(request_id: &[u8], frames: &[F]) -> Result<ZapReply, ZapHandlerError> {
        let malformed = ZapHandlerError::MalformedReply { frames: frames.len() };
        let [version, id, status, text, user_id, metadata] = frames else { return Err(malformed) };
        let [version, id, status] = [version.as_ref(), id.as_ref(), status.as_ref()];
        let [text, user_id, metadata] = [text.as_ref(), user_id.as_ref(), metadata.as_ref()];
        if version != VERSION {
            return Err(ZapHandlerError::BadVersion);
        }
        if id != request_id {
            return Err(ZapHandlerError::BadRequestId);
        }
        let status = ZapStatus::from_wire(status).ok_or(ZapHandlerError::InvalidStatusCode)?;
        if text.len().max(user_id.len()).max(metadata.len()) > ZAP_FRAME_BYTES_MAX {
            return Err(malformed);
        }
        let metadata = Metadata::parse(metadata).map_err(|_| ZapHandlerError::InvalidMetadata)?;
        let metadata = metadata.iter().map(|p| (p.name.to_owned(), p.value.to_vec())).collect();
        Ok(ZapReply { status, text: text.to_vec(), user_id: user_id.to_vec(), metadata })
    }

    /// The reply's frames, without a delimiter: for a handler.
    ///
    /// # Errors
    /// A property that can't be written.
    pub fn frames(&self, request_id: &[u8]) -> Result<[Vec<u8>; 6], ConfigError> {
        let mut metadata = Vec::new();
        for (name, value) in &self.metadata {
            append_property(name, value, &mut metadata)?;
        }
        Ok([
            VERSION.to_vec(),
            request_id.to_vec(),
            self.status.as_str().into(),
            self.text.clone(),
            self.user_id.clone(),
            metadata,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn request_both_ways() {
        let request = ZapRequest {
            request_id: b"1".to_vec(),
            domain: "global".into(),
            address: "127.0.0.1".into(),
            routing_id: b"here".to_vec(),
            credentials: ZapCredentials::Plain { username: b"admin".to_vec(), password: "secret".into() },
        };
        let frames = request.frames();
        let expected: [&[u8]; 8] =
            [b"1.0", b"1", b"global", b"127.0.0.1", b"here", b"PLAIN", b"admin", b"secret"];
        assert_eq!(frames, expected);
        assert_eq!(ZapRequest::parse(&frames), Some(request.clone()));
        assert_eq!(ZapRequest::parse(&frames[..7]), None);
        let public_key = CurvePublicKey::from_bytes([7; 32]);
        let curve = ZapRequest { credentials: ZapCredentials::Curve { public_key }, ..request.clone() };
        assert_eq!(curve.frames()[6], [7; 32]);
        assert_eq!(ZapRequest::parse(&curve.frames()), Some(curve));
        let null = ZapRequest { credentials: ZapCredentials::Null, ..request };
        assert_eq!(ZapRequest::parse(&null.frames()), Some(null));
    }

    #[test]
    fn replies_are_refused_for_the_reason_libzmq_names() {
        let good: [&[u8]; 6] = [b"1.0", b"1", b"200", b"OK", b"joe", b"\x05X-Key\0\0\0\x01v"];
        let reply = ZapReply::parse(b"1", &good).unwrap();
        assert_eq!(reply.user_id, b"joe");
        assert_eq!(reply.metadata, [("X-Key".to_owned(), b"v".to_vec())]);
        assert_eq!(reply.frames(b"1").unwrap().each_ref().map(Vec::as_slice), good);
        let with = |at: usize, frame: &'static [u8]| {
            let mut frames = good;
            frames[at] = frame;
            ZapReply::parse(b"1", &frames).unwrap_err()
        };
        assert_eq!(with(0, b"2.0"), ZapHandlerError::BadVersion);
        assert_eq!(with(1, b"2"), ZapHandlerError::BadRequestId);
        for status in [&b"100"[..], b"2000", b"20", b"", b"201", b"abc"] {
            assert_eq!(with(2, status), ZapHandlerError::InvalidStatusCode);
        }
        assert_eq!(with(5, b"\x05X-Key"), ZapHandlerError::InvalidMetadata);
        for frames in [&good[..5], &good[..0], &[good.as_slice(), &good].concat()[..7]] {
            let error = ZapHandlerError::MalformedReply { frames: frames.len() };
            assert_eq!(ZapReply::parse(b"1", frames), Err(error));
        }
    }

    proptest! {
        #[test]
        fn any_frames(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..9)) {
            let _ = ZapReply::parse(b"1", &frames);
            let _ = ZapRequest::parse(&frames);
            let mut like = vec![b"1.0".to_vec(), b"1".to_vec(), b"200".to_vec()];
            like.extend(frames.into_iter().take(3));
            let _ = ZapReply::parse(b"1", &like);
        }
    }
}
