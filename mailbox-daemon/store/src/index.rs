//! A mailbox's index on disk: a cache in two files that costs time when it is lost and nothing else. It is written without
//! syncs, many messages at a time.

mod compact;
mod entry;
mod rows;
mod words;

pub(crate) use entry::Entry;
pub(crate) use rows::Agreed;
pub(crate) use words::{Words, WordsReader, WordsSource};

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
    words_path: PathBuf,
    header: Header,
    /// Where the next record goes; 0 when there is no file yet.
    rows_end: u64,
    /// Bytes of words in the file; 0 when there is none yet.
    words_end: u64,
    /// Words to be written at `words_end`.
    pending: Vec<u8>,
    /// UIDs whose rows changed, in no order.
    changed: Vec<u32>,
    /// Tombstones to be written.
    gone: Vec<(u32, u64)>,
    words_file: Option<Arc<dyn DiskFile>>,
    dead_words: u64,
    highest_uid: u32,
    /// The last message to vanish did so at this modification sequence.
    last_gone: u64,
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
        let mut index = Index {
            disk,
            rows_path: dir.join(format!("{uid_validity:08x}.rows")),
            words_path: dir.join(format!("{uid_validity:08x}.words")),
            header: Header { uid_validity, generation: 0, tombstones_after: 0 },
            rows_end: 0,
            words_end: 0,
            pending: Vec::new(),
            changed: Vec::new(),
            gone: Vec::new(),
            words_file: None,
            dead_words: 0,
            highest_uid: 0,
            last_gone: 0,
            is_header_old: false,
        };
        let remembered = match index.read() {
            Some(remembered) => remembered,
            None => {
                index.begin_anew();
                Remembered::default()
            }
        };
        index.highest_uid = remembered.highest_uid;
        (index, remembered)
    }

    /// Forgets the files' contents; the next write replaces them.
    fn begin_anew(&mut self) {
        // A generation a leftover file of the other kind cannot have.
        self.header.generation = (self.disk.now_ns() / 1000) as u32 | 1;
        (self.rows_end, self.words_end, self.dead_words) = (0, 0, 0);
        self.words_file = None;
    }

    fn read(&mut self) -> Option<Remembered> {
        let rows = self.disk.open_read(&self.rows_path).ok()?;
        let rows_bytes = rows.bytes().ok()?;
        let mut first = [0; HEADER_BYTES];
        rows.read_at(&mut first, 0).ok()?;
        self.header =
            Header::decode(&first).filter(|header| header.uid_validity == self.header.uid_validity)?;
        let words = self.disk.open_read(&self.words_path).ok()?;
        self.words_end = words.bytes().ok()?.next_multiple_of(8);
        let mut first = [0; words::FILE_HEADER_BYTES];
        words.read_at(&mut first, 0).ok()?;
        if !words::is_file_header(&first, self.header.uid_validity, self.header.generation) {
            return None;
        }
        let mut remembered = self.replay(&*rows, rows_bytes)?;
        let words_end = self.words_end;
        for entry in remembered.entries.iter_mut().filter(|entry| u64::from(entry.words) * 8 >= words_end) {
            entry.set_words(0, 0);
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

    /// Remembers words, to be written later, and returns where they will be.
    pub(crate) fn put_words(&mut self, uid: u32, words: Words<'_>) -> u32 {
        if self.words_end == 0 && self.pending.is_empty() {
            self.pending
                .extend_from_slice(&words::file_header(self.header.uid_validity, self.header.generation));
        }
        let at = (self.words_end + self.pending.len() as u64) / 8;
        match u32::try_from(at) {
            Ok(at) if words.name.len() <= 255 => {
                words::encode(uid, words, &mut self.pending);
                at
            }
            // 32 GiB of digests, or a name no file has: done without.
            _ => 0,
        }
    }

    /// Where a message's words are.
    pub(crate) fn words(&mut self, entry: &Entry) -> Option<WordsSource> {
        let offset = u64::from(entry.words) * 8;
        if offset == 0 {
            return None;
        }
        if let Some(at) = offset.checked_sub(self.words_end) {
            let end = at as usize + words::record_bytes(256, entry.digest_bytes() as usize);
            let record = self.pending.get(at as usize..end.min(self.pending.len()))?;
            return Some(WordsSource::Memory(record.to_vec()));
        }
        if self.words_file.is_none() {
            self.words_file = self.disk.open_read(&self.words_path).ok();
        }
        Some(WordsSource::File(Arc::clone(self.words_file.as_ref()?), offset))
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
        const NAME_BYTES_TYPICAL: usize = 60;
        if entry.words != 0 {
            self.dead_words += words::record_bytes(NAME_BYTES_TYPICAL, entry.digest_bytes() as usize) as u64;
        }
    }

    /// Whether so much waits that it should be written.
    pub(crate) fn is_due(&self) -> bool {
        self.pending.len() > PENDING_BYTES_MAX || self.changed.len() + self.gone.len() > PENDING_ROWS_MAX
    }

    /// Whether anything waits.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.pending.is_empty() || !self.changed.is_empty() || !self.gone.is_empty()
    }

    /// Writes what waits. What cannot be written is forgotten: the index is a cache.
    pub(crate) fn flush(&mut self, entries: &[Entry], modseq: u64, agreed: Agreed) {
        if self.write(entries, modseq, agreed).is_err() {
            // What the file says now is old but true of its time; the next write replaces it as a whole.
            self.rows_end = 0;
            self.header.tombstones_after = modseq;
        }
        self.pending = Vec::new();
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
        Record::Agreed { highest_uid: self.highest_uid, modseq, agreed, dead_words: self.dead_words }
            .encode(&mut log);
        let file = self.disk.open_update(&self.rows_path, true)?;
        match self.rows_end {
            0 => file.set_bytes(0)?,
            _ if self.is_header_old => file.write_at(&self.header.encode(), 0)?,
            _ => {}
        }
        self.is_header_old = false;
        file.write_at(&log, self.rows_end)?;
        self.rows_end += log.len() as u64;
        Ok(())
    }

    fn write_words(&mut self) -> io::Result<()> {
        if self.words_end == 0 && self.pending.is_empty() {
            self.pending
                .extend_from_slice(&words::file_header(self.header.uid_validity, self.header.generation));
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let file = match self.disk.open_update(&self.words_path, true) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.words_path.parent().map_or(Ok(()), |dir| self.disk.create_dir_all(dir))?;
                self.disk.open_update(&self.words_path, true)?
            }
            file => file?,
        };
        if self.words_end == 0 {
            file.set_bytes(0)?;
        }
        file.write_at(&self.pending, self.words_end)?;
        self.words_end += self.pending.len() as u64;
        self.pending = Vec::new();
        Ok(())
    }

    /// Writes the words that wait, so that all can be read from the file; `None` when that fails.
    pub(crate) fn words_file(&mut self) -> Option<Arc<dyn DiskFile>> {
        self.write_words().ok()?;
        if self.words_file.is_none() {
            self.words_file = self.disk.open_read(&self.words_path).ok();
        }
        self.words_file.clone()
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
        for path in [&self.rows_path, &self.words_path] {
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
        let Remembered { entries, highest_uid, modseq, agreed, .. } = &mut self.remembered;
        match record {
            Record::Row(entry) => {
                *highest_uid = (*highest_uid).max(entry.uid);
                *modseq = (*modseq).max(entry.modseq);
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
            Record::Agreed { highest_uid: highest, modseq: at, agreed: times, dead_words } => {
                *highest_uid = (*highest_uid).max(highest);
                *modseq = (*modseq).max(at);
                *agreed = times;
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
