//! Unpacking what others packed: gzip, the first file of a zip archive, or neither, within limits.
//!
//! Only the packed octets themselves are believed. The directory at the end of an archive is not read: files that lie over one
//! another and sizes that are not true have nobody to fool.

use flate2::read::{DeflateDecoder, GzDecoder};
use std::io::{self, Read};
use thiserror::Error;

/// Octets that come out at the most; the largest reports have a few million.
pub const UNPACKED_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// How many octets may come out for one that goes in: reports give 10 to 60, bombs a thousand. The first may do as they like.
const RATIO_MAX: u64 = 200;
const RATIO_FROM_BYTES: u64 = 256 * 1024;
/// Unpacked at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// The fixed part of a zip archive's local file header.
const ZIP_HEADER_BYTES: usize = 30;

/// Why unpacking ended early.
#[derive(Debug, Error)]
pub enum UnpackError {
    /// More comes out than is allowed.
    #[error("it unpacks to more than a report has")]
    TooLarge,
    /// Encrypted, or packed in a way that is not known.
    #[error("it is packed in a way that is not understood")]
    Unknown,
    /// The packed octets are damaged.
    #[error("it cannot be unpacked: {0}")]
    Damaged(#[from] io::Error),
    /// Whoever takes the unpacked octets wants no more of them.
    #[error("it is no report")]
    Refused,
}

/// Takes the next unpacked octets; says whether more are wanted.
pub type Take<'a> = dyn FnMut(&[u8]) -> bool + 'a;

/// Unpacks, and hands over what comes out piece by piece.
pub fn unpack(packed: &[u8], take: &mut Take<'_>) -> Result<(), UnpackError> {
    let bytes = packed.len() as u64;
    match packed {
        [0x1f, 0x8b, ..] => pump(GzDecoder::new(packed), bytes, take),
        [b'P', b'K', 3, 4, ..] => match first_file(packed).ok_or(UnpackError::Unknown)? {
            FirstFile::Stored(content) => pump(content, bytes, take),
            FirstFile::Deflated(content) => pump(DeflateDecoder::new(content), bytes, take),
        },
        _ => pump(packed, bytes, take),
    }
}

fn pump(mut unpacking: impl Read, bytes_in: u64, take: &mut Take<'_>) -> Result<(), UnpackError> {
    let most = UNPACKED_BYTES_MAX.min(RATIO_FROM_BYTES.max(bytes_in.saturating_mul(RATIO_MAX)));
    let (mut chunk, mut bytes_out) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let count = match unpacking.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        bytes_out += count as u64;
        if bytes_out > most {
            return Err(UnpackError::TooLarge);
        }
        if !take(&chunk[..count]) {
            return Err(UnpackError::Refused);
        }
    }
}

enum FirstFile<'a> {
    Stored(&'a [u8]),
    Deflated(&'a [u8]),
}

/// What follows the first local file header. A deflated file says itself where it ends; a stored one needs its size there.
fn first_file(archive: &[u8]) -> Option<FirstFile<'_>> {
    let header = archive.get(..ZIP_HEADER_BYTES)?;
    let short = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let (flags, method, name_bytes, extra_bytes) = (short(6), short(8), short(26), short(28));
    let is_encrypted = flags & 1 != 0;
    let content = archive.get(ZIP_HEADER_BYTES + name_bytes + extra_bytes..)?;
    match method {
        _ if is_encrypted => None,
        8 => Some(FirstFile::Deflated(content)),
        0 => {
            let size = u32::from_le_bytes([header[18], header[19], header[20], header[21]]) as usize;
            content.get(..size).filter(|content| !content.is_empty()).map(FirstFile::Stored)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::{gzip, zip};

    fn unpacked(packed: &[u8]) -> Result<Vec<u8>, UnpackError> {
        let mut out = Vec::new();
        unpack(packed, &mut |bytes| {
            out.extend_from_slice(bytes);
            true
        })?;
        Ok(out)
    }

    #[test]
    fn every_way_of_packing() {
        let text = b"<feedback/>\r\n".repeat(40);
        for packed in [text.clone(), gzip(&text), zip(&text, 8), zip(&text, 0)] {
            assert_eq!(unpacked(&packed).unwrap(), text);
        }
        assert!(matches!(unpacked(&zip(&text, 12)), Err(UnpackError::Unknown)));
        assert!(matches!(unpacked(b"PK\x03\x04"), Err(UnpackError::Unknown)));
        let cut = gzip(&text);
        assert!(matches!(unpacked(&cut[..cut.len() / 2]), Err(UnpackError::Damaged(_))));
        let mut encrypted = zip(&text, 8);
        encrypted[6] |= 1;
        assert!(matches!(unpacked(&encrypted), Err(UnpackError::Unknown)));
    }

    #[test]
    fn bombs_end_early() {
        let zeros = vec![b' '; 64 << 20];
        for bomb in [gzip(&zeros), zip(&zeros, 8)] {
            let mut out = 0;
            let result = unpack(&bomb, &mut |bytes| {
                out += bytes.len() as u64;
                true
            });
            assert!(matches!(result, Err(UnpackError::TooLarge)));
            assert!(out <= UNPACKED_BYTES_MAX, "{out}");
        }
        let dense = gzip(&vec![b' '; 1 << 20]);
        assert!(matches!(unpacked(&dense), Err(UnpackError::TooLarge)), "a thousand to one");
    }
}
