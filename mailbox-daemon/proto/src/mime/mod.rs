//! What a message says: header fields, MIME structure, dates, addresses and text.
//!
//! A [`Scanner`] reads a message once, in any chunking, while it is being written to disk, and leaves a [`Digest`]: a few
//! hundred bytes that answer ENVELOPE, BODYSTRUCTURE, section look-ups and header searches without opening the file again.
//! The digest is a cache; the same bytes always give the same digest.
//!
//! All offsets are wire offsets: octets from the start of the message in its CRLF form.

pub mod address;
pub mod base_subject;
pub mod collation;
pub mod content_field;
pub mod date;
pub mod decode;
pub mod digest;
pub mod encoded_word;
mod envelope;
pub mod envelope_view;
pub mod field_text;
mod fields;
pub mod fold;
pub mod header;
pub mod html;
pub mod imap_string;
pub mod kept;
mod lexer;
pub mod message_ids;
mod pack;
mod parameter;
pub mod preview;
pub mod reencode;
pub mod report;
mod scan;
pub mod seven_bit;
mod structure;
#[cfg(test)]
mod tests;
pub mod text;
pub mod thread_id;
mod write;

pub use digest::{Digest, DigestError, DigestFront, DigestView, SentDate};
pub use scan::{ScanLimits, Scanner};
pub use structure::{Disposition, Parameter, Part, PartKind, SectionText};
