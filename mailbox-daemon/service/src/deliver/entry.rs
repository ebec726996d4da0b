//! One queue entry in the hands of the delivery task: from its claim to its settlement.

use super::verdict::Verdict;
use super::{Context, report};
use policy::bounce::Event;
use policy::priority::Priority;
use policy::schedule::{Attempt, EntryFacts, Fate};
use proto::smtp::client::Transaction;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::StoreError;
use store::queue::{Claim, Progress, QueueId, QueuedMessage, RecipientState};
use types::{Envelope, UnixSeconds};

/// Replies kept for `queue list`.
const REPLIES_MAX: usize = 10;
/// Of each, at most.
const REPLY_BYTES_MAX: usize = 200;
/// An entry nobody settled (a task failed) is left alone for so long.
const PAUSE_AFTER_FAILURE_S: i64 = 15 * 60;

/// A claimed entry. Its jobs share it; whoever finishes the last one settles it.
pub(super) struct Entry {
    context: Arc<Context>,
    id: QueueId,
    priority: Priority,
    envelope: Arc<Envelope>,
    /// Whether sender or header ask for SMTPUTF8, whoever the recipients are.
    needs_smtputf8: bool,
    /// Whether it was looked at and found to be ASCII.
    is_seven_bit: AtomicBool,
    message: QueuedMessage,
    work: Mutex<Work>,
}

struct Work {
    /// `None` once settled.
    claim: Option<Claim>,
    jobs_left: usize,
    /// What this attempt came to, by recipient.
    verdicts: Vec<(usize, Verdict)>,
    /// When the destination may be tried again, if it was not tried or not reached.
    not_before: Option<UnixSeconds>,
}

/// An entry's recipients at one destination.
pub(super) struct Job {
    pub(super) entry: Arc<Entry>,
    pub(super) recipients: Vec<usize>,
}

impl Entry {
    pub(super) fn new(
        context: Arc<Context>,
        claim: Claim,
        message: QueuedMessage,
        priority: Priority,
        jobs: usize,
    ) -> Entry {
        context.window().enter(message.header().account.as_ref(), priority);
        Entry {
            id: claim.id(),
            priority,
            envelope: Arc::new(message.header().envelope.clone()),
            needs_smtputf8: report::needs_smtputf8(&message),
            is_seven_bit: AtomicBool::new(false),
            message,
            work: Mutex::new(Work {
                claim: Some(claim),
                jobs_left: jobs,
                verdicts: Vec::new(),
                not_before: None,
            }),
            context,
        }
    }

    pub(super) fn priority(&self) -> Priority {
        self.priority
    }

    /// It was looked at and has no octet above 127.
    pub(super) fn note_seven_bit(&self) {
        self.is_seven_bit.store(true, Ordering::Relaxed);
    }

    pub(super) fn message(&self) -> &QueuedMessage {
        &self.message
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the last job is done.
    fn take_in(
        &self,
        verdicts: Vec<(usize, Verdict)>,
        not_before: Option<UnixSeconds>,
    ) -> Option<Settlement> {
        let mut work = self.work();
        work.verdicts.extend(verdicts);
        work.not_before = match (work.not_before, not_before) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        work.jobs_left = work.jobs_left.saturating_sub(1);
        (work.jobs_left == 0)
            .then(|| Settlement { verdicts: std::mem::take(&mut work.verdicts), not_before: work.not_before })
    }

    fn take_claim(&self) -> Option<Claim> {
        self.work().claim.take()
    }
}

/// When a task failed in the middle of it the message may be at fault, so it is not tried again at once.
impl Drop for Entry {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.pause();
        }
        self.context.leave(self.message.header().account.as_ref(), self.priority);
    }
}

/// All that one attempt came to.
struct Settlement {
    verdicts: Vec<(usize, Verdict)>,
    not_before: Option<UnixSeconds>,
}

impl Job {
    /// The envelope as this destination is told it, for some of the recipients by position.
    pub(super) fn transaction(&self, positions: &[usize]) -> Transaction {
        let entry = &self.entry;
        let chosen: Vec<usize> = positions.iter().map(|position| self.recipients[*position]).collect();
        let is_international = |index: &usize| !entry.envelope.recipients[*index].address.is_ascii();
        Transaction {
            envelope: Arc::clone(&entry.envelope),
            message_bytes: entry.message.message_bytes(),
            needs_smtputf8: entry.needs_smtputf8 || chosen.iter().any(is_international),
            needs_eight_bit: !entry.is_seven_bit.load(Ordering::Relaxed),
            chosen,
        }
    }

    /// Notes who has the message while others are still to be served.
    pub(super) fn note(&self, verdicts: &[Option<Verdict>]) {
        let is_delivered =
            |verdict: &Option<Verdict>| verdict.as_ref().is_some_and(|of| of.attempt == Attempt::Delivered);
        if verdicts.iter().all(is_delivered) {
            return;
        }
        let served = self.recipients.iter().zip(verdicts).filter(|(_, verdict)| is_delivered(verdict));
        let served: Vec<_> = served.map(|(index, _)| (*index, RecipientState::Delivered)).collect();
        self.entry.note(&served);
    }

    /// The same verdict for every recipient.
    pub(super) fn finish_all(
        self,
        verdict: &Verdict,
        not_before: Option<UnixSeconds>,
    ) -> impl Future<Output = ()> + Send {
        let verdicts = vec![verdict.clone(); self.recipients.len()];
        self.finish(verdicts, not_before)
    }

    /// One verdict for each recipient. What was delivered is durably noted before anything else is done.
    pub(super) async fn finish(self, verdicts: Vec<Verdict>, not_before: Option<UnixSeconds>) {
        let Job { entry, recipients } = self;
        let verdicts: Vec<(usize, Verdict)> = recipients.into_iter().zip(verdicts).collect();
        for (index, verdict) in &verdicts {
            log(&entry, *index, verdict);
        }
        // Where every recipient is served and nobody is to be told, the entry goes away as a whole and needs no note.
        let delivered = delivered(&verdicts);
        let is_all = delivered.len() == entry.envelope.recipients.len() && !entry.wants_success_report();
        if !is_all {
            entry.note(&delivered);
        }
        if let Some(settlement) = entry.take_in(verdicts, not_before) {
            entry.settle(settlement).await;
        }
    }
}

fn delivered(verdicts: &[(usize, Verdict)]) -> Vec<(usize, RecipientState)> {
    let delivered = verdicts.iter().filter(|(_, verdict)| verdict.attempt == Attempt::Delivered);
    delivered.map(|(index, _)| (*index, RecipientState::Delivered)).collect()
}

impl Entry {
    fn wants_success_report(&self) -> bool {
        self.envelope.recipients.iter().any(|recipient| recipient.notify.is_some_and(|notify| notify.success))
    }

    fn note(&self, delivered: &[(usize, RecipientState)]) {
        if delivered.is_empty() {
            return;
        }
        if let Err(error) = crate::disk(|| self.message.mark_recipients(delivered)) {
            tracing::error!(id = %self.id, %error, "a delivery cannot be noted; it may be made twice");
        }
    }

    /// Decides what becomes of the entry and does it. What cannot be done now is done at the next attempt.
    async fn settle(&self, settlement: Settlement) {
        let delivered = delivered(&settlement.verdicts);
        if let Err(error) = self.try_settle(settlement).await {
            tracing::warn!(id = %self.id, %error, "a queue entry cannot be settled now");
            self.note(&delivered);
            self.pause();
        }
    }

    fn pause(&self) {
        if let Some(claim) = self.take_claim() {
            let attempts = claim.progress().attempts + 1;
            let next_attempt_at = self.context.host.now() + PAUSE_AFTER_FAILURE_S;
            claim.retry(Progress { attempts, next_attempt_at, ..Progress::default() });
        }
    }

    async fn try_settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        let now = self.context.host.now();
        let arrived_at = self.message.header().arrived_at;
        let (mut ended, mut waiting) = (Vec::new(), Vec::new());
        for (index, verdict) in settlement.verdicts {
            match self.context.rules.fate(verdict.attempt, arrived_at, now) {
                Fate::Delivered if verdict.passes_dsn => {}
                Fate::Delivered => ended.push((index, Event::Relayed, verdict)),
                Fate::Refused => ended.push((index, Event::Failed, verdict)),
                Fate::Expired => ended.push((index, Event::Failed, verdict.expired())),
                Fate::Waits => waiting.push((index, verdict)),
            }
        }
        // How often answers of somebody's rules fail is up to strangers.
        let is_report = self.envelope.from.is_none() && self.message.header().account.is_none();
        if is_report && ended.iter().any(|(_, event, _)| *event == Event::Failed) {
            self.tell_of_lost_report(now);
        }
        // Whoever wants to know is told, durably, before the recipient is given up.
        report::send(&self.context, &self.message, &ended, now).await?;
        if waiting.is_empty() {
            return self.complete();
        }
        let failed = ended.iter().filter(|(_, event, _)| *event == Event::Failed);
        let failed: Vec<(usize, RecipientState)> =
            failed.map(|(index, ..)| (*index, RecipientState::Failed)).collect();
        if !failed.is_empty() {
            crate::disk(|| self.message.mark_recipients(&failed))?;
        }
        self.wait(waiting, settlement.not_before, now).await
    }

    /// What has no sender is never answered (RFC 5321 section 6.1); the owner sees that there was something.
    fn tell_of_lost_report(&self, now: UnixSeconds) {
        let to: Vec<String> =
            self.envelope.recipients.iter().take(3).map(|to| to.address.to_string()).collect();
        let text = format!(
            "A report or automatic answer to {} could not be delivered and was given up. That is usual where an address was \
             forged; where it is one you know, tell its owner.",
            to.join(", ")
        );
        tracing::warn!(id = %self.id, "mail without a sender was given up");
        self.context.host.issues.raise("outbound/undeliverable-report", &text, now);
    }

    /// Every recipient is settled. The removal is made durable with the next sync; nobody needs to wait for it, but the sooner
    /// the smaller the chance that a power cut sends the message twice.
    fn complete(&self) -> Result<(), StoreError> {
        if let Some(claim) = self.take_claim() {
            let was_scheduled = claim.progress().attempts > 0;
            drop(crate::disk(|| claim.complete())?);
            if was_scheduled {
                self.context.note_schedule_changed();
            }
        }
        Ok(())
    }

    async fn wait(
        &self,
        waiting: Vec<(usize, Verdict)>,
        not_before: Option<UnixSeconds>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let is_tried = waiting.iter().any(|(_, verdict)| verdict.attempt != Attempt::Held);
        let before = self.work().claim.as_ref().map_or(0, |claim| claim.progress().attempts);
        let attempts = before + u32::from(is_tried);
        let marks = self.message.marks();
        let facts = EntryFacts {
            arrived_at: self.message.header().arrived_at,
            attempts,
            delay_reported: marks.delay_reported,
            not_before,
        };
        let next = self.context.rules.next(&facts, now, self.context.random());
        if next.report_delay {
            let delayed: Vec<_> =
                waiting.iter().map(|(index, verdict)| (*index, Event::Delayed, verdict.clone())).collect();
            report::send(&self.context, &self.message, &delayed, now).await?;
            crate::disk(|| self.message.mark_delay_reported())?;
        }
        let replies =
            waiting.iter().take(REPLIES_MAX).map(|(index, verdict)| (*index as u32, short(verdict.line())));
        let progress = Progress {
            attempts,
            next_attempt_at: next.attempt_at,
            is_bulk: self.priority == Priority::Bulk,
            replies: replies.collect(),
            ..Progress::default()
        };
        if let Some(claim) = self.take_claim() {
            claim.retry(progress);
            self.context.note_schedule_changed();
        }
        Ok(())
    }
}

fn short(mut line: String) -> String {
    line.truncate(line.floor_char_boundary(REPLY_BYTES_MAX));
    line
}

fn log(entry: &Entry, index: usize, verdict: &Verdict) {
    let to = &entry.envelope.recipients[index].address;
    let outcome = match verdict.attempt {
        Attempt::Delivered => "delivered",
        Attempt::Deferred => "deferred",
        Attempt::Refused => "refused",
        Attempt::Held => "held",
    };
    tracing::info!(id = %entry.id, %to, status = verdict.status, detail = verdict.line(), "message {outcome}");
}
