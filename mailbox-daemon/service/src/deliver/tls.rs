//! TLS towards other servers: what a connection must be, and what its certificate turned out to be.

mod verifier;

pub(super) use verifier::{Certificate, Expected};

use policy::config::TlsMode;
use policy::hop::Security;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use verifier::Verifier;

/// What a connection to one server must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TlsPolicy {
    /// When TLS begins.
    pub(super) begins: Begins,
    /// Whose certificate it must be.
    pub(super) expects: Expected,
    /// An authority besides the system's.
    pub(super) ca_file: Option<PathBuf>,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    Never,
    /// With STARTTLS where it is offered; in clear where it is not, or fails.
    IfOffered,
    /// With STARTTLS, or there is no session.
    Required,
    /// With the first byte.
    AtOnce,
}

impl TlsPolicy {
    pub(super) fn from_mode(mode: TlsMode, ca_file: Option<PathBuf>) -> TlsPolicy {
        let (begins, expects) = match mode {
            TlsMode::None => (Begins::Never, Expected::Anybody),
            TlsMode::Opportunistic => (Begins::IfOffered, Expected::Anybody),
            TlsMode::StartTls => (Begins::Required, Expected::Authority),
            TlsMode::Implicit => (Begins::AtOnce, Expected::Authority),
        };
        TlsPolicy { begins, expects, ca_file }
    }

    /// The policy where it is strict enough, else what is called for.
    pub(super) fn at_least(self, security: Security) -> TlsPolicy {
        let begins = match self.begins {
            Begins::AtOnce => Begins::AtOnce,
            _ if security != Security::Opportunistic => Begins::Required,
            begins => begins,
        };
        let expects = match security {
            Security::Opportunistic | Security::Encrypted => self.expects,
            Security::Authority => Expected::Authority,
            Security::Dane { records, names } => Expected::Named { records, names },
        };
        TlsPolicy { begins, expects, ..self }
    }

    /// Whether mail goes in clear rather than not at all.
    pub(super) fn may_do_without(&self) -> bool {
        self.begins == Begins::IfOffered
    }
}

/// A handshake that failed, and what was found out about the certificate before it did.
#[derive(Debug)]
pub(super) struct HandshakeFailed {
    pub(super) error: io::Error,
    pub(super) certificate: Option<Certificate>,
}

/// Does the client side of a handshake.
pub(super) async fn handshake(
    tcp: TcpStream,
    host: &str,
    policy: &TlsPolicy,
) -> Result<(TlsStream<TcpStream>, Certificate), HandshakeFailed> {
    let failed = |error| HandshakeFailed { error, certificate: None };
    // RFC 7672 section 8.1: the name the records were found under, which is mostly the host's.
    let name = match &policy.expects {
        Expected::Named { names, .. } => names.first().map_or(host, String::as_str),
        Expected::Anybody | Expected::Authority => host,
    };
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other).map_err(failed)?;
    let roots = authorities(policy.ca_file.as_deref()).map_err(failed)?;
    let verifier = Arc::new(Verifier::new(policy.expects.clone(), roots));
    let connector = TlsConnector::from(Arc::new(config(Arc::clone(&verifier))));
    match connector.connect(name, tcp).await {
        Ok(stream) => Ok((stream, verifier.found().unwrap_or(Certificate::Unseen))),
        Err(error) => Err(HandshakeFailed { error, certificate: verifier.found() }),
    }
}

fn config(verifier: Arc<Verifier>) -> ClientConfig {
    let mut config =
        ClientConfig::builder().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    // Resumption would keep state for servers that are spoken to once a week.
    config.resumption = rustls::client::Resumption::disabled();
    config
}

/// Known authorities, the system's and those of a file, read when first needed: they are a megabyte.
fn authorities(ca_file: Option<&Path>) -> io::Result<Arc<RootCertStore>> {
    static KNOWN: Mutex<Option<(Option<PathBuf>, Arc<RootCertStore>)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((file, roots)) = &*known
        && file.as_deref() == ca_file
    {
        return Ok(Arc::clone(roots));
    }
    let roots = Arc::new(read_authorities(ca_file)?);
    *known = Some((ca_file.map(Path::to_owned), Arc::clone(&roots)));
    Ok(roots)
}

fn read_authorities(ca_file: Option<&Path>) -> io::Result<RootCertStore> {
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

/// A TLS configuration for HTTPS with the system's authorities.
pub(crate) fn for_https() -> io::Result<ClientConfig> {
    let mut config = ClientConfig::builder().with_root_certificates(authorities(None)?).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}
