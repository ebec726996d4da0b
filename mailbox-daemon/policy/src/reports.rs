//! What is reported to others about their mail and their servers, and whose reports about ours are believed.

use std::net::IpAddr;
use types::{
    DmarcDkim, DmarcOverride, DmarcPolicy, DmarcRow, Domain, Evidence, Outcome, ReversePath, TlsOutcome,
};

/// Signatures told of in one row. RFC 7489 appendix C sets no limit; who signs more often wants to fill disks.
const SIGNATURES_MAX: usize = 8;
/// Lines of a TLS policy, and octets of one of its lines or of a reason, that are kept.
const POLICY_LINES_MAX: usize = 64;
const LINE_BYTES_MAX: usize = 500;

/// What a message adds to the aggregate report of its author's domain, and the domain whose record asks for it. `handled` is
/// what was done with the message in the end. `None` where no record applies or nobody wants reports.
pub fn dmarc_row(
    evidence: &Evidence,
    client: IpAddr,
    envelope_from: &ReversePath,
    handled: DmarcPolicy,
) -> Option<(Domain, DmarcRow)> {
    let dmarc = evidence.dmarc.as_ref()?;
    dmarc.record.as_ref().filter(|record| !record.reports_to.is_empty())?;
    let policy_domain = dmarc.record_of.clone()?;
    let asked = if dmarc.outcome == Outcome::Fail { dmarc.policy } else { DmarcPolicy::None };
    let is_forwarded = handled < asked && evidence.arc.outcome == Outcome::Pass;
    let reason = if is_forwarded { DmarcOverride::TrustedForwarder } else { DmarcOverride::LocalPolicy };
    let signature = |signature: &types::DkimSignature| DmarcDkim {
        domain: signature.domain.clone(),
        selector: printable(&signature.selector),
        outcome: signature.outcome,
    };
    let spf = match envelope_from {
        Some(_) => evidence.spf_mail_from.as_ref(),
        None => evidence.spf_helo.as_ref().or(evidence.spf_mail_from.as_ref()),
    };
    let row = DmarcRow {
        source_ip: client.to_canonical(),
        disposition: handled,
        is_dkim_aligned: dmarc.is_dkim_aligned,
        is_spf_aligned: dmarc.is_spf_aligned,
        overridden: (handled != asked).then_some(reason),
        header_from: dmarc.from.clone(),
        envelope_from: envelope_from.as_ref().map(|address| address.domain.clone()),
        dkim: evidence.dkim.iter().take(SIGNATURES_MAX).map(signature).collect(),
        spf: spf.map(|spf| (spf.domain.clone(), spf.outcome)),
    };
    Some((policy_domain, row))
}

/// An outcome as it is kept: foreign text in it printable and no longer than it needs to be.
pub fn tls_row(outcome: &TlsOutcome) -> TlsOutcome {
    let mut row = outcome.clone();
    for lines in [&mut row.policy.strings, &mut row.policy.mx_patterns] {
        lines.truncate(POLICY_LINES_MAX);
        for line in lines.iter_mut() {
            *line = printable(line);
        }
    }
    if let Some(failure) = &mut row.failure {
        failure.mx_host = failure.mx_host.as_deref().map(printable);
        failure.reason = failure.reason.as_deref().map(printable);
        failure.receiving_ip = failure.receiving_ip.map(|ip| ip.to_canonical());
        failure.sending_ip = failure.sending_ip.map(|ip| ip.to_canonical());
    }
    row
}

/// Whose word a message is, if anybody's: the author's domain under DMARC, else a domain that signed it or, at the least, one
/// that lets the client send for it.
pub fn vouched_for_by(evidence: &Evidence) -> Option<&Domain> {
    let author = evidence.dmarc.as_ref().filter(|dmarc| dmarc.outcome == Outcome::Pass);
    let mut signers = evidence.dkim.iter().filter(|signature| signature.outcome == Outcome::Pass);
    let sender = evidence.spf_mail_from.as_ref().filter(|spf| spf.outcome == Outcome::Pass);
    let fails = evidence.dmarc.as_ref().is_some_and(|dmarc| dmarc.outcome == Outcome::Fail);
    match fails {
        true => None,
        false => author
            .map(|dmarc| &dmarc.from)
            .or_else(|| signers.next().map(|signature| &signature.domain))
            .or_else(|| sender.map(|spf| &spf.domain)),
    }
}

/// Whose word a report about TLS is: it must be signed (RFC 8460 section 3).
pub fn vouched_for_by_signature(evidence: &Evidence) -> Option<&Domain> {
    let is_signed = evidence.dkim.iter().any(|signature| signature.outcome == Outcome::Pass);
    vouched_for_by(evidence).filter(|_| is_signed)
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(LINE_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Dmarc, DmarcRecord, Spf};

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    fn failing() -> Evidence {
        let dmarc = Dmarc {
            outcome: Outcome::Fail,
            from: domain("news.example.org"),
            record_of: Some(domain("example.org")),
            record: Some(DmarcRecord {
                policy: DmarcPolicy::Reject,
                subdomain_policy: None,
                is_dkim_strict: false,
                is_spf_strict: false,
                percent: 100,
                is_in_test: false,
                reports_to: vec!["reports@example.org".to_owned()],
            }),
            policy: DmarcPolicy::Reject,
            is_spf_aligned: false,
            is_dkim_aligned: false,
        };
        Evidence { dmarc: Some(dmarc), ..Evidence::default() }
    }

    #[test]
    fn a_row_says_what_was_done_and_why() {
        let client = "::ffff:192.0.2.1".parse().unwrap();
        let mut evidence = failing();
        let row = |evidence: &Evidence, handled| dmarc_row(evidence, client, &None, handled).unwrap().1;
        assert_eq!(row(&evidence, DmarcPolicy::Reject).overridden, None);
        assert_eq!(row(&evidence, DmarcPolicy::None).overridden, Some(DmarcOverride::LocalPolicy));
        assert_eq!(row(&evidence, DmarcPolicy::None).source_ip.to_string(), "192.0.2.1");
        evidence.arc.outcome = Outcome::Pass;
        assert_eq!(row(&evidence, DmarcPolicy::None).overridden, Some(DmarcOverride::TrustedForwarder));
        evidence.dmarc.as_mut().unwrap().outcome = Outcome::Pass;
        assert_eq!(row(&evidence, DmarcPolicy::None).overridden, None);
        assert_eq!(row(&evidence, DmarcPolicy::Quarantine).overridden, Some(DmarcOverride::LocalPolicy));
        evidence.dmarc.as_mut().unwrap().record.as_mut().unwrap().reports_to.clear();
        assert_eq!(dmarc_row(&evidence, client, &None, DmarcPolicy::None), None);
    }

    #[test]
    fn nobody_vouches_for_what_fails_dmarc() {
        let passing = Spf { outcome: Outcome::Pass, domain: domain("bulk.test"), explanation: None };
        let mut evidence = failing();
        evidence.spf_mail_from = Some(passing);
        assert_eq!(vouched_for_by(&evidence), None);
        evidence.dmarc = None;
        assert_eq!(vouched_for_by(&evidence), Some(&domain("bulk.test")));
        assert_eq!(vouched_for_by(&Evidence::default()), None);
    }
}
