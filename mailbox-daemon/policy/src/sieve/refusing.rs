//! How refusals by scripts are told to the sender (RFC 5429).

use super::plan::{Refusal, RefusalKind};
use types::{Domain, Evidence, Outcome, ReversePath};

/// How a refusal is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusing {
    /// The server that brings the message is told, and nobody has it.
    ByReply,
    /// The sender gets a report: of a failed delivery for `ereject`, of a deleted message for `reject`.
    ByReport(RefusalKind),
    /// The message stays, as suspicious: nobody knows whom a report would reach.
    NotAtAll,
}

/// How to refuse for those recipients who do; `is_everybody` says whether nobody takes the message.
pub fn refusing(refusals: &[&Refusal], is_everybody: bool, may_answer: bool) -> Vec<Refusing> {
    // Only what a reply can say word for word is refused by one, unless the script prefers it (RFC 5429 section 2.2).
    let fits = |refusal: &&Refusal| refusal.kind == RefusalKind::Ereject || refusal.reason.is_ascii();
    let is_by_reply = is_everybody && refusals.iter().all(fits);
    let each = refusals.iter().map(|refusal| match (is_by_reply, may_answer) {
        (true, _) => Refusing::ByReply,
        (false, true) => Refusing::ByReport(refusal.kind),
        (false, false) => Refusing::NotAtAll,
    });
    each.collect()
}

/// Whether a report about a message would reach whoever sent it, and not somebody whose address was taken: SPF passes for the
/// sender's domain, or DMARC for an author there. `evidence` is `None` where nobody looked.
pub fn may_answer(from: &ReversePath, evidence: Option<&Evidence>) -> bool {
    let (Some(from), Some(evidence)) = (from, evidence) else { return false };
    let spf = evidence.spf_mail_from.as_ref().is_some_and(|spf| spf.outcome == Outcome::Pass);
    let is_author = |author: &Domain| *author == from.domain;
    let dmarc = evidence.dmarc.as_ref();
    spf || dmarc.is_some_and(|dmarc| dmarc.outcome == Outcome::Pass && is_author(&dmarc.from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Address, Spf};

    #[test]
    fn everybody_refuses_by_reply_and_some_by_report() {
        use RefusalKind::{Ereject, Reject};
        let refusal = |kind, reason: &str| Refusal { kind, reason: reason.to_owned() };
        let (plain, kind, soft) = (refusal(Reject, "no"), refusal(Ereject, "néin"), refusal(Reject, "néin"));
        for (refusals, is_everybody, may_answer, expected) in [
            (vec![&plain, &kind], true, false, vec![Refusing::ByReply; 2]),
            (vec![&soft], true, true, vec![Refusing::ByReport(Reject)]),
            (vec![&soft], true, false, vec![Refusing::NotAtAll]),
            (vec![&plain], false, true, vec![Refusing::ByReport(Reject)]),
            (vec![&kind], false, true, vec![Refusing::ByReport(Ereject)]),
            (vec![&kind], false, false, vec![Refusing::NotAtAll]),
        ] {
            assert_eq!(refusing(&refusals, is_everybody, may_answer), expected, "{refusals:?}");
        }
    }

    #[test]
    fn only_senders_somebody_vouches_for_are_answered() {
        let from = Some(Address::parse("a@x.test").expect("valid"));
        let domain = |text| Domain::parse(text).expect("valid");
        let spf = |outcome| Some(Spf { outcome, domain: domain("x.test"), explanation: None });
        let evidence = |outcome| Evidence { spf_mail_from: spf(outcome), ..Evidence::default() };
        assert!(may_answer(&from, Some(&evidence(Outcome::Pass))));
        assert!(!may_answer(&from, Some(&evidence(Outcome::SoftFail))));
        assert!(!may_answer(&None, Some(&evidence(Outcome::Pass))));
        assert!(!may_answer(&from, None));
    }
}
