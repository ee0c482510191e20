//! Where an event of the feature `tracing` belongs: to a context, to a socket in it, to a connection of that.
//!
//! All are of the debug level and of the target `netzmq`. A connection's span is that of one `connect` with all its attempts, or of
//! one accepted stream. Without the feature all of this is nothing, and costs nothing.

pub(crate) use chosen::Span;

#[cfg(feature = "tracing")]
mod chosen {
    use netzmq_proto::SocketType;

    use crate::monitor::MonitorEvent;

    /// One of them. Clones are the same span, which ends with the last of them.
    #[derive(Debug, Clone)]
    pub(crate) struct Span(tracing::Span);

    impl Span {
        /// Whatever the caller is doing: a context may outlive it, so it has no parent.
        pub(crate) fn of_context(io_threads: usize) -> Span {
            Span(tracing::debug_span!(target: "netzmq", parent: None, "context", io_threads))
        }

        /// A socket of this context.
        pub(crate) fn of_socket(&self, id: u64, socket_type: SocketType) -> Span {
            let socket_type = socket_type.as_str();
            Span(tracing::debug_span!(target: "netzmq", parent: &self.0, "socket", id, socket_type))
        }

        /// A connection of this socket.
        pub(crate) fn of_connection(&self, remote: &str, incoming: bool) -> Span {
            Span(tracing::debug_span!(target: "netzmq", parent: &self.0, "connection", remote, incoming))
        }

        /// Tells whoever collects traces.
        pub(crate) fn tell(&self, id: u64, socket_type: SocketType, event: &MonitorEvent) {
            tracing::debug!(
                target: "netzmq",
                parent: &self.0,
                socket = id,
                socket_type = socket_type.as_str(),
                local = event.local,
                remote = event.remote,
                routing_id = %event.routing_id.escape_ascii(),
                incoming = event.incoming,
                "{:?}",
                event.kind,
            );
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod chosen {
    use netzmq_proto::SocketType;

    /// Nothing.
    #[derive(Debug, Clone)]
    pub(crate) struct Span;

    impl Span {
        pub(crate) fn of_context(_io_threads: usize) -> Span {
            Span
        }

        pub(crate) fn of_socket(&self, _id: u64, _socket_type: SocketType) -> Span {
            Span
        }

        pub(crate) fn of_connection(&self, _remote: &str, _incoming: bool) -> Span {
            Span
        }
    }
}
