use crate::{Flags, SystemFlag};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{BitAnd, BitOr, Sub};
use thiserror::Error;

/// One thing that may be allowed with a mailbox (RFC 4314 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// `l`: it appears in lists.
    Lookup,
    /// `r`: it can be opened.
    Read,
    /// `s`: `\Seen` can be set.
    Seen,
    /// `w`: flags other than `\Seen` and `\Deleted` can be set.
    Write,
    /// `i`: messages can be put into it.
    Insert,
    /// `p`: mail can be sent to it. Nothing asks for it here; it is kept for other programs.
    Post,
    /// `k`: mailboxes can be made below it.
    CreateBelow,
    /// `x`: it can be deleted and renamed.
    DeleteMailbox,
    /// `t`: `\Deleted` can be set.
    DeleteMessages,
    /// `e`: messages with `\Deleted` can be removed.
    Expunge,
    /// `a`: its rights can be seen and changed.
    Administer,
}

impl Right {
    /// All of them, in the order they are written.
    pub const ALL: [Right; 11] = [
        Right::Lookup,
        Right::Read,
        Right::Seen,
        Right::Write,
        Right::Insert,
        Right::Post,
        Right::CreateBelow,
        Right::DeleteMailbox,
        Right::DeleteMessages,
        Right::Expunge,
        Right::Administer,
    ];

    /// Its letter.
    pub fn letter(self) -> char {
        char::from(b"lrswipkxtea"[self as usize])
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rights(u16);

/// A letter that is no right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no right called {0}")]
pub struct UnknownRight(pub char);

impl Rights {
    /// No right at all.
    pub const NONE: Rights = Rights(0);
    /// Every right.
    pub const ALL: Rights = Rights((1 << Right::ALL.len()) - 1);

    /// These and no others.
    pub fn of(rights: &[Right]) -> Rights {
        Rights(rights.iter().fold(0, |bits, right| bits | 1 << *right as u16))
    }

    /// Whether a right is in the set.
    pub fn has(self, right: Right) -> bool {
        self.0 & (1 << right as u16) != 0
    }

    /// Whether the sets share a right.
    pub fn has_any(self, others: Rights) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Reads letters in any order; `c` stands for `kx` and `d` for `te` (RFC 4314 section 2.1.1).
    pub fn parse(letters: &str) -> Result<Rights, UnknownRight> {
        letters.chars().try_fold(Rights::NONE, |rights, letter| {
            Ok(rights
                | match letter {
                    'c' => Rights::of(&[Right::CreateBelow, Right::DeleteMailbox]),
                    'd' => Rights::of(&[Right::DeleteMessages, Right::Expunge]),
                    _ => match Right::ALL.into_iter().find(|right| right.letter() == letter) {
                        Some(right) => Rights::of(&[right]),
                        None => return Err(UnknownRight(letter)),
                    },
                })
        })
    }
}

/// The flags somebody may set and clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settable {
    /// System flags.
    pub system: Flags,
    /// Whether keywords too.
    pub keywords: bool,
}

impl Settable {
    /// Every flag.
    pub const ALL: Settable = Settable { system: Flags::SYSTEM, keywords: true };

    /// Those of the flags that may be set.
    pub fn of(self, flags: Flags) -> Flags {
        let keywords = flags.without(Flags::SYSTEM);
        let system = flags.without(keywords).without(Flags::SYSTEM.without(self.system));
        if self.keywords { system.with(keywords) } else { system }
    }

    /// Whether there are none.
    pub fn is_none(self) -> bool {
        self.system.is_empty() && !self.keywords
    }
}

impl Rights {
    /// The flags these rights let set (RFC 4314 section 4).
    pub fn settable(self) -> Settable {
        let needs = |flag: &SystemFlag| match flag {
            SystemFlag::Deleted => Right::DeleteMessages,
            SystemFlag::Seen => Right::Seen,
            SystemFlag::Answered | SystemFlag::Draft | SystemFlag::Flagged => Right::Write,
        };
        let allowed = SystemFlag::ALL.into_iter().filter(|flag| self.has(needs(flag)));
        Settable {
            system: allowed.fold(Flags::NONE, |flags, flag| flags.with(Flags::system(flag))),
            keywords: self.has(Right::Write),
        }
    }
}

impl BitOr for Rights {
    type Output = Rights;

    fn bitor(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }
}

impl BitAnd for Rights {
    type Output = Rights;

    fn bitand(self, other: Rights) -> Rights {
        Rights(self.0 & other.0)
    }
}

impl Sub for Rights {
    type Output = Rights;

    fn sub(self, other: Rights) -> Rights {
        Rights(self.0 & !other.0)
    }
}

/// The letters, without the old ones.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Right::ALL.into_iter().filter(|right| self.has(*right)).try_for_each(|right| {
            use fmt::Write;
            f.write_char(right.letter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_back() {
        assert_eq!(Rights::parse("rl").map(|rights| rights.to_string()).as_deref(), Ok("lr"));
        assert_eq!(Rights::parse("lcd").map(|rights| rights.to_string()).as_deref(), Ok("lkxte"));
        assert_eq!(Rights::parse("lrQ"), Err(UnknownRight('Q')));
        assert_eq!(Rights::ALL.to_string(), "lrswipkxtea");
        assert_eq!(Rights::parse(&Rights::ALL.to_string()), Ok(Rights::ALL));
        assert!(Rights::parse("").is_ok_and(Rights::is_empty));
    }

    #[test]
    fn rights_decide_which_flags_can_be_set() {
        let seen = Flags::system(SystemFlag::Seen);
        let deleted = Flags::system(SystemFlag::Deleted);
        let keyword = Flags::keyword(3).expect("a slot");
        let settable = |letters| Rights::parse(letters).expect("rights").settable();
        assert_eq!(settable("s").of(seen.with(deleted).with(keyword)), seen);
        assert_eq!(settable("wt").of(seen.with(deleted).with(keyword)), deleted.with(keyword));
        assert_eq!(Rights::ALL.settable(), Settable::ALL);
        assert!(settable("lrikxepa").is_none());
    }

    #[test]
    fn sets_are_sets() {
        let (lr, rw) = (Rights::parse("lr").expect("rights"), Rights::parse("rw").expect("rights"));
        assert_eq!((lr | rw).to_string(), "lrw");
        assert_eq!((lr & rw).to_string(), "r");
        assert_eq!((lr - rw).to_string(), "l");
        assert!(lr.has_any(rw) && lr.has(Right::Lookup) && !lr.has(Right::Write));
    }
}
