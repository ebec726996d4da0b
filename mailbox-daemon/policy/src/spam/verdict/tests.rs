use super::*;
use types::{Dmarc, DmarcPolicy, Domain, Listing, ReverseDns, Spf};

const MUCH: Seen = Seen { spam: 50, ham: 50 };
const LITTLE: Seen = Seen { spam: 12, ham: 500 };

/// Words for facts, so that the table below reads.
fn evidence(words: &str) -> Evidence {
    let domain = Domain::parse("example.org").unwrap();
    let dmarc = |outcome| Dmarc {
        outcome,
        from: domain.clone(),
        record_of: None,
        record: None,
        policy: DmarcPolicy::None,
        is_spf_aligned: false,
        is_dkim_aligned: false,
    };
    let mut evidence = Evidence { dmarc: Some(dmarc(Outcome::None)), ..Evidence::default() };
    for word in words.split_ascii_whitespace() {
        match word {
            "dmarc" => evidence.dmarc = Some(dmarc(Outcome::Pass)),
            "forged" => evidence.dmarc = Some(dmarc(Outcome::Fail)),
            "nobody" => evidence.dmarc = None,
            "spf-fails" => {
                let spf = Spf { outcome: Outcome::Fail, domain: domain.clone(), explanation: None };
                evidence.spf_mail_from = Some(spf);
            }
            "listed" => {
                let listing = Listing { list: domain.clone(), meaning: String::new(), weight: 1 };
                evidence.listings = vec![listing];
            }
            "nowhere" => evidence.sender_domain = SenderDomain::Nowhere,
            "nameless" => {
                evidence.reverse_dns = ReverseDns { outcome: Outcome::PermError, name: None };
            }
            _ => assert_eq!(word, "known"),
        }
    }
    evidence
}

fn judged(words: &str, probability: f64, own: Seen, household: Seen, site: inbound::Verdict) -> Verdict {
    let settings = config::Spam::default();
    let evidence = evidence(words);
    let opinion = Opinion { log_odds: 0.0, probability };
    judge(&Case {
        evidence: Some(&evidence),
        site: Some(site),
        is_correspondent: words.contains("known"),
        opinion: &opinion,
        clues: &[clue(2.5, "subject: \"pills\"")],
        own,
        household,
        settings: &settings,
    })
}

#[test]
fn evidence_tips_what_content_makes_likely_and_nothing_else() {
    for (words, probability, is_junk, score) in [
        ("", 0.95, true, 95),
        ("", 0.9, true, 90),
        ("", 0.89, false, 89),
        ("", 1.0, true, 99),
        ("listed", 0.6, true, 91),
        ("listed nowhere spf-fails nameless nobody", 0.6, true, 98),
        ("listed nowhere spf-fails nameless nobody", 0.49, false, 49),
        ("forged", 0.8, true, 91),
        ("dmarc", 0.94, false, 88),
        ("dmarc", 0.99, true, 98),
        ("dmarc known", 0.999, false, 14),
        ("known", 0.97, false, 87),
        ("known", 0.99, true, 95),
        ("dmarc known", 1.0, true, 94),
        ("", 0.0, false, 0),
    ] {
        let verdict = judged(words, probability, MUCH, MUCH, inbound::Verdict::Accept);
        assert_eq!((verdict.is_junk, verdict.score), (is_junk, Some(score)), "{words} {probability}");
    }
}

#[test]
fn too_little_learnt_decides_nothing() {
    for (own, household, acts) in [
        (MUCH, LITTLE, true),
        (LITTLE, MUCH, true),
        (LITTLE, LITTLE, false),
        (Seen { spam: 49, ham: 50 }, Seen { spam: 50, ham: 49 }, false),
    ] {
        let verdict = judged("", 1.0, own, household, inbound::Verdict::Accept);
        assert_eq!((verdict.is_junk, verdict.score.is_some()), (acts, acts), "{own:?} {household:?}");
        assert_eq!(verdict.learning.is_none(), acts);
        let by_facts = judged("nowhere", 0.0, own, household, inbound::Verdict::Quarantine);
        assert!(by_facts.is_junk, "facts act from the first message on");
    }
    let learning = judged("", 1.0, LITTLE, Seen::default(), inbound::Verdict::Accept).learning.unwrap();
    let verdict = judged("", 1.0, LITTLE, Seen::default(), inbound::Verdict::Accept);
    assert_eq!(verdict.summary(), "no, still learning (12 of 50 spam and 500 of 50 wanted messages)");
    assert_eq!(learning.to_string(), "12 of 50 spam and 500 of 50 wanted messages");
}

#[test]
fn the_strongest_reasons_are_told() {
    let verdict = judged("dmarc known", 0.999, MUCH, MUCH, inbound::Verdict::Accept);
    let told: Vec<&str> = verdict.reasons.iter().map(|clue| clue.what.as_str()).collect();
    let expected = [
        "you wrote to its author before, and it is really from there",
        "subject: \"pills\"",
        "its author's domain stands for it (DMARC)",
    ];
    assert_eq!(told, expected);
    assert_eq!(verdict.summary(), "no, score=14");
    assert_eq!(verdict.told()[1], "subject: \"pills\" (+2.5)");
    let all = judged("listed nowhere spf-fails nameless nobody", 0.9, MUCH, MUCH, inbound::Verdict::Accept);
    assert_eq!(all.reasons.len(), TOLD_MAX);
}

#[test]
fn a_filter_that_is_off_says_what_it_thinks_and_does_nothing() {
    let settings = config::Spam { enabled: false, ..config::Spam::default() };
    let opinion = Opinion { log_odds: 9.0, probability: 0.999 };
    let case = Case {
        evidence: None,
        site: None,
        is_correspondent: false,
        opinion: &opinion,
        clues: &[],
        own: MUCH,
        household: MUCH,
        settings: &settings,
    };
    let verdict = judge(&case);
    assert_eq!((verdict.is_junk, verdict.score), (false, Some(99)));
}
