//! variables (RFC 5229): `set` and `string`.

use super::notify::encode_url;
use super::{CommandRule, TestRule};
use crate::sieve::check::Arguments;
use crate::sieve::matching::quoted;
use crate::sieve::program::{Action, Test};
use crate::sieve::run::{Failure, Flow, Matching, Run, VARIABLE_BYTES_MAX};
use crate::sieve::text::{Text, Variable};
use crate::sieve::work::{Spent, Work};

pub const COMMANDS: &[CommandRule] = &[CommandRule { name: "set", extension: Some("variables"), check: set }];

pub const TESTS: &[TestRule] = &[TestRule { name: "string", extension: Some("variables"), check: string }];

/// A modifier of `set`: the tag, what it needs, its precedence, and what it makes of a value.
type Modifier = (&'static str, Option<&'static str>, u8, fn(&str) -> String);

/// Largest precedence first (RFC 5229 section 4.1).
const MODIFIERS: &[Modifier] = &[
    ("lower", None, 40, str::to_ascii_lowercase),
    ("upper", None, 40, str::to_ascii_uppercase),
    ("lowerfirst", None, 30, |value| with_first(value, char::to_ascii_lowercase)),
    ("upperfirst", None, 30, |value| with_first(value, char::to_ascii_uppercase)),
    ("quotewildcard", None, 20, quote_wildcards),
    ("quoteregex", Some("regex"), 20, quoted),
    ("encodeurl", Some("enotify"), 15, encode_url),
    ("length", None, 10, |value| value.chars().count().to_string()),
];

fn with_first(value: &str, change: fn(&char) -> char) -> String {
    let mut letters = value.chars();
    letters.next().iter().map(change).chain(letters).collect()
}

fn quote_wildcards(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for letter in value.chars() {
        if matches!(letter, '*' | '?' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}

/// Modifiers of `set` and its like, in the order they are applied.
#[derive(Debug)]
pub struct Modifiers(Vec<fn(&str) -> String>);

impl Modifiers {
    /// Reads the tags.
    pub fn read(arguments: &mut Arguments<'_>) -> Modifiers {
        let mut modifiers: Vec<&Modifier> = Vec::new();
        for modifier in MODIFIERS {
            if !arguments.flag(modifier.0, modifier.1) {
                continue;
            }
            match modifiers.last().filter(|last| last.2 == modifier.2) {
                Some(last) => {
                    let what = format!("`:{}` and `:{}` exclude each other", last.0, modifier.0);
                    arguments.fault(arguments.place(), what);
                }
                None => modifiers.push(modifier),
            }
        }
        Modifiers(modifiers.into_iter().map(|modifier| modifier.3).collect())
    }

    /// What they make of a value.
    pub fn apply(&self, mut value: String, work: &mut Work) -> Result<String, Spent> {
        for modifier in &self.0 {
            work.spend(value.len())?;
            value = modifier(&value);
        }
        Ok(value)
    }
}

impl Arguments<'_> {
    /// The next argument, the name of a variable that is set; `None` for what cannot be one.
    pub fn variable_to_set(&mut self) -> Option<Variable> {
        let (place, name) = self.constant("the name of a variable");
        let variable = self.checker.settable(&name, place)?;
        if !variable.is_global {
            self.checker.variables_set.insert(variable.name.clone());
        }
        Some(variable)
    }
}

fn set(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let modifiers = Modifiers::read(arguments);
    let variable = arguments.variable_to_set();
    let (place, value) = arguments.text("a value");
    if value.constant().is_some_and(|value| value.len() > VARIABLE_BYTES_MAX) {
        arguments.fault(place, format!("a variable holds at most {VARIABLE_BYTES_MAX} octets"));
    }
    Box::new(Set { variable, modifiers, value })
}

#[derive(Debug)]
struct Set {
    /// `None` only in what has faults.
    variable: Option<Variable>,
    modifiers: Modifiers,
    value: Text,
}

impl Action for Set {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let value = run.text(&self.value)?.into_owned();
        let value = self.modifiers.apply(value, &mut run.work)?;
        if let Some(variable) = &self.variable {
            run.variables.set(variable, value, &mut run.work)?;
        }
        Ok(Flow::Next)
    }
}

fn string(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let sources = arguments.texts("a string to look at").into_iter().map(|(_, source)| source).collect();
    arguments.keys(&mut matching);
    Box::new(StringTest { sources, matching })
}

#[derive(Debug)]
struct StringTest {
    sources: Vec<Text>,
    matching: Matching,
}

impl Test for StringTest {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let (_, mut evaluation) = run.parts();
        let mut search = self.matching.search();
        for source in &self.sources {
            let source = evaluation.text(source)?;
            // An empty string counts for nothing (RFC 5229 section 5).
            if search.is_counting() && source.is_empty() {
                continue;
            }
            if search.value(source.as_bytes(), &mut evaluation)? {
                return Ok(true);
            }
        }
        search.end(&mut evaluation)
    }
}
