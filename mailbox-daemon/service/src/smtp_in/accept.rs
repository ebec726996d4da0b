use super::compose::{Composition, Onward};
use super::copies::Copies;
use super::envelope::Transaction;
use super::judge::{Judged, word};
use super::letters::letters;
use super::receive::Incoming;
use super::sender::{note_correspondents, take_allowance};
use super::stored::Settled;
use super::{Connection, reply_to_store, success, vouch};
use crate::disk;
use proto::smtp::header;
use proto::smtp::reply::{Reply, say};
use std::sync::atomic::Ordering;
use store::StoreError;
use tracing::{info, warn};

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
        match self.put(&mut transaction, &mut incoming, judged.as_ref()).await {
            Ok(Some(refusal)) => refusal,
            Ok(None) => {
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

    /// Puts every copy where it belongs. Gives what is said to the client where nobody here takes the message.
    async fn put(
        &self,
        transaction: &mut Transaction,
        incoming: &mut Incoming,
        judged: Option<&Judged>,
    ) -> Result<Option<Reply>, StoreError> {
        let host = &*self.host;
        let account = self.login.as_ref().map(|login| &login.account);
        let mut composition = Composition {
            onward: Onward { from: transaction.mail.from.clone(), ..Onward::default() },
            results: judged.map(|judged| judged.fields(self, transaction)).unwrap_or_default(),
            trace: std::mem::take(&mut incoming.trace),
            fields: std::mem::take(&mut incoming.missing_fields).into_bytes(),
            is_submission: account.is_some(),
            host: self.settings.hostname.clone(),
        };
        let now = self.host.now();
        let chain = judged.map(|judged| judged.evidence.arc.outcome);
        let Incoming { id, spooled, started_at, .. } = incoming;
        disk(|| vouch::vouch(host, transaction, &mut composition, spooled, chain, now))?;
        let mut errands = self.errands(transaction, &composition, spooled, judged, now).await?;
        let stored = disk(|| {
            let refused = self.refuse(transaction, &mut errands.all, spooled, judged, now)?;
            let mut letters = letters(host, &errands.all, &transaction.mail.from, now)?;
            letters.extend(refused.reports);
            let copies = Copies { host, transaction, composition: &composition, account, chain, now };
            copies.store(spooled, &mut errands.all, &letters).map(|stored| (stored, refused.reply))
        });
        let (stored, reply) = stored?;
        let Settled { bytes, queue_ids } = stored.settle(host).await?;
        // Whoever is told now that the message is not accepted brings it again.
        if let Err(error) = errands.remember().await {
            warn!(id, %error, "what scripts remember could not be kept");
        }
        transaction.reported.retain(|recipient| !errands.refuse(&recipient.address));
        errands.tell_owners(host, now).await;
        info!(
            id,
            peer = %self.peer,
            from = %sender(transaction),
            to = %recipients(transaction),
            queue_id = (!queue_ids.is_empty()).then(|| queue_ids.join(" ")),
            bytes,
            verdict = judged.map(|judged| word(judged.verdict)),
            why = judged.map(|judged| judged.reasons.join("; ")),
            reply = reply.as_ref().map(ToString::to_string),
            ms = started_at.elapsed().as_millis() as u64,
            "{}", if reply.is_some() { "message refused by a script" } else { "message accepted" }
        );
        Ok(reply)
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
