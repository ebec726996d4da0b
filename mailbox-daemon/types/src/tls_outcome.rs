//! How a connection to a recipient's server was secured, or why it was not: the words of RFC 8460.

use crate::Domain;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Which policy applied to the connection (RFC 8460 section 4.4, `policy-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsPolicyType {
    /// DANE (RFC 7672).
    Tlsa,
    /// MTA-STS (RFC 8461).
    Sts,
    /// Neither.
    #[default]
    NoPolicyFound,
}

/// The policy that applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TlsPolicy {
    /// Which kind.
    pub policy_type: TlsPolicyType,
    /// Whose it is: the recipient's domain under MTA-STS and without a policy, the TLSA base domain under DANE.
    pub domain: Domain,
    /// The lines of the MTA-STS policy or the TLSA records in presentation form, one string each; printable ASCII.
    pub strings: Vec<String>,
    /// The `mx` patterns of an MTA-STS policy.
    pub mx_patterns: Vec<String>,
}

/// What went wrong (RFC 8460 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsFailureType {
    /// The server does not offer STARTTLS.
    StartTlsNotSupported,
    /// The certificate is for another name.
    CertificateHostMismatch,
    /// It has expired.
    CertificateExpired,
    /// Nobody trusted vouches for it.
    CertificateNotTrusted,
    /// Anything else about TLS.
    ValidationFailure,
    /// No TLSA record matched.
    TlsaInvalid,
    /// The resolver could not validate what DNS says.
    DnssecInvalid,
    /// DANE was required here and there are no TLSA records.
    DaneRequired,
    /// The MTA-STS policy could not be fetched.
    StsPolicyFetchError,
    /// It makes no sense, or does not name the server.
    StsPolicyInvalid,
    /// The policy host's certificate does not hold.
    StsWebpkiInvalid,
}

/// Why a connection does not count as secure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TlsFailure {
    /// What went wrong.
    pub failure_type: TlsFailureType,
    /// The server's name in the MX.
    pub mx_host: Option<String>,
    /// The server's address.
    pub receiving_ip: Option<IpAddr>,
    /// Our end of the connection.
    pub sending_ip: Option<IpAddr>,
    /// A code or a few words of the TLS library (`failure-reason-code`).
    pub reason: Option<String>,
}

/// How one connection, or the attempt at one, ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TlsOutcome {
    /// The recipient's domain: who is told.
    pub recipient_domain: Domain,
    /// The policy that applied.
    pub policy: TlsPolicy,
    /// `None` where the connection met the policy; without a policy, where it was encrypted.
    pub failure: Option<TlsFailure>,
}

impl TlsPolicyType {
    /// The word of RFC 8460.
    pub fn as_str(self) -> &'static str {
        match self {
            TlsPolicyType::Tlsa => "tlsa",
            TlsPolicyType::Sts => "sts",
            TlsPolicyType::NoPolicyFound => "no-policy-found",
        }
    }
}

impl TlsFailureType {
    /// The word of RFC 8460.
    pub fn as_str(self) -> &'static str {
        match self {
            TlsFailureType::StartTlsNotSupported => "starttls-not-supported",
            TlsFailureType::CertificateHostMismatch => "certificate-host-mismatch",
            TlsFailureType::CertificateExpired => "certificate-expired",
            TlsFailureType::CertificateNotTrusted => "certificate-not-trusted",
            TlsFailureType::ValidationFailure => "validation-failure",
            TlsFailureType::TlsaInvalid => "tlsa-invalid",
            TlsFailureType::DnssecInvalid => "dnssec-invalid",
            TlsFailureType::DaneRequired => "dane-required",
            TlsFailureType::StsPolicyFetchError => "sts-policy-fetch-error",
            TlsFailureType::StsPolicyInvalid => "sts-policy-invalid",
            TlsFailureType::StsWebpkiInvalid => "sts-webpki-invalid",
        }
    }
}
