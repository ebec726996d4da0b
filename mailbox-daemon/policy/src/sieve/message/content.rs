//! What is in the parts: octets where they lie, text decoded once.

use super::parts::{Part, Parts};
use super::{Header, Message};
use crate::sieve::plan::Body;
use crate::sieve::work::{Spent, Work};
use proto::mime::decode::{TransferDecoder, charset_to_text, charset_to_utf8};
use proto::mime::{PartKind, html};
use std::borrow::Cow;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Decoded text that is looked at of one part; what lies beyond does not count.
const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Decoded text kept at a time, so that the next test need not decode it again.
const KEPT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Encoded octets decoded at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// Octets passed over in one step when nothing but boundaries is looked for.
const SCANNED_BYTES_A_STEP: usize = 16;

/// Turning to a part, whatever its size.
const PART_STEPS: usize = 32;

/// Octets of a message, or what they decode to.
#[derive(Clone, Debug)]
pub enum Octets<'a> {
    /// Where they lie.
    Borrowed(&'a [u8]),
    /// Written anew or decoded.
    Shared(Arc<[u8]>, Range<usize>),
}

impl Deref for Octets<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Octets::Borrowed(octets) => octets,
            Octets::Shared(octets, range) => &octets[range.clone()],
        }
    }
}

impl<'a> Octets<'a> {
    fn shared(octets: Vec<u8>) -> Octets<'a> {
        let range = 0..octets.len();
        Octets::Shared(octets.into(), range)
    }

    fn part(&self, range: Range<usize>) -> Octets<'a> {
        match self {
            Octets::Borrowed(octets) => Octets::Borrowed(&octets[range]),
            Octets::Shared(octets, whole) => {
                Octets::Shared(octets.clone(), whole.start + range.start..whole.start + range.end)
            }
        }
    }
}

/// How a part is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Decoded, text as UTF-8.
    Content,
    /// The same without markup.
    Text,
}

/// Text that was decoded lately.
#[derive(Clone, Debug, Default)]
pub struct Decoded(Vec<(usize, Form, Arc<[u8]>)>);

impl Decoded {
    fn get(&self, index: usize, form: Form) -> Option<Arc<[u8]>> {
        self.0
            .iter()
            .find(|(kept, kept_form, _)| (*kept, *kept_form) == (index, form))
            .map(|(_, _, text)| text.clone())
    }

    fn keep(&mut self, index: usize, form: Form, text: &Arc<[u8]>) {
        let bytes: usize = self.0.iter().map(|(_, _, text)| text.len()).sum();
        if bytes + text.len() > KEPT_BYTES_MAX {
            self.0.clear();
        }
        self.0.push((index, form, text.clone()));
    }
}

impl<'a> Message<'a> {
    /// The body as it is now, undecoded (`body :raw`, RFC 5173 section 5.1).
    pub fn body(&self) -> Octets<'a> {
        match &self.body {
            Body::Unchanged => Octets::Borrowed(self.original_body),
            Body::Changed(body) => Octets::Shared(body.clone(), 0..body.len()),
        }
    }

    /// The MIME parts as they are now, found when first asked for.
    pub fn parts(&mut self, work: &mut Work) -> Result<Arc<Parts>, Spent> {
        if let Some(parts) = &self.parts {
            return Ok(parts.clone());
        }
        let body = self.body();
        work.spend(body.len() / SCANNED_BYTES_A_STEP)?;
        // What the fields of MIME said when the body was written counts, whatever became of them since (RFC 5293 section 7).
        let parts = Arc::new(Parts::scan(&self.structure_header, &body));
        self.parts = Some(parts.clone());
        Ok(parts)
    }

    /// The header of a part.
    pub fn header_of(&mut self, index: usize, work: &mut Work) -> Result<Cow<'_, Header<'a>>, Spent> {
        if index == 0 {
            return Ok(Cow::Borrowed(&self.header));
        }
        let parts = self.parts(work)?;
        let range = parts.get(index).map_or(0..0, |part| part.header.clone());
        work.spend(range.len() + PART_STEPS)?;
        Ok(Cow::Owned(match self.body().part(range) {
            Octets::Borrowed(header) => Header::new(header),
            Octets::Shared(header, range) => Header::copy(&header[range]),
        }))
    }

    /// What `body :content` searches of a part: the text around the parts of a multipart, the header of a message inside, everything of others
    /// (RFC 5173 section 5.2). A part that cannot be decoded has nothing.
    pub fn searched(&mut self, index: usize, work: &mut Work) -> Result<Vec<Octets<'a>>, Spent> {
        work.spend(PART_STEPS)?;
        let parts = self.parts(work)?;
        let Some(part) = parts.get(index) else { return Ok(Vec::new()) };
        let body = self.body();
        Ok(match part.kind {
            PartKind::Multipart => {
                let around = parts.around(index, &body);
                around
                    .into_iter()
                    .flat_map(|(before, behind)| [body.part(before), body.part(behind)])
                    .collect()
            }
            PartKind::Message => {
                let header =
                    parts.get(index + 1).filter(|_| part.end > index + 1).map(|inside| inside.header.clone());
                header.into_iter().map(|header| without_empty_line(&body.part(header))).collect()
            }
            PartKind::Leaf | PartKind::Opaque => {
                self.decoded(index, part, Form::Content, work)?.into_iter().collect()
            }
        })
    }

    /// The text of a part as people read it; `None` if it has none (`body :text`, RFC 5173 section 5.3).
    pub fn text_of(&mut self, index: usize, work: &mut Work) -> Result<Option<Octets<'a>>, Spent> {
        let parts = self.parts(work)?;
        match parts.get(index).filter(|part| part.is_text()) {
            Some(part) => self.decoded(index, part, Form::Text, work),
            None => Ok(None),
        }
    }

    /// The text of a part, exact or not at all: what cannot be decoded without doubt is empty (`extracttext`, RFC 5703 section 7).
    pub fn extracted(&mut self, index: usize, work: &mut Work) -> Result<String, Spent> {
        let parts = self.parts(work)?;
        let Some(part) = parts.get(index).filter(|part| part.is_text()) else { return Ok(String::new()) };
        let Some(mut octets) = self.transferred(index, part, work)? else { return Ok(String::new()) };
        if octets.len() >= TEXT_BYTES_MAX {
            // The cut may have torn a character.
            let end =
                octets[..TEXT_BYTES_MAX].iter().rposition(|byte| *byte == b'\n').unwrap_or(TEXT_BYTES_MAX);
            octets = octets.part(0..end);
        }
        work.spend(octets.len())?;
        let text = charset_to_text(part.charset.as_deref(), &octets).unwrap_or_default();
        Ok(if part.is_html() { html::text(&text) } else { text })
    }

    fn decoded(
        &mut self,
        index: usize,
        part: &Part,
        form: Form,
        work: &mut Work,
    ) -> Result<Option<Octets<'a>>, Spent> {
        if let Some(text) = self.decoded.get(index, form) {
            let range = 0..text.len();
            return Ok(Some(Octets::Shared(text, range)));
        }
        let Some(octets) = self.transferred(index, part, work)? else { return Ok(None) };
        let octets = match part.is_text() {
            true => as_utf8(octets, part, form, work)?,
            false => octets,
        };
        if let Octets::Shared(text, range) = &octets
            && range.len() == text.len()
            && matches!(self.body, Body::Unchanged)
        {
            self.decoded.keep(index, form, text);
        }
        Ok(Some(octets))
    }

    /// A part's body without its transfer encoding; `None` if that is not known.
    fn transferred(
        &mut self,
        index: usize,
        part: &Part,
        work: &mut Work,
    ) -> Result<Option<Octets<'a>>, Spent> {
        let encoding = part.encoding.as_deref();
        let is_broken = encoding.is_none() && self.header_of(index, work)?.has("Content-Transfer-Encoding");
        if is_broken || !TransferDecoder::is_known(encoding) {
            return Ok(None);
        }
        let raw = self.body().part(part.body.clone());
        let mut decoder = TransferDecoder::of_name(encoding);
        if matches!(decoder, TransferDecoder::Identity) {
            return Ok(Some(raw));
        }
        let mut octets = Vec::new();
        for chunk in raw.chunks(CHUNK_BYTES) {
            work.spend(chunk.len())?;
            decoder.feed(chunk, &mut octets);
            if octets.len() >= TEXT_BYTES_MAX {
                break;
            }
        }
        decoder.finish(&mut octets);
        octets.truncate(TEXT_BYTES_MAX);
        Ok(Some(Octets::shared(octets)))
    }
}

/// Text in UTF-8, without markup where that is asked for. What is right as it is stays where it lies.
fn as_utf8<'a>(octets: Octets<'a>, part: &Part, form: Form, work: &mut Work) -> Result<Octets<'a>, Spent> {
    let label = part.charset.as_deref().unwrap_or_default();
    let is_unicode = [&b""[..], b"us-ascii", b"utf-8"].iter().any(|known| known.eq_ignore_ascii_case(label));
    work.spend(octets.len() / SCANNED_BYTES_A_STEP)?;
    let octets = match is_unicode && str::from_utf8(&octets).is_ok() {
        true => octets,
        false => {
            let octets = &octets[..octets.len().min(TEXT_BYTES_MAX)];
            work.spend(octets.len())?;
            let mut text = Vec::new();
            charset_to_utf8(label, octets, &mut text);
            Octets::shared(text)
        }
    };
    if form == Form::Content || !part.is_html() {
        return Ok(octets);
    }
    let markup = &octets[..octets.len().min(TEXT_BYTES_MAX)];
    work.spend(markup.len())?;
    Ok(Octets::shared(html::text(&String::from_utf8_lossy(markup)).into_bytes()))
}

/// A header as a single string, its last line break left in.
fn without_empty_line<'a>(header: &Octets<'a>) -> Octets<'a> {
    let end =
        [&b"\n\r\n"[..], b"\n\n"].iter().find(|end| header.ends_with(end)).map_or(0, |end| end.len() - 1);
    let is_nothing = [&b"\r\n"[..], b"\n"].contains(&&header[..]);
    header.part(0..if is_nothing { 0 } else { header.len() - end })
}
