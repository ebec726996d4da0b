//! The file of fronts: of every digest the part that searches read, so that they read nothing else.
//!
//! ```text
//! record   sum u32 | uid u32 | bytes u32 | the bytes | pad to 8, which the sum covers too
//! ```

use super::appended::{Layout, Window};
use super::entry::u32_at;
use crate::checksum;
use crate::disk::DiskFile;

const HEADER_BYTES: usize = 12;

/// A record: a digest's front.
pub(super) struct Fronts;

impl Layout for Fronts {
    const MAGIC: [u8; 8] = *b"mbxfrnt2";
    const READ_BYTES: usize = 512;

    fn record_bytes(bytes: &[u8]) -> Option<usize> {
        (bytes.len() >= HEADER_BYTES).then(|| (HEADER_BYTES + u32_at(bytes, 8) as usize).next_multiple_of(8))
    }
}

/// Bytes of a digest that are its front: what its first four bytes, little-endian, say. A digest that says something
/// impossible is all front.
pub(super) fn front_bytes(digest: &[u8]) -> usize {
    const LENGTH_BYTES: usize = 4;
    match digest.get(..LENGTH_BYTES) {
        Some(length) => (u32_at(length, 0) as usize).clamp(LENGTH_BYTES, digest.len()),
        None => digest.len(),
    }
}

pub(super) fn encode(uid: u32, front: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&uid.to_le_bytes());
    out.extend_from_slice(&(front.len() as u32).to_le_bytes());
    out.extend_from_slice(front);
    out.resize(start + (out.len() - start).next_multiple_of(8), 0);
    let sum = checksum::of(&out[start + 4..]) as u32;
    out[start..start + 4].copy_from_slice(&sum.to_le_bytes());
}

/// What the record says, when it is whole and of this message.
pub(super) fn decode(uid: u32, record: &[u8]) -> Option<&[u8]> {
    let is_whole = Fronts::record_bytes(record) == Some(record.len())
        && u32_at(record, 4) == uid
        && checksum::of(&record[4..]) as u32 == u32_at(record, 0);
    is_whole.then(|| &record[HEADER_BYTES..HEADER_BYTES + u32_at(record, 8) as usize])
}

/// Reads fronts mostly in ascending order.
#[derive(Default)]
pub(crate) struct FrontsReader(Window);

impl FrontsReader {
    /// The front of `uid` at `place`.
    pub(crate) fn read(&mut self, file: &dyn DiskFile, place: u32, uid: u32) -> Option<&[u8]> {
        decode(uid, self.0.at::<Fronts>(file, place))
    }
}
