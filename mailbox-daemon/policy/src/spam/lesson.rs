//! What people teach by what they do with their mail.
//!
//! | what happens | it teaches |
//! |---|---|
//! | a message comes into Junk from elsewhere: MOVE, COPY, APPEND | spam |
//! | it goes out of Junk, but not into Trash | ham |
//! | it is marked `$Junk` or `Junk` | spam |
//! | it is marked `$NotJunk`, `NotJunk` or `NonJunk` | ham |
//! | it is answered, and lies neither in Junk nor in Trash | ham, if nobody said what it is |
//! | it goes from INBOX to a mailbox of the owner's own making, or to the archive | ham, if nobody said what it is |
//! | it is appended to or marked in Sent or Drafts, or goes out of one of them other than into Junk | nothing |
//! | it is marked both ways at once | nothing |
//! | anything else; what the box itself does | nothing |

use super::Class;
use types::{Flags, Keyword, SpecialUse, SystemFlag};

/// Marks of mail programs for spam.
const SPAM_KEYWORDS: [&str; 2] = ["$Junk", "Junk"];
/// And for what is none.
const HAM_KEYWORDS: [&str; 3] = ["$NotJunk", "NotJunk", "NonJunk"];

/// What a mailbox is for, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Where mail arrives.
    Inbox,
    /// Unwanted mail.
    Junk,
    /// What is to go.
    Trash,
    /// What its owner wrote: sent mail and drafts.
    Written,
    /// Anything else.
    Other,
}

/// What somebody did with messages.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// MOVE or COPY from one mailbox to another.
    Went {
        /// Where they were.
        from: Role,
        /// Where they are now.
        to: Role,
    },
    /// APPEND.
    Came {
        /// Where to.
        to: Role,
        /// With which keywords.
        keywords: &'a [Keyword],
    },
    /// STORE added flags.
    Marked {
        /// Where they lie.
        lie_in: Role,
        /// System flags they have now that were asked for.
        flags: Flags,
        /// Keywords that were asked for.
        keywords: &'a [Keyword],
    },
}

/// What there is to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// Somebody said what it is. What was learnt of it otherwise is taken back.
    Said(Class),
    /// Somebody treats it as wanted; counts where nobody said what it is.
    Treated,
}

impl Role {
    /// Of a mailbox with this special use, or of INBOX.
    pub fn of(is_inbox: bool, special_use: Option<SpecialUse>) -> Role {
        match special_use {
            Some(SpecialUse::Junk) => Role::Junk,
            Some(SpecialUse::Trash) => Role::Trash,
            Some(SpecialUse::Sent | SpecialUse::Drafts) => Role::Written,
            Some(SpecialUse::Archive) => Role::Other,
            None if is_inbox => Role::Inbox,
            None => Role::Other,
        }
    }
}

/// What an act teaches.
pub fn lesson(act: &Act<'_>) -> Option<Lesson> {
    match *act {
        Act::Went { from, to } => went(from, to),
        Act::Came { to: Role::Written, .. } | Act::Marked { lie_in: Role::Written, .. } => None,
        Act::Came { to, keywords } => match (said(keywords), to) {
            (None, Role::Junk) => Some(Lesson::Said(Class::Spam)),
            (said, _) => said,
        },
        Act::Marked { lie_in, flags, keywords } => match (said(keywords), lie_in) {
            (None, Role::Inbox | Role::Other) if flags.has(SystemFlag::Answered) => Some(Lesson::Treated),
            (said, _) => said,
        },
    }
}

fn went(from: Role, to: Role) -> Option<Lesson> {
    match (from, to) {
        (Role::Junk, Role::Junk | Role::Trash) => None,
        (_, Role::Junk) => Some(Lesson::Said(Class::Spam)),
        (Role::Junk, _) => Some(Lesson::Said(Class::Ham)),
        (Role::Inbox, Role::Other) => Some(Lesson::Treated),
        _ => None,
    }
}

fn said(keywords: &[Keyword]) -> Option<Lesson> {
    let has = |names: &[&str]| {
        keywords.iter().any(|keyword| names.iter().any(|name| keyword.as_str().eq_ignore_ascii_case(name)))
    };
    match (has(&SPAM_KEYWORDS), has(&HAM_KEYWORDS)) {
        (true, false) => Some(Lesson::Said(Class::Spam)),
        (false, true) => Some(Lesson::Said(Class::Ham)),
        (true, true) | (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAM: Option<Lesson> = Some(Lesson::Said(Class::Spam));
    const HAM: Option<Lesson> = Some(Lesson::Said(Class::Ham));
    const TREATED: Option<Lesson> = Some(Lesson::Treated);
    const ROLES: [Role; 5] = [Role::Inbox, Role::Junk, Role::Trash, Role::Written, Role::Other];

    #[test]
    fn going_from_one_mailbox_to_another() {
        let table = [
            // to: Inbox, Junk, Trash, Written, Other
            (Role::Inbox, [None, SPAM, None, None, TREATED]),
            (Role::Junk, [HAM, None, None, HAM, HAM]),
            (Role::Trash, [None, SPAM, None, None, None]),
            (Role::Written, [None, SPAM, None, None, None]),
            (Role::Other, [None, SPAM, None, None, None]),
        ];
        for (from, expected) in table {
            let found = ROLES.map(|to| lesson(&Act::Went { from, to }));
            assert_eq!(found, expected, "from {from:?}");
        }
    }

    #[test]
    fn keywords_and_answers() {
        let answered = Flags::system(SystemFlag::Answered);
        for (keywords, flags, expected) in [
            ("", Flags::NONE, [None; 5]),
            ("$junk", answered, [SPAM, SPAM, SPAM, None, SPAM]),
            ("Junk other", Flags::NONE, [SPAM, SPAM, SPAM, None, SPAM]),
            ("NonJunk", Flags::NONE, [HAM, HAM, HAM, None, HAM]),
            ("$NotJunk", Flags::NONE, [HAM, HAM, HAM, None, HAM]),
            ("$NotJunk $Junk", Flags::NONE, [None; 5]),
            ("", answered, [TREATED, None, None, None, TREATED]),
            ("", Flags::system(SystemFlag::Seen), [None; 5]),
        ] {
            let keywords: Vec<Keyword> =
                keywords.split_ascii_whitespace().map(|word| Keyword::parse(word).unwrap()).collect();
            let found = ROLES.map(|lie_in| lesson(&Act::Marked { lie_in, flags, keywords: &keywords }));
            assert_eq!(found, expected, "{keywords:?}");
            let came = ROLES.map(|to| lesson(&Act::Came { to, keywords: &keywords }));
            let unsaid = [None, SPAM, None, None, None];
            let expected: Vec<_> = (expected.iter().zip(unsaid))
                .map(|(marked, unsaid)| marked.filter(|marked| *marked != Lesson::Treated).or(unsaid))
                .collect();
            assert_eq!(came[..], expected, "{keywords:?}");
        }
    }

    #[test]
    fn roles_of_mailboxes() {
        assert_eq!(Role::of(true, None), Role::Inbox);
        assert_eq!(Role::of(false, None), Role::Other);
        assert_eq!(Role::of(false, Some(SpecialUse::Drafts)), Role::Written);
        assert_eq!(Role::of(true, Some(SpecialUse::Junk)), Role::Junk);
    }
}
