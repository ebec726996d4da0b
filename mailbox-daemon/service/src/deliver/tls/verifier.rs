//! Whose certificate it is. Whatever is expected, it is also seen whether a known authority vouches for it: RFC 8460 wants to
//! know, and so does whoever reads the log.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use policy::hop::{Tlsa, TlsaMatching, TlsaSelector, TlsaUsage};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::{Arc, Mutex, PoisonError};
use types::TlsFailureType;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Whose certificate a server must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Expected {
    /// Anybody's: nobody has said which is right, and the alternative is no TLS at all.
    Anybody,
    /// One for the server's name from a known authority.
    Authority,
    /// One the TLSA records name (RFC 7672 section 3).
    Named {
        /// One of them must match.
        records: Vec<Tlsa>,
        /// Names that count where a record names an authority.
        names: Vec<String>,
    },
}

/// What a certificate turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Certificate {
    /// Named by a TLSA record.
    Named,
    /// For the server's name from a known authority.
    Trusted,
    /// Neither.
    Doubtful(TlsFailureType, String),
    /// The handshake ended before one was shown.
    Unseen,
}

impl std::fmt::Display for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Certificate::Named => f.write_str("certificate named by TLSA"),
            Certificate::Trusted => f.write_str("certificate verified"),
            Certificate::Doubtful(failure, _) => write!(f, "certificate not verified: {}", failure.as_str()),
            Certificate::Unseen => f.write_str("no certificate"),
        }
    }
}

/// Judges one connection's certificate and remembers what it found.
#[derive(Debug)]
pub(super) struct Verifier {
    expected: Expected,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    found: Mutex<Option<Certificate>>,
}

impl Verifier {
    pub(super) fn new(expected: Expected, roots: Arc<RootCertStore>) -> Verifier {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Verifier { expected, roots, provider, found: Mutex::new(None) }
    }

    /// What the certificate turned out to be, once one was shown.
    pub(super) fn found(&self) -> Option<Certificate> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a certificate chain is: by the records where there are any, else by the authorities.
    fn judge(&self, chain: &Chain<'_>, name: &ServerName<'_>) -> Result<Certificate, Error> {
        match &self.expected {
            Expected::Named { records, names } => {
                let names = names.iter().filter_map(|name| ServerName::try_from(name.as_str()).ok());
                let names: Vec<ServerName<'_>> = names.collect();
                match records.iter().any(|record| self.matches(record, chain, &names)) {
                    true => Ok(Certificate::Named),
                    false => Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(
                        NoRecordMatches,
                    ))))),
                }
            }
            Expected::Authority => self.verify(&self.roots, chain, name).map(|()| Certificate::Trusted),
            Expected::Anybody => Ok(match self.verify(&self.roots, chain, name) {
                Ok(()) => Certificate::Trusted,
                Err(error) => doubtful(&error),
            }),
        }
    }

    /// RFC 5280 and RFC 6125 by rustls.
    fn verify(
        &self,
        roots: &Arc<RootCertStore>,
        chain: &Chain<'_>,
        name: &ServerName<'_>,
    ) -> Result<(), Error> {
        if roots.is_empty() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&self.provider))
                .build()
                .map_err(|error| Error::General(error.to_string()))?;
        verifier.verify_server_cert(chain.end_entity, chain.others, name, &[], chain.now).map(|_| ())
    }

    fn matches(&self, record: &Tlsa, chain: &Chain<'_>, names: &[ServerName<'_>]) -> bool {
        match record.usage {
            // RFC 7672 section 3.1.1: neither its names nor its dates matter.
            TlsaUsage::EndEntity => is_meant(record, chain.end_entity),
            TlsaUsage::Authority => {
                let mut anchors = RootCertStore::empty();
                for certificate in chain.others.iter().filter(|other| is_meant(record, other)) {
                    let _ = anchors.add(certificate.clone().into_owned());
                }
                if record.matching == TlsaMatching::Full && record.selector == TlsaSelector::Certificate {
                    // The record is the authority; the server need not send it.
                    let _ = anchors.add(CertificateDer::from(record.data.clone()));
                }
                let anchors = Arc::new(anchors);
                names.iter().any(|name| self.verify(&anchors, chain, name).is_ok())
            }
        }
    }
}

/// What a server shows of itself, and when.
struct Chain<'a> {
    end_entity: &'a CertificateDer<'a>,
    others: &'a [CertificateDer<'a>],
    now: UnixTime,
}

/// RFC 6698 section 2.1.
fn is_meant(record: &Tlsa, certificate: &CertificateDer<'_>) -> bool {
    let part = match record.selector {
        TlsaSelector::Certificate => certificate.as_ref(),
        TlsaSelector::PublicKey => match X509Certificate::from_der(certificate) {
            Ok((_, parsed)) => parsed.tbs_certificate.subject_pki.raw,
            Err(_) => return false,
        },
    };
    match record.matching {
        TlsaMatching::Full => part == record.data,
        TlsaMatching::Sha256 => digest(&SHA256, part).as_ref() == record.data,
        TlsaMatching::Sha512 => digest(&SHA512, part).as_ref() == record.data,
    }
}

/// The certificate is none of those the TLSA records name.
#[derive(Debug, thiserror::Error)]
#[error("no TLSA record names the certificate")]
struct NoRecordMatches;

/// The words of RFC 8460 section 4.3 for what is wrong with a certificate.
fn doubtful(error: &Error) -> Certificate {
    let failure = match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsFailureType::CertificateExpired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFailureType::CertificateHostMismatch
            }
            CertificateError::UnknownIssuer
            | CertificateError::Revoked
            | CertificateError::BadSignature
            | CertificateError::InvalidPurpose => TlsFailureType::CertificateNotTrusted,
            CertificateError::Other(other) if other.0.is::<NoRecordMatches>() => TlsFailureType::TlsaInvalid,
            // Most of them say that the certificate vouches for itself.
            CertificateError::Other(_) => TlsFailureType::CertificateNotTrusted,
            _ => TlsFailureType::ValidationFailure,
        },
        _ => TlsFailureType::ValidationFailure,
    };
    Certificate::Doubtful(failure, error.to_string())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.judge(&Chain { end_entity, others: intermediates, now }, server_name);
        let found = judged.as_ref().map_or_else(doubtful, Clone::clone);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        judged.map(|_| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
