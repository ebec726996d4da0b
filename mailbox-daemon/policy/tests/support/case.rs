//! Cases of scripts, as the files of `sieve_cases/` tell them.
//!
//! A file begins with a message and goes on with cases: `== name`, what is assumed (`key: value`, one a line), the script, `--` and the outcome in words.
//! The keys:
//!
//! * `sieve-test`: `same`, `skip REASON` or `differs REASON`: what Dovecot's program of that name makes of it;
//! * `field`: takes the place of the message's fields of that name, without a value only removes them;
//! * `from`: the envelope's sender, `<>` for none;
//! * `spam` (percent), `virus` (0 to 5), `folder`, `contact`: as `mailbox-daemon sieve run` has them;
//! * `include`: a name and a script of that name, which may be included.

use policy::config;
use policy::sieve::{Outcome, Script, ScriptName, SpamFacts, Trial};
use std::path::Path;
use std::sync::Arc;
use types::{Address, MailboxName};

/// Every message comes from her, unless the case says otherwise.
pub const SENDER: &str = "ana@example.org";
/// Every message is for this recipient,
pub const RECIPIENT: &str = "bob+news@home.test";
/// an address of this account.
pub const ACCOUNT: &str = "bob@home.test";
/// 2026-06-15T12:00:00Z.
const NOW: i64 = 1_781_524_800;

const KEYS: [&str; 8] = ["sieve-test", "field", "from", "spam", "virus", "folder", "contact", "include"];

/// A script and a message.
pub struct Case {
    /// What it shows.
    pub name: String,
    /// What is assumed, as keys and values.
    pub facts: Vec<(String, String)>,
    /// Its script.
    pub script: String,
    /// Its message.
    pub message: String,
}

/// Every file's path and text.
pub fn files() -> Vec<(std::path::PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [folder.join("tests/sieve_cases"), folder.join("policy/tests/sieve_cases")];
    let folder = folders.iter().find(|folder| folder.is_dir()).unwrap();
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The message a file begins with, and its cases.
pub fn read(text: &str) -> (&str, Vec<Case>) {
    let mut parts = text.split("\n== ");
    let message = parts.next().unwrap();
    (message, parts.map(|part| Case::read(part, message)).collect())
}

impl Case {
    fn read(text: &str, message: &str) -> Case {
        let (name, mut rest) = text.split_once('\n').unwrap();
        let mut facts = Vec::new();
        while let Some((line, after)) = rest.split_once('\n')
            && let Some((key, value)) = line.split_once(": ")
            && KEYS.contains(&key)
        {
            facts.push((key.to_owned(), value.to_owned()));
            rest = after;
        }
        let script = format!("{}\n", rest.split("\n--\n").next().unwrap());
        let fields = facts.iter().filter(|(key, _)| key == "field");
        let message = fields.fold(message.to_owned(), |message, (_, field)| with_field(&message, field));
        Case { name: name.to_owned(), facts, script, message }
    }

    /// The values of a key.
    pub fn facts<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.facts.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// What comes of it; the faults of a script that is none.
    pub fn outcome(&self) -> Result<Outcome, String> {
        let limits = config::Sieve::default();
        let script = compile(&self.script)?;
        let address = |text: &str| Address::parse(text).unwrap();
        let number = |key| self.facts(key).next().map(|value| value.parse().unwrap());
        let trial = Trial {
            from: Some(match self.facts("from").next() {
                Some("<>") => None,
                from => Some(address(from.unwrap_or(SENDER))),
            }),
            to: Some(address(RECIPIENT)),
            account: Some(address(ACCOUNT)),
            now: NOW,
            folders: self.facts("folder").map(|name| MailboxName::parse(name).unwrap()).collect(),
            contacts: self.facts("contact").map(address).collect(),
            spam: SpamFacts { spam_percent: number("spam"), virus: number("virus").unwrap_or_default() },
            scripts: self
                .facts("include")
                .map(|value| value.split_once(' ').unwrap())
                .map(|(name, text)| (ScriptName::parse(name).unwrap(), Arc::new(compile(text).unwrap())))
                .collect(),
            ..Trial::default()
        };
        Ok(Outcome::of(&trial.run(&script, self.message.as_bytes(), &limits), &MailboxName::inbox()))
    }
}

fn compile(text: &str) -> Result<Script, String> {
    Script::compile(text.as_bytes(), &config::Sieve::default())
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// The message with another field in place of those of its name.
fn with_field(message: &str, field: &str) -> String {
    let (name, value) = field.split_once(':').unwrap();
    let (header, body) = message.split_once("\n\n").unwrap_or((message, ""));
    let is_other = |line: &&str| line.split(':').next() != Some(name);
    let mut lines: Vec<&str> = header.lines().filter(is_other).collect();
    if !value.is_empty() {
        lines.push(field);
    }
    format!("{}\n\n{body}", lines.join("\n"))
}
