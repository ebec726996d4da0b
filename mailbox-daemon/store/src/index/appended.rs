//! A file of the index that is only ever appended to: records of varying size, found by their offset.
//!
//! ```text
//! header   magic 8 | uidvalidity u32 | generation u32
//! record   as its file says, padded to 8
//! ```

use super::entry::{u32_at, u64_at};
use super::rows::Header;
use crate::disk::{Disk, DiskFile};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes before the first record.
pub(super) const HEADER_BYTES: usize = 16;
/// Read at once when records are read in order.
const WINDOW_BYTES: usize = 64 * 1024;
/// No record is longer; what says it is, is damaged.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// What one kind of record looks like.
pub(super) trait Layout {
    /// Tells the file from others.
    const MAGIC: [u8; 8];
    /// Read at once for a single record: more than most have.
    const READ_BYTES: usize;

    /// Bytes the record that begins `bytes` has according to its own header; `None` when that is cut.
    fn record_bytes(bytes: &[u8]) -> Option<usize>;
}

/// A file's first bytes.
pub(super) fn header<L: Layout>(rows: &Header) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[0..8].copy_from_slice(&L::MAGIC);
    bytes[8..12].copy_from_slice(&rows.uid_validity.to_le_bytes());
    bytes[12..16].copy_from_slice(&rows.generation.to_le_bytes());
    bytes
}

/// One such file and what is still to be written to it.
pub(super) struct Appended {
    pub(super) path: PathBuf,
    /// Where the next record in the file goes; 0 when there is none yet.
    end: u64,
    /// To be written at `end`.
    pending: Vec<u8>,
    file: Option<Arc<dyn DiskFile>>,
}

impl Appended {
    pub(super) fn new(path: PathBuf) -> Appended {
        Appended { path, end: 0, pending: Vec::new(), file: None }
    }

    /// Looks at the file; `None` when it is not of this generation.
    pub(super) fn open<L: Layout>(&mut self, disk: &dyn Disk, rows: &Header) -> Option<()> {
        let file = disk.open_read(&self.path).ok()?;
        let mut first = [0; HEADER_BYTES];
        let count = file.read_at(&mut first, 0).ok()?;
        if count < HEADER_BYTES
            || u64_at(&first, 0) != u64::from_le_bytes(L::MAGIC)
            || (u32_at(&first, 8), u32_at(&first, 12)) != (rows.uid_validity, rows.generation)
        {
            return None;
        }
        self.end = file.bytes().ok()?.next_multiple_of(8);
        Some(())
    }

    /// Forgets the file's contents; the next write replaces it.
    pub(super) fn begin_anew(&mut self) {
        self.end = 0;
        self.file = None;
    }

    /// The file was replaced by one that ends there.
    pub(super) fn replaced(&mut self, end: u64) {
        self.end = end;
        self.file = None;
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// What waits is forgotten.
    pub(super) fn forget_pending(&mut self) {
        self.pending = Vec::new();
    }

    /// Appends a record and returns its place, in units of 8 bytes; 0 when the file can hold no more.
    pub(super) fn push<L: Layout>(&mut self, rows: &Header, encode: impl FnOnce(&mut Vec<u8>)) -> u32 {
        self.begin::<L>(rows);
        let at = (self.end + self.pending.len() as u64) / 8;
        // One bit of the place is used otherwise.
        match u32::try_from(at) {
            Ok(at) if at <= u32::MAX >> 1 => {
                encode(&mut self.pending);
                self.pending.resize(self.pending.len().next_multiple_of(8), 0);
                at
            }
            // 16 GiB: done without.
            _ => 0,
        }
    }

    fn begin<L: Layout>(&mut self, rows: &Header) {
        if self.end == 0 && self.pending.is_empty() {
            self.pending.extend_from_slice(&header::<L>(rows));
        }
    }

    /// Writes what waits, at least the header.
    pub(super) fn write<L: Layout>(&mut self, disk: &dyn Disk, rows: &Header) -> io::Result<()> {
        self.begin::<L>(rows);
        if self.pending.is_empty() {
            return Ok(());
        }
        let file = match disk.open_update(&self.path, true) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.path.parent().map_or(Ok(()), |dir| disk.create_dir_all(dir))?;
                disk.open_update(&self.path, true)?
            }
            file => file?,
        };
        if self.end == 0 {
            file.set_bytes(0)?;
        }
        file.write_at(&self.pending, self.end)?;
        self.end += self.pending.len() as u64;
        self.pending = Vec::new();
        Ok(())
    }

    /// The file for reading; what waits is not in it.
    pub(super) fn file(&mut self, disk: &dyn Disk) -> Option<Arc<dyn DiskFile>> {
        if self.file.is_none() {
            self.file = disk.open_read(&self.path).ok();
        }
        self.file.clone()
    }

    /// Where the record at `place` is to be read, without the mailbox's lock.
    pub(super) fn source<L: Layout>(&mut self, disk: &dyn Disk, place: u32) -> Option<Source> {
        let offset = u64::from(place) * 8;
        if place == 0 {
            return None;
        }
        match offset.checked_sub(self.end) {
            Some(at) => {
                let rest = self.pending.get(at as usize..)?;
                let record = rest.get(..L::record_bytes(rest)?)?;
                Some(Source::Memory(record.to_vec()))
            }
            None => Some(Source::File(self.file(disk)?, offset)),
        }
    }
}

/// Where one record is.
pub(super) enum Source {
    /// Not written yet.
    Memory(Vec<u8>),
    /// In the file, at this offset.
    File(Arc<dyn DiskFile>, u64),
}

impl Source {
    /// The whole record, unless its file is cut.
    pub(super) fn read<L: Layout>(&self) -> Option<Vec<u8>> {
        let (file, offset) = match self {
            Source::Memory(record) => return Some(record.clone()),
            Source::File(file, offset) => (file, *offset),
        };
        let mut bytes = vec![0; L::READ_BYTES];
        let mut count = file.read_at(&mut bytes, offset).ok()?;
        let wanted = L::record_bytes(&bytes[..count]).filter(|wanted| *wanted <= RECORD_BYTES_MAX)?;
        if wanted > count {
            bytes.resize(wanted, 0);
            count += file.read_at(&mut bytes[count..], offset + count as u64).ok()?;
        }
        bytes.truncate(wanted.min(count));
        Some(bytes)
    }
}

/// Reads records of one file mostly in ascending order, a window at a time.
#[derive(Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    start: u64,
    /// Read next time, if what is read then follows closely.
    ahead_bytes: usize,
}

impl Window {
    /// What is in the file from `place` on: the whole record, unless its file is cut.
    pub(super) fn at<L: Layout>(&mut self, file: &dyn DiskFile, place: u32) -> &[u8] {
        let offset = u64::from(place) * 8;
        let at = offset.checked_sub(self.start).map_or(usize::MAX, |at| at as usize);
        let has = |window: &Window| {
            let rest = window.bytes.get(at..)?;
            L::record_bytes(rest).filter(|bytes| *bytes <= rest.len())
        };
        if let Some(bytes) = has(self) {
            return &self.bytes[at..at + bytes];
        }
        // Single records here and there are read singly, those in a row many at a time.
        let gap = offset.checked_sub(self.start + self.bytes.len() as u64);
        let is_near = !self.bytes.is_empty()
            && gap.is_none_or(|gap| gap <= self.ahead_bytes as u64)
            && at != usize::MAX;
        self.ahead_bytes = if is_near { (self.ahead_bytes * 4).min(WINDOW_BYTES) } else { L::READ_BYTES };
        self.fill(file, offset, self.ahead_bytes);
        let wanted = L::record_bytes(&self.bytes).unwrap_or(0);
        if wanted > self.bytes.len() && wanted <= RECORD_BYTES_MAX {
            self.fill(file, offset, wanted);
        }
        &self.bytes[..wanted.min(self.bytes.len())]
    }

    fn fill(&mut self, file: &dyn DiskFile, offset: u64, wanted: usize) {
        self.bytes.resize(wanted, 0);
        let count = file.read_at(&mut self.bytes, offset).unwrap_or(0);
        self.bytes.truncate(count);
        self.start = offset;
    }
}
