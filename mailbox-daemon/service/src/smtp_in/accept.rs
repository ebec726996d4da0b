use super::envelope::Transaction;
use super::receive::{Incoming, own_lines};
use super::spooled::Spooled;
use super::{Connection, reply_to_store, success};
use crate::disk;
use crate::host::Host;
use proto::mime::Scanner;
use proto::smtp::reply::{Reply, say};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::queue::{Header, Queued};
use store::{Arrival, Mailbox, NewMessage, StoreError, Ticket};
use tracing::{info, warn};
use types::{Address, Envelope, Flags, MailboxName, UnixSeconds};

/// A message that is where it belongs but not surely on disk yet.
struct Stored {
    tickets: Vec<Ticket>,
    queued: Option<Queued>,
    bytes: u64,
}

/// Where one copy goes.
enum Copy {
    Mailbox { inbox: Arc<Mailbox>, digest: Vec<u8> },
    Queue,
}

impl Connection {
    /// The end of the message: on disk, everywhere it goes, before the 250.
    pub(super) async fn end(&mut self, lacks_newline: bool) -> Reply {
        self.host.requests.fetch_add(1, Ordering::Relaxed);
        let refusal = self.complete(lacks_newline);
        let Some(mut transaction) = self.transaction.take() else { return say::BAD_SEQUENCE };
        let Some(incoming) = transaction.incoming.take() else { return say::BAD_SEQUENCE };
        if let Some(refusal) = refusal {
            info!(id = incoming.id, peer = %self.peer, from = %sender(&transaction), reply = %refusal, "message refused");
            return refusal;
        }
        let Incoming { id, started_at, spooled, scanners, returned_header, .. } = incoming;
        let account = self.login.as_ref().map(|login| &login.account);
        let now = self.host.now();
        let stored = disk(|| store(&self.host, &transaction, spooled, scanners, account, now));
        let (bytes, queue_id) = match settle(stored).await {
            Ok(settled) => settled,
            Err(error) => {
                warn!(id, peer = %self.peer, from = %sender(&transaction), %error, "message not accepted");
                return reply_to_store(&error);
            }
        };
        info!(
            id,
            peer = %self.peer,
            from = %sender(&transaction),
            to = %recipients(&transaction),
            queue_id,
            bytes,
            ms = started_at.elapsed().as_millis() as u64,
            "message accepted"
        );
        if let (Some(account), Some(header)) = (account, returned_header) {
            let reported = success::report(&self.host, &transaction, account, &id, &header, now);
            if let Err(error) = Box::pin(reported).await {
                warn!(id, %error, "the sender could not be told of the delivery");
            }
        }
        say::MESSAGE_ACCEPTED.with_text(format!("Accepted as {id}"))
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

/// Writes every copy, and only when all are written gives them their names.
fn store(
    host: &Host,
    transaction: &Transaction,
    spooled: Spooled,
    scanners: Vec<Scanner>,
    account: Option<&Address>,
    now: UnixSeconds,
) -> Result<Stored, StoreError> {
    let copies = write_copies(host, transaction, spooled, scanners)?;
    let mut stored = Stored { tickets: Vec::new(), queued: None, bytes: 0 };
    for (message, copy) in copies {
        stored.bytes = stored.bytes.max(message.bytes());
        match copy {
            Copy::Mailbox { inbox, digest } => {
                let arrival =
                    Arrival { flags: Flags::NONE, keywords: Vec::new(), internal_date: now, digest };
                stored.tickets.push(inbox.add(message, arrival)?.ticket);
            }
            Copy::Queue => {
                let header =
                    Header { envelope: onward(transaction), account: account.cloned(), arrived_at: now };
                stored.queued = Some(host.queue.enqueue(message, &header)?);
            }
        }
    }
    Ok(stored)
}

fn write_copies(
    host: &Host,
    transaction: &Transaction,
    mut spooled: Spooled,
    scanners: Vec<Scanner>,
) -> Result<Vec<(NewMessage, Copy)>, StoreError> {
    let mut digests = scanners.into_iter().map(|scanner| scanner.finish().into_bytes());
    let mut copies: Vec<(NewMessage, Copy)> = Vec::new();
    let mut first_copy = Copy::Queue;
    for (index, delivery) in transaction.mailboxes.iter().enumerate() {
        let account = host.store.account(&delivery.account)?;
        let inbox = account.mailbox(&MailboxName::inbox())?;
        let copy = Copy::Mailbox { inbox, digest: digests.next().unwrap_or_default() };
        if index == 0 {
            first_copy = copy;
            continue;
        }
        let mut message = account.new_message()?;
        message.write(&own_lines(&transaction.mail.from, delivery))?;
        spooled.copy_to(host, &mut message)?;
        copies.push((message, copy));
    }
    if !transaction.external.is_empty() && !transaction.mailboxes.is_empty() {
        let mut message = host.queue.new_entry()?;
        spooled.copy_to(host, &mut message)?;
        copies.push((message, Copy::Queue));
    }
    copies.push((spooled.into_file(host)?, first_copy));
    Ok(copies)
}

/// The envelope for those elsewhere.
fn onward(transaction: &Transaction) -> Envelope {
    Envelope {
        from: transaction.mail.from.clone(),
        parameters: transaction.mail.parameters.clone(),
        recipients: transaction.external.clone(),
    }
}

fn sender(transaction: &Transaction) -> String {
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
