//! Golden cases: every file of `sieve_cases/` has scripts, messages and what comes of them. `UPDATE=1` writes what comes of them now.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

#[path = "support/case.rs"]
mod case;

use case::Case;
use policy::sieve::EXTENSIONS;
use std::fmt::Write as _;

#[test]
fn scripts_do_what_the_files_say() {
    let mut wrong = Vec::new();
    for (path, text) in case::files() {
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

/// An extension nobody tries may do anything.
#[test]
fn every_extension_has_a_case() {
    let texts: String = case::files().into_iter().map(|(_, text)| text).collect();
    for extension in EXTENSIONS {
        assert!(texts.contains(&format!("\"{extension}\"")), "no case requires {extension}");
    }
}

/// The file as it should be.
fn played(text: &str) -> String {
    let (message, cases) = case::read(text);
    let mut now = message.to_owned();
    for case in cases {
        let Case { name, facts, script, .. } = &case;
        write!(now, "\n== {name}\n").unwrap();
        for (key, value) in facts {
            writeln!(now, "{key}: {value}").unwrap();
        }
        let outcome = case.outcome().map_or_else(|faults| faults, |outcome| outcome.to_string());
        write!(now, "{script}--\n{}", outcome.trim_end()).unwrap();
    }
    now + "\n"
}
