//! Which octets of a message a section names, and what is done with them on their way.

use super::source::{Filter, Measure, Reader, Source, measure};
use super::{Losses, digest};
use proto::imap::command::{Partial, Section, SectionText};
use proto::mime::decode::TransferDecoder;
use proto::mime::header::FieldFilter;
use proto::mime::{self, DigestView, Part};
use std::ops::Range;
use std::sync::Arc;
use store::{Mailbox, StoreError};
use types::{Limits, Uid};

/// The octets of a section.
#[derive(Default)]
pub(super) struct Octets {
    range: Range<u64>,
    filter: Filter,
    pub(super) measure: Measure,
}

impl Octets {
    /// A slice of them.
    pub(super) fn source(self, partial: Option<Partial>) -> Source {
        Source::new(self.range, self.filter, self.measure, partial)
    }
}

/// `BODY[section]`; `None` when there is no such section.
pub(super) fn body(
    reader: &mut Reader,
    root: Option<&Part<'_>>,
    section: &Section,
    scratch: &mut Vec<u8>,
) -> Result<Option<Octets>, StoreError> {
    let Some(range) = range_of(reader, root, section) else { return Ok(None) };
    let Some(filter) = fields(section) else {
        let measure = Measure { bytes: range.end - range.start, has_nul: false };
        return Ok(Some(Octets { range, filter: Filter::Plain, measure }));
    };
    // What cannot stand in a plain literal is replaced by something of the same length.
    let measure = Measure { has_nul: false, ..measure(reader, range.clone(), filter.clone(), scratch)? };
    Ok(Some(Octets { range, filter, measure }))
}

/// `BINARY[section]`: a part's body without its transfer encoding (RFC 3516 section 4); of anything else the octets themselves.
pub(super) fn binary(
    reader: &mut Reader,
    root: Option<&Part<'_>>,
    section: &Section,
    scratch: &mut Vec<u8>,
    losses: &mut Losses,
) -> Result<Option<Octets>, StoreError> {
    let Some(range) = range_of(reader, root, section) else { return Ok(None) };
    let is_body = section.text == SectionText::Whole && !section.part.is_empty();
    let part = root.filter(|_| is_body).and_then(|root| root.find(&section.part));
    let filter = match (part, fields(section)) {
        (_, Some(filter)) => filter,
        (None, None) => Filter::Plain,
        (Some(part), None) => {
            let encoding = part.encoding.map(<[u8]>::trim_ascii);
            if !TransferDecoder::is_known(encoding) {
                losses.unknown_encoding = true;
                return Ok(None);
            }
            Filter::Decoded(TransferDecoder::of_name(encoding))
        }
    };
    let measure = measure(reader, range.clone(), filter.clone(), scratch)?;
    Ok(Some(Octets { range, filter, measure }))
}

fn fields(section: &Section) -> Option<Filter> {
    let SectionText::HeaderFields { names, not } = &section.text else { return None };
    let names: Vec<_> = names.iter().map(|name| name.clone().into_bytes()).collect();
    Some(Filter::Fields(FieldFilter::new(names, *not)))
}

fn range_of(reader: &Reader, root: Option<&Part<'_>>, section: &Section) -> Option<Range<u64>> {
    let text = match section.text {
        SectionText::Whole if section.part.is_empty() => return Some(0..reader.bytes()),
        SectionText::Whole => mime::SectionText::Whole,
        SectionText::Header | SectionText::HeaderFields { .. } => mime::SectionText::Header,
        SectionText::Mime => mime::SectionText::Mime,
        SectionText::Text => mime::SectionText::Text,
    };
    root?.section(&section.part, text)
}

/// A section's octets on their way to somewhere else than a client.
pub(in crate::imap) struct SectionOctets {
    reader: Reader,
    source: Source,
}

impl SectionOctets {
    /// What `BODY[section]<partial>` of a message would give; `None` when it has no such section.
    pub(in crate::imap) fn open(
        mailbox: &Arc<Mailbox>,
        uid: Uid,
        section: &Section,
        partial: Option<Partial>,
        limits: &Limits,
    ) -> Result<Option<SectionOctets>, StoreError> {
        let digest = digest::of_message(mailbox, uid, limits)?;
        let root = DigestView::parse(&digest).ok().and_then(|view| view.structure().ok());
        let mut reader = Reader::new(mailbox.open_message(uid)?, Vec::new());
        let octets = body(&mut reader, root.as_ref(), section, &mut Vec::new())?;
        Ok(octets.map(|octets| SectionOctets { reader, source: octets.source(partial) }))
    }

    /// How many there are.
    pub(in crate::imap) fn bytes(&self) -> u64 {
        self.source.bytes()
    }

    /// Appends more of them until `out` holds `full` octets; whether all are written.
    pub(in crate::imap) fn fill(&mut self, out: &mut Vec<u8>, full: usize) -> Result<bool, StoreError> {
        self.source.fill(&mut self.reader, out, full)
    }
}
