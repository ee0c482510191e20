//! What may be given where an endpoint is wanted.
//!
//! Never resolves or checks anything: that is `bind`'s and `connect`'s business, and theirs is the error.

use std::borrow::Cow;
use std::net::SocketAddr;

use netzmq_proto::Endpoint;

/// Anything that reads as an endpoint: text in any form, a parsed [`Endpoint`], or a TCP address of the standard library.
///
/// ```
/// use netzmq::{Context, Endpoint};
/// let context = Context::new();
/// let pull = context.pull().bind("tcp://127.0.0.1:*")?; // text
/// let endpoint: Endpoint = pull.endpoint().parse().expect("it was resolved");
/// let push = context.push().connect(&endpoint)?; // parsed
/// let other = context.push().connect(std::net::SocketAddr::from(([127, 0, 0, 1], 9)))?; // tcp
/// push.send("hello")?;
/// assert_eq!(pull.recv()?, "hello");
/// # Ok::<(), netzmq::Error>(())
/// ```
pub trait ToEndpoint {
    /// The endpoint's text, such as `tcp://127.0.0.1:5555`.
    fn to_endpoint(&self) -> Cow<'_, str>;
}

impl ToEndpoint for str {
    fn to_endpoint(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl ToEndpoint for String {
    fn to_endpoint(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl ToEndpoint for Endpoint {
    fn to_endpoint(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

impl ToEndpoint for SocketAddr {
    fn to_endpoint(&self) -> Cow<'_, str> {
        Cow::Owned(format!("tcp://{self}"))
    }
}

impl<T: ToEndpoint + ?Sized> ToEndpoint for &T {
    fn to_endpoint(&self) -> Cow<'_, str> {
        T::to_endpoint(self)
    }
}
