use super::*;
use types::{Address, Arc, DkimSignature, DmarcRecord, Listing, Spf};

/// `what is known` -> verdict and the first reason's words.
///
/// `dmarc=<outcome>/<policy>` (with `record` where it was read from one), `spf=<outcome>`, `dkim=<outcome>`, `arc=<outcome>:<sealer>,<sealer>/<dmarc then>`, `mx=null`,
/// `mx=nowhere`, `mx=unknown`, `list=<weight>`, `known`, `spf_reject`, `<>` and `no-author`; DMARC is `none/none` otherwise.
const TABLE: &[(&str, Verdict, &str)] = &[
    ("", Verdict::Accept, "nothing speaks against it"),
    ("<>", Verdict::Accept, "nothing speaks against it"),
    ("dmarc=pass/reject spf=pass", Verdict::Accept, "author.test stands for its author (DMARC)"),
    ("dmarc=pass/reject spf=fail", Verdict::Accept, "author.test stands for its author (DMARC)"),
    // DMARC
    ("dmarc=fail/reject", Verdict::Refuse, "DMARC fails, and author.test asks for its refusal"),
    ("dmarc=fail/quarantine", Verdict::Quarantine, "DMARC fails, and author.test asks for suspicion"),
    ("dmarc=fail/none", Verdict::Accept, "DMARC fails, and author.test asks for nothing"),
    ("dmarc=permerror/none", Verdict::Accept, "nothing speaks against it"),
    ("no-author", Verdict::Quarantine, "the header does not name one author"),
    // what could still turn out otherwise waits
    ("dmarc=temperror/none", Verdict::Defer, "whether author.test stands for"),
    ("dmarc=temperror/quarantine record", Verdict::Defer, "whether author.test stands for"),
    ("dmarc=temperror/none record dkim=temperror", Verdict::Accept, "nothing speaks against it"),
    ("dmarc=fail/reject spf=temperror", Verdict::Defer, "whether author.test stands for"),
    ("dmarc=fail/quarantine dkim=temperror", Verdict::Defer, "whether author.test stands for"),
    ("dmarc=fail/none dkim=temperror", Verdict::Accept, "DMARC fails"),
    ("dmarc=fail/reject arc=temperror:good.test", Verdict::Defer, "whether author.test stands for"),
    ("dmarc=fail/reject arc=temperror:evil.test", Verdict::Refuse, "DMARC fails"),
    // forwarders
    ("dmarc=fail/reject arc=pass:good.test/pass", Verdict::Accept, "good.test, which is trusted, changed"),
    ("dmarc=fail/reject arc=pass:good.test/pass spf=fail", Verdict::Accept, "good.test, which is trusted"),
    ("dmarc=fail/quarantine arc=pass:better.test,good.test/pass", Verdict::Accept, "good.test, which is"),
    ("dmarc=fail/reject arc=pass:good.test", Verdict::Refuse, "DMARC fails"),
    ("dmarc=fail/reject arc=pass:good.test/fail", Verdict::Refuse, "DMARC fails"),
    ("dmarc=fail/reject arc=pass:evil.test/pass", Verdict::Refuse, "DMARC fails"),
    ("dmarc=fail/reject arc=pass:evil.test,good.test/pass", Verdict::Refuse, "DMARC fails"),
    ("dmarc=fail/reject arc=fail:good.test/pass", Verdict::Refuse, "DMARC fails"),
    // SPF alone
    ("spf=fail", Verdict::Quarantine, "sender.test does not let this client send in its name (SPF)"),
    ("<> spf=fail", Verdict::Quarantine, "sender.test does not let"),
    (
        "spf=fail spf_reject",
        Verdict::Refuse,
        "sender.test does not let this client send in its name (SPF); sender.test explains: no",
    ),
    ("spf=fail spf_reject dkim=pass", Verdict::Accept, "nothing speaks against it"),
    ("dmarc=fail/none spf=fail", Verdict::Quarantine, "sender.test does not let"),
    ("spf=softfail", Verdict::Accept, "nothing speaks against it"),
    ("spf=permerror", Verdict::Accept, "nothing speaks against it"),
    ("spf=temperror", Verdict::Defer, "whom sender.test lets send in its name cannot be told"),
    ("spf=temperror spf_reject", Verdict::Defer, "whom sender.test lets"),
    ("spf=temperror dmarc=pass/none", Verdict::Accept, "author.test stands for"),
    // the sender's domain
    ("mx=null", Verdict::Refuse, "the sender's domain sender.test says that it takes no mail"),
    ("mx=null dmarc=pass/none known", Verdict::Refuse, "the sender's domain sender.test says"),
    ("mx=nowhere", Verdict::Quarantine, "the sender's domain sender.test is nowhere"),
    ("mx=nowhere dmarc=pass/none", Verdict::Accept, "author.test stands for"),
    ("mx=unknown", Verdict::Defer, "whether the sender's domain sender.test takes mail cannot be told"),
    ("mx=unknown list=2", Verdict::Refuse, "the client's address is listed by"),
    // lists
    ("list=0", Verdict::Accept, "nothing speaks against it"),
    ("list=1", Verdict::Quarantine, "the client's address is listed by list.test (SBL)"),
    (
        "list=1 list=1",
        Verdict::Refuse,
        "the client's address is listed by list.test (SBL) and list.test (SBL)",
    ),
    ("list=2 known dmarc=pass/none", Verdict::Refuse, "the client's address is listed by list.test (SBL)"),
    // correspondents are known by more than their name
    ("list=1 known", Verdict::Quarantine, "the client's address is listed by"),
    ("list=1 known spf=pass", Verdict::Accept, "nothing speaks against it"),
    ("list=1 known dmarc=pass/none", Verdict::Accept, "author.test stands for"),
    ("dmarc=fail/reject known spf=pass", Verdict::Refuse, "DMARC fails"),
];

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

fn outcome(word: &str) -> Outcome {
    word.parse().unwrap_or_else(|()| panic!("{word}"))
}

fn dmarc_of(text: &str) -> Dmarc {
    let (word, policy) = text.split_once('/').unwrap();
    let policy = match policy {
        "none" => DmarcPolicy::None,
        "quarantine" => DmarcPolicy::Quarantine,
        _ => DmarcPolicy::Reject,
    };
    Dmarc {
        outcome: outcome(word),
        from: domain("author.test"),
        record_of: Some(domain("author.test")),
        record: None,
        policy,
        is_spf_aligned: false,
        is_dkim_aligned: false,
    }
}

fn arc_of(text: &str) -> Arc {
    let (text, first) = text.split_once('/').map_or((text, None), |(text, first)| (text, Some(first)));
    let (word, sealers) = text.split_once(':').unwrap();
    let sealers = sealers.split(',').map(domain).collect();
    Arc { outcome: outcome(word), sealers, first_dmarc: first.map(outcome), reason: None }
}

fn signature(word: &str) -> DkimSignature {
    DkimSignature {
        outcome: outcome(word),
        domain: domain("signer.test"),
        selector: "s".to_owned(),
        algorithm: "rsa-sha256".to_owned(),
        begins: "abc".to_owned(),
        reason: None,
    }
}

#[test]
fn the_table() {
    for (known, verdict, words) in TABLE {
        let mut evidence = Evidence { dmarc: Some(dmarc_of("none/none")), ..Evidence::default() };
        let trusted_sealers = vec![domain("good.test"), domain("better.test")];
        let mut settings = Inbound { trusted_sealers, ..Inbound::default() };
        let mut from = Some(Address::parse("a@sender.test").unwrap());
        let mut is_correspondent = false;
        for word in known.split_whitespace() {
            match word.split_once('=').unwrap_or((word, "")) {
                ("dmarc", text) => evidence.dmarc = Some(dmarc_of(text)),
                ("record", _) => {
                    if let Some(dmarc) = &mut evidence.dmarc {
                        dmarc.record = Some(DmarcRecord::default());
                    }
                }
                ("no-author", _) => evidence.dmarc = None,
                ("arc", text) => evidence.arc = arc_of(text),
                ("dkim", word) => evidence.dkim.push(signature(word)),
                ("spf", word) => {
                    let explanation = Some("no".to_owned());
                    let (outcome, domain) = (outcome(word), domain("sender.test"));
                    evidence.spf_mail_from = Some(Spf { outcome, domain, explanation });
                }
                ("mx", "null") => evidence.sender_domain = SenderDomain::NullMx,
                ("mx", "nowhere") => evidence.sender_domain = SenderDomain::Nowhere,
                ("mx", _) => evidence.sender_domain = SenderDomain::Unknown,
                ("list", weight) => {
                    let (list, meaning) = (domain("list.test"), "SBL".to_owned());
                    evidence.listings.push(Listing { list, meaning, weight: weight.parse().unwrap() });
                }
                ("known", _) => is_correspondent = true,
                ("spf_reject", _) => settings.spf_reject = true,
                ("<>", _) => from = None,
                (other, _) => panic!("{other}"),
            }
        }
        let case = Case { evidence: &evidence, settings: &settings, from: &from, is_correspondent };
        let judgement = judge(&case);
        assert_eq!(judgement.verdict, *verdict, "{known}: {:?}", judgement.reasons);
        let said = judgement.reasons[0].to_string();
        assert!(said.starts_with(words), "{known}: {said}");
        assert_eq!(judgement.refusal().is_some(), *verdict >= Verdict::Defer, "{known}");
    }
}

#[test]
fn roles_always_get_their_mail() {
    let of = |reason: Reason| Judgement { verdict: reason.verdict(), reasons: vec![reason] };
    let refused = of(Reason::DmarcAsksForRefusal(domain("a.test")));
    let put_off = of(Reason::SpfUnknown(domain("a.test")));
    assert_eq!(refused.for_recipients(false), Verdict::Refuse);
    assert_eq!(refused.for_recipients(true), Verdict::Quarantine);
    assert_eq!(put_off.for_recipients(true), Verdict::Quarantine);
    assert_eq!(of(Reason::NothingAgainst).for_recipients(true), Verdict::Accept);
}

#[test]
fn several_reasons_stand_with_the_gravest_first() {
    let evidence = Evidence {
        dmarc: Some(dmarc_of("fail/reject")),
        sender_domain: SenderDomain::Nowhere,
        ..Evidence::default()
    };
    let (settings, from) = (Inbound::default(), Some(Address::parse("a@sender.test").unwrap()));
    let case = Case { evidence: &evidence, settings: &settings, from: &from, is_correspondent: false };
    assert_eq!(
        judge(&case).reasons,
        [Reason::DmarcAsksForRefusal(domain("author.test")), Reason::SenderNowhere(domain("sender.test"))]
    );
}
