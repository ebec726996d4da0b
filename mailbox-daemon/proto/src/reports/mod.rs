//! Reports that mail servers send one another about mail: DMARC aggregate reports (RFC 7489) and reports about TLS (RFC 8460).
//!
//! Reading is made for hostile mail: every part of it is bounded in octets, depth and number, and what is bounded away is
//! counted or passed over, never kept.

pub mod dmarc;
mod letter;
mod record;
#[cfg(test)]
mod tests;
mod time;
pub mod tls;
mod unpack;
mod xml;

pub use letter::LetterHead;
pub use record::{ReportUri, tlsrpt_destinations};
pub use time::{date_name, month_of, rfc3339};
pub use unpack::{UNPACKED_BYTES_MAX, UnpackError, unpack};
pub use xml::{Event, Xml, XmlError};

use crate::mime::decode::TransferDecoder;
use crate::mime::{DigestView, Part, PartKind, ScanLimits, Scanner};
use dmarc::{DmarcParser, DmarcReport};
use tls::TlsReport;

/// A message with a report in it is no larger: packed, the reports of a month would fit.
pub const MESSAGE_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Attachments tried.
const ATTACHMENTS_MAX: usize = 4;
/// Reports about TLS are held as text while they are read, in so many octets.
const JSON_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A report as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// About mail that claims to come from a domain.
    Dmarc(DmarcReport),
    /// About connections to its servers.
    Tls(TlsReport),
}

/// The report a message carries, as an attachment or as its body; `None` where there is none to be read.
pub fn read(message: &[u8], limits: ScanLimits) -> Option<Incoming> {
    if message.len() > MESSAGE_BYTES_MAX {
        return None;
    }
    let mut scanner = Scanner::new(limits);
    scanner.feed(message);
    let digest = scanner.finish();
    let root = DigestView::parse(digest.as_bytes()).and_then(|view| view.structure()).ok()?;
    let mut attachments = Vec::new();
    collect(&root, &mut attachments);
    attachments.into_iter().find_map(|part| read_attachment(&body(part, message)?))
}

/// Reads what an attachment holds, packed or not.
pub fn read_attachment(packed: &[u8]) -> Option<Incoming> {
    let mut content = Content::Unknown;
    unpack(packed, &mut |bytes| content.take(bytes)).ok()?;
    match content {
        Content::Unknown => None,
        Content::Xml(parser) => parser.finish().map(Incoming::Dmarc),
        Content::Json(text) => tls::parse(&text).map(Incoming::Tls),
    }
}

/// What comes out of an attachment.
enum Content {
    Unknown,
    Xml(Box<DmarcParser>),
    Json(Vec<u8>),
}

impl Content {
    fn take(&mut self, bytes: &[u8]) -> bool {
        match self {
            Content::Unknown => {
                let is_blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf);
                match bytes.iter().find(|byte| !is_blank(byte)) {
                    None => return true,
                    Some(b'<') => *self = Content::Xml(Box::default()),
                    Some(b'{') => *self = Content::Json(Vec::new()),
                    Some(_) => return false,
                }
                self.take(bytes)
            }
            Content::Xml(parser) => parser.feed(bytes).is_ok(),
            Content::Json(text) => {
                text.extend_from_slice(bytes);
                text.len() <= JSON_BYTES_MAX
            }
        }
    }
}

/// The parts that may hold a report, by what they are called: nobody's holiday pictures are unpacked.
fn collect<'p, 'a>(part: &'p Part<'a>, found: &mut Vec<&'p Part<'a>>) {
    if part.kind == PartKind::Leaf && is_promising(part) && found.len() < ATTACHMENTS_MAX {
        found.push(part);
    }
    for child in &part.children {
        collect(child, found);
    }
}

fn is_promising(part: &Part<'_>) -> bool {
    const SUBTYPES: [&[u8]; 11] = [
        b"gzip",
        b"x-gzip",
        b"zip",
        b"x-zip",
        b"x-zip-compressed",
        b"zip-compressed",
        b"xml",
        b"json",
        b"tlsrpt+json",
        b"tlsrpt+gzip",
        b"octet-stream",
    ];
    const ENDINGS: [&[u8]; 4] = [b".gz", b".zip", b".xml", b".json"];
    let has_ending = |name: &[u8]| {
        let name = name.to_ascii_lowercase();
        ENDINGS.iter().any(|ending| name.ends_with(ending))
    };
    let file_names = part.disposition.iter().flat_map(|disposition| &disposition.parameters);
    part.subtype.is_some_and(|subtype| SUBTYPES.iter().any(|known| known.eq_ignore_ascii_case(subtype)))
        || file_names.chain(&part.parameters).any(|parameter| has_ending(parameter.value))
}

/// The body of a part without its transfer encoding.
fn body(part: &Part<'_>, message: &[u8]) -> Option<Vec<u8>> {
    let range = part.body_range();
    let encoded = message.get(range.start as usize..range.end as usize)?;
    let mut decoder = TransferDecoder::of_name(part.encoding);
    let mut out = Vec::new();
    decoder.feed(encoded, &mut out);
    decoder.finish(&mut out);
    Some(out)
}
