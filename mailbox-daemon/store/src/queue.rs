//! Mail on its way out.
//!
//! An entry is one self-contained spool file (see `spool`): durable with one shared sync, and from then on accepted. The schedule,
//! `queue.redb`, is a cache of order; it is written in batches and nothing acknowledged depends on it, because opening the
//! queue reconciles it with the spool. Mail that goes out at the first attempt never touches it.
//!
//! Memory is bounded whatever the queue's length: [`FRESH_MAX`] ids that wait for their first attempt, the claims of the
//! delivery task, and redb's cache.

mod admin;
mod claim;
mod held;
mod recover;
mod schedule;
mod spool;
mod ticket;

pub use admin::QueueListing;
pub use claim::{Claim, QueuedMessage};
pub use held::Held;
pub use recover::Recovered;
pub use schedule::Progress;
pub use spool::{Header, Marks, RecipientState};
pub use ticket::{QueueTicket, Queued};

use crate::bell::Bell;
use crate::commit::Committer;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::locked;
use crate::message::NewMessage;
use schedule::{Change, Class, Schedule};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard};
use types::UnixSeconds;

/// Entries that wait in memory for their first attempt; more go into the schedule.
const FRESH_MAX: usize = 512;

/// What the owner holds, see [`Held`].
const HELD_FILE: &str = "held";

/// Names an entry; ascending with the time of arrival. Written as 13 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(u64);

/// The queue. Clones share it.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    disk: Arc<dyn Disk>,
    spool_dir: PathBuf,
    unfinished_dir: PathBuf,
    corrupt_dir: PathBuf,
    committer: Committer,
    bell: Bell,
    held: Mutex<Arc<Held>>,
    recovered: Recovered,
    /// Taken before `state` when both are needed.
    schedule: Mutex<Schedule>,
    state: Mutex<State>,
}

/// What is true now and not yet in the schedule.
#[derive(Default)]
struct State {
    /// Durable, never tried, not in the schedule; oldest first.
    fresh: VecDeque<QueueId>,
    /// In the hands of the delivery task.
    claimed: BTreeMap<QueueId, Claimed>,
    /// For the schedule, in order.
    changes: Vec<Change>,
    last_id: u64,
    entries: u64,
}

#[derive(Clone, Copy, Default)]
struct Claimed {
    /// Whether the schedule holds it.
    is_scheduled: bool,
    /// Deleted or held by hand meanwhile.
    withdrawn: Option<Withdrawn>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Withdrawn {
    Deleted,
    Held,
}

impl Queue {
    /// Opens the queue below `dir`; opening is recovery.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, committer: Committer) -> Result<Queue, StoreError> {
        let [spool_dir, unfinished_dir, corrupt_dir] = ["spool", "tmp", "corrupt"].map(|name| dir.join(name));
        for folder in [&spool_dir, &unfinished_dir, &corrupt_dir] {
            disk.create_dir_all(folder)?;
        }
        // Files are made durable one by one; the folders they stand in once, here.
        dir.parent().into_iter().chain([dir]).try_for_each(|folder| disk.sync_dir(folder))?;
        recover::clear(&*disk, &unfinished_dir)?;
        let is_empty = recover::is_empty(&*disk, &spool_dir)?;
        let mut schedule = Schedule::open(Arc::clone(&disk), dir.join("queue.redb"), is_empty)?;
        let held = Held::read(&*disk, &dir.join(HELD_FILE))?;
        let recovered = recover::reconcile(&*disk, &spool_dir, &corrupt_dir, &mut schedule)?;
        let state = State { last_id: recovered.last_id, entries: recovered.entries, ..State::default() };
        let inner = Inner {
            disk,
            spool_dir,
            unfinished_dir,
            corrupt_dir,
            committer,
            bell: Bell::new(),
            held: Mutex::new(Arc::new(held)),
            recovered,
            schedule: Mutex::new(schedule),
            state: Mutex::new(state),
        };
        Ok(Queue { inner: Arc::new(inner) })
    }

    /// What opening found to mend.
    pub fn recovered(&self) -> &Recovered {
        &self.inner.recovered
    }

    /// A nameless file for a message about to be queued; dropping it leaves nothing behind.
    pub fn new_entry(&self) -> Result<NewMessage, StoreError> {
        NewMessage::create(Arc::clone(&self.inner.disk), &self.inner.unfinished_dir)
    }

    /// Takes a message in. It is accepted, and may go out, once the ticket resolves; a ticket dropped before that withdraws it.
    pub fn enqueue(&self, mut message: NewMessage, header: &Header) -> Result<Queued, StoreError> {
        self.inner.make_room()?;
        let trailer = spool::trailer(message.bytes(), header)?;
        message.write(&trailer)?;
        let id = self.inner.link(&mut message, header.arrived_at)?;
        let committed = self.inner.committer.submit(message.into_file());
        Ok(Queued { id, ticket: QueueTicket::new(Arc::clone(&self.inner), id, committed) })
    }

    /// Takes up to `max` entries that are due into the caller's hands, of bulk mail at most `bulk_max`: first attempts before
    /// retries, a quarter kept for retries, bulk mail last.
    pub fn claim(&self, now: UnixSeconds, max: usize, bulk_max: usize) -> Result<Vec<Claim>, StoreError> {
        let inner = &self.inner;
        if self.held().all {
            return Ok(Vec::new());
        }
        let mut schedule = inner.schedule();
        inner.flush(&mut schedule)?;
        let mut state = inner.state();
        let is_taken = |id: QueueId| state.claimed.contains_key(&id);
        let mut due = schedule.due(Class::Retry, now, max / 4, is_taken)?;
        due.extend(schedule.due(Class::First, now, max - due.len(), is_taken)?);
        let from_memory = state.fresh.len().min(max - due.len());
        for (class, class_max) in [(Class::Retry, max), (Class::Bulk, bulk_max)] {
            let room = (max - due.len() - from_memory).min(class_max);
            if room > 0 {
                let is_taken = |id: QueueId| is_taken(id) || due.iter().any(|(other, _)| *other == id);
                due.extend(schedule.due(class, now, room, is_taken)?);
            }
        }
        let mut claims = Vec::with_capacity(due.len() + from_memory);
        for (id, progress) in due {
            state.claimed.insert(id, Claimed { is_scheduled: true, withdrawn: None });
            claims.push(Claim::new(Arc::clone(inner), id, progress));
        }
        for id in state.fresh.drain(..from_memory).collect::<Vec<_>>() {
            state.claimed.insert(id, Claimed::default());
            claims.push(Claim::new(Arc::clone(inner), id, Progress::default()));
        }
        Ok(claims)
    }

    /// When the next entry nobody has claimed is due, bulk mail counted or not; `None` when there is none.
    pub fn next_due(&self, with_bulk: bool) -> Result<Option<UnixSeconds>, StoreError> {
        if self.held().all {
            return Ok(None);
        }
        let mut schedule = self.inner.schedule();
        self.inner.flush(&mut schedule)?;
        let state = self.inner.state();
        match state.fresh.is_empty() {
            true => schedule.next_due(with_bulk, |id| state.claimed.contains_key(&id)),
            false => Ok(Some(UnixSeconds::MIN)),
        }
    }

    /// Rings when an entry may have become due.
    pub fn bell(&self) -> &Bell {
        &self.inner.bell
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.inner.state().entries
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the schedule down durably. For quiet moments and before a stop; losing it costs only early retries.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let mut schedule = self.inner.schedule();
        if self.is_empty() {
            self.inner.state().changes.clear();
            return schedule.forget();
        }
        self.inner.flush_all(&mut schedule)?;
        schedule.checkpoint()
    }
}

impl Inner {
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        locked(&self.schedule)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn path_of(&self, id: QueueId) -> PathBuf {
        self.spool_dir.join(id.to_string())
    }

    fn held_file(&self) -> PathBuf {
        self.spool_dir.with_file_name(HELD_FILE)
    }

    /// Gives the file its name, the next one that is free.
    fn link(&self, message: &mut NewMessage, arrived_at: UnixSeconds) -> Result<QueueId, StoreError> {
        loop {
            let id = self.state().next_id(arrived_at);
            match message.link(&self.path_of(id)) {
                Err(StoreError::Io(error)) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                result => return result.map(|()| id),
            }
        }
    }

    /// An entry has become durable: now it exists.
    fn accept(&self, id: QueueId) {
        let mut state = self.state();
        state.entries += 1;
        state.fresh.push_back(id);
        drop(state);
        self.bell.ring();
    }

    /// Keeps the ids in memory few. An error here refuses the next entry for now and loses nothing.
    fn make_room(&self) -> Result<(), StoreError> {
        if self.state().fresh.len() < FRESH_MAX {
            return Ok(());
        }
        self.flush_all(&mut self.schedule())
    }

    /// Moves every waiting first attempt into the schedule too.
    fn flush_all(&self, schedule: &mut Schedule) -> Result<(), StoreError> {
        let mut state = self.state();
        let fresh = std::mem::take(&mut state.fresh);
        state.changes.extend(fresh.into_iter().map(|id| Change::Put(id, Progress::default())));
        drop(state);
        self.flush(schedule)
    }

    /// Brings the schedule up to date; what could not be written stays in memory for the next time.
    fn flush(&self, schedule: &mut Schedule) -> Result<(), StoreError> {
        let changes = std::mem::take(&mut self.state().changes);
        if changes.is_empty() {
            return Ok(());
        }
        let result = schedule.apply(&changes);
        if result.is_err() {
            let mut state = self.state();
            let newer = std::mem::replace(&mut state.changes, changes);
            state.changes.extend(newer);
        }
        result
    }
}

impl State {
    /// Microseconds of arrival, moved on where that is taken.
    fn next_id(&mut self, arrived_at: UnixSeconds) -> QueueId {
        let by_time = u64::try_from(arrived_at).unwrap_or(0).saturating_mul(1_000_000);
        self.last_id = by_time.max(self.last_id + 1);
        QueueId(self.last_id)
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013x}", self.0)
    }
}

/// The text is no queue id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a queue id has 13 hexadecimal digits")]
pub struct NotAQueueId;

impl FromStr for QueueId {
    type Err = NotAQueueId;

    fn from_str(text: &str) -> Result<QueueId, NotAQueueId> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let value = u64::from_str_radix(text, 16).ok().filter(|_| is_hex);
        value.map(QueueId).filter(|id| id.to_string() == text).ok_or(NotAQueueId)
    }
}

#[cfg(test)]
mod tests;
