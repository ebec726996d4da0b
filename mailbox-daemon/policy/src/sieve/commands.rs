//! The commands and tests of all extensions.
//!
//! An extension is one file here. To add one:
//!
//! 1. For each command write a struct that holds its checked arguments, and implement [`Action`] for it; for each test, [`Test`].
//! 2. Write a function that reads the arguments: `fn check(arguments: &mut Arguments<'_>) -> Box<dyn Action>`. First ask for tags
//!    (`flag`, `text_of`, `number_of`, `one_of`, [`matching`](Arguments::matching), ...), then for positions (`text`, `texts`, `number`, ...), then for `test`,
//!    `tests` and `block`. What is missing, left over or of the wrong kind is told by [`Arguments`]; the function tells what only it can know.
//! 3. List them in the file's `COMMANDS` or `TESTS` and those in [`COMMANDS`] or [`TESTS`] below; add the name to [`EXTENSIONS`](super::script::EXTENSIONS).
//!
//! A run's state is [`Run`](super::run::Run): text, message, work, plan.

mod base;
mod body;
mod control;
mod date;
mod debug;
mod duplicate;
mod editheader;
mod envelope;
mod environment;
mod fcc;
mod flags;
mod foreverypart;
mod header;
mod ihave;
mod include;
mod index;
pub(super) mod lists;
mod mailboxes;
mod mime;
mod notify;
mod redirect;
mod reject;
mod rewrite;
mod spam;
mod vacation;
mod variables;

use super::check::Arguments;
use super::lexer::short;
use super::program::{Action, Condition, Gate, Test};
use super::run::{Failure, Flow, Run};
use super::script::{EXTENSIONS, Place};
use super::suite;

/// A command or test: its name, the extension it belongs to, and how its arguments are read.
#[derive(Debug)]
pub struct Rule<T: ?Sized> {
    /// In lower case.
    pub name: &'static str,
    /// `None` for the base language.
    pub extension: Option<&'static str>,
    /// Reads the arguments.
    pub check: fn(&mut Arguments<'_>) -> Box<T>,
}

/// The rule of a command.
pub type CommandRule = Rule<dyn Action>;

/// The rule of a test.
pub type TestRule = Rule<dyn Test>;

const COMMANDS: &[&[CommandRule]] = &[
    control::COMMANDS,
    base::COMMANDS,
    debug::COMMANDS,
    editheader::COMMANDS,
    flags::COMMANDS,
    foreverypart::COMMANDS,
    ihave::COMMANDS,
    include::COMMANDS,
    notify::COMMANDS,
    redirect::COMMANDS,
    reject::COMMANDS,
    rewrite::COMMANDS,
    vacation::COMMANDS,
    variables::COMMANDS,
    suite::COMMANDS,
];

const TESTS: &[&[TestRule]] = &[
    control::TESTS,
    base::TESTS,
    header::TESTS,
    body::TESTS,
    date::TESTS,
    duplicate::TESTS,
    envelope::TESTS,
    environment::TESTS,
    flags::TESTS,
    ihave::TESTS,
    lists::TESTS,
    mailboxes::TESTS,
    notify::TESTS,
    spam::TESTS,
    variables::TESTS,
    suite::SCRIPT_TESTS,
    suite::RESULT_TESTS,
];

/// The rule of a command.
pub fn command(name: &str) -> Option<&'static CommandRule> {
    COMMANDS.iter().copied().flatten().find(|rule| rule.name.eq_ignore_ascii_case(name))
}

/// The rule of a test.
pub fn test(name: &str) -> Option<&'static TestRule> {
    TESTS.iter().copied().flatten().find(|rule| rule.name.eq_ignore_ascii_case(name))
}

/// What is told of a name that no rule has.
pub fn unknown(name: &str, kind: &str) -> String {
    let name = short(name);
    match kind {
        "command" if test(&name).is_some() => format!("`{name}` is a test, it stands behind `if`"),
        "test" if command(&name).is_some() => format!("`{name}` is a command, no test"),
        _ => format!("the {kind} `{name}` is not known"),
    }
}

/// The name of an extension as [`EXTENSIONS`] has it.
pub fn known_extension(name: &str) -> Option<&'static str> {
    EXTENSIONS.iter().find(|known| **known == name).copied()
}

/// Whether nothing of an extension shows in a script that uses it.
pub fn is_silent(extension: &str) -> bool {
    ["encoded-character", "comparator-i;octet", "comparator-i;ascii-casemap", "imapsieve"]
        .contains(&extension)
}

/// Whether a command continues an `if`.
pub fn continues_if(name: &str) -> bool {
    ["elsif", "else"].iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// What has something that can stand where nothing is ever run.
pub trait Placeholder {
    /// Such a thing.
    fn placeholder() -> Box<Self>;
}

impl Placeholder for dyn Action {
    fn placeholder() -> Box<Self> {
        Box::new(False)
    }
}

impl Placeholder for dyn Test {
    fn placeholder() -> Box<Self> {
        Box::new(False)
    }
}

/// A test that never holds, an action that does nothing: what stands in place of what cannot be checked.
#[derive(Debug)]
pub struct False;

impl False {
    /// As a condition.
    pub fn condition(place: Place) -> Condition {
        Condition { place, test: Box::new(False), gate: Gate::default() }
    }
}

impl Test for False {
    fn holds(&self, _run: &mut Run<'_>) -> Result<bool, Failure> {
        Ok(false)
    }
}

impl Action for False {
    fn run(&self, _run: &mut Run<'_>) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }
}
