//! Messages as they are stored: with CRLF line ends and without NUL. A body that would lose octets by that becomes base64, which
//! RFC 3516 section 4.4 allows where it is necessary: so every client can read it, and no file has a block of zeros, by which a torn
//! one is known.

use crate::imap::reply::Refusal;
use proto::imap::line_ends::LineEnds;
use proto::imap::write::Code;
use proto::mime::reencode::header_with_encoding;
use proto::mime::{Digest, Part, PartKind, ScanLimits, Scanner};
use std::ops::Range;
use store::{NewMessage, StoreError};
use types::Limits;

/// Read at once; whole lines of base64, so that the pieces can be joined.
const READ_BYTES: usize = 57 * 512;

/// A message being written in wire form.
pub(super) struct WireForm {
    file: NewMessage,
    scanner: Scanner,
    line_ends: LineEnds,
    has_nul: bool,
}

impl WireForm {
    pub(super) fn new(file: NewMessage, limits: &Limits) -> WireForm {
        let scanner = Scanner::new(ScanLimits::from(limits));
        WireForm { file, scanner, line_ends: LineEnds::default(), has_nul: false }
    }

    fn take_in(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let WireForm { file, scanner, line_ends, has_nul } = self;
        *has_nul |= memchr::memchr(0, bytes).is_some();
        line_ends.feed(bytes, |piece| {
            scanner.feed(piece);
            file.write(piece)
        })
    }

    pub(super) fn finish(mut self, limits: &Limits) -> Result<(NewMessage, Digest), Refusal> {
        let WireForm { file, scanner, line_ends, has_nul } = &mut self;
        line_ends.finish(|piece| {
            scanner.feed(piece);
            file.write(piece)
        })?;
        if *has_nul {
            return Err(Refusal::no(
                Code::UnknownCte,
                "a NUL byte stands outside of a body that may hold it",
            ));
        }
        // Line ends and base64 may have made it longer than it was announced.
        match self.file.bytes() <= limits.message_bytes_max + limits.message_bytes_max / 2 {
            true => Ok((self.file, self.scanner.finish())),
            false => Err(Refusal::no(Code::TooBig, "as it is stored the message is too large")),
        }
    }
}

/// Writes what lies in `raw`, whose offsets `digest` tells, to `wire`.
pub(super) fn rewrite(
    raw: &mut NewMessage,
    digest: &Digest,
    wire: &mut WireForm,
    limits: &Limits,
) -> Result<(), Refusal> {
    let view = digest.view();
    let mut done = 0;
    if let Ok(root) = view.structure() {
        let mut bodies = Vec::new();
        unfit_bodies(raw, &root, true, &mut bodies)?;
        for (part, is_message) in bodies {
            let header = read_header(raw, part.header_range(), limits)?;
            pass(raw, done..part.header_start, |bytes| wire.take_in(bytes))?;
            wire.take_in(&header_with_encoding(&header, "base64", is_message))?;
            pass(raw, part.body_range(), |bytes| {
                wire.take_in(data_encoding::BASE64_MIME.encode(bytes).as_bytes())
            })?;
            done = part.body_end;
        }
    }
    pass(raw, done..raw.bytes(), |bytes| wire.take_in(bytes))?;
    Ok(())
}

/// The bodies that cannot stand as they are, with whether each is a whole message's.
fn unfit_bodies<'p, 'd>(
    raw: &mut NewMessage,
    part: &'p Part<'d>,
    is_message: bool,
    found: &mut Vec<(&'p Part<'d>, bool)>,
) -> Result<(), StoreError> {
    match part.kind {
        PartKind::Multipart | PartKind::Message => {
            for child in &part.children {
                unfit_bodies(raw, child, part.kind == PartKind::Message, found)?;
            }
        }
        PartKind::Leaf | PartKind::Opaque => {
            if is_unfit(raw, part)? {
                found.push((part, is_message));
            }
        }
    }
    Ok(())
}

/// Whether a body that is not encoded has NUL, or is `binary` with line ends of its own.
fn is_unfit(raw: &mut NewMessage, part: &Part<'_>) -> Result<bool, StoreError> {
    let encoding = part.encoding.map_or(&b"7bit"[..], <[u8]>::trim_ascii);
    let is = |name: &str| encoding.eq_ignore_ascii_case(name.as_bytes());
    if !is("7bit") && !is("8bit") && !is("binary") {
        return Ok(false);
    }
    let (mut line_ends, mut has_nul) = (LineEnds::default(), false);
    pass(raw, part.body_range(), |bytes| {
        has_nul |= memchr::memchr(0, bytes).is_some();
        line_ends.feed(bytes, |_| Ok(()))
    })?;
    line_ends.finish(|_| Ok::<_, StoreError>(()))?;
    Ok(has_nul || (is("binary") && line_ends.has_changed()))
}

fn read_header(raw: &mut NewMessage, range: Range<u64>, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    if range.end - range.start > limits.header_bytes_max as u64 {
        return Err(Refusal::no(Code::Limit, "the header of a binary part is too large"));
    }
    let mut header = Vec::new();
    pass(raw, range, |bytes| {
        header.extend_from_slice(bytes);
        Ok(())
    })?;
    Ok(header)
}

/// Reads a range in pieces.
fn pass(
    raw: &mut NewMessage,
    range: Range<u64>,
    mut sink: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut buffer = vec![0; READ_BYTES];
    let mut at = range.start;
    while at < range.end {
        let wanted = (range.end - at).min(READ_BYTES as u64) as usize;
        let count = raw.read_at(&mut buffer[..wanted], at)?;
        if count != wanted {
            return Err(StoreError::Io(std::io::ErrorKind::UnexpectedEof.into()));
        }
        sink(&buffer[..count])?;
        at += count as u64;
    }
    Ok(())
}
