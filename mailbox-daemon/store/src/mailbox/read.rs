//! Reading messages and what is remembered of them.

use super::adopt::{is_about_the_file, quarantine};
use super::{Mailbox, Row};
use crate::disk::DiskFile;
use crate::error::StoreError;
use crate::index::{Entry, FrontsReader, Words, WordsReader};
use crate::locked;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use types::{SequenceSet, Uid};

/// Bytes read at a time from a file whose line ends have to be converted.
const CONVERT_BYTES: usize = 16 * 1024;

/// Gets a message's row and what is remembered of its contents, and says whether to go on.
pub type DigestVisitor<'a> = &'a mut dyn FnMut(&Row, Option<&[u8]>) -> ControlFlow<()>;

impl Mailbox {
    /// Opens a message for reading. A file that turns out to be torn or unreadable is set aside and the message is gone.
    pub fn open_message(&self, uid: Uid) -> Result<MessageFile, StoreError> {
        let entry = locked(&self.shared).entry(uid.get()).ok_or(StoreError::NoSuchMessage)?;
        if let Some((path, _)) = self.path_of(&entry)
            && let Ok(file) = self.core().disk.open_read(&path)
            && file.bytes().is_ok_and(|bytes| bytes >= u64::from(entry.disk_bytes))
        {
            return Ok(MessageFile::new(file, &entry));
        }
        self.open_with_care(entry)
    }

    /// The file is not as it should be: a change may be under way, another program may have renamed it, or it is damaged.
    fn open_with_care(&self, entry: Entry) -> Result<MessageFile, StoreError> {
        let mut writer = self.begin()?;
        let current = locked(&self.shared).entry(entry.uid).ok_or(StoreError::NoSuchMessage)?;
        if current.is_going() {
            return Err(StoreError::NoSuchMessage);
        }
        let mut damaged = None;
        let opened = self.with_file(&mut writer, &current, |path, _, entry| {
            match self.core().disk.open_read(path).and_then(|file| Ok((file.bytes()?, file))) {
                Ok((bytes, file)) if bytes >= u64::from(entry.disk_bytes) => {
                    Ok(Some(MessageFile::new(file, entry)))
                }
                Err(error) if !is_about_the_file(&error) => Err(error),
                Ok(_) | Err(_) => {
                    damaged = Some(path.to_owned());
                    Ok(None)
                }
            }
        })?;
        match (opened, damaged) {
            (Some(Some(file)), _) => Ok(file),
            (_, None) => Err(StoreError::NoSuchMessage),
            (_, Some(path)) => {
                let aside = quarantine(self, &path)?;
                self.reserve_now(&mut writer, 0, 1)?;
                locked(&self.shared).remove(&[entry.uid]);
                self.ring();
                Err(StoreError::Damaged { path: aside })
            }
        }
    }

    /// One message's row.
    pub fn row(&self, uid: Uid) -> Option<Row> {
        locked(&self.shared).entry(uid.get()).map(|entry| entry.row())
    }

    /// Appends up to `max` rows with UIDs from `first` to `last` to `out`.
    pub fn rows(&self, first: Uid, last: Uid, max: usize, out: &mut Vec<Row>) {
        let shared = locked(&self.shared);
        let start = shared.entries.partition_point(|entry| entry.uid < first.get());
        let rows = shared.entries[start..].iter().take_while(|entry| entry.uid <= last.get());
        out.extend(rows.take(max).map(Entry::row));
    }

    /// What is remembered of a message's contents; `None` when the caller has to find out and [`Mailbox::put_digest`].
    pub fn digest(&self, uid: Uid) -> Result<Option<Vec<u8>>, StoreError> {
        let entry = locked(&self.shared).entry(uid.get()).ok_or(StoreError::NoSuchMessage)?;
        Ok(self.digest_of(&entry))
    }

    pub(super) fn digest_of(&self, entry: &Entry) -> Option<Vec<u8>> {
        let source = locked(&self.shared).index.words(entry)?;
        source.digest(entry.uid)
    }

    /// Remembers something of a message's contents.
    pub fn put_digest(&self, uid: Uid, digest: &[u8]) -> Result<(), StoreError> {
        let entry = locked(&self.shared).entry(uid.get()).ok_or(StoreError::NoSuchMessage)?;
        let Some((_, base)) = self.path_of(&entry) else {
            // The name is found again by the next opening of the message.
            return Ok(());
        };
        let mut shared = locked(&self.shared);
        let Some(at) = shared.find(uid.get()) else { return Ok(()) };
        let (words, front) = shared.index.put_words(uid.get(), Words { name: &base, digest });
        if words != 0 {
            let entry = shared.entries[at];
            shared.index.words_died(&entry);
            shared.entries[at].set_words(words, front);
            shared.index.changed(uid.get());
            shared.flush_if_due();
        }
        Ok(())
    }

    /// Calls `visit` for every message of the set with what is remembered of it, ascending, until it breaks off. The mailbox is
    /// not locked meanwhile.
    pub fn for_each_digest(&self, uids: &SequenceSet, visit: DigestVisitor<'_>) -> Result<(), StoreError> {
        let mut reader = WordsReader::default();
        self.for_each_entry(uids, &mut |entry, files| {
            let words = match files {
                Some((names, fronts)) if entry.front() != 0 => {
                    reader.read((names, fronts), (entry.words, entry.front()), entry.uid)
                }
                _ => None,
            };
            visit(&entry.row(), words.map(|words| words.digest))
        });
        Ok(())
    }

    /// Like [`Mailbox::for_each_digest`], but tells only of the digests' fronts and therefore reads much less.
    pub fn for_each_front(&self, uids: &SequenceSet, visit: DigestVisitor<'_>) -> Result<(), StoreError> {
        let mut reader = FrontsReader::default();
        self.for_each_entry(uids, &mut |entry, files| {
            let front = match files {
                Some((_, fronts)) if entry.front() != 0 => reader.read(fronts, entry.front(), entry.uid),
                _ => None,
            };
            visit(&entry.row(), front)
        });
        Ok(())
    }

    /// Goes through messages of the set, ascending, with the files their words are in.
    fn for_each_entry(&self, uids: &SequenceSet, visit: EntryVisitor<'_>) {
        let uids = uids.clamped(locked(&self.shared).entries.last().map_or(0, |entry| entry.uid));
        let mut after = 0;
        loop {
            let chunk = self.picked(&uids, after);
            let files = locked(&self.shared).index.words_files();
            let files = files.as_ref().map(|(names, fronts)| (&**names, &**fronts));
            let Some(last) = chunk.last() else { return };
            after = last.uid;
            if chunk.iter().any(|entry| visit(entry, files).is_break()) {
                return;
            }
        }
    }
}

/// Gets a message and the files of names and fronts, and says whether to go on.
type EntryVisitor<'a> = &'a mut dyn FnMut(&Entry, Option<(&dyn DiskFile, &dyn DiskFile)>) -> ControlFlow<()>;

/// A message's file, read in wire form whatever line ends it has on disk. It stays readable when the message goes.
pub struct MessageFile {
    file: Arc<dyn DiskFile>,
    disk_bytes: u64,
    wire_bytes: u64,
    /// `None` when the file is in wire form already.
    converter: Option<Mutex<Converter>>,
}

impl MessageFile {
    pub(super) fn new(file: Arc<dyn DiskFile>, entry: &Entry) -> MessageFile {
        let (disk_bytes, wire_bytes) = (u64::from(entry.disk_bytes), u64::from(entry.wire_bytes));
        let converter = (disk_bytes != wire_bytes).then(Mutex::default);
        MessageFile { file, disk_bytes, wire_bytes, converter }
    }

    /// Its size in wire form.
    pub fn bytes(&self) -> u64 {
        self.wire_bytes
    }

    /// Reads at an offset of the wire form; fewer bytes than asked for only at the end. Reading forwards is cheap.
    pub fn read_at(&self, buffer: &mut [u8], wire_offset: u64) -> Result<usize, StoreError> {
        let wanted = self.wire_bytes.saturating_sub(wire_offset).min(buffer.len() as u64) as usize;
        let buffer = &mut buffer[..wanted];
        let count = match &self.converter {
            None => self.file.read_at(buffer, wire_offset)?,
            Some(converter) => {
                locked(converter).read_at(&*self.file, self.disk_bytes, buffer, wire_offset)?
            }
        };
        // Only a file that somebody cut or changed after it was opened ends early.
        match count == wanted {
            true => Ok(count),
            false => Err(StoreError::Io(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// Puts CR before every bare LF, going forwards through the file.
#[derive(Default)]
struct Converter {
    /// Converted bytes that were not handed out.
    ready: Vec<u8>,
    handed_out: usize,
    wire_offset: u64,
    disk_offset: u64,
    is_after_cr: bool,
}

impl Converter {
    fn read_at(
        &mut self,
        file: &dyn DiskFile,
        disk_bytes: u64,
        buffer: &mut [u8],
        wire_offset: u64,
    ) -> io::Result<usize> {
        if wire_offset < self.wire_offset {
            *self = Converter::default();
        }
        let mut filled = 0;
        while filled < buffer.len() {
            if self.handed_out == self.ready.len() && !self.refill(file, disk_bytes)? {
                break;
            }
            let rest = &self.ready[self.handed_out..];
            let skip = (wire_offset - self.wire_offset.min(wire_offset)).min(rest.len() as u64) as usize;
            let count = (rest.len() - skip).min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&rest[skip..skip + count]);
            filled += count;
            self.handed_out += skip + count;
            self.wire_offset += (skip + count) as u64;
        }
        Ok(filled)
    }

    fn refill(&mut self, file: &dyn DiskFile, disk_bytes: u64) -> io::Result<bool> {
        let mut chunk = [0; CONVERT_BYTES];
        let wanted = (disk_bytes - self.disk_offset.min(disk_bytes)).min(CONVERT_BYTES as u64) as usize;
        let count = file.read_at(&mut chunk[..wanted], self.disk_offset)?;
        self.disk_offset += count as u64;
        self.ready.clear();
        self.handed_out = 0;
        for &byte in &chunk[..count] {
            if byte == b'\n' && !self.is_after_cr {
                self.ready.push(b'\r');
            }
            self.ready.push(byte);
            self.is_after_cr = byte == b'\r';
        }
        Ok(count > 0)
    }
}
