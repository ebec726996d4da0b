//! Which message a message is, wherever it lies and however it came there.

use super::Learner;
use proto::smtp::header::fields;
use types::Address;

/// So much of a body tells messages apart.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Fields their author gave them; those that machines add on the way, and that mail programs change when they copy, are left out.
const FIELDS: [&str; 5] = ["From", "To", "Subject", "Date", "Message-ID"];

/// A number all copies of a message share: what its author wrote decides, not what was added on its way, nor how its lines end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity(pub u64);

impl Identity {
    /// Of a message as it is stored or came.
    pub fn of(message: &[u8]) -> Identity {
        let mut hash = Fnv::default();
        let mut header = fields(message);
        for field in header.by_ref() {
            let Some(number) =
                FIELDS.iter().position(|name| field.name.eq_ignore_ascii_case(name.as_bytes()))
            else {
                continue;
            };
            hash.byte(number as u8);
            for word in field.value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
                hash.bytes(word);
                hash.byte(b' ');
            }
        }
        let body = header.rest();
        let body = &body[..body.len().min(BODY_BYTES_MAX)];
        for line in body.trim_ascii().split(|byte| *byte == b'\n') {
            hash.bytes(line.trim_ascii_end());
            hash.byte(b'\n');
        }
        Identity(hash.mixed())
    }
}

impl Learner {
    /// An account's own.
    pub fn of(account: &Address) -> Learner {
        let mut hash = Fnv::default();
        hash.bytes(account.folded_without_tag().to_string().as_bytes());
        Learner(hash.mixed().max(1))
    }
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    /// FNV's high bits change little with the last bytes.
    fn mixed(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_one_message() {
        let message = "From: a@b.test\r\nTo: ana@home.test\r\nSubject: one\r\n two\r\nMessage-ID: <1@b.test>\r\n\r\nHello\r\nthere\r\n";
        let identity = Identity::of(message.as_bytes());
        let delivered =
            format!("Return-Path: <a@b.test>\r\nX-Mailbox-Spam: no\r\nReceived: from x\r\n{message}");
        let unix = message.replace("\r\n", "\n");
        let refolded = message.replace("one\r\n two", "one two");
        let with_status = message.replace("Subject", "X-Mozilla-Status: 0001\r\nSubject") + "\r\n";
        for copy in [delivered, unix, refolded, with_status] {
            assert_eq!(Identity::of(copy.as_bytes()), identity, "{copy}");
        }
        for (what, by) in
            [("one", "1"), ("<1@", "<2@"), ("Hello", "hello"), ("there", "here"), ("ana@", "ben@")]
        {
            assert_ne!(Identity::of(message.replace(what, by).as_bytes()), identity, "{what}");
        }
        assert_ne!(Identity::of(b""), identity);
    }

    #[test]
    fn learners_are_accounts() {
        let of = |address: &str| Learner::of(&Address::parse(address).unwrap());
        assert_eq!(of("Ana@home.test"), of("ana@home.test"));
        assert_ne!(of("ana@home.test"), of("ben@home.test"));
        assert_ne!(of("ana@home.test"), Learner::HOUSEHOLD);
    }
}
