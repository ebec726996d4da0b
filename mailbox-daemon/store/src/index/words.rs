//! The file of words: names and digests, which are too long for a row. What searches read of a digest lies elsewhere
//! ([`super::fronts`]), the rest here.
//!
//! ```text
//! record   name sum u32 | back sum u32 | uid u32 | back bytes u32 | name bytes u16 | zero 6 | name | back of the digest
//! ```

use super::appended::{Layout, Source, Window};
use super::entry::u32_at;
use super::fronts::{self, Fronts};
use crate::checksum;
use crate::disk::DiskFile;

const HEADER_BYTES: usize = 24;
/// Read at once when only a name is wanted: longer than any record's header and name.
const NAME_READ_BYTES: usize = HEADER_BYTES + 256;

/// A record: a message's name and the back of its digest.
pub(super) struct Names;

impl Layout for Names {
    const MAGIC: [u8; 8] = *b"mbxword2";
    const READ_BYTES: usize = 1024;

    fn record_bytes(bytes: &[u8]) -> Option<usize> {
        let name_bytes = usize::from(u16::from_le_bytes(*bytes.get(16..18)?.first_chunk()?));
        Some(HEADER_BYTES + name_bytes + u32_at(bytes, 12) as usize)
    }
}

/// What is kept of one message besides its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words<'a> {
    /// The message's file name without flags.
    pub(crate) name: &'a str,
    /// What the floors above remember of it: its first four bytes say how much is front.
    pub(crate) digest: &'a [u8],
}

pub(super) fn encode(uid: u32, name: &str, back: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + HEADER_BYTES, 0);
    out[start + 8..start + 12].copy_from_slice(&uid.to_le_bytes());
    out[start + 12..start + 16].copy_from_slice(&(back.len() as u32).to_le_bytes());
    out[start + 16..start + 18].copy_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(name.as_bytes());
    let name_sum = checksum::of(&out[start + 8..]) as u32;
    let back_sum = checksum::of(back) as u32;
    out[start..start + 4].copy_from_slice(&name_sum.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&back_sum.to_le_bytes());
    out.extend_from_slice(back);
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

/// Name and back of the digest, when the record is whole and of this message.
pub(super) fn decode(uid: u32, record: &[u8]) -> Option<(&str, &[u8])> {
    let name = decode_name(uid, record)?;
    let start = HEADER_BYTES + name.len();
    let back = record.get(start..start + u32_at(record, 12) as usize)?;
    (checksum::of(back) as u32 == u32_at(record, 4)).then_some((name, back))
}

/// Where a message's words are to be read, without the mailbox's lock.
pub(crate) struct WordsSource {
    pub(super) names: Source,
    /// `None` without a digest.
    pub(super) front: Option<Source>,
}

impl WordsSource {
    /// The file name without flags.
    pub(crate) fn name(&self, uid: u32) -> Option<String> {
        match &self.names {
            Source::Memory(record) => decode_name(uid, record).map(str::to_owned),
            Source::File(file, offset) => {
                let mut bytes = [0; NAME_READ_BYTES];
                let count = file.read_at(&mut bytes, *offset).ok()?;
                decode_name(uid, &bytes[..count]).map(str::to_owned)
            }
        }
    }

    /// The digest.
    pub(crate) fn digest(&self, uid: u32) -> Option<Vec<u8>> {
        let front = self.front.as_ref()?.read::<Fronts>()?;
        let names = self.names.read::<Names>()?;
        Some([fronts::decode(uid, &front)?, decode(uid, &names)?.1].concat())
    }
}

/// Reads names and digests mostly in ascending order.
#[derive(Default)]
pub(crate) struct WordsReader {
    names: Window,
    fronts: Window,
    digest: Vec<u8>,
}

impl WordsReader {
    /// The words of `uid` at these places of the two files; a message without a digest has an empty one.
    pub(crate) fn read(
        &mut self,
        (names, fronts): (&dyn DiskFile, &dyn DiskFile),
        (name_at, front_at): (u32, u32),
        uid: u32,
    ) -> Option<Words<'_>> {
        self.digest.clear();
        let (name, back) = decode(uid, self.names.at::<Names>(names, name_at))?;
        if front_at != 0 {
            let front = fronts::decode(uid, self.fronts.at::<Fronts>(fronts, front_at))?;
            self.digest.extend_from_slice(front);
            self.digest.extend_from_slice(back);
        }
        Some(Words { name, digest: &self.digest })
    }
}

/// Reads names alone, mostly in ascending order.
#[derive(Default)]
pub(crate) struct NamesReader {
    names: Window,
}

impl NamesReader {
    /// The name of `uid` at this place of the file.
    pub(crate) fn read(&mut self, names: &dyn DiskFile, name_at: u32, uid: u32) -> Option<&str> {
        decode_name(uid, self.names.at::<Names>(names, name_at))
    }
}

#[cfg(test)]
mod tests {
    use super::super::appended::Appended;
    use super::super::rows::Header;
    use super::*;
    use crate::disk::Disk;
    use crate::disk::crash::CrashDisk;
    use std::path::Path;

    const ROWS: Header = Header { uid_validity: 1, generation: 2, tombstones_after: 0 };

    fn digest_of(uid: u32) -> Vec<u8> {
        let front = vec![uid as u8; uid as usize * 2];
        [&(front.len() as u32 + 4).to_le_bytes()[..], &front, &vec![!uid as u8; uid as usize * 3]].concat()
    }

    #[test]
    fn records_are_read_one_by_one_and_in_order() {
        let disk = CrashDisk::new();
        let mut names = Appended::new(Path::new("/w").to_owned());
        let mut fronts = Appended::new(Path::new("/f").to_owned());
        let mut places = Vec::new();
        for uid in 1..=300u32 {
            let digest = digest_of(uid);
            let (front, back) = digest.split_at(fronts::front_bytes(&digest));
            assert_eq!(front.len(), 4 + uid as usize * 2);
            let name = format!("name{uid}");
            places.push((
                names.push::<Names>(&ROWS, |out| encode(uid, &name, back, out)),
                fronts.push::<Fronts>(&ROWS, |out| fronts::encode(uid, front, out)),
            ));
        }
        let check = |names: &mut Appended, fronts: &mut Appended| {
            for (uid, (name_at, front_at)) in (1..=300u32).zip(&places) {
                let source = WordsSource {
                    names: names.source::<Names>(&disk, *name_at).unwrap(),
                    front: fronts.source::<Fronts>(&disk, *front_at),
                };
                assert_eq!(source.name(uid), Some(format!("name{uid}")));
                assert_eq!(source.name(uid + 1), None);
                assert_eq!(source.digest(uid), Some(digest_of(uid)));
                assert_eq!(source.digest(uid + 1), None);
            }
        };
        check(&mut names, &mut fronts);
        names.write::<Names>(&disk, &ROWS).unwrap();
        fronts.write::<Fronts>(&disk, &ROWS).unwrap();
        check(&mut names, &mut fronts);

        let files = (disk.open_read(Path::new("/w")).unwrap(), disk.open_read(Path::new("/f")).unwrap());
        let mut reader = WordsReader::default();
        let mut fronts_reader = fronts::FrontsReader::default();
        for (uid, (name_at, front_at)) in (1..=300u32).zip(places) {
            let files = (&*files.0, &*files.1);
            let digest = digest_of(uid);
            assert_eq!(reader.read(files, (name_at, front_at), uid).unwrap().digest, digest);
            assert_eq!(reader.read(files, (name_at, 0), uid).unwrap().digest, b"");
            assert_eq!(reader.read(files, (name_at + 1, front_at), uid), None);
            assert_eq!(
                fronts_reader.read(files.1, front_at, uid).unwrap(),
                &digest[..fronts::front_bytes(&digest)]
            );
            assert_eq!(fronts_reader.read(files.1, front_at, uid + 1), None);
            assert_eq!(fronts_reader.read(files.1, 1 << 30, uid), None);
        }
    }

    #[test]
    fn torn_records_are_nothing() {
        let mut bytes = Vec::new();
        encode(5, "n", b"digest", &mut bytes);
        assert_eq!(decode(5, &bytes).unwrap(), ("n", &b"digest"[..]));
        for length in 0..31 {
            assert_eq!(decode(5, &bytes[..length]), None);
        }
        bytes[27] ^= 1;
        assert_eq!(decode(5, &bytes), None);
        assert_eq!(decode_name(5, &bytes), Some("n"));
        let mut front = Vec::new();
        fronts::encode(5, b"front", &mut front);
        assert_eq!(fronts::decode(5, &front), Some(&b"front"[..]));
        for length in 0..front.len() {
            assert_eq!(fronts::decode(5, &front[..length]), None);
        }
    }

    #[test]
    fn any_bytes_have_a_front() {
        assert_eq!(fronts::front_bytes(b""), 0);
        assert_eq!(fronts::front_bytes(b"abc"), 3);
        assert_eq!(fronts::front_bytes(&[0, 0, 0, 0, 9]), 4);
        assert_eq!(fronts::front_bytes(&[5, 0, 0, 0, 9, 9]), 5);
        assert_eq!(fronts::front_bytes(b"garbage"), 7);
    }
}
