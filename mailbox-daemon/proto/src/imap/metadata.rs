//! What the commands of RFC 5464 speak of.

use super::command::MailboxArgument;

/// The name of an annotation, in lower case: names are compared without regard to case (RFC 5464 section 3.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryName(String);

impl EntryName {
    /// Longest name, in bytes.
    pub const BYTES_MAX: usize = 255;

    /// A name or the level above names, `/shared` or `/private` and what follows; `None` for anything else.
    pub fn parse(text: &str) -> Option<EntryName> {
        let name = text.to_ascii_lowercase();
        let is_plain = name.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'*' | b'%'));
        let mut components = name.strip_prefix('/')?.split('/');
        let is_scoped = matches!(components.next(), Some("shared" | "private"));
        let is_whole = components.all(|component| !component.is_empty());
        (is_plain && is_scoped && is_whole && name.len() <= Self::BYTES_MAX).then_some(EntryName(name))
    }

    /// Whether a value can have this name: at least one component below its scope, two below `vendor` (section 3.2).
    pub fn holds_value(&self) -> bool {
        let components: Vec<&str> = self.0[1..].split('/').collect();
        components.len() >= if components.get(1) == Some(&"vendor") { 4 } else { 2 }
    }

    /// Whether everybody sees the same value.
    pub fn is_shared(&self) -> bool {
        self.0.starts_with("/shared")
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is annotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Annotated {
    /// A mailbox.
    Mailbox(MailboxArgument),
    /// The server, written as an empty name.
    Server,
}

/// How far below an entry GETMETADATA looks (section 4.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// `infinity`: everything.
    Everything,
    /// `1`: the next level.
    NextLevel,
    /// `0`: the entry alone.
    #[default]
    Nothing,
}

impl Depth {
    /// Whether an entry is at `base` or as far below it as this reaches.
    pub fn reaches(self, base: &EntryName, entry: &str) -> bool {
        let Some(rest) = entry.strip_prefix(base.as_str()) else { return false };
        match (self, rest.strip_prefix('/')) {
            (_, None) => rest.is_empty(),
            (Depth::Nothing, Some(_)) => false,
            (Depth::NextLevel, Some(below)) => !below.contains('/'),
            (Depth::Everything, Some(_)) => true,
        }
    }
}

/// GETMETADATA (section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetMetadata {
    /// Of what.
    pub of: Annotated,
    /// Values with more octets are only counted.
    pub value_bytes_max: Option<u32>,
    /// How far below the entries.
    pub depth: Depth,
    /// Which entries.
    pub entries: Vec<EntryName>,
}

/// SETMETADATA (section 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetMetadata {
    /// Of what.
    pub of: Annotated,
    /// Entries with their new values; `None` removes one.
    pub values: Vec<(EntryName, Option<Vec<u8>>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        for (text, is_name, holds_value) in [
            ("/shared/comment", true, true),
            ("/PRIVATE/Comment", true, true),
            ("/private/a/b/c", true, true),
            ("/shared", true, false),
            ("/shared/vendor/cmu", true, false),
            ("/shared/vendor/cmu/x", true, true),
            ("/comment", false, false),
            ("shared/comment", false, false),
            ("/shared//comment", false, false),
            ("/shared/comment/", false, false),
            ("/shared/", false, false),
            ("/shared/c*", false, false),
            ("/shared/ä", false, false),
            ("/sharedx/a", false, false),
        ] {
            let name = EntryName::parse(text);
            assert_eq!(name.is_some(), is_name, "{text}");
            assert_eq!(name.is_some_and(|name| name.holds_value()), holds_value, "{text}");
        }
    }

    #[test]
    fn depth_counts_levels() {
        let base = EntryName::parse("/private/a").expect("a name");
        for (entry, reached) in [
            ("/private/a", [true, true, true]),
            ("/private/a/b", [false, true, true]),
            ("/private/a/b/c", [false, false, true]),
            ("/private/ab", [false, false, false]),
        ] {
            let depths = [Depth::Nothing, Depth::NextLevel, Depth::Everything];
            assert_eq!(depths.map(|depth| depth.reaches(&base, entry)), reached, "{entry}");
        }
    }
}
