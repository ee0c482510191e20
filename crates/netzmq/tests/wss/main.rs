//! The transport `wss`: the same behaviour as over `ws`, who is trusted and who is not, and peers that break the rules of TLS.
//!
//! The certificates are in [certificates](certificates/README.md).

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod traffic;
mod trust;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use common::{WAIT, socket, web_frame, web_request};
use netzmq::{Context, Socket, SocketType};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const AUTHORITY: &str = include_str!("certificates/authority.pem");
const STRANGER: &str = include_str!("certificates/stranger.pem");
const SERVER: &str = include_str!("certificates/server.pem");
const SERVER_KEY: &str = include_str!("certificates/server.key");
const EXPIRED: &str = include_str!("certificates/expired.pem");
const ALONE: &str = include_str!("certificates/alone.pem");
const ALONE_KEY: &str = include_str!("certificates/alone.key");

const ANY: &str = "wss://127.0.0.1:*/path";

/// A socket that shows the server's certificate where it binds, and trusts who made it where it connects.
fn sealed(context: &Context, socket_type: SocketType) -> Socket {
    let socket = socket(context, socket_type);
    socket.set_wss_key_pem(SERVER_KEY.into()).unwrap();
    socket.set_wss_cert_pem(SERVER.into()).unwrap();
    socket.set_wss_trust_pem(AUTHORITY.into()).unwrap();
    socket
}

/// The `host:port` of an endpoint.
fn address(endpoint: &str) -> &str {
    let rest = endpoint.split_once("://").unwrap().1;
    rest.split('/').next().unwrap()
}

/// TCP, and nothing else yet.
fn dial(endpoint: &str) -> TcpStream {
    let stream = TcpStream::connect(address(endpoint)).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.set_write_timeout(Some(WAIT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A client of TLS alone.
fn tls_client() -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
}

type Sealed = StreamOwned<ClientConnection, TcpStream>;

/// A client that speaks ZWS by hand, ready for messages.
fn web_client(endpoint: &str) -> Sealed {
    let mut client = StreamOwned::new(tls_client(), dial(endpoint));
    client.write_all(web_request("ZWS2.0").as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{answer:?}");
    client.write_all(&web_frame(0x82, b"\0")).unwrap();
    client
}
