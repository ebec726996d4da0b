//! The file of rows: a log of what changed, 48 bytes a record, whose last word about a message counts.
//!
//! ```text
//! header   magic 8 | uidvalidity u32 | generation u32 | tombstones complete after modseq u64 | sum u64
//! record   40 bytes by kind | kind u32 | sum u32
//!   row      uid, flags, modseq, date, sizes, words, front
//!   gone     uid, modseq
//!   agreed   highest UID, first recent UID, modseq, times of cur and new, dead records of words
//! ```
//!
//! Reading stops at the first record whose sum is wrong: what follows is forgotten and found again in the folder.

use super::entry::{Entry, u32_at, u64_at};
use crate::checksum;

const MAGIC: &[u8; 8] = b"mbxrows3";
pub(super) const HEADER_BYTES: usize = 32;
pub(super) const RECORD_BYTES: usize = 48;

const ROW: u32 = 1;
const GONE: u32 = 2;
const AGREED: u32 = 3;

/// What the first bytes of a file of rows say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) uid_validity: u32,
    /// The files of words and fronts have the same.
    pub(super) generation: u32,
    /// Every message that vanished after this modification sequence has its tombstone here.
    pub(super) tombstones_after: u64,
}

/// The times of a folder's two directories when rows and files were known to agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// Of `cur`, in nanoseconds since 1970.
    pub(crate) cur_ns: Option<i64>,
    /// Of `new`.
    pub(crate) new_ns: Option<i64>,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Row(Entry),
    Gone { uid: u32, modseq: u64 },
    Agreed { highest_uid: u32, recent_from: u32, modseq: u64, agreed: Agreed, dead_words: u64 },
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&self.uid_validity.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.generation.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.tombstones_after.to_le_bytes());
        let sum = checksum::of(&bytes[..24]);
        bytes[24..32].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Header> {
        let bytes = bytes.get(..HEADER_BYTES)?;
        (&bytes[..8] == MAGIC && checksum::of(&bytes[..24]) == u64_at(bytes, 24)).then(|| Header {
            uid_validity: u32_at(bytes, 8),
            generation: u32_at(bytes, 12),
            tombstones_after: u64_at(bytes, 16),
        })
    }
}

impl Record {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut body = [0; Entry::BYTES];
        let kind = match *self {
            Record::Row(entry) => {
                entry.encode(&mut body);
                ROW
            }
            Record::Gone { uid, modseq } => {
                body[0..4].copy_from_slice(&uid.to_le_bytes());
                body[8..16].copy_from_slice(&modseq.to_le_bytes());
                GONE
            }
            Record::Agreed { highest_uid, recent_from, modseq, agreed, dead_words } => {
                body[0..4].copy_from_slice(&highest_uid.to_le_bytes());
                body[4..8].copy_from_slice(&recent_from.to_le_bytes());
                body[8..16].copy_from_slice(&modseq.to_le_bytes());
                // No directory is of 1970, so zero is free to mean nothing.
                body[16..24].copy_from_slice(&agreed.cur_ns.unwrap_or(0).to_le_bytes());
                body[24..32].copy_from_slice(&agreed.new_ns.unwrap_or(0).to_le_bytes());
                body[32..40].copy_from_slice(&dead_words.to_le_bytes());
                AGREED
            }
        };
        let start = out.len();
        out.extend_from_slice(&body);
        out.extend_from_slice(&kind.to_le_bytes());
        let sum = checksum::of(&out[start..]) as u32;
        out.extend_from_slice(&sum.to_le_bytes());
    }

    pub(super) fn decode(bytes: &[u8; RECORD_BYTES]) -> Option<Record> {
        if checksum::of(&bytes[..44]) as u32 != u32_at(bytes, 44) {
            return None;
        }
        let uid = u32_at(bytes, 0);
        match u32_at(bytes, 40) {
            ROW if uid > 0 => {
                Some(Record::Row(Entry::decode(bytes[..40].try_into().expect("forty of forty-eight bytes"))))
            }
            GONE => Some(Record::Gone { uid, modseq: u64_at(bytes, 8) }),
            AGREED => {
                let time = |at| Some(u64_at(bytes, at) as i64).filter(|time| *time != 0);
                Some(Record::Agreed {
                    highest_uid: uid,
                    recent_from: u32_at(bytes, 4),
                    modseq: u64_at(bytes, 8),
                    agreed: Agreed { cur_ns: time(16), new_ns: time(24) },
                    dead_words: u64_at(bytes, 32),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maildir::Place;
    use types::Flags;

    #[test]
    fn records_come_back() {
        let mut entry = Entry::new(7, Place::New, Flags::from_bits(u64::MAX), -5, (10, 11));
        entry.set_modseq(1 << 40);
        entry.set_words(3, 4);
        for record in [
            Record::Row(entry),
            Record::Gone { uid: 9, modseq: 77 },
            Record::Agreed {
                highest_uid: 9,
                recent_from: 8,
                modseq: 78,
                agreed: Agreed { cur_ns: Some(5), new_ns: None },
                dead_words: 6,
            },
        ] {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            assert_eq!(Record::decode(bytes[..].try_into().unwrap()), Some(record));
            bytes[20] ^= 4;
            assert_eq!(Record::decode(bytes[..].try_into().unwrap()), None);
        }
        assert_eq!(Record::decode(&[0; RECORD_BYTES]), None);
        let header = Header { uid_validity: 1, generation: 2, tombstones_after: 3 };
        assert_eq!(Header::decode(&header.encode()), Some(header));
        assert_eq!(Header::decode(&[0; 32]), None);
        assert_eq!(Header::decode(b"short"), None);
    }
}
