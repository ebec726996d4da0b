use super::header::Field;
use crate::sieve::work::{Spent, Work};
use proto::mime::address::{self, Entry, Mailbox};
use std::borrow::Cow;

/// Reading a field, whatever its size.
const FIELD_STEPS: usize = 32;

/// One address of a field, without names, comments and groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldAddress {
    /// All of it; of one that is not valid what was written.
    all: Vec<u8>,
    /// What stands before and behind the `@`, unquoted; `None` in what is no valid address.
    parts: Option<(Vec<u8>, Vec<u8>)>,
}

impl FieldAddress {
    /// The whole address as it is written, or what stands there instead of a valid one.
    pub fn all(&self) -> &[u8] {
        &self.all
    }

    /// What stands before the `@`, without quotes; `None` if the address is not valid (RFC 5228 section 2.7.4).
    pub fn local_part(&self) -> Option<&[u8]> {
        self.parts.as_ref().map(|(local, _)| local.as_slice())
    }

    /// What stands behind the `@`; `None` if the address is not valid.
    pub fn domain(&self) -> Option<&[u8]> {
        self.parts.as_ref().map(|(_, domain)| domain.as_slice())
    }

    /// What it takes in memory.
    fn bytes(&self) -> usize {
        size_of::<FieldAddress>() + 2 * self.all.len()
    }
}

impl Field<'_> {
    /// The addresses in this field, those within groups too (RFC 5228 section 5.1). A field without a single valid address gives its
    /// whole text, which `:all` may match. They are kept for the next test as long as there is memory.
    pub fn addresses(&self, work: &mut Work) -> Result<Cow<'_, [FieldAddress]>, Spent> {
        if let Some(addresses) = self.addresses.get() {
            work.spend(FIELD_STEPS + addresses.len())?;
            return Ok(Cow::Borrowed(addresses));
        }
        work.spend(self.value().len() + FIELD_STEPS)?;
        let addresses = self.read_addresses();
        let bytes = addresses.iter().map(FieldAddress::bytes).sum();
        Ok(match work.take(bytes) {
            Ok(()) => Cow::Borrowed(self.addresses.get_or_init(|| addresses.into())),
            Err(_) => Cow::Owned(addresses),
        })
    }

    fn read_addresses(&self) -> Vec<FieldAddress> {
        let entries = address::parse(self.value());
        let holds_group = entries.iter().any(|entry| matches!(entry, Entry::GroupStart(_)));
        let mut addresses: Vec<FieldAddress> = entries.into_iter().filter_map(valid).collect();
        if addresses.is_empty() && !holds_group {
            addresses.push(FieldAddress { all: self.text().to_vec(), parts: None });
        }
        addresses
    }
}

fn valid(entry: Entry) -> Option<FieldAddress> {
    match entry {
        Entry::Mailbox(mailbox) if mailbox.valid => {
            Some(FieldAddress { all: written(&mailbox), parts: Some((mailbox.local, mailbox.domain)) })
        }
        Entry::Mailbox(_) | Entry::GroupStart(_) | Entry::GroupEnd => None,
    }
}

/// `local@domain`, the local part quoted where it must be (RFC 5322 section 3.4.1).
fn written(mailbox: &Mailbox) -> Vec<u8> {
    let is_plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(byte) || *byte >= 0x80;
    let mut all = Vec::with_capacity(mailbox.local.len() + 1 + mailbox.domain.len());
    if !mailbox.local.is_empty() && mailbox.local.iter().all(is_plain) {
        all.extend_from_slice(&mailbox.local);
    } else {
        all.push(b'"');
        for byte in &mailbox.local {
            if matches!(byte, b'"' | b'\\') {
                all.push(b'\\');
            }
            all.push(*byte);
        }
        all.push(b'"');
    }
    all.push(b'@');
    all.extend_from_slice(&mailbox.domain);
    all
}

#[cfg(test)]
mod tests {
    use super::super::Header;
    use super::*;

    fn addresses(value: &str) -> Vec<FieldAddress> {
        let raw = format!("To: {value}\r\n");
        let header = Header::new(raw.as_bytes());
        let field = header.named("to").next().unwrap();
        field.addresses(&mut Work::new(10_000, 0)).unwrap().into_owned()
    }

    #[test]
    fn addresses_stand_without_names_comments_and_groups() {
        for (value, expected) in [
            ("tim@example.com", &[("tim", "example.com")][..]),
            (
                "\"Tim, or so\" <tim(!)@Example.COM>, ben@b.test (Ben)",
                &[("tim", "Example.COM"), ("ben", "b.test")],
            ),
            (
                "friends: a@b.test,\r\n c@d.test; , e@f.test",
                &[("a", "b.test"), ("c", "d.test"), ("e", "f.test")],
            ),
            ("=?utf-8?q?J=C3=B6rg?= <j@b.test>", &[("j", "b.test")]),
            ("<@relay.test:a@b.test>", &[("a", "b.test")]),
            ("a..b@c.test", &[("a..b", "c.test")]),
            ("undisclosed-recipients:;", &[]),
        ] {
            let found = addresses(value);
            let parts: Vec<_> =
                found.iter().map(|found| (found.local_part().unwrap(), found.domain().unwrap())).collect();
            let expected: Vec<_> =
                expected.iter().map(|(local, domain)| (local.as_bytes(), domain.as_bytes())).collect();
            assert_eq!(parts, expected, "{value}");
            for (found, (local, domain)) in found.iter().zip(expected) {
                assert_eq!(found.all(), [local, b"@", domain].concat());
            }
        }
    }

    #[test]
    fn addresses_are_read_once() {
        let raw = format!("To: a@b.test{}\r\n", ", c@d.test".repeat(1000));
        let header = Header::new(raw.as_bytes());
        let field = header.named("to").next().unwrap();
        let mut work = Work::new(raw.len() as u64 + 4000, 1_000_000);
        let read = field.addresses(&mut work).unwrap().into_owned();
        assert_eq!(read.len(), 1001);
        assert_eq!(field.addresses(&mut work).as_deref(), Ok(&read[..]));
        assert_eq!(field.addresses(&mut work).as_deref(), Ok(&read[..]));
    }

    #[test]
    fn quotes_belong_to_the_whole_address_alone() {
        let found = addresses("\"a \\\"b\"@c.test");
        assert_eq!(found[0].all(), b"\"a \\\"b\"@c.test");
        assert_eq!(found[0].local_part(), Some(&b"a \"b"[..]));
    }

    #[test]
    fn what_is_no_address_has_no_parts() {
        for (value, all) in [
            ("nonsense", "nonsense"),
            ("", ""),
            ("stephan@", "stephan@"),
            ("@example.org", "@example.org"),
            ("\"William <w@s.test>\"", "\"William <w@s.test>\""),
        ] {
            let found = addresses(value);
            assert_eq!(found.len(), 1, "{value}");
            assert_eq!(
                (found[0].all(), found[0].local_part(), found[0].domain()),
                (all.as_bytes(), None, None)
            );
        }
        let found = addresses("nico@frop.test, @example.org");
        assert_eq!(found.iter().filter_map(FieldAddress::domain).collect::<Vec<_>>(), [b"frop.test"]);
        assert_eq!(addresses("one thing, another")[0].all(), b"one thing, another");
    }
}
