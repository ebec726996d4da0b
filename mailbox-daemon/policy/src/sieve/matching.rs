//! How strings are compared: comparators (RFC 4790), match types (RFC 5228 section 2.7, RFC 5231, the regex draft).
//!
//! A key is prepared once ([`Key::prepare`]) and then compared with any number of values. What a comparison costs is spent
//! from the run's [`Work`]: no key and no value makes one dear.

mod expression;
mod numeric;
mod prepared;
mod regular;
#[cfg(test)]
mod tests;
mod wildcard;

use super::work::{Spent, Work};
use prepared::Letters;
use regular::Regular;
use std::cmp::Ordering;
use thiserror::Error;
use wildcard::Pattern;

pub use regular::quoted;

/// Octets looked at in one step where nothing but a search for octets is done.
const OCTETS_PER_STEP: usize = 8;

/// What a key keeps in memory for each octet: itself, itself prepared, a wildcard's place.
const KEY_BYTES_PER_OCTET: usize = 8;

/// Strings one match gives to `${0}`, `${1}` and so on (RFC 5229 section 3.2 asks for ten).
pub const CAPTURES_MAX: usize = 33;

/// Octets one of them holds; what is longer is cut.
pub const CAPTURE_BYTES_MAX: usize = 16_000;

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

impl Comparator {
    /// By its name in scripts, which is told apart by case as all strings are.
    pub fn of_name(name: &str) -> Option<Comparator> {
        Some(match name {
            "i;octet" => Comparator::Octet,
            "i;ascii-casemap" => Comparator::AsciiCasemap,
            "i;ascii-numeric" => Comparator::AsciiNumeric,
            "i;unicode-casemap" => Comparator::UnicodeCasemap,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Comparator::Octet => "i;octet",
            Comparator::AsciiCasemap => "i;ascii-casemap",
            Comparator::AsciiNumeric => "i;ascii-numeric",
            Comparator::UnicodeCasemap => "i;unicode-casemap",
        }
    }

    /// Whether it has the operation a match type is made of: numbers have no parts (RFC 4790 section 9.1.1).
    pub fn supports(self, match_type: MatchType) -> bool {
        let is_of_parts = matches!(match_type, MatchType::Contains | MatchType::Matches | MatchType::Regex);
        self != Comparator::AsciiNumeric || !is_of_parts
    }
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

impl Relation {
    /// By its name in scripts.
    pub fn of_name(name: &str) -> Option<Relation> {
        Some(match name {
            "gt" => Relation::Greater,
            "ge" => Relation::GreaterOrEqual,
            "lt" => Relation::Less,
            "le" => Relation::LessOrEqual,
            "eq" => Relation::Equal,
            "ne" => Relation::NotEqual,
            _ => return None,
        })
    }

    /// Whether it holds for a value that stands so to the key.
    pub fn holds(self, value_to_key: Ordering) -> bool {
        match self {
            Relation::Greater => value_to_key.is_gt(),
            Relation::GreaterOrEqual => value_to_key.is_ge(),
            Relation::Less => value_to_key.is_lt(),
            Relation::LessOrEqual => value_to_key.is_le(),
            Relation::Equal => value_to_key.is_eq(),
            Relation::NotEqual => value_to_key.is_ne(),
        }
    }
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
    /// Up to [`CAPTURES_MAX`], each of up to [`CAPTURE_BYTES_MAX`] octets (RFC 5229 section 3.2).
    pub captured: Vec<String>,
}

impl Match {
    fn of_spans(value: &[u8], spans: impl Iterator<Item = (usize, usize)>) -> Match {
        let captured = spans.take(CAPTURES_MAX).map(|(start, end)| capture(&value[start..end]));
        Match { captured: captured.collect() }
    }
}

fn capture(part: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&part[..part.len().min(CAPTURE_BYTES_MAX)]).into_owned();
    if part.len() > CAPTURE_BYTES_MAX && text.ends_with(char::REPLACEMENT_CHARACTER) {
        text.pop();
    }
    text
}

/// Why a key is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// A regular expression is wrong.
    #[error("the regular expression is not right: {0}")]
    Regular(String),
    /// There is no work or memory left for it.
    #[error(transparent)]
    Spent(#[from] Spent),
}

/// A key with everything prepared for comparing.
#[derive(Clone, Debug)]
pub struct Key {
    comparator: Comparator,
    text: String,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Is(Letters),
    Contains(Letters),
    Matches(Pattern),
    Regex(Regular),
    Relation(Relation, Letters),
    /// Looked up elsewhere.
    List,
}

impl Key {
    /// Prepares a key. What it keeps in memory is taken from `work`: of a script for its constant keys, of a run for others.
    pub fn prepare(
        comparator: Comparator,
        match_type: MatchType,
        text: &str,
        work: &mut Work,
    ) -> Result<Key, KeyFault> {
        work.spend(1 + text.len())?;
        work.take(size_of::<Key>() + KEY_BYTES_PER_OCTET * text.len())?;
        let way = match match_type {
            MatchType::Is => Way::Is(Letters::of_key(comparator, text)),
            MatchType::Contains => Way::Contains(Letters::of_key(comparator, text)),
            MatchType::Matches => Way::Matches(Pattern::parse(comparator, text)),
            MatchType::Regex => Way::Regex(Regular::compile(comparator, text, work)?),
            MatchType::Value(relation) | MatchType::Count(relation) => {
                Way::Relation(relation, Letters::of_key(comparator, text))
            }
            MatchType::List => Way::List,
        };
        Ok(Key { comparator, text: text.to_owned(), way })
    }

    /// As the script has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Compares a value with it; `None` if they do not match. A count is compared as its decimal digits.
    pub fn compare(&self, value: &[u8], work: &mut Work) -> Result<Option<Match>, Spent> {
        work.spend(1 + value.len() / OCTETS_PER_STEP)?;
        let plain = |holds: bool| Ok(holds.then(Match::default));
        match &self.way {
            Way::Is(key) => plain(self.order(value, key, work)?.is_eq()),
            Way::Relation(relation, key) => plain(relation.holds(self.order(value, key, work)?)),
            Way::Contains(letters) => plain(letters.is_in(self.comparator, value, work)?),
            Way::Matches(pattern) => pattern.compare(self.comparator, value, work),
            Way::Regex(regular) => regular.compare(value, work),
            Way::List => Ok(None),
        }
    }

    /// How a value stands to the key.
    fn order(&self, value: &[u8], key: &Letters, work: &mut Work) -> Result<Ordering, Spent> {
        match self.comparator {
            Comparator::AsciiNumeric => Ok(numeric::order(value, self.text.as_bytes())),
            comparator => prepared::order(comparator, value, key, work),
        }
    }
}
