//! The MIME parts of a message, found in one pass.

use proto::mime::{Part as ScannedPart, PartKind, ScanLimits, Scanner};
use std::ops::Range;
use types::Limits;

/// What a message says of its content counts even where this is missing.
const SIGN_OF_MIME: &[u8] = b"MIME-Version: 1.0\r\n";

/// The parts of a message, each before what it contains; the first is the message itself.
#[derive(Clone, Debug)]
pub struct Parts(Vec<Part>);

/// One part. All places are octets of the message's body.
#[derive(Clone, Debug)]
pub struct Part {
    /// How its body is read.
    pub kind: PartKind,
    /// The part it stands in; `None` for the message itself.
    pub parent: Option<usize>,
    /// Behind its last descendant, among all parts.
    pub end: usize,
    /// Its header with the empty line; nothing for the message itself, whose header is elsewhere.
    pub header: Range<usize>,
    /// Its body, still encoded.
    pub body: Range<usize>,
    /// The type in lower case, the default where none is told; empty if it is not understood.
    pub media_type: String,
    /// The subtype in lower case.
    pub subtype: String,
    /// `Content-Transfer-Encoding`.
    pub encoding: Option<Vec<u8>>,
    /// The label of the charset.
    pub charset: Option<Vec<u8>>,
}

impl Parts {
    /// Reads a message. Beyond the limits of depth and number parts are not told apart.
    pub fn scan(header: &[u8], body: &[u8]) -> Parts {
        let mut scanner = Scanner::new(ScanLimits::from(&Limits::default()));
        scanner.feed(SIGN_OF_MIME);
        scanner.feed(header);
        let line_breaks: &[u8] =
            if header.is_empty() || header.ends_with(b"\n") { b"\r\n" } else { b"\r\n\r\n" };
        scanner.feed(line_breaks);
        scanner.feed(body);
        let digest = scanner.finish();
        let mut parts = Parts(Vec::new());
        let places = Places {
            body_start: (SIGN_OF_MIME.len() + header.len() + line_breaks.len()) as u64,
            body_bytes: body.len(),
        };
        if let Ok(root) = digest.view().structure() {
            parts.add(&root, None, &places);
        }
        parts
    }

    fn add(&mut self, scanned: &ScannedPart<'_>, parent: Option<usize>, places: &Places) {
        let index = self.0.len();
        self.0.push(Part::new(scanned, parent, places));
        for child in &scanned.children {
            self.add(child, Some(index), places);
        }
        self.0[index].end = self.0.len();
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// One of them.
    pub fn get(&self, index: usize) -> Option<&Part> {
        self.0.get(index)
    }

    /// A part and all it contains.
    pub fn within(&self, index: usize) -> Range<usize> {
        self.get(index).map_or(0..0, |part| index..part.end)
    }

    /// What a multipart says before its first part and behind its last, without the boundaries (RFC 2046 section 5.1.1).
    pub fn around(&self, index: usize, body: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
        let part = self.get(index)?;
        let children = || self.0[index + 1..part.end].iter().filter(|child| child.parent == Some(index));
        let (Some(first), Some(last)) = (children().next(), children().next_back()) else {
            return Some((part.body.clone(), part.body.end..part.body.end));
        };
        let before = &body[part.body.start..first.header.start];
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        let prologue = without_line_break(&before[..last_line_start(before)]).len();
        let behind = &body[last.body.end..part.body.end];
        let line_break = behind.len() - without_leading_break(behind).len();
        let boundary = behind[line_break..].iter().position(|byte| *byte == b'\n');
        let epilogue = boundary.map_or(behind.len(), |end| line_break + end + 1);
        Some((part.body.start..part.body.start + prologue, last.body.end + epilogue..part.body.end))
    }
}

/// Where the body lies among the octets that were scanned.
struct Places {
    body_start: u64,
    body_bytes: usize,
}

impl Places {
    fn range(&self, range: Range<u64>) -> Range<usize> {
        let place = |offset: u64| (offset.saturating_sub(self.body_start) as usize).min(self.body_bytes);
        place(range.start)..place(range.end)
    }
}

impl Part {
    fn new(scanned: &ScannedPart<'_>, parent: Option<usize>, places: &Places) -> Part {
        let word = |word: &[u8]| String::from_utf8_lossy(word).to_ascii_lowercase();
        let (media_type, subtype) = match (scanned.media_type, scanned.kind) {
            (Some(media_type), _) => (word(media_type), word(scanned.subtype.unwrap_or_default())),
            (None, PartKind::Message) => ("message".to_owned(), "rfc822".to_owned()),
            (None, _) => ("text".to_owned(), "plain".to_owned()),
        };
        Part {
            kind: scanned.kind,
            parent,
            end: 0,
            header: places.range(scanned.header_range()),
            body: places.range(scanned.body_range()),
            media_type,
            subtype,
            encoding: scanned.encoding.map(|encoding| encoding.trim_ascii().to_vec()),
            charset: scanned.parameter(b"charset").map(<[u8]>::to_vec),
        }
    }

    /// Whether it is text, of whatever kind.
    pub fn is_text(&self) -> bool {
        self.kind == PartKind::Leaf && (self.media_type == "text" || self.is_html())
    }

    /// Whether its text stands between tags.
    pub fn is_html(&self) -> bool {
        let is = |media_type: &str, subtype: &str| self.media_type == media_type && self.subtype == subtype;
        is("text", "html") || is("application", "xhtml+xml")
    }

    /// Whether `wanted`, an argument of `:content`, means it (RFC 5173 section 5.2).
    pub fn is_of(&self, wanted: &str) -> bool {
        let is_type = |name: &str| self.media_type.eq_ignore_ascii_case(name);
        match wanted.split_once('/') {
            None => wanted.is_empty() || is_type(wanted),
            Some((media_type, subtype)) => {
                !media_type.is_empty()
                    && !subtype.is_empty()
                    && !subtype.contains('/')
                    && is_type(media_type)
                    && self.subtype.eq_ignore_ascii_case(subtype)
            }
        }
    }
}

fn last_line_start(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte == b'\n').map_or(0, |line_feed| line_feed + 1)
}

fn without_line_break(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

fn without_leading_break(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"\r").unwrap_or(text);
    text.strip_prefix(b"\n").unwrap_or(text)
}
