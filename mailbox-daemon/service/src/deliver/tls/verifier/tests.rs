use super::*;
use policy::hop::Tlsa;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use std::time::Duration;

/// 2026-06-01.
const NOW_S: u64 = 1_780_272_000;

struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate, its key's SPKI.
struct Leaf(CertificateDer<'static>, Vec<u8>);

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    fn leaf(&self, name: &str, last_year: i32) -> Leaf {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Leaf(certificate.der().clone(), key.subject_public_key_info())
    }
}

/// Whether a server with this chain passes, and what its certificate is.
fn judged(
    expected: Expected,
    roots: &[&Authority],
    leaf: &Leaf,
    others: &[CertificateDer<'static>],
) -> (bool, Certificate) {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.certificate()).unwrap();
    }
    let verifier = Verifier::new(expected, Arc::new(store));
    let name = ServerName::try_from("mx.a.test").unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW_S));
    let verified = verifier.verify_server_cert(&leaf.0, others, &name, &[], now).is_ok();
    (verified, verifier.found().unwrap())
}

fn record(usage: u8, selector: u8, matching: u8, part: &[u8]) -> Tlsa {
    let data = match matching {
        0 => part.to_vec(),
        1 => digest(&SHA256, part).as_ref().to_vec(),
        _ => digest(&SHA512, part).as_ref().to_vec(),
    };
    Tlsa::from_numbers(usage, selector, matching, &data).unwrap()
}

fn named(records: &[&Tlsa]) -> Expected {
    let names = ["mx.a.test", "a.test"].map(str::to_owned).to_vec();
    Expected::Named { records: records.iter().copied().cloned().collect(), names }
}

#[test]
fn a_record_names_the_servers_own_certificate_whatever_its_name_and_dates() {
    let authority = Authority::new("nobody knows it");
    let leaf = authority.leaf("other.test", 2021);
    for matching in 0..=2 {
        for record in [record(3, 0, matching, &leaf.0), record(3, 1, matching, &leaf.1)] {
            assert_eq!(judged(named(&[&record]), &[], &leaf, &[]), (true, Certificate::Named), "{record}");
        }
    }
    let wrong = record(3, 1, 1, b"another key");
    let (passes, found) = judged(named(&[&wrong]), &[&authority], &leaf, &[]);
    assert!(!passes);
    assert!(matches!(found, Certificate::Doubtful(TlsFailureType::TlsaInvalid, _)), "{found:?}");
    // One of several is enough: so keys are replaced (RFC 7672 section 4).
    let right = record(3, 1, 1, &leaf.1);
    assert!(judged(named(&[&wrong, &right]), &[], &leaf, &[]).0);
}

#[test]
fn a_record_names_an_authority_of_the_chain() {
    let (authority, other) = (Authority::new("theirs"), Authority::new("another"));
    let (chain, spki) = ([authority.certificate()], authority.0.key().subject_public_key_info());
    let by_certificate = record(2, 0, 1, &chain[0]);
    let leaf = authority.leaf("mx.a.test", 2030);
    for record in [by_certificate.clone(), record(2, 1, 1, &spki), record(2, 0, 2, &chain[0])] {
        assert_eq!(judged(named(&[&record]), &[], &leaf, &chain), (true, Certificate::Named), "{record}");
    }
    // The recipient's domain counts too (RFC 7672 section 3.2.2), and wildcards do.
    for (name, last_year, expected) in [
        ("a.test", 2030, true),
        ("*.a.test", 2030, true),
        ("other.test", 2030, false),
        ("x.mx.a.test", 2030, false),
        ("mx.a.test", 2021, false),
    ] {
        let leaf = authority.leaf(name, last_year);
        let passes = judged(named(&[&by_certificate]), &[], &leaf, &chain).0;
        assert_eq!(passes, expected, "{name} until {last_year}");
    }
    // Issued by somebody else, with the right authority beside it.
    assert!(!judged(named(&[&by_certificate]), &[], &other.leaf("mx.a.test", 2030), &chain).0);
    // The authority must come along, unless the record is the authority.
    assert!(!judged(named(&[&by_certificate]), &[], &leaf, &[]).0);
    assert!(judged(named(&[&record(2, 0, 0, &chain[0])]), &[], &leaf, &[]).0);
    // A record for the server's own certificate says nothing of the authority, and the reverse.
    assert!(!judged(named(&[&record(3, 0, 1, &chain[0])]), &[], &leaf, &chain).0);
    assert!(!judged(named(&[&record(2, 0, 1, &leaf.0)]), &[], &leaf, &chain).0);
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_by_its_rfc_8460_name() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    for (leaf, expected) in [
        (known.leaf("mx.a.test", 2030), Ok(())),
        (known.leaf("mx.a.test", 2021), Err(TlsFailureType::CertificateExpired)),
        (known.leaf("other.test", 2030), Err(TlsFailureType::CertificateHostMismatch)),
        (unknown.leaf("mx.a.test", 2030), Err(TlsFailureType::CertificateNotTrusted)),
    ] {
        let is_expected = |found: &Certificate| match (found, expected) {
            (Certificate::Trusted, Ok(())) => true,
            (Certificate::Doubtful(failure, _), Err(expected)) => *failure == expected,
            _ => false,
        };
        let (passes, found) = judged(Expected::Authority, &[&known], &leaf, &[]);
        assert!(passes == expected.is_ok() && is_expected(&found), "{found:?}, not {expected:?}");
        // Without a policy the same is seen, and the mail goes on (RFC 7435).
        let (passes, found) = judged(Expected::Anybody, &[&known], &leaf, &[]);
        assert!(passes && is_expected(&found), "{found:?}, not {expected:?}");
    }
    let leaf = known.leaf("mx.a.test", 2030);
    let (passes, found) = judged(Expected::Authority, &[], &leaf, &[]);
    assert!(!passes, "without authorities");
    assert!(matches!(found, Certificate::Doubtful(TlsFailureType::CertificateNotTrusted, _)));
}
