//! Which fields of a header are kept while a message is scanned, and what becomes of them.

use super::address::{self, Entry};
use super::lexer::{Broken, Lexer};
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

/// The values of one message's own fields.
#[derive(Default)]
pub(super) struct MessageFields {
    texts: [Option<Vec<u8>>; MESSAGE_FIELDS],
    addresses: [Vec<Entry>; MESSAGE_FIELDS],
}

impl MessageFields {
    /// Keeps `value`. Addresses of several fields of a name are joined, of other fields the last counts.
    pub(super) fn keep(&mut self, field: Field, value: &[u8]) {
        match field {
            Field::From | Field::Sender | Field::ReplyTo | Field::To | Field::Cc | Field::Bcc => {
                self.addresses[field as usize].append(&mut address::parse(value));
            }
            _ => self.texts[field as usize] = Some(value.to_vec()),
        }
    }

    pub(super) fn text(&self, field: Field) -> Option<&[u8]> {
        self.texts[field as usize].as_deref()
    }

    pub(super) fn addresses(&self, field: Field) -> &[Entry] {
        &self.addresses[field as usize]
    }
}

/// What the `Content-*` fields of one part say, written as tagged strings while the header is read.
#[derive(Default)]
pub(super) struct Content {
    /// Fields that have said what they can; later ones of the name do not count.
    settled: [bool; NAMES.len()],
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
    /// `multipart` of no kind: nothing can be made of it.
    Unknown,
}

/// Longest boundary told apart: RFC 2046 section 5.1.1 allows 70 octets.
pub(super) const BOUNDARY_BYTES_MAX: usize = 80;

impl Content {
    /// Takes in one field, appending what it says to `out`.
    pub(super) fn take(&mut self, field: Field, value: &[u8], out: &mut Vec<u8>) {
        if self.settled[field as usize] {
            return;
        }
        self.settled[field as usize] = match field {
            Field::MimeVersion => {
                self.mime = true;
                true
            }
            Field::ContentType => {
                self.content_type(value, out);
                true
            }
            Field::ContentId => put(Tag::Id, value, out),
            Field::ContentDescription => put(Tag::Description, value, out),
            Field::ContentEncoding => content_encoding(value, out),
            Field::ContentMd5 => put(Tag::Md5, value, out),
            Field::ContentDisposition => content_disposition(value, out),
            Field::ContentLanguage => content_language(value, out),
            Field::ContentLocation => put(Tag::Location, value, out),
            _ => false,
        };
    }

    fn content_type(&mut self, value: &[u8], out: &mut Vec<u8>) {
        self.mime = true;
        self.has_type = true;
        let mut lexer = Lexer::new(value);
        let _ = lexer.skip_blanks();
        let (media_type, subtype) = type_and_subtype(&mut lexer).unwrap_or_default();
        let broken = media_type.is_empty();
        self.kind =
            match (media_type.to_ascii_lowercase().as_slice(), subtype.to_ascii_lowercase().as_slice()) {
                (b"message", b"rfc822") => Kind::Message,
                (b"multipart", b"") => Kind::Unknown,
                (b"multipart", _) => Kind::Multipart,
                _ => Kind::Leaf,
            };
        self.digest = self.kind == Kind::Multipart && subtype.eq_ignore_ascii_case(b"digest");
        put(Tag::MediaType, &media_type, out);
        put(Tag::Subtype, &subtype, out);
        if broken {
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

/// `type "/" subtype`, up to the parameters or the end. A type alone is taken; anything else is broken, and a broken type is
/// not guessed at: the part is shown as opaque.
fn type_and_subtype(lexer: &mut Lexer<'_>) -> Result<(Vec<u8>, Vec<u8>), Broken> {
    let (mut media_type, mut subtype) = (Vec::new(), Vec::new());
    if !lexer.token(&mut media_type)? {
        return Ok((media_type, subtype));
    }
    if lexer.peek() != Some(b'/') || media_type.is_empty() {
        return Err(Broken);
    }
    lexer.bump();
    let more = lexer.skip_blanks()? && lexer.token(&mut subtype)?;
    match subtype.is_empty() || more && lexer.peek() != Some(b';') {
        true => Err(Broken),
        false => Ok((media_type, subtype)),
    }
}

fn content_encoding(value: &[u8], out: &mut Vec<u8>) -> bool {
    let mut lexer = Lexer::new(value);
    let mut encoding = Vec::new();
    let _ = lexer.skip_blanks();
    let whole =
        lexer.token(&mut encoding).is_ok() && lexer.skip_blanks() == Ok(false) && !encoding.is_empty();
    whole && put(Tag::Encoding, &encoding, out)
}

/// A disposition without parameters gives way to a later one.
fn content_disposition(value: &[u8], out: &mut Vec<u8>) -> bool {
    let mut lexer = Lexer::new(value);
    let mut disposition = Vec::new();
    let _ = lexer.skip_blanks();
    if lexer.token(&mut disposition).is_err() {
        return false;
    }
    put(Tag::Disposition, &disposition, out);
    let parameters = parameter::parse(&mut lexer);
    put_parameters((Tag::DispositionName, Tag::DispositionValue), &parameters, out);
    !parameters.is_empty()
}

/// `1#Language-tag` of RFC 3282.
fn content_language(value: &[u8], out: &mut Vec<u8>) -> bool {
    let mut lexer = Lexer::new(value);
    let mut language = Vec::new();
    let mut found = false;
    let _ = lexer.skip_blanks();
    while lexer.atom(&mut language).is_ok() {
        found = put(Tag::Language, &language, out);
        language.clear();
        if lexer.peek() != Some(b',') {
            break;
        }
        lexer.bump();
        let _ = lexer.skip_blanks();
    }
    found
}

fn put_parameters(tags: (Tag, Tag), parameters: &[parameter::Parameter], out: &mut Vec<u8>) {
    for (name, value) in parameters {
        put(tags.0, name, out);
        put(tags.1, value, out);
    }
}

/// Appends a tagged string; always `true`.
pub(super) fn put(tag: Tag, text: &[u8], out: &mut Vec<u8>) -> bool {
    out.push(tag as u8);
    digest::write_varint(text.len() as u64, out);
    out.extend_from_slice(text);
    true
}
