//! The feature `tracing`: what a monitor is told is an event, within a span of its connection, in one of its socket, in one of its
//! context.
//!
//! A program of its own, because events come from the I/O threads: its collector is the process's.
#![cfg(feature = "tracing")]

mod common;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex};

use common::{WAIT, raw_peer, socket};
use netzmq::{Context, SocketType};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context as Scope, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

type Fields = HashMap<String, String>;

/// An event, and the spans around it, the outermost first.
#[derive(Debug, Clone)]
struct Seen {
    fields: Fields,
    spans: Vec<(&'static str, Fields)>,
}

#[derive(Default)]
struct Log {
    events: Mutex<Vec<Seen>>,
    more: Condvar,
    /// Names of the spans that have ended.
    ended: Mutex<Vec<&'static str>>,
}

struct Collector(Arc<Log>);

struct Collect<'a>(&'a mut Fields);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, scope: Scope<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Collect(&mut fields));
        scope.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_event(&self, event: &Event<'_>, scope: Scope<'_, S>) {
        if event.metadata().target() != "netzmq" {
            return;
        }
        let mut fields = Fields::new();
        event.record(&mut Collect(&mut fields));
        let spans = scope.event_scope(event).into_iter().flat_map(|spans| spans.from_root());
        let spans = spans.map(|span| (span.name(), span.extensions().get::<Fields>().cloned().unwrap()));
        let seen = Seen { fields, spans: spans.collect() };
        self.0.events.lock().unwrap().push(seen);
        self.0.more.notify_all();
    }

    fn on_close(&self, id: Id, scope: Scope<'_, S>) {
        self.0.ended.lock().unwrap().push(scope.span(&id).unwrap().name());
    }
}

impl Log {
    /// The first event of this kind of a socket of this type.
    #[track_caller]
    fn event(&self, kind: &str, socket_type: &str) -> Seen {
        let wanted = |seen: &&Seen| {
            seen.fields["message"].starts_with(kind) && seen.fields["socket_type"] == socket_type
        };
        let events = self.events.lock().unwrap();
        let waited =
            self.more.wait_timeout_while(events, WAIT, |events| !events.iter().any(|seen| wanted(&seen)));
        let (events, _) = waited.unwrap();
        events
            .iter()
            .find(wanted)
            .unwrap_or_else(|| panic!("no {kind} of {socket_type}: {events:#?}"))
            .clone()
    }
}

#[test]
fn events_are_in_their_spans() {
    let log = Arc::new(Log::default());
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Collector(log.clone())))
        .unwrap();
    let context = Context::builder().io_threads(2).build();
    let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    push.connect(&endpoint).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");

    let names = |seen: &Seen| seen.spans.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let listening = log.event("Listening", "PULL");
    assert_eq!(names(&listening), ["context", "socket"]);
    assert_eq!(listening.spans[0].1["io_threads"], "2");
    assert_eq!(listening.spans[1].1["socket_type"], "PULL");
    assert_eq!(listening.fields["local"], endpoint);

    let connected = log.event("HandshakeSucceeded", "PUSH");
    assert_eq!(names(&connected), ["context", "socket", "connection"]);
    assert_eq!(connected.spans[1].1["id"], connected.fields["socket"]);
    let connection = &connected.spans[2].1;
    assert_eq!((&connection["remote"], connection["incoming"].as_str()), (&endpoint, "false"));

    let accepted = log.event("HandshakeSucceeded", "PULL");
    assert_eq!(names(&accepted), ["context", "socket", "connection"]);
    assert_eq!(accepted.spans[2].1["remote"], accepted.fields["remote"]);
    assert_eq!(accepted.spans[2].1["incoming"], "true");

    // Each connection has a span of its own.
    let stranger = raw_peer(&endpoint, "PUSH");
    let address = format!("tcp://{}", stranger.local_addr().unwrap());
    drop(stranger);
    let lost = log.event("Disconnected", "PULL");
    assert_eq!(lost.spans[2].1["remote"], address);

    drop((push, pull));
    assert!(context.terminate(Some(WAIT)));
    drop(context);
    let ended = log.ended.lock().unwrap();
    for (name, count) in [("connection", 3), ("socket", 2), ("context", 1)] {
        assert_eq!(ended.iter().filter(|ended| **ended == name).count(), count, "{name}: {ended:?}");
    }
}
