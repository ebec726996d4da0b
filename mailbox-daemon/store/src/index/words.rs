//! The file of words: what is too long for a row. Records are only ever appended.
//!
//! ```text
//! header   magic 8 | uidvalidity u32 | generation u32
//! record   name sum u32 | digest sum u32 | uid u32 | digest bytes u32 | name bytes u16 | zero 6 | name | digest | pad to 8
//! ```

use super::entry::{u32_at, u64_at};
use crate::checksum;
use crate::disk::DiskFile;
use std::sync::Arc;

const MAGIC: u64 = u64::from_le_bytes(*b"mbxword1");
pub(super) const FILE_HEADER_BYTES: usize = 16;
const HEADER_BYTES: usize = 24;
/// Read at once when only a name is wanted: longer than any record's header and name.
const NAME_READ_BYTES: usize = HEADER_BYTES + 256;
/// Read at once when records are read in order.
const WINDOW_BYTES: usize = 64 * 1024;

pub(super) fn file_header(uid_validity: u32, generation: u32) -> [u8; FILE_HEADER_BYTES] {
    let mut bytes = [0; FILE_HEADER_BYTES];
    bytes[0..8].copy_from_slice(&MAGIC.to_le_bytes());
    bytes[8..12].copy_from_slice(&uid_validity.to_le_bytes());
    bytes[12..16].copy_from_slice(&generation.to_le_bytes());
    bytes
}

pub(super) fn is_file_header(bytes: &[u8], uid_validity: u32, generation: u32) -> bool {
    bytes.len() >= FILE_HEADER_BYTES
        && u64_at(bytes, 0) == MAGIC
        && (u32_at(bytes, 8), u32_at(bytes, 12)) == (uid_validity, generation)
}

/// One record's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words<'a> {
    /// The message's file name without flags.
    pub(crate) name: &'a str,
    /// What the floors above remember of it.
    pub(crate) digest: &'a [u8],
}

/// Bytes a record takes.
pub(super) fn record_bytes(name_bytes: usize, digest_bytes: usize) -> usize {
    (HEADER_BYTES + name_bytes + digest_bytes).next_multiple_of(8)
}

pub(super) fn encode(uid: u32, words: Words<'_>, out: &mut Vec<u8>) {
    let Words { name, digest } = words;
    let start = out.len();
    out.resize(start + HEADER_BYTES, 0);
    out[start + 8..start + 12].copy_from_slice(&uid.to_le_bytes());
    out[start + 12..start + 16].copy_from_slice(&(digest.len() as u32).to_le_bytes());
    out[start + 16..start + 18].copy_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(name.as_bytes());
    let name_sum = checksum::of(&out[start + 8..]) as u32;
    let digest_sum = checksum::of(digest) as u32;
    out[start..start + 4].copy_from_slice(&name_sum.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&digest_sum.to_le_bytes());
    out.extend_from_slice(digest);
    out.resize(start + record_bytes(name.len(), digest.len()), 0);
}

/// The name in a record that begins `bytes`.
fn decode_name(uid: u32, bytes: &[u8]) -> Option<&str> {
    if bytes.len() < HEADER_BYTES || u32_at(bytes, 8) != uid {
        return None;
    }
    let name_bytes = usize::from(u16::from_le_bytes([bytes[16], bytes[17]]));
    let named = bytes.get(8..HEADER_BYTES + name_bytes)?;
    if checksum::of(named) as u32 != u32_at(bytes, 0) {
        return None;
    }
    std::str::from_utf8(&named[HEADER_BYTES - 8..]).ok()
}

/// The record that begins `bytes`, when it is whole and of this message.
pub(super) fn decode(uid: u32, bytes: &[u8]) -> Option<Words<'_>> {
    let name = decode_name(uid, bytes)?;
    let start = HEADER_BYTES + name.len();
    let digest = bytes.get(start..start + u32_at(bytes, 12) as usize)?;
    (checksum::of(digest) as u32 == u32_at(bytes, 4)).then_some(Words { name, digest })
}

/// Where a message's words are to be read, without the mailbox's lock.
pub(crate) enum WordsSource {
    /// A record that was not written yet.
    Memory(Vec<u8>),
    /// In the file, at this offset.
    File(Arc<dyn DiskFile>, u64),
}

impl WordsSource {
    /// The file name without flags.
    pub(crate) fn name(&self, uid: u32) -> Option<String> {
        match self {
            WordsSource::Memory(record) => decode_name(uid, record).map(str::to_owned),
            WordsSource::File(file, offset) => {
                let mut bytes = [0; NAME_READ_BYTES];
                let count = file.read_at(&mut bytes, *offset).ok()?;
                decode_name(uid, &bytes[..count]).map(str::to_owned)
            }
        }
    }

    /// The digest; `digest_bytes` is what the row says.
    pub(crate) fn digest(&self, uid: u32, digest_bytes: u32) -> Option<Vec<u8>> {
        match self {
            WordsSource::Memory(record) => decode(uid, record).map(|words| words.digest.to_vec()),
            WordsSource::File(file, offset) => {
                let mut bytes = vec![0; NAME_READ_BYTES + digest_bytes as usize];
                let count = file.read_at(&mut bytes, *offset).ok()?;
                let digest = decode(uid, &bytes[..count])?.digest;
                let start = digest.as_ptr() as usize - bytes.as_ptr() as usize;
                let length = digest.len();
                bytes.copy_within(start..start + length, 0);
                bytes.truncate(length);
                Some(bytes)
            }
        }
    }
}

/// Reads records of one file mostly in ascending order, a window at a time.
#[derive(Default)]
pub(crate) struct WordsReader {
    window: Vec<u8>,
    start: u64,
}

impl WordsReader {
    /// The record of `uid` at `offset`; `digest_bytes` is what the row says.
    pub(crate) fn read(
        &mut self,
        file: &dyn DiskFile,
        offset: u64,
        uid: u32,
        digest_bytes: u32,
    ) -> Option<Words<'_>> {
        let wanted = NAME_READ_BYTES + digest_bytes as usize;
        let at = offset.checked_sub(self.start).map(|at| at as usize);
        let is_inside = at.is_some_and(|at| at + wanted <= self.window.len());
        // At the end of the file less than `wanted` may be there, and enough.
        let is_whole = |at: usize| self.window.get(at..).is_some_and(|rest| decode(uid, rest).is_some());
        if !is_inside && !at.is_some_and(is_whole) {
            self.window.resize(WINDOW_BYTES.max(wanted), 0);
            let count = file.read_at(&mut self.window, offset).unwrap_or(0);
            self.window.truncate(count);
            self.start = offset;
        }
        decode(uid, self.window.get((offset - self.start) as usize..)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;
    use crate::disk::crash::CrashDisk;
    use std::path::Path;

    #[test]
    fn records_are_read_one_by_one_and_in_order() {
        let (mut bytes, mut offsets) = (vec![0; 16], Vec::new());
        for uid in 1..=300u32 {
            offsets.push(bytes.len() as u64);
            let (name, digest) = (format!("name{uid}"), vec![uid as u8; uid as usize * 3]);
            encode(uid, Words { name: &name, digest: &digest }, &mut bytes);
        }
        let disk = CrashDisk::new();
        disk.put_file(Path::new("/w"), &bytes).unwrap();
        let file = disk.open_read(Path::new("/w")).unwrap();
        let mut reader = WordsReader::default();
        for (uid, offset) in (1..=300u32).zip(offsets) {
            let digest = vec![uid as u8; uid as usize * 3];
            let source = WordsSource::File(Arc::clone(&file), offset);
            assert_eq!(source.name(uid), Some(format!("name{uid}")));
            assert_eq!(source.name(uid + 1), None);
            assert_eq!(source.digest(uid, uid * 3), Some(digest.clone()));
            assert_eq!(reader.read(&*file, offset, uid, uid * 3).unwrap().digest, digest);
            assert_eq!(reader.read(&*file, offset + 8, uid, 0), None);
        }
        assert_eq!(reader.read(&*file, 1 << 30, 1, 0), None);
    }

    #[test]
    fn torn_records_are_nothing() {
        let mut bytes = Vec::new();
        encode(5, Words { name: "n", digest: b"digest" }, &mut bytes);
        assert_eq!(decode(5, &bytes).unwrap().digest, b"digest");
        for length in 0..31 {
            assert_eq!(decode(5, &bytes[..length]), None);
        }
        bytes[27] ^= 1;
        assert_eq!(decode(5, &bytes), None);
        assert_eq!(decode_name(5, &bytes), Some("n"));
    }
}
