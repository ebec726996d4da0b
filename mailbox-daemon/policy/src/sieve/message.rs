//! The message a script looks at and may change: header, parts, text.

mod address_part;
mod addresses;
mod content;
mod edit;
mod header;
mod loops;
mod parts;
mod rewrite;
#[cfg(test)]
mod tests;

pub use address_part::AddressPart;
pub use addresses::FieldAddress;
pub use content::Octets;
pub use edit::{may_add, may_delete};
pub use header::{Field, Header, Index, is_name};
pub use parts::{Part, Parts};
pub use rewrite::{Enclosure, Entity};

use super::plan::{Body, Content};
use super::work::{Spent, Work};
use content::Decoded;
use loops::Loop;
use std::borrow::Cow;
use std::sync::Arc;

/// A message, as it came and as the script has changed it so far.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    original_header: &'a [u8],
    original_body: &'a [u8],
    header: Header<'a>,
    body: Body,
    /// The header that says how the body is to be read.
    structure_header: Cow<'a, [u8]>,
    parts: Option<Arc<Parts>>,
    decoded: Decoded,
    /// The `foreverypart` that are being run, outermost first.
    loops: Vec<Loop>,
    /// What [`Message::content`] told last; `None` since the last change.
    told: Option<Content>,
    /// What `redirect` sends once the message is enclosed (RFC 5703 section 6).
    before_enclosure: Option<Content>,
}

impl<'a> Message<'a> {
    /// A message as it came.
    pub fn new(header: &'a [u8], body: &'a [u8]) -> Message<'a> {
        Message {
            original_header: header,
            original_body: body,
            header: Header::new(header),
            body: Body::Unchanged,
            structure_header: Cow::Borrowed(header),
            parts: None,
            decoded: Decoded::default(),
            loops: Vec::new(),
            told: Some(Content::Unchanged),
            before_enclosure: None,
        }
    }

    /// Octets of the whole message as it is now (`size`, RFC 5228 section 5.9).
    pub fn bytes(&self) -> u64 {
        (self.header.bytes() + b"\r\n".len() + self.body().len()) as u64
    }

    /// The header as it is now, which tests and most actions look at (RFC 5293 section 7).
    pub fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The header as it came, which refusals quote (RFC 5293 section 7).
    pub fn original_header(&self) -> &'a [u8] {
        self.original_header
    }

    /// What an action stores now. A changed header is copied, at most once for each change; that memory is taken.
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

    /// What `redirect` sends now: the message without what encloses it (RFC 5703 section 6).
    pub fn redirected(&mut self, work: &mut Work) -> Result<Content, Spent> {
        match &self.before_enclosure {
            Some(content) => Ok(content.clone()),
            None => self.content(work),
        }
    }

    fn header_changed(&mut self) {
        self.told = None;
    }

    /// The body is another one, to be read as the header says that stands before it now.
    fn body_changed(&mut self, body: Vec<u8>) {
        self.body = Body::Changed(body.into());
        self.structure_header = Cow::Owned(self.header.to_bytes());
        self.parts = None;
        self.decoded = Decoded::default();
        self.told = None;
    }
}
