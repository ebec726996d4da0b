//! The message a script looks at and may change: header, parts, text.

mod address_part;
mod addresses;
mod header;

pub use address_part::AddressPart;
pub use addresses::FieldAddress;
pub use header::{Field, Header, Index, is_name};

use super::plan::{Body, Content};
use super::work::{Spent, Work};
use std::sync::Arc;

/// A message, as it came and as the script has changed it so far.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    original_header: &'a [u8],
    original_body: &'a [u8],
    header: Header<'a>,
    body: Body,
    /// What [`Message::content`] told last; `None` since the last change.
    told: Option<Content>,
}

impl<'a> Message<'a> {
    /// A message as it came.
    pub fn new(header: &'a [u8], body: &'a [u8]) -> Message<'a> {
        Message {
            original_header: header,
            original_body: body,
            header: Header::new(header),
            body: Body::Unchanged,
            told: Some(Content::Unchanged),
        }
    }

    /// Octets of the whole message as it came (`size`, RFC 5228 section 5.9).
    pub fn bytes(&self) -> u64 {
        (self.original_header.len() + b"\r\n".len() + self.original_body.len()) as u64
    }

    /// The header as it is now, which tests and most actions look at (RFC 5293 section 7).
    pub fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The header as it came, which refusals quote (RFC 5293 section 7).
    pub fn original_header(&self) -> &'a [u8] {
        self.original_header
    }

    /// What an action stores or sends now. A changed header is copied, at most once for each change; that memory is taken.
    pub fn content(&mut self, work: &mut Work) -> Result<Content, Spent> {
        if let Some(told) = &self.told {
            return Ok(told.clone());
        }
        let header: Arc<[u8]> = self.header.to_bytes().into();
        work.take(header.len())?;
        let content = Content::Changed { header, body: self.body.clone() };
        self.told = Some(content.clone());
        Ok(content)
    }
}
