//! A mailbox's index on disk: a cache in three files that costs time when it is lost and nothing else. It is written without
//! syncs, many messages at a time.

mod appended;
mod compact;
mod entry;
mod fronts;
mod rows;
mod words;

pub(crate) use entry::Entry;
pub(crate) use fronts::FrontsReader;
pub(crate) use rows::Agreed;
pub(crate) use words::{NamesReader, Words, WordsReader, WordsSource};

use appended::Appended;
use fronts::Fronts;
use words::Names;

use crate::disk::{Disk, DiskFile};
use rows::{HEADER_BYTES, Header, RECORD_BYTES, Record};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Words gathered before they are written.
const PENDING_BYTES_MAX: usize = 32 * 1024;
/// Changed rows gathered before they are written.
const PENDING_ROWS_MAX: usize = 4096;
/// Read at once: a whole number of records.
const READ_BYTES: usize = 1365 * RECORD_BYTES;

/// The files of one mailbox and what is still to be written to them.
pub(crate) struct Index {
    disk: Arc<dyn Disk>,
    rows_path: PathBuf,
    header: Header,
    /// Where the next record goes; 0 when there is no file yet.
    rows_end: u64,
    names: Appended,
    fronts: Appended,
    /// UIDs whose rows changed, in no order.
    changed: Vec<u32>,
    /// Tombstones to be written.
    gone: Vec<(u32, u64)>,
    /// Messages' words that were replaced or lost their message.
    dead_words: u64,
    highest_uid: u32,
    /// From this UID on no session was told of a message; 0 when nobody knows.
    recent_from: u32,
    /// What the file says of it.
    recent_written: u32,
    /// The last message to vanish did so at this modification sequence.
    last_gone: u64,
    /// The highest modification sequence the file tells of.
    modseq_written: u64,
    /// The header in the file says something else.
    is_header_old: bool,
}

/// What an index remembered.
#[derive(Default)]
pub(crate) struct Remembered {
    /// Messages, ascending by UID.
    pub(crate) entries: Vec<Entry>,
    /// No message it ever knew has a higher UID.
    pub(crate) highest_uid: u32,
    /// From this UID on no session was told of a message; 0 when nobody knows.
    pub(crate) recent_from: u32,
    /// The highest modification sequence in it.
    pub(crate) modseq: u64,
    /// When it last agreed with the folder, if nothing was changed since.
    pub(crate) agreed: Agreed,
    /// The end of what was written is missing.
    pub(crate) is_cut: bool,
}

impl Index {
    /// Reads what is there. Nothing, garbage and halves are all fine.
    pub(crate) fn load(disk: Arc<dyn Disk>, dir: &Path, uid_validity: u32) -> (Index, Remembered) {
        let mut index = Index::unread(disk, dir, uid_validity);
        let remembered = match index.read() {
            Some(remembered) => remembered,
            None => {
                index.begin_anew();
                Remembered::default()
            }
        };
        index.highest_uid = remembered.highest_uid;
        (index.recent_from, index.recent_written) = (remembered.recent_from, remembered.recent_from);
        // Nothing is to be written of a mailbox nothing ever happened in.
        index.modseq_written = remembered.modseq.max(1);
        (index, remembered)
    }

    /// What the files remember; `None` when they are of no use.
    pub(crate) fn look(disk: Arc<dyn Disk>, dir: &Path, uid_validity: u32) -> Option<Remembered> {
        Index::unread(disk, dir, uid_validity).read()
    }

    /// The file without which the others are of no use.
    pub(crate) fn rows_path(dir: &Path, uid_validity: u32) -> PathBuf {
        dir.join(format!("{uid_validity:08x}.rows"))
    }

    fn unread(disk: Arc<dyn Disk>, dir: &Path, uid_validity: u32) -> Index {
        Index {
            disk,
            rows_path: Index::rows_path(dir, uid_validity),
            header: Header { uid_validity, generation: 0, tombstones_after: 0 },
            rows_end: 0,
            names: Appended::new(dir.join(format!("{uid_validity:08x}.words"))),
            fronts: Appended::new(dir.join(format!("{uid_validity:08x}.fronts"))),
            changed: Vec::new(),
            gone: Vec::new(),
            dead_words: 0,
            highest_uid: 0,
            recent_from: 0,
            recent_written: 0,
            last_gone: 0,
            modseq_written: 0,
            is_header_old: false,
        }
    }

    /// Forgets the files' contents; the next write replaces them.
    fn begin_anew(&mut self) {
        // A generation a leftover file of the other kind cannot have.
        self.header.generation = (self.disk.now_ns() / 1000) as u32 | 1;
        (self.rows_end, self.dead_words) = (0, 0);
        self.names.begin_anew();
        self.fronts.begin_anew();
    }

    fn read(&mut self) -> Option<Remembered> {
        let rows = self.disk.open_read(&self.rows_path).ok()?;
        let rows_bytes = rows.bytes().ok()?;
        let mut first = [0; HEADER_BYTES];
        rows.read_at(&mut first, 0).ok()?;
        self.header =
            Header::decode(&first).filter(|header| header.uid_validity == self.header.uid_validity)?;
        self.names.open::<Names>(&*self.disk, &self.header)?;
        self.fronts.open::<Fronts>(&*self.disk, &self.header)?;
        let mut remembered = self.replay(&*rows, rows_bytes)?;
        let (names_end, fronts_end) = (self.names.end(), self.fronts.end());
        for entry in &mut remembered.entries {
            // What was not written any more is found out again.
            let name = Some(entry.words).filter(|at| u64::from(*at) * 8 < names_end).unwrap_or(0);
            let front = Some(entry.front()).filter(|at| name != 0 && u64::from(*at) * 8 < fronts_end);
            entry.set_words(name, front.unwrap_or(0));
        }
        Some(remembered)
    }

    fn replay(&mut self, rows: &dyn DiskFile, rows_bytes: u64) -> Option<Remembered> {
        let records = (rows_bytes.saturating_sub(HEADER_BYTES as u64) / RECORD_BYTES as u64) as usize;
        let mut replay = Replay::default();
        replay.remembered.entries.reserve_exact(records);
        let mut buffer = vec![0; READ_BYTES.min(rows_bytes as usize)];
        self.rows_end = HEADER_BYTES as u64;
        loop {
            let count = rows.read_at(&mut buffer, self.rows_end).ok()?;
            let (whole, _torn) = buffer[..count].as_chunks::<RECORD_BYTES>();
            let good = whole.iter().map_while(Record::decode).map(|record| replay.apply(record)).count();
            self.rows_end += (good * RECORD_BYTES) as u64;
            if good < whole.len() || good == 0 {
                let is_cut = self.rows_end < rows_bytes;
                (self.dead_words, self.last_gone) = (replay.dead_words, replay.last_gone);
                return Some(replay.finish(is_cut));
            }
        }
    }

    /// Tombstones from before this modification sequence may be missing.
    pub(crate) fn forget_tombstones(&mut self, modseq: u64) {
        self.header.tombstones_after = modseq;
        self.is_header_old = true;
    }

    /// Remembers words, to be written later, and returns where name and front of the digest will be; 0 for nowhere.
    pub(crate) fn put_words(&mut self, uid: u32, words: Words<'_>) -> (u32, u32) {
        let Words { name, digest } = words;
        // A name no file has is done without.
        if name.len() > usize::from(u8::MAX) {
            return (0, 0);
        }
        let (front, back) = digest.split_at(fronts::front_bytes(digest));
        let name_at = self.names.push::<Names>(&self.header, |out| words::encode(uid, name, back, out));
        let front_at = match front.is_empty() || name_at == 0 {
            true => 0,
            false => self.fronts.push::<Fronts>(&self.header, |out| fronts::encode(uid, front, out)),
        };
        (name_at, front_at)
    }

    /// Where a message's words are.
    pub(crate) fn words(&mut self, entry: &Entry) -> Option<WordsSource> {
        let names = self.names.source::<Names>(&*self.disk, entry.words)?;
        Some(WordsSource { names, front: self.fronts.source::<Fronts>(&*self.disk, entry.front()) })
    }

    /// A row is to be written.
    pub(crate) fn changed(&mut self, uid: u32) {
        self.highest_uid = self.highest_uid.max(uid);
        self.changed.push(uid);
    }

    /// A row is no more.
    pub(crate) fn removed(&mut self, entry: &Entry, modseq: u64) {
        self.gone.push((entry.uid, modseq));
        self.last_gone = modseq;
        self.words_died(entry);
    }

    /// A message's words were replaced or lost their message.
    pub(crate) fn words_died(&mut self, entry: &Entry) {
        self.dead_words += u64::from(entry.words != 0);
    }

    /// Whether so much waits that it should be written.
    pub(crate) fn is_due(&self) -> bool {
        self.pending_bytes() > PENDING_BYTES_MAX || self.changed.len() + self.gone.len() > PENDING_ROWS_MAX
    }

    fn pending_bytes(&self) -> usize {
        self.names.pending_bytes() + self.fronts.pending_bytes()
    }

    /// A session was told of every message below this UID.
    pub(crate) fn told_upto(&mut self, uid: u32) {
        self.recent_from = uid;
    }

    /// Whether anything waits.
    pub(crate) fn is_dirty(&self, modseq: u64) -> bool {
        self.pending_bytes() > 0
            || !self.changed.is_empty()
            || !self.gone.is_empty()
            || self.recent_from != self.recent_written
            || self.modseq_written != modseq
    }

    /// Writes what waits. What cannot be written is forgotten: the index is a cache.
    pub(crate) fn flush(&mut self, entries: &[Entry], modseq: u64, agreed: Agreed) {
        if self.write(entries, modseq, agreed).is_err() {
            // What the file says now is old but true of its time; the next write replaces it as a whole.
            self.rows_end = 0;
            self.header.tombstones_after = modseq;
        }
        self.names.forget_pending();
        self.fronts.forget_pending();
        self.changed = Vec::new();
        self.gone = Vec::new();
    }

    fn write(&mut self, entries: &[Entry], modseq: u64, agreed: Agreed) -> io::Result<()> {
        self.write_words()?;
        let mut log = Vec::new();
        if self.rows_end == 0 {
            log.extend_from_slice(&self.header.encode());
            self.changed = entries.iter().map(|entry| entry.uid).collect();
        }
        self.changed.sort_unstable();
        self.changed.dedup();
        for uid in &self.changed {
            if let Ok(at) = entries.binary_search_by_key(uid, |entry| entry.uid) {
                Record::Row(entries[at]).encode(&mut log);
            }
        }
        for &(uid, modseq) in &self.gone {
            Record::Gone { uid, modseq }.encode(&mut log);
        }
        self.agreed(modseq, agreed).encode(&mut log);
        let file = self.disk.open_update(&self.rows_path, true)?;
        match self.rows_end {
            0 => file.set_bytes(0)?,
            _ if self.is_header_old => file.write_at(&self.header.encode(), 0)?,
            _ => {}
        }
        self.is_header_old = false;
        file.write_at(&log, self.rows_end)?;
        self.recent_written = self.recent_from;
        self.rows_end += log.len() as u64;
        self.modseq_written = modseq;
        Ok(())
    }

    fn agreed(&self, modseq: u64, agreed: Agreed) -> Record {
        let Index { highest_uid, recent_from, dead_words, .. } = *self;
        Record::Agreed { highest_uid, recent_from, modseq, agreed, dead_words }
    }

    fn write_words(&mut self) -> io::Result<()> {
        self.names.write::<Names>(&*self.disk, &self.header)?;
        self.fronts.write::<Fronts>(&*self.disk, &self.header)
    }

    /// Writes the words that wait, so that all names and all fronts can be read from these files; `None` when that fails.
    pub(crate) fn words_files(&mut self) -> Option<(Arc<dyn DiskFile>, Arc<dyn DiskFile>)> {
        self.write_words().ok()?;
        Some((self.names.file(&*self.disk)?, self.fronts.file(&*self.disk)?))
    }

    /// Messages that vanished after a modification sequence; `None` when not all of them are remembered (RFC 7162 section 3.2.5.2).
    pub(crate) fn vanished_since(&mut self, modseq: u64, entries: &[Entry], now: u64) -> Option<Vec<u32>> {
        if modseq < self.header.tombstones_after {
            return None;
        }
        if modseq >= self.last_gone {
            return Some(Vec::new());
        }
        self.write(entries, now, Agreed::default()).ok()?;
        (self.changed, self.gone) = (Vec::new(), Vec::new());
        let mut uids = Vec::new();
        self.for_each_record(|record| {
            if let Record::Gone { uid, modseq: gone_at } = record
                && gone_at > modseq
            {
                uids.push(uid);
            }
        })?;
        uids.sort_unstable();
        Some(uids)
    }

    fn for_each_record(&self, mut visit: impl FnMut(Record)) -> Option<()> {
        let rows = self.disk.open_read(&self.rows_path).ok()?;
        let mut buffer = vec![0; READ_BYTES];
        let mut offset = HEADER_BYTES as u64;
        while offset < self.rows_end {
            let count = rows.read_at(&mut buffer, offset).ok()?;
            let (whole, _torn) = buffer[..count].as_chunks::<RECORD_BYTES>();
            if whole.is_empty() {
                return None;
            }
            for record in whole {
                visit(Record::decode(record)?);
            }
            offset += (whole.len() * RECORD_BYTES) as u64;
        }
        Some(())
    }

    /// Removes the files: the mailbox is no more.
    pub(crate) fn remove(&mut self) {
        self.begin_anew();
        for path in [&self.rows_path, &self.names.path, &self.fronts.path] {
            // What stays belongs to a generation of UIDs that never comes back.
            let _ = self.disk.remove_file(path);
        }
    }
}

/// The log being read again.
#[derive(Default)]
struct Replay {
    remembered: Remembered,
    gone: Vec<u32>,
    last_gone: u64,
    dead_words: u64,
}

impl Replay {
    fn apply(&mut self, record: Record) {
        let Remembered { entries, highest_uid, recent_from, modseq, agreed, .. } = &mut self.remembered;
        match record {
            Record::Row(entry) => {
                *highest_uid = (*highest_uid).max(entry.uid);
                *modseq = (*modseq).max(entry.modseq());
                match entries.last() {
                    Some(last) if last.uid >= entry.uid => {
                        match entries.binary_search_by_key(&entry.uid, |known| known.uid) {
                            Ok(at) => entries[at] = entry,
                            Err(at) => entries.insert(at, entry),
                        }
                    }
                    _ => entries.push(entry),
                }
            }
            Record::Gone { uid, modseq: gone_at } => {
                *highest_uid = (*highest_uid).max(uid);
                *modseq = (*modseq).max(gone_at);
                self.gone.push(uid);
                self.last_gone = self.last_gone.max(gone_at);
            }
            Record::Agreed {
                highest_uid: highest,
                recent_from: recent,
                modseq: at,
                agreed: times,
                dead_words,
            } => {
                *highest_uid = (*highest_uid).max(highest);
                *modseq = (*modseq).max(at);
                *agreed = times;
                *recent_from = recent;
                self.dead_words = dead_words;
            }
        }
    }

    fn finish(mut self, is_cut: bool) -> Remembered {
        self.gone.sort_unstable();
        self.remembered.entries.retain(|entry| self.gone.binary_search(&entry.uid).is_err());
        self.remembered.is_cut = is_cut;
        if is_cut {
            self.remembered.agreed = Agreed::default();
        }
        self.remembered
    }
}
