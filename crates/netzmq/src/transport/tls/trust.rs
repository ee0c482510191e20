//! Whether a server is the one that was meant: its certificate leads to one that is trusted, holds now, and has its name.
//!
//! rustls decides, with two additions, without which certificates would be refused that ZeroMQ's users make for themselves, and that
//! libzmq's own test has. A certificate that is trusted *by itself*, byte for byte, needs nobody to vouch for it, even if it
//! says that it is an authority; and if it has no alternative name at all, its common name counts, as long ago. Neither goes for
//! any other certificate.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

/// See the module's text.
#[derive(Debug)]
pub(super) struct Verifier {
    roots: Arc<RootCertStore>,
    /// Trusted by themselves, too.
    named: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
    checks_name: bool,
}

impl Verifier {
    pub(super) fn new(
        roots: RootCertStore,
        named: Vec<CertificateDer<'static>>,
        algorithms: WebPkiSupportedAlgorithms,
        checks_name: bool,
    ) -> Verifier {
        Verifier { roots: Arc::new(roots), named, algorithms, checks_name }
    }

    /// Trusted by itself, and within its time.
    fn holds_by_itself(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
        let Ok(parsed) = EndEntityCert::try_from(certificate) else { return false };
        let usage = KeyUsage::server_auth();
        let verdict = parsed.verify_for_usage(self.algorithms.all, &[], &[], now, usage, None, None);
        // Its time is looked at before what it may be used for, and that before who vouches for it.
        matches!(verdict, Err(webpki::Error::CaUsedAsEndEntity | webpki::Error::UnknownIssuer))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_named = self.named.iter().any(|named| named == certificate);
        let parsed = ParsedCertificate::try_from(certificate)?;
        let chain = verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            between,
            now,
            self.algorithms.all,
        );
        if !(is_named && self.holds_by_itself(certificate, now)) {
            chain?;
        }
        match verify_server_name(&parsed, name) {
            _ if !self.checks_name => {}
            Ok(()) => {}
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented, ..
            })) if is_named && presented.is_empty() && is_commonly_called(certificate, &name.to_str()) => {}
            Err(error) => return Err(error),
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn is_commonly_called(certificate: &CertificateDer<'_>, name: &str) -> bool {
    EndEntityCert::try_from(certificate).is_ok_and(|parsed| {
        common_name(parsed.subject()).is_some_and(|common| common.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// The first common name of a subject: a sequence of sets of pairs of an object's number and a text (RFC 5280, section 4.1.2.4).
fn common_name(mut subject: &[u8]) -> Option<&[u8]> {
    /// `id-at-commonName`, 2.5.4.3.
    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    const SET: u8 = 0x31;
    const SEQUENCE: u8 = 0x30;
    const OBJECT: u8 = 6;
    while !subject.is_empty() {
        let (mut set, rest) = element(SET, subject)?;
        subject = rest;
        while !set.is_empty() {
            let (pair, rest) = element(SEQUENCE, set)?;
            set = rest;
            let (object, text) = element(OBJECT, pair)?;
            if object == COMMON_NAME {
                // Whichever kind of text it is.
                return element(*text.first()?, text).map(|(text, _)| text);
            }
        }
    }
    None
}

/// An element of this tag at the beginning, and what is behind it (X.690, section 8.1, lengths below 64 KiB).
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, length) = match bytes {
        [own, short @ ..=0x7F, ..] if *own == tag => (2, usize::from(*short)),
        [own, 0x81, length, ..] if *own == tag => (3, usize::from(*length)),
        [own, 0x82, high, low, ..] if *own == tag => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        _ => return None,
    };
    bytes.get(head..)?.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_is_found() {
        // C=XX, then CN=zeromq.org.
        let subject = b"\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02XX\x31\x13\x30\x11\x06\x03\x55\x04\x03\x0c\x0azeromq.org";
        assert_eq!(common_name(subject), Some(&b"zeromq.org"[..]));
        assert_eq!(common_name(&subject[..13]), None);
        for cut in 1..subject.len() {
            assert!(common_name(&subject[..cut]).is_none());
        }
    }

    #[test]
    fn lengths_in_one_two_and_three_bytes() {
        assert_eq!(element(4, b"\x04\x01ab"), Some((&b"a"[..], &b"b"[..])));
        assert_eq!(element(4, b"\x04\x81\x01ab"), Some((&b"a"[..], &b"b"[..])));
        assert_eq!(element(4, b"\x04\x82\x00\x01ab"), Some((&b"a"[..], &b"b"[..])));
        for wrong in [&b""[..], b"\x04", b"\x05\x01a", b"\x04\x02a", b"\x04\x83\0\0\x01a", b"\x04\x80a"] {
            assert_eq!(element(4, wrong), None);
        }
    }
}
