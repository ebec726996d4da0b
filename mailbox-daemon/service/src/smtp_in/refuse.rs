//! Refusals by scripts: said to the client where nobody takes the message, reported to the sender where others do.

use super::Connection;
use super::envelope::Transaction;
use super::errands::{Errand, junk};
use super::judge::Judged;
use super::letters::Letter;
use super::spooled::Spooled;
use super::trace_id;
use policy::sieve::{Filing, Refusal, RefusalKind, Refusing, may_answer, refusing};
use proto::mime::report::{Action, Disposition, RecipientReport, Report, Returned};
use proto::smtp::header;
use proto::smtp::reply::{Reply, say};
use store::StoreError;
use tracing::info;
use types::UnixSeconds;

/// Characters of a reason that a line of a reply tells: with its codes it fits a line (RFC 5321 section 4.5.3.1.5).
const LINE_CHARS_MAX: usize = 400;
/// Lines of a reason that a reply tells.
const LINES_MAX: usize = 20;
/// Of the header of a refused message so much is returned.
const RETURNED_BYTES_MAX: usize = 64 * 1024;

/// What is told of refusals.
#[derive(Default)]
pub(super) struct Refused {
    /// To the client, where nobody takes the message.
    pub(super) reply: Option<Reply>,
    /// To the sender.
    pub(super) reports: Vec<Letter>,
}

impl Connection {
    /// Carries out the refusals among these errands as far as they are words.
    pub(super) fn refuse(
        &self,
        transaction: &Transaction,
        errands: &mut [Errand],
        spooled: &mut Spooled,
        judged: Option<&Judged>,
        now: UnixSeconds,
    ) -> Result<Refused, StoreError> {
        let refusals: Vec<&Refusal> =
            errands.iter().filter_map(|errand| errand.plan.refusal.as_ref()).collect();
        let Some(first) = refusals.first() else { return Ok(Refused::default()) };
        let takes = |errand: &Errand| errand.plan.refusal.is_none() || !errand.plan.filings.is_empty();
        let is_everybody = transaction.external.is_empty()
            && !errands.iter().any(|errand| takes(errand) || !errand.external.is_empty());
        let is_junk = judged.is_some_and(Judged::is_junk) || errands.iter().any(|errand| errand.is_junk);
        let is_own = self.login.is_some() && transaction.mail.from.is_some();
        let evidence = judged.map(|judged| &judged.evidence);
        let may_answer = is_own || (!is_junk && may_answer(&transaction.mail.from, evidence));
        let ways = refusing(&refusals, is_everybody, may_answer);
        let mut refused = Refused::default();
        if ways.contains(&Refusing::ByReply) {
            refused.reply = Some(reply(&first.reason));
        }
        let refusing_errands = errands.iter_mut().filter(|errand| errand.plan.refusal.is_some());
        for (errand, way) in refusing_errands.zip(ways) {
            match way {
                Refusing::ByReply => {}
                Refusing::ByReport(kind) => {
                    refused.reports.extend(self.report(transaction, errand, kind, spooled, now)?);
                }
                Refusing::NotAtAll => {
                    let account = errand.account.address();
                    info!(%account, "a script refuses mail whose sender nobody vouches for: it lies in Junk");
                    errand.plan.filings = vec![Filing::plain(&junk(&errand.account)?.name())];
                }
            }
        }
        Ok(refused)
    }

    /// The report of one refusal; `None` where the sender wants none.
    fn report(
        &self,
        transaction: &Transaction,
        errand: &Errand,
        kind: RefusalKind,
        spooled: &mut Spooled,
        now: UnixSeconds,
    ) -> Result<Option<Letter>, StoreError> {
        let (Some(to), Some(Refusal { reason, .. })) = (&transaction.mail.from, &errand.plan.refusal) else {
            return Ok(None);
        };
        if !errand.recipient.notify.unwrap_or_default().failure {
            return Ok(None);
        }
        let raw = spooled.raw()?;
        let header_bytes = header::end(&raw, 0).unwrap_or(raw.len()).min(RETURNED_BYTES_MAX);
        let header = &raw[..header_bytes];
        let id = trace_id::new(now);
        let hostname = &self.settings.hostname;
        let report = Report {
            reporting_mta: hostname.to_string(),
            from: format!("postmaster@{hostname}"),
            to: to.to_string(),
            message_id: format!("{id}.refused@{hostname}"),
            date: now,
            boundary: format!("refused{id}"),
            envelope_id: transaction.mail.parameters.envelope_id.clone(),
            arrival: Some(now),
            original_message_id: None,
            recipients: vec![RecipientReport {
                recipient: errand.recipient.address.to_string(),
                original: errand.recipient.original.clone(),
                action: Action::Failed,
                status: "5.7.1".to_owned(),
                remote_mta: None,
                smtp_reply: None,
                last_attempt: None,
                retry_until: None,
                explanation: format!("The recipient's mail rules refused it. The reason given is: {reason}"),
            }],
            returned: Returned::Header,
            eight_bit: !header.is_ascii(),
        };
        let prefix = match kind {
            RefusalKind::Ereject => report.prefix(),
            RefusalKind::Reject => Disposition { report: &report, reason }.prefix(),
        };
        let text = [&prefix, header, &report.suffix()].concat();
        let to = std::slice::from_ref(to);
        Letter::new(&self.host, &errand.account, None, to, text).map(Some)
    }
}

/// A script's reason as a reply, line by line (RFC 5429 section 2.5). What ASCII cannot say is told in other words.
fn reply(reason: &str) -> Reply {
    let reason = if reason.is_ascii() { reason } else { "The recipient does not want this message" };
    let mut lines: Vec<String> = Vec::new();
    for line in reason.trim().lines() {
        let words: Vec<char> = line.chars().collect();
        lines.extend(words.chunks(LINE_CHARS_MAX).map(|part| part.iter().collect()));
    }
    lines.truncate(LINES_MAX);
    match lines.is_empty() {
        true => say::UNWANTED,
        false => say::UNWANTED.with_text(lines.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_become_lines_of_a_reply() {
        assert_eq!(reply("no\r\nreally not\r\n").text, "no\nreally not");
        assert_eq!(reply("").text, say::UNWANTED.text);
        assert_eq!(reply("nö").text, "The recipient does not want this message");
        let long = reply(&"x".repeat(900));
        assert_eq!(long.text.lines().map(str::len).collect::<Vec<_>>(), [400, 400, 100]);
        assert_eq!(reply(&"x\n".repeat(90)).text.lines().count(), LINES_MAX);
        assert_eq!(reply("no").code, 550);
    }
}
