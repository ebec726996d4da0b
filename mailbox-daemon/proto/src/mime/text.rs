//! SEARCH TEXT, BODY and HEADER: does the text a reader would see contain a string?
//!
//! Header fields are decoded by RFC 2047, bodies of `text/*` and `message/*` parts by their transfer encoding and charset, both
//! sides are folded ([`super::fold`]). The message comes through a reader closure, 64 KiB at a time; what a search remembers
//! between chunks is bounded by the length of its key.

use super::decode::{CharsetDecoder, TransferDecoder, charset};
use super::digest::fold_field;
use super::fold::{ascii_prefix, fold, folded};
use super::header;
use super::structure::{Part, PartKind};
use encoding_rs::UTF_8;
use memchr::memmem::{self, Finder};
use std::ops::Range;

/// Octets read at a time.
const WINDOW_BYTES: usize = 64 * 1024;

/// A search key, ready to be looked for in many messages. Buffers are kept from one message to the next.
pub struct TextSearch {
    finder: Finder<'static>,
    walk: Walk,
}

/// Where a piece of text was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A header that BODY does not look into: of the message itself and of its parts.
    Header,
    /// A text part, or the header of a message inside.
    Body,
}

/// Goes through the text of a message, piece by piece, folded.
#[derive(Default)]
struct Walk {
    window: Window,
    decoded: Vec<u8>,
    text: Vec<u8>,
    folded: Vec<u8>,
    /// Octets of a body's text so far that each of its pieces begins with.
    overlap_bytes: usize,
    /// Whether headers are left out.
    only_bodies: bool,
}

/// The part of the message in memory.
#[derive(Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl TextSearch {
    /// A search for `key`. An empty key is found everywhere.
    pub fn new(key: &str) -> TextSearch {
        let finder = Finder::new(&folded(key)).into_owned();
        let overlap_bytes = finder.needle().len().saturating_sub(1);
        TextSearch { finder, walk: Walk { overlap_bytes, ..Walk::default() } }
    }

    /// The key, folded.
    pub fn folded_key(&self) -> &str {
        std::str::from_utf8(self.finder.needle()).unwrap_or_default()
    }

    /// Whether text folded before, such as a field of a digest, contains the key.
    pub fn in_folded(&self, text: &[u8]) -> bool {
        self.finder.find(text).is_some()
    }

    /// TEXT: header or body. `read` fills a buffer from a wire offset and says how many octets it got.
    pub fn in_message<E>(
        &mut self,
        root: &Part<'_>,
        read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<bool, E> {
        self.walk.only_bodies = false;
        self.walk.message(root, read, |_, text| self.finder.find(text).is_some())
    }

    /// BODY: the text of the bodies, not the header of the message and of its parts.
    pub fn in_body<E>(
        &mut self,
        root: &Part<'_>,
        read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<bool, E> {
        self.walk.only_bodies = true;
        self.walk.message(root, read, |_, text| self.finder.find(text).is_some())
    }

    /// HEADER: any field called `name` whose decoded value contains the key; an empty key asks whether there is such a field.
    pub fn in_field<E>(
        &mut self,
        root: &Part<'_>,
        name: &str,
        mut read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<bool, E> {
        let TextSearch { finder, walk: Walk { window, folded, .. } } = self;
        window.bytes.clear();
        window.each_header_piece(root.header_range(), root.body_start, &mut read, |piece| {
            header::fields(piece).filter(|field| field.is(name)).any(|field| {
                folded.clear();
                fold_field(field.value.trim_ascii(), folded);
                finder.find(folded).is_some()
            })
        })
    }
}

/// The text of one message as [`TextSearch`] goes through it, folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageText {
    /// What only TEXT looks into.
    pub header: Vec<u8>,
    /// What BODY looks into.
    pub body: Vec<u8>,
}

impl MessageText {
    /// Reads it; `None` when it has more than `bytes_max` octets. What a search finds in a message is in its header or in its
    /// body here.
    pub fn read<E>(
        root: &Part<'_>,
        bytes_max: usize,
        read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<Option<MessageText>, E> {
        let mut text = MessageText::default();
        let is_too_much = Walk::default().message(root, read, |place, piece| {
            match place {
                Place::Header => text.header.extend_from_slice(piece),
                Place::Body => text.body.extend_from_slice(piece),
            }
            text.header.len() + text.body.len() > bytes_max
        })?;
        Ok((!is_too_much).then_some(text))
    }
}

impl Walk {
    /// Shows every piece of text until `visit` has found what it wants; whether it has.
    fn message<E>(
        &mut self,
        root: &Part<'_>,
        mut read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
        mut visit: impl FnMut(Place, &[u8]) -> bool,
    ) -> Result<bool, E> {
        self.window.bytes.clear();
        Ok(self.header(Place::Header, root.header_range(), root.body_end, &mut read, &mut visit)?
            || self.part(root, root.body_end, &mut read, &mut visit)?)
    }

    fn header<E>(
        &mut self,
        place: Place,
        range: Range<u64>,
        read_ahead: u64,
        read: &mut impl FnMut(&mut [u8], u64) -> Result<usize, E>,
        visit: &mut impl FnMut(Place, &[u8]) -> bool,
    ) -> Result<bool, E> {
        if place == Place::Header && self.only_bodies {
            return Ok(false);
        }
        let Walk { window, folded, .. } = self;
        window.each_header_piece(range, read_ahead, read, |piece| {
            each_folded(piece, folded, |text| visit(place, text))
        })
    }

    /// Looks into a part's body, and into what it contains.
    fn part<E>(
        &mut self,
        part: &Part<'_>,
        read_ahead: u64,
        read: &mut impl FnMut(&mut [u8], u64) -> Result<usize, E>,
        visit: &mut impl FnMut(Place, &[u8]) -> bool,
    ) -> Result<bool, E> {
        let readable =
            part.is_text() || part.media_type.is_some_and(|name| name.eq_ignore_ascii_case(b"message"));
        if part.kind == PartKind::Leaf && readable {
            return self.leaf(part, read_ahead, read, visit);
        }
        // The header of a message inside is text of the body around it.
        let place = if part.kind == PartKind::Message { Place::Body } else { Place::Header };
        for child in &part.children {
            if self.header(place, child.header_range(), read_ahead, read, visit)?
                || self.part(child, read_ahead, read, visit)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn leaf<E>(
        &mut self,
        part: &Part<'_>,
        read_ahead: u64,
        read: &mut impl FnMut(&mut [u8], u64) -> Result<usize, E>,
        visit: &mut impl FnMut(Place, &[u8]) -> bool,
    ) -> Result<bool, E> {
        let mut transfer = TransferDecoder::of_name(part.encoding);
        let mut charset = part
            .parameter(b"charset")
            .and_then(charset)
            .filter(|encoding| *encoding != UTF_8)
            .map(CharsetDecoder::new);
        let mut range = part.body_range();
        let mut stream = FoldStream::default();
        self.folded.clear();
        while range.start < range.end {
            let Walk { window, decoded, text, folded, overlap_bytes, .. } = self;
            let octets = window.get(range.clone(), read_ahead, read)?;
            if octets.is_empty() {
                break;
            }
            range.start += octets.len() as u64;
            let last = range.start >= range.end;
            let octets = match transfer {
                TransferDecoder::Identity => octets,
                _ => {
                    decoded.clear();
                    transfer.feed(octets, decoded);
                    if last {
                        transfer.finish(decoded);
                    }
                    decoded
                }
            };
            let octets = match &mut charset {
                None => octets,
                Some(charset) => {
                    text.clear();
                    charset.feed(octets, last, text);
                    text
                }
            };
            stream.feed(octets, last, *overlap_bytes, folded);
            if visit(Place::Body, folded) {
                return Ok(true);
            }
        }
        // An empty key is found in an empty text.
        Ok(visit(Place::Body, b""))
    }
}

/// Folds a text that comes in chunks.
#[derive(Default)]
struct FoldStream {
    /// The last octets of the chunk before that may belong to a letter of the next.
    held: Vec<u8>,
}

/// A letter with its combining marks is shorter.
const HELD_BYTES_MAX: usize = 256;

impl FoldStream {
    /// Leaves in `folded` the last `overlap_bytes` it had and what comes now.
    fn feed(&mut self, text: &[u8], last: bool, overlap_bytes: usize, folded: &mut Vec<u8>) {
        let keep = overlap_bytes.min(folded.len());
        folded.drain(..folded.len() - keep);
        if self.held.is_empty() && (last || text.last().is_none_or(u8::is_ascii)) {
            return fold(text, folded);
        }
        self.held.extend_from_slice(text);
        let cut = if last { self.held.len() } else { self.held.len() - held_bytes(&self.held) };
        let rest = self.held.split_off(cut);
        fold(&self.held, folded);
        self.held = rest;
    }
}

/// How many octets at the end wait for what follows: those that are not ASCII, at most some, and no torn character in front.
fn held_bytes(text: &[u8]) -> usize {
    let foreign = text.iter().rev().take(HELD_BYTES_MAX).take_while(|byte| !byte.is_ascii()).count();
    let start = text.len() - foreign;
    foreign - text[start..].iter().take(3).take_while(|byte| is_continuation(**byte)).count()
}

/// Whether the octet is inside a character of UTF-8.
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Shows a header folded, whole or field by field, until `visit` has found what it wants. Most headers are plain and need
/// nothing but lower case.
fn each_folded(header: &[u8], folded: &mut Vec<u8>, mut visit: impl FnMut(&[u8]) -> bool) -> bool {
    if memmem::find(header, b"=?").is_none() && ascii_prefix(header) == header.len() {
        folded.clear();
        unfold_into(header, folded);
        folded.make_ascii_lowercase();
        return visit(folded);
    }
    header::fields(header).any(|field| {
        folded.clear();
        fold_field(field.raw, folded);
        visit(folded)
    })
}

/// Appends a header with every field on one line.
fn unfold_into(header: &[u8], out: &mut Vec<u8>) {
    let mut rest = header;
    while let Some(line_feed) = memchr::memchr(b'\n', rest) {
        let (line, behind) = rest.split_at(line_feed + 1);
        let folds = matches!(behind.first(), Some(b' ' | b'\t'));
        out.extend_from_slice(if folds { line.strip_suffix(b"\r\n").unwrap_or(line) } else { line });
        rest = behind;
    }
    out.extend_from_slice(rest);
}

impl Window {
    /// Octets from `range.start` on, as many as lie in the window; reads up to `read_ahead` when there are none.
    fn get<E>(
        &mut self,
        range: Range<u64>,
        read_ahead: u64,
        read: &mut impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<&[u8], E> {
        let end = self.start + self.bytes.len() as u64;
        if !(self.start..end).contains(&range.start) {
            let wanted = read_ahead.max(range.end).saturating_sub(range.start).min(WINDOW_BYTES as u64);
            self.fill(range.start, wanted as usize, read)?;
        }
        let from = (range.start - self.start) as usize;
        let to = ((range.end - self.start) as usize).min(self.bytes.len());
        Ok(&self.bytes[from.min(to)..to])
    }

    fn fill<E>(
        &mut self,
        start: u64,
        wanted: usize,
        read: &mut impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<(), E> {
        self.start = start;
        self.bytes.resize(wanted, 0);
        let mut filled = 0;
        while filled < wanted {
            match read(&mut self.bytes[filled..], start + filled as u64)? {
                0 => break,
                octets => filled += octets.min(wanted - filled),
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }

    /// Calls `found` with whole fields, all at once if the header fits the window.
    fn each_header_piece<E>(
        &mut self,
        mut range: Range<u64>,
        read_ahead: u64,
        read: &mut impl FnMut(&mut [u8], u64) -> Result<usize, E>,
        mut found: impl FnMut(&[u8]) -> bool,
    ) -> Result<bool, E> {
        while range.start < range.end {
            let window_end = self.start + self.bytes.len() as u64;
            // A header that the window cuts is read anew from where this piece starts.
            if window_end < range.end && range.start != self.start {
                self.bytes.clear();
            }
            let piece = self.get(range.clone(), read_ahead, read)?;
            if piece.is_empty() {
                return Ok(false);
            }
            let whole = range.start + piece.len() as u64 >= range.end;
            let end = if whole { piece.len() } else { last_field_start(piece) };
            if found(&piece[..end]) {
                return Ok(true);
            }
            range.start += end as u64;
        }
        Ok(false)
    }
}

/// Where the last field of a cut header starts, so that it is not torn; the end if there is but one.
fn last_field_start(header: &[u8]) -> usize {
    let starts = |&line_feed: &usize| !matches!(header.get(line_feed + 1), None | Some(b' ' | b'\t'));
    memchr::memrchr_iter(b'\n', header).find(starts).map_or(header.len(), |line_feed| line_feed + 1)
}
