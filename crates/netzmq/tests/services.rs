//! TIPC and vsock, as far as the kernel that runs this has them: what it lacks comes back as its own error.

use netzmq::{Context, EndpointError, SocketType};

/// The kernel's "address family not supported".
fn is_lacking(error: &EndpointError) -> bool {
    matches!(error, EndpointError::Io { source, .. } if source.raw_os_error() == Some(97))
}

/// Goal: a service is bound under its name, found there, and free again after; or the kernel's own word comes back.
/// Method: a bind, a message, a second bind.
#[test]
fn tipc() {
    let context = Context::new();
    let pull = context.socket(SocketType::Pull).unwrap();
    let service = std::process::id() | 1 << 31;
    let endpoint = format!("tipc://{{{service},3,5}}");
    if let Err(error) = pull.bind(&endpoint) {
        assert!(is_lacking(&error), "{error}");
        return;
    }
    assert_eq!(pull.last_endpoint(), endpoint);
    let push = context.socket(SocketType::Push).unwrap();
    push.connect(&format!("tipc://{{{service},4}}")).unwrap();
    push.send("x").unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"x");
    pull.unbind(&endpoint).unwrap();
    let port = context.socket(SocketType::Pull).unwrap();
    port.bind("tipc://<*>").unwrap();
    let push = context.socket(SocketType::Push).unwrap();
    push.connect(&port.last_endpoint()).unwrap();
    push.send("y").unwrap();
    assert_eq!(&port.recv().unwrap()[..], b"y");
}

/// Goal: a wildcard port becomes a number, which is taken until it is given up. Method: bind it, again, and after unbind.
#[test]
fn vsock() {
    let context = Context::new();
    let (first, second) =
        (context.socket(SocketType::Pull).unwrap(), context.socket(SocketType::Pull).unwrap());
    if let Err(error) = first.bind("vsock://*:*") {
        assert!(is_lacking(&error), "{error}");
        return;
    }
    let endpoint = first.last_endpoint();
    let port = endpoint.strip_prefix("vsock://*:").expect("any machine, and a port");
    assert!(port.parse::<u32>().is_ok_and(|port| port != 0), "{endpoint}");
    assert!(matches!(second.bind(&endpoint), Err(EndpointError::InUse(_))));
    first.unbind(&endpoint).unwrap();
    second.bind(&endpoint).unwrap();
}

/// Goal: what these transports can't mean is refused at once. Method: one of each.
#[test]
fn nonsense_is_refused() {
    let context = Context::new();
    let socket = context.socket(SocketType::Pull).unwrap();
    for text in ["tipc://{1,2}", "tipc://<1.2.3:4>", "tipc://x", "vsock://1", "vsock://x:1"] {
        assert!(matches!(socket.bind(text), Err(EndpointError::Invalid { .. })), "{text}");
    }
    for text in ["tipc://<*>", "tipc://{1,2,3}", "vsock://*:1", "vsock://1:*"] {
        assert!(matches!(socket.connect(text), Err(EndpointError::Invalid { .. })), "{text}");
    }
}
