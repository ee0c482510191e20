//! A request that is answered in time, or asked again: what everybody writes around REQ (the lazy pirate of the guide).

use std::time::Duration;

use thiserror::Error;

use super::{Req, SocketBuilder};
use crate::ToEndpoint;
use crate::context::Context;
use crate::error::{OpenError, RecvError, SendFailure, SendMultipartError};
use crate::multipart::Multipart;

/// Asks, waits for the answer for so long, and asks again so many times.
///
/// Each attempt goes over a fresh connection, so that neither a dead one nor what is queued on it stands in the way; only
/// the answer to the last attempt is taken (requests carry numbers). A service may therefore get the same request
/// more than once: it should not matter to it.
///
/// ```
/// use std::time::Duration;
/// let context = netzmq::Context::new();
/// let mut rep = context.rep().bind("tcp://127.0.0.1:*")?;
/// let mut requester =
///     context.requester().timeout(Duration::from_secs(5)).retries(2).connect(rep.endpoint())?;
/// let service = std::thread::spawn(move || rep.recv()?.reply("world").map_err(netzmq::Error::from));
/// assert_eq!(requester.request("hello")?, ["world"]);
/// # service.join().expect("no panic").expect("it answers");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Requester {
    socket: Req,
    builder: SocketBuilder<Req>,
    endpoints: Vec<String>,
    attempts: u32,
}

/// Makes a [`Requester`]. From [`Context::requester`].
#[derive(Debug, Clone)]
#[must_use = "nothing is made before `connect`"]
pub struct RequesterBuilder {
    builder: SocketBuilder<Req>,
    retries: u32,
}

/// Why a request has no answer.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// No answer came in time, to any attempt.
    #[error("no answer to {attempts} attempts")]
    NoAnswer {
        /// How many times it was asked.
        attempts: u32,
    },
    /// The request has no parts, or could not be sent for another reason.
    #[error(transparent)]
    Send(SendFailure),
    /// The context was terminated.
    #[error(transparent)]
    Recv(RecvError),
    /// A fresh connection could not be made: the context was terminated, or has too many sockets.
    #[error("no connection for another attempt: the context was terminated, or has too many sockets")]
    NoConnection,
}

/// How long an answer may take, if nobody says.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How often is asked again, if nobody says.
const RETRIES: u32 = 2;

impl Context {
    /// A [`Req`] that asks again. See [`Requester`].
    pub fn requester(&self) -> RequesterBuilder {
        // Nobody waits for an old request at the end, and a new one may always be sent.
        let builder = self.req().linger(Duration::ZERO).relaxed(true).correlate(true);
        RequesterBuilder { builder, retries: RETRIES }.timeout(TIMEOUT)
    }
}

impl RequesterBuilder {
    /// How long each attempt waits for room and then for the answer. Default 1 s.
    pub fn timeout(self, timeout: Duration) -> RequesterBuilder {
        self.with(|socket| socket.send_timeout(timeout).recv_timeout(timeout))
    }

    /// How many times is asked again after the first. Default 2.
    pub fn retries(mut self, retries: u32) -> RequesterBuilder {
        self.retries = retries;
        self
    }

    /// Other options of the socket, such as [`security`](SocketBuilder::security).
    pub fn with(mut self, change: impl FnOnce(SocketBuilder<Req>) -> SocketBuilder<Req>) -> RequesterBuilder {
        self.builder = change(self.builder);
        self
    }

    /// Makes it. Further services may be added with [`Requester::connect`].
    ///
    /// # Errors
    /// As [`SocketBuilder::connect`].
    pub fn connect(self, endpoint: impl ToEndpoint) -> Result<Requester, OpenError> {
        let endpoint = endpoint.to_endpoint().into_owned();
        Ok(Requester {
            socket: self.builder.clone().connect(&endpoint)?,
            builder: self.builder,
            endpoints: vec![endpoint],
            attempts: self.retries.saturating_add(1),
        })
    }
}

impl Requester {
    /// Adds a service. Each attempt goes to one of them, in turn.
    ///
    /// # Errors
    /// As [`SocketBuilder::connect`].
    pub fn connect(&mut self, endpoint: impl ToEndpoint) -> Result<(), OpenError> {
        let endpoint = endpoint.to_endpoint().into_owned();
        self.socket.connect(&endpoint)?;
        self.endpoints.push(endpoint);
        Ok(())
    }

    /// Asks until there is an answer, or no attempt is left. Blocks for at most twice the time-out an attempt.
    ///
    /// # Errors
    /// No answer in time, to any attempt; or the context was terminated.
    pub fn request(&mut self, body: impl Into<Multipart>) -> Result<Multipart, RequestError> {
        let mut request = body.into();
        for attempt in 1..=self.attempts {
            // Cloning shares the bodies.
            let sent = self.socket.send_multipart(request.clone());
            match sent {
                Ok(()) => match self.socket.recv_multipart() {
                    Ok(answer) => return Ok(answer),
                    Err(RecvError::WouldBlock) => {}
                    Err(error) => return Err(RequestError::Recv(error)),
                },
                Err(SendMultipartError { message, reason: SendFailure::WouldBlock }) => request = *message,
                Err(error) => return Err(RequestError::Send(error.reason)),
            }
            self.start_anew(attempt as usize)?;
        }
        Err(RequestError::NoAnswer { attempts: self.attempts })
    }

    /// One attempt, awaited, for as long as it takes: put the runtime's time-out around it. It may be dropped at any
    /// time; the next request does not mind.
    ///
    /// # Errors
    /// The context was terminated, or the request has no parts.
    pub async fn request_async(&mut self, body: impl Into<Multipart>) -> Result<Multipart, RequestError> {
        let sent = self.socket.send_multipart_async(body).await;
        sent.map_err(|error| RequestError::Send(error.reason))?;
        self.socket.recv_multipart_async().await.map_err(RequestError::Recv)
    }

    /// A fresh socket, which begins with another service than the last one did.
    fn start_anew(&mut self, attempt: usize) -> Result<(), RequestError> {
        let socket = self.builder.clone().open().map_err(|_| RequestError::NoConnection)?;
        let count = self.endpoints.len();
        for index in 0..count {
            if let Some(endpoint) = self.endpoints.get((index + attempt) % count) {
                socket.connect(endpoint).map_err(|_| RequestError::NoConnection)?;
            }
        }
        self.socket = socket;
        Ok(())
    }
}
