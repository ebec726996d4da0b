use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// A system flag of RFC 9051 section 2.3.2 (`\Recent` is a session's matter and not stored).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemFlag {
    /// `\Answered`, Maildir letter `R`.
    Answered,
    /// `\Deleted`, Maildir letter `T`.
    Deleted,
    /// `\Draft`, Maildir letter `D`.
    Draft,
    /// `\Flagged`, Maildir letter `F`.
    Flagged,
    /// `\Seen`, Maildir letter `S`.
    Seen,
}

impl SystemFlag {
    /// All of them, in the order Maildir letters sort (D F R S T).
    pub const ALL: [SystemFlag; 5] =
        [SystemFlag::Draft, SystemFlag::Flagged, SystemFlag::Answered, SystemFlag::Seen, SystemFlag::Deleted];

    /// The flag's name as IMAP writes it.
    pub fn imap_name(self) -> &'static str {
        match self {
            SystemFlag::Answered => "\\Answered",
            SystemFlag::Deleted => "\\Deleted",
            SystemFlag::Draft => "\\Draft",
            SystemFlag::Flagged => "\\Flagged",
            SystemFlag::Seen => "\\Seen",
        }
    }

    /// The letter after `:2,` in a Maildir file name.
    pub fn maildir_letter(self) -> char {
        match self {
            SystemFlag::Answered => 'R',
            SystemFlag::Deleted => 'T',
            SystemFlag::Draft => 'D',
            SystemFlag::Flagged => 'F',
            SystemFlag::Seen => 'S',
        }
    }

    fn bit(self) -> u32 {
        1 << match self {
            SystemFlag::Answered => 0,
            SystemFlag::Flagged => 1,
            SystemFlag::Deleted => 2,
            SystemFlag::Seen => 3,
            SystemFlag::Draft => 4,
        }
    }
}

/// A message's flags in one word: five system flags and the mailbox's keywords by slot (0 to 25, Maildir letters `a` to `z`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags(u32);

impl Flags {
    /// How many keywords one mailbox can name.
    pub const KEYWORDS_MAX: usize = 26;
    const KEYWORD_SHIFT: u32 = 5;
    const VALID: u32 = (1 << (Self::KEYWORD_SHIFT + Self::KEYWORDS_MAX as u32)) - 1;

    /// No flag at all.
    pub const NONE: Flags = Flags(0);

    /// Every system flag.
    pub const SYSTEM: Flags = Flags((1 << Self::KEYWORD_SHIFT) - 1);

    /// The stored word; bits that mean nothing are dropped.
    pub fn from_bits(bits: u32) -> Flags {
        Flags(bits & Self::VALID)
    }

    /// The word to store.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// One system flag.
    pub fn system(flag: SystemFlag) -> Flags {
        Flags(flag.bit())
    }

    /// One keyword slot; `None` beyond the last.
    pub fn keyword(slot: usize) -> Option<Flags> {
        (slot < Self::KEYWORDS_MAX).then(|| Flags(1 << (Self::KEYWORD_SHIFT + slot as u32)))
    }

    /// Whether the system flag is set.
    pub fn has(self, flag: SystemFlag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Whether every flag of `other` is set.
    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Flags of either.
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// These flags without those of `other`.
    pub fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// Whether no flag is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The keyword slots that are set, ascending.
    pub fn keyword_slots(self) -> impl Iterator<Item = usize> {
        (0..Self::KEYWORDS_MAX).filter(move |slot| self.0 & (1 << (Self::KEYWORD_SHIFT + *slot as u32)) != 0)
    }
}

/// A keyword's name as a client gave it: an IMAP atom, compared without regard to ASCII case (RFC 9051 section 2.3.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keyword(String);

/// Why a keyword was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeywordError {
    /// Empty, longer than the limit, or with a character an atom cannot have.
    #[error("a keyword is 1 to {} letters, digits or signs an IMAP atom allows", Keyword::BYTES_MAX)]
    NotAnAtom,
}

impl Keyword {
    /// Longest keyword, in bytes.
    pub const BYTES_MAX: usize = 100;

    /// Parses an atom that is not a system flag.
    pub fn parse(text: &str) -> Result<Keyword, KeywordError> {
        let atom_byte = |byte: u8| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte);
        match !text.is_empty() && text.len() <= Self::BYTES_MAX && text.bytes().all(atom_byte) {
            true => Ok(Keyword(text.to_owned())),
            false => Err(KeywordError::NotAnAtom),
        }
    }

    /// The name as first given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Keyword) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyword_slots_do_not_touch_system_flags() {
        let flags = Flags::system(SystemFlag::Seen).with(Flags::keyword(25).expect("slot 25 exists"));
        assert_eq!(flags.keyword_slots().collect::<Vec<_>>(), [25]);
        assert!(flags.has(SystemFlag::Seen) && !flags.has(SystemFlag::Draft));
        assert_eq!(Flags::keyword(26), None);
        assert_eq!(Flags::from_bits(flags.bits()), flags);
    }

    #[test]
    fn keywords_are_atoms_without_case() {
        assert_eq!(Keyword::parse("$Junk"), Keyword::parse("$JUNK"));
        for bad in ["", "a b", "\\Seen", "x(", "grün", "a]"] {
            assert_eq!(Keyword::parse(bad), Err(KeywordError::NotAnAtom), "{bad}");
        }
    }
}
