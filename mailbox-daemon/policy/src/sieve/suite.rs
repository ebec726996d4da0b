//! Scripts that test scripts: Sieve with the commands of `vnd.dovecot.testsuite`. They set messages, run other scripts on them and
//! look at what comes of it. Nothing outside is touched: files are handed in, mailboxes and mail are played.

mod commands;
mod results;
mod scripts;
mod shelf;
#[cfg(test)]
mod tests;
mod verdicts;

pub use commands::COMMANDS;
pub use results::TESTS as RESULT_TESTS;
pub use scripts::TESTS as SCRIPT_TESTS;

use super::facts::{EnvelopeFacts, EnvironmentFacts, Facts, MailboxFacts, SpamFacts};
use super::message::Message;
use super::plan::MemoryKey;
use super::run::{Failure, Run};
use super::script::{Fault, Script, ScriptName};
use super::trial;
use crate::config;
use results::{Kept, Letter};
use shelf::Shelf;
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{Address, MailboxName, UnixSeconds};

/// What a script of tests requires.
pub const EXTENSION: &str = "vnd.dovecot.testsuite";

/// The folder beside a script of tests with the scripts that `include` finds, each called `NAME.sieve`.
const INCLUDED: &str = "included/";
/// The message until another is set.
const MESSAGE: &str =
    "From: sender@example.com\r\nTo: recipient@example.com\r\nSubject: Test\r\n\r\nTest\r\n";

/// A script of tests.
#[derive(Clone, Debug)]
pub struct Suite(Script);

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuiteReport {
    /// Every test that was run.
    pub tests: Vec<TestReport>,
    /// Why the rest was not run.
    pub trouble: Option<String>,
}

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestReport {
    /// Its name.
    pub name: String,
    /// Why it failed; `None` if it passed.
    pub failure: Option<String>,
}

impl SuiteReport {
    /// Whether every test passed.
    pub fn passed(&self) -> bool {
        self.trouble.is_none() && self.tests.iter().all(|test| test.failure.is_none())
    }
}

impl Suite {
    /// Parses and checks a script of tests.
    pub fn compile(source: &[u8], limits: &config::Sieve) -> Result<Suite, Vec<Fault>> {
        Script::compile_suite(source, limits).map(Suite)
    }

    /// Runs it. `files` has the scripts it names, by their paths from the folder it is in.
    pub fn run(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        now: UnixSeconds,
        limits: &config::Sieve,
    ) -> SuiteReport {
        let shelves = Shelves::default();
        let environment = EnvironmentFacts {
            now,
            zone_minutes: 0,
            host: "localhost".to_owned(),
            remote_ip: None,
            remote_host: None,
            imap: None,
        };
        let included = included(files, limits);
        let account = trial::somebody();
        let facts = Facts {
            header: b"",
            body: b"",
            has_body: false,
            account: &account,
            own_addresses: &[],
            envelope: None,
            environment: &environment,
            mailboxes: &[],
            server_annotations: &BTreeMap::new(),
            keep_in: &MailboxName::inbox(),
            spam: SpamFacts::default(),
            contacts: &[],
            scripts: &included,
            memory: &BTreeMap::new(),
            limits,
        };
        let mut run = Run::begin(&self.0, &facts);
        run.stage = Some(Box::new(Stage::new(&shelves, files)));
        let ended = commands::set_message(&mut run, MESSAGE)
            .and_then(|()| commands::add_mailbox(&mut run, &MailboxName::inbox()))
            .and_then(|()| run.block(self.0.program()));
        let tests = run.stage.map(|stage| stage.reports).unwrap_or_default();
        SuiteReport { tests, trouble: ended.err().map(in_words) }
    }
}

/// The scripts that can be included.
fn included(files: &BTreeMap<String, Vec<u8>>, limits: &config::Sieve) -> BTreeMap<ScriptName, Arc<Script>> {
    let script = |(path, source): (&String, &Vec<u8>)| {
        let name = path.strip_prefix(INCLUDED)?.strip_suffix(".sieve")?;
        Some((ScriptName::parse(name)?, Arc::new(Script::compile(source, limits).ok()?)))
    };
    files.iter().filter_map(script).collect()
}

fn in_words(failure: Failure) -> String {
    super::plan::Trouble::from(failure).to_string()
}

/// What tests set, kept for as long as the run may look at it.
#[derive(Debug, Default)]
pub struct Shelves {
    messages: Shelf<Vec<u8>>,
    envelopes: Shelf<EnvelopeFacts>,
    accounts: Shelf<Address>,
    mailboxes: Shelf<Vec<MailboxFacts>>,
    annotations: Shelf<BTreeMap<String, Vec<u8>>>,
    memories: Shelf<BTreeMap<MemoryKey, UnixSeconds>>,
    limits: Shelf<config::Sieve>,
    scripts: Shelf<Script>,
}

/// What a run of tests has besides any other run.
#[derive(Debug)]
pub struct Stage<'r> {
    shelves: &'r Shelves,
    files: &'r BTreeMap<String, Vec<u8>>,
    reports: Vec<TestReport>,
    is_in_test: bool,
    /// Why the test that is run has failed.
    failure: Option<String>,
    /// What `test_script_compile` made.
    script: Option<&'r Script>,
    /// Scripts put aside by `test_binary_save`.
    saved: BTreeMap<String, &'r Script>,
    /// The message as the last script left it: what is kept of it if nothing else is done.
    left: Option<Message<'r>>,
    /// What was wrong with the last script.
    errors: Vec<String>,
    /// What is wanted, by name, in the order it was asked for.
    order: Vec<&'static str>,
    /// Settings of other servers that are looked at here.
    settings: BTreeMap<String, String>,
    /// How much of the plan was carried out.
    done: results::Done,
    /// Mail that left, in its order.
    letters: Vec<Letter<'r>>,
    /// Messages in mailboxes, in their order.
    kept: Vec<Kept<'r>>,
}

impl<'r> Stage<'r> {
    fn new(shelves: &'r Shelves, files: &'r BTreeMap<String, Vec<u8>>) -> Stage<'r> {
        Stage {
            shelves,
            files,
            reports: Vec::new(),
            is_in_test: false,
            failure: None,
            script: None,
            saved: BTreeMap::new(),
            left: None,
            errors: Vec::new(),
            order: Vec::new(),
            settings: BTreeMap::new(),
            done: results::Done::default(),
            letters: Vec::new(),
            kept: Vec::new(),
        }
    }
}

fn stage<'s, 'r>(run: &'s mut Run<'r>) -> Result<&'s mut Stage<'r>, Failure> {
    run.stage.as_deref_mut().ok_or_else(|| Failure::impossible("this command is for scripts of tests"))
}

fn too_much() -> Failure {
    Failure::impossible("too much is set in one script of tests")
}
