//! Golden cases: every file of `sieve_cases/` has scripts, messages and what comes of them. `UPDATE=1` writes what comes of them now.
//!
//! A file begins with a message and goes on with cases, each `== name`, its script, `--` and the outcome in words.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

use policy::config;
use policy::sieve::{Outcome, Script, Trial};
use std::fmt::Write as _;
use std::path::Path;
use types::{Address, MailboxName};

#[test]
fn scripts_do_what_the_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sieve_cases");
    let mut wrong = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let now = played(&text);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &now).unwrap();
        } else if now != text {
            let line = now.lines().zip(text.lines()).position(|(now, was)| now != was).unwrap_or_default();
            let said = now.lines().nth(line).unwrap_or_default();
            wrong.push(format!("{}:{}: {said}", path.display(), line + 1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The file as it should be.
fn played(text: &str) -> String {
    let mut parts = text.split("== ");
    let message = parts.next().unwrap();
    let mut now = message.to_owned();
    for case in parts {
        let (name, rest) = case.split_once('\n').unwrap();
        let script = rest.split("--\n").next().unwrap();
        write!(now, "== {name}\n{script}--\n{}\n", outcome(script, message).trim_end()).unwrap();
    }
    now
}

fn outcome(script: &str, message: &str) -> String {
    let limits = config::Sieve::default();
    let script = match Script::compile(script.as_bytes(), &limits) {
        Ok(script) => script,
        Err(faults) => return faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    let address = |text| Some(Address::parse(text).unwrap());
    let trial = Trial {
        from: Some(address("ana@example.org")),
        to: address("bob+news@home.test"),
        account: address("bob@home.test"),
        // 2026-06-15T12:00:00Z
        now: 1_781_524_800,
        ..Trial::default()
    };
    Outcome::of(&trial.run(&script, message.as_bytes(), &limits), &MailboxName::inbox()).to_string()
}
