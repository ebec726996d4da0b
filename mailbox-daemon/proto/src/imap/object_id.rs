//! Object identifiers (RFC 8474). The letter in front keeps the three kinds apart.

use std::fmt;

/// What identifies a mailbox, a message's content or a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectId {
    /// MAILBOXID.
    Mailbox(u64),
    /// EMAILID.
    Email(u64),
    /// THREADID.
    Thread(u64),
}

impl ObjectId {
    /// Longest one, in octets (RFC 8474 section 7).
    pub const BYTES_MAX: usize = 255;

    /// Whether that could be an identifier of somebody.
    pub fn is_one(text: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        (1..=Self::BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectId::Mailbox(number) => write!(f, "F{number:016x}"),
            ObjectId::Email(number) => write!(f, "M{number:016x}"),
            ObjectId::Thread(number) => write!(f, "T{number:016x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_spelled_as_the_rfc_allows() {
        for id in [ObjectId::Mailbox(u64::MAX), ObjectId::Email(0), ObjectId::Thread(u64::MAX)] {
            assert!(ObjectId::is_one(&id.to_string()), "{id}");
        }
        for other in ["", "a b", "ä", "x.y", &"x".repeat(256)] {
            assert!(!ObjectId::is_one(other), "{other}");
        }
    }
}
