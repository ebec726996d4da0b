//! `mailbox-daemon sieve check`, `run` and `test`: scripts tried without a box, in words and as JSON.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

const MESSAGE: &str = "From: ana@example.org\nTo: bob@home.test\nSubject: Your bill\n\nPay.\n";
const BILLS: &str = "require [\"fileinto\", \"imap4flags\"];\n\
    if header :contains \"subject\" \"bill\" { fileinto :flags \"\\\\Flagged\" \"Bills\"; }\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Whether it succeeds, and what it prints.
fn sieve(folder: &TempDir, words: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailbox-daemon"));
    let output = command.arg("sieve").args(words).current_dir(folder.path()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Whether it succeeds, and the JSON on its standard output.
fn sieve_json(folder: &TempDir, words: &[&str]) -> (bool, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailbox-daemon"));
    let output = command.arg("sieve").args(words).arg("--json").current_dir(folder.path()).output().unwrap();
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn check_tells_every_mistake_with_its_place() {
    let folder = folder(&[("right.sieve", BILLS), ("wrong.sieve", "frobnicate;\n  keep :now;\n")]);
    let (is_right, said) = sieve(&folder, &["check", "right.sieve"]);
    assert!(is_right && said == "right.sieve: no mistakes found\n", "{said}");
    assert_eq!(
        sieve_json(&folder, &["check", "right.sieve"]),
        (true, json!({ "errors": [], "warnings": [] }))
    );

    let (is_right, said) = sieve(&folder, &["check", "wrong.sieve"]);
    assert!(
        !is_right && said.contains("wrong.sieve:1:1: error: ") && said.contains("wrong.sieve:2:8: "),
        "{said}"
    );
    let (is_right, told) = sieve_json(&folder, &["check", "wrong.sieve"]);
    let places: Vec<_> =
        told["errors"].as_array().unwrap().iter().map(|e| (&e["line"], &e["column"])).collect();
    assert_eq!((is_right, places), (false, vec![(&json!(1), &json!(1)), (&json!(2), &json!(8))]));

    let (is_read, said) = sieve(&folder, &["check", "nowhere.sieve"]);
    assert!(!is_read && said.contains("cannot read nowhere.sieve"), "{said}");
}

#[test]
fn run_tells_what_a_script_would_do() {
    let known = "require [\"extlists\", \"spamtestplus\", \"relational\", \"comparator-i;ascii-numeric\", \"date\", \"include\"];\n\
        if allof (address :list \"from\" \":addrbook:default\", spamtest :percent :value \"ge\" :comparator \"i;ascii-numeric\" \"40\",\n\
          currentdate :zone \"+0000\" \"hour\" \"17\") { include \"gone\"; }\n";
    let files =
        [("bills.sieve", BILLS), ("known.sieve", known), ("gone.sieve", "discard;"), ("bill.eml", MESSAGE)];
    let folder = folder(&files);
    let (is_done, said) = sieve(&folder, &["run", "bills.sieve", "bill.eml"]);
    assert!(is_done && said == "file it into Bills, with \\Flagged\n", "{said}");
    let (is_done, told) = sieve_json(&folder, &["run", "bills.sieve", "bill.eml"]);
    let filed = json!({ "action": "fileinto", "mailbox": "Bills", "create": false, "flags": ["\\Flagged"] });
    let expected = json!({ "actions": [filed], "implicit_keep": false, "log": [], "error": null });
    assert_eq!((is_done, told), (true, expected));

    let words = ["run", "known.sieve", "bill.eml", "--contact", "ana@example.org", "--scripts", "."];
    let assumed = ["--spam-percent", "40", "--now", "2026-12-24T18:00:00+01:00"];
    let (_, told) = sieve_json(&folder, &[&words[..], &assumed].concat());
    assert_eq!(told["actions"], json!([{ "action": "discard" }]));
    let (_, told) = sieve_json(&folder, &words);
    assert_eq!((&told["actions"][0]["action"], &told["implicit_keep"]), (&json!("keep"), &json!(true)));
}

#[test]
fn run_fails_with_the_script() {
    let files = [
        ("wrong.sieve", "keep"),
        ("error.sieve", "require \"ihave\"; error \"Not today.\";"),
        ("a.eml", MESSAGE),
    ];
    let folder = folder(&files);
    let (is_done, told) = sieve_json(&folder, &["run", "wrong.sieve", "a.eml"]);
    assert!(!is_done && told["errors"][0]["line"] == 1, "{told}");
    let (is_done, told) = sieve_json(&folder, &["run", "error.sieve", "a.eml"]);
    assert!(!is_done && told["error"].as_str().unwrap().contains("Not today."), "{told}");
    assert_eq!(told["actions"][0]["mailbox"], "INBOX");
}

#[test]
fn test_runs_scripts_of_tests() {
    let suite = "require \"vnd.dovecot.testsuite\";\n\
        test_set \"message\" \"Subject: Your bill\";\n\
        test \"bills are filed\" { if not allof (test_script_compile \"bills.sieve\", test_script_run, test_result_action \"store\") { test_fail \"they are not\"; } }\n";
    let failing = "require \"vnd.dovecot.testsuite\";\ntest \"fails\" { test_fail \"on purpose\"; }\n";
    let folder = folder(&[("bills.sieve", BILLS), ("good.svtest", suite), ("bad.svtest", failing)]);
    let (is_passed, said) = sieve(&folder, &["test", "good.svtest"]);
    assert!(is_passed && said.contains("1 of 1 tests passed"), "{said}");
    let (is_passed, told) = sieve_json(&folder, &["test", "good.svtest", "bad.svtest"]);
    let expected = json!([
        { "file": "good.svtest", "tests": [{ "name": "bills are filed", "failure": null }], "trouble": null },
        { "file": "bad.svtest", "tests": [{ "name": "fails", "failure": "on purpose" }], "trouble": null },
    ]);
    assert_eq!((is_passed, told), (false, expected));
}
