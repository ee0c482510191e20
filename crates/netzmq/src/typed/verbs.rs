//! The verbs that types have in common, written once.
//!
//! Each is a thin name for [`Socket`](crate::Socket)'s verb of the same name. Which type has which is listed where the
//! types are.

/// What makes a type a typed socket.
macro_rules! wrapper {
    ($name:ident) => {
        impl crate::typed::sealed::Wrap for $name {
            fn wrap(socket: Socket) -> $name {
                $name { socket }
            }
        }

        impl crate::typed::TypedSocket for $name {
            const TYPE: SocketType = SocketType::$name;
        }

        impl AsRef<Socket> for $name {
            fn as_ref(&self) -> &Socket {
                &self.socket
            }
        }

        impl From<$name> for Socket {
            /// Forgets the type: all verbs are there, and those that it does not have are errors.
            fn from(typed: $name) -> Socket {
                typed.socket
            }
        }
    };
}

/// Verbs, by what a type can do.
macro_rules! verbs {
    (common $name:ident) => {
        impl $name {
            /// Accepts connections at one more endpoint; returns it with wildcards resolved. See
            /// [`Socket::bind`](crate::Socket::bind).
            ///
            /// # Errors
            /// Not an endpoint, in use, or refused by the system.
            pub fn bind(&self, endpoint: impl crate::ToEndpoint) -> Result<String, crate::EndpointError> {
                self.socket.bind(&endpoint.to_endpoint())
            }

            /// Connects to one more endpoint, now or as soon as somebody is there. See
            /// [`Socket::connect`](crate::Socket::connect).
            ///
            /// # Errors
            /// Not an endpoint that one can connect to.
            pub fn connect(&self, endpoint: impl crate::ToEndpoint) -> Result<(), crate::EndpointError> {
                self.socket.connect(&endpoint.to_endpoint())
            }

            /// Stops accepting at an endpoint. See [`Socket::unbind`](crate::Socket::unbind).
            ///
            /// # Errors
            /// Nothing of this socket's is bound there.
            pub fn unbind(&self, endpoint: impl crate::ToEndpoint) -> Result<(), crate::EndpointError> {
                self.socket.unbind(&endpoint.to_endpoint())
            }

            /// Takes a connection down. See [`Socket::disconnect`](crate::Socket::disconnect).
            ///
            /// # Errors
            /// Nothing of this socket's is connected there.
            pub fn disconnect(&self, endpoint: impl crate::ToEndpoint) -> Result<(), crate::EndpointError> {
                self.socket.disconnect(&endpoint.to_endpoint())
            }

            /// The last endpoint that was bound or connected, wildcards resolved: what a peer connects to. Empty before
            /// the first.
            #[must_use]
            pub fn endpoint(&self) -> String {
                self.socket.last_endpoint()
            }

            /// Watches what happens to this socket's connections, from now on. See
            /// [`Socket::monitor`](crate::Socket::monitor).
            #[must_use]
            pub fn monitor(&self) -> crate::Monitor {
                self.socket.monitor()
            }

            /// What it has done and holds, for all peers and for each.
            #[must_use]
            pub fn stats(&self) -> crate::SocketStats {
                self.socket.stats()
            }

            /// How long unsent messages are kept after the socket is closed. See
            /// [`Socket::set_linger`](crate::Socket::set_linger).
            ///
            /// # Errors
            /// The context was terminated and the socket closed.
            pub fn set_linger(
                &self,
                linger: impl Into<Option<std::time::Duration>>,
            ) -> Result<(), crate::OptionError> {
                self.socket.set_linger(linger.into())
            }
        }
    };
    (send $name:ident) => {
        impl crate::typed::SendSocket for $name {}

        /// Sending.
        impl $name {
            /// Sends a message of one part, or the last part of one. Waits for room as long as the send time-out says.
            ///
            /// # Errors
            /// Holds the message, and says why it was not sent.
            #[inline]
            pub fn send<'a>(&self, body: impl Into<crate::Payload<'a>>) -> Result<(), crate::SendError> {
                self.socket.send(body)
            }

            /// `send` without waiting.
            ///
            /// # Errors
            /// As `send`; `WouldBlock` where that would wait.
            #[inline]
            pub fn try_send<'a>(&self, body: impl Into<crate::Payload<'a>>) -> Result<(), crate::SendError> {
                self.socket.try_send(body)
            }

            /// `send`, awaited under any executor. A future that is dropped before it is ready has sent nothing.
            ///
            /// # Errors
            /// As `send`, but never `WouldBlock`.
            pub fn send_async<'a>(&'a self, body: impl Into<crate::Payload<'a>>) -> crate::futures::Send<'a> {
                self.socket.send_async(body)
            }

            /// A message can be sent without waiting.
            #[must_use]
            pub fn can_send(&self) -> bool {
                self.socket.can_send()
            }

            /// How long a blocking send waits for room. `None`: for ever (the default). Acts at once.
            ///
            /// # Errors
            /// The socket is closed.
            pub fn set_send_timeout(
                &self,
                timeout: impl Into<Option<std::time::Duration>>,
            ) -> Result<(), crate::OptionError> {
                self.socket.set_send_timeout(timeout.into())
            }

            /// At most so many messages wait to be sent, for each peer. 0: no limit. Acts at once.
            ///
            /// # Errors
            /// The socket is closed.
            pub fn set_send_hwm(&self, messages: usize) -> Result<(), crate::OptionError> {
                self.socket.set_send_hwm(messages)
            }
        }
    };
    (parts $name:ident) => {
        /// Sending messages of several parts.
        impl $name {
            /// Sends a part of a message, with more to follow. The message goes out with its last part.
            ///
            /// # Errors
            /// As `send`. After the first part was taken, the others are taken too.
            #[inline]
            pub fn send_more<'a>(&self, body: impl Into<crate::Payload<'a>>) -> Result<(), crate::SendError> {
                self.socket.send_more(body)
            }

            /// `send_more` without waiting.
            ///
            /// # Errors
            /// As `send_more`; `WouldBlock` where that would wait.
            #[inline]
            pub fn try_send_more<'a>(
                &self,
                body: impl Into<crate::Payload<'a>>,
            ) -> Result<(), crate::SendError> {
                self.socket.try_send_more(body)
            }

            /// Sends a message of several parts, all or nothing: an array, a tuple, a [`Multipart`](crate::Multipart).
            ///
            /// # Errors
            /// Holds the message, and says why it was not sent.
            pub fn send_multipart(
                &self,
                message: impl Into<crate::Multipart>,
            ) -> Result<(), crate::SendMultipartError> {
                self.socket.send_multipart(message)
            }

            /// `send_multipart` without waiting.
            ///
            /// # Errors
            /// As `send_multipart`; `WouldBlock` where that would wait.
            pub fn try_send_multipart(
                &self,
                message: impl Into<crate::Multipart>,
            ) -> Result<(), crate::SendMultipartError> {
                self.socket.try_send_multipart(message)
            }

            /// `send_multipart`, awaited. A future that is dropped before it is ready has sent nothing.
            ///
            /// # Errors
            /// As `send_multipart`, but never `WouldBlock`.
            pub fn send_multipart_async(
                &self,
                message: impl Into<crate::Multipart>,
            ) -> crate::futures::SendMultipart<'_> {
                self.socket.send_multipart_async(message)
            }
        }
    };
    (recv $name:ident) => {
        impl crate::typed::RecvSocket for $name {}

        /// Receiving.
        impl $name {
            /// Receives the next part; [`has_more`](crate::Message::has_more) tells whether more parts of the same
            /// message follow. Waits as long as the receive time-out says.
            ///
            /// # Errors
            /// Nothing came in time, or not now.
            #[inline]
            pub fn recv(&self) -> Result<crate::Message, crate::RecvError> {
                self.socket.recv()
            }

            /// `recv` without waiting.
            ///
            /// # Errors
            /// As `recv`; `WouldBlock` where that would wait.
            #[inline]
            pub fn try_recv(&self) -> Result<crate::Message, crate::RecvError> {
                self.socket.try_recv()
            }

            /// `recv` into a message that is there already. See [`Socket::recv_to`](crate::Socket::recv_to).
            ///
            /// # Errors
            /// As `recv`; the message is left as it was.
            #[inline]
            pub fn recv_to(&self, message: &mut crate::Message) -> Result<(), crate::RecvError> {
                self.socket.recv_to(message)
            }

            /// Receives the next part as a `Vec`, and says whether more parts follow. See
            /// [`Socket::recv_vec`](crate::Socket::recv_vec).
            ///
            /// # Errors
            /// As `recv`.
            pub fn recv_vec(&self) -> Result<(Vec<u8>, bool), crate::RecvError> {
                self.socket.recv_vec()
            }

            /// `recv_vec` without waiting.
            ///
            /// # Errors
            /// As `recv_vec`; `WouldBlock` where that would wait.
            pub fn try_recv_vec(&self) -> Result<(Vec<u8>, bool), crate::RecvError> {
                self.socket.try_recv_vec()
            }

            /// Receives the next part into the caller's memory: no allocation, one copy.
            ///
            /// # Errors
            /// As `recv`.
            pub fn recv_into(&self, buffer: &mut [u8]) -> Result<crate::Received, crate::RecvError> {
                self.socket.recv_into(buffer)
            }

            /// Lets `read` look at the next part where it lies. See [`Socket::recv_with`](crate::Socket::recv_with).
            ///
            /// # Errors
            /// As `recv`.
            pub fn recv_with<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Result<(R, bool), crate::RecvError> {
                self.socket.recv_with(read)
            }

            /// Receives a whole message.
            ///
            /// # Errors
            /// As `recv`.
            pub fn recv_multipart(&self) -> Result<crate::Multipart, crate::RecvError> {
                self.socket.recv_multipart()
            }

            /// `recv_multipart` without waiting.
            ///
            /// # Errors
            /// As `recv_multipart`; `WouldBlock` where that would wait.
            pub fn try_recv_multipart(&self) -> Result<crate::Multipart, crate::RecvError> {
                self.socket.try_recv_multipart()
            }

            /// `recv`, awaited under any executor. Dropping the future loses nothing.
            ///
            /// # Errors
            /// As `recv`, but never `WouldBlock`.
            pub fn recv_async(&self) -> crate::futures::Recv<'_> {
                self.socket.recv_async()
            }

            /// `recv_multipart`, awaited. Dropping the future loses nothing.
            ///
            /// # Errors
            /// As `recv_multipart`, but never `WouldBlock`.
            pub fn recv_multipart_async(&self) -> crate::futures::RecvMultipart<'_> {
                self.socket.recv_multipart_async()
            }

            /// A message can be received without waiting.
            #[must_use]
            pub fn can_recv(&self) -> bool {
                self.socket.can_recv()
            }

            /// How long a blocking receive waits. `None`: for ever (the default). Acts at once.
            ///
            /// # Errors
            /// The socket is closed.
            pub fn set_recv_timeout(
                &self,
                timeout: impl Into<Option<std::time::Duration>>,
            ) -> Result<(), crate::OptionError> {
                self.socket.set_recv_timeout(timeout.into())
            }

            /// At most so many received messages wait to be taken, for each peer. 0: no limit. Acts at once.
            ///
            /// # Errors
            /// The socket is closed.
            pub fn set_recv_hwm(&self, messages: usize) -> Result<(), crate::OptionError> {
                self.socket.set_recv_hwm(messages)
            }
        }
    };
    (duplex $name:ident) => {
        impl crate::typed::DuplexSocket for $name {}

        /// Both ways at once.
        impl $name {
            /// A sending and a receiving half, for a thread or task each. The socket is closed when both are dropped.
            #[must_use]
            pub fn split(self) -> (crate::SendHalf<$name>, crate::RecvHalf<$name>) {
                crate::typed::split::split(self)
            }
        }
    };
    (subscribe $name:ident) => {
        /// Subscriptions.
        impl $name {
            /// Receives messages that begin with `topic`, which may be empty. Counted: as many `unsubscribe`s undo it.
            /// (XPUB in manual mode: subscribes the peer whose request was received last.)
            ///
            /// # Errors
            /// Not in this mode, or the socket is closed.
            pub fn subscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), crate::OptionError> {
                self.socket.subscribe(topic)
            }

            /// Takes one `subscribe` back.
            ///
            /// # Errors
            /// As `subscribe`.
            pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), crate::OptionError> {
                self.socket.unsubscribe(topic)
            }
        }
    };
    (topics $name:ident) => {
        impl $name {
            /// Topics that are subscribed to: by all peers (PUB, XPUB), by this side (SUB, XSUB).
            #[must_use]
            pub fn topics(&self) -> usize {
                crate::raw::topics(&self.socket)
            }
        }
    };
}

pub(super) use {verbs, wrapper};
