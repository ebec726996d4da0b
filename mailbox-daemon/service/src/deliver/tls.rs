//! TLS towards other servers.

use policy::config::TlsMode;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a connection to one server must be. DANE (RFC 7672) and MTA-STS (RFC 8461) become further cases here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TlsPolicy {
    /// No TLS.
    Never,
    /// TLS where offered, whoever the server is: protection against listeners only (RFC 7435).
    Opportunistic,
    /// TLS or nothing, with a certificate for the server's name from a known authority.
    Verified {
        /// TLS from the first byte instead of STARTTLS.
        implicit: bool,
        /// An authority besides the system's.
        ca_file: Option<PathBuf>,
    },
}

impl TlsPolicy {
    pub(super) fn from_mode(mode: TlsMode, ca_file: Option<PathBuf>) -> TlsPolicy {
        match mode {
            TlsMode::None => TlsPolicy::Never,
            TlsMode::Opportunistic => TlsPolicy::Opportunistic,
            TlsMode::StartTls => TlsPolicy::Verified { implicit: false, ca_file },
            TlsMode::Implicit => TlsPolicy::Verified { implicit: true, ca_file },
        }
    }
}

/// Does the client side of a handshake.
pub(super) async fn handshake(
    tcp: TcpStream,
    host: &str,
    policy: &TlsPolicy,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config(policy)?).connect(name, tcp).await
}

/// Built when first needed: the system's authorities alone are a megabyte.
fn config(policy: &TlsPolicy) -> io::Result<Arc<ClientConfig>> {
    static ANYBODY: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static KNOWN: Mutex<Option<(Option<PathBuf>, Arc<ClientConfig>)>> = Mutex::new(None);
    let TlsPolicy::Verified { ca_file, .. } = policy else {
        return Ok(Arc::clone(ANYBODY.get_or_init(|| Arc::new(trusting_anybody()))));
    };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((file, config)) = &*known
        && file == ca_file
    {
        return Ok(Arc::clone(config));
    }
    let config = Arc::new(trusting(authorities(ca_file.as_deref())?));
    *known = Some((ca_file.clone(), Arc::clone(&config)));
    Ok(config)
}

fn authorities(ca_file: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca_file {
        let unreadable =
            |error| io::Error::other(format!("outbound.relay_ca_file {}: {error}", file.display()));
        for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
            roots.add(certificate.map_err(unreadable)?).map_err(io::Error::other)?;
        }
    }
    Ok(roots)
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    without_memory(config)
}

fn trusting_anybody() -> ClientConfig {
    let verifier = Arc::new(Anybody { provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()) });
    let config =
        ClientConfig::builder().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    without_memory(config)
}

/// Resumption would keep state for servers that are spoken to once a week.
fn without_memory(mut config: ClientConfig) -> ClientConfig {
    config.resumption = rustls::client::Resumption::disabled();
    config
}

/// Takes any certificate: without DANE or MTA-STS nobody has said which is right, and the alternative is no TLS at all.
/// The handshake's signatures are checked all the same.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
