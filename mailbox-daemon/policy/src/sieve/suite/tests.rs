use super::*;

const BILLS: &str = r#"require ["fileinto", "copy"];
if header :contains "subject" "bill" { fileinto "Bills"; redirect :copy "office@work.example"; stop; }
"#;

const TESTS: &str = r#"require ["vnd.dovecot.testsuite", "fileinto", "relational", "comparator-i;ascii-numeric", "include", "envelope"];
test_mailbox_create "Bills";
test_set "message" text:
From: power@house.example
To: me@home.test
Subject: Your bill

Pay.
.
;
test "a bill is filed and sent on" {
    if not test_script_compile "bills.sieve" { test_fail "it does not compile"; }
    if not test_script_run { test_fail "it does not run"; }
    if not test_result_action :count "eq" "2" { test_fail "two things are done"; }
    if not test_result_action :index 2 "redirect" { test_fail "one is to send it on"; }
    if not test_result_execute { test_fail "it cannot be done"; }
    test_message :folder "Bills" 0;
    if not header "subject" "Your bill" { test_fail "it is another message"; }
    test_message :smtp 0;
    if not envelope "to" "office@work.example" { test_fail "it went elsewhere"; }
}
test "other mail is kept" {
    test_set "message" "Subject: hello";
    test_set "envelope.from" "";
    if not allof (test_script_run, test_result_execute, test_message :folder "INBOX" 0) { test_fail "it is not"; }
    if not envelope "from" "" { test_fail "the sender is not the one that was set"; }
}
test "what was included counts" {
    test_result_reset;
    include "away";
    if not test_result_action "store" { test_fail "nothing is filed"; }
}
test "a mistake is told" {
    if test_script_compile "wrong.sieve" { test_fail "it compiles"; }
    if not test_error :count "eq" "2" { test_fail "it tells another number"; }
    if not test_error :index 1 :contains "frobnicate" { test_fail "it tells something else"; }
}
test "this one fails" {
    if true { test_fail "on purpose"; }
    test_fail "never reached";
}
test "a script that is not there" {
    if test_script_compile "nowhere.sieve" { keep; }
}
"#;

fn run(source: &str) -> SuiteReport {
    let files = [
        ("bills.sieve", BILLS),
        ("wrong.sieve", "frobnicate;\nkeep :now;"),
        ("included/away.sieve", "require \"fileinto\"; fileinto \"Away\";"),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).into();
    let limits = config::Sieve::default();
    Suite::compile(source.as_bytes(), &limits).unwrap().run(&files, 0, &limits)
}

#[test]
fn every_test_is_told() {
    let report = run(TESTS);
    let told: Vec<(&str, Option<&str>)> =
        report.tests.iter().map(|test| (test.name.as_str(), test.failure.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("a bill is filed and sent on", None),
            ("other mail is kept", None),
            ("what was included counts", None),
            ("a mistake is told", None),
            ("this one fails", Some("on purpose")),
            (
                "a script that is not there",
                Some("line 43: there is no script nowhere.sieve beside the tests")
            ),
        ]
    );
    assert_eq!(report.trouble, None);
    assert!(!report.passed());
}

#[test]
fn what_stands_outside_of_tests_ends_it() {
    let report =
        run("require \"vnd.dovecot.testsuite\"; test \"one\" { } test_fail \"here\"; test \"two\" { }");
    assert_eq!((report.tests.len(), report.trouble.as_deref()), (1, Some("line 1: here")));
}

#[test]
fn its_commands_are_for_scripts_of_tests_alone() {
    for source in ["require \"vnd.dovecot.testsuite\";", "test \"x\" { }", "if test_result_execute { keep; }"]
    {
        assert!(Script::compile(source.as_bytes(), &config::Sieve::default()).is_err(), "{source}");
    }
}
