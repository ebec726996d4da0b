//! The box's own certificate: loaded, served, and replaced without dropping a session.

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A handshake that takes longer is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Plaintext that rustls may hold back for a slow reader.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// The certificate in use.
pub struct Tls {
    current: ArcSwap<Identity>,
}

struct Identity {
    config: Arc<ServerConfig>,
    end_point: Option<Arc<[u8]>>,
}

/// Why a certificate cannot be used: its owner's to mend, and lasting until then.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// There is no certificate in the file.
    #[error("{0} holds no certificate")]
    Empty(PathBuf),
    /// Certificate and key do not fit, or a kind rustls does not know.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(rustls::Error),
}

/// Chooses the cryptography for the whole process; to be called once before any TLS.
pub fn install_provider() {
    // An error means that it is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl Tls {
    /// Loads a PEM chain and key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        Ok(Tls { current: ArcSwap::from_pointee(Identity::load(certificate, key)?) })
    }

    /// Replaces the certificate for new connections; on an error the old one stays.
    pub fn reload(&self, certificate: &Path, key: &Path) -> Result<(), TlsError> {
        self.current.store(Arc::new(Identity::load(certificate, key)?));
        Ok(())
    }

    /// The server side of a handshake, and the certificate's hash for channel binding.
    pub(crate) async fn accept(
        &self,
        tcp: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<Arc<[u8]>>)> {
        let identity = self.current.load_full();
        let handshake = TlsAcceptor::from(Arc::clone(&identity.config))
            .accept_with(tcp, |session| session.set_buffer_limit(Some(BUFFER_BYTES_MAX)));
        let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await??;
        Ok((stream, identity.end_point.clone()))
    }
}

impl Identity {
    fn load(certificate: &Path, key: &Path) -> Result<Identity, TlsError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::Unreadable { path, source }
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(unreadable(certificate))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
        let leaf = chain.first().ok_or_else(|| TlsError::Empty(certificate.to_owned()))?;
        let end_point = end_point_hash(leaf);
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::Unusable)?;
        // Resumption would keep per-session state for clients that stay connected for days.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Identity { config: Arc::new(config), end_point })
    }
}

/// RFC 5929 section 4.1: the hash of the certificate's signature algorithm, SHA-256 in place of weaker ones.
fn end_point_hash(leaf: &CertificateDer<'_>) -> Option<Arc<[u8]>> {
    use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
    // The algorithm identifiers' DER bytes; each occurs twice in a certificate, never by chance.
    const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
    const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
    const RSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
    const RSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
    const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
    let twice = |oid: &[u8]| memchr::memmem::find_iter(leaf, oid).count() >= 2;
    let algorithm = match () {
        () if twice(ED25519) => return None,
        () if twice(ECDSA_SHA384) || twice(RSA_SHA384) => &SHA384,
        () if twice(ECDSA_SHA512) || twice(RSA_SHA512) => &SHA512,
        () => &SHA256,
    };
    Some(digest(algorithm, leaf).as_ref().into())
}
