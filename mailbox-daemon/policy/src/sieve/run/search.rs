use super::{Evaluation, Failure};
use crate::sieve::commands::lists;
use crate::sieve::matching::{Comparator, Key, KeyFault, Match, MatchType};
use crate::sieve::text::Text;
use crate::sieve::work::{Spent, Work};
use std::borrow::Cow;

/// How a test compares: its match type, comparator and keys.
#[derive(Clone, Debug)]
pub struct Matching {
    /// The match type.
    pub match_type: MatchType,
    /// The comparator.
    pub comparator: Comparator,
    /// What is looked for.
    pub keys: Vec<SearchKey>,
}

/// One key of a test.
#[derive(Clone, Debug)]
pub enum SearchKey {
    /// A constant one, prepared with the script.
    Ready(Box<Key>),
    /// Prepared when it is compared: it has variables in it, or the script has too many keys to keep them all prepared.
    Late(Text),
}

impl SearchKey {
    /// Prepares a key. Constant ones are kept as long as `work` has memory for them; others must at least find it in a run. Why one is
    /// wrong is told.
    pub fn prepare(
        text: Text,
        matching: &Matching,
        work: &mut Work,
        run: &Work,
    ) -> Result<SearchKey, String> {
        let Some(constant) = text.constant() else { return Ok(SearchKey::Late(text)) };
        let prepare =
            |work: &mut Work| Key::prepare(matching.comparator, matching.match_type, constant, work);
        let key = match prepare(work).map(|key| SearchKey::Ready(Box::new(key))) {
            Err(KeyFault::Spent(Spent::Memory)) => {
                work.with_memory_of(run, prepare).map(|_| SearchKey::Late(text))
            }
            kept => kept,
        };
        key.map_err(|fault| fault.to_string())
    }

    fn compare(
        &self,
        value: &[u8],
        matching: &Matching,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<Option<Match>, Failure> {
        if matching.match_type == MatchType::List {
            let list = match self {
                SearchKey::Ready(key) => Cow::Borrowed(key.text()),
                SearchKey::Late(text) => evaluation.text(text)?,
            };
            let member = lists::member(&list, value, evaluation)?;
            return Ok(member.map(|member| Match { captured: vec![member] }));
        }
        let text = match self {
            SearchKey::Ready(key) => return Ok(key.compare(value, evaluation.work)?),
            SearchKey::Late(text) => evaluation.text(text)?,
        };
        let work = &mut *evaluation.work;
        let key = work.briefly(|work| Key::prepare(matching.comparator, matching.match_type, &text, work));
        match key {
            Ok(key) => Ok(key.compare(value, work)?),
            Err(KeyFault::Spent(spent)) => Err(spent.into()),
            Err(fault) => Err(Failure::impossible(fault.to_string())),
        }
    }
}

/// Values compared one after the other, until one matches.
#[derive(Debug)]
pub struct Search<'m> {
    matching: &'m Matching,
    count: u64,
    /// Whether a match sets no match variables.
    is_silent: bool,
}

impl Matching {
    /// Begins.
    pub fn search(&self) -> Search<'_> {
        Search { matching: self, count: 0, is_silent: false }
    }

    /// Begins a search that sets no match variables.
    pub fn silent_search(&self) -> Search<'_> {
        Search { matching: self, count: 0, is_silent: true }
    }

    /// Compares one value with the keys. On a match the match variables are set, unless that is unwanted.
    fn compare(
        &self,
        value: &[u8],
        is_silent: bool,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<bool, Failure> {
        for key in &self.keys {
            if let Some(matched) = key.compare(value, self, evaluation)? {
                if !matched.captured.is_empty() && !is_silent {
                    evaluation.variables.set_matched(matched.captured);
                }
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Search<'_> {
    /// Compares a value with the keys; with `:count` it is only counted.
    pub fn value(&mut self, value: &[u8], evaluation: &mut Evaluation<'_>) -> Result<bool, Failure> {
        self.count += 1;
        match self.is_counting() {
            true => Ok(false),
            false => self.matching.compare(value, self.is_silent, evaluation),
        }
    }

    /// Whether values are only counted.
    pub fn is_counting(&self) -> bool {
        matches!(self.matching.match_type, MatchType::Count(_))
    }

    /// After the last value: whether their number is what `:count` asks for (RFC 5231 section 4.2).
    pub fn end(self, evaluation: &mut Evaluation<'_>) -> Result<bool, Failure> {
        match self.is_counting() {
            true => self.matching.compare(self.count.to_string().as_bytes(), self.is_silent, evaluation),
            false => Ok(false),
        }
    }
}
