//! `replace` and `enclose` (RFC 5703 sections 5 and 6): bodies written anew.

use super::header::Field;
use super::{Header, Message};
use crate::sieve::work::{Spent, Work};
use proto::mime::PartKind;
use proto::mime::field_text::write_field;
use proto::mime::seven_bit::{Act, Encoder};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use types::Address;

/// Longest line that needs no encoding (RFC 5322 section 2.1.1).
const LINE_BYTES_MAX: usize = 998;
/// Of a message that was enclosed: the whole, the text beside it, what holds it.
const PARTS_AROUND: usize = 3;

/// A MIME entity (RFC 2045 section 2.4) that takes the place of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Fields with their line breaks, the empty line left out.
    header: Vec<u8>,
    body: Vec<u8>,
}

/// What encloses a message.
#[derive(Clone, Copy, Debug)]
pub struct Enclosure<'e> {
    /// The subject; that of the message if none is given.
    pub subject: Option<&'e str>,
    /// Names of the fields that are copied from the message.
    pub headers: &'e [String],
    /// What the text beside the message says.
    pub text: &'e str,
    /// Who encloses it.
    pub from: &'e Address,
    /// `Date:`
    pub date: &'e str,
}

impl Entity {
    /// Plain text, as a part of something.
    pub fn text(text: &str) -> Entity {
        // A line of dashes might be a boundary of the parts around.
        let has_dashes = text.split(['\r', '\n']).any(|line| line.starts_with("--"));
        Entity::encoded(text, has_dashes.then_some(("base64", Act::Base64)))
    }

    /// Plain text, as the body of a message.
    pub fn body(text: &str) -> Entity {
        Entity::encoded(text, None)
    }

    fn encoded(text: &str, encoding: Option<(&str, Act)>) -> Entity {
        let body = with_wire_line_breaks(text);
        let is_line_unfit = |line: &str| {
            line.len() > LINE_BYTES_MAX || line.chars().any(|letter| letter.is_control() && letter != '\t')
        };
        let is_plain = body.is_ascii() && !body.lines().any(is_line_unfit);
        let (encoding, act) = encoding.unwrap_or(match is_plain {
            true => ("7bit", Act::Copy),
            false => ("quoted-printable", Act::QuotedPrintable),
        });
        let mut encoder = Encoder::new(act);
        let mut encoded = Vec::with_capacity(body.len());
        encoder.feed(body.as_bytes(), &mut encoded);
        encoder.finish(&mut encoded);
        let header =
            format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n");
        Entity { header: header.into_bytes(), body: encoded }
    }

    /// An entity written out, header, empty line and body.
    pub fn parse(text: &str) -> Entity {
        let text = with_wire_line_breaks(text);
        let (header, body) = match text.strip_prefix("\r\n") {
            Some(body) => ("", body),
            None => text.split_once("\r\n\r\n").unwrap_or((text.trim_end_matches("\r\n"), "")),
        };
        let line_break = if header.is_empty() { "" } else { "\r\n" };
        Entity { header: format!("{header}{line_break}").into_bytes(), body: body.as_bytes().to_vec() }
    }

    /// What is wrong with its header, which is of ASCII (RFC 5230 section 5).
    pub fn fault(&self) -> Option<&'static str> {
        let is_field =
            |line: &[u8]| line.starts_with(b" ") || line.starts_with(b"\t") || line.contains(&b':');
        let mut lines = self.header.split_inclusive(|byte| *byte == b'\n');
        match self.header.first() {
            _ if !self.header.is_ascii() => Some("the header of a MIME part is of ASCII"),
            Some(b' ' | b'\t') => Some("a MIME part does not begin with a blank"),
            _ if !lines.all(is_field) => Some("a MIME part begins with its header fields and an empty line"),
            _ => None,
        }
    }

    /// What a message has of it: the fields that describe its content, an empty line and the body.
    pub fn into_message(self) -> Vec<u8> {
        let fields = Header::copy(&self.header).fields;
        let mut message: Vec<u8> = fields
            .iter()
            .filter(|field| is_content(field))
            .flat_map(|field| field.raw.iter().copied())
            .collect();
        message.extend_from_slice(b"\r\n");
        message.extend_from_slice(&self.body);
        message
    }

    fn bytes(&self) -> usize {
        self.header.len() + b"\r\n".len() + self.body.len()
    }
}

impl<'a> Message<'a> {
    /// Puts an entity in the place of the current part, or of the whole body outside of loops. `subject` and `from` are those of a whole message
    /// that is replaced; what stood there before is kept in fields of their own.
    pub fn replace(
        &mut self,
        entity: Entity,
        subject: Option<&str>,
        from: Option<&str>,
        work: &mut Work,
    ) -> Result<(), Spent> {
        let current = self.current_part().unwrap_or(0);
        if current == 0 {
            self.replace_whole(entity, subject, from, work)?;
        } else {
            self.replace_part(current, &entity, work)?;
        }
        self.skip_replaced(current, work)
    }

    fn replace_whole(
        &mut self,
        entity: Entity,
        subject: Option<&str>,
        from: Option<&str>,
        work: &mut Work,
    ) -> Result<(), Spent> {
        work.take(entity.bytes())?;
        self.header.retain(|_, field| !is_of_mime(field));
        self.rename("Subject", "Original-Subject", subject);
        self.rename("From", "Original-From", from);
        self.header.insert(b"MIME-Version: 1.0\r\n".to_vec(), true);
        for field in Header::copy(&entity.header).fields.iter().filter(|field| is_content(field)) {
            self.header.insert(field.raw.to_vec(), true);
        }
        self.body_changed(entity.body);
        Ok(())
    }

    /// Writes a field anew, what it said before under another name.
    fn rename(&mut self, name: &str, kept_as: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        let kept: Vec<Vec<u8>> = self
            .header
            .named(name)
            .map(|field| [kept_as.as_bytes(), b":", field.value(), b"\r\n"].concat())
            .collect();
        self.header.retain(|_, field| !field.name().eq_ignore_ascii_case(name.as_bytes()));
        for field in kept {
            self.header.insert(field, true);
        }
        self.header.insert(write_field(name, text), true);
    }

    fn replace_part(&mut self, index: usize, entity: &Entity, work: &mut Work) -> Result<(), Spent> {
        let parts = self.parts(work)?;
        let Some(part) = parts.get(index) else { return Ok(()) };
        let is_message = part
            .parent
            .and_then(|parent| parts.get(parent))
            .is_some_and(|parent| parent.kind == PartKind::Message);
        let kept = match is_message {
            true => {
                let mut header = self.header_of(index, work)?.into_owned();
                header.retain(|_, field| !is_of_mime(field));
                header.to_bytes()
            }
            false => Vec::new(),
        };
        let body = self.body();
        let (before, behind) = (&body[..part.header.start], &body[part.body.end..]);
        let pieces = [before, &kept, &entity.header, b"\r\n", &entity.body, behind];
        work.take(pieces.iter().map(|piece| piece.len()).sum())?;
        self.body_changed(pieces.concat());
        Ok(())
    }

    /// Makes the message, octet for octet, a part of a new one.
    pub fn enclose(&mut self, enclosure: &Enclosure<'_>, work: &mut Work) -> Result<(), Spent> {
        if self.before_enclosure.is_none() {
            self.before_enclosure = Some(self.content(work)?);
        }
        let inside = self.header.to_bytes();
        let body = self.body();
        let text = Entity::text(enclosure.text);
        work.take(inside.len() + body.len() + text.bytes() + 1024)?;
        let boundary = unused_boundary(&inside, &body, work)?;
        let encoding = if inside.is_ascii() && body.is_ascii() { "7bit" } else { "8bit" };
        let open = format!("--{boundary}\r\n");
        let held = format!(
            "\r\n{open}Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\nContent-Disposition: inline\r\n\r\n"
        );
        let end = format!("\r\n--{boundary}--\r\n");
        let pieces: [&[u8]; 9] = [
            open.as_bytes(),
            &text.header,
            b"\r\n",
            &text.body,
            held.as_bytes(),
            &inside,
            b"\r\n",
            &body,
            end.as_bytes(),
        ];
        let around = pieces.concat();
        self.header = self.header_around(enclosure, &boundary, encoding);
        self.body_changed(around);
        self.shift_loops(PARTS_AROUND);
        Ok(())
    }

    fn header_around(&self, enclosure: &Enclosure<'_>, boundary: &str, encoding: &str) -> Header<'a> {
        let mut header = Header::default();
        for name in enclosure.headers {
            for field in self.header.named(name).filter(|field| !is_of_mime(field)) {
                header.insert(field.raw.to_vec(), true);
            }
        }
        if let Some(subject) = enclosure.subject {
            header.retain(|_, field| !field.name().eq_ignore_ascii_case(b"Subject"));
            header.insert(write_field("Subject", subject), true);
        } else if let (Some(field), false) = (self.header.named("Subject").next(), header.has("Subject")) {
            header.insert(field.raw.to_vec(), true);
        }
        for (name, text) in [("From", enclosure.from.to_string()), ("Date", enclosure.date.to_owned())] {
            if !header.has(name) {
                header.insert(write_field(name, &text), true);
            }
        }
        let mime = format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\r\nContent-Transfer-Encoding: {encoding}\r\n"
        );
        Header::copy(mime.as_bytes())
            .fields
            .into_iter()
            .for_each(|field| header.insert(field.raw.into_owned(), true));
        header
    }
}

/// Whether a field belongs to the MIME structure of the message it is in.
fn is_of_mime(field: &Field<'_>) -> bool {
    field.name().eq_ignore_ascii_case(b"MIME-Version") || is_content(field)
}

fn is_content(field: &Field<'_>) -> bool {
    const PREFIX: &[u8] = b"Content-";
    field.name().get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX))
}

/// A boundary that is not found in a message.
fn unused_boundary(header: &[u8], body: &[u8], work: &mut Work) -> Result<String, Spent> {
    let mut hasher = DefaultHasher::new();
    loop {
        header.hash(&mut hasher);
        let boundary = format!("enclosed-{:016x}", hasher.finish());
        work.spend(header.len() + body.len())?;
        let is_in = |text: &[u8]| text.windows(boundary.len()).any(|window| window == boundary.as_bytes());
        if !is_in(header) && !is_in(body) {
            return Ok(boundary);
        }
    }
}

fn with_wire_line_breaks(text: &str) -> Cow<'_, str> {
    match text.replace("\r\n", "").contains(['\r', '\n']) {
        true => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")),
        false => Cow::Borrowed(text),
    }
}
