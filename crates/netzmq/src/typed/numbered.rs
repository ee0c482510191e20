//! Drafts whose peers have numbers: SERVER and PEER.

use netzmq_memory::Message;

use super::{Peer, Server};
use crate::ToEndpoint;
use crate::error::{EndpointError, SendError};
use crate::socket::Payload;

macro_rules! numbered {
    ($name:ident) => {
        impl $name {
            /// Sends to the peer with this number: [`Message::routing_id`] of what was received from it.
            ///
            /// # Errors
            /// Holds the message: nobody has this number, or the peer has no room.
            pub fn send_to<'a>(&self, number: u32, body: impl Into<Payload<'a>>) -> Result<(), SendError> {
                self.socket.send(addressed(number, body.into()))
            }

            /// [`send_to`](Self::send_to) without waiting.
            ///
            /// # Errors
            /// As `send_to`; `WouldBlock` where that would wait.
            pub fn try_send_to<'a>(
                &self,
                number: u32,
                body: impl Into<Payload<'a>>,
            ) -> Result<(), SendError> {
                self.socket.try_send(addressed(number, body.into()))
            }

            /// [`send_to`](Self::send_to), awaited. A future that is dropped before it is ready has sent nothing.
            ///
            /// # Errors
            /// As `send_to`, but never `WouldBlock`.
            pub fn send_to_async<'a>(
                &'a self,
                number: u32,
                body: impl Into<Payload<'a>>,
            ) -> crate::futures::Send<'a> {
                self.socket.send_async(addressed(number, body.into()))
            }
        }
    };
}

numbered!(Server);
numbered!(Peer);

fn addressed(number: u32, body: Payload<'_>) -> Message {
    let mut message = body.into_message();
    message.set_routing_id(number);
    message
}

impl Peer {
    /// Connects, and tells the number of the peer that will be there: messages may be sent to it at once.
    ///
    /// ```
    /// # let context = netzmq::Context::new();
    /// let one = context.peer().bind("inproc://one")?;
    /// let other = context.peer().open()?;
    /// let number = other.connect_peer("inproc://one")?;
    /// other.send_to(number, "hello")?;
    /// assert_eq!(one.recv()?, "hello");
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// Not an endpoint that one can connect to.
    pub fn connect_peer(&self, endpoint: impl ToEndpoint) -> Result<u32, EndpointError> {
        crate::raw::connect_peer(&self.socket, &endpoint.to_endpoint())
    }
}
