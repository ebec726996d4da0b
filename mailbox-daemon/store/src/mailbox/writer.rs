//! The side of a mailbox that changes files: one change at a time, and no number given that a power cut could give again.

use super::Mailbox;
use crate::disk::{read_small, replace_small};
use crate::error::StoreError;
use crate::index::{Agreed, Entry};
use crate::keywords::{Keywords, Lines, Record};
use crate::locked;
use crate::maildir::name::full_name;
use crate::state::{State, StateFile};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use types::{Flags, Keyword, SequenceSet, SystemFlag};

/// UIDs reserved at a time.
pub(super) const UIDS: u32 = 1000;
/// Modification sequences reserved at a time.
pub(super) const MODSEQS: u64 = 10_000;
/// Messages worked on between two looks at the mailbox.
pub(super) const CHUNK: usize = 256;

/// What only the one who changes files needs.
pub(crate) struct Writer {
    pub(super) state: StateFile,
    /// The next UID to give.
    pub(super) next_uid: u32,
    /// Modification sequences up to this are given or promised to changes under way.
    pub(super) modseq_promised: u64,
    /// The folder's times when everything in it was known.
    pub(super) scanned: Agreed,
    /// Those the index on disk tells of.
    pub(super) recorded: Agreed,
    /// Unknown files with UIDs above this are ours, left by an earlier run whose index was behind.
    pub(super) ours_above: u32,
    /// The file of keywords that have no letters.
    pub(super) record: Record,
    /// What it said when the mailbox was opened, until every message of then is known.
    pub(super) recorded_words: HashMap<u32, u32>,
}

impl Mailbox {
    /// Begins a change. Nobody else changes the mailbox until the guard is dropped.
    pub(super) fn begin(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        let writer = locked(&self.writer);
        if locked(&self.shared).is_deleted {
            return Err(StoreError::NoSuchMailbox);
        }
        self.core().committer.check()?;
        Ok(writer)
    }

    pub(super) fn folder(&self) -> std::sync::Arc<Path> {
        std::sync::Arc::clone(&locked(&self.shared).folder)
    }

    /// Makes sure that so many numbers may be given. They may be shown once [`Mailbox::is_reserved`].
    pub(super) fn reserve(&self, writer: &mut Writer, uids: u32, modseqs: u64) -> Result<(), StoreError> {
        let State { uid_reserved, modseq_reserved, .. } = writer.state.state();
        let uid_end = writer.next_uid.checked_add(uids).ok_or(StoreError::UidsExhausted)?;
        let modseq_end = writer.modseq_promised + modseqs;
        writer.modseq_promised = modseq_end;
        if uid_end <= uid_reserved && modseq_end <= modseq_reserved {
            return Ok(());
        }
        let state = State {
            uid_reserved: if uid_end > uid_reserved { uid_end.saturating_add(UIDS) } else { uid_reserved },
            modseq_reserved: if modseq_end > modseq_reserved {
                modseq_end + MODSEQS
            } else {
                modseq_reserved
            },
            ..writer.state.state()
        };
        let path = self.folder().join(StateFile::NAME);
        Ok(writer.state.write(&*self.core().disk, &path, state)?)
    }

    /// Whether the reservation is known to be on disk.
    pub(super) fn is_reserved(&self, writer: &Writer) -> bool {
        self.state_synced.load(Ordering::Acquire) >= writer.state.turn()
    }

    /// Reserves numbers for a change that is shown at once.
    pub(super) fn reserve_now(&self, writer: &mut Writer, uids: u32, modseqs: u64) -> Result<(), StoreError> {
        self.reserve(writer, uids, modseqs)?;
        if !self.is_reserved(writer) {
            let path = self.folder().join(StateFile::NAME);
            let file = self.core().disk.open_update(&path, false)?;
            self.core().committer.run(|| file.sync_data())?;
            self.note_reserved(writer.state.turn());
        }
        Ok(())
    }

    /// A sync has covered the state written at `turn`.
    pub(super) fn note_reserved(&self, turn: u64) {
        self.state_synced.fetch_max(turn, Ordering::AcqRel);
    }

    /// Up to [`CHUNK`] messages of a set after a UID, without those that are going.
    pub(super) fn picked(&self, uids: &SequenceSet, after: u32) -> Vec<Entry> {
        let shared = locked(&self.shared);
        let mut picked = Vec::new();
        for range in uids.ranges().iter().filter(|range| range.last > after) {
            let first = range.first.max(after.saturating_add(1));
            let start = shared.entries.partition_point(|entry| entry.uid < first);
            let inside = shared.entries[start..].iter().take_while(|entry| entry.uid <= range.last);
            picked.extend(inside.filter(|entry| !entry.is_going()).take(CHUNK - picked.len()));
            if picked.len() == CHUNK {
                break;
            }
        }
        picked
    }

    /// Runs `work` on the messages of a set, [`CHUNK`] by [`CHUNK`], without those that come in meanwhile.
    pub(super) fn for_each_chunk<E>(
        &self,
        uids: &SequenceSet,
        mut work: impl FnMut(&[Entry]) -> Result<(), E>,
    ) -> Result<(), E> {
        let uids = uids.clamped(locked(&self.shared).entries.last().map_or(0, |entry| entry.uid));
        let mut after = 0;
        loop {
            let chunk = self.picked(&uids, after);
            let Some(last) = chunk.last() else { return Ok(()) };
            after = last.uid;
            work(&chunk)?;
        }
    }

    /// Runs `work` on the path of a message's file as `(path, base name, entry)`. Should the file not be there, because another
    /// program renamed it, it is looked for and tried once more; `None` when the message is gone.
    pub(super) fn with_file<T>(
        &self,
        writer: &mut Writer,
        entry: &Entry,
        mut work: impl FnMut(&Path, &str, &Entry) -> std::io::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut entry = *entry;
        for is_retry in [false, true] {
            if is_retry {
                self.find_files(writer, entry.uid)?;
            }
            match locked(&self.shared).entry(entry.uid) {
                Some(current) => entry = current,
                None => return Ok(None),
            }
            let Some((path, base)) = self.path_of(&entry) else { continue };
            match work(&path, &base, &entry) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                result => return Ok(Some(result?)),
            }
        }
        Ok(None)
    }

    /// The path and base name of a message's file as far as is known.
    pub(super) fn path_of(&self, entry: &Entry) -> Option<(PathBuf, String)> {
        let (folder, source) = {
            let mut shared = locked(&self.shared);
            (std::sync::Arc::clone(&shared.folder), shared.index.words(entry)?)
        };
        let base = source.name(entry.uid)?;
        Some((place_of(&folder, entry, &base), base))
    }

    /// The keyword flags for names, registering new ones, which is not durable yet; with `all`, too many is an error, without,
    /// the rest is left out.
    pub(super) fn keyword_flags(
        &self,
        writer: &mut Writer,
        keywords: &[Keyword],
        all: bool,
    ) -> Result<Flags, StoreError> {
        if keywords.is_empty() {
            return Ok(Flags::NONE);
        }
        let (mut names, folder) = {
            let shared = locked(&self.shared);
            (shared.keywords.clone(), std::sync::Arc::clone(&shared.folder))
        };
        let is_new = keywords.iter().any(|keyword| names.slot(keyword).is_none());
        let in_use = match is_new {
            true => {
                locked(&self.shared).entries.iter().fold(Flags::NONE, |all, entry| all.with(entry.flags()))
            }
            false => Flags::NONE,
        };
        let before = names.clone();
        let mut flags = Flags::NONE;
        for keyword in keywords {
            match names.slot_or_new(keyword, in_use).and_then(Flags::keyword) {
                Some(flag) => flags = flags.with(flag),
                None if all => return Err(StoreError::TooManyKeywords),
                None => {}
            }
        }
        if names != before {
            self.write_keywords(writer, &folder, &before, &names)?;
            locked(&self.shared).keywords = names;
        }
        Ok(flags)
    }

    fn write_keywords(
        &self,
        writer: &mut Writer,
        folder: &Path,
        before: &Keywords,
        names: &Keywords,
    ) -> Result<(), StoreError> {
        let disk = &*self.core().disk;
        let contents = names.format();
        if contents != before.format() {
            replace_small(disk, &folder.join(Keywords::FILE_NAME), contents.as_bytes())?;
        }
        let mut lines = Lines::default();
        for (slot, keyword) in names.iter().filter(|(slot, _)| *slot >= Flags::LETTERS) {
            if before.name(slot).is_none() {
                lines.name(slot, keyword);
            }
        }
        Ok(writer.record.append(disk, folder, &lines)?)
    }

    /// Writes down which messages have which keywords without letters. Nobody may see them before.
    pub(super) fn record_letterless(
        &self,
        writer: &mut Writer,
        words: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<(), StoreError> {
        let mut lines = Lines::default();
        words.into_iter().for_each(|(uid, letterless)| lines.message(uid, letterless));
        Ok(writer.record.append(&*self.core().disk, &self.folder(), &lines)?)
    }

    /// Writes the record of keywords anew when most of it is about messages that are gone. Nothing may be on its way in.
    pub(super) fn tidy_record(&self, writer: &mut Writer) {
        let (folder, lines) = {
            let shared = locked(&self.shared);
            if !writer.record.is_wasteful(shared.entries.len()) || !shared.pending.is_empty() {
                return;
            }
            let mut lines = Lines::default();
            lines.names(&shared.keywords);
            for entry in shared.entries.iter().filter(|entry| entry.flags().letterless() != 0) {
                lines.message(entry.uid, entry.flags().letterless());
            }
            (std::sync::Arc::clone(&shared.folder), lines)
        };
        // What cannot be written anew stays as it is, longer than it need be.
        let _ = writer.record.replace(&*self.core().disk, &folder, &lines);
    }

    /// Reads the file of keyword names.
    pub(super) fn read_keywords(&self, folder: &Path) -> Keywords {
        let path = folder.join(Keywords::FILE_NAME);
        read_small(&*self.core().disk, &path, Keywords::FILE_BYTES_MAX)
            .map_or_else(|_| Keywords::default(), |contents| Keywords::parse(&contents))
    }
}

/// The path of a message's file.
pub(super) fn place_of(folder: &Path, entry: &Entry, base: &str) -> PathBuf {
    let mut path = folder.join(entry.place().directory());
    path.push(full_name(base, entry.place(), entry.flags()));
    path
}

/// The system flags among some flags.
pub(super) fn system_only(flags: Flags) -> Flags {
    SystemFlag::ALL
        .iter()
        .filter(|flag| flags.has(**flag))
        .fold(Flags::NONE, |all, flag| all.with(Flags::system(*flag)))
}
