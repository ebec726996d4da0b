use super::compose::{Composition, own_lines};
use super::envelope::{Delivery, Transaction};
use super::judge::{Judged, word};
use super::receive::{Incoming, scan_limits};
use super::sender::{note_correspondents, take_allowance};
use super::spooled::Spooled;
use super::{Connection, reply_to_store, success, vouch};
use crate::disk;
use crate::host::Host;
use proto::mime::Scanner;
use proto::smtp::header;
use proto::smtp::reply::{Reply, say};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::queue::{Header, Queued};
use store::{AccountMail, Arrival, Mailbox, NewMessage, StoreError, Ticket};
use tracing::{info, warn};
use types::{Address, Envelope, Flags, MailboxName, ReversePath, SpecialUse, UnixSeconds};

/// Mailboxes for which the message is indexed as it comes in; further ones are indexed when they are first looked at.
const SCANNERS_MAX: usize = 8;

/// A message that is where it belongs but not surely on disk yet.
struct Stored {
    tickets: Vec<Ticket>,
    queued: Option<Queued>,
    bytes: u64,
}

/// Where one copy goes.
enum Copy {
    Mailbox { mailbox: Arc<Mailbox>, digest: Vec<u8> },
    Queue,
}

impl Connection {
    /// The end of the message: on disk, everywhere it goes, before the 250.
    pub(super) async fn end(&mut self, lacks_newline: bool) -> Reply {
        self.host.requests.fetch_add(1, Ordering::Relaxed);
        let refusal = self.complete(lacks_newline);
        let Some(mut transaction) = self.transaction.take() else { return say::BAD_SEQUENCE };
        let Some(mut incoming) = transaction.incoming.take() else { return say::BAD_SEQUENCE };
        let allowed = match refusal {
            Some(refusal) => Err(refusal),
            None => take_allowance(&self.host, self.login.as_ref(), &transaction).await,
        };
        if let Err(refusal) = allowed {
            info!(id = incoming.id, peer = %self.peer, from = %sender(&transaction), reply = %refusal, "message refused");
            return refusal;
        }
        let judged = match self.judge(&transaction, &mut incoming).await {
            Ok(judged) => judged,
            Err(refusal) => return refusal,
        };
        if let Err(refusal) = self.greylist(&transaction, judged.as_ref()) {
            info!(id = incoming.id, peer = %self.peer, from = %sender(&transaction), "put off, as nobody knows the client");
            return refusal;
        }
        let is_report = match self.take_in_report(&mut transaction, &mut incoming, judged.as_ref()).await {
            Ok(is_report) => is_report,
            Err(error) => return reply_to_store(&error),
        };
        match self.put(&transaction, &mut incoming, judged.as_ref()).await {
            Ok(()) => {
                // A report that led to a report the other way would go on forever.
                if let Some(judged) = judged.as_ref().filter(|_| !is_report) {
                    self.note_dmarc(&transaction, &judged.evidence, judged.verdict);
                }
                note_correspondents(&self.host, self.login.as_ref(), &transaction);
                self.report_success(&transaction, &mut incoming).await;
                say::MESSAGE_ACCEPTED.with_text(format!("Accepted as {}", incoming.id))
            }
            Err(error) => {
                warn!(id = incoming.id, peer = %self.peer, from = %sender(&transaction), %error, "message not accepted");
                reply_to_store(&error)
            }
        }
    }

    /// Puts every copy where it belongs.
    async fn put(
        &self,
        transaction: &Transaction,
        incoming: &mut Incoming,
        judged: Option<&Judged>,
    ) -> Result<(), StoreError> {
        let account = self.login.as_ref().map(|login| &login.account);
        let mut composition = Composition {
            onward: Vec::new(),
            onward_from: transaction.mail.from.clone(),
            replaces_author: false,
            results: judged.map(|judged| judged.fields(self, transaction)).unwrap_or_default(),
            trace: std::mem::take(&mut incoming.trace),
            fields: std::mem::take(&mut incoming.missing_fields).into_bytes(),
            is_submission: account.is_some(),
            host: self.settings.hostname.clone(),
        };
        let now = self.host.now();
        let chain = judged.map(|judged| judged.evidence.arc.outcome);
        disk(|| vouch::vouch(&self.host, transaction, &mut composition, &mut incoming.spooled, chain, now))?;
        let is_junk = judged.is_some_and(Judged::is_junk);
        let copies = Copies { host: &self.host, transaction, composition: &composition, is_junk };
        let (bytes, queue_id) = settle(disk(|| copies.store(&mut incoming.spooled, account, now))).await?;
        info!(
            id = incoming.id,
            peer = %self.peer,
            from = %sender(transaction),
            to = %recipients(transaction),
            queue_id,
            bytes,
            verdict = judged.map(|judged| word(judged.verdict)),
            why = judged.map(|judged| judged.reasons.join("; ")),
            ms = incoming.started_at.elapsed().as_millis() as u64,
            "message accepted"
        );
        Ok(())
    }

    /// Tells the sender of the delivery where he asked for it.
    async fn report_success(&self, transaction: &Transaction, incoming: &mut Incoming) {
        let Some(login) = self.login.as_ref().filter(|_| !transaction.reported.is_empty()) else { return };
        let Incoming { id, spooled, .. } = incoming;
        let header =
            disk(|| spooled.raw().map(|raw| raw[..header::end(&raw, 0).unwrap_or(raw.len())].to_vec()));
        let told = async {
            success::report(&self.host, transaction, &login.account, id, &header?, self.host.now()).await
        };
        if let Err(error) = told.await {
            warn!(id, %error, "the sender could not be told of the delivery");
        }
    }
}

async fn settle(stored: Result<Stored, StoreError>) -> Result<(u64, Option<String>), StoreError> {
    let stored = stored?;
    for ticket in stored.tickets {
        ticket.await?;
    }
    let mut queue_id = None;
    if let Some(queued) = stored.queued {
        queued.ticket.await?;
        queue_id = Some(queued.id.to_string());
    }
    Ok((stored.bytes, queue_id))
}

/// Where the copies of one message go.
struct Copies<'a> {
    host: &'a Host,
    transaction: &'a Transaction,
    composition: &'a Composition,
    /// Whether the mailboxes' copies lie in Junk.
    is_junk: bool,
}

impl Copies<'_> {
    /// Writes every copy, and only when all are written gives them their names.
    fn store(
        &self,
        spooled: &mut Spooled,
        account: Option<&Address>,
        now: UnixSeconds,
    ) -> Result<Stored, StoreError> {
        let mut stored = Stored { tickets: Vec::new(), queued: None, bytes: 0 };
        for (message, copy) in self.write(spooled)? {
            stored.bytes = stored.bytes.max(message.bytes());
            match copy {
                Copy::Mailbox { mailbox, digest } => {
                    let arrival =
                        Arrival { flags: Flags::NONE, keywords: Vec::new(), internal_date: now, digest };
                    stored.tickets.push(mailbox.add(message, arrival)?.ticket);
                }
                Copy::Queue => {
                    let envelope = onward(self.transaction, &self.composition.onward_from);
                    let header = Header { envelope, account: account.cloned(), arrived_at: now };
                    stored.queued = Some(self.host.queue.enqueue(message, &header)?);
                }
            }
        }
        Ok(stored)
    }

    fn write(&self, spooled: &mut Spooled) -> Result<Vec<(NewMessage, Copy)>, StoreError> {
        let Transaction { mailboxes, external, .. } = self.transaction;
        let is_lone = mailboxes.len() + external.len().min(1) == 1;
        let mut copies: Vec<(NewMessage, Copy)> = Vec::new();
        let mut push = |mut message: NewMessage, copy| -> Result<(), StoreError> {
            // That the disk is full must show before any copy has a name.
            if !is_lone {
                message.settle()?;
            }
            copies.push((message, copy));
            Ok(())
        };
        for (index, delivery) in mailboxes.iter().enumerate() {
            let (message, copy) = self.write_to_mailbox(spooled, delivery, index < SCANNERS_MAX)?;
            push(message, copy)?;
        }
        if !external.is_empty() {
            push(self.composition.queue_copy(self.host, spooled)?, Copy::Queue)?;
        }
        Ok(copies)
    }

    fn write_to_mailbox(
        &self,
        spooled: &mut Spooled,
        delivery: &Delivery,
        is_scanned: bool,
    ) -> Result<(NewMessage, Copy), StoreError> {
        let account = self.host.store.account(&delivery.account)?;
        let mailbox = match self.is_junk && !delivery.is_for_role {
            true => junk(&account)?,
            false => account.mailbox(&MailboxName::inbox())?,
        };
        let mut message = account.new_message()?;
        let own_lines = own_lines(&self.transaction.mail.from, delivery);
        let limits = &self.host.settings.load().limits;
        let mut scanner = is_scanned.then(|| Scanner::new(scan_limits(limits)));
        self.composition.write_mailbox_copy(spooled, &own_lines, &mut message, scanner.as_mut())?;
        let digest = scanner.map(|scanner| scanner.finish().into_bytes()).unwrap_or_default();
        Ok((message, Copy::Mailbox { mailbox, digest }))
    }
}

/// Where suspicious mail lies: the INBOX if there can be no other place.
fn junk(account: &Arc<AccountMail>) -> Result<Arc<Mailbox>, StoreError> {
    let made = MailboxName::parse("Junk").map_err(|_| StoreError::NameUnfit);
    match made.and_then(|name| account.special_mailbox(SpecialUse::Junk, &name)) {
        Err(StoreError::TooManyMailboxes | StoreError::NameUnfit) => account.mailbox(&MailboxName::inbox()),
        found => found,
    }
}

/// The envelope for those elsewhere.
fn onward(transaction: &Transaction, from: &ReversePath) -> Envelope {
    Envelope {
        from: from.clone(),
        parameters: transaction.mail.parameters.clone(),
        recipients: transaction.external.clone(),
    }
}

pub(super) fn sender(transaction: &Transaction) -> String {
    transaction.mail.from.as_ref().map_or_else(|| "<>".to_owned(), ToString::to_string)
}

/// The first recipient and how many more.
fn recipients(transaction: &Transaction) -> String {
    match transaction.named.as_slice() {
        [] => String::new(),
        [only] => only.address.to_string(),
        [first, others @ ..] => format!("{} and {} more", first.address, others.len()),
    }
}
