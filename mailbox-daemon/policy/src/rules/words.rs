//! What may stand in a form: each word is checked when it is made, and is written as text.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use types::{Address, Keyword, MailboxName};

/// A word of the form that is written as text, in JSON too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written<T>(pub T);

/// What can be written and read as text.
pub trait Word: fmt::Display + Sized {
    /// Reads it; the error is for the person who wrote it.
    fn parse(text: &str) -> Result<Self, String>;
}

impl<T: Word> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: Word> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::parse(&text).map(Written).map_err(|error| D::Error::custom(format!("\"{text}\": {error}")))
    }
}

impl Word for Address {
    fn parse(text: &str) -> Result<Address, String> {
        Address::parse(text).map_err(|error| error.to_string())
    }
}

impl Word for MailboxName {
    fn parse(text: &str) -> Result<MailboxName, String> {
        // It stands for octets that were no text; a script with it is refused.
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return Err("it has a character that nobody can type".to_owned());
        }
        MailboxName::parse(text).map_err(|error| error.to_string())
    }
}

impl Word for Keyword {
    fn parse(text: &str) -> Result<Keyword, String> {
        Keyword::parse(text).map_err(|error| error.to_string())
    }
}

/// One line: a rule's name, a subject, something to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(String);

impl Line {
    /// Longest line, in characters.
    pub const CHARS_MAX: usize = 500;

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Word for Line {
    fn parse(text: &str) -> Result<Line, String> {
        let length = text.chars().count();
        match (1..=Self::CHARS_MAX).contains(&length) && !text.contains(char::is_control) {
            true => Ok(Line(text.to_owned())),
            false => Err(format!("it has to be one line of 1 to {} characters", Self::CHARS_MAX)),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Some lines: what a vacation says. Lines end with LF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter(String);

impl Letter {
    /// Longest letter, in characters.
    pub const CHARS_MAX: usize = 10_000;

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Word for Letter {
    fn parse(text: &str) -> Result<Letter, String> {
        let text = text.replace("\r\n", "\n");
        let is_fit = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        match (1..=Self::CHARS_MAX).contains(&text.chars().count()) && text.chars().all(is_fit) {
            true => Ok(Letter(text)),
            false => {
                Err(format!("it has to be 1 to {} characters without control characters", Self::CHARS_MAX))
            }
        }
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A field's name (RFC 5322 section 2.2) that has no condition of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(String);

impl HeaderName {
    /// Longest name, in characters.
    pub const CHARS_MAX: usize = 76;
    const OF_THEIR_OWN: [&'static str; 3] = ["from", "subject", "list-id"];

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Word for HeaderName {
    fn parse(text: &str) -> Result<HeaderName, String> {
        if Self::OF_THEIR_OWN.iter().any(|name| text.eq_ignore_ascii_case(name)) {
            return Err("this one has a condition of its own".to_owned());
        }
        let is_fit = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        match (1..=Self::CHARS_MAX).contains(&text.len()) && text.bytes().all(is_fit) {
            true => Ok(HeaderName(text.to_owned())),
            false => Err("a header field is named like X-Priority".to_owned()),
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A day, such as 2026-12-24: year, month, day of the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u16, u8, u8);

impl Day {
    fn is_real(self) -> bool {
        let Day(year, month, day) = self;
        let is_leap_year = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if is_leap_year => 29,
            2 => 28,
            1..=12 => 31,
            _ => 0,
        };
        (1..=days).contains(&day)
    }
}

impl Word for Day {
    fn parse(text: &str) -> Result<Day, String> {
        let wrong = || "a day is written like 2026-12-24".to_owned();
        let is_shape = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_shape {
            return Err(wrong());
        }
        let (year, month, day) = (text[..4].parse(), text[5..7].parse(), text[8..].parse());
        match (year, month, day) {
            (Ok(year), Ok(month), Ok(day)) => {
                Some(Day(year, month, day)).filter(|day| day.is_real()).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0, self.1, self.2)
    }
}
