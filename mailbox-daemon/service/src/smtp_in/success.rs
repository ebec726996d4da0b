use super::envelope::Transaction;
use crate::host::Host;
use crate::{disk, notices};
use policy::bounce::{self, Event};
use proto::mime::report::{Action, RecipientReport, Report, Returned};
use store::StoreError;
use types::{Address, Envelope, Recipient, UnixSeconds};

/// Tells somebody who logged in, and asked for it with `NOTIFY=SUCCESS`, that the mail lies in mailboxes here (RFC 3461).
///
/// Strangers are not told: nobody vouches for the sender they name, and a report could go to one who never wrote.
pub(super) async fn report(
    host: &Host,
    transaction: &Transaction,
    account: &Address,
    id: &str,
    header: &[u8],
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let envelope = Envelope {
        from: transaction.mail.from.clone(),
        parameters: transaction.mail.parameters.clone(),
        recipients: transaction.reported.clone(),
    };
    let events: Vec<_> = (0..envelope.recipients.len()).map(|index| (index, Event::Delivered)).collect();
    let Some(wanted) = bounce::report(&envelope, &events) else { return Ok(()) };
    let recipients = wanted.about.iter().map(|(index, _)| recipient_report(&envelope.recipients[*index]));
    let hostname = &host.settings.load().hostname;
    let report = Report {
        reporting_mta: hostname.to_string(),
        from: format!("postmaster@{hostname}"),
        to: wanted.to.to_string(),
        message_id: format!("{id}.report@{hostname}"),
        date: now,
        boundary: format!("report{id}"),
        envelope_id: envelope.parameters.envelope_id.clone(),
        arrival: Some(now),
        original_message_id: None,
        recipients: recipients.collect(),
        returned: Returned::Header,
        eight_bit: !header.is_ascii(),
    };
    disk(|| notices::put_into_inbox(host, account, &[&report.prefix(), header, &report.suffix()], now))?.await
}

fn recipient_report(recipient: &Recipient) -> RecipientReport {
    RecipientReport {
        recipient: recipient.address.to_string(),
        original: recipient.original.clone(),
        action: Action::Delivered,
        status: "2.1.5".to_owned(),
        remote_mta: None,
        smtp_reply: None,
        last_attempt: None,
        retry_until: None,
        explanation: "The message lies in the mailbox.".to_owned(),
    }
}
