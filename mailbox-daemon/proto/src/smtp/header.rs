//! A message's header as a server on its way sees it: fields to count, leave out or pass on, byte for byte.

use memchr::{memchr, memmem};

/// One field of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Before the colon, without blanks.
    pub name: &'a [u8],
    /// After the colon, folded as it came.
    pub value: &'a [u8],
    /// The whole field with its last CRLF.
    pub raw: &'a [u8],
}

/// Where the header ends: just before the empty line. `None` while that line has not come; looks from `from` on.
pub fn end(message: &[u8], from: usize) -> Option<usize> {
    if message.starts_with(b"\r\n") {
        return Some(0);
    }
    let start = from.saturating_sub(3);
    memmem::find(&message[start..], b"\r\n\r\n").map(|position| start + position + 2)
}

/// The fields of a header. A line that is neither a field nor the continuation of one ends it: the body began without an
/// empty line.
pub fn fields(header: &[u8]) -> Fields<'_> {
    Fields { rest: header }
}

/// Whether the sender wants the message delivered whatever the recipient's domain asks of TLS: `TLS-Required: No` (RFC 8689
/// section 3).
pub fn says_tls_not_required(header: &[u8]) -> bool {
    let mut named = fields(header).filter(|field| field.name.eq_ignore_ascii_case(b"TLS-Required"));
    named.next().is_some_and(|field| field.value.trim_ascii().eq_ignore_ascii_case(b"No"))
}

/// Iterator of [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// What comes after the fields given so far.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let colon = memchr(b':', &self.rest[..line_end(self.rest)])?;
        let name = self.rest[..colon].trim_ascii_end();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut end = line_end(self.rest);
        while let Some(b' ' | b'\t') = self.rest.get(end) {
            end += line_end(&self.rest[end..]);
        }
        let (raw, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(Field { name, value: &raw[colon + 1..], raw })
    }
}

/// Behind the first line.
fn line_end(text: &[u8]) -> usize {
    memchr(b'\n', text).map_or(text.len(), |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_come_whole() {
        let header = b"From: a@x\r\nSubject : one\r\n two\r\n\tthree\r\nX:\r\n";
        let found: Vec<_> = fields(header).map(|field| (field.name, field.value)).collect();
        assert_eq!(
            found,
            [(&b"From"[..], &b" a@x\r\n"[..]), (b"Subject", b" one\r\n two\r\n\tthree\r\n"), (b"X", b"\r\n"),]
        );
    }

    #[test]
    fn a_body_without_an_empty_line_is_no_header() {
        let mut fields = fields(b"From: a@x\r\nno field here\r\nTo: b@x\r\n");
        assert_eq!(fields.by_ref().count(), 1);
        assert_eq!(fields.rest(), b"no field here\r\nTo: b@x\r\n");
        assert_eq!(super::fields(b" x: y\r\n").count(), 0);
        assert_eq!(super::fields(b": y\r\n").count(), 0);
    }

    #[test]
    fn tls_may_be_waived() {
        for (header, expected) in [
            (&b"TLS-Required: No\r\n"[..], true),
            (b"From: a@x\r\ntls-required:\r\n\tno \r\n", true),
            (b"TLS-Required: Yes\r\nTLS-Required: No\r\n", false),
            (b"X-TLS-Required: No\r\n", false),
            (b"Subject: TLS-Required: No\r\n", false),
        ] {
            assert_eq!(says_tls_not_required(header), expected);
        }
    }

    #[test]
    fn the_end_is_found_across_pieces() {
        let message = b"A: b\r\n\r\nbody";
        assert_eq!(end(message, 0), Some(6));
        for seen in 0..8 {
            assert_eq!(end(&message[..seen], 0), None);
            assert_eq!(end(message, seen), Some(6), "{seen}");
        }
        assert_eq!(end(b"\r\nbody", 0), Some(0));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(header in "[a:\\r\\n \\t]{0,30}") {
            let mut fields = fields(header.as_bytes());
            let mut pieces: Vec<u8> = fields.by_ref().flat_map(|field| field.raw.to_vec()).collect();
            pieces.extend_from_slice(fields.rest());
            prop_assert_eq!(pieces, header.into_bytes());
        }
    }
}
