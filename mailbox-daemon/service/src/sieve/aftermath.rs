//! What a script wants done that IMAP set off (RFC 6785 section 3): copies, mail that leaves, flags of the message in its place. The
//! message itself stays: where it is not kept it is marked `\Deleted`, and expunged when its owner does so.

use super::daily::{Daily, take};
use super::letter_to_owner::Mishap;
use super::places::{flags_of, place_of};
use crate::directory::expand;
use crate::disk;
use crate::host::Host;
use crate::smtp_in::{scan_limits, trace_id};
use policy::sieve::{Body, Content, Filing, Notification, Plan, Redirect};
use proto::mime::{Scanner, date};
use proto::smtp::header;
use std::sync::Arc;
use store::queue::{Header, QueueTicket};
use store::{AccountMail, Arrival, FlagChange, Mailbox, NewMessage, Row, StoreError, Ticket};
use types::{
    Address, BodyType, DsnNotify, DsnReturn, Envelope, Flags, Keyword, MailParameters, MailboxName,
    Recipient, SequenceSet, SystemFlag,
};

/// A message and where it is.
pub(super) struct Scene<'a> {
    pub(super) host: &'a Host,
    /// Whose script runs.
    pub(super) account: &'a Arc<AccountMail>,
    pub(super) mailbox: &'a Arc<Mailbox>,
    pub(super) row: Row,
    /// A copy of it.
    pub(super) message: NewMessage,
}

/// What was begun and is not surely on disk yet.
#[derive(Default)]
struct Begun {
    filed: Vec<Ticket>,
    queued: Vec<QueueTicket>,
    mishaps: Vec<Mishap>,
    /// What the message in its place is to have; `None` where it is not kept.
    kept: Option<(Flags, Vec<Keyword>)>,
}

/// Mail that leaves on behalf of the account.
struct Outgoing<'t> {
    top: Vec<u8>,
    parts: Vec<&'t [u8]>,
    notify: Option<DsnNotify>,
    returned: Option<DsnReturn>,
}

impl Scene<'_> {
    /// Does all of it; the message is marked last, when everything else is on disk. What went wrong is for the script's owner.
    pub(super) async fn carry_out(mut self, plan: Plan) -> Result<Vec<Mishap>, StoreError> {
        let mut begun = Begun::default();
        disk(|| self.begin(&plan, &mut begun))?;
        for ticket in begun.filed {
            ticket.await?;
        }
        for ticket in begun.queued {
            ticket.await?;
        }
        disk(|| self.mark(begun.kept))?;
        Ok(begun.mishaps)
    }

    fn begin(&mut self, plan: &Plan, begun: &mut Begun) -> Result<(), StoreError> {
        for filing in &plan.filings {
            self.file(filing, begun)?;
        }
        for redirect in &plan.redirects {
            self.redirect(redirect, begun)?;
        }
        for notification in &plan.notifications {
            self.notify(notification, begun)?;
        }
        Ok(())
    }

    /// A copy, unless the message is meant to be where it is: what is done to it there is its flags alone (section 3.1).
    fn file(&mut self, filing: &Filing, begun: &mut Begun) -> Result<(), StoreError> {
        let (mailbox, trouble) = place_of(self.account, &filing.target, &self.mailbox.name())?;
        begun.mishaps.extend(trouble.map(|what| Mishap { kind: "mailbox", what }));
        let (flags, keywords) = (flags_of(filing), filing.keywords.clone());
        if Arc::ptr_eq(&mailbox, self.mailbox) {
            begun.kept = Some((flags, keywords));
            return Ok(());
        }
        let arrival =
            Arrival { flags, keywords, internal_date: self.row.internal_date, ..Arrival::default() };
        let (host, account) = (self.host, self.account);
        let view = self.message.view()?;
        begun.filed.push(add(host, account, &mailbox, arrival, &pieces(&view, &filing.content))?);
        Ok(())
    }

    /// The envelope's sender is the mailbox's owner (section 3.4).
    fn redirect(&mut self, redirect: &Redirect, begun: &mut Begun) -> Result<(), StoreError> {
        let owner = self.account.address();
        if !take(self.host, owner, Daily::Redirects)? {
            let what = "more mail is passed on in a day than is allowed".to_owned();
            begun.mishaps.push(Mishap { kind: "too much", what });
            begun.kept.get_or_insert_with(|| (self.row.flags, self.keywords()));
            return Ok(());
        }
        let top = format!("Delivered-To: {owner}\r\n").into_bytes();
        let (host, account) = (self.host, self.account);
        let view = self.message.view()?;
        let outgoing = Outgoing {
            top,
            parts: pieces(&view, &redirect.content),
            notify: redirect.notify,
            returned: redirect.returned,
        };
        send(host, account, std::slice::from_ref(&redirect.to), &outgoing, begun)
    }

    fn notify(&self, notification: &Notification, begun: &mut Begun) -> Result<(), StoreError> {
        let (host, now) = (self.host, self.host.now());
        if !take(host, self.account.address(), Daily::Letters)? {
            let what = "more notifications are sent in a day than are allowed".to_owned();
            begun.mishaps.push(Mishap { kind: "too much", what });
            return Ok(());
        }
        let id = trace_id::new(now);
        let hostname = &host.settings.load().hostname;
        let head =
            format!("Date: {}\r\nMessage-ID: <{id}.script@{hostname}>\r\n", date::format_rfc5322(now, 0));
        let outgoing = Outgoing {
            top: head.into_bytes(),
            parts: vec![&notification.message],
            notify: Some(DsnNotify::NEVER),
            returned: None,
        };
        send(host, self.account, &notification.to, &outgoing, begun)?;
        if let Some(filing) = &notification.copy_in {
            let (mailbox, trouble) = place_of(self.account, &filing.target, &MailboxName::inbox())?;
            begun.mishaps.extend(trouble.map(|what| Mishap { kind: "mailbox", what }));
            let (flags, keywords) = (flags_of(filing), filing.keywords.clone());
            let arrival = Arrival { flags, keywords, internal_date: now, ..Arrival::default() };
            let parts = [&*outgoing.top, &notification.message];
            begun.filed.push(add(host, self.account, &mailbox, arrival, &parts)?);
        }
        Ok(())
    }

    /// Gives the message the flags it is kept with, or marks it as deleted (section 2.2.4). Only what the script changed is
    /// changed, so that nothing is lost of what was done meanwhile.
    fn mark(&self, kept: Option<(Flags, Vec<Keyword>)>) -> Result<(), StoreError> {
        let number = self.row.uid.get();
        let uid = SequenceSet::from_ranges([(number, number)]);
        let change =
            |change, flags: Flags, keywords: &[Keyword]| match flags.is_empty() && keywords.is_empty() {
                true => Ok(()),
                false => self.mailbox.store_flags(&uid, change, flags, keywords, None).map(drop),
            };
        let Some((flags, keywords)) = kept else {
            return change(FlagChange::Add, Flags::system(SystemFlag::Deleted), &[]);
        };
        let before = Flags::from_bits(self.row.flags.bits() & Flags::SYSTEM.bits());
        let had = self.keywords();
        let without = |all: &[Keyword], some: &[Keyword]| -> Vec<Keyword> {
            all.iter().filter(|keyword| !some.contains(keyword)).cloned().collect()
        };
        let gone = Flags::from_bits(before.bits() & !flags.bits());
        change(FlagChange::Remove, gone, &without(&had, &keywords))?;
        let new = Flags::from_bits(flags.bits() & !before.bits());
        change(FlagChange::Add, new, &without(&keywords, &had))
    }

    /// The keywords the message had.
    fn keywords(&self) -> Vec<Keyword> {
        let has = |slot: usize| Flags::keyword(slot).is_some_and(|keyword| self.row.flags.contains(keyword));
        let all = self.mailbox.keywords().into_iter();
        all.filter(|(slot, _)| has(*slot)).map(|(_, keyword)| keyword).collect()
    }
}

/// What an action stores or sends, in pieces.
fn pieces<'t>(message: &'t [u8], content: &'t Content) -> Vec<&'t [u8]> {
    match content {
        Content::Unchanged => vec![message],
        Content::Changed { header, body } => {
            let body = match body {
                Body::Unchanged => &message[header::end(message, 0).unwrap_or(message.len())..],
                Body::Changed(body) => return vec![header, b"\r\n", body],
            };
            vec![header, body]
        }
    }
}

/// Adds a message to a mailbox; the ticket resolves when it is on disk.
fn add(
    host: &Host,
    account: &AccountMail,
    mailbox: &Arc<Mailbox>,
    arrival: Arrival,
    parts: &[&[u8]],
) -> Result<Ticket, StoreError> {
    let mut message = account.new_message()?;
    let mut scanner = Scanner::new(scan_limits(&host.settings.load().limits));
    for part in parts {
        scanner.feed(part);
        message.write(part)?;
    }
    let arrival = Arrival { digest: scanner.finish().into_bytes(), ..arrival };
    Ok(mailbox.add(message, arrival)?.ticket)
}

/// Sends to accounts here at once, to others through the queue.
fn send(
    host: &Host,
    account: &AccountMail,
    to: &[Address],
    outgoing: &Outgoing<'_>,
    begun: &mut Begun,
) -> Result<(), StoreError> {
    let mut external = Vec::new();
    for address in to {
        let found = match expand(host, &host.settings.load(), address.clone(), true)? {
            Ok(found) => found,
            Err(error) => {
                let what = format!("mail for {address} cannot be sent: {error}");
                begun.mishaps.push(Mishap { kind: "redirect", what });
                continue;
            }
        };
        external.extend(found.external);
        for local in found.accounts {
            let mail = host.store.account(&local)?;
            let inbox = mail.mailbox(&MailboxName::inbox())?;
            let own_lines = format!("Return-Path: <{}>\r\nDelivered-To: {local}\r\n", account.address());
            let arrival = Arrival { internal_date: host.now(), ..Arrival::default() };
            let parts = [&[own_lines.as_bytes(), &outgoing.top], &*outgoing.parts].concat();
            begun.filed.push(add(host, &mail, &inbox, arrival, &parts)?);
        }
    }
    if external.is_empty() {
        return Ok(());
    }
    let mut message = host.queue.new_entry()?;
    for part in [&*outgoing.top].iter().chain(&outgoing.parts) {
        message.write(part)?;
    }
    let recipient = |address| Recipient { address, notify: outgoing.notify, original: None };
    let is_ascii = outgoing.parts.iter().all(|part| part.is_ascii());
    let head = outgoing
        .parts
        .first()
        .map_or(&[][..], |first| &first[..header::end(first, 0).unwrap_or(first.len())]);
    let parameters = MailParameters {
        body: if is_ascii { BodyType::SevenBit } else { BodyType::EightBitMime },
        smtputf8: !head.is_ascii() || external.iter().any(|address| !address.is_ascii()),
        ret: outgoing.returned,
        ..MailParameters::default()
    };
    let recipients = external.into_iter().map(recipient).collect();
    let envelope = Envelope { from: Some(account.address().clone()), parameters, recipients };
    let header = Header { envelope, account: None, arrived_at: host.now() };
    begun.queued.push(host.queue.enqueue(message, &header)?.ticket);
    Ok(())
}
