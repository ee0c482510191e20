//! Drafts that publish to groups: RADIO and DISH.

use std::sync::Arc;

use netzmq_memory::{Annotations, Message};

use super::{Dish, Radio};
use crate::error::{OptionError, SendError};
use crate::socket::Payload;

impl Radio {
    /// Publishes to a group, of at most 255 bytes. Never waits: a peer that has no room is passed over.
    ///
    /// ```
    /// # let context = netzmq::Context::new();
    /// let radio = context.radio().bind("inproc://radio")?;
    /// let dish = context.dish().join("news").connect("inproc://radio")?;
    /// # let mut arrived = false;
    /// # while !arrived { // what is sent before a DISH has joined is for nobody
    /// radio.send_to("news", "hello")?;
    /// # arrived = dish.can_recv();
    /// # }
    /// let message = dish.recv()?;
    /// assert_eq!((netzmq::Dish::group(&message), &message[..]), ("news", &b"hello"[..]));
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// Holds the message: the group is too long.
    pub fn send_to<'a>(&self, group: &str, body: impl Into<Payload<'a>>) -> Result<(), SendError> {
        let mut message = body.into().into_message();
        message.set_annotations(Some(Arc::new(Annotations::new(group, None))));
        self.socket.send(message)
    }
}

impl Dish {
    /// Joins a group, of 1 to 255 bytes.
    ///
    /// # Errors
    /// It is joined already, or too long.
    pub fn join(&self, group: impl AsRef<[u8]>) -> Result<(), OptionError> {
        self.socket.subscribe(group)
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// It was not joined.
    pub fn leave(&self, group: impl AsRef<[u8]>) -> Result<(), OptionError> {
        self.socket.unsubscribe(group)
    }

    /// The group that a received message was for.
    #[must_use]
    pub fn group(message: &Message) -> &str {
        message.annotations().map_or("", |annotations| &annotations.group)
    }
}
