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

    fn bit(self) -> u64 {
        1 << match self {
            SystemFlag::Answered => 0,
            SystemFlag::Flagged => 1,
            SystemFlag::Deleted => 2,
            SystemFlag::Seen => 3,
            SystemFlag::Draft => 4,
        }
    }
}

/// A message's flags in one word: five system flags and the mailbox's keywords by slot. The first slots have letters in Maildir
/// names, `a` to `z`; the others are written elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags(u64);

impl Flags {
    /// How many keywords one mailbox can name.
    pub const KEYWORDS_MAX: usize = 58;
    /// How many of them have a letter.
    pub const LETTERS: usize = 26;
    const KEYWORD_SHIFT: u32 = 5;
    const LETTERLESS_SHIFT: u32 = Self::KEYWORD_SHIFT + Self::LETTERS as u32;
    const VALID: u64 = (1 << (Self::KEYWORD_SHIFT + Self::KEYWORDS_MAX as u32)) - 1;
    const LETTERED: u64 = (1 << Self::LETTERLESS_SHIFT) - 1;

    /// No flag at all.
    pub const NONE: Flags = Flags(0);

    /// Every system flag.
    pub const SYSTEM: Flags = Flags((1 << Self::KEYWORD_SHIFT) - 1);

    /// The stored word; bits that mean nothing are dropped.
    pub fn from_bits(bits: u64) -> Flags {
        Flags(bits & Self::VALID)
    }

    /// The word to store; the highest bit is never set.
    pub fn bits(self) -> u64 {
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

    /// The keywords without letters, from a word that has the first of them in its lowest bit.
    pub fn from_letterless(word: u32) -> Flags {
        Flags(u64::from(word) << Self::LETTERLESS_SHIFT)
    }

    /// The keywords without letters, the first of them in the lowest bit.
    pub fn letterless(self) -> u32 {
        (self.0 >> Self::LETTERLESS_SHIFT) as u32
    }

    /// What a Maildir name tells of these flags: the system flags and the keywords with letters.
    pub fn lettered(self) -> Flags {
        Flags(self.0 & Self::LETTERED)
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
        let mut left = self.0 >> Self::KEYWORD_SHIFT;
        std::iter::from_fn(move || {
            let slot = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (slot < Self::KEYWORDS_MAX).then_some(slot)
        })
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
        let last = Flags::KEYWORDS_MAX - 1;
        let flags = Flags::system(SystemFlag::Seen).with(Flags::keyword(last).expect("the last slot"));
        assert_eq!(flags.keyword_slots().collect::<Vec<_>>(), [last]);
        assert!(flags.has(SystemFlag::Seen) && !flags.has(SystemFlag::Draft));
        assert_eq!(Flags::keyword(Flags::KEYWORDS_MAX), None);
        assert_eq!(Flags::from_bits(flags.bits()), flags);
        assert_eq!(Flags::from_bits(u64::MAX).bits() >> 63, 0);
    }

    #[test]
    fn letters_end_after_z() {
        let [z, next] = [25, 26].map(|slot| Flags::keyword(slot).expect("both are slots"));
        assert_eq!((z.letterless(), z.lettered()), (0, z));
        assert_eq!((next.letterless(), next.lettered()), (1, Flags::NONE));
        let all = Flags::from_bits(u64::MAX);
        assert_eq!(all.lettered().with(Flags::from_letterless(all.letterless())), all);
        assert_eq!(all.keyword_slots().count(), Flags::KEYWORDS_MAX);
    }

    #[test]
    fn keywords_are_atoms_without_case() {
        assert_eq!(Keyword::parse("$Junk"), Keyword::parse("$JUNK"));
        for bad in ["", "a b", "\\Seen", "x(", "grün", "a]"] {
            assert_eq!(Keyword::parse(bad), Err(KeywordError::NotAnAtom), "{bad}");
        }
    }
}
