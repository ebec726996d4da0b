use super::lookups::Lookups;
use crate::dns::Answer;
use types::{Domain, SenderDomain};

/// Whether answers to the envelope's sender could be delivered (RFC 5321 section 5.1, RFC 7505).
pub(super) async fn check(lookups: Lookups, domain: Domain) -> SenderDomain {
    if domain.literal().is_some() {
        return SenderDomain::NotAsked;
    }
    match lookups.mx(domain.as_str()).await {
        Answer::Records(hosts) if hosts.iter().all(String::is_empty) => SenderDomain::NullMx,
        Answer::Records(_) => SenderDomain::TakesMail,
        Answer::NoDomain => SenderDomain::Nowhere,
        Answer::Failed => SenderDomain::Unknown,
        Answer::NoRecords => has_address(&lookups, &domain).await,
    }
}

async fn has_address(lookups: &Lookups, domain: &Domain) -> SenderDomain {
    let (ipv4, ipv6) = tokio::join!(lookups.ipv4(domain.as_str()), lookups.ipv6(domain.as_str()));
    match (ipv4, ipv6) {
        (Answer::Records(_), _) | (_, Answer::Records(_)) => SenderDomain::TakesMail,
        (Answer::Failed, _) | (_, Answer::Failed) => SenderDomain::Unknown,
        _ => SenderDomain::Nowhere,
    }
}
