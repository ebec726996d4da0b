//! How an attempt at a session counts for the reports on TLS (RFC 8460): against what the recipient's domain publishes.

use super::connection::{Connection, NoSession, NoTls, Secured};
use super::target::{Approach, NoApproach, Published, Server};
use super::tls::{Certificate, Expected};
use policy::hop::LeftOut;
use proto::mta_sts::Policy;
use proto::smtp::client::{Failure, Stage};
use std::net::SocketAddr;
use types::{Domain, TlsFailure, TlsFailureType, TlsOutcome, TlsPolicy, TlsPolicyType};

/// Of a server that an MTA-STS policy leaves out.
const NOT_NAMED: &str = "the policy does not name the MX";

/// What is told of an attempt; `None` where it ended before TLS had its turn.
pub(super) fn outcome(
    published: &Published,
    approach: &Approach,
    server: &Server,
    address: SocketAddr,
    attempt: &Result<Connection, NoSession>,
) -> Option<TlsOutcome> {
    let policy = policy(published, approach);
    let fault = match attempt {
        Ok(session) => fault_of(session.secured(), policy.policy_type, approach.is_unlisted),
        Err(NoSession::Tls(failed)) => {
            let certificate = failed.certificate.clone().unwrap_or(Certificate::Unseen);
            Some(fault_of_handshake(&certificate, failed.error.to_string()))
        }
        Err(NoSession::Session(Stage::StartTls, Failure::NotOffered | Failure::Refused(_))) => {
            Some((TlsFailureType::StartTlsNotSupported, None))
        }
        // TLS was as it should be.
        Err(NoSession::NoRequireTls) => None,
        Err(NoSession::Connect(_) | NoSession::Session(..)) => return None,
    };
    let failure = fault.map(|(failure_type, reason)| TlsFailure {
        failure_type,
        mx_host: Some(server.host.clone()),
        receiving_ip: Some(address.ip()),
        sending_ip: None,
        reason,
    });
    Some(TlsOutcome { recipient_domain: published.domain.clone(), policy, failure })
}

/// What is told of a server that was not even tried.
pub(super) fn left_out(published: &Published, server: &Server, reason: &NoApproach) -> Option<TlsOutcome> {
    let (policy_type, failure_type, reason) = match reason {
        NoApproach::LeftOut(LeftOut::TlsaUnknown) => {
            (TlsPolicyType::Tlsa, TlsFailureType::DnssecInvalid, "the TLSA records cannot be had")
        }
        NoApproach::LeftOut(LeftOut::NotInPolicy) => {
            (TlsPolicyType::Sts, TlsFailureType::ValidationFailure, NOT_NAMED)
        }
        // What a message requires is no fault of the domain's.
        NoApproach::LeftOut(LeftOut::Unvouched)
        | NoApproach::Nowhere
        | NoApproach::OnlyIpv6
        | NoApproach::Unknown => return None,
    };
    let sts = published.policy.as_ref().filter(|_| policy_type == TlsPolicyType::Sts);
    let policy = TlsPolicy {
        policy_type,
        domain: published.domain.clone(),
        strings: sts.map(Policy::lines).unwrap_or_default(),
        mx_patterns: sts.map(|policy| policy.mx.clone()).unwrap_or_default(),
    };
    let failure = TlsFailure {
        failure_type,
        mx_host: Some(server.host.clone()),
        receiving_ip: None,
        sending_ip: None,
        reason: Some(reason.to_owned()),
    };
    Some(TlsOutcome { recipient_domain: published.domain.clone(), policy, failure: Some(failure) })
}

/// The policy that applied: DANE before MTA-STS.
fn policy(published: &Published, approach: &Approach) -> TlsPolicy {
    let (policy_type, domain, strings, mx_patterns) = match (&approach.tls.expects, &published.policy) {
        (Expected::Named { records, names }, _) => {
            let base = names.first().and_then(|base| Domain::parse(base).ok());
            (TlsPolicyType::Tlsa, base, records.iter().map(ToString::to_string).collect(), Vec::new())
        }
        (_, Some(policy)) => (TlsPolicyType::Sts, None, policy.lines(), policy.mx.clone()),
        (_, None) => (TlsPolicyType::NoPolicyFound, None, Vec::new(), Vec::new()),
    };
    let domain = domain.unwrap_or_else(|| published.domain.clone());
    TlsPolicy { policy_type, domain, strings, mx_patterns }
}

type Fault = (TlsFailureType, Option<String>);

/// What an open session lacks; without a policy, TLS is all there is to have.
fn fault_of(secured: &Secured, policy_type: TlsPolicyType, is_unlisted: bool) -> Option<Fault> {
    match secured {
        Secured::Clear(NoTls::NotOffered) => Some((TlsFailureType::StartTlsNotSupported, None)),
        Secured::Clear(NoTls::Failed(certificate, error)) => {
            Some(fault_of_handshake(certificate, error.clone()))
        }
        Secured::Tls { certificate: Certificate::Doubtful(failure, reason), .. }
            if policy_type != TlsPolicyType::NoPolicyFound =>
        {
            Some((*failure, Some(reason.clone())))
        }
        Secured::Tls { .. } if is_unlisted => {
            Some((TlsFailureType::ValidationFailure, Some(NOT_NAMED.to_owned())))
        }
        Secured::Tls { .. } => None,
    }
}

fn fault_of_handshake(certificate: &Certificate, error: String) -> Fault {
    match certificate {
        Certificate::Doubtful(failure, reason) => (*failure, Some(reason.clone())),
        Certificate::Named | Certificate::Trusted | Certificate::Unseen => {
            (TlsFailureType::ValidationFailure, Some(error))
        }
    }
}
