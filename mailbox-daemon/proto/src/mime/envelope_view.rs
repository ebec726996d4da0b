//! Reading single addresses out of an ENVELOPE that a digest holds.

use std::borrow::Cow;

/// An address field of an ENVELOPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeField {
    /// From.
    From = 2,
    /// To.
    To = 5,
    /// Cc.
    Cc = 6,
}

/// One address as ENVELOPE tells it (RFC 9051 section 7.5.2); parts that are NIL are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvelopeAddress<'a> {
    /// The display name, its encoded words as they are.
    pub name: Cow<'a, [u8]>,
    /// The part before the at sign, or the name of a group.
    pub mailbox: Cow<'a, [u8]>,
    /// The domain; empty for a group.
    pub host: Cow<'a, [u8]>,
}

/// The first address of a field; `None` without one, or if the bytes are no ENVELOPE.
pub fn first_address(envelope: &[u8], field: EnvelopeField) -> Option<EnvelopeAddress<'_>> {
    let mut reader = Reader(envelope.strip_prefix(b"(")?);
    for _ in 0..field as usize {
        reader.skip()?;
        reader.blank()?;
    }
    reader.0 = reader.0.strip_prefix(b"((")?;
    let name = reader.text()?;
    reader.blank()?;
    reader.text()?;
    reader.blank()?;
    let mailbox = reader.text()?;
    reader.blank()?;
    Some(EnvelopeAddress { name, mailbox, host: reader.text()? })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn blank(&mut self) -> Option<()> {
        self.0 = self.0.strip_prefix(b" ")?;
        Some(())
    }

    /// An `nstring`.
    fn text(&mut self) -> Option<Cow<'a, [u8]>> {
        match self.0.first()? {
            b'"' => self.quoted(),
            b'{' => self.literal().map(Cow::Borrowed),
            _ => {
                self.0 = self.0.strip_prefix(b"NIL")?;
                Some(Cow::Borrowed(b""))
            }
        }
    }

    fn quoted(&mut self) -> Option<Cow<'a, [u8]>> {
        let inside = &self.0[1..];
        let end = memchr::memchr2(b'"', b'\\', inside)?;
        if inside[end] == b'"' {
            self.0 = &inside[end + 1..];
            return Some(Cow::Borrowed(&inside[..end]));
        }
        let mut text = Vec::new();
        let mut rest = inside.iter();
        loop {
            match rest.next()? {
                b'"' => break,
                b'\\' => text.push(*rest.next()?),
                byte => text.push(*byte),
            }
        }
        self.0 = rest.as_slice();
        Some(Cow::Owned(text))
    }

    fn literal(&mut self) -> Option<&'a [u8]> {
        let close = memchr::memchr(b'}', self.0)?;
        let bytes: usize = str::from_utf8(self.0.get(1..close)?).ok()?.parse().ok()?;
        let (text, rest) = self.0[close..].strip_prefix(b"}\r\n")?.split_at_checked(bytes)?;
        self.0 = rest;
        Some(text)
    }

    /// Passes over a string, NIL or a list of them.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.0.first()? {
                b'(' => {
                    depth += 1;
                    self.0 = &self.0[1..];
                }
                b')' => {
                    depth = depth.checked_sub(1)?;
                    self.0 = &self.0[1..];
                }
                b' ' if depth > 0 => self.0 = &self.0[1..],
                _ => drop(self.text()?),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_each_field() {
        let envelope = b"(\"Mon\" {5}\r\na\"(b) ((\"A \\\"B\\\"\" NIL \"ab\" \"x.org\")(NIL NIL \"c\" \"d\")) NIL NIL \
            ((NIL NIL \"friends\" NIL)(NIL NIL NIL NIL)) ((NIL NIL {2}\r\n\xc3\xa4 \"y\")) NIL NIL \"<i@d>\")";
        let from = first_address(envelope, EnvelopeField::From).unwrap();
        assert_eq!((&*from.name, &*from.mailbox, &*from.host), (&b"A \"B\""[..], &b"ab"[..], &b"x.org"[..]));
        let to = first_address(envelope, EnvelopeField::To).unwrap();
        assert_eq!((&*to.name, &*to.mailbox, &*to.host), (&b""[..], &b"friends"[..], &b""[..]));
        assert_eq!(&*first_address(envelope, EnvelopeField::Cc).unwrap().mailbox, "ä".as_bytes());
    }

    #[test]
    fn what_is_no_envelope_has_no_addresses() {
        let envelope = b"(NIL NIL ((\"A\" NIL \"ab\" \"x.org\")) NIL NIL NIL NIL NIL NIL NIL)";
        assert_eq!(first_address(envelope, EnvelopeField::To), None);
        for end in 0..envelope.len() {
            let _ = first_address(&envelope[..end], EnvelopeField::Cc);
        }
        assert_eq!(first_address(b"", EnvelopeField::From), None);
        assert_eq!(first_address(b"(NIL) NIL", EnvelopeField::From), None);
    }
}
