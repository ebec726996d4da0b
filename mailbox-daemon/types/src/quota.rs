use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How much mail an account may hold. What is not limited is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Octets of all its messages together.
    pub storage: Option<ByteSize>,
    /// Messages.
    pub messages: Option<u64>,
}

/// How much mail an account holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages.
    pub messages: u64,
    /// Their octets.
    pub bytes: u64,
}

impl Quota {
    /// Whether nothing is limited.
    pub fn is_unlimited(self) -> bool {
        self == Quota::default()
    }

    /// Whether an account that holds `used` may take `more`.
    pub fn has_room(self, used: Usage, more: Usage) -> bool {
        let fits = |limit: Option<u64>, used: u64, more: u64| {
            limit.is_none_or(|limit| used.saturating_add(more) <= limit)
        };
        fits(self.storage.map(|size| size.0), used.bytes, more.bytes)
            && fits(self.messages, used.messages, more.messages)
    }
}

/// A number of octets, written `5G`, `500M`, `64K` (of 1024 each) or plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ByteSize(pub u64);

/// Why a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a size is a number of bytes, or a number with K, M, G or T behind it")]
pub struct ByteSizeError;

const UNITS: [(char, u64); 4] = [('T', 1 << 40), ('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10)];

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<ByteSize, ByteSizeError> {
        let unit =
            UNITS.into_iter().find(|(letter, _)| text.ends_with([*letter, letter.to_ascii_lowercase()]));
        let (digits, unit) = unit.map_or((text, 1), |(_, unit)| (&text[..text.len() - 1], unit));
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ByteSizeError);
        }
        let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        // IMAP tells sizes in 63 bits (RFC 9208 section 3.1.2).
        bytes.filter(|bytes| i64::try_from(*bytes).is_ok()).map(ByteSize).ok_or(ByteSizeError)
    }
}

/// The largest unit that says it exactly.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.into_iter().find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit)) {
            Some((letter, unit)) => write!(f, "{}{letter}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

/// People write sizes with units, programs as numbers.
impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
        if !deserializer.is_human_readable() {
            return u64::deserialize(deserializer).map(ByteSize);
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bytes(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Bytes(bytes) => Ok(ByteSize(bytes)),
            Written::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes, written) in [
            ("5G", 5 << 30, "5G"),
            ("1024m", 1 << 30, "1G"),
            ("64K", 65_536, "64K"),
            ("1000", 1000, "1000"),
            ("0", 0, "0"),
            ("2T", 2 << 40, "2T"),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
            assert_eq!(ByteSize(bytes).to_string(), written);
        }
        for text in ["", "G", "5 G", "-5G", "5GB", "1.5G", "99999999999T", "9223372036854775808"] {
            assert_eq!(text.parse::<ByteSize>(), Err(ByteSizeError), "{text}");
        }
    }

    #[test]
    fn what_fits_exactly_fits() {
        let quota = Quota { storage: Some(ByteSize(100)), messages: Some(3) };
        let usage = |messages, bytes| Usage { messages, bytes };
        assert!(quota.has_room(usage(2, 40), usage(1, 60)));
        assert!(!quota.has_room(usage(2, 40), usage(1, 61)));
        assert!(!quota.has_room(usage(3, 40), usage(1, 1)));
        assert!(Quota::default().has_room(usage(u64::MAX, u64::MAX), usage(1, 1)));
    }
}
