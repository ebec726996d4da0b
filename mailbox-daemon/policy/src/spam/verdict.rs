//! What is known of a message before its content and what was learnt about mail like it, in one verdict.
//!
//! Everything counts in the same coin: the logarithm of the odds that it is spam.
//!
//! | what is known | it adds |
//! |---|---|
//! | what was learnt says so, between 1 and 99999 in 100000 | -11.5 to +11.5 |
//! | the author was written to before, and DMARC says it is he | -8 |
//! | somebody with the author's address was written to before | -1.5 |
//! | DMARC passes | -0.7 |
//! | a signature passes, DMARC does not | -0.3 |
//! | DMARC fails and the author's domain asks for nothing | +1 |
//! | SPF fails | +1 |
//! | SPF fails softly, or its record makes no sense | +0.5 |
//! | the client's name does not lead back to it | +0.7 |
//! | the client has no name | +0.5 |
//! | the client is on a list, for each point of its weight | +2 |
//! | the sender's domain is nowhere | +1.5 |
//! | the header names no single author | +1 |
//!
//! What speaks for spam before content adds at most 4 and counts only where what was learnt speaks for spam too: it tips the scales, it does not fill
//! them. What speaks against counts always. Until enough was learnt, and for mail the site takes for spam by its facts alone
//! (`policy::inbound`), content decides nothing.

use super::{Clue, Opinion, Seen};
use crate::config;
use crate::inbound;
use types::{Evidence, Outcome, SenderDomain};

/// What speaks for spam before content adds no more than this.
const EVIDENCE_MAX: f64 = 4.0;
/// No content is more certain than this.
const PROBABILITY_MIN: f64 = 1e-5;
/// Clues and facts that are told, the strongest first.
const TOLD_MAX: usize = 6;
/// What adds less is not worth telling.
const TOLD_WEIGHT_MIN: f64 = 0.1;

/// Everything a verdict is made from.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What is known before content; `None` where nobody asked.
    pub evidence: Option<&'a Evidence>,
    /// What the site thinks of it by these facts.
    pub site: Option<inbound::Verdict>,
    /// Whether this account wrote to the author before.
    pub is_correspondent: bool,
    /// What was learnt says.
    pub opinion: &'a Opinion,
    /// Why.
    pub clues: &'a [Clue],
    /// What the account has learnt.
    pub own: Seen,
    /// What the household has learnt.
    pub household: Seen,
    /// What the owner set.
    pub settings: &'a config::Spam,
}

/// What is thought of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether it belongs into Junk.
    pub is_junk: bool,
    /// How much it looks like spam, 0 to 100; `None` where too little was learnt to tell.
    pub score: Option<u8>,
    /// Why, the strongest first, in words; may hold words of the message.
    pub reasons: Vec<Clue>,
    /// How much was learnt, as long as that is too little.
    pub learning: Option<Learning>,
}

/// How far learning has come until it acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learning {
    /// What was seen.
    pub seen: Seen,
    /// What has to be seen.
    pub wanted: Seen,
}

impl Learning {
    /// How far an account has come, with what the household knows behind it; `None` once that is enough.
    pub fn of(own: Seen, household: Seen, settings: &config::Spam) -> Option<Learning> {
        let wanted = Seen { spam: settings.spam_learnt_min, ham: settings.ham_learnt_min };
        let is_enough = |seen: Seen| seen.spam >= wanted.spam && seen.ham >= wanted.ham;
        let nearest = if own.spam + own.ham >= household.spam + household.ham { own } else { household };
        (!is_enough(own) && !is_enough(household)).then_some(Learning { seen: nearest, wanted })
    }
}

impl std::fmt::Display for Learning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Learning { seen, wanted } = self;
        write!(f, "{} of {} spam and {} of {} wanted messages", seen.spam, wanted.spam, seen.ham, wanted.ham)
    }
}

impl Verdict {
    /// In a few words: `yes, score=97`.
    pub fn summary(&self) -> String {
        let word = if self.is_junk { "yes" } else { "no" };
        match (self.score, self.learning) {
            (Some(score), _) => format!("{word}, score={score}"),
            (None, Some(learning)) => format!("{word}, still learning ({learning})"),
            (None, None) => word.to_owned(),
        }
    }

    /// Why, each reason with what it adds; may hold words of the message.
    pub fn told(&self) -> Vec<String> {
        self.reasons.iter().map(|Clue { what, weight }| format!("{what} ({weight:+.1})")).collect()
    }
}

/// What is to be thought of a message.
pub fn judge(case: &Case<'_>) -> Verdict {
    let by_facts = case.site.is_some_and(|site| site >= inbound::Verdict::Quarantine);
    let learning = Learning::of(case.own, case.household, case.settings);
    let mut reasons = facts(case);
    if learning.is_some() {
        strongest(&mut reasons);
        return Verdict { is_junk: by_facts, score: None, reasons, learning };
    }
    let content = log_odds(case.opinion.probability);
    let against: f64 = reasons.iter().map(|fact| fact.weight.max(0.0)).sum();
    let favour: f64 = reasons.iter().map(|fact| fact.weight.min(0.0)).sum();
    let tips = if content > 0.0 { against.min(EVIDENCE_MAX) } else { 0.0 };
    let probability = 1.0 / (1.0 + (-(content + tips + favour)).exp());
    // A little is added for what rounding took on the way here and back.
    let score = (probability * 100.0 + 1e-6).floor();
    let by_content = case.settings.enabled && score >= Opinion::SPAM_FROM * 100.0;
    reasons.extend_from_slice(case.clues);
    strongest(&mut reasons);
    Verdict { is_junk: by_facts || by_content, score: Some(score as u8), reasons, learning: None }
}

fn log_odds(probability: f64) -> f64 {
    let bounded = probability.clamp(PROBABILITY_MIN, 1.0 - PROBABILITY_MIN);
    (bounded / (1.0 - bounded)).ln()
}

/// The rows of the table that apply, but for what was learnt.
fn facts(case: &Case<'_>) -> Vec<Clue> {
    let Some(evidence) = case.evidence else {
        let known = case.is_correspondent.then(|| clue(-1.5, "you wrote to this address before"));
        return known.into_iter().collect();
    };
    let dmarc = evidence.dmarc.as_ref().map(|dmarc| dmarc.outcome);
    let passes = dmarc == Some(Outcome::Pass);
    let spf = evidence.spf_mail_from.as_ref().map_or(Outcome::None, |spf| spf.outcome);
    let is_signed = evidence.dkim.iter().any(|signature| signature.outcome == Outcome::Pass);
    let weight: u32 = evidence.listings.iter().map(|listing| u32::from(listing.weight)).sum();
    let table = [
        (
            case.is_correspondent && passes,
            -8.0,
            "you wrote to its author before, and it is really from there",
        ),
        (case.is_correspondent && !passes, -1.5, "you wrote to this address before"),
        (passes, -0.7, "its author's domain stands for it (DMARC)"),
        (is_signed && !passes, -0.3, "it is signed (DKIM)"),
        (dmarc == Some(Outcome::Fail), 1.0, "its author's domain does not stand for it (DMARC)"),
        (spf == Outcome::Fail, 1.0, "the sender's domain does not let this server send for it (SPF)"),
        (
            matches!(spf, Outcome::SoftFail | Outcome::PermError),
            0.5,
            "the sender's domain hardly lets this server send for it (SPF)",
        ),
        (
            evidence.reverse_dns.outcome == Outcome::Fail,
            0.7,
            "the sending server's name does not lead back to it",
        ),
        (matches!(evidence.reverse_dns.outcome, Outcome::PermError), 0.5, "the sending server has no name"),
        (weight > 0, 2.0 * f64::from(weight), "the sending server is on a list of senders of spam"),
        (evidence.sender_domain == SenderDomain::Nowhere, 1.5, "the sender's domain does not exist"),
        (dmarc.is_none(), 1.0, "it does not name one author"),
    ];
    table.into_iter().filter(|(applies, ..)| *applies).map(|(_, weight, what)| clue(weight, what)).collect()
}

fn clue(weight: f64, what: &str) -> Clue {
    Clue { what: what.to_owned(), weight }
}

/// Keeps the clues that are worth telling.
fn strongest(clues: &mut Vec<Clue>) {
    clues.retain(|clue| clue.weight.abs() >= TOLD_WEIGHT_MIN);
    clues.sort_by(|one, other| other.weight.abs().total_cmp(&one.weight.abs()));
    clues.truncate(TOLD_MAX);
}

#[cfg(test)]
mod tests;
