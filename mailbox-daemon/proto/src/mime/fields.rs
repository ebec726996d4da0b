//! Which fields of a header are kept while a message is scanned, and what becomes of them.

use super::lexer::Lexer;
use super::structure::Tag;
use super::{digest, parameter};

/// A field the digest is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Date = 0,
    Subject,
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Bcc,
    InReplyTo,
    MessageId,
    ListId,
    References,
    MimeVersion,
    ContentType,
    ContentId,
    ContentDescription,
    ContentEncoding,
    ContentMd5,
    ContentDisposition,
    ContentLanguage,
    ContentLocation,
}

/// Fields of the message itself, kept raw until its header is complete.
const MESSAGE_FIELDS: usize = Field::References as usize + 1;

const NAMES: [(&str, Field); 21] = [
    ("date", Field::Date),
    ("subject", Field::Subject),
    ("from", Field::From),
    ("sender", Field::Sender),
    ("reply-to", Field::ReplyTo),
    ("to", Field::To),
    ("cc", Field::Cc),
    ("bcc", Field::Bcc),
    ("in-reply-to", Field::InReplyTo),
    ("message-id", Field::MessageId),
    ("list-id", Field::ListId),
    ("references", Field::References),
    ("mime-version", Field::MimeVersion),
    ("content-type", Field::ContentType),
    ("content-id", Field::ContentId),
    ("content-description", Field::ContentDescription),
    ("content-transfer-encoding", Field::ContentEncoding),
    ("content-md5", Field::ContentMd5),
    ("content-disposition", Field::ContentDisposition),
    ("content-language", Field::ContentLanguage),
    ("content-location", Field::ContentLocation),
];

impl Field {
    pub(super) fn of_name(name: &[u8]) -> Option<Field> {
        // Most fields of a header are none of these; their length alone says so.
        if !(2..=25).contains(&name.len()) {
            return None;
        }
        NAMES.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|&(_, field)| field)
    }

    pub(super) fn is_of_message(self) -> bool {
        (self as usize) < MESSAGE_FIELDS
    }
}

/// The raw values of one message's own fields.
#[derive(Default)]
pub(super) struct MessageFields {
    bytes: Vec<u8>,
    values: [Option<(usize, usize)>; MESSAGE_FIELDS],
}

impl MessageFields {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.values = [None; MESSAGE_FIELDS];
    }

    /// Keeps `value`. Of a field that may stand once only the last counts; `Subject` and the like of searches too.
    pub(super) fn keep(&mut self, field: Field, value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.values[field as usize] = Some((start, self.bytes.len()));
    }

    pub(super) fn value(&self, field: Field) -> Option<&[u8]> {
        self.values[field as usize].map(|(start, end)| &self.bytes[start..end])
    }
}

/// What the `Content-*` fields of one part say, written as tagged strings while the header is read.
#[derive(Default)]
pub(super) struct Content {
    seen: [bool; NAMES.len()],
    pub(super) mime: bool,
    pub(super) has_type: bool,
    pub(super) kind: Kind,
    pub(super) digest: bool,
    pub(super) boundary: Option<Vec<u8>>,
}

/// What `Content-Type` says about looking into the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Leaf,
    Message,
    Multipart,
}

/// Longest boundary told apart: RFC 2046 section 5.1.1 allows 70 octets.
pub(super) const BOUNDARY_BYTES_MAX: usize = 80;

impl Content {
    /// Takes in one field, appending what it says to `out`.
    pub(super) fn take(&mut self, field: Field, value: &[u8], out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.seen[field as usize], true) {
            return;
        }
        match field {
            Field::MimeVersion => self.mime = true,
            Field::ContentType => self.content_type(value, out),
            Field::ContentId => put(Tag::Id, value, out),
            Field::ContentDescription => put(Tag::Description, value, out),
            Field::ContentEncoding => content_encoding(value, out),
            Field::ContentMd5 => put(Tag::Md5, value, out),
            Field::ContentDisposition => content_disposition(value, out),
            Field::ContentLanguage => content_language(value, out),
            Field::ContentLocation => put(Tag::Location, value, out),
            _ => {}
        }
    }

    fn content_type(&mut self, value: &[u8], out: &mut Vec<u8>) {
        self.mime = true;
        self.has_type = true;
        let mut lexer = Lexer::new(value);
        let _ = lexer.skip_blanks();
        let (mut media_type, mut subtype) = (Vec::new(), Vec::new());
        let whole = type_and_subtype(&mut lexer, &mut media_type, &mut subtype);
        put(Tag::MediaType, &media_type, out);
        put(Tag::Subtype, &subtype, out);
        if media_type.eq_ignore_ascii_case(b"message") && subtype.eq_ignore_ascii_case(b"rfc822") {
            self.kind = Kind::Message;
        } else if media_type.eq_ignore_ascii_case(b"multipart") && whole.is_some_and(|slash| slash) {
            self.kind = Kind::Multipart;
            self.digest = subtype.eq_ignore_ascii_case(b"digest");
        }
        if whole.is_none() {
            return;
        }
        let parameters = parameter::parse(&mut lexer);
        if self.kind == Kind::Multipart {
            let boundary = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"boundary"));
            self.boundary = boundary.map(|(_, value)| value[..value.len().min(BOUNDARY_BYTES_MAX)].to_vec());
        }
        put_parameters((Tag::ParameterName, Tag::ParameterValue), &parameters, out);
    }
}

/// `None` when the parameters cannot be trusted.
fn type_and_subtype(lexer: &mut Lexer<'_>, media_type: &mut Vec<u8>, subtype: &mut Vec<u8>) -> Option<bool> {
    if !lexer.token(media_type).ok()? || lexer.peek() != Some(b'/') {
        return None;
    }
    lexer.bump();
    lexer.skip_blanks().ok().filter(|more| *more)?;
    lexer.token(subtype).ok()?;
    Some(true)
}

fn content_encoding(value: &[u8], out: &mut Vec<u8>) {
    let mut lexer = Lexer::new(value);
    let mut encoding = Vec::new();
    let _ = lexer.skip_blanks();
    if lexer.token(&mut encoding).is_ok() && lexer.skip_blanks() == Ok(false) && !encoding.is_empty() {
        put(Tag::Encoding, &encoding, out);
    }
}

fn content_disposition(value: &[u8], out: &mut Vec<u8>) {
    let mut lexer = Lexer::new(value);
    let mut disposition = Vec::new();
    let _ = lexer.skip_blanks();
    if lexer.token(&mut disposition).is_ok() {
        put(Tag::Disposition, &disposition, out);
        put_parameters((Tag::DispositionName, Tag::DispositionValue), &parameter::parse(&mut lexer), out);
    }
}

/// `1#Language-tag` of RFC 3282.
fn content_language(value: &[u8], out: &mut Vec<u8>) {
    let mut lexer = Lexer::new(value);
    let mut language = Vec::new();
    let _ = lexer.skip_blanks();
    while lexer.atom(&mut language).is_ok() {
        put(Tag::Language, &language, out);
        language.clear();
        if lexer.peek() != Some(b',') {
            break;
        }
        lexer.bump();
        let _ = lexer.skip_blanks();
    }
}

fn put_parameters(tags: (Tag, Tag), parameters: &[parameter::Parameter], out: &mut Vec<u8>) {
    for (name, value) in parameters {
        put(tags.0, name, out);
        put(tags.1, value, out);
    }
}

pub(super) fn put(tag: Tag, text: &[u8], out: &mut Vec<u8>) {
    out.push(tag as u8);
    digest::write_varint(text.len() as u64, out);
    out.extend_from_slice(text);
}
