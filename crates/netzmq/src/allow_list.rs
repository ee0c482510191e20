//! A ready-made authenticator: keys and address ranges.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use netzmq_proto::{CurvePublicKey, ZapCredentials, ZapReply, ZapRequest, ZapStatus};

use crate::error::OptionError;
use crate::transport::accept_filter::Network;

/// Who may come in, by key and by address. For [`Context::set_authenticator`](crate::Context::set_authenticator).
///
/// With networks, a peer's address must be in one of them; a peer over `ipc` counts as 127.0.0.1. Then a CURVE client's key
/// must be among the keys. NULL peers are let in only where networks are given (and asked about only on sockets with a ZAP
/// domain). PLAIN peers are refused: passwords are the application's to check.
///
/// ```
/// use netzmq::proto::CurveSecretKey;
/// use netzmq::{AllowList, Context, Security, SocketType};
/// let (server, client) = (CurveSecretKey::from_bytes([1; 32]), CurveSecretKey::from_bytes([2; 32])); // in earnest: random
/// let list = AllowList::new().key(client.public_key(), "ada").network("127.0.0.0/8")?;
/// let context = Context::new();
/// context.set_authenticator(Some(move |request: &_| list.decide(request)));
/// let (pull, push) = (context.socket(SocketType::Pull)?, context.socket(SocketType::Push)?);
/// pull.set_security(Security::CurveServer { secret_key: server.clone() })?;
/// let (server_key, public_key) = (server.public_key(), client.public_key());
/// push.set_security(Security::CurveClient { server_key, public_key, secret_key: client })?;
/// push.connect(&pull.bind("tcp://127.0.0.1:*")?)?;
/// push.send("let in")?;
/// assert_eq!(pull.recv()?, "let in");
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct AllowList {
    keys: HashMap<CurvePublicKey, String>,
    networks: Vec<Network>,
}

impl AllowList {
    /// Nobody.
    #[must_use]
    pub fn new() -> AllowList {
        AllowList::default()
    }

    /// And the owner of this key, whose messages carry this user id.
    #[must_use]
    pub fn key(mut self, key: CurvePublicKey, user_id: impl Into<String>) -> AllowList {
        self.keys.insert(key, user_id.into());
        self
    }

    /// From these addresses: `10.0.0.0/8`, `::1`, `fe80::/10`. Called again, from these too.
    ///
    /// # Errors
    /// Not an address, or more bits than it has.
    pub fn network(mut self, network: &str) -> Result<AllowList, OptionError> {
        let network = network
            .parse()
            .map_err(|()| OptionError::invalid("network", "an address, and /bits if it is a range"))?;
        self.networks.push(network);
        Ok(self)
    }

    /// The verdict on a peer.
    #[must_use]
    pub fn decide(&self, request: &ZapRequest) -> ZapReply {
        // An ipc peer has `user:group:process` instead of an address.
        let address = request.address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        if !self.networks.is_empty() && !self.networks.iter().any(|network| network.contains(address)) {
            return ZapReply::refuse(ZapStatus::Denied, "an address that is not on the list");
        }
        match &request.credentials {
            ZapCredentials::Null if !self.networks.is_empty() => ZapReply::accept(""),
            ZapCredentials::Curve { public_key } => match self.keys.get(public_key) {
                Some(user_id) => ZapReply::accept(user_id.as_str()),
                None => ZapReply::refuse(ZapStatus::Denied, "a key that is not on the list"),
            },
            _ => ZapReply::refuse(ZapStatus::Denied, "a mechanism that the list knows nothing of"),
        }
    }
}

#[cfg(test)]
mod tests {
    use netzmq_proto::CurveSecretKey;

    use super::*;

    #[test]
    fn keys_and_networks_must_both_be_right() {
        let key = |number| CurveSecretKey::from_bytes([number; 32]).public_key();
        let decide = |list: &AllowList, credentials, address: &str| {
            let reply = list.decide(&ZapRequest {
                request_id: b"1".to_vec(),
                domain: String::new(),
                address: address.into(),
                routing_id: Vec::new(),
                credentials,
            });
            (reply.status == ZapStatus::Success).then_some(reply.user_id)
        };
        let curve = |number| ZapCredentials::Curve { public_key: key(number) };
        let list = AllowList::new().key(key(1), "ada");
        assert_eq!(decide(&list, curve(1), "192.0.2.1"), Some(b"ada".to_vec()));
        assert_eq!(decide(&list, curve(2), "192.0.2.1"), None);
        assert_eq!(decide(&list, ZapCredentials::Null, "192.0.2.1"), None);
        let list = list.network("10.0.0.0/8").unwrap().network("::1").unwrap();
        for (address, inside) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("::1", true),
            ("11.1.2.3", false),
            ("0:0:1", false),
        ] {
            assert_eq!(decide(&list, curve(1), address).is_some(), inside, "{address}");
            assert_eq!(decide(&list, ZapCredentials::Null, address).is_some(), inside, "{address}");
            assert_eq!(decide(&list, curve(2), address), None);
        }
        let plain = ZapCredentials::Plain { username: b"joe".to_vec(), password: "x".into() };
        assert_eq!(decide(&list, plain, "10.1.2.3"), None);
        let local = AllowList::new().key(key(1), "").network("127.0.0.1").unwrap();
        assert!(decide(&local, curve(1), "1000:1000:77").is_some(), "a peer over ipc is of this machine");
        assert!(
            AllowList::new().network("10.0.0.0/33").is_err() && AllowList::new().network("here").is_err()
        );
    }
}
