//! What becomes of mail from others.
//!
//! Every rule looks at the [`Case`] alone and gives at most one [`Reason`]; the gravest reason decides.
//!
//! | what is known | unless | it is |
//! |---|---|---|
//! | the sender's domain says it takes no mail (RFC 7505) | | refused |
//! | the client is on lists that weigh 2 together | | refused |
//! | DMARC fails and the author's domain asks for refusal | a trusted forwarder vouches | refused |
//! | DMARC fails and the author's domain asks for suspicion | a trusted forwarder vouches | suspicious |
//! | one of the above, but an SPF record, a key or the ARC chain that could tell otherwise cannot be asked | | put off |
//! | the author's domain cannot be asked for its DMARC policy, or for a key or record that could meet it | the policy asks for nothing | put off |
//! | SPF forbids the client (`-all`) | DMARC passes, a signature passes or a trusted forwarder vouches | suspicious; refused with `inbound.spf_reject` |
//! | SPF cannot be asked | the same | put off |
//! | the sender's domain cannot be asked whether it takes mail | | put off |
//! | the sender's domain is nowhere | DMARC passes, or an authentic correspondent | suspicious |
//! | the client is on a list that weighs 1 | an authentic correspondent | suspicious |
//! | the header names no author or several, so that nobody vouches for them | | suspicious |
//! | anything else | | accepted |
//!
//! Suspicious mail lies in Junk. A sender whose domain is nowhere is not refused: RFC 5321 wants names that resolve, but the
//! fault is mostly a machine's setting, and its owner should find the mail. `p=none` asks for nothing and gets it. Refusals for
//! SPF alone break forwarding, so they are for those who want them. What DNS does not answer is never a reason to refuse.
//!
//! `postmaster@` and `abuse@` always get their mail (RFC 5321 section 4.5.1, RFC 2142): see
//! [`Judgement::for_recipients`] and [`crate::access::always_arrives`].

mod reason;
#[cfg(test)]
mod tests;

pub use reason::Reason;

use crate::config::Inbound;
use types::{Dmarc, DmarcPolicy, Domain, Evidence, Outcome, ReversePath, SenderDomain};

/// Lists that weigh as much together refuse.
const REFUSING_WEIGHT: u32 = 2;

/// Everything a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What was found out.
    pub evidence: &'a Evidence,
    /// What the owner set.
    pub settings: &'a Inbound,
    /// The envelope's sender.
    pub from: &'a ReversePath,
    /// Whether one of the recipients wrote to the sender before.
    pub is_correspondent: bool,
}

/// What becomes of a message, the milder first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Into the INBOX.
    Accept,
    /// Into Junk.
    Quarantine,
    /// Not now: the sender is to try again.
    Defer,
    /// Never.
    Refuse,
}

/// A verdict that explains itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The gravest of what the reasons call for.
    pub verdict: Verdict,
    /// Why, the gravest first; never empty.
    pub reasons: Vec<Reason>,
}

type Rule = fn(&Case<'_>) -> Option<Reason>;

/// The rows of the table, in its order.
const RULES: [Rule; 8] =
    [null_mx, lists, dmarc, dmarc_unknown, spf, sender_unknown, sender_nowhere, no_single_author];

/// Judges a message.
pub fn judge(case: &Case<'_>) -> Judgement {
    let mut reasons: Vec<Reason> = RULES.iter().filter_map(|rule| rule(case)).collect();
    let is_harmless = |reasons: &[Reason]| reasons.iter().all(|reason| reason.verdict() == Verdict::Accept);
    if is_harmless(&reasons) {
        reasons.extend(case.in_favour());
    }
    if reasons.is_empty() {
        reasons.push(Reason::NothingAgainst);
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict()));
    Judgement { verdict: reasons[0].verdict(), reasons }
}

impl Judgement {
    /// What becomes of the message where some of its recipients have a role that always gets mail: it is taken, lies in the
    /// INBOX of those, and in Junk of all others.
    pub fn for_recipients(&self, has_role: bool) -> Verdict {
        match (self.verdict, has_role) {
            (Verdict::Defer | Verdict::Refuse, true) => Verdict::Quarantine,
            (verdict, _) => verdict,
        }
    }

    /// What is said to the sender of a message that is not taken, if it is not.
    pub fn refusal(&self) -> Option<&Reason> {
        self.reasons.first().filter(|reason| reason.verdict() >= Verdict::Defer)
    }
}

impl Case<'_> {
    fn dmarc_passes(&self) -> bool {
        self.evidence.dmarc.as_ref().is_some_and(|dmarc| dmarc.outcome == Outcome::Pass)
    }

    fn spf(&self) -> Outcome {
        self.evidence.spf_mail_from.as_ref().map_or(Outcome::None, |spf| spf.outcome)
    }

    /// Somebody the recipients wrote to, and it is he.
    fn is_authentic_correspondent(&self) -> bool {
        self.is_correspondent && (self.dmarc_passes() || self.spf() == Outcome::Pass)
    }

    /// The sealers, if all of them are trusted: each could have changed what the ones before it said.
    fn trusted_sealers(&self) -> Option<&[Domain]> {
        let sealers = self.evidence.arc.sealers.as_slice();
        let is_trusted = |sealer: &Domain| self.settings.trusted_sealers.contains(sealer);
        (!sealers.is_empty() && sealers.iter().all(is_trusted)).then_some(sealers)
    }

    /// The forwarder who saw the message pass before he changed it.
    fn vouching_forwarder(&self) -> Option<&Domain> {
        let arc = &self.evidence.arc;
        let passed_then = arc.first_dmarc == Some(Outcome::Pass);
        let last = self.trusted_sealers()?.last()?;
        (arc.outcome == Outcome::Pass && passed_then).then_some(last)
    }

    /// Whether DMARC would perhaps pass, or a forwarder vouch, if DNS had answered.
    fn is_failure_uncertain(&self) -> bool {
        let has_unknown_key = self.evidence.dkim.iter().any(|one| one.outcome == Outcome::TempError);
        let is_chain_unknown =
            self.evidence.arc.outcome == Outcome::TempError && self.trusted_sealers().is_some();
        self.spf() == Outcome::TempError || has_unknown_key || is_chain_unknown
    }

    /// Whether somebody vouches for the message though its sender's SPF does not.
    fn is_vouched_for(&self) -> bool {
        let is_signed = self.evidence.dkim.iter().any(|one| one.outcome == Outcome::Pass);
        self.dmarc_passes() || is_signed || self.vouching_forwarder().is_some()
    }

    fn in_favour(&self) -> Option<Reason> {
        match &self.evidence.dmarc {
            Some(Dmarc { outcome: Outcome::Pass, from, .. }) => Some(Reason::AuthorVouches(from.clone())),
            _ => None,
        }
    }
}

fn null_mx(case: &Case<'_>) -> Option<Reason> {
    let from = case.from.as_ref()?;
    (case.evidence.sender_domain == SenderDomain::NullMx)
        .then(|| Reason::SenderTakesNoMail(from.domain.clone()))
}

fn lists(case: &Case<'_>) -> Option<Reason> {
    let listings = &case.evidence.listings;
    let weight: u32 = listings.iter().map(|listing| u32::from(listing.weight)).sum();
    match weight {
        0 => None,
        REFUSING_WEIGHT.. => Some(Reason::ListedByMany(listings.clone())),
        _ if case.is_authentic_correspondent() => None,
        _ => Some(Reason::Listed(listings.clone())),
    }
}

fn dmarc(case: &Case<'_>) -> Option<Reason> {
    let dmarc = case.evidence.dmarc.as_ref().filter(|dmarc| dmarc.outcome == Outcome::Fail)?;
    let from = dmarc.from.clone();
    if let Some(forwarder) = case.vouching_forwarder() {
        return Some(Reason::ForwarderVouches { from, forwarder: forwarder.clone() });
    }
    match dmarc.policy {
        DmarcPolicy::None => Some(Reason::DmarcFails(from)),
        _ if case.is_failure_uncertain() => Some(Reason::DmarcUnknown(from)),
        DmarcPolicy::Quarantine => Some(Reason::DmarcAsksForSuspicion(from)),
        DmarcPolicy::Reject => Some(Reason::DmarcAsksForRefusal(from)),
    }
}

fn dmarc_unknown(case: &Case<'_>) -> Option<Reason> {
    let dmarc = case.evidence.dmarc.as_ref().filter(|dmarc| dmarc.outcome == Outcome::TempError)?;
    let asks_for_nothing = dmarc.record.is_some() && dmarc.policy == DmarcPolicy::None;
    (!asks_for_nothing).then(|| Reason::DmarcUnknown(dmarc.from.clone()))
}

fn spf(case: &Case<'_>) -> Option<Reason> {
    let spf = case.evidence.spf_mail_from.as_ref().filter(|_| !case.is_vouched_for())?;
    let (domain, explanation) = (spf.domain.clone(), spf.explanation.clone());
    match spf.outcome {
        Outcome::Fail if case.settings.spf_reject => Some(Reason::SpfRefuses { domain, explanation }),
        Outcome::Fail => Some(Reason::SpfForbids(domain)),
        Outcome::TempError => Some(Reason::SpfUnknown(domain)),
        _ => None,
    }
}

fn sender_unknown(case: &Case<'_>) -> Option<Reason> {
    let from = case.from.as_ref()?;
    (case.evidence.sender_domain == SenderDomain::Unknown).then(|| Reason::SenderUnknown(from.domain.clone()))
}

fn sender_nowhere(case: &Case<'_>) -> Option<Reason> {
    let from = case.from.as_ref()?;
    let is_excused = case.dmarc_passes() || case.is_authentic_correspondent();
    (case.evidence.sender_domain == SenderDomain::Nowhere && !is_excused)
        .then(|| Reason::SenderNowhere(from.domain.clone()))
}

fn no_single_author(case: &Case<'_>) -> Option<Reason> {
    case.evidence.dmarc.is_none().then_some(Reason::NoSingleAuthor)
}
