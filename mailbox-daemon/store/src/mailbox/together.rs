//! Messages that come in together: all or none, even when the power is cut (RFC 9051 section 6.4.7, RFC 3502).
//!
//! Their files first get names in `tmp` that tell how many belong together, and are synced there. Only then are they renamed into
//! place, and synced again. Whoever opens the folder after a power cut finds all of them in `tmp` or in place, and finishes; or
//! some are missing, then none is in place yet, and nobody was told of any.

use super::Mailbox;
use crate::disk::FileKind;
use crate::error::StoreError;
use crate::index::Entry;
use crate::maildir::{FileName, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "together-";

/// Messages with UIDs from `first` on, without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Together {
    first: u32,
    count: u32,
}

impl Together {
    /// `None` for a message alone, which needs no such care.
    pub(super) fn new(first: u32, count: usize) -> Option<Together> {
        let count = u32::try_from(count).ok().filter(|count| *count > 1)?;
        Some(Together { first, count })
    }

    /// Where a file waits that is to go to `place`, a path in `cur` or `new` of `folder`.
    pub(super) fn waiting(self, folder: &Path, place: &Path) -> PathBuf {
        let Together { first, count } = self;
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        folder.join("tmp").join(format!("{PREFIX}{first}-{count}-{name}"))
    }

    /// What the name of a waiting file says: its group, and its name to be.
    fn parse(name: &str) -> Option<(Together, &str)> {
        let mut parts = name.strip_prefix(PREFIX)?.splitn(3, '-');
        let first = parts.next()?.parse().ok()?;
        let count = parts.next()?.parse().ok()?;
        Some((Together { first, count }, parts.next()?))
    }

    fn has(self, uid: u32) -> bool {
        uid.checked_sub(self.first).is_some_and(|at| at < self.count)
    }
}

impl Mailbox {
    /// Makes a place for files to wait in.
    pub(super) fn begin_together(&self) -> Result<(), StoreError> {
        Ok(self.core().disk.create_dir_all(&self.folder().join("tmp"))?)
    }

    /// All messages of a group are in `tmp`: makes sure of it and puts them in place, which is still to be synced.
    pub(super) fn end_together(&self, together: Together, entries: &[Entry]) -> Result<(), StoreError> {
        let (disk, folder) = (&self.core().disk, self.folder());
        self.core().committer.run(|| disk.sync_file_system(&folder))?;
        for entry in entries {
            let (place, _) = self.path_of(entry).ok_or(StoreError::NoSuchMessage)?;
            disk.rename(&together.waiting(&folder, &place), &place)?;
        }
        Ok(())
    }

    /// Finishes or takes back what a power cut interrupted. Nobody uses the folder yet.
    pub(super) fn finish_together(&self, folder: &Path) -> Result<(), StoreError> {
        let mut groups: BTreeMap<Together, Vec<String>> = BTreeMap::new();
        let read = self.core().disk.read_dir(&folder.join("tmp"), &mut |name, kind| {
            if kind == FileKind::File
                && let Some((group, _)) = name.to_str().and_then(Together::parse)
            {
                groups.entry(group).or_default().push(name.to_string_lossy().into_owned());
            }
        });
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read?,
        }
        for (group, waiting) in groups {
            self.finish_group(folder, group, &waiting)?;
        }
        Ok(())
    }

    fn finish_group(&self, folder: &Path, group: Together, waiting: &[String]) -> Result<(), StoreError> {
        let disk = &self.core().disk;
        let uid_of = |name: &str| FileName::parse(name).uid.filter(|uid| group.has(*uid));
        let mut there: BTreeSet<u32> =
            waiting.iter().filter_map(|name| uid_of(Together::parse(name)?.1)).collect();
        for place in [Place::Cur, Place::New] {
            disk.read_dir(&folder.join(place.directory()), &mut |name, _| {
                there.extend(name.to_str().and_then(uid_of));
            })?;
        }
        let is_complete = there.len() == group.count as usize;
        for name in waiting {
            let path = folder.join("tmp").join(name);
            match Together::parse(name) {
                Some((_, wanted)) if is_complete => {
                    let place = if wanted.contains(':') { Place::Cur } else { Place::New };
                    disk.rename(&path, &folder.join(place.directory()).join(wanted))?;
                }
                _ => disk.remove_file(&path)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_name_tells_its_group_and_its_place() {
        let group = Together::new(7, 3).unwrap();
        for name in ["1.M2P3Q4.a-b,S=1,W=1,U=8:2,FSa", "1.x,U=9"] {
            let path = group.waiting(Path::new("/f"), &Path::new("/f/cur").join(name));
            let waiting = path.strip_prefix("/f/tmp").unwrap().to_str().unwrap();
            assert_eq!(Together::parse(waiting), Some((group, name)));
        }
        assert_eq!((group.has(6), group.has(7), group.has(9), group.has(10)), (false, true, true, false));
        assert_eq!(Together::new(7, 1), None);
        for other in ["spool-1", "together-", "together-1", "together-1-2", "together-x-2-y"] {
            assert_eq!(Together::parse(other), None, "{other}");
        }
    }
}
