//! Simple rules: what people fill in who never heard of Sieve. A form becomes a readable script, and the script becomes the form
//! again; the script is the only truth.
//!
//! ```text
//! Rules --to_script--> Sieve --from_script--> Rules      or None: somebody wrote it by hand
//! ```
//!
//! Reading back takes only what writing makes: a script is simple when the form read from it writes the very same script.

mod describe;
mod read;
#[cfg(test)]
mod tests;
mod words;
mod write;

pub use words::{Day, HeaderName, Letter, Line, Word, Written};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use types::{Address, Keyword, MailboxName};

/// Most rules of one account.
pub const RULES_MAX: usize = 200;
/// Most conditions of one rule.
pub const CONDITIONS_MAX: usize = 20;
/// Most texts of one condition.
pub const TEXTS_MAX: usize = 50;
/// Most keywords one rule sets.
pub const KEYWORDS_MAX: usize = 10;
/// Most addresses one rule forwards to.
pub const FORWARDS_MAX: usize = 4;
/// Most own addresses a vacation names.
pub const OWN_ADDRESSES_MAX: usize = 50;
/// Longest time a vacation leaves somebody without a second answer, in days.
pub const INTERVAL_DAYS_MAX: u16 = 365;
/// Largest size a rule asks about, in KiB.
pub const LARGER_THAN_KIB_MAX: u32 = 1024 * 1024;
/// Longest script the rules may come to, in octets.
pub const SCRIPT_BYTES_MAX: usize = 256 * 1024;

/// All that one account has filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// What is answered while its owner is away.
    pub vacation: Option<Vacation>,
    /// Tried from the first to the last.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What its owner calls it.
    pub name: Written<Line>,
    /// Whether it is used.
    #[serde(default = "yes")]
    pub on: bool,
    /// How many of the conditions have to hold.
    #[serde(default)]
    pub when: When,
    /// What it looks at; a rule without conditions is for every message.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The message counts as read.
    #[serde(default)]
    pub mark_read: bool,
    /// The message is flagged.
    #[serde(default)]
    pub flag: bool,
    /// Keywords the message gets.
    #[serde(default)]
    pub keywords: Vec<Written<Keyword>>,
    /// Who gets a copy.
    #[serde(default)]
    pub forward: Vec<Written<Address>>,
    /// Where the message goes.
    #[serde(default)]
    pub file: File,
    /// No rule after it is tried. Yes where nothing is said.
    #[serde(default = "yes")]
    pub stop: bool,
}

/// How many conditions have to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Every one.
    #[default]
    All,
    /// One is enough.
    Any,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "field", rename_all = "snake_case")]
pub enum Condition {
    /// The author: the name too where it only has to contain the text, the address alone otherwise.
    From(Texts),
    /// Who it is written to, looked at like the author.
    ToOrCc(Texts),
    /// The subject.
    Subject(Texts),
    /// The mailing list; `is` takes the id with or without the list's name before it.
    ListId(Texts),
    /// Any other field of the header.
    Header(HeaderTexts),
    /// The text of the message.
    Body(BodyTexts),
    /// The size.
    LargerThan(Size),
}

/// Texts to look for; one of them is enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// How they are compared; letters are alike in either case.
    #[serde(default)]
    pub how: How,
    /// What is looked for.
    pub texts: Vec<Written<Line>>,
    /// It holds where none of them is found.
    #[serde(default)]
    pub not: bool,
}

/// Texts to look for in a named field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderTexts {
    /// The field.
    pub name: Written<HeaderName>,
    /// As for [`Texts`].
    #[serde(default)]
    pub how: How,
    /// As for [`Texts`].
    pub texts: Vec<Written<Line>>,
    /// As for [`Texts`].
    #[serde(default)]
    pub not: bool,
}

/// Texts to look for anywhere in the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyTexts {
    /// What is looked for.
    pub texts: Vec<Written<Line>>,
    /// It holds where none of them is found.
    #[serde(default)]
    pub not: bool,
}

/// A size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// In units of 1024 octets.
    pub kib: u32,
    /// It holds where the message is not larger.
    #[serde(default)]
    pub not: bool,
}

/// How texts are compared. `*` and `?` stand for themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The text is somewhere in it.
    #[default]
    Contains,
    /// It is the text.
    Is,
    /// It begins with the text.
    Begins,
    /// It ends with the text.
    Ends,
}

/// Where a message goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum File {
    /// Where it goes anyway.
    #[default]
    Inbox,
    /// Into a folder, which is made if it is not there.
    Folder(Written<MailboxName>),
    /// Into the trash: a rule that was a mistake loses nothing at once.
    Trash,
    /// Nowhere: it is only forwarded.
    Nowhere,
}

/// An answer while its owner is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vacation {
    /// Whether it answers.
    #[serde(default = "yes")]
    pub on: bool,
    /// The first day it does.
    pub first_day: Option<Written<Day>>,
    /// The last.
    pub last_day: Option<Written<Day>>,
    /// What it says.
    pub text: Written<Letter>,
    /// Its subject; that of the message it answers where nothing is said.
    pub subject: Option<Written<Line>>,
    /// Days until the same person gets it again.
    #[serde(default = "a_week")]
    pub days: u16,
    /// Its owner's other addresses: mail to them is answered too.
    #[serde(default)]
    pub own_addresses: Vec<Written<Address>>,
}

/// Why a form is not one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// Of one thing there are more than may be.
    #[error("{whose}: there are more than {most} {what}")]
    TooMany {
        /// The rule's name, or `vacation`.
        whose: String,
        /// What.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// A condition without texts.
    #[error("{0}: a condition has nothing to look for")]
    NothingToLookFor(String),
    /// A size that is none.
    #[error("{0}: a size is 1 to {LARGER_THAN_KIB_MAX} KiB")]
    Size(String),
    /// A rule without effect.
    #[error("{0}: it does nothing")]
    DoesNothing(String),
    /// The message would be gone.
    #[error("{0}: a message that is not kept has to be forwarded")]
    Lost(String),
    /// It ends before it begins.
    #[error("vacation: the last day is before the first")]
    NoDays,
    /// The same person would be answered all the time, or never again.
    #[error("vacation: somebody is answered again after 1 to {INTERVAL_DAYS_MAX} days")]
    Interval,
    /// All of it together.
    #[error("the rules are too long together: {SCRIPT_BYTES_MAX} octets of script at most")]
    TooLong,
}

impl Rules {
    /// The script that does what the form says, with CRLF line ends.
    pub fn to_script(&self) -> Result<String, Unfit> {
        self.check()?;
        let script = write::script(self).replace('\n', "\r\n");
        match script.len() <= SCRIPT_BYTES_MAX {
            true => Ok(script),
            false => Err(Unfit::TooLong),
        }
    }

    /// The form a script was made from; `None` if it was written or changed by hand.
    pub fn from_script(script: &str) -> Option<Rules> {
        let script = script.replace("\r\n", "\n");
        let rules = read::rules(&script)?;
        (rules.check().is_ok() && write::script(&rules) == script).then_some(rules)
    }

    fn check(&self) -> Result<(), Unfit> {
        at_most("all together", "rules", self.rules.len(), RULES_MAX)?;
        self.rules.iter().try_for_each(Rule::check)?;
        self.vacation.as_ref().map_or(Ok(()), Vacation::check)
    }
}

impl Rule {
    fn check(&self) -> Result<(), Unfit> {
        let whose = self.name.0.as_str();
        at_most(whose, "conditions", self.conditions.len(), CONDITIONS_MAX)?;
        at_most(whose, "keywords", self.keywords.len(), KEYWORDS_MAX)?;
        at_most(whose, "addresses to forward to", self.forward.len(), FORWARDS_MAX)?;
        self.conditions.iter().try_for_each(|condition| condition.check(whose))?;
        let marks = self.mark_read || self.flag || !self.keywords.is_empty();
        match (&self.file, self.forward.is_empty()) {
            (File::Nowhere, true) => Err(Unfit::Lost(whose.to_owned())),
            (File::Inbox, true) if !marks && !self.stop => Err(Unfit::DoesNothing(whose.to_owned())),
            _ => Ok(()),
        }
    }
}

impl Condition {
    fn check(&self, whose: &str) -> Result<(), Unfit> {
        let texts = match self {
            Condition::From(texts)
            | Condition::ToOrCc(texts)
            | Condition::Subject(texts)
            | Condition::ListId(texts) => &texts.texts,
            Condition::Header(header) => &header.texts,
            Condition::Body(body) => &body.texts,
            Condition::LargerThan(size) if (1..=LARGER_THAN_KIB_MAX).contains(&size.kib) => return Ok(()),
            Condition::LargerThan(_) => return Err(Unfit::Size(whose.to_owned())),
        };
        at_most(whose, "texts in a condition", texts.len(), TEXTS_MAX)?;
        match texts.is_empty() {
            true => Err(Unfit::NothingToLookFor(whose.to_owned())),
            false => Ok(()),
        }
    }
}

impl Vacation {
    fn check(&self) -> Result<(), Unfit> {
        at_most("vacation", "own addresses", self.own_addresses.len(), OWN_ADDRESSES_MAX)?;
        if self.first_day.zip(self.last_day).is_some_and(|(first, last)| last.0 < first.0) {
            return Err(Unfit::NoDays);
        }
        match (1..=INTERVAL_DAYS_MAX).contains(&self.days) {
            true => Ok(()),
            false => Err(Unfit::Interval),
        }
    }
}

fn at_most(whose: &str, what: &'static str, count: usize, most: usize) -> Result<(), Unfit> {
    match count <= most {
        true => Ok(()),
        false => Err(Unfit::TooMany { whose: whose.to_owned(), what, most }),
    }
}

fn yes() -> bool {
    true
}

fn a_week() -> u16 {
    7
}
