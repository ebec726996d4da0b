use super::digest::{DigestError, Reader};
use std::ops::Range;

/// How a part's body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// One body that is not looked into.
    Leaf,
    /// A `message/rfc822` part: its single child is the message inside.
    Message,
    /// A `multipart/*` part with its children.
    Multipart,
    /// Beyond the limits, or a multipart of no kind: shown as `application/octet-stream`.
    Opaque,
}

impl PartKind {
    pub(super) fn code(self) -> u8 {
        match self {
            PartKind::Leaf => 0,
            PartKind::Message => 1,
            PartKind::Multipart => 2,
            PartKind::Opaque => 3,
        }
    }

    fn of_code(code: u8) -> Option<PartKind> {
        [PartKind::Leaf, PartKind::Message, PartKind::Multipart, PartKind::Opaque].get(code as usize).copied()
    }
}

/// A parameter of `Content-Type` or `Content-Disposition`, RFC 2231 continuations already joined, charset marks kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// As written.
    pub name: &'a [u8],
    /// Without quotes.
    pub value: &'a [u8],
}

/// `Content-Disposition` (RFC 2183).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition<'a> {
    /// `inline`, `attachment`, ..., as written.
    pub name: &'a [u8],
    /// `filename` and the like.
    pub parameters: Vec<Parameter<'a>>,
}

/// One MIME part, borrowed from a digest. The root part is the message itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// How the body is read.
    pub kind: PartKind,
    /// Wire offset of the part's first header octet.
    pub header_start: u64,
    /// Wire offset behind the empty line that ends the header.
    pub body_start: u64,
    /// Wire offset behind the body; the line break before a boundary belongs to the boundary (RFC 2046 section 5.1.1).
    pub body_end: u64,
    /// Line breaks within the body.
    pub body_lines: u64,
    /// The main type as written; `None` without `Content-Type`.
    pub media_type: Option<&'a [u8]>,
    /// The subtype as written.
    pub subtype: Option<&'a [u8]>,
    /// `Content-Type` parameters.
    pub parameters: Vec<Parameter<'a>>,
    /// `Content-ID`.
    pub id: Option<&'a [u8]>,
    /// `Content-Description`, not decoded.
    pub description: Option<&'a [u8]>,
    /// `Content-Transfer-Encoding` as written.
    pub encoding: Option<&'a [u8]>,
    /// `Content-MD5`.
    pub md5: Option<&'a [u8]>,
    /// `Content-Disposition`.
    pub disposition: Option<Disposition<'a>>,
    /// `Content-Language` tags.
    pub languages: Vec<&'a [u8]>,
    /// `Content-Location`.
    pub location: Option<&'a [u8]>,
    /// The ENVELOPE of a message inside a `message/rfc822` part, as IMAP bytes with parentheses.
    pub envelope: Option<&'a [u8]>,
    /// Parts of a multipart, or the one message inside a `message/rfc822`.
    pub children: Vec<Part<'a>>,
}

/// What of a section is asked for (`section-text` of RFC 9051 section 6.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// `BODY[1.2]`: the part's body; `BODY[]`: the whole message.
    Whole,
    /// `HEADER` and its FIELDS forms: the header of the message or of the `message/rfc822` inside the part.
    Header,
    /// `TEXT`: that message's body.
    Text,
    /// `MIME`: the part's own header.
    Mime,
}

/// What a part's header says, one tagged string after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    MediaType = 1,
    Subtype,
    ParameterName,
    ParameterValue,
    Id,
    Description,
    Encoding,
    Md5,
    Disposition,
    DispositionName,
    DispositionValue,
    Language,
    Location,
    Envelope,
}

impl Tag {
    const ALL: [Tag; 14] = [
        Tag::MediaType,
        Tag::Subtype,
        Tag::ParameterName,
        Tag::ParameterValue,
        Tag::Id,
        Tag::Description,
        Tag::Encoding,
        Tag::Md5,
        Tag::Disposition,
        Tag::DispositionName,
        Tag::DispositionValue,
        Tag::Language,
        Tag::Location,
        Tag::Envelope,
    ];

    fn of_code(code: u8) -> Option<Tag> {
        Tag::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

/// Deepest nesting a stored tree may have; a scan stops earlier.
pub(super) const DEPTH_MAX: usize = 250;

impl<'a> Part<'a> {
    /// The part whose body `BODY[numbers]` names: `[]` is the message itself, `[1]` of a part that is no multipart its only
    /// body, and numbers behind a `message/rfc822` part count the parts of the message inside (RFC 9051 section 6.4.5).
    pub fn find(&self, numbers: &[u32]) -> Option<&Part<'a>> {
        let mut part = self;
        // The body of a message that is no multipart is its part 1; other parts have no parts.
        let mut is_message = true;
        for (index, &number) in numbers.iter().enumerate() {
            if index > 0 && part.kind == PartKind::Message {
                part = part.children.first()?;
                is_message = true;
            }
            part = match part.kind {
                PartKind::Multipart => part.children.get((number as usize).checked_sub(1)?)?,
                _ if number == 1 && is_message => part,
                _ => return None,
            };
            is_message = false;
        }
        Some(part)
    }

    /// The wire octets a section specification names; `None` when there is no such section.
    pub fn section(&self, numbers: &[u32], text: SectionText) -> Option<Range<u64>> {
        let part = self.find(numbers)?;
        match text {
            SectionText::Whole if numbers.is_empty() => Some(part.header_start..part.body_end),
            SectionText::Whole => Some(part.body_range()),
            SectionText::Mime => (!numbers.is_empty()).then(|| part.header_range()),
            SectionText::Header | SectionText::Text => {
                let message = match numbers.is_empty() {
                    true => part,
                    false => part.children.first().filter(|_| part.kind == PartKind::Message)?,
                };
                Some(if text == SectionText::Header { message.header_range() } else { message.body_range() })
            }
        }
    }

    /// The header with the empty line that ends it.
    pub fn header_range(&self) -> Range<u64> {
        self.header_start..self.body_start
    }

    /// The body as it stands in the message, still encoded.
    pub fn body_range(&self) -> Range<u64> {
        self.body_start..self.body_end
    }

    /// Whether the part is `text/*`, which is also the default.
    pub fn is_text(&self) -> bool {
        self.kind == PartKind::Leaf && self.media_type.is_none_or(|name| name.eq_ignore_ascii_case(b"text"))
    }

    /// The value of a `Content-Type` parameter.
    pub fn parameter(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.parameters.iter().find(|p| p.name.eq_ignore_ascii_case(name)).map(|p| p.value)
    }

    pub(super) fn parse(bytes: &'a [u8]) -> Result<Part<'a>, DigestError> {
        let mut reader = Reader::new(bytes);
        let mut open: Vec<Part<'a>> = Vec::new();
        let mut header_start = 0u64;
        while !reader.is_empty() {
            let (depth, part) = Part::read(&mut reader, &mut header_start)?;
            if depth > open.len() || (depth == 0) != open.is_empty() {
                return Err(DigestError::Damaged);
            }
            close_to(&mut open, depth);
            open.push(part);
        }
        close_to(&mut open, 1);
        open.pop().ok_or(DigestError::Damaged)
    }

    fn read(reader: &mut Reader<'a>, header_start: &mut u64) -> Result<(usize, Part<'a>), DigestError> {
        let add = |a: u64, b: u64| a.checked_add(b).ok_or(DigestError::Damaged);
        let kind = PartKind::of_code(reader.byte()?).ok_or(DigestError::Damaged)?;
        let depth = usize::from(reader.byte()?);
        *header_start = add(*header_start, reader.varint()?)?;
        let body_start = add(*header_start, reader.varint()?)?;
        let body_end = add(body_start, reader.varint()?)?;
        let body_lines = reader.varint()?;
        if depth > DEPTH_MAX {
            return Err(DigestError::Damaged);
        }
        let mut part =
            Part { header_start: *header_start, body_start, body_end, body_lines, ..Part::empty(kind) };
        part.read_fields(Reader::new(reader.slice()?))?;
        Ok((depth, part))
    }

    pub(super) fn empty(kind: PartKind) -> Part<'a> {
        Part {
            kind,
            header_start: 0,
            body_start: 0,
            body_end: 0,
            body_lines: 0,
            media_type: None,
            subtype: None,
            parameters: Vec::new(),
            id: None,
            description: None,
            encoding: None,
            md5: None,
            disposition: None,
            languages: Vec::new(),
            location: None,
            envelope: None,
            children: Vec::new(),
        }
    }

    fn read_fields(&mut self, mut reader: Reader<'a>) -> Result<(), DigestError> {
        let mut name: &[u8] = b"";
        while !reader.is_empty() {
            let tag = Tag::of_code(reader.byte()?).ok_or(DigestError::Damaged)?;
            let text = reader.slice()?;
            match tag {
                Tag::MediaType => self.media_type = Some(text),
                Tag::Subtype => self.subtype = Some(text),
                Tag::ParameterName | Tag::DispositionName => name = text,
                Tag::ParameterValue => self.parameters.push(Parameter { name, value: text }),
                Tag::Id => self.id = Some(text),
                Tag::Description => self.description = Some(text),
                Tag::Encoding => self.encoding = Some(text),
                Tag::Md5 => self.md5 = Some(text),
                Tag::Disposition => {
                    self.disposition = Some(Disposition { name: text, parameters: Vec::new() });
                }
                Tag::DispositionValue => {
                    let disposition = self.disposition.as_mut().ok_or(DigestError::Damaged)?;
                    disposition.parameters.push(Parameter { name, value: text });
                }
                Tag::Language => self.languages.push(text),
                Tag::Location => self.location = Some(text),
                Tag::Envelope => self.envelope = Some(text),
            }
        }
        Ok(())
    }
}

/// Hands finished parts to their parents until `depth` parts are open.
fn close_to(open: &mut Vec<Part<'_>>, depth: usize) {
    while open.len() > depth {
        let Some(part) = open.pop() else { return };
        match open.last_mut() {
            Some(parent) => parent.children.push(part),
            None => return open.push(part),
        }
    }
}
