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
    window: Window,
    decoded: Vec<u8>,
    text: Vec<u8>,
    folded: Vec<u8>,
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
        TextSearch {
            finder: Finder::new(&folded(key)).into_owned(),
            window: Window::default(),
            decoded: Vec::new(),
            text: Vec::new(),
            folded: Vec::new(),
        }
    }

    /// Whether text folded before, such as a field of a digest, contains the key.
    pub fn in_folded(&self, text: &[u8]) -> bool {
        self.finder.find(text).is_some()
    }

    /// TEXT: header or body. `read` fills a buffer from a wire offset and says how many octets it got.
    pub fn in_message<E>(
        &mut self,
        root: &Part<'_>,
        mut read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<bool, E> {
        self.window.bytes.clear();
        Ok(self.in_header_range(root.header_range(), root.body_end, &mut read)?
            || self.in_part(root, root.body_end, true, &mut read)?)
    }

    /// BODY: the text of the bodies, not the header of the message and of its parts.
    pub fn in_body<E>(
        &mut self,
        root: &Part<'_>,
        mut read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<bool, E> {
        self.window.bytes.clear();
        self.in_part(root, root.body_end, false, &mut read)
    }

    /// HEADER: any field called `name` whose decoded value contains the key; an empty key asks whether there is such a field.
    pub fn in_field<E>(
        &mut self,
        root: &Part<'_>,
        name: &str,
        mut read: impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<bool, E> {
        self.window.bytes.clear();
        let TextSearch { finder, window, folded, .. } = self;
        window.each_header_piece(root.header_range(), root.body_start, &mut read, |piece| {
            header::fields(piece).filter(|field| field.is(name)).any(|field| {
                folded.clear();
                fold_field(field.value.trim_ascii(), folded);
                finder.find(folded).is_some()
            })
        })
    }

    fn in_header_range<E>(
        &mut self,
        range: Range<u64>,
        read_ahead: u64,
        read: &mut impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<bool, E> {
        let TextSearch { finder, window, folded, .. } = self;
        window.each_header_piece(range, read_ahead, read, |piece| header_contains(finder, piece, folded))
    }

    /// Looks into a part's body, and into what it contains.
    fn in_part<E>(
        &mut self,
        part: &Part<'_>,
        read_ahead: u64,
        part_headers: bool,
        read: &mut impl FnMut(&mut [u8], u64) -> Result<usize, E>,
    ) -> Result<bool, E> {
        let readable =
            part.is_text() || part.media_type.is_some_and(|name| name.eq_ignore_ascii_case(b"message"));
        if part.kind == PartKind::Leaf && readable {
            return self.in_leaf(part, read_ahead, read);
        }
        for child in &part.children {
            // The header of a message inside is text of the body around it.
            let with_header = part_headers || part.kind == PartKind::Message;
            if with_header && self.in_header_range(child.header_range(), read_ahead, read)?
                || self.in_part(child, read_ahead, part_headers, read)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn in_leaf<E>(
        &mut self,
        part: &Part<'_>,
        read_ahead: u64,
        read: &mut impl FnMut(&mut [u8], u64) -> Result<usize, E>,
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
            let TextSearch { finder, window, decoded, text, folded } = self;
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
            if stream.feed_and_find(octets, last, finder, folded) {
                return Ok(true);
            }
        }
        Ok(self.finder.needle().is_empty())
    }
}

/// Folds a text that comes in chunks and looks for the key across their edges.
#[derive(Default)]
struct FoldStream {
    /// The last octets of the chunk before that may belong to a letter of the next.
    held: Vec<u8>,
}

/// A letter with its combining marks is shorter.
const HELD_BYTES_MAX: usize = 256;

impl FoldStream {
    /// `folded` carries the end of the text so far from call to call.
    fn feed_and_find(&mut self, text: &[u8], last: bool, finder: &Finder<'_>, folded: &mut Vec<u8>) -> bool {
        let keep = finder.needle().len().saturating_sub(1).min(folded.len());
        folded.drain(..folded.len() - keep);
        if self.held.is_empty() && (last || text.last().is_none_or(u8::is_ascii)) {
            fold(text, folded);
        } else {
            self.held.extend_from_slice(text);
            let foreign =
                self.held.iter().rev().take(HELD_BYTES_MAX).take_while(|byte| !byte.is_ascii()).count();
            let cut = if last { self.held.len() } else { self.held.len() - foreign };
            let rest = self.held.split_off(cut);
            fold(&self.held, folded);
            self.held = rest;
        }
        finder.find(folded).is_some()
    }
}

/// Whether any field contains the key. Most headers are plain and need nothing but lower case.
fn header_contains(finder: &Finder<'_>, header: &[u8], folded: &mut Vec<u8>) -> bool {
    if memmem::find(header, b"=?").is_none() && ascii_prefix(header) == header.len() {
        folded.clear();
        unfold_into(header, folded);
        folded.make_ascii_lowercase();
        return finder.find(folded).is_some();
    }
    header::fields(header).any(|field| {
        folded.clear();
        fold_field(field.raw, folded);
        finder.find(folded).is_some()
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
