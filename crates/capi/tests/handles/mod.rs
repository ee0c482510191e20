//! Writes a C program that calls every function of the header with every wrong pointer in every position.
//!
//! Wrong is: null; a handle of the right kind that has been closed; memory that is no handle; a message that has been
//! closed. All other arguments are right, and new for each call. The program checks that the call comes back, and
//! says that it failed where the function can say so. It prints each call before it is made, so that a signal has a name.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A function of the header.
#[derive(Debug)]
struct Function {
    result: String,
    name: String,
    parameters: Vec<Parameter>,
}

#[derive(Debug)]
struct Parameter {
    text: String,
    name: String,
}

impl Parameter {
    fn is_pointer(&self) -> bool {
        self.text.contains('*')
            || self.text.starts_with("zmq_timer_fn")
            || self.text.starts_with("zmq_thread_fn")
    }

    /// A handle, or the address of one.
    fn kind(&self) -> Option<&'static str> {
        let kind = match self.name.trim_end_matches("_p") {
            "context" => "context",
            "socket" | "s" | "frontend" | "backend" | "capture" | "control" => "socket",
            "poller" => "poller",
            "timers" => "timers",
            "counter" => "counter",
            "watch" => "watch",
            "thread" => "thread",
            _ => return None,
        };
        self.text.starts_with("void *").then_some(kind)
    }
}

/// Where null is a right argument: the function and the parameter.
const OPTIONAL: [(&str, &str); 15] = [
    ("zmq_version", "major"),
    ("zmq_version", "minor"),
    ("zmq_version", "patch"),
    ("zmq_msg_init_data", "ffn"),
    ("zmq_msg_init_data", "hint"),
    ("zmq_proxy", "capture"),
    ("zmq_proxy_steerable", "capture"),
    ("zmq_proxy_steerable", "control"),
    ("zmq_ppoll", "sigmask"),
    ("zmq_poller_add", "user_data"),
    ("zmq_poller_add_fd", "user_data"),
    ("zmq_timers_add", "arg"),
    ("zmq_threadstart", "arg"),
    // Ends the watching.
    ("zmq_socket_monitor", "addr"),
    ("zmq_socket_monitor_versioned", "addr"),
];

/// They answer an `int` that says something else than whether the call failed.
const NUMBERS: [&str; 4] =
    ["zmq_has", "zmq_atomic_counter_inc", "zmq_atomic_counter_dec", "zmq_atomic_counter_value"];

/// Names of the functions that the header declares.
pub(super) fn names(header: &str) -> Vec<String> {
    functions(header).into_keys().collect()
}

/// The program's text, and how many calls it makes.
pub(super) fn program(header: &str) -> (String, usize) {
    let (mut calls, mut count) = (String::new(), 0);
    for function in functions(header).values() {
        for (at, wrong) in function.parameters.iter().enumerate() {
            for value in wrong_values(function, wrong) {
                call(&mut calls, function, at, value);
                count += 1;
            }
        }
    }
    (format!("{PRELUDE}\nint main (void)\n{{\n{calls}    return finish ();\n}}\n"), count)
}

/// All declarations, by name; of two for different systems the first.
fn functions(header: &str) -> BTreeMap<String, Function> {
    let mut functions = BTreeMap::new();
    for declaration in header.split("\nZMQ_EXPORT ").skip(1) {
        let declaration = declaration.split(';').next().unwrap();
        let text = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
        let (front, rest) = text.split_once(" (").unwrap_or_else(|| panic!("not a declaration: {text}"));
        let name_at = front.rfind([' ', '*']).unwrap() + 1;
        let (result, name) = (front[..name_at].trim().to_owned(), front[name_at..].to_owned());
        let parameters = rest.trim_end_matches(')').split(", ").filter(|text| *text != "void");
        let parameters = parameters.map(|text| {
            let name_at = text.rfind([' ', '*']).unwrap() + 1;
            Parameter { text: text.to_owned(), name: text[name_at..].to_owned() }
        });
        let parameters = parameters.collect();
        functions.entry(name.clone()).or_insert(Function { result, name, parameters });
    }
    functions
}

fn wrong_values(function: &Function, parameter: &Parameter) -> Vec<&'static str> {
    let mut values = Vec::new();
    if parameter.is_pointer() && !OPTIONAL.contains(&(&function.name, &parameter.name)) {
        values.push("NULL");
    }
    if let Some(kind) = parameter.kind() {
        let address = parameter.text.contains("**");
        values.extend(match (kind, address) {
            ("context", _) => ["closed (CONTEXT)", "memory ()"],
            ("socket", _) => ["closed (SOCKET)", "memory ()"],
            ("poller", false) => ["closed (POLLER)", "memory ()"],
            ("poller", true) => ["at (closed (POLLER))", "at (memory ())"],
            ("timers", false) => ["closed (TIMERS)", "memory ()"],
            ("timers", true) => ["at (closed (TIMERS))", "at (memory ())"],
            ("counter", false) => ["closed (COUNTER)", "memory ()"],
            ("counter", true) => ["at (closed (COUNTER))", "at (memory ())"],
            ("watch", _) => ["closed (WATCH)", "memory ()"],
            ("thread", _) => ["closed (THREAD)", "memory ()"],
            (kind, _) => panic!("no such kind: {kind}"),
        });
        if address {
            values.push("at (NULL)");
        }
    }
    if parameter.text.contains("zmq_msg_t *") {
        values.push("closed_message ()");
    }
    values
}

fn call(text: &mut String, function: &Function, at: usize, wrong: &str) {
    let arguments: Vec<&str> = function
        .parameters
        .iter()
        .enumerate()
        .map(|(place, parameter)| if place == at { wrong } else { right(parameter) })
        .collect();
    let (name, arguments) = (&function.name, arguments.join(", "));
    // A closed message can be made anew; what else is done with one may do nothing.
    let must_fail = wrong != "closed_message ()" && !NUMBERS.contains(&name.as_str());
    let check = match function.result.as_str() {
        "int" | "long" if must_fail => format!("REFUSED ({name} ({arguments}) == -1)"),
        "void *" | "const char *" | "char *" | "uint8_t *" if must_fail => {
            format!("REFUSED (!{name} ({arguments}))")
        }
        _ => format!("COMES_BACK ({name} ({arguments}))"),
    };
    let _ = writeln!(text, "    {check};");
}

/// What a caller who makes no mistake gives.
fn right(parameter: &Parameter) -> &'static str {
    if let Some(kind) = parameter.kind() {
        return match (kind, parameter.name.as_str()) {
            (_, "capture" | "control") => "NULL",
            ("context", _) => "open (CONTEXT)",
            ("socket", _) => "open (SOCKET)",
            ("poller", _) => "open (POLLER)",
            ("timers", _) => "open (TIMERS)",
            ("counter", _) => "open (COUNTER)",
            ("watch", _) => "open (WATCH)",
            _ => "open (THREAD)",
        };
    }
    match (parameter.name.as_str(), parameter.text.as_str()) {
        ("addr", _) => "\"inproc://handles\"",
        ("string", _) => "\"HelloWorld\"",
        ("z85_secret_key", "const char *z85_secret_key") => "\"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"",
        ("capability" | "property" | "group", text) if text.contains('*') => "\"a\"",
        ("ffn" | "sigmask" | "user_data" | "arg" | "hint", _) => "NULL",
        ("handler", _) => "on_timer",
        ("func", _) => "on_thread",
        ("iov", _) => "vector ()",
        ("items", _) => "items ()",
        ("event" | "events", text) if text.contains('*') => "events ()",
        ("optvallen" | "count", text) if text.contains('*') => "length ()",
        ("fd", text) if text.contains('*') => "number ()",
        ("fd", _) => "0",
        ("flags", _) => "ZMQ_DONTWAIT",
        ("timeout", _) => "0",
        ("events", _) => "ZMQ_POLLIN",
        ("option", _) => "ZMQ_IO_THREADS",
        ("count" | "nitems" | "n_events", _) => "1",
        ("event_version", _) => "2",
        ("size" | "len" | "optvallen" | "routing_id_size", _) => "4",
        (_, text) if text.contains("zmq_msg_t *") => "message ()",
        (_, text) if text.contains('*') => "bytes ()",
        _ => "1",
    }
}

/// Makes what calls are given, and takes it back when the call has come back.
const PRELUDE: &str = r#"/* Written by tests/handles/mod.rs. */
#include "check.h"
#include <sys/uio.h>

enum kind { CONTEXT, SOCKET, POLLER, TIMERS, COUNTER, WATCH, THREAD };

static struct { void *handle; enum kind kind; } opened[8];
static int opened_count, message_count, at_count;
static zmq_msg_t messages[4];
static void *addresses[4];

static void on_timer (int id, void *arg) { (void) id; (void) arg; }
static void on_thread (void *arg) { (void) arg; }

static void *make (enum kind kind)
{
    void *made = NULL;
    switch (kind) {
        case CONTEXT: made = zmq_ctx_new (); break;
        case SOCKET: made = open_socket (ZMQ_DEALER); break;
        case POLLER: made = zmq_poller_new (); break;
        case TIMERS: made = zmq_timers_new (); break;
        case COUNTER: made = zmq_atomic_counter_new (); break;
        case WATCH: made = zmq_stopwatch_start (); break;
        case THREAD: made = zmq_threadstart (on_thread, NULL); break;
    }
    CHECK (made);
    return made;
}

static void end (void *made, enum kind kind)
{
    switch (kind) {
        case CONTEXT: CHECK (zmq_ctx_term (made) == 0); break;
        case SOCKET: CHECK (zmq_close (made) == 0); break;
        case POLLER: CHECK (zmq_poller_destroy (&made) == 0); break;
        case TIMERS: CHECK (zmq_timers_destroy (&made) == 0); break;
        case COUNTER: zmq_atomic_counter_destroy (&made); break;
        case WATCH: zmq_stopwatch_stop (made); break;
        case THREAD: zmq_threadclose (made); break;
    }
}

static inline void *open (enum kind kind)
{
    opened[opened_count].kind = kind;
    opened[opened_count].handle = make (kind);
    errno = 0;
    return opened[opened_count++].handle;
}

static inline void *closed (enum kind kind)
{
    void *made = make (kind);
    end (made, kind);
    errno = 0;
    return made;
}

static inline void *memory (void)
{
    static char text[256] = "not a handle";
    return text + 1;
}

static inline void **at (void *handle)
{
    addresses[at_count] = handle;
    return &addresses[at_count++];
}

static inline zmq_msg_t *message (void)
{
    CHECK (zmq_msg_init (&messages[message_count]) == 0);
    errno = 0;
    return &messages[message_count++];
}

static inline zmq_msg_t *closed_message (void)
{
    static zmq_msg_t closed;
    CHECK (zmq_msg_init (&closed) == 0 && zmq_msg_close (&closed) == 0);
    errno = 0;
    return &closed;
}

static inline void *bytes (void)
{
    static char buffer[256];
    return buffer;
}

static inline size_t *length (void)
{
    static size_t four;
    four = 4;
    return &four;
}

static inline struct iovec *vector (void)
{
    static struct iovec parts[4];
    parts[0].iov_base = bytes ();
    parts[0].iov_len = 4;
    return parts;
}

static inline zmq_pollitem_t *items (void)
{
    static zmq_pollitem_t item;
    return &item;
}

static inline zmq_poller_event_t *events (void)
{
    static zmq_poller_event_t event;
    return &event;
}

static inline int *number (void)
{
    static int fd;
    return &fd;
}

static void take_back (void)
{
    while (opened_count > 0) {
        --opened_count;
        end (opened[opened_count].handle, opened[opened_count].kind);
    }
    while (message_count > 0)
        CHECK (zmq_msg_close (&messages[--message_count]) == 0);
    at_count = 0;
}

#define COMES_BACK(call)                 \
    do {                                 \
        fprintf (stderr, "%s\n", #call); \
        (void) (call);                   \
        take_back ();                    \
    } while (0)

/* What is given is made before the call, and leaves errno at 0. */
#define REFUSED(condition)                    \
    do {                                      \
        errno = 0;                            \
        fprintf (stderr, "%s\n", #condition); \
        CHECK (condition);                    \
        CHECK (errno != 0);                   \
        take_back ();                         \
    } while (0)
"#;
