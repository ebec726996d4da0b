//! How strings are compared: comparators (RFC 4790), match types (RFC 5228 section 2.7, RFC 5231, the regex draft).

use super::work::{Spent, Work};

/// A collation (RFC 4790).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparator {
    /// `i;octet`
    Octet,
    /// `i;ascii-casemap`
    #[default]
    AsciiCasemap,
    /// `i;ascii-numeric`
    AsciiNumeric,
    /// `i;unicode-casemap` (RFC 5051)
    UnicodeCasemap,
}

/// A relation (RFC 5231).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
}

/// A match type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchType {
    /// `:is`
    #[default]
    Is,
    /// `:contains`
    Contains,
    /// `:matches`, with `*` and `?`
    Matches,
    /// `:regex`, POSIX extended
    Regex,
    /// `:value`
    Value(Relation),
    /// `:count`; counting is its caller's
    Count(Relation),
    /// `:list` (RFC 6134); looking up is its caller's
    List,
}

/// A comparison that holds, with what wildcards or groups stood for: `${0}` first; empty but for `:matches` and `:regex`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Up to ten (RFC 5229 section 3.2).
    pub captured: Vec<String>,
}

/// Compares one value with one key.
pub fn compare(
    _comparator: Comparator,
    _match_type: MatchType,
    _value: &[u8],
    _key: &str,
    _work: &mut Work,
) -> Result<Option<Match>, Spent> {
    Ok(None)
}
