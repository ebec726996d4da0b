//! What the box remembers besides mail: small things that are nice to know again after a restart, none of which mail depends on.
//!
//! Each user of the notes has a [`Subject`]: a table with a limit, whose least recently written rows make room. Changes gather
//! in memory and reach the disk together, at most every few minutes and at a stop; a power cut takes back the last of them.

use crate::database::{Commit, Database};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::locked;
use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableError, WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use types::UnixSeconds;

/// A table of the notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Its name.
    pub name: &'static str,
    /// Rows beyond this make the oldest go.
    pub rows_max: u64,
}

/// The notes. Clones share them.
#[derive(Clone)]
pub struct Notes {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    pending: Mutex<Pending>,
    /// Held while changes are written: whoever flushes then waits until they are durable.
    flushing: Mutex<()>,
}

/// What is not in the file yet.
#[derive(Default)]
struct Pending {
    waiting: Changes,
    /// On the way into the file.
    writing: Arc<Changes>,
}

/// By subject and key; `None` for a row to be removed.
type Changes = BTreeMap<(Subject, String), Option<Vec<u8>>>;

/// Changes that gather before they are written whatever the clock says.
const PENDING_MAX: usize = 4096;
/// The notes are a few hundred kilobytes; the pages in use fit.
const CACHE_BYTES: usize = 512 * 1024;

impl Notes {
    /// Opens the notes; damaged ones are set aside and begun anew.
    pub fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<Notes, StoreError> {
        let database = Database::open_or_replace(disk, path, CACHE_BYTES)?;
        Ok(Notes {
            inner: Arc::new(Inner { database, pending: Mutex::default(), flushing: Mutex::default() }),
        })
    }

    /// What was noted under a key; nothing where what is there cannot be read any more.
    pub fn get<V: DeserializeOwned>(&self, subject: Subject, key: &str) -> Result<Option<V>, StoreError> {
        if let Some(change) = locked(&self.inner.pending).of(&(subject, key.to_owned())) {
            return Ok(change.as_deref().and_then(decode));
        }
        self.inner.database.read(|read| match open(read, subject)? {
            Some(table) => Ok(table.get(key)?.and_then(|bytes| decode(bytes.value()))),
            None => Ok(None),
        })
    }

    /// Notes something at `now`, in place of what was there.
    pub fn put<V: Serialize>(
        &self,
        subject: Subject,
        key: &str,
        value: &V,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let bytes =
            postcard::to_stdvec(&(now, value)).map_err(|error| std::io::Error::other(error.to_string()))?;
        self.change(subject, key, Some(bytes))
    }

    /// Forgets a row.
    pub fn remove(&self, subject: Subject, key: &str) -> Result<(), StoreError> {
        self.change(subject, key, None)
    }

    /// Every row whose key begins with `prefix`, by key.
    pub fn all<V: DeserializeOwned>(
        &self,
        subject: Subject,
        prefix: &str,
    ) -> Result<Vec<(String, V)>, StoreError> {
        self.flush()?;
        self.inner.database.read(|read| {
            let mut all = Vec::new();
            let Some(table) = open(read, subject)? else { return Ok(all) };
            for row in table.range(prefix..)? {
                let (key, bytes) = row?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                all.extend(decode(bytes.value()).map(|value| (key.value().to_owned(), value)));
            }
            Ok(all)
        })
    }

    /// Makes every change durable. What could not be written stays in memory for the next time.
    pub fn flush(&self) -> Result<(), StoreError> {
        let _one_at_a_time = locked(&self.inner.flushing);
        let changes = locked(&self.inner.pending).begin_writing();
        if changes.is_empty() {
            return Ok(());
        }
        let written = self.inner.database.write(Commit::Durable, |write| apply(write, &changes));
        locked(&self.inner.pending).end_writing(written.is_ok());
        written
    }

    fn change(&self, subject: Subject, key: &str, change: Option<Vec<u8>>) -> Result<(), StoreError> {
        let mut pending = locked(&self.inner.pending);
        pending.waiting.insert((subject, key.to_owned()), change);
        let is_much = pending.waiting.len() >= PENDING_MAX;
        drop(pending);
        if is_much { self.flush() } else { Ok(()) }
    }
}

impl Pending {
    fn of(&self, key: &(Subject, String)) -> Option<&Option<Vec<u8>>> {
        self.waiting.get(key).or_else(|| self.writing.get(key))
    }

    fn begin_writing(&mut self) -> Arc<Changes> {
        self.writing = Arc::new(std::mem::take(&mut self.waiting));
        Arc::clone(&self.writing)
    }

    /// What was not written waits again, unless it changed meanwhile.
    fn end_writing(&mut self, is_written: bool) {
        let writing = std::mem::take(&mut self.writing);
        if !is_written {
            for (key, change) in writing.iter() {
                self.waiting.entry(key.clone()).or_insert_with(|| change.clone());
            }
        }
    }
}

type Table = TableDefinition<'static, &'static str, &'static [u8]>;

fn open(
    read: &ReadTransaction,
    subject: Subject,
) -> Result<Option<redb::ReadOnlyTable<&'static str, &'static [u8]>>, redb::Error> {
    match read.open_table(Table::new(subject.name)) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn apply(write: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    let mut subjects: Vec<Subject> = changes.keys().map(|(subject, _)| *subject).collect();
    subjects.dedup();
    for subject in subjects {
        let mut table = write.open_table(Table::new(subject.name))?;
        for ((_, key), change) in changes.iter().filter(|((other, _), _)| *other == subject) {
            match change {
                Some(bytes) => drop(table.insert(key.as_str(), bytes.as_slice())?),
                None => drop(table.remove(key.as_str())?),
            }
        }
        if table.len()? > subject.rows_max {
            make_room(&mut table, subject.rows_max)?;
        }
    }
    Ok(())
}

/// Removes the rows written longest ago until a tenth is free.
fn make_room(table: &mut redb::Table<&'static str, &'static [u8]>, rows_max: u64) -> Result<(), redb::Error> {
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (key, bytes) = row?;
        let written_at = postcard::take_from_bytes::<UnixSeconds>(bytes.value()).map_or(0, |(at, _)| at);
        rows.push((written_at, key.value().to_owned()));
    }
    rows.sort();
    let kept = (rows_max - rows_max / 10) as usize;
    for (_, key) in &rows[..rows.len().saturating_sub(kept)] {
        table.remove(key.as_str())?;
    }
    Ok(())
}

fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Option<V> {
    let (_written_at, value): (UnixSeconds, V) = postcard::from_bytes(bytes).ok()?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::crash::{CrashDisk, Survival};
    use std::sync::atomic::{AtomicBool, Ordering};

    const SEEN: Subject = Subject { name: "seen", rows_max: 20 };

    fn disk() -> CrashDisk {
        let disk = CrashDisk::new();
        disk.shared().create_dir_all(Path::new("/box")).unwrap();
        disk.shared().sync_dir(Path::new("/")).unwrap();
        disk
    }

    fn notes(disk: &CrashDisk) -> Notes {
        Notes::open(disk.shared(), Path::new("/box/notes.redb")).unwrap()
    }

    #[test]
    fn what_is_noted_is_found_before_and_after_it_is_written() {
        let disk = disk();
        let notes = notes(&disk);
        assert_eq!(notes.get::<u32>(SEEN, "a").unwrap(), None);
        notes.put(SEEN, "a/1", &7u32, 100).unwrap();
        notes.put(SEEN, "a/2", &8u32, 100).unwrap();
        notes.put(SEEN, "b", &9u32, 100).unwrap();
        assert_eq!(notes.get(SEEN, "a/1").unwrap(), Some(7u32));
        assert_eq!(notes.all(SEEN, "a/").unwrap(), [("a/1".to_owned(), 7u32), ("a/2".to_owned(), 8)]);
        notes.remove(SEEN, "a/1").unwrap();
        assert_eq!(notes.get::<u32>(SEEN, "a/1").unwrap(), None);
        notes.flush().unwrap();
        let after =
            Notes::open(disk.survive(Survival::Strict).shared(), Path::new("/box/notes.redb")).unwrap();
        assert_eq!(after.all::<u32>(SEEN, "").unwrap().len(), 2);
        assert_eq!(after.get::<String>(SEEN, "b").unwrap(), None, "another shape is nothing");
    }

    #[test]
    fn the_oldest_make_room() {
        let notes = notes(&disk());
        for number in 0..=SEEN.rows_max {
            notes.put(SEEN, &format!("{:02}", SEEN.rows_max - number), &number, number as i64).unwrap();
        }
        let left: Vec<u64> = notes.all(SEEN, "").unwrap().into_iter().map(|(_, number)| number).collect();
        assert_eq!(left, (3..=20).rev().collect::<Vec<u64>>());
    }

    #[test]
    fn what_is_on_its_way_to_the_disk_is_known_meanwhile() {
        let notes = notes(&disk());
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    notes.flush().unwrap();
                }
            });
            let is_forgotten = |number: &u32| {
                let known = notes.get(SEEN, "a").unwrap().unwrap_or(0);
                notes.put(SEEN, "a", &(number + 1), 0).unwrap();
                known != *number
            };
            let forgotten = (0..500).filter(is_forgotten).count();
            is_over.store(true, Ordering::Relaxed);
            assert_eq!(forgotten, 0);
        });
    }

    #[test]
    fn a_full_disk_loses_no_note_that_memory_can_hold() {
        let disk = disk();
        let notes = notes(&disk);
        notes.put(SEEN, "a", &1u32, 0).unwrap();
        disk.fail_from(disk.operations() + 1, libc::ENOSPC);
        assert!(notes.flush().is_err());
        disk.heal();
        assert_eq!(notes.get(SEEN, "a").unwrap(), Some(1u32));
        notes.flush().unwrap();
        assert_eq!(notes.get(SEEN, "a").unwrap(), Some(1u32));
    }
}
