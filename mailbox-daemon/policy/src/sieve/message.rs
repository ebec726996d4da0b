//! The message a script looks at and may change: header, parts, text.

use super::plan::Content;

/// A message, as it came and as the script has changed it so far.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    header: &'a [u8],
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// A message as it came.
    pub fn new(header: &'a [u8], body: &'a [u8]) -> Message<'a> {
        Message { header, body }
    }

    /// Octets of the whole message as it came (`size`, RFC 5228 section 5.9).
    pub fn bytes(&self) -> u64 {
        (self.header.len() + b"\r\n".len() + self.body.len()) as u64
    }

    /// As it is now.
    pub fn content(&self) -> Content {
        Content::Unchanged
    }
}
