//! What a socket's owner says of TLS, and what bound and connected endpoints make of it.
//!
//! TLS 1.2 and 1.3. Nothing is remembered from one connection for the next (no tickets, no resumption): a peer proves anew who it
//! is, whenever it comes. Clients show no certificate, as in libzmq; ZAP and CURVE are there for that.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use netzmq_proto::Password;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use zeroize::Zeroize;

use super::session::Tls;
use super::trust::Verifier;

/// The settings. Certificates and keys are PEM text, which is looked at when an endpoint wants it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsOptions {
    /// A server's secret key.
    pub(crate) key: Password,
    /// Its certificate, and those between it and one that clients trust.
    pub(crate) certificate: String,
    /// Whom a client trusts.
    pub(crate) trust: String,
    pub(crate) trust_system: bool,
    /// Whose certificate a client wants to see; empty: that of the endpoint's host.
    pub(crate) hostname: String,
    /// Without a `hostname`, whoever is trusted by `trust` alone is good enough, whatever its name.
    pub(crate) any_name: bool,
}

impl TlsOptions {
    /// For a bound endpoint; or what is wrong with its key or certificate.
    pub(crate) fn acceptor(&self) -> Result<Acceptor, String> {
        if self.key.is_empty() || self.certificate.is_empty() {
            return Err("wss needs a key and a certificate: set wss_key_pem and wss_cert_pem".into());
        }
        let chain = certificates(&self.certificate, "wss_cert_pem")?;
        let mut key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|_| "wss_key_pem holds no secret key that is not encrypted")?;
        let provider = provider();
        let signer = rustls::crypto::ring::sign::any_supported_type(&key);
        key.zeroize();
        let signer = signer.map_err(|error| format!("wss_key_pem: {error}"))?;
        let certified = CertifiedKey::new(chain, signer);
        certified.keys_match().map_err(|error| format!("wss_key_pem and wss_cert_pem: {error}"))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Acceptor(Arc::new(config)))
    }

    /// For an endpoint at `host` that is connected to; or what is wrong with whom it trusts.
    pub(crate) fn connector(&self, host: &str) -> Result<Connector, String> {
        let mut roots = RootCertStore::empty();
        let mut named = Vec::new();
        if !self.trust.is_empty() {
            named = certificates(&self.trust, "wss_trust_pem")?;
            for certificate in &named {
                roots.add(certificate.clone()).map_err(|error| format!("wss_trust_pem: {error}"))?;
            }
        }
        if self.trust_system {
            // Some of a system's may be of no use; if none is, that is told.
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 && named.is_empty() {
                return Err("wss_trust_system: this system has no certificates that it trusts".into());
            }
        }
        if roots.is_empty() {
            return Err("wss needs to know whom to trust: set wss_trust_pem or wss_trust_system".into());
        }
        let any_name = self.any_name && !self.trust_system && self.hostname.is_empty();
        let host = if self.hostname.is_empty() { host } else { &self.hostname };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = if any_name {
            // An address: no name is told to the server, either.
            ServerName::from(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        } else {
            ServerName::try_from(host.to_owned())
                .map_err(|_| format!("`{host}` is no name that a certificate can be for"))?
        };
        let provider = provider();
        let verifier = Verifier::new(roots, named, provider.signature_verification_algorithms, !any_name);
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Connector { config: Arc::new(config), name })
    }
}

/// One for all, and not the process's: another user of rustls may want another.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(pem: &str, option: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("{option} holds no certificate")),
        Err(error) => Err(format!("{option}: {error}")),
    }
}

/// Makes the server's side of connections.
#[derive(Clone)]
pub(crate) struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    pub(crate) fn begin(&self) -> io::Result<Tls> {
        let connection = ServerConnection::new(self.0.clone()).map_err(io::Error::other)?;
        Ok(Tls::new(connection.into()))
    }
}

/// Makes the client's side of connections to one server.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Connector {
    pub(crate) fn begin(&self) -> io::Result<Tls> {
        let connection =
            ClientConnection::new(self.config.clone(), self.name.clone()).map_err(io::Error::other)?;
        Ok(Tls::new(connection.into()))
    }
}

/// Never shows a key.
impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connector").field(&self.name).finish()
    }
}
