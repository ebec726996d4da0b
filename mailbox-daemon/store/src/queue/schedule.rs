//! When each entry is to be tried next: `queue.redb`, a cache of order that spool files can always replace.

use super::QueueId;
use crate::database::{Commit, Database};
use crate::disk::Disk;
use crate::error::StoreError;
use redb::{ReadTransaction, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use types::UnixSeconds;

/// Id -> postcard of [`Progress`].
const ENTRIES: TableDefinition<u64, &[u8]> = TableDefinition::new("progress");
/// (class, when, id): what is due next stands first. Held entries are not in it.
const DUE: TableDefinition<(u8, i64, u64), ()> = TableDefinition::new("due_by_class");

/// The schedule of 100,000 entries is some megabytes; it is walked in order, so little of it needs to be in memory.
const CACHE_BYTES: usize = 128 * 1024;
/// Changes that may be lost to a power cut before the file is made durable.
const CHANGES_UNTIL_DURABLE: usize = 2048;

/// What the schedule knows of an entry. Losing it costs an early retry, nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Attempts that failed for now.
    pub attempts: u32,
    /// When to try again.
    pub next_attempt_at: UnixSeconds,
    /// Not tried until released; the spool file's mark decides.
    pub held: bool,
    /// Goes out only when nothing else does.
    pub is_bulk: bool,
    /// What the other side last said, by recipient index; for people, so only the first few.
    pub replies: Vec<(u32, String)>,
}

/// The classes of the due index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    First = 0,
    Retry = 1,
    Bulk = 2,
}

/// One change on its way into the schedule.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Put(QueueId, Progress),
    Remove(QueueId),
}

/// The schedule. Its file is there only while something is scheduled: most boxes never have mail that waits, and an open
/// redb file costs half a megabyte of memory.
pub(super) struct Schedule {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    database: Option<Database>,
    changes_since_durable: usize,
}

impl Progress {
    fn class(&self) -> Class {
        match (self.is_bulk, self.attempts) {
            (true, _) => Class::Bulk,
            (false, 0) => Class::First,
            (false, _) => Class::Retry,
        }
    }

    fn due_key(&self, id: QueueId) -> (u8, i64, u64) {
        (self.class() as u8, self.next_attempt_at, id.0)
    }
}

impl Schedule {
    /// Opens the schedule. With `is_empty` there is nothing to be scheduled, and what a file may say is forgotten.
    pub(super) fn open(disk: Arc<dyn Disk>, path: PathBuf, is_empty: bool) -> Result<Schedule, StoreError> {
        let mut schedule = Schedule { disk, path, database: None, changes_since_durable: 0 };
        match is_empty {
            true => schedule.forget()?,
            false => schedule.write(Commit::Cached, &[])?,
        }
        Ok(schedule)
    }

    /// Forgets everything: no entry is left.
    pub(super) fn forget(&mut self) -> Result<(), StoreError> {
        self.database = None;
        self.changes_since_durable = 0;
        match self.disk.remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Takes in changes, in order, in one transaction.
    pub(super) fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let since = self.changes_since_durable + changes.len();
        let commit = if since >= CHANGES_UNTIL_DURABLE { Commit::Durable } else { Commit::Cached };
        self.write(commit, changes)?;
        self.changes_since_durable = if commit == Commit::Durable { 0 } else { since };
        Ok(())
    }

    /// Makes everything so far durable, if anything is not.
    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        if self.changes_since_durable > 0 {
            self.write(Commit::Durable, &[])?;
            self.changes_since_durable = 0;
        }
        Ok(())
    }

    fn write(&mut self, commit: Commit, changes: &[Change]) -> Result<(), StoreError> {
        if self.database.is_none() {
            let disk = Arc::clone(&self.disk);
            self.database = Some(Database::open_or_replace(disk, &self.path, CACHE_BYTES)?);
            // Readers need the tables.
            self.write(Commit::Cached, &[])?;
        }
        match &self.database {
            Some(database) => database.write(commit, |write| apply_all(write, changes)),
            None => Ok(()),
        }
    }

    /// Reads, or gives what an empty schedule would.
    fn read<T: Default>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        self.database.as_ref().map_or_else(|| Ok(T::default()), |database| database.read(work))
    }

    pub(super) fn get(&self, id: QueueId) -> Result<Option<Progress>, StoreError> {
        self.read(|read| match read.open_table(ENTRIES)?.get(id.0)? {
            Some(value) => decode(value.value()).map(Some),
            None => Ok(None),
        })
    }

    /// Up to `max` entries of a class whose time has come, the longest due first.
    pub(super) fn due(
        &self,
        class: Class,
        now: UnixSeconds,
        max: usize,
        is_taken: impl Fn(QueueId) -> bool,
    ) -> Result<Vec<(QueueId, Progress)>, StoreError> {
        let class = class as u8;
        self.read(|read| {
            let (due, entries) = (read.open_table(DUE)?, read.open_table(ENTRIES)?);
            let mut found = Vec::new();
            for key in due.range((class, i64::MIN, 0)..=(class, now, u64::MAX))? {
                let id = QueueId(key?.0.value().2);
                if found.len() >= max {
                    break;
                }
                if let (false, Some(value)) = (is_taken(id), entries.get(id.0)?) {
                    found.push((id, decode(value.value())?));
                }
            }
            Ok(found)
        })
    }

    /// When the next entry that is not taken is due.
    pub(super) fn next_due(
        &self,
        with_bulk: bool,
        is_taken: impl Fn(QueueId) -> bool,
    ) -> Result<Option<UnixSeconds>, StoreError> {
        self.read(|read| {
            let due = read.open_table(DUE)?;
            let mut first = None;
            let classes = [Class::First as u8, Class::Retry as u8, Class::Bulk as u8];
            for class in &classes[..if with_bulk { 3 } else { 2 }] {
                let class = *class;
                for key in due.range((class, i64::MIN, 0)..=(class, i64::MAX, u64::MAX))? {
                    let (_, at, id) = key?.0.value();
                    if !is_taken(QueueId(id)) {
                        first = Some(first.map_or(at, |earlier: i64| earlier.min(at)));
                        break;
                    }
                }
            }
            Ok(first)
        })
    }

    /// Up to `max` entries after an id and not beyond another, by id.
    pub(super) fn page(
        &self,
        after: Option<QueueId>,
        upto: Option<QueueId>,
        max: usize,
    ) -> Result<Vec<(QueueId, Progress)>, StoreError> {
        let from = after.map_or(0, |id| id.0.saturating_add(1));
        let upto = upto.map_or(u64::MAX, |id| id.0);
        if from > upto {
            return Ok(Vec::new());
        }
        self.read(|read| {
            let entries = read.open_table(ENTRIES)?;
            let rows = entries.range(from..=upto)?.take(max);
            rows.map(|row| {
                let (id, value) = row?;
                Ok((QueueId(id.value()), decode(value.value())?))
            })
            .collect()
        })
    }
}

fn apply_all(write: &WriteTransaction, changes: &[Change]) -> Result<(), redb::Error> {
    let (mut entries, mut due) = (write.open_table(ENTRIES)?, write.open_table(DUE)?);
    for change in changes {
        let (id, previous) = match change {
            Change::Put(id, progress) => {
                let bytes = postcard::to_stdvec(progress).map_err(|_| unreadable())?;
                (*id, entries.insert(id.0, bytes.as_slice())?.map(|old| decode(old.value())))
            }
            Change::Remove(id) => (*id, entries.remove(id.0)?.map(|old| decode(old.value()))),
        };
        if let Some(previous) = previous {
            due.remove(previous?.due_key(id))?;
        }
        if let Change::Put(id, progress) = change
            && !progress.held
        {
            due.insert(progress.due_key(*id), ())?;
        }
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<Progress, redb::Error> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}

fn unreadable() -> redb::Error {
    redb::Error::Corrupted("a progress record".to_owned())
}
