//! Rules as the command line sets them while the box runs, and scripts beside them.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use support::demo::Demo;

#[test]
fn rules_are_added_shown_and_set_again() {
    let demo = Demo::start();
    let say = |words: &[&str], input: &str| demo.told(words, input);
    let ana = "ana@home.test";
    let said = say(&["rules", "add", ana, "--from", "power.example", "--folder", "Bills", "--flag"], "");
    assert_eq!(said.trim(), "one rule");
    say(&["rules", "add", ana, "--list", "rust.example.org", "--folder", "Lists/Rust", "--name", "Rust"], "");
    let said =
        say(&["rules", "vacation", ana, "--text-file", "-", "--last-day", "2027-01-06"], "Away.\nAna\n");
    assert_eq!(said.trim(), "2 rules and a vacation");
    let shown = say(&["rules", "show", ana], "");
    assert!(shown.contains("flag, move to Bills, try no other rule"), "{shown}");
    assert!(shown.contains("mailing list is \"rust.example.org\""), "{shown}");
    assert!(shown.contains("until 2027-01-06"), "{shown}");

    let form = say(&["rules", "show", ana, "--json"], "");
    say(&["rules", "remove", ana, "Rust"], "");
    assert!(!say(&["rules", "show", ana], "").contains("Rust"));
    assert!(!demo.tell(&["rules", "remove", ana, "Rust"], "").0);
    say(&["rules", "set", ana, "-"], &form);
    assert_eq!(say(&["rules", "show", ana, "--json"], ""), form);
    say(&["rules", "vacation", ana, "--off"], "");
    assert!(say(&["rules", "show", ana, "--json"], "").contains("\"on\": false"));
}

#[test]
fn a_script_written_by_hand_is_left_alone() {
    let demo = Demo::start();
    let say = |words: &[&str], input: &str| demo.told(words, input);
    let ana = "ana@home.test";
    say(&["sieve", "put", ana, "mine", "-", "--activate"], "keep; # by hand\n");
    let (done, said) = demo.tell(&["rules", "add", ana, "--from", "x", "--folder", "X"], "");
    assert!(!done && said.contains("the script mine was written by hand"), "{said}");
    assert_eq!(say(&["sieve", "get", ana], "").trim(), "keep; # by hand");
    assert!(!demo.tell(&["sieve", "delete", ana, "mine"], "").0, "it is active");
    say(&["sieve", "activate", ana], "");
    say(&["rules", "add", ana, "--from", "x", "--folder", "X"], "");
    let list = say(&["sieve", "list", ana], "");
    assert!(list.contains("mine") && list.contains("rules"), "{list}");
    let rules = say(&["sieve", "get", ana, "rules"], "");
    assert!(rules.contains("fileinto :create \"X\";"), "{rules}");
    // A rule taken out by hand makes it a script like any other.
    say(&["sieve", "put", ana, "rules", "-"], &rules.replace("stop;", "keep;"));
    assert!(!demo.tell(&["rules", "show", ana], "").0);
    say(&["sieve", "put", ana, "rules", "-"], &rules.replace("\r\n", "\n"));
    assert!(say(&["rules", "show", ana], "").contains("from contains \"x\""));
    say(&["sieve", "delete", ana, "mine"], "");
    assert!(!say(&["sieve", "list", ana], "").contains("mine"));
}

#[test]
fn what_makes_no_rule_is_told() {
    let demo = Demo::start();
    let ana = "ana@home.test";
    for (words, what) in [
        (&["rules", "add", ana, "--from", "x", "--go-on"][..], "it does nothing"),
        (&["rules", "add", ana, "--from", "x", "--forward", "nobody"], "an address looks like name@domain"),
        (&["rules", "vacation", ana, "--on"], "has no vacation"),
        (&["rules", "vacation", ana, "--text", "x", "--first-day", "2026-02-30"], "a day is written like"),
        (&["rules", "show", "nobody@home.test"], "there is no account"),
    ] {
        let (done, said) = demo.tell(words, "");
        assert!(!done && said.contains(what), "{words:?}: {said}");
    }
    let (done, said) =
        demo.tell(&["rules", "set", ana, "-"], r#"{"rules": [{"name": "a", "colour": "red"}]}"#);
    assert!(!done && said.contains("these are no rules"), "{said}");
}
