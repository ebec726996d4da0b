//! A spool file: one message and everything needed to deliver it.
//!
//! ```text
//! message       as it will be sent, CRLF line ends
//! header        postcard of Header: envelope, submitting account, arrival; then what later versions added, in this order:
//!               whether TLS is required. What a file lacks of that has its default
//! marks         one byte for "held", one for "delay reported", one a recipient; overwritten in place
//! footer        message bytes u64 | header bytes u32 | mark bytes u32 | FNV-1a of the header u64 | magic, little endian
//! ```
//!
//! The footer stands last, so a file whose end never reached the disk betrays itself. A mark is a single byte: a power cut leaves
//! the old one or the new one.

use crate::disk::DiskFile;
use crate::error::StoreError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use types::{Address, Envelope, UnixSeconds};

const MAGIC: &[u8; 8] = b"mbxqueu1";
const FOOTER_BYTES: usize = 32;
/// A header beyond this was never written by us: 100,000 recipients of 300 octets.
const HEADER_BYTES_MAX: u32 = 32 * 1024 * 1024;

const HELD: u64 = 0;
const DELAY_REPORTED: u64 = 1;
const FIRST_RECIPIENT: u64 = 2;

const NO: u8 = b'-';
const YES: u8 = b'+';
const FAILED: u8 = b'x';

/// What the sender said and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// From, parameters and recipients.
    pub envelope: Envelope,
    /// The account that submitted it or whose script wrote it; `None` for mail the box itself sends or forwards.
    pub account: Option<Address>,
    /// When it was accepted.
    pub arrived_at: UnixSeconds,
}

/// How far one recipient has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientState {
    /// Still to be delivered.
    Pending,
    /// Taken over by the next server.
    Delivered,
    /// Given up; whoever wanted to know has been told.
    Failed,
}

/// The marks of a spool file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Not delivered until released.
    pub held: bool,
    /// The sender was told about the delay.
    pub delay_reported: bool,
    /// By index of the envelope's recipients.
    pub recipients: Vec<RecipientState>,
}

/// An opened spool file.
pub(super) struct Spooled {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) header: Header,
    pub(super) marks: Marks,
    pub(super) message_bytes: u64,
    marks_offset: u64,
}

/// Why a spool file tells nothing.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// Its end is missing: it was being written when the power went.
    Torn,
    /// Its end is there, but what it says makes no sense.
    Damaged,
    /// The disk refuses to read it.
    Disk(StoreError),
}

/// What the first version of the header had no place for. A further field is read with [`next`], so that older files have
/// its default.
#[derive(Serialize)]
struct Additions {
    require_tls: bool,
}

impl Additions {
    fn of(header: &Header) -> Additions {
        Additions { require_tls: header.envelope.parameters.require_tls }
    }
}

fn parse_header(bytes: &[u8]) -> Option<Header> {
    let (mut header, mut rest): (Header, _) = postcard::take_from_bytes(bytes).ok()?;
    header.envelope.parameters.require_tls = next(&mut rest)?;
    Some(header)
}

/// The next of the additions, or its default where the file ends before it; `None` where it makes no sense.
fn next<T: Default + DeserializeOwned>(rest: &mut &[u8]) -> Option<T> {
    if rest.is_empty() {
        return Some(T::default());
    }
    let (value, after) = postcard::take_from_bytes(rest).ok()?;
    *rest = after;
    Some(value)
}

/// What follows the message in its file.
pub(super) fn trailer(message_bytes: u64, header: &Header) -> Result<Vec<u8>, StoreError> {
    let mut bytes = postcard::to_stdvec(&(header, Additions::of(header)))
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    let (header_bytes, hash) = (bytes.len() as u32, fnv1a(&bytes));
    let marks = FIRST_RECIPIENT as usize + header.envelope.recipients.len();
    bytes.resize(bytes.len() + marks, NO);
    bytes.extend_from_slice(&message_bytes.to_le_bytes());
    bytes.extend_from_slice(&header_bytes.to_le_bytes());
    bytes.extend_from_slice(&(marks as u32).to_le_bytes());
    bytes.extend_from_slice(&hash.to_le_bytes());
    bytes.extend_from_slice(MAGIC);
    Ok(bytes)
}

impl Spooled {
    /// Reads everything but the message.
    pub(super) fn read(file: Arc<dyn DiskFile>) -> Result<Spooled, Unreadable> {
        let file_bytes = file.bytes().map_err(disk_error)?;
        let footer_offset = file_bytes.checked_sub(FOOTER_BYTES as u64).ok_or(Unreadable::Torn)?;
        let mut footer = [0; FOOTER_BYTES];
        fill(&*file, &mut footer, footer_offset)?;
        let (numbers, magic) = footer.split_at(24);
        if magic != MAGIC {
            return Err(Unreadable::Torn);
        }
        let message_bytes = u64::from_le_bytes(array(&numbers[..8]));
        let header_bytes = u32::from_le_bytes(array(&numbers[8..12]));
        let marks_bytes = u32::from_le_bytes(array(&numbers[12..16]));
        let marks_offset = message_bytes.saturating_add(u64::from(header_bytes));
        let is_whole = marks_offset.checked_add(u64::from(marks_bytes)) == Some(footer_offset);
        if !is_whole || header_bytes > HEADER_BYTES_MAX || marks_bytes > header_bytes {
            return Err(Unreadable::Damaged);
        }
        let mut bytes = vec![0; header_bytes as usize + marks_bytes as usize];
        fill(&*file, &mut bytes, message_bytes)?;
        let (header, marks) = bytes.split_at(header_bytes as usize);
        if fnv1a(header) != u64::from_le_bytes(array(&numbers[16..24])) {
            return Err(Unreadable::Damaged);
        }
        let header = parse_header(header).ok_or(Unreadable::Damaged)?;
        let marks = Marks::parse(marks, header.envelope.recipients.len()).ok_or(Unreadable::Damaged)?;
        Ok(Spooled { file, header, marks, message_bytes, marks_offset })
    }

    /// Writes down what became of recipients; durable when this returns.
    pub(super) fn mark_recipients(&self, changed: &[(usize, RecipientState)]) -> Result<(), StoreError> {
        for &(index, state) in changed {
            self.file.write_at(&[state.mark()], self.marks_offset + FIRST_RECIPIENT + index as u64)?;
        }
        Ok(self.file.sync_data()?)
    }

    /// Writes down whether the entry is held; durable when this returns.
    pub(super) fn mark_held(&self, held: bool) -> Result<(), StoreError> {
        self.mark(HELD, held)
    }

    /// Writes down that the sender knows of the delay; durable when this returns.
    pub(super) fn mark_delay_reported(&self) -> Result<(), StoreError> {
        self.mark(DELAY_REPORTED, true)
    }

    fn mark(&self, which: u64, set: bool) -> Result<(), StoreError> {
        self.file.write_at(&[if set { YES } else { NO }], self.marks_offset + which)?;
        Ok(self.file.sync_data()?)
    }
}

impl Marks {
    fn parse(bytes: &[u8], recipients: usize) -> Option<Marks> {
        let (flags, states) = bytes.split_at_checked(FIRST_RECIPIENT as usize)?;
        if states.len() != recipients {
            return None;
        }
        let recipients = states.iter().map(|&mark| RecipientState::parse(mark)).collect::<Option<_>>()?;
        let flag = |which: u64| flags[which as usize] == YES;
        Some(Marks { held: flag(HELD), delay_reported: flag(DELAY_REPORTED), recipients })
    }
}

impl RecipientState {
    fn parse(mark: u8) -> Option<RecipientState> {
        match mark {
            NO => Some(RecipientState::Pending),
            YES => Some(RecipientState::Delivered),
            FAILED => Some(RecipientState::Failed),
            _ => None,
        }
    }

    fn mark(self) -> u8 {
        match self {
            RecipientState::Pending => NO,
            RecipientState::Delivered => YES,
            RecipientState::Failed => FAILED,
        }
    }
}

fn fill(file: &dyn DiskFile, out: &mut [u8], offset: u64) -> Result<(), Unreadable> {
    match file.read_at(out, offset).map_err(disk_error)? == out.len() {
        true => Ok(()),
        false => Err(Unreadable::Torn),
    }
}

fn disk_error(error: std::io::Error) -> Unreadable {
    Unreadable::Disk(error.into())
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller slices N bytes")
}

/// Fowler-Noll-Vo, 64 bits: tells a header that was written from one that was not, nothing more.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{MailParameters, Recipient};

    #[test]
    fn a_header_of_any_age_is_read() {
        let recipients = ["bob@a.test", "eva@b.test"];
        let recipients = recipients.map(|to| Recipient {
            address: Address::parse(to).unwrap(),
            notify: None,
            original: None,
        });
        let parameters = MailParameters { require_tls: true, smtputf8: true, ..MailParameters::default() };
        let envelope = Envelope { from: None, parameters, recipients: recipients.to_vec() };
        let header =
            Header { envelope, account: Some(Address::parse("ana@home.test").unwrap()), arrived_at: 77 };
        let now = postcard::to_stdvec(&(&header, Additions::of(&header))).unwrap();
        assert_eq!(parse_header(&now), Some(header.clone()));
        let before = postcard::to_stdvec(&header).unwrap();
        let mut expected = header;
        expected.envelope.parameters.require_tls = false;
        assert_eq!(parse_header(&before), Some(expected));
        assert_eq!(parse_header(&now[..before.len() - 1]), None, "a part of it");
    }
}
