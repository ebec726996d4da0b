//! Opening the queue is recovery: spool and schedule are made to agree, in bounded memory.
//!
//! The spool decides. What the schedule does not know is read and scheduled at once, what only the schedule knows is forgotten.

use super::QueueId;
use super::schedule::{Change, Progress, Schedule};
use super::spool::{Spooled, Unreadable};
use crate::disk::{Disk, has_empty_block};
use crate::error::StoreError;
use std::collections::BinaryHeap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Changes gathered before they are written, and schedule entries looked at in one go.
const BATCH: usize = 512;
/// Ids of files held at once.
const IDS: usize = 8192;
/// Damaged files that are named; all are counted.
const NAMED_MAX: usize = 20;

/// What opening the queue found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Entries waiting.
    pub entries: u64,
    /// Entries the schedule had lost.
    pub rescheduled: u64,
    /// Half-written files removed; nobody was told that they had been accepted.
    pub torn: u64,
    /// Files that make no sense, now in `queue/corrupt`.
    pub damaged: u64,
    /// The first few of these.
    pub damaged_files: Vec<PathBuf>,
    pub(super) last_id: u64,
}

/// Removes what was being written when the daemon stopped.
pub(super) fn clear(disk: &dyn Disk, unfinished_dir: &Path) -> Result<(), StoreError> {
    let mut names = Vec::new();
    disk.read_dir(unfinished_dir, &mut |name, _| names.push(name.to_owned()))?;
    names.iter().try_for_each(|name| Ok(disk.remove_file(&unfinished_dir.join(name))?))
}

/// Whether the spool holds no files.
pub(super) fn is_empty(disk: &dyn Disk, spool_dir: &Path) -> Result<bool, StoreError> {
    let mut is_empty = true;
    disk.read_dir(spool_dir, &mut |_, _| is_empty = false)?;
    Ok(is_empty)
}

/// Makes the schedule agree with the spool.
pub(super) fn reconcile(
    disk: &dyn Disk,
    spool_dir: &Path,
    corrupt_dir: &Path,
    schedule: &mut Schedule,
) -> Result<Recovered, StoreError> {
    let mut pass =
        Pass { disk, spool_dir, corrupt_dir, schedule, changes: Vec::new(), found: Recovered::default() };
    pass.look_at_strangers()?;
    let mut after = None;
    loop {
        let ids = pass.ids_after(after)?;
        let upto = if ids.len() < IDS { None } else { ids.last().copied() };
        pass.merge(ids, after, upto)?;
        match upto {
            Some(upto) => after = Some(upto),
            None => break,
        }
    }
    pass.write()?;
    Ok(pass.found)
}

/// Moves a file that makes no sense out of the way.
pub(super) fn set_aside(disk: &dyn Disk, path: &Path, corrupt_dir: &Path) -> Result<PathBuf, StoreError> {
    let aside = corrupt_dir.join(path.file_name().unwrap_or_default());
    disk.rename(path, &aside)?;
    Ok(aside)
}

/// One walk through spool and schedule, both in the order of ids.
struct Pass<'a> {
    disk: &'a dyn Disk,
    spool_dir: &'a Path,
    corrupt_dir: &'a Path,
    schedule: &'a mut Schedule,
    changes: Vec<Change>,
    found: Recovered,
}

impl Pass<'_> {
    /// Files whose names are no ids.
    fn look_at_strangers(&mut self) -> Result<(), StoreError> {
        let mut strangers = Vec::new();
        self.disk.read_dir(self.spool_dir, &mut |name, _| {
            if parse(name).is_none() && strangers.len() < IDS {
                strangers.push(name.to_owned());
            }
        })?;
        strangers.iter().try_for_each(|name| self.damaged(&self.spool_dir.join(name)))
    }

    /// The smallest ids after `after` that have a file: a folder tells its names in no order, and all at once may be too many.
    fn ids_after(&self, after: Option<QueueId>) -> Result<Vec<QueueId>, StoreError> {
        let mut smallest = BinaryHeap::with_capacity(64);
        self.disk.read_dir(self.spool_dir, &mut |name, _| {
            if let Some(id) = parse(name).filter(|id| Some(*id) > after) {
                if smallest.len() < IDS {
                    smallest.push(id);
                } else if smallest.peek().is_some_and(|largest| id < *largest) {
                    smallest.pop();
                    smallest.push(id);
                }
            }
        })?;
        Ok(smallest.into_sorted_vec())
    }

    /// Compares the files of a range of ids with its scheduled entries.
    fn merge(
        &mut self,
        files: Vec<QueueId>,
        mut after: Option<QueueId>,
        upto: Option<QueueId>,
    ) -> Result<(), StoreError> {
        self.found.last_id = files.last().map_or(self.found.last_id, |id| id.0);
        let mut files = files.into_iter().peekable();
        loop {
            let page = self.schedule.page(after, upto, BATCH)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            for (id, progress) in page {
                while let Some(file) = files.next_if(|file| *file < id) {
                    self.look_at_unscheduled(file)?;
                }
                match files.next_if_eq(&id) {
                    Some(_) => self.look_at_scheduled(id, progress)?,
                    None => self.change(Change::Remove(id))?,
                }
            }
        }
        files.try_for_each(|file| self.look_at_unscheduled(file))
    }

    fn look_at_unscheduled(&mut self, id: QueueId) -> Result<(), StoreError> {
        let path = self.path_of(id);
        match Spooled::read(self.disk.open_read(&path)?) {
            Ok(_) if has_empty_block(self.disk, &path)? => {
                self.found.torn += 1;
                Ok(self.disk.remove_file(&path)?)
            }
            Ok(spooled) => {
                self.found.entries += 1;
                self.found.rescheduled += 1;
                self.change(Change::Put(id, Progress { held: spooled.marks.held, ..Progress::default() }))
            }
            Err(Unreadable::Torn) => {
                self.found.torn += 1;
                Ok(self.disk.remove_file(&path)?)
            }
            Err(Unreadable::Damaged) => self.damaged(&path),
            Err(Unreadable::Disk(error)) => Err(error),
        }
    }

    fn look_at_scheduled(&mut self, id: QueueId, progress: Progress) -> Result<(), StoreError> {
        self.found.entries += 1;
        // A release whose schedule change was lost must not hold the entry for ever.
        let is_released = || {
            Spooled::read(self.disk.open_read(&self.path_of(id)).ok()?)
                .ok()
                .map(|spooled| !spooled.marks.held)
        };
        match progress.held && is_released() == Some(true) {
            true => self.change(Change::Put(id, Progress { held: false, ..progress })),
            false => Ok(()),
        }
    }

    fn damaged(&mut self, path: &Path) -> Result<(), StoreError> {
        let aside = set_aside(self.disk, path, self.corrupt_dir)?;
        self.found.damaged += 1;
        if self.found.damaged_files.len() < NAMED_MAX {
            self.found.damaged_files.push(aside);
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> Result<(), StoreError> {
        self.changes.push(change);
        if self.changes.len() >= BATCH { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.schedule.apply(&self.changes)?;
        self.changes.clear();
        Ok(())
    }

    fn path_of(&self, id: QueueId) -> PathBuf {
        self.spool_dir.join(id.to_string())
    }
}

fn parse(name: &OsStr) -> Option<QueueId> {
    name.to_str()?.parse().ok()
}
