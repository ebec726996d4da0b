//! Telling senders what became of their mail (RFC 3461, 3464).
//!
//! A report for somebody here goes straight into the mailbox, any other into the queue; both are durable when [`send`] returns.

use super::Context;
use super::verdict::Verdict;
use crate::directory::expand;
use crate::disk;
use crate::signing::whole_signatures;
use data_encoding::HEXLOWER;
use policy::bounce::{self, Event};
use policy::recipients::Destinations;
use proto::mime::report::{Action, RecipientReport, Report, Returned};
use proto::mime::{ScanLimits, Scanner};
use proto::smtp::header;
use std::sync::Arc;
use store::queue::{Header, QueuedMessage};
use store::{AccountMail, Arrival, NewMessage, StoreError};
use types::{
    Address, BodyType, DsnNotify, DsnReturn, Envelope, Flags, MailParameters, MailboxName, Recipient,
    UnixSeconds,
};

/// Of a message's header, at most so much is looked at and returned.
const HEADER_BYTES_MAX: usize = 256 * 1024;
const COPY_BYTES: usize = 64 * 1024;

/// Whether the next server must know SMTPUTF8 (RFC 6531), whoever the recipients are: for the sender's address or, where the
/// sender asked for it, the header.
pub(super) fn needs_smtputf8(message: &QueuedMessage) -> bool {
    let envelope = &message.header().envelope;
    let is_international = |address: &Address| !address.is_ascii();
    envelope.from.as_ref().is_some_and(is_international)
        || envelope.parameters.smtputf8 && read_header(message).is_ok_and(|header| !header.is_ascii())
}

/// Tells the sender what befell these recipients, if the sender wants to know.
pub(super) async fn send(
    context: &Context,
    message: &QueuedMessage,
    events: &[(usize, Event, Verdict)],
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let told: Vec<(usize, Event)> = events.iter().map(|(index, event, _)| (*index, *event)).collect();
    let Some(wanted) = bounce::report(&message.header().envelope, &told) else { return Ok(()) };
    let is_wanted = |index: usize| wanted.about.iter().any(|(about, _)| *about == index);
    let about: Vec<_> = events.iter().filter(|(index, ..)| is_wanted(*index)).collect();
    let letter = disk(|| Letter::new(context, message, &wanted, &about, now))?;
    letter.send(context, now).await?;
    tracing::info!(to = %letter.to, recipients = about.len(), "delivery report sent");
    Ok(())
}

/// A report about to be written, as often as needed.
struct Letter<'a> {
    to: Address,
    report: Report,
    message: &'a QueuedMessage,
    /// How much of the message is returned.
    returned_bytes: u64,
}

impl<'a> Letter<'a> {
    fn new(
        context: &Context,
        message: &'a QueuedMessage,
        wanted: &bounce::Report,
        about: &[&(usize, Event, Verdict)],
        now: UnixSeconds,
    ) -> Result<Letter<'a>, StoreError> {
        let settings = context.host.settings.load();
        let header = read_header(message)?;
        let (returned, returned_bytes) = match wanted.returns {
            DsnReturn::Full => (Returned::Message, message.message_bytes()),
            DsnReturn::Headers => (Returned::Header, header.len() as u64),
        };
        let Envelope { parameters, recipients, .. } = &message.header().envelope;
        let arrival = message.header().arrived_at;
        let retry_until = arrival + context.rules.lifetime_s;
        let name =
            HEXLOWER.encode(&[context.random().to_be_bytes(), context.random().to_be_bytes()].concat());
        let report = Report {
            reporting_mta: settings.hostname.to_string(),
            from: format!("postmaster@{}", settings.hostname),
            to: wanted.to.to_string(),
            message_id: format!("{name}@{}", settings.hostname),
            date: now,
            boundary: name,
            envelope_id: parameters.envelope_id.clone(),
            arrival: Some(arrival),
            original_message_id: message_id(&header),
            recipients: about
                .iter()
                .map(|told| recipient_report(recipients, told, now, retry_until))
                .collect(),
            returned,
            eight_bit: !header.is_ascii() || parameters.body == BodyType::EightBitMime,
        };
        Ok(Letter { to: wanted.to.clone(), report, message, returned_bytes })
    }

    async fn send(&self, context: &Context, now: UnixSeconds) -> Result<(), StoreError> {
        let to = disk(|| destinations(context, &self.to))?;
        for account in &to.accounts {
            let account = disk(|| context.host.store.account(account))?;
            let ticket = disk(|| self.put_into(&account, context, now))?;
            ticket.await?;
        }
        if !to.external.is_empty() {
            disk(|| self.enqueue(context, to.external, now))?.await?;
        }
        Ok(())
    }

    fn put_into(
        &self,
        account: &Arc<AccountMail>,
        context: &Context,
        now: UnixSeconds,
    ) -> Result<store::Ticket, StoreError> {
        let limits = &context.host.settings.load().limits;
        let mut scanner = Scanner::new(ScanLimits {
            header_bytes_max: limits.header_bytes_max,
            depth_max: limits.mime_depth_max,
            parts_max: limits.mime_parts_max,
        });
        let inbox = account.mailbox(&MailboxName::inbox())?;
        let mut file = account.new_message()?;
        let own_lines = format!("Return-Path: <>\r\nDelivered-To: {}\r\n", account.address());
        let mut write = |bytes: &[u8]| {
            scanner.feed(bytes);
            file.write(bytes)
        };
        write(own_lines.as_bytes())?;
        self.write(&mut write)?;
        let digest = scanner.finish().into_bytes();
        let arrival = Arrival { flags: Flags::NONE, keywords: Vec::new(), internal_date: now, digest };
        Ok(inbox.add(file, arrival)?.ticket)
    }

    /// Reports have the null sender and ask for no reports (RFC 3461 section 6.1).
    fn enqueue(
        &self,
        context: &Context,
        to: Vec<Address>,
        now: UnixSeconds,
    ) -> Result<store::queue::QueueTicket, StoreError> {
        let queue = &context.host.queue;
        let mut file: NewMessage = queue.new_entry()?;
        let signatures = whole_signatures(&context.host, now, |piece| self.write(piece))?;
        file.write(signatures.as_bytes())?;
        self.write(&mut |bytes| file.write(bytes))?;
        let body = if self.report.eight_bit { BodyType::EightBitMime } else { BodyType::SevenBit };
        let smtputf8 = to.iter().any(|address| !address.is_ascii());
        let recipients = to
            .into_iter()
            .map(|address| Recipient { address, notify: Some(DsnNotify::NEVER), original: None })
            .collect();
        let require_tls = self.message.header().envelope.parameters.require_tls;
        let parameters = MailParameters { body, smtputf8, require_tls, ..MailParameters::default() };
        let envelope = Envelope { from: None, parameters, recipients };
        Ok(queue.enqueue(file, &Header { envelope, account: None, arrived_at: now })?.ticket)
    }

    fn write(&self, write: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>) -> Result<(), StoreError> {
        write(&self.report.prefix())?;
        let mut chunk = vec![0; self.returned_bytes.min(COPY_BYTES as u64) as usize];
        let mut offset = 0;
        while offset < self.returned_bytes {
            let wanted = (self.returned_bytes - offset).min(chunk.len() as u64) as usize;
            match self.message.read_at(&mut chunk[..wanted], offset)? {
                0 => break,
                count => {
                    write(&chunk[..count])?;
                    offset += count as u64;
                }
            }
        }
        write(&self.report.suffix())
    }
}

fn recipient_report(
    recipients: &[Recipient],
    (index, event, verdict): &(usize, Event, Verdict),
    now: UnixSeconds,
    retry_until: UnixSeconds,
) -> RecipientReport {
    let recipient = &recipients[*index];
    let action = match event {
        Event::Delivered => Action::Delivered,
        Event::Relayed => Action::Relayed,
        Event::Delayed => Action::Delayed,
        Event::Failed => Action::Failed,
    };
    RecipientReport {
        recipient: recipient.address.to_string(),
        original: recipient.original.clone(),
        action,
        status: verdict.status.clone(),
        remote_mta: verdict.server.clone(),
        smtp_reply: verdict.reply.clone(),
        last_attempt: Some(now),
        retry_until: (*event == Event::Delayed).then_some(retry_until),
        explanation: verdict.explanation.clone(),
    }
}

/// The header of a queued message without the empty line, cut where it is too long.
pub(super) fn read_header(message: &QueuedMessage) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    loop {
        let searched = bytes.len();
        bytes.resize(searched + 4096, 0);
        let count = message.read_at(&mut bytes[searched..], searched as u64)?;
        bytes.truncate(searched + count);
        if let Some(end) = header::end(&bytes, searched) {
            bytes.truncate(end);
            return Ok(bytes);
        }
        if count == 0 || bytes.len() >= HEADER_BYTES_MAX {
            return Ok(bytes);
        }
    }
}

/// `Message-ID` with its brackets, if it is one a report can repeat.
fn message_id(header: &[u8]) -> Option<String> {
    let field = header::fields(header).find(|field| field.name.eq_ignore_ascii_case(b"Message-ID"))?;
    let text = std::str::from_utf8(field.value).ok()?.trim();
    let is_plain =
        text.starts_with('<') && text.ends_with('>') && text.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain && text.len() <= 500).then(|| text.to_owned())
}

/// Where a report goes: through aliases and groups to mailboxes here, or elsewhere. A sender that is nobody here any more
/// gets nothing.
fn destinations(context: &Context, to: &Address) -> Result<Destinations, StoreError> {
    let host = &context.host;
    let found = expand(host, &host.settings.load(), to.clone(), true)?;
    Ok(found.unwrap_or_else(|error| {
        tracing::warn!(%to, %error, "a delivery report has nowhere to go");
        Destinations::default()
    }))
}
