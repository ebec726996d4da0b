//! DMARC policy records (RFC 7489 section 6.3).

use crate::tags::Tags;
use types::{DmarcPolicy, DmarcRecord};

/// Report addresses of one record that are kept.
const REPORTS_TO_MAX: usize = 10;

/// Whether a TXT record is meant as a DMARC record at all; others at the name do not count (RFC 7489 section 6.6.3).
pub fn is_record(text: &[u8]) -> bool {
    let tags = Tags::parse_kindly(text);
    tags.begins_with("v") && tags.get("v") == Some("DMARC1")
}

/// Reads a record. `None` where it asks for nothing that can be understood (RFC 7489 section 6.6.3, step 6).
pub fn parse(text: &[u8]) -> Option<DmarcRecord> {
    let tags = Tags::parse_kindly(text);
    if !is_record(text) {
        return None;
    }
    let policy = |tag| tags.get(tag).map(self::policy);
    let reports_to: Vec<String> = tags.get("rua").map(report_addresses).unwrap_or_default();
    let (for_domain, for_subdomains) = (policy("p").flatten(), policy("sp"));
    // Without a sensible `p=` or with a senseless `sp=` it is only a wish for reports.
    let is_sensible = for_domain.is_some() && for_subdomains != Some(None);
    if !is_sensible && reports_to.is_empty() {
        return None;
    }
    let for_domain = for_domain.filter(|_| is_sensible).unwrap_or_default();
    let is_strict = |tag| tags.get(tag).is_some_and(|value| value.eq_ignore_ascii_case("s"));
    Some(DmarcRecord {
        policy: for_domain,
        subdomain_policy: for_subdomains.flatten().filter(|_| is_sensible),
        is_dkim_strict: is_strict("adkim"),
        is_spf_strict: is_strict("aspf"),
        percent: tags
            .get("pct")
            .and_then(|value| value.parse().ok())
            .filter(|pct| *pct <= 100)
            .unwrap_or(100),
        is_in_test: tags.get("t").is_some_and(|value| value.eq_ignore_ascii_case("y")),
        reports_to,
    })
}

fn policy(word: &str) -> Option<DmarcPolicy> {
    match word.to_ascii_lowercase().as_str() {
        "none" => Some(DmarcPolicy::None),
        "quarantine" => Some(DmarcPolicy::Quarantine),
        "reject" => Some(DmarcPolicy::Reject),
        _ => None,
    }
}

/// `mailto:` addresses of `rua=`; a size behind `!` is left out (RFC 7489 section 6.2).
fn report_addresses(value: &str) -> Vec<String> {
    let address = |uri: &str| {
        let uri = uri.trim_ascii();
        let address =
            uri.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).map(|_| &uri[7..])?;
        let address = address.split('!').next().unwrap_or(address);
        address.contains('@').then(|| address.to_owned())
    };
    value.split(',').filter_map(address).take(REPORTS_TO_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let record = parse(
            b"v=DMARC1; p=Reject; sp=quarantine; adkim=s; aspf=r; pct=20; t=y; \
              rua=mailto:a@b.test!10m, https://x.test, MAILTO:c@d.test",
        );
        let expected = DmarcRecord {
            policy: DmarcPolicy::Reject,
            subdomain_policy: Some(DmarcPolicy::Quarantine),
            is_dkim_strict: true,
            is_spf_strict: false,
            percent: 20,
            is_in_test: true,
            reports_to: vec!["a@b.test".to_owned(), "c@d.test".to_owned()],
        };
        assert_eq!(record, Some(expected));
    }

    #[test]
    fn a_senseless_policy_is_a_wish_for_reports_or_nothing() {
        let policy = |text: &str| parse(text.as_bytes()).map(|record| (record.policy, record.percent));
        for (text, expected) in [
            ("v=DMARC1; p=none", Some((DmarcPolicy::None, 100))),
            ("v=DMARC1; p=reject; pct=101", Some((DmarcPolicy::Reject, 100))),
            ("v=DMARC1; p=reject; pct=x; rubbish", Some((DmarcPolicy::Reject, 100))),
            ("v=DMARC1; p=wrong; rua=mailto:a@b.test", Some((DmarcPolicy::None, 100))),
            ("v=DMARC1; p=reject; sp=wrong; rua=mailto:a@b.test", Some((DmarcPolicy::None, 100))),
            ("v=DMARC1; p=reject; sp=wrong", None),
            ("v=DMARC1", None),
            ("v=DMARC1; rua=https://x.test", None),
            ("p=reject; v=DMARC1", None),
            ("v=dmarc1; p=reject", None),
            ("v=DMARC12; p=reject", None),
        ] {
            assert_eq!(policy(text), expected, "{text}");
        }
    }
}
