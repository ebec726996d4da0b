use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// A mailbox's name in UTF-8 with `/` between levels; `INBOX` in any case is the one INBOX (RFC 9051 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MailboxName(String);

/// Why a mailbox name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MailboxNameError {
    /// Nothing left of the name, or an empty level (`a//b`).
    #[error("a mailbox name has at least one character in every level")]
    Empty,
    /// More bytes or levels than a file system or client can take.
    #[error(
        "a mailbox name has at most {} bytes and {} levels",
        MailboxName::BYTES_MAX,
        MailboxName::LEVELS_MAX
    )]
    TooLong,
    /// A control character, or `.`/`..` as a level.
    #[error("a mailbox name has no control characters and no level called . or ..")]
    Forbidden,
}

impl MailboxName {
    /// Longest name, in bytes of UTF-8. Its Maildir++ folder name (modified UTF-7) must stay under 255 too.
    pub const BYTES_MAX: usize = 200;
    /// Deepest nesting.
    pub const LEVELS_MAX: usize = 16;
    /// The separator between levels.
    pub const SEPARATOR: char = '/';

    /// The mailbox every account has.
    pub fn inbox() -> MailboxName {
        MailboxName("INBOX".to_owned())
    }

    /// Parses decoded UTF-8 (the protocol floor undoes modified UTF-7 first), normalising it to NFC; one trailing separator is dropped.
    pub fn parse(text: &str) -> Result<MailboxName, MailboxNameError> {
        let text: String = text.strip_suffix(Self::SEPARATOR).unwrap_or(text).nfc().collect();
        let levels: Vec<&str> = text.split(Self::SEPARATOR).collect();
        if levels.iter().any(|level| level.is_empty()) {
            return Err(MailboxNameError::Empty);
        }
        if levels.iter().any(|level| matches!(*level, "." | ".."))
            || text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            return Err(MailboxNameError::Forbidden);
        }
        if text.len() > Self::BYTES_MAX || levels.len() > Self::LEVELS_MAX {
            return Err(MailboxNameError::TooLong);
        }
        match levels[0].eq_ignore_ascii_case("INBOX") {
            true => Ok(MailboxName(format!("INBOX{}", &text[5..]))),
            false => Ok(MailboxName(text)),
        }
    }

    /// Whether this is INBOX itself.
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names of the levels.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.split(Self::SEPARATOR)
    }

    /// The mailbox one level up; `None` at the top.
    pub fn parent(&self) -> Option<MailboxName> {
        self.0.rsplit_once(Self::SEPARATOR).map(|(parent, _)| MailboxName(parent.to_owned()))
    }

    /// Whether this lies anywhere below `ancestor`.
    pub fn is_below(&self, ancestor: &MailboxName) -> bool {
        self.0.strip_prefix(&ancestor.0).is_some_and(|rest| rest.starts_with(Self::SEPARATOR))
    }

    /// The name after `from` became `to`: for `from` itself and everything below it, `None` for others.
    pub fn renamed(
        &self,
        from: &MailboxName,
        to: &MailboxName,
    ) -> Option<Result<MailboxName, MailboxNameError>> {
        let rest = self.0.strip_prefix(&from.0)?;
        (rest.is_empty() || rest.starts_with(Self::SEPARATOR))
            .then(|| MailboxName::parse(&format!("{}{rest}", to.0)))
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a mailbox is for (RFC 6154 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SpecialUse {
    /// Messages kept but out of the way.
    Archive,
    /// Messages being written.
    Drafts,
    /// Unwanted mail.
    Junk,
    /// Copies of what was sent.
    Sent,
    /// Messages on their way out.
    Trash,
}

impl SpecialUse {
    /// All of them; each account gets a mailbox for each when it is made.
    pub const ALL: [SpecialUse; 5] =
        [SpecialUse::Drafts, SpecialUse::Sent, SpecialUse::Junk, SpecialUse::Trash, SpecialUse::Archive];

    /// The attribute as LIST writes it.
    pub fn attribute(self) -> &'static str {
        match self {
            SpecialUse::Archive => "\\Archive",
            SpecialUse::Drafts => "\\Drafts",
            SpecialUse::Junk => "\\Junk",
            SpecialUse::Sent => "\\Sent",
            SpecialUse::Trash => "\\Trash",
        }
    }

    /// The mailbox made for it with a new account.
    pub fn default_name(self) -> MailboxName {
        MailboxName(self.attribute()[1..].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        for (name, error) in [
            ("", MailboxNameError::Empty),
            ("/", MailboxNameError::Empty),
            ("a//b", MailboxNameError::Empty),
            ("/a", MailboxNameError::Empty),
            ("..", MailboxNameError::Forbidden),
            ("a/../b", MailboxNameError::Forbidden),
            ("a\0b", MailboxNameError::Forbidden),
            ("a\r\nb", MailboxNameError::Forbidden),
        ] {
            assert_eq!(MailboxName::parse(name), Err(error), "{name:?}");
        }
        assert_eq!(MailboxName::parse(&"x".repeat(201)), Err(MailboxNameError::TooLong));
        assert_eq!(MailboxName::parse(&["x"; 17].join("/")), Err(MailboxNameError::TooLong));
    }

    #[test]
    fn inbox_has_one_spelling() {
        assert_eq!(MailboxName::parse("inbox"), Ok(MailboxName::inbox()));
        assert_eq!(MailboxName::parse("iNbOx/Kid").expect("valid").as_str(), "INBOX/Kid");
        assert_eq!(MailboxName::parse("Inboxes").expect("valid").as_str(), "Inboxes");
    }

    #[test]
    fn renames_carry_children() {
        let name = |text| MailboxName::parse(text).expect("valid");
        assert_eq!(name("a/b").renamed(&name("a"), &name("c/d")), Some(Ok(name("c/d/b"))));
        assert_eq!(name("ab").renamed(&name("a"), &name("c")), None);
    }
}
