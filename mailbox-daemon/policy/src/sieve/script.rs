use super::check::Checker;
use super::facts::Facts;
use super::faults::Faults;
use super::lexer;
use super::plan::Plan;
use super::program::Block;
use super::run::Run;
use super::syntax;
use crate::config;
use std::fmt;
use std::sync::Arc;

/// Every extension a script may require, as `SIEVE` capability of ManageSieve lists them (RFC 5804 section 1.7).
pub const EXTENSIONS: &[&str] = &[
    "body",
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",
    "comparator-i;octet",
    "comparator-i;unicode-casemap",
    "copy",
    "date",
    "duplicate",
    "editheader",
    "enclose",
    "encoded-character",
    "enotify",
    "envelope",
    "envelope-dsn",
    "environment",
    "ereject",
    "extlists",
    "extracttext",
    "fcc",
    "fileinto",
    "foreverypart",
    "ihave",
    "imap4flags",
    "imapsieve",
    "include",
    "index",
    "mailbox",
    "mailboxid",
    "mboxmetadata",
    "mime",
    "redirect-dsn",
    "regex",
    "reject",
    "relational",
    "replace",
    "servermetadata",
    "spamtest",
    "spamtestplus",
    "special-use",
    "subaddress",
    "vacation",
    "vacation-seconds",
    "variables",
    "virustest",
    "vnd.dovecot.debug",
];

/// The name of a script: Net-Unicode without controls and line separators, no longer than 512 octets (RFC 5804 section 1.6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScriptName(String);

impl ScriptName {
    /// Takes a name that is one; `None` for others.
    pub fn parse(name: &str) -> Option<ScriptName> {
        let is_fit = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
        let is_name = (1..=512).contains(&name.len()) && name.chars().all(is_fit);
        is_name.then(|| ScriptName(name.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where in a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// What is wrong with a script, or odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What, in words for the script's author.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.place.line, self.place.column, self.what)
    }
}

/// A script that is right as far as can be told without a message. Copies share what they are made of.
#[derive(Clone, Debug)]
pub struct Script {
    program: Arc<Block>,
    warnings: Vec<Fault>,
    needs: Needs,
    delivery_only: Option<&'static str>,
}

/// Which facts a script may ask for, so that only those are gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The list of mailboxes with uses and ids.
    pub mailboxes: bool,
    /// METADATA entries of mailboxes and server.
    pub annotations: bool,
    /// What vacation and duplicate remember.
    pub memory: bool,
    /// Whom the account wrote to.
    pub contacts: bool,
    /// What is thought of the message; a script that asks sorts spam itself.
    pub spam: bool,
    /// Scripts it includes.
    pub scripts: Vec<ScriptName>,
}

impl Script {
    /// Parses and checks a script; every fault is told.
    pub fn compile(source: &[u8], limits: &config::Sieve) -> Result<Script, Vec<Fault>> {
        Script::compile_as(source, limits, false)
    }

    /// The same for a script of tests, which has commands of its own.
    pub(super) fn compile_suite(source: &[u8], limits: &config::Sieve) -> Result<Script, Vec<Fault>> {
        Script::compile_as(source, limits, true)
    }

    fn compile_as(source: &[u8], limits: &config::Sieve, is_suite: bool) -> Result<Script, Vec<Fault>> {
        let mut faults = Faults::default();
        if source.len() > limits.script_bytes_max {
            let what = format!("the script is larger than {} octets", limits.script_bytes_max);
            faults.add(Place { line: 1, column: 1 }, what);
            return Err(faults.into_list());
        }
        let text = lexer::decode(source, &mut faults);
        let nodes = syntax::parse(&text, limits.nesting_max, &mut faults);
        let (program, mut checker) = Checker::script(&nodes, limits, faults, is_suite);
        checker.needs.scripts.sort();
        checker.needs.scripts.dedup();
        match checker.faults.is_empty() {
            true => Ok(Script {
                program: Arc::new(program),
                delivery_only: checker.delivery_only(),
                warnings: checker.warnings.into_list(),
                needs: checker.needs,
            }),
            false => Err(checker.faults.into_list()),
        }
    }

    /// What is odd about it.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// What it may ask for.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Runs it on a message.
    pub fn run(&self, facts: &Facts<'_>) -> Plan {
        Run::whole(self, facts)
    }

    /// What it requires that is of use only while a message is delivered.
    pub(super) fn delivery_only(&self) -> Option<&'static str> {
        self.delivery_only
    }

    /// Whether it is a copy of another.
    pub(super) fn is_same(&self, other: &Script) -> bool {
        Arc::ptr_eq(&self.program, &other.program)
    }

    /// What it does.
    pub(super) fn program(&self) -> &Block {
        &self.program
    }
}
