use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Endpoint, EndpointError> {
    text.parse()
}

#[test]
fn what_is_written_comes_back() {
    for text in [
        "tcp://127.0.0.1:5555",
        "tcp://*:*",
        "tcp://eth0:5555",
        "tcp://eth0:1:5555",
        "tcp://[::1]:5555",
        "tcp://[fe80::1%eth0]:5555",
        "tcp://[fe80::1%2]:*",
        "tcp://example.org:80",
        "tcp://192.168.1.1:*;10.0.0.1:5555",
        "tcp://eth1:17;[::1]:5555",
        "ipc:///tmp/feeds/0",
        "ipc://*",
        "ipc://@abstract",
        "ipc://relative path",
        "inproc://#1",
        "udp://eth0;239.0.0.1:5555",
        "udp://*:5555",
        "tipc://{5560,0,0}",
        "vsock://2:1234",
        "vsock://*:*",
        "vsock://@:7",
        "ws://127.0.0.1:8080/a/b?c",
        "wss://*:*/",
    ] {
        assert_eq!(parse(text).map(|e| e.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn other_spellings() {
    for (text, canonical) in [
        ("tcp://::1:5555", "tcp://[::1]:5555"),
        ("tcp://fe80::1%eth0:5555", "tcp://[fe80::1%eth0]:5555"),
        ("tcp://127.0.0.1:0", "tcp://127.0.0.1:*"),
        ("tcp://127.0.0.1:00080", "tcp://127.0.0.1:80"),
        ("tcp://[0:0::0]:1", "tcp://[::]:1"),
        ("ws://localhost:80", "ws://localhost:80/"),
    ] {
        assert_eq!(parse(text).map(|e| e.to_string()), Ok(canonical.to_owned()));
    }
}

#[test]
fn refusals_say_what_was_wrong() {
    use EndpointError::*;
    let long_name = "n".repeat(256);
    let too_long = format!("inproc://{}", "n".repeat(1100));
    for (text, error) in [
        ("", NoTransport),
        ("127.0.0.1:5555", NoTransport),
        ("://x", NoTransport),
        ("tcp:/x", NoTransport),
        ("TCP://127.0.0.1:1", UnknownTransport { transport: "TCP".into() }),
        ("norm://127.0.0.1:1", UnknownTransport { transport: "norm".into() }),
        ("tcp://", MissingAddress),
        ("inproc://", MissingAddress),
        ("ipc://@", MissingAddress),
        ("inproc://a\0b", ZeroByte),
        ("tcp://localhost", MissingPort),
        ("tcp://localhost:", MissingPort),
        ("tcp://[::1]", MissingPort),
        ("tcp://:5555", MissingHost),
        ("tcp://;127.0.0.1:5555", MissingPort),
        ("tcp://127.0.0.1:65536", InvalidPort { port: "65536".into() }),
        ("tcp://127.0.0.1:+1", InvalidPort { port: "+1".into() }),
        ("tcp://127.0.0.1:http", InvalidPort { port: "http".into() }),
        ("tcp://[::1:5555", InvalidHost { host: "[::1".into() }),
        ("tcp://[localhost]:1", InvalidHost { host: "[localhost]".into() }),
        ("tcp://a b:1", InvalidHost { host: "a b".into() }),
        ("tcp://127.0.0.1%eth0:1", InvalidHost { host: "127.0.0.1%eth0".into() }),
        ("tcp://fe80::1%:1", InvalidHost { host: "fe80::1%".into() }),
        ("vsock://x:1", InvalidCid { cid: "x".into() }),
        ("vsock://1:-1", InvalidPort { port: "-1".into() }),
        (&format!("tcp://{long_name}:1"), HostTooLong { len: 256 }),
        // A finding of the fuzz target: what was read was shown with brackets, as a text too long to be read again.
        (&format!("tcp://::%{}:1", "x".repeat(251)), HostTooLong { len: 256 }),
        (&format!("ipc://{}", "p".repeat(108)), IpcPathTooLong { len: 108 }),
        (&format!("inproc://{}", "n".repeat(257)), InprocNameTooLong { len: 257 }),
        (&too_long, TooLong { len: too_long.len() }),
    ] {
        assert_eq!(parse(text), Err(error), "{text:?}");
    }
    assert!(parse(&format!("ipc://{}", "p".repeat(107))).is_ok());
    assert!(parse(&format!("inproc://{}", "n".repeat(256))).is_ok());
}

#[test]
fn purposes() {
    let bind = |text: &str| parse(text).unwrap().check_bind();
    let connect = |text: &str| parse(text).unwrap().check_connect();
    assert_eq!(bind("tcp://*:*"), Ok(()));
    assert_eq!(bind("tcp://eth0:1;127.0.0.1:1"), Err(EndpointError::SourceInBind));
    assert_eq!(connect("tcp://eth0:*;127.0.0.1:1"), Ok(()));
    for text in ["tcp://*:1", "tcp://127.0.0.1:*", "ipc://*", "vsock://*:1", "ws://*:1", "tipc://{1,2,3}"] {
        assert_eq!(connect(text), Err(EndpointError::WildcardInConnect), "{text}");
    }
    assert_eq!(connect("inproc://*"), Ok(()));
    assert_eq!(bind("tipc://{1,2}"), Err(EndpointError::PeerInBind));
    assert_eq!((bind("tipc://<*>"), connect("tipc://{1,2}")), (Ok(()), Ok(())));
}

#[test]
fn from_socket_addresses() {
    let endpoint = |text: &str| Endpoint::Tcp(text.parse::<SocketAddr>().unwrap().into()).to_string();
    assert_eq!(endpoint("127.0.0.1:80"), "tcp://127.0.0.1:80");
    assert_eq!(endpoint("[fe80::1%3]:80"), "tcp://[fe80::1%3]:80");
    assert_eq!(endpoint("0.0.0.0:0"), "tcp://0.0.0.0:*");
}

proptest! {
    #[test]
    fn any_text(text in r"(tcp|ipc|inproc|udp|ws|wss|vsock|tipc|x)(://|:)[\]\[a-z0-9.:;%@*/ {},_-]{0,40}|.{0,60}") {
        if let Ok(endpoint) = parse(&text) {
            let canonical = endpoint.to_string();
            prop_assert_eq!(parse(&canonical), Ok(endpoint), "{} from {}", canonical, text);
        }
    }
}
