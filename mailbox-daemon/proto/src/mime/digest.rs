//! The digest: what the index keeps of a message so that most questions never open its file.
//!
//! It has two parts. Searches that go through a whole mailbox read only the front, which the store therefore keeps apart.
//!
//! ```text
//! front   bytes of the front u32 | layout version | which fields are present, 16 bits
//!         varint length of each field of FRONT | the fields' bytes
//!         if a date is present: zigzag varint seconds since 1970, zigzag varint zone minutes
//!         varint start and length of the first mailbox of From, of To, of Cc | those that are not part of the fields' bytes
//! back    varint length of each field of BACK
//!         varint start and length of message-id, of in-reply-to (they lie inside the envelope if written there plainly)
//!         the fields' bytes
//! ```
//!
//! Numbers are little-endian.

use super::envelope_view::{EnvelopeField, first_address};
use super::fields::Field;
use super::structure::Part;
use super::{date, encoded_word, fold, pack, write};
use thiserror::Error;

const VERSION: u8 = 4;
const DATE_BIT: u16 = 1 << 15;

/// Fields whose bytes make the front, what searches read most first.
const FRONT: usize = 6;
/// Fields whose bytes follow one another in the back.
const BACK: usize = 5;
const CONTIGUOUS: usize = FRONT + BACK;
/// Fields whose first mailbox the front tells, which is what SORT compares.
const MAILBOXES: [EnvelopeField; 3] = [EnvelopeField::From, EnvelopeField::To, EnvelopeField::Cc];

/// A longer one is written anew from the tree of parts whenever it is asked for.
const BODY_STRUCTURE_BYTES_MAX: usize = 1024;

/// A field of the digest, by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Subject = 0,
    From,
    To,
    Cc,
    Bcc,
    ListId,
    References,
    Envelope,
    Structure,
    /// The fields of [`super::kept`] as written, packed against the fields of the back before them.
    Kept,
    /// BODYSTRUCTURE as IMAP bytes, unless it is long.
    BodyStructure,
    MessageId,
    InReplyTo,
}

/// Why digest bytes could not be read. Digests are a cache: the answer is to scan the message again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DigestError {
    /// The bytes are cut or contradict themselves.
    #[error("the digest is damaged")]
    Damaged,
    /// Written by another version of this program.
    #[error("the digest has another layout")]
    Version,
}

/// The `Date:` of a message as its sender wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentDate {
    /// The instant, in seconds since 1970-01-01T00:00:00Z.
    pub unix_seconds: i64,
    /// The zone it was written in, minutes east of Greenwich.
    pub zone_minutes: i16,
}

impl SentDate {
    /// The calendar day as written, in days since 1970-01-01: SENTON, SENTBEFORE and SENTSINCE disregard time and zone
    /// (RFC 9051 section 6.4.4).
    pub fn day(self) -> i64 {
        (self.unix_seconds.saturating_add(i64::from(self.zone_minutes) * 60)).div_euclid(86_400)
    }
}

/// A message's digest, ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(Vec<u8>);

impl Digest {
    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes to store.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Reads it.
    pub fn view(&self) -> DigestView<'_> {
        DigestView::parse(&self.0).expect("a digest made here parses")
    }
}

/// The front of stored digest bytes, read in place: what searches look at, decoded and folded.
#[derive(Clone, Copy, Debug)]
pub struct DigestFront<'a> {
    present: u16,
    /// Where each field ends in `data`.
    ends: [u32; FRONT],
    data: &'a [u8],
}

impl<'a> DigestFront<'a> {
    /// Reads the front of a digest; `bytes` may but need not be the whole digest. Never panics, whatever the bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<DigestFront<'a>, DigestError> {
        DigestFront::split(bytes).map(|(front, _)| front)
    }

    fn split(bytes: &'a [u8]) -> Result<(DigestFront<'a>, &'a [u8]), DigestError> {
        let (length, _) = bytes.split_first_chunk().ok_or(DigestError::Damaged)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (front, back) = bytes.split_at_checked(length).ok_or(DigestError::Damaged)?;
        let mut reader = Reader::new(front.get(4..).ok_or(DigestError::Damaged)?);
        if reader.byte()? != VERSION {
            return Err(DigestError::Version);
        }
        let present = u16::from_le_bytes([reader.byte()?, reader.byte()?]);
        let mut ends = [0; FRONT];
        let mut end = 0u32;
        for field_end in &mut ends {
            end = end.checked_add(reader.length()?).ok_or(DigestError::Damaged)?;
            *field_end = end;
        }
        let data = reader.rest();
        match end as usize <= data.len() {
            true => Ok((DigestFront { present, ends, data }, back)),
            false => Err(DigestError::Damaged),
        }
    }

    /// `Subject:`, decoded and folded for searching; `None` without the field. Several are joined by a line feed.
    pub fn subject(&self) -> Option<&'a [u8]> {
        self.field(Slot::Subject)
    }

    /// `From:`, decoded and folded.
    pub fn from(&self) -> Option<&'a [u8]> {
        self.field(Slot::From)
    }

    /// `To:`, decoded and folded.
    pub fn to(&self) -> Option<&'a [u8]> {
        self.field(Slot::To)
    }

    /// `Cc:`, decoded and folded.
    pub fn cc(&self) -> Option<&'a [u8]> {
        self.field(Slot::Cc)
    }

    /// `Bcc:`, decoded and folded.
    pub fn bcc(&self) -> Option<&'a [u8]> {
        self.field(Slot::Bcc)
    }

    /// `List-Id:`, decoded and folded.
    pub fn list_id(&self) -> Option<&'a [u8]> {
        self.field(Slot::ListId)
    }

    /// `Date:`; `None` without one that can be read.
    pub fn sent_date(&self) -> Option<SentDate> {
        self.date(&mut self.behind_fields()).ok()?
    }

    /// The part before the at sign of the first address of a field, folded; empty without one.
    pub fn first_mailbox(&self, field: EnvelopeField) -> &'a [u8] {
        self.mailbox(field).unwrap_or_default()
    }

    fn mailbox(&self, wanted: EnvelopeField) -> Result<&'a [u8], DigestError> {
        let mut reader = self.behind_fields();
        self.date(&mut reader)?;
        let mut bounds = (0, 0);
        for field in MAILBOXES {
            let (start, length) = (reader.length()? as usize, reader.length()? as usize);
            if field == wanted {
                bounds = (start, length);
            }
        }
        let fields_end = self.ends[FRONT - 1] as usize;
        let bytes = match bounds.0.checked_sub(fields_end) {
            None => &self.data[bounds.0..fields_end],
            Some(start) => reader.rest().get(start..).ok_or(DigestError::Damaged)?,
        };
        bytes.get(..bounds.1).ok_or(DigestError::Damaged)
    }

    fn date(&self, reader: &mut Reader<'_>) -> Result<Option<SentDate>, DigestError> {
        if self.present & DATE_BIT == 0 {
            return Ok(None);
        }
        let (unix_seconds, zone_minutes) = (reader.signed()?, reader.signed()?);
        let zone_minutes = i16::try_from(zone_minutes).map_err(|_| DigestError::Damaged)?;
        Ok(Some(SentDate { unix_seconds, zone_minutes }))
    }

    fn behind_fields(&self) -> Reader<'a> {
        Reader::new(&self.data[self.ends[FRONT - 1] as usize..])
    }

    fn has(&self, slot: Slot) -> bool {
        self.present & 1 << slot as u16 != 0
    }

    fn field(&self, slot: Slot) -> Option<&'a [u8]> {
        let slot_index = slot as usize;
        let start = slot_index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.has(slot).then(|| &self.data[start as usize..self.ends[slot_index] as usize])
    }
}

/// Stored digest bytes, read in place: every field is one slice, nothing is decoded before it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct DigestView<'a> {
    front: DigestFront<'a>,
    /// By [`Slot`], from the first one of the back.
    bounds: [(u32, u32); BACK + 2],
    data: &'a [u8],
}

impl<'a> DigestView<'a> {
    /// Reads the tables of both parts. Never panics, whatever the bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<DigestView<'a>, DigestError> {
        let (front, back) = DigestFront::split(bytes)?;
        let mut reader = Reader::new(back);
        let mut bounds = [(0, 0); BACK + 2];
        let mut end = 0u32;
        for bound in &mut bounds[..BACK] {
            let start = end;
            end = start.checked_add(reader.length()?).ok_or(DigestError::Damaged)?;
            *bound = (start, end);
        }
        for bound in &mut bounds[BACK..] {
            let start = reader.length()?;
            *bound = (start, start.checked_add(reader.length()?).ok_or(DigestError::Damaged)?);
        }
        let data = reader.rest();
        match bounds.iter().all(|bound| bound.1 as usize <= data.len()) {
            true => Ok(DigestView { front, bounds, data }),
            false => Err(DigestError::Damaged),
        }
    }

    /// What searches look at.
    pub fn front(&self) -> &DigestFront<'a> {
        &self.front
    }

    /// `Subject:`, decoded and folded for searching; `None` without the field. Several are joined by a line feed.
    pub fn subject(&self) -> Option<&'a [u8]> {
        self.front.subject()
    }

    /// `From:`, decoded and folded.
    pub fn from(&self) -> Option<&'a [u8]> {
        self.front.from()
    }

    /// `To:`, decoded and folded.
    pub fn to(&self) -> Option<&'a [u8]> {
        self.front.to()
    }

    /// `Cc:`, decoded and folded.
    pub fn cc(&self) -> Option<&'a [u8]> {
        self.front.cc()
    }

    /// `Bcc:`, decoded and folded.
    pub fn bcc(&self) -> Option<&'a [u8]> {
        self.front.bcc()
    }

    /// `List-Id:`, decoded and folded.
    pub fn list_id(&self) -> Option<&'a [u8]> {
        self.front.list_id()
    }

    /// `Date:`; `None` without one that can be read.
    pub fn sent_date(&self) -> Option<SentDate> {
        self.front.sent_date()
    }

    /// `Message-ID:` as written, unfolded. Several are joined by a line feed, and so are the two below.
    pub fn message_id(&self) -> Option<&'a [u8]> {
        self.field(Slot::MessageId)
    }

    /// `In-Reply-To:` as written, unfolded.
    pub fn in_reply_to(&self) -> Option<&'a [u8]> {
        self.field(Slot::InReplyTo)
    }

    /// `References:` as written, unfolded.
    pub fn references(&self) -> Option<&'a [u8]> {
        self.field(Slot::References)
    }

    /// The ENVELOPE as IMAP bytes with its parentheses (RFC 9051 section 7.5.2).
    pub fn envelope(&self) -> &'a [u8] {
        self.field(Slot::Envelope).unwrap_or_default()
    }

    /// The tree of MIME parts.
    pub fn structure(&self) -> Result<Part<'a>, DigestError> {
        Part::parse(self.field(Slot::Structure).ok_or(DigestError::Damaged)?)
    }

    /// The header fields of [`super::kept`] as written, without the empty line that ends a header, unpacked into `scratch`;
    /// `None` when they were too much to be kept.
    pub fn kept_fields<'s>(&self, scratch: &'s mut Vec<u8>) -> Option<&'s [u8]> {
        let packed = self.field(Slot::Kept)?;
        let known = &self.data[..self.bounds[Slot::Kept as usize - FRONT].0 as usize];
        pack::unpack(known, packed, scratch).ok()
    }

    /// Appends the value of the ENVELOPE data item.
    pub fn write_envelope(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.envelope());
    }

    /// Appends the value of BODYSTRUCTURE (`extensible`) or BODY.
    pub fn write_body_structure(&self, extensible: bool, out: &mut Vec<u8>) -> Result<(), DigestError> {
        match self.field(Slot::BodyStructure).filter(|_| extensible) {
            Some(written) => out.extend_from_slice(written),
            None => write::write_root(&self.structure()?, extensible, out),
        }
        Ok(())
    }

    fn field(&self, slot: Slot) -> Option<&'a [u8]> {
        let (start, end) = self.bounds[slot as usize - FRONT];
        self.front.has(slot).then(|| &self.data[start as usize..end as usize])
    }
}

/// What goes into a digest.
#[derive(Default)]
pub(super) struct Facts {
    pub date: Option<SentDate>,
    /// By [`Slot`], up to and without `MessageId`.
    pub contiguous: [Option<Vec<u8>>; CONTIGUOUS],
    pub message_id: Option<Vec<u8>>,
    pub in_reply_to: Option<Vec<u8>>,
    /// The fields of [`super::kept`].
    pub kept: Option<Vec<u8>>,
}

impl Facts {
    /// Takes in a field of the message's own header. What searches look at is decoded and folded, of several fields of a name
    /// every one counts.
    pub(super) fn take(&mut self, field: Field, value: &[u8]) {
        let searched = match field {
            Field::Subject => Slot::Subject,
            Field::From => Slot::From,
            Field::To => Slot::To,
            Field::Cc => Slot::Cc,
            Field::Bcc => Slot::Bcc,
            Field::ListId => Slot::ListId,
            // No message should have several. Of dates the first one that can be read counts.
            Field::Date => return self.date = self.date.or_else(|| date::parse(value)),
            Field::References => {
                return join(&mut self.contiguous[Slot::References as usize], value);
            }
            Field::MessageId => return join(&mut self.message_id, value),
            Field::InReplyTo => return join(&mut self.in_reply_to, value),
            _ => return,
        };
        let text = self.contiguous[searched as usize].get_or_insert_default();
        if !text.is_empty() {
            text.push(b'\n');
        }
        fold_field(value, text);
    }

    pub(super) fn set(&mut self, slot: Slot, bytes: Vec<u8>) {
        self.contiguous[slot as usize] = Some(bytes);
    }

    /// Takes in the tree of parts, and BODYSTRUCTURE as it will be asked for.
    pub(super) fn set_structure(&mut self, tree: Vec<u8>) {
        // A big tree is not worth writing to see that it makes a long one.
        if tree.len() <= BODY_STRUCTURE_BYTES_MAX
            && let Ok(root) = Part::parse(&tree)
        {
            let mut written = Vec::with_capacity(BODY_STRUCTURE_BYTES_MAX);
            write::write_root(&root, true, &mut written);
            if written.len() <= BODY_STRUCTURE_BYTES_MAX {
                self.set(Slot::BodyStructure, written);
            }
        }
        self.set(Slot::Structure, tree);
    }

    pub(super) fn into_digest(mut self) -> Digest {
        self.contiguous[Slot::Kept as usize] = self.kept.take().map(|kept| {
            let known: Vec<&[u8]> =
                self.contiguous[FRONT..Slot::Kept as usize].iter().flatten().map(Vec::as_slice).collect();
            let mut packed = Vec::new();
            pack::pack(&known, &kept, &mut packed);
            packed
        });
        let (front, back) = self.contiguous.split_at(FRONT);
        let data_bytes: usize = self.contiguous.iter().flatten().map(Vec::len).sum();
        let mut out = Vec::with_capacity(data_bytes + 64);
        out.extend_from_slice(&[0; 4]);
        out.push(VERSION);
        out.extend_from_slice(&self.present().to_le_bytes());
        write_lengths(front, &mut out);
        front.iter().flatten().for_each(|field| out.extend_from_slice(field));
        if let Some(date) = self.date {
            write_signed(date.unix_seconds, &mut out);
            write_signed(i64::from(date.zone_minutes), &mut out);
        }
        self.write_mailboxes(&mut out);
        let front_bytes = out.len() as u32;
        out[..4].copy_from_slice(&front_bytes.to_le_bytes());

        write_lengths(back, &mut out);
        let mut tail: Vec<&[u8]> = Vec::new();
        let mut tail_start: usize = back.iter().flatten().map(Vec::len).sum();
        for field in [&self.message_id, &self.in_reply_to] {
            let field = field.as_deref().unwrap_or_default();
            let start = self.inside_envelope(field).unwrap_or_else(|| {
                tail.push(field);
                tail_start += field.len();
                tail_start - field.len()
            });
            write_varint(start as u64, &mut out);
            write_varint(field.len() as u64, &mut out);
        }
        back.iter().flatten().for_each(|field| out.extend_from_slice(field));
        out.extend_from_slice(&tail.concat());
        Digest(out)
    }

    fn write_mailboxes(&self, out: &mut Vec<u8>) {
        let envelope = self.contiguous[Slot::Envelope as usize].as_deref().unwrap_or_default();
        let fields =
            self.contiguous[..FRONT].iter().flatten().map(Vec::as_slice).collect::<Vec<_>>().concat();
        let mut tail = Vec::new();
        for field in MAILBOXES {
            let mut mailbox = Vec::new();
            if let Some(address) = first_address(envelope, field) {
                fold::fold(&address.mailbox, &mut mailbox);
            }
            let start = memchr::memmem::find(&fields, &mailbox).unwrap_or_else(|| {
                tail.extend_from_slice(&mailbox);
                fields.len() + tail.len() - mailbox.len()
            });
            write_varint(start as u64, out);
            write_varint(mailbox.len() as u64, out);
        }
        out.extend_from_slice(&tail);
    }

    fn present(&self) -> u16 {
        let bit = |slot: usize, present: bool| u16::from(present) << slot;
        let mut bits = 0;
        for (slot, field) in self.contiguous.iter().enumerate() {
            bits |= bit(slot, field.is_some());
        }
        bits |= bit(Slot::MessageId as usize, self.message_id.is_some());
        bits |= bit(Slot::InReplyTo as usize, self.in_reply_to.is_some());
        bits | if self.date.is_some() { DATE_BIT } else { 0 }
    }

    /// Where in the back's data the envelope already says `field` unescaped. Both ids stand at its end.
    fn inside_envelope(&self, field: &[u8]) -> Option<usize> {
        let envelope = self.contiguous[Slot::Envelope as usize].as_deref()?;
        let before =
            self.contiguous[FRONT..Slot::Envelope as usize].iter().flatten().map(Vec::len).sum::<usize>();
        memchr::memmem::rfind(envelope, field).map(|start| before + start)
    }
}

fn write_lengths(fields: &[Option<Vec<u8>>], out: &mut Vec<u8>) {
    for field in fields {
        write_varint(field.as_ref().map_or(0, Vec::len) as u64, out);
    }
}

/// Keeps an unfolded value, behind a line feed if there is one already.
fn join(kept: &mut Option<Vec<u8>>, value: &[u8]) {
    if let Some(kept) = kept {
        kept.push(b'\n');
    }
    let unfolded = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n'));
    kept.get_or_insert_default().extend(unfolded);
}

/// Appends the decoded and folded form of a field's value.
pub(super) fn fold_field(value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if value.is_ascii() && memchr::memmem::find(value, b"=?").is_none() {
        out.extend_from_slice(value);
        out[start..].make_ascii_lowercase();
    } else {
        let mut decoded = Vec::with_capacity(value.len());
        encoded_word::decode(value, &mut decoded);
        fold::fold(&decoded, out);
    }
    collapse_blanks(out, start);
}

/// Makes one blank of several, of tabs and of folded lines: where a sender broke the line is not seen by those who search.
fn collapse_blanks(text: &mut Vec<u8>, start: usize) {
    let mut kept = start;
    for at in start..text.len() {
        let byte = if text[at].is_ascii_whitespace() { b' ' } else { text[at] };
        if byte != b' ' || (kept > start && text[kept - 1] != b' ') {
            text[kept] = byte;
            kept += 1;
        }
    }
    text.truncate(kept);
}

/// Reads numbers and slices from bytes that may be garbage.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn byte(&mut self) -> Result<u8, DigestError> {
        let (&first, rest) = self.bytes.split_first().ok_or(DigestError::Damaged)?;
        self.bytes = rest;
        Ok(first)
    }

    pub(super) fn varint(&mut self) -> Result<u64, DigestError> {
        // Most numbers are small.
        if let [first @ 0..0x80, rest @ ..] = self.bytes {
            self.bytes = rest;
            return Ok(u64::from(*first));
        }
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DigestError::Damaged)
    }

    pub(super) fn length(&mut self) -> Result<u32, DigestError> {
        u32::try_from(self.varint()?).map_err(|_| DigestError::Damaged)
    }

    pub(super) fn signed(&mut self) -> Result<i64, DigestError> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    pub(super) fn slice(&mut self) -> Result<&'a [u8], DigestError> {
        let length = self.length()? as usize;
        let (slice, rest) = self.bytes.split_at_checked(length).ok_or(DigestError::Damaged)?;
        self.bytes = rest;
        Ok(slice)
    }
}

pub(super) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn write_signed(value: i64, out: &mut Vec<u8>) {
    write_varint(((value << 1) ^ (value >> 63)) as u64, out);
}
