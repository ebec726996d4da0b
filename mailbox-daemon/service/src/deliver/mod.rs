//! Mail going out: takes due entries from the queue, sorts them by destination, sends them, settles what came of it.
//!
//! One dispatcher fills a window of `queue_active_max` entries and hires workers, at most `outbound_max` and
//! `outbound_per_destination_max` to one destination. A worker sends one message after the other over one connection. When to
//! retry, where to go and whom to tell is decided in `policy`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod board;
mod connection;
mod content;
mod dane;
mod entry;
mod line;
mod outcome;
mod race;
mod report;
mod session;
mod sts;
mod target;
mod tls;
mod verdict;
mod window;
mod worker;

pub(crate) use tls::for_https as tls_for_https;

use crate::disk;
use crate::dns::Resolver;
use crate::host::Host;
use board::{Board, LeftAlone, Staff};
use entry::{Entry, Job};
use policy::config::Settings;
use policy::direct_path::DirectPath;
use policy::hop;
use policy::priority::{self, Priority};
use policy::route::{Destination, destination};
use policy::schedule::RetryRules;
use proto::smtp::header;
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::StoreError;
use store::queue::{Claim, Progress, QueuedMessage, RecipientState};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use types::{Address, TlsWish, UnixSeconds};
use verdict::Verdict;
use window::Window;

/// Entries that arrive within this time are taken from the queue together.
const GATHER: Duration = Duration::from_millis(5);
/// The queue is looked at again after this time whatever happens.
const LOOK_AGAIN_S: i64 = 15 * 60;
/// After an error of the queue itself.
const QUEUE_ERROR_PAUSE_S: i64 = 30;
/// A spool file that cannot be read now is tried again after this time.
const UNREADABLE_PAUSE_S: i64 = 15 * 60;
/// A destination that keeps half the window and takes nothing for so long gives work back.
const STUCK_S: i64 = 10;
/// How often a full window is looked at for such destinations.
const STUCK_CHECK_S: i64 = 5;
/// Recipients of one transaction: what every server takes (RFC 5321 section 4.5.3.1.8).
const RECIPIENTS_TOGETHER_MAX: usize = 100;

/// Delivers until the daemon stops.
pub async fn run(host: Arc<Host>) {
    tell_what_recovery_found(&host);
    let stop = host.stop.clone();
    let context = Arc::new(Context::new(host));
    if context.path().counts_as_closed() {
        context.line_closed();
    }
    let mut dispatcher = Dispatcher { context: Arc::clone(&context), workers: JoinSet::new() };
    tokio::select! {
        () = dispatcher.dispatch() => {}
        () = sts::keep_fresh(&context) => {}
        () = stop.stopping() => {}
    }
    dispatcher.finish().await;
}

fn tell_what_recovery_found(host: &Host) {
    let found = host.queue.recovered();
    tracing::info!(
        entries = found.entries,
        rescheduled = found.rescheduled,
        torn = found.torn,
        "queue opened"
    );
    for file in &found.damaged_files {
        tracing::error!(file = %file.display(), damaged = found.damaged, "a queue file makes no sense and was set aside");
    }
}

/// What dispatcher, workers and entries share.
struct Context {
    host: Arc<Host>,
    rules: RetryRules,
    board: Mutex<Board<Job>>,
    /// A worker or an entry left.
    changed: Notify,
    /// Jobs were put on the board.
    posted: Notify,
    /// Who is in the window.
    window: Mutex<Window>,
    /// What is known of the line.
    path: Mutex<DirectPath>,
    /// Whether the relay has taken over and what waits does not know yet.
    is_relay_new: AtomicBool,
    /// Whether the schedule has changes that a power cut would take back.
    is_schedule_changed: AtomicBool,
}

impl Context {
    fn new(host: Arc<Host>) -> Context {
        Context {
            path: Mutex::new(line::recall(&host.notes)),
            host,
            rules: RetryRules::default(),
            board: Mutex::new(Board::new()),
            changed: Notify::new(),
            posted: Notify::new(),
            window: Mutex::default(),
            is_schedule_changed: AtomicBool::new(false),
            is_relay_new: AtomicBool::new(false),
        }
    }

    fn board(&self) -> MutexGuard<'_, Board<Job>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self) -> MutexGuard<'_, DirectPath> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, account: Option<&Address>, priority: Priority) {
        self.window().leave(account, priority);
        self.changed.notify_waiters();
    }

    fn note_schedule_changed(&self) {
        self.is_schedule_changed.store(true, Ordering::Release);
    }

    /// The resolver of the settings in force.
    fn resolver(&self, settings: &Settings) -> Result<Arc<Resolver>, String> {
        self.host.resolvers.get(settings.dns.resolver).map_err(|error| error.to_string())
    }

    /// For jitter and names; where the system has no randomness the clock must do.
    fn random(&self) -> u64 {
        getrandom::u64().unwrap_or_else(|_| self.host.now() as u64)
    }
}

struct Dispatcher {
    context: Arc<Context>,
    workers: JoinSet<()>,
}

impl Dispatcher {
    async fn dispatch(&mut self) {
        let context = Arc::clone(&self.context);
        let bell = context.host.queue.bell();
        loop {
            let generation = bell.generation();
            // Registered before looking, so that no change in between is missed.
            let mut changed = std::pin::pin!(context.changed.notified());
            changed.as_mut().enable();
            let mut look_again_at = self.fill().await;
            self.hire();
            if self.context.board().is_short_of_workers() {
                look_again_at = look_again_at.min(self.context.host.now() + STUCK_CHECK_S);
            }
            self.checkpoint();
            let has_room = self.room() > 0;
            tokio::select! {
                () = &mut changed => {}
                _ = bell.changed_since(generation), if has_room => sleep(GATHER).await,
                () = sleep_until(self.instant_of(look_again_at)) => {}
                Some(ended) = self.workers.join_next() => note_end(ended),
            }
        }
    }

    /// Lets messages under way finish, gives the others back and writes the schedule down.
    async fn finish(&mut self) {
        drop(self.context.board().clear());
        self.context.changed.notify_waiters();
        while let Some(ended) = self.workers.join_next().await {
            note_end(ended);
        }
        if let Err(error) = disk(|| self.context.host.queue.checkpoint()) {
            tracing::warn!(%error, "the queue's schedule could not be written; some mail is tried earlier than planned");
        }
    }

    /// Places in the window; none until a quarter is free, so that entries are taken many at a time.
    fn room(&self) -> usize {
        let most = self.context.host.settings.load().limits.queue_active_max.max(1);
        let free = most.saturating_sub(self.context.window().len());
        if free >= most.div_ceil(4) { free } else { 0 }
    }

    /// Places in the window that bulk mail may take; a quarter is left to other mail.
    fn room_for_bulk(&self) -> usize {
        let most = self.context.host.settings.load().limits.queue_active_max.max(1);
        (most - most / 4).saturating_sub(self.context.window().bulk())
    }

    /// Takes due entries into the window. Says when to look again.
    async fn fill(&mut self) -> UnixSeconds {
        loop {
            let now = self.context.host.now();
            let room = self.room();
            if room == 0 {
                self.relieve(now).await;
                return now + STUCK_CHECK_S;
            }
            let claims = match disk(|| self.context.host.queue.claim(now, room, self.room_for_bulk())) {
                Ok(claims) => claims,
                Err(error) => {
                    tracing::error!(%error, "the queue cannot be read");
                    return now + QUEUE_ERROR_PAUSE_S;
                }
            };
            let is_all = claims.len() < room;
            for claim in claims {
                self.admit(claim, now).await;
            }
            if is_all {
                let with_bulk = self.room_for_bulk() > 0;
                let next = disk(|| self.context.host.queue.next_due(with_bulk));
                let latest = now + LOOK_AGAIN_S;
                return next.ok().flatten().map_or(latest, |next| next.clamp(now, latest));
            }
            self.hire();
        }
    }

    /// Opens an entry and puts its recipients on the board, destination by destination.
    async fn admit(&self, mut claim: Claim, now: UnixSeconds) {
        let message = match disk(|| claim.open()) {
            Ok(message) => message,
            Err(error) => return not_opened(claim, &error, now),
        };
        if message.marks().held {
            return claim.hold();
        }
        let header = disk(|| report::read_header(&message)).unwrap_or_default();
        let priority = self.priority(&claim, &message, &header);
        if priority == Priority::Bulk && self.room_for_bulk() == 0 {
            return claim.put_back_as_bulk();
        }
        let wish = hop::wish(&message.header().envelope, header::says_tls_not_required(&header));
        let (jobs, held) = self.sort(&message, wish);
        let parts = jobs.len() + usize::from(!held.is_empty());
        if parts == 0 {
            // Everything was done before the daemon stopped, but for this.
            if let Err(error) = disk(|| claim.complete()) {
                tracing::warn!(%error, "a finished queue entry cannot be removed");
            }
            return;
        }
        let entry = Arc::new(Entry::new(Arc::clone(&self.context), claim, message, priority, parts));
        for (destination, recipients) in jobs {
            self.post(destination, Job { entry: Arc::clone(&entry), recipients }, now).await;
        }
        if !held.is_empty() {
            Job { entry, recipients: held }.finish_all(&Verdict::held(), None).await;
        }
    }

    /// The recipients still to be served by destination, at most so many together as every server takes; and those whom the
    /// owner holds.
    fn sort(&self, message: &QueuedMessage, wish: TlsWish) -> (Vec<(Destination, Vec<usize>)>, Vec<usize>) {
        let settings = self.context.host.settings.load();
        let held_domains = self.context.host.queue.held();
        let envelope = &message.header().envelope;
        // Asked only where it matters: whoever asks may be the one a day that tries the direct way.
        let is_closed = LazyCell::new(|| self.context.is_line_closed());
        // A recipient that needs SMTPUTF8 must not spoil it for one that does not.
        let mut jobs: BTreeMap<(Destination, bool), Vec<usize>> = BTreeMap::new();
        let mut held = Vec::new();
        for (index, recipient) in envelope.recipients.iter().enumerate() {
            if message.marks().recipients[index] != RecipientState::Pending {
                continue;
            }
            let domain = &recipient.address.domain;
            if held_domains.domains.contains(domain.as_str()) {
                held.push(index);
                continue;
            }
            let [direct, relayed] = [false, true]
                .map(|is_closed| destination(&settings.outbound, envelope.from.as_ref(), domain, is_closed));
            let to = if direct != relayed && *is_closed { relayed } else { direct };
            jobs.entry((to.wishing(wish), recipient.address.is_ascii())).or_default().push(index);
        }
        let chunks = jobs.into_iter().flat_map(|((to, _), indexes)| {
            let chunks: Vec<_> = indexes.chunks(RECIPIENTS_TOGETHER_MAX).map(<[usize]>::to_vec).collect();
            chunks.into_iter().map(move |chunk| (to.clone(), chunk))
        });
        (chunks.collect(), held)
    }

    /// How long an entry may wait for others.
    fn priority(&self, claim: &Claim, message: &QueuedMessage, header: &[u8]) -> Priority {
        if claim.progress().is_bulk {
            return Priority::Bulk;
        }
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let fields: Vec<(&str, &str)> =
            header::fields(header).map(|field| (text(field.name), text(field.value))).collect();
        let queued = message.header();
        priority::priority(&priority::Facts {
            is_report: queued.envelope.from.is_none(),
            recipients: queued.envelope.recipients.len(),
            account_under_way: self.context.window().of(queued.account.as_ref()),
            fields: &fields,
        })
    }

    async fn post(&self, destination: Destination, job: Job, now: UnixSeconds) {
        let alone = {
            let mut board = self.context.board();
            match board.left_alone(&destination, now) {
                Some(alone) => alone,
                None => {
                    let priority = job.entry.priority();
                    board.put(destination, job, priority, now);
                    drop(board);
                    return self.context.posted.notify_waiters();
                }
            }
        };
        let LeftAlone { until, reason } = alone;
        job.finish_all(&Verdict::unreachable(&reason), Some(until)).await;
    }

    /// Mail for a server that answers too slowly makes room for other mail.
    async fn relieve(&self, now: UnixSeconds) {
        let jobs_min = (self.context.host.settings.load().limits.queue_active_max / 2).max(1);
        let given_back = self.context.board().relieve(jobs_min, STUCK_S, now);
        for job in given_back {
            let verdict = Verdict::unreachable("The other server is slow; the message waits for its turn.");
            job.finish_all(&verdict, None).await;
        }
    }

    fn hire(&mut self) {
        let limits = &self.context.host.settings.load().limits;
        let staff = Staff {
            running_max: limits.outbound_max,
            per_destination_max: limits.outbound_per_destination_max,
        };
        loop {
            let hired = self.context.board().hire(staff, self.context.host.now());
            let Some(hired) = hired else { return };
            self.workers.spawn(worker::work(Arc::clone(&self.context), hired));
        }
    }

    /// In a quiet moment the schedule is made durable.
    fn checkpoint(&self) {
        let is_quiet = self.context.window().len() == 0;
        if is_quiet
            && self.context.is_schedule_changed.swap(false, Ordering::AcqRel)
            && let Err(error) = disk(|| self.context.host.queue.checkpoint())
        {
            tracing::warn!(%error, "the queue's schedule cannot be written");
        }
    }

    fn instant_of(&self, at: UnixSeconds) -> Instant {
        let seconds = (at - self.context.host.now()).max(0) as u64;
        // A moment more, so that the clock has passed the second that was waited for.
        Instant::now() + Duration::from_secs(seconds) + Duration::from_millis(50)
    }
}

fn note_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(panic) = ended {
        tracing::error!(%panic, "a delivery failed; its message is tried again later");
    }
}

fn not_opened(claim: Claim, error: &StoreError, now: UnixSeconds) {
    match error {
        // Deleted by hand meanwhile.
        StoreError::NoSuchMessage => {}
        StoreError::Damaged { .. } => tracing::error!(id = %claim.id(), %error, "a queued message is lost"),
        _ => {
            tracing::warn!(id = %claim.id(), %error, "a queued message cannot be read now");
            let attempts = claim.progress().attempts + 1;
            claim.retry(Progress {
                attempts,
                next_attempt_at: now + UNREADABLE_PAUSE_S,
                ..Progress::default()
            });
        }
    }
}

#[cfg(test)]
mod tests;
