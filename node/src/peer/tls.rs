//! Mutual TLS 1.3 with the hubs' own Ed25519 keys.
//!
//! There is no certificate authority: each node shows a self-signed certificate that carries its hub's key, and only the
//! key counts; names and dates in it are ignored. The caller accepts exactly the key it expects. The listener accepts
//! every Ed25519 key whose handshake signature is valid, because a newcomer's key is unknown by nature: who it is, and
//! what it may call, is decided above, where the key arrives as [`super::PeerInfo`].

use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ED25519, SerialNumber};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName as RootHint, Error, PeerIncompatible,
    ServerConfig, SignatureScheme,
};

/// The ASN.1 before the 32 seed bytes of an Ed25519 key in PKCS#8 version 1 (RFC 8410).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// The ASN.1 before the 32 key bytes of an Ed25519 public key (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The name in every certificate and every handshake; it says nothing, and nobody reads it.
const NAME: &str = "hub.invalid";
/// HTTP/2, and nothing else.
const ALPN: &[u8] = b"h2";

/// A key that TLS cannot be set up with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The seed is not an Ed25519 key.
    #[error("the hub key cannot be used for TLS: {0}")]
    Key(#[from] rcgen::Error),
    /// The TLS library refuses the configuration.
    #[error("TLS could not be set up: {0}")]
    Setup(#[from] Error),
}

/// The certificate that carries a hub's key, and the key.
pub struct HubCertificate {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
    public_key: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl HubCertificate {
    /// Self-signed, from the hub's Ed25519 seed; the same seed gives the same certificate.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, TlsError> {
        let mut pkcs8 = PKCS8_PREFIX.to_vec();
        pkcs8.extend_from_slice(seed);
        let key = PrivatePkcs8KeyDer::from(pkcs8);
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ED25519)?;
        let mut params = CertificateParams::new([NAME.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        params.serial_number = Some(SerialNumber::from(1));
        let certificate = params.self_signed(&pair)?.der().clone();
        let public_key = key_of(&certificate).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(Self {
            certificate,
            key,
            public_key,
            provider,
        })
    }

    /// The hub's public key.
    pub fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    /// For the listener: every Ed25519 key, a client certificate required, no session is resumed.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let verifier = Arc::new(KeyVerifier {
            provider: self.provider.clone(),
            expected: None,
            seen: Mutex::default(),
        });
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![self.certificate.clone()], self.private_key())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// For one call to the hub that owns `expected`. The handle tells which key was met.
    pub fn client_config(&self, expected: [u8; 32]) -> Result<(Arc<ClientConfig>, Arc<KeyVerifier>), TlsError> {
        let seen = Mutex::default();
        let verifier = Arc::new(KeyVerifier {
            provider: self.provider.clone(),
            expected: Some(expected),
            seen,
        });
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_auth_cert(vec![self.certificate.clone()], self.private_key())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        Ok((Arc::new(config), verifier))
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }
}

/// The name a caller gives in the handshake.
pub(super) fn server_name() -> ServerName<'static> {
    ServerName::try_from(NAME).unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into()))
}

/// The Ed25519 key that a certificate carries; `None` for any other kind of key.
pub(super) fn key_of(certificate: &CertificateDer<'_>) -> Option<[u8; 32]> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate).ok()?;
    let spki = parsed.subject_public_key_info();
    spki.as_ref().strip_prefix(&SPKI_PREFIX)?.try_into().ok()
}

/// Compares the key of a certificate, and checks that the other side has it.
#[derive(Debug)]
pub struct KeyVerifier {
    provider: Arc<CryptoProvider>,
    /// `None`: any Ed25519 key will do.
    expected: Option<[u8; 32]>,
    seen: Mutex<Option<[u8; 32]>>,
}

impl KeyVerifier {
    /// The key that was last met, whether it was the expected one or not.
    pub fn seen(&self) -> Option<[u8; 32]> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let key = key_of(certificate).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if self.expected.is_some() {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
        }
        if self.expected.is_some_and(|expected| expected != key) {
            return Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ));
        }
        Ok(())
    }

    /// The proof that the other side holds the private key. Without it a certificate is a mere claim.
    fn signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }
}

fn no_tls12() -> Error {
    Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled)
}

impl ServerCertVerifier for KeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for KeyVerifier {
    fn root_hint_subjects(&self) -> &[RootHint] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 1.
    #[test]
    fn a_certificate_carries_the_hub_key_and_is_the_same_each_time() {
        let bytes = |hex: &str| <[u8; 32]>::try_from(data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()).unwrap();
        let seed = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let one = HubCertificate::from_seed(&seed).unwrap();
        let again = HubCertificate::from_seed(&seed).unwrap();
        assert_eq!(one.certificate, again.certificate);
        assert_eq!((key_of(&one.certificate), one.public_key()), (Some(public), public));
        assert!(one.certificate.len() < 400, "{} bytes", one.certificate.len());
    }

    #[test]
    fn no_certificate_at_all_has_no_key() {
        assert_eq!(key_of(&CertificateDer::from(b"garbage".to_vec())), None);
    }
}
