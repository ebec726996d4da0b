//! What an account's scripts remember: whom vacation has answered, which messages came before.
//!
//! A file of records of 32 bytes, only appended to: a key, until when it counts (seconds since 1970), a sum over both. Records
//! never lie across sectors, so a power cut leaves each whole or not at all; one whose sum is wrong was never promised to
//! anybody. The file is written anew when most of it is over, or when it has more rows than are kept.

use crate::account::AccountMail;
use crate::checksum;
use crate::commit::Ticket;
use crate::disk::{DiskFile, read_small, replace_small};
use crate::error::StoreError;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use types::UnixSeconds;

/// Rows one account's scripts have; those written longest ago make room.
pub(crate) const ROWS_MAX: usize = 10_000;
/// Rows that are over may be so many more than those that count before the file is written anew.
const ROWS_OVER_MAX: usize = 1000;

const KEY_BYTES: usize = 16;
const RECORD_BYTES: usize = 32;
const LABEL: &[u8] = b"script memory 1";

/// Something remembered and until when.
pub type MemoryRow = ([u8; KEY_BYTES], UnixSeconds);

/// What an account's scripts remember, for one who has it to himself: two who write at once would write over each other.
pub struct ScriptMemory {
    account: Arc<AccountMail>,
    /// The file, once there is room in it for more.
    file: Option<Arc<dyn DiskFile>>,
    /// In the order they were written.
    rows: Vec<MemoryRow>,
    /// Records up to the last whole one, those that are over counted.
    records: usize,
}

impl AccountMail {
    /// Reads what the account's scripts remember at `now`.
    pub fn script_memory(self: &Arc<Self>, now: UnixSeconds) -> Result<ScriptMemory, StoreError> {
        let contents = match read_small(&*self.core.disk, &memory_path(self), FILE_BYTES_MAX) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            contents => contents?,
        };
        let (rows, records) = parse(&contents, now);
        Ok(ScriptMemory { account: Arc::clone(self), file: None, rows, records })
    }
}

const FILE_BYTES_MAX: usize = (2 * ROWS_MAX + 2 * ROWS_OVER_MAX) * RECORD_BYTES;

impl ScriptMemory {
    /// What counts at the time it was read.
    pub fn rows(&self) -> BTreeMap<[u8; KEY_BYTES], UnixSeconds> {
        self.rows.iter().copied().collect()
    }

    /// Makes room on the disk for so many more rows, so that a full one shows before anything else is done.
    pub fn make_room(&mut self, rows: usize) -> Result<(), StoreError> {
        self.account.core.committer.check()?;
        self.account.make_scripts_folder()?;
        let disk = Arc::clone(&self.account.core.disk);
        let path = memory_path(&self.account);
        let counted = self.rows.len().min(ROWS_MAX);
        if self.records + rows > 2 * counted + ROWS_OVER_MAX
            || self.rows.len() + rows > ROWS_MAX + ROWS_OVER_MAX
        {
            self.write_anew(rows)?;
        }
        let is_new = disk.stat(&path).is_err();
        let file = disk.open_update(&path, true)?;
        if is_new {
            let dir = self.account.scripts_folder();
            self.account.core.committer.run(|| disk.sync_dir(&dir))?;
        }
        file.write_at(&vec![0; rows * RECORD_BYTES], self.end())?;
        self.file = Some(file);
        Ok(())
    }

    /// Remembers rows for which there is room. They are kept once the ticket resolves.
    pub fn remember(&mut self, rows: &[MemoryRow]) -> Result<Ticket, StoreError> {
        if self.file.is_none() {
            self.make_room(rows.len())?;
        }
        let file = self.file.take().ok_or_else(|| StoreError::Io(ErrorKind::NotFound.into()))?;
        file.write_at(&written(rows), self.end())?;
        self.rows.extend(rows);
        self.records += rows.len();
        Ok(self.account.core.committer.submit(file))
    }

    fn end(&self) -> u64 {
        (self.records * RECORD_BYTES) as u64
    }

    /// Writes what counts into a new file, without the oldest where that is too much.
    fn write_anew(&mut self, more: usize) -> Result<(), StoreError> {
        let kept = ROWS_MAX.saturating_sub(more);
        self.rows.drain(..self.rows.len().saturating_sub(kept));
        let disk = &self.account.core.disk;
        replace_small(&**disk, &memory_path(&self.account), &written(&self.rows))?;
        self.records = self.rows.len();
        let dir = self.account.scripts_folder();
        self.account.core.committer.run(|| disk.sync_dir(&dir))
    }
}

fn memory_path(account: &AccountMail) -> PathBuf {
    account.scripts_folder().join("memory")
}

/// The rows that count at `now`, each key once, and how many records there are up to the last whole one.
fn parse(contents: &[u8], now: UnixSeconds) -> (Vec<MemoryRow>, usize) {
    let records: Vec<Option<MemoryRow>> = contents.chunks_exact(RECORD_BYTES).map(parse_record).collect();
    let count = records.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    let mut last_of = BTreeMap::new();
    for (at, (key, _)) in records.iter().enumerate().filter_map(|(at, row)| row.map(|row| (at, row))) {
        last_of.insert(key, at);
    }
    let counts = |(at, row): (usize, &Option<MemoryRow>)| {
        row.filter(|(key, until)| *until > now && last_of.get(key) == Some(&at))
    };
    (records.iter().enumerate().filter_map(counts).collect(), count)
}

fn parse_record(record: &[u8]) -> Option<MemoryRow> {
    let (row, sum) = record.split_at_checked(RECORD_BYTES - size_of::<u64>())?;
    let (key, until) = row.split_at_checked(KEY_BYTES)?;
    let is_whole = sum_of(row).to_le_bytes() == *sum;
    is_whole.then_some((key.try_into().ok()?, UnixSeconds::from_le_bytes(until.try_into().ok()?)))
}

fn written(rows: &[MemoryRow]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * RECORD_BYTES);
    for (key, until) in rows {
        let start = bytes.len();
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(&until.to_le_bytes());
        bytes.extend_from_slice(&sum_of(&bytes[start..]).to_le_bytes());
    }
    bytes
}

fn sum_of(row: &[u8]) -> u64 {
    checksum::of(&[LABEL, row].concat())
}
