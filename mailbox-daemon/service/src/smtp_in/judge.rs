//! What becomes of mail from others: asks around, has `policy::inbound` decide, and says so in the header, the log and the reply.

use super::envelope::Transaction;
use super::receive::Incoming;
use super::{Connection, Role, reply_to_store};
use crate::correspondents;
use crate::evidence::Inquiry;
use crate::reports;
use policy::access::always_arrives;
use policy::inbound::{Case, Judgement, Reason, Verdict, judge};
use proto::smtp::reply::{Reply, say};
use proto::smtp::results;
use tracing::{info, warn};
use types::{DmarcPolicy, Evidence, ReversePath, SenderDomain};

/// Characters of a reason that a reply tells: with its codes it fits a line (RFC 5321 section 4.5.3.1.5).
const REASON_CHARS_MAX: usize = 400;

/// A message from others that was judged.
pub(super) struct Judged {
    /// What is known of it.
    pub(super) evidence: Evidence,
    /// What becomes of it; for addresses that always get their mail see [`Judged::is_junk`].
    pub(super) verdict: Verdict,
    /// Why, in words.
    pub(super) reasons: Vec<String>,
}

impl Connection {
    /// Begins to ask about the client and the sender, while the rest of the message is still on its way.
    pub(super) fn inquire(&mut self, from: &ReversePath) {
        if self.role == Role::Inbound && self.settings.inbound.authentication {
            let begin = || Inquiry::begin(&self.host, &self.settings, self.peer.ip());
            self.inquiry.get_or_insert_with(begin).envelope(self.session.client_name(), from);
        }
    }

    /// What becomes of a complete message; `Ok(None)` where nobody judges. `Err` is said to the client.
    pub(super) async fn judge(
        &mut self,
        transaction: &Transaction,
        incoming: &mut Incoming,
    ) -> Result<Option<Judged>, Reply> {
        let Some(mut evidence) = self.evidence(incoming).await? else { return Ok(None) };
        let from = &transaction.mail.from;
        if self.standing(from).is_allowed() {
            evidence.listings.clear();
        }
        let is_correspondent = self.is_correspondent(transaction, &evidence);
        let case = Case { evidence: &evidence, settings: &self.settings.inbound, from, is_correspondent };
        let judgement = judge(&case);
        let has_role = transaction.named.iter().any(|recipient| always_arrives(&recipient.address.local));
        let verdict = judgement.for_recipients(has_role);
        let reasons = reasons(&judgement, verdict);
        match (verdict, judgement.refusal()) {
            (Verdict::Defer | Verdict::Refuse, Some(reason)) => {
                let reply = reply(reason, &incoming.id);
                info!(
                    id = incoming.id,
                    peer = %self.peer,
                    from = %super::accept::sender(transaction),
                    verdict = word(verdict),
                    why = reasons.join("; "),
                    reply = %reply,
                    "message refused"
                );
                self.note_dmarc(transaction, &evidence, verdict);
                Err(reply)
            }
            _ => Ok(Some(Judged { evidence, verdict, reasons })),
        }
    }

    /// What is known of a complete message; `None` where nobody asks.
    async fn evidence(&mut self, incoming: &mut Incoming) -> Result<Option<Evidence>, Reply> {
        let Some(inquiry) = self.inquiry.as_mut().filter(|inquiry| inquiry.is_asking()) else {
            return Ok(None);
        };
        // A large message is mapped while its signatures are checked; a few at a time take little memory.
        let _place = match incoming.spooled.is_in_memory() {
            true => None,
            false => self.host.examining.acquire().await.ok(),
        };
        let raw = incoming.spooled.raw().map_err(|error| reply_to_store(&error))?;
        Ok(Some(inquiry.message(&raw).await))
    }

    /// Whether one of the recipients wrote to the sender before; asked only where that could make a difference.
    fn is_correspondent(&self, transaction: &Transaction, evidence: &Evidence) -> bool {
        let Some(from) = &transaction.mail.from else { return false };
        if evidence.listings.is_empty() && evidence.sender_domain != SenderDomain::Nowhere {
            return false;
        }
        let accounts = transaction.mailboxes.iter().map(|delivery| &delivery.account);
        let known = correspondents::is_known(&self.host, accounts, from);
        known.inspect_err(|error| warn!(%error, "who is known cannot be told")).unwrap_or(false)
    }

    /// Counts for the report to the author's domain what became of a message.
    pub(super) fn note_dmarc(&self, transaction: &Transaction, evidence: &Evidence, verdict: Verdict) {
        let handled = match verdict {
            Verdict::Accept => DmarcPolicy::None,
            Verdict::Quarantine => DmarcPolicy::Quarantine,
            Verdict::Defer => return,
            Verdict::Refuse => DmarcPolicy::Reject,
        };
        reports::note_dmarc(&self.host, evidence, self.peer.ip(), &transaction.mail.from, handled);
    }
}

impl Judged {
    /// The fields that tell of it: `Authentication-Results:` and the verdict in words.
    pub(super) fn fields(&self, connection: &Connection, transaction: &Transaction) -> Vec<u8> {
        let mut fields = Vec::with_capacity(1024);
        let (host, client) = (connection.settings.hostname.as_str(), connection.peer.ip());
        let from = &transaction.mail.from;
        results::authentication_results(host, &self.evidence, from, client, &mut fields);
        results::verdict(word(self.verdict), &self.reasons, &mut fields);
        fields
    }

    /// Whether the copies for all but the addresses that always get their mail lie in Junk.
    pub(super) fn is_junk(&self) -> bool {
        self.verdict == Verdict::Quarantine
    }
}

/// What the header and the log call it.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accepted",
        Verdict::Quarantine => "junk",
        Verdict::Defer => "put off",
        Verdict::Refuse => "refused",
    }
}

fn reasons(judgement: &Judgement, verdict: Verdict) -> Vec<String> {
    let mut reasons: Vec<String> = judgement.reasons.iter().map(ToString::to_string).collect();
    if verdict != judgement.verdict {
        reasons.push("taken because postmaster and abuse always get their mail".to_owned());
    }
    reasons
}

fn reply(reason: &Reason, id: &str) -> Reply {
    let reply = match reason {
        Reason::SenderTakesNoMail(_) => say::SENDER_TAKES_NO_MAIL,
        Reason::ListedByMany(_) => say::CLIENT_LISTED,
        Reason::DmarcAsksForRefusal(_) => say::DMARC_FAILED,
        Reason::SpfRefuses { .. } => say::SPF_FAILED,
        Reason::SenderUnknown(_) => say::SENDER_DNS_SILENT,
        Reason::DmarcUnknown(_) | Reason::SpfUnknown(_) => say::CHECKS_UNDECIDED,
        _ => say::TRY_LATER,
    };
    let words: String = reason.to_string().chars().take(REASON_CHARS_MAX).collect();
    let what = if reply.is_permanent() { "Refused" } else { "Try again later" };
    reply.with_text(format!("{what}: {words} ({id})"))
}
