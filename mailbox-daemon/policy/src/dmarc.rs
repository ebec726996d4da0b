//! Whether what was proved about a message is proved for its author (RFC 7489).

use types::{DkimSignature, Dmarc, DmarcPolicy, DmarcRecord, Domain, Outcome, Spf};

/// What is published for an author's domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// A record, and at whose `_dmarc` it stands.
    Record(Domain, DmarcRecord),
    /// Nothing.
    Nothing,
    /// DNS did not answer.
    Unknown,
}

/// The organisational domain: one label below the public suffix, or the domain itself where it is one (RFC 7489 section 3.2).
pub fn organizational_domain(domain: &Domain) -> &str {
    psl::domain_str(domain.as_str()).unwrap_or(domain.as_str())
}

/// Judges one author's domain. `sample` is a number below 100 that decides which messages `pct=` spares.
pub fn judge(
    author: &Domain,
    published: Published,
    spf: Option<&Spf>,
    dkim: &[DkimSignature],
    sample: u8,
) -> Dmarc {
    let mut dmarc = Dmarc {
        outcome: Outcome::None,
        from: author.clone(),
        record_of: None,
        record: None,
        policy: DmarcPolicy::None,
        is_spf_aligned: false,
        is_dkim_aligned: false,
    };
    let (record_of, record) = match published {
        Published::Record(of, record) => (of, record),
        Published::Nothing => return dmarc,
        Published::Unknown => return Dmarc { outcome: Outcome::TempError, ..dmarc },
    };
    let aligned_spf = |outcome| {
        spf.is_some_and(|spf| spf.outcome == outcome && is_aligned(&spf.domain, author, record.is_spf_strict))
    };
    let aligned_dkim = |outcome| {
        let is_meant = |signature: &&DkimSignature| signature.outcome == outcome;
        let mut signatures = dkim.iter().filter(is_meant);
        signatures.any(|signature| is_aligned(&signature.domain, author, record.is_dkim_strict))
    };
    dmarc.is_spf_aligned = aligned_spf(Outcome::Pass);
    dmarc.is_dkim_aligned = aligned_dkim(Outcome::Pass);
    dmarc.outcome = if dmarc.is_spf_aligned || dmarc.is_dkim_aligned {
        Outcome::Pass
    } else if aligned_spf(Outcome::TempError) || aligned_dkim(Outcome::TempError) {
        // It could still have passed (RFC 7489 section 6.6.2).
        Outcome::TempError
    } else {
        Outcome::Fail
    };
    dmarc.policy = applied(&record, record_of != *author, sample);
    Dmarc { record_of: Some(record_of), record: Some(record), ..dmarc }
}

/// What is said of a message with more authors than a letter has: none of them is believed.
pub fn disbelieved(author: &Domain) -> Dmarc {
    let nothing = judge(author, Published::Nothing, None, &[], 0);
    Dmarc { outcome: Outcome::Fail, policy: DmarcPolicy::Quarantine, ..nothing }
}

/// Of several authors' domains the one that is worst (RFC 7489 section 6.6.1): nobody hides behind a second author.
pub fn worst(judged: Vec<Dmarc>) -> Option<Dmarc> {
    let severity = |dmarc: &Dmarc| match (dmarc.outcome, dmarc.policy) {
        (Outcome::Fail, DmarcPolicy::Reject) => 5,
        (Outcome::Fail, DmarcPolicy::Quarantine) => 4,
        (Outcome::PermError, _) => 3,
        (Outcome::TempError, DmarcPolicy::None) if dmarc.record.is_some() => 1,
        (Outcome::TempError, _) => 2,
        (Outcome::Pass, _) => 0,
        _ => 1,
    };
    judged.into_iter().max_by_key(severity)
}

/// RFC 7489 section 3.1: the same domain, or, relaxed, one of the same organisation.
fn is_aligned(proved: &Domain, author: &Domain, is_strict: bool) -> bool {
    proved == author || (!is_strict && organizational_domain(proved) == organizational_domain(author))
}

/// What the record asks for: `sp=` below its domain, the next milder step in test or where `pct=` spares the message
/// (RFC 7489 sections 6.3 and 6.6.4).
fn applied(record: &DmarcRecord, is_subdomain: bool, sample: u8) -> DmarcPolicy {
    let asked = match is_subdomain {
        true => record.subdomain_policy.unwrap_or(record.policy),
        false => record.policy,
    };
    let is_spared = sample >= record.percent || record.is_in_test;
    match asked {
        DmarcPolicy::Reject if is_spared => DmarcPolicy::Quarantine,
        _ if is_spared => DmarcPolicy::None,
        _ => asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    fn spf(outcome: Outcome, name: &str) -> Spf {
        Spf { outcome, domain: domain(name), explanation: None }
    }

    fn dkim(outcome: Outcome, name: &str) -> DkimSignature {
        DkimSignature {
            outcome,
            domain: domain(name),
            selector: "s".to_owned(),
            algorithm: "rsa-sha256".to_owned(),
            begins: "abcdefgh".to_owned(),
            reason: None,
        }
    }

    #[test]
    fn organisations_are_found_by_the_public_suffix_list() {
        for (name, expected) in [
            ("a.b.example.com", "example.com"),
            ("example.com", "example.com"),
            ("x.example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("a.user.github.io", "user.github.io"),
            ("a.b.home.test", "home.test"),
            ("mail.b\u{fc}cher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(organizational_domain(&domain(name)), expected, "{name}");
        }
    }

    #[test]
    fn something_aligned_has_to_pass() {
        use Outcome::{Fail, Pass, TempError};
        let strict =
            DmarcRecord { is_spf_strict: true, is_dkim_strict: true, percent: 100, ..DmarcRecord::default() };
        let relaxed = DmarcRecord { percent: 100, ..DmarcRecord::default() };
        for (record, spf_found, dkim_found, expected) in [
            (&relaxed, (Pass, "a.test"), (Fail, "a.test"), Pass),
            (&relaxed, (Pass, "bounce.a.test"), (Fail, "a.test"), Pass),
            (&strict, (Pass, "bounce.a.test"), (Fail, "a.test"), Fail),
            (&relaxed, (Fail, "a.test"), (Pass, "mail.a.test"), Pass),
            (&strict, (Fail, "a.test"), (Pass, "mail.a.test"), Fail),
            (&strict, (Fail, "a.test"), (Pass, "www.a.test"), Pass),
            (&relaxed, (Pass, "b.test"), (Pass, "c.test"), Fail),
            (&relaxed, (Pass, "test"), (Pass, "xa.test"), Fail),
            (&relaxed, (TempError, "a.test"), (Fail, "a.test"), TempError),
            (&relaxed, (TempError, "b.test"), (Fail, "a.test"), Fail),
            (&relaxed, (Fail, "a.test"), (TempError, "a.test"), TempError),
            (&relaxed, (TempError, "a.test"), (Pass, "a.test"), Pass),
        ] {
            let published = Published::Record(domain("a.test"), record.clone());
            let author = domain("www.a.test");
            let (spf, dkim) = (spf(spf_found.0, spf_found.1), dkim(dkim_found.0, dkim_found.1));
            let found = judge(&author, published, Some(&spf), &[dkim], 0);
            assert_eq!(found.outcome, expected, "{spf_found:?} {dkim_found:?}");
        }
    }

    #[test]
    fn without_a_record_there_is_nothing_to_pass() {
        let spf = spf(Outcome::Pass, "a.test");
        let outcome = |published| judge(&domain("a.test"), published, Some(&spf), &[], 0).outcome;
        assert_eq!(outcome(Published::Nothing), Outcome::None);
        assert_eq!(outcome(Published::Unknown), Outcome::TempError);
    }

    #[test]
    fn the_policy_is_the_one_for_this_domain_and_message() {
        use DmarcPolicy::{None as No, Quarantine, Reject};
        for (p, sp, percent, is_in_test, author, sample, expected) in [
            (Reject, None, 100, false, "a.test", 99, Reject),
            (Reject, None, 100, false, "b.a.test", 99, Reject),
            (Reject, Some(No), 100, false, "b.a.test", 99, No),
            (No, Some(Quarantine), 100, false, "b.a.test", 99, Quarantine),
            (Reject, Some(No), 100, false, "a.test", 99, Reject),
            (Reject, None, 20, false, "a.test", 19, Reject),
            (Reject, None, 20, false, "a.test", 20, Quarantine),
            (Quarantine, None, 0, false, "a.test", 0, No),
            (Reject, None, 100, true, "a.test", 0, Quarantine),
        ] {
            let record = DmarcRecord {
                policy: p,
                subdomain_policy: sp,
                percent,
                is_in_test,
                ..DmarcRecord::default()
            };
            let published = Published::Record(domain("a.test"), record);
            let found = judge(&domain(author), published, None, &[], sample);
            assert_eq!(
                (found.outcome, found.policy),
                (Outcome::Fail, expected),
                "{author} {percent} {sample}"
            );
        }
    }

    #[test]
    fn nobody_hides_behind_a_second_author() {
        let record = DmarcRecord { policy: DmarcPolicy::Reject, percent: 100, ..DmarcRecord::default() };
        let good = dkim(Outcome::Pass, "good.test");
        let one = |name: &str| {
            let published = Published::Record(domain(name), record.clone());
            judge(&domain(name), published, None, std::slice::from_ref(&good), 0)
        };
        let found = worst(vec![one("good.test"), one("bank.test")]).unwrap();
        assert_eq!((found.outcome, found.from), (Outcome::Fail, domain("bank.test")));
        assert_eq!(worst(Vec::new()), None);
        let silent = dkim(Outcome::TempError, "good.test");
        let asking = |name: &str, policy| {
            let published = Published::Record(domain(name), DmarcRecord { policy, ..record.clone() });
            judge(&domain(name), published, None, std::slice::from_ref(&silent), 0)
        };
        let (strict, loose) =
            (asking("good.test", DmarcPolicy::Reject), asking("a.good.test", DmarcPolicy::None));
        assert_eq!(worst(vec![strict.clone(), loose]), Some(strict));
    }
}
