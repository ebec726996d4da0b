//! The copies of a message and the letters that go with it. All are written before one has a name; what has one is taken back
//! when a later part fails, so that the sender's next attempt does not bring it twice.

use super::compose::{Composition, Onward};
use super::envelope::Transaction;
use super::errands::Errand;
use super::filed::{Filed, filed};
use super::forward::forward;
use super::letters::Letter;
use super::receive::scan_limits;
use super::redirect::PassedOn;
use super::spooled::Spooled;
use super::stored::Stored;
use super::vouch::Going;
use crate::host::Host;
use crate::sieve::{flags_of, place_of};
use crate::signing::whole_signatures;
use policy::sieve::Content;
use proto::mime::{ScanLimits, Scanner};
use std::sync::Arc;
use store::queue::Header;
use store::{AccountMail, Arrival, Mailbox, NewMessage, StoreError};
use types::{
    Address, BodyType, DsnNotify, Envelope, MailParameters, MailboxName, Outcome, Recipient, ReversePath,
    UnixSeconds,
};

/// Mailboxes for which the message is indexed as it comes in; further ones are indexed when they are first looked at.
const SCANNERS_MAX: usize = 8;

/// Everything a message's copies are made from.
pub(super) struct Copies<'a> {
    pub(super) host: &'a Host,
    pub(super) transaction: &'a Transaction,
    pub(super) composition: &'a Composition,
    /// Who logged in and sent it.
    pub(super) account: Option<&'a Address>,
    /// What was found of its ARC chain, where somebody looked.
    pub(super) chain: Option<Outcome>,
    pub(super) now: UnixSeconds,
}

/// Where a written file goes.
enum Place {
    Mailbox(Arc<Mailbox>, Arrival),
    Queue(Header),
}

/// Files that are written and have no names.
#[derive(Default)]
struct Written {
    files: Vec<(NewMessage, Place)>,
}

impl Written {
    /// That the disk is full must show before any copy has a name, unless there is only one.
    fn push(&mut self, mut message: NewMessage, place: Place) -> Result<(), StoreError> {
        if let [(first, _)] = self.files.as_mut_slice() {
            first.settle()?;
        }
        if !self.files.is_empty() {
            message.settle()?;
        }
        self.files.push((message, place));
        Ok(())
    }
}

impl Copies<'_> {
    /// Writes every copy and letter, and only when all are written gives them their names.
    pub(super) fn store(
        &self,
        spooled: &mut Spooled,
        errands: &mut [Errand],
        letters: &[Letter],
    ) -> Result<Stored, StoreError> {
        let mut written = Written::default();
        for errand in &mut *errands {
            self.write_errand(spooled, errand, &mut written)?;
        }
        if !self.transaction.external.is_empty() {
            let onward = &self.composition.onward;
            let copy = self.composition.queue_copy(self.host, spooled, onward, &Content::Unchanged)?;
            let recipients = self.transaction.external.clone();
            written.push(copy, Place::Queue(self.entry(onward.from.clone(), recipients)))?;
        }
        for letter in letters {
            self.write_letter(letter, &mut written)?;
        }
        for Errand { plan, memory, .. } in errands {
            if let (Some(memory), false) = (memory, plan.memory.is_empty()) {
                memory.make_room(plan.memory.len())?;
            }
        }
        Ok(self.name(written))
    }

    fn name(&self, written: Written) -> Stored {
        let mut stored = Stored::default();
        for (message, place) in written.files {
            stored.bytes = stored.bytes.max(message.bytes());
            let named = match place {
                Place::Mailbox(mailbox, arrival) => mailbox
                    .add(message, arrival)
                    .map(|added| stored.arrived.push((mailbox, added.uid, added.ticket))),
                Place::Queue(header) => {
                    self.host.queue.enqueue(message, &header).map(|queued| stored.queued.push(queued))
                }
            };
            if let Err(error) = named {
                stored.failure = Some(error);
                break;
            }
        }
        stored
    }

    fn write_errand(
        &self,
        spooled: &mut Spooled,
        errand: &mut Errand,
        written: &mut Written,
    ) -> Result<(), StoreError> {
        for Filed { mailbox, flags, keywords, content } in filed(errand)? {
            let (top, content) = errand.copy(&content);
            let mut message = errand.account.new_message()?;
            let mut scanner = self.scanner(written.files.len());
            self.composition.write(spooled, top, &content, &mut |piece| {
                if let Some(scanner) = &mut scanner {
                    scanner.feed(piece);
                }
                message.write(piece)
            })?;
            let digest = digest(scanner);
            let arrival = Arrival { flags, keywords, internal_date: self.now, digest };
            written.push(message, Place::Mailbox(mailbox, arrival))?;
        }
        for passed_on in &errand.external {
            let (message, header) = self.write_passed_on(spooled, errand, passed_on)?;
            written.push(message, Place::Queue(header))?;
        }
        Ok(())
    }

    /// A copy a script sends elsewhere leaves as one that an alias leads out.
    fn write_passed_on(
        &self,
        spooled: &mut Spooled,
        errand: &Errand,
        PassedOn { redirect, marks, .. }: &PassedOn,
    ) -> Result<(NewMessage, Header), StoreError> {
        let (from, content) = (&self.transaction.mail.from, &redirect.content);
        let mut onward = match self.composition.is_submission {
            true => Onward { from: from.clone(), ..Onward::default() },
            false => {
                let raw = spooled.raw()?;
                let going = Going::new(self.composition, content, &raw);
                let results = &self.composition.results;
                let by = errand.account.address();
                forward(self.host, by, from, results, &going, self.chain, self.now)?
            }
        };
        onward.top.extend_from_slice(marks);
        let message = self.composition.queue_copy(self.host, spooled, &onward, content)?;
        let Recipient { notify, original, address } = &errand.recipient;
        let renamed = address.is_ascii().then(|| format!("rfc822;{address}"));
        let recipient = Recipient {
            address: redirect.to.clone(),
            notify: redirect.notify.or(*notify),
            original: original.clone().or(renamed),
        };
        let mut header = self.entry(onward.from, vec![recipient]);
        let parameters = &mut header.envelope.parameters;
        parameters.ret = redirect.returned.or(parameters.ret);
        if *content != Content::Unchanged {
            parameters.body = BodyType::EightBitMime;
        }
        Ok((message, header))
    }

    fn entry(&self, from: ReversePath, recipients: Vec<Recipient>) -> Header {
        let parameters = self.transaction.mail.parameters.clone();
        let envelope = Envelope { from, parameters, recipients };
        Header { envelope, account: self.account.cloned(), arrived_at: self.now }
    }

    fn write_letter(&self, letter: &Letter, written: &mut Written) -> Result<(), StoreError> {
        let Letter { account, from, text, local, external, copy_in } = letter;
        let sender = from.as_ref().map(ToString::to_string).unwrap_or_default();
        for to in local {
            let mail = self.host.store.account(to)?;
            let inbox = mail.mailbox(&MailboxName::inbox())?;
            let own_lines = format!("Return-Path: <{sender}>\r\nDelivered-To: {to}\r\n");
            let arrival = Arrival { internal_date: self.now, ..Arrival::default() };
            self.write_text(written, &mail, inbox, arrival, &[own_lines.as_bytes(), text])?;
        }
        if let Some(filing) = copy_in {
            let (mailbox, _) = place_of(account, &filing.target, &MailboxName::inbox())?;
            let (flags, keywords) = (flags_of(filing), filing.keywords.clone());
            let arrival = Arrival { flags, keywords, internal_date: self.now, digest: Vec::new() };
            self.write_text(written, account, mailbox, arrival, &[text])?;
        }
        if !external.is_empty() {
            let mut message = self.host.queue.new_entry()?;
            let signatures = whole_signatures::<StoreError>(self.host, self.now, |take| take(text))?;
            message.write(signatures.as_bytes())?;
            message.write(text)?;
            written.push(message, Place::Queue(self.letter_entry(letter)))?;
        }
        Ok(())
    }

    fn write_text(
        &self,
        written: &mut Written,
        account: &Arc<AccountMail>,
        mailbox: Arc<Mailbox>,
        arrival: Arrival,
        parts: &[&[u8]],
    ) -> Result<(), StoreError> {
        let mut message = account.new_message()?;
        let mut scanner = self.scanner(written.files.len());
        for part in parts {
            if let Some(scanner) = &mut scanner {
                scanner.feed(part);
            }
            message.write(part)?;
        }
        written.push(message, Place::Mailbox(mailbox, Arrival { digest: digest(scanner), ..arrival }))
    }

    /// Letters ask for no reports (RFC 5230 section 5.1).
    fn letter_entry(&self, Letter { account, from, text, external: to, .. }: &Letter) -> Header {
        let recipients: Vec<Recipient> = to
            .iter()
            .map(|to| Recipient { address: to.clone(), notify: Some(DsnNotify::NEVER), original: None })
            .collect();
        let header = &text[..proto::smtp::header::end(text, 0).unwrap_or(text.len())];
        let is_international = !header.is_ascii() || to.iter().chain(from).any(|address| !address.is_ascii());
        let body = if text.is_ascii() { BodyType::SevenBit } else { BodyType::EightBitMime };
        let parameters = MailParameters { body, smtputf8: is_international, ..MailParameters::default() };
        let envelope = Envelope { from: from.clone(), parameters, recipients };
        Header { envelope, account: Some(account.address().clone()), arrived_at: self.now }
    }

    fn scanner(&self, count: usize) -> Option<Scanner> {
        let limits: ScanLimits = scan_limits(&self.host.settings.load().limits);
        (count < SCANNERS_MAX).then(|| Scanner::new(limits))
    }
}

fn digest(scanner: Option<Scanner>) -> Vec<u8> {
    scanner.map(|scanner| scanner.finish().into_bytes()).unwrap_or_default()
}
