//! What callers give to options: refused or taken, and what was taken is what is read back.

use netzmq::proto::{CurvePublicKey, CurveSecretKey};
use netzmq::{Context, Security, SocketType};

use crate::Input;

pub(crate) fn options(bytes: &[u8]) {
    thread_local! {
        static CONTEXT: Context = Context::builder().io_threads(1).build();
    }
    if let Ok(key) = CurvePublicKey::from_option(bytes) {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(key) = CurveSecretKey::from_option(bytes) {
        assert_eq!(key.to_z85().parse(), Ok(key));
    }
    let mut input = Input::new(bytes);
    let types = [SocketType::Router, SocketType::XPub, SocketType::Sub, SocketType::Req, SocketType::Stream];
    let socket_type = types[input.below(types.len())];
    let Ok(socket) = CONTEXT.with(|context| context.socket(socket_type)) else { return };
    while !input.is_empty() {
        let choice = input.byte();
        let value = input.piece();
        let text = String::from_utf8_lossy(value).into_owned();
        let mut number = [0; 8];
        number[..value.len().min(8)].copy_from_slice(&value[..value.len().min(8)]);
        let number = u64::from_le_bytes(number);
        match choice % 12 {
            0 => match socket.set_routing_id(value.to_vec()) {
                Ok(()) => assert_eq!(socket.routing_id(), value),
                Err(error) => assert!(!error.to_string().is_empty()),
            },
            1 => drop(socket.set_connect_routing_id(Some(value.to_vec()))),
            2 => match socket.set_zap_domain(text.clone()) {
                Ok(()) => assert_eq!(socket.zap_domain(), text),
                Err(_) => assert!(text.len() > 255),
            },
            3 => {
                let password = String::from_utf8_lossy(input.piece()).into_owned();
                drop(
                    socket.set_security(Security::PlainClient { username: text, password: password.into() }),
                );
            }
            4 => drop(socket.set_socks_proxy(text)),
            5 => drop(socket.set_max_message_size(Some(number))),
            6 => drop(socket.set_heartbeat_ttl(std::time::Duration::from_micros(number))),
            7 => drop(socket.set_backlog(number as i32)),
            8 => drop(socket.subscribe(value)),
            9 => drop(socket.unsubscribe(value)),
            // Nothing of this name is there to be reached.
            10 => drop(socket.unbind(&text)),
            _ => drop(socket.disconnect(&text)),
        }
    }
}
