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
    if not test_error :count "eq" "3" { test_fail "it tells another number"; }
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

/// What is played: mailboxes that keep messages with their flags, envelopes, verdicts, scripts one after the other.
const PLAYED: &str = r#"require ["vnd.dovecot.testsuite", "fileinto", "imap4flags", "envelope", "spamtest", "spamtestplus", "virustest",
    "mailbox", "editheader", "enotify"];
test "messages stay in mailboxes with their flags" {
    fileinto :create :flags "\\Seen" "Kept";
    keep;
    if not test_result_action :index 1 "store" { test_fail "the first is filed elsewhere"; }
    if not test_result_action :index 2 "keep" { test_fail "the second is kept"; }
    if not test_result_execute { test_fail "it cannot be done"; }
    test_result_reset;
    if not allof (test_message :folder "Kept" 0, hasflag "\\Seen") { test_fail "no flag is kept"; }
    if not allof (test_message :folder "INBOX" 0, not hasflag "\\Seen") { test_fail "the other has flags"; }
}
test "what cannot be filed is told" {
    test_result_reset;
    fileinto "Nowhere";
    if test_result_execute { test_fail "there is no such mailbox"; }
    if not test_error :contains "Nowhere" { test_fail "it is not named"; }
    if test_message :folder "Nowhere" 0 { test_fail "it is there"; }
    if not test_message :folder "INBOX" 1 { test_fail "it is lost"; }
    test_result_reset;
    fileinto "INBOX";
    if not test_result_action :index 1 "store" { test_fail "it was filed, not kept"; }
}
test "source routes say nothing" {
    test_set "envelope.from" "<@one.example,@two.example:ann@example.com>";
    if not envelope "from" "ann@example.com" { test_fail "the route counts"; }
}
test "a wrong path is no envelope" {
    test_set "envelope.from" "<@one.example,two.example:ann@example.com>";
    if envelope :domain :contains "from" "" { test_fail "the route is wrong"; }
    test_set "envelope.to" "nobody@";
    if envelope :contains "to" "" { test_fail "the address is wrong"; }
    test_set "envelope.to" "ann@example.com";
    if not envelope "to" "ann@example.com" { test_fail "there is no envelope any more"; }
}
test "notifications come from the account, but lead to none" {
    test_result_reset;
    test_set "envelope.from" "bob@example.com";
    notify "mailto:cy@example.com";
    if not allof (test_result_execute, test_message :smtp 0, envelope "from" "ann@example.com") { test_fail "who tells?"; }
    test_result_reset;
    test_set "message" "Subject: Another";
    test_set "envelope.from" "<>";
    notify "mailto:cy@example.com";
    if not allof (test_result_execute, test_message :smtp 0, envelope "from" "") { test_fail "it may be answered"; }
}
test "verdicts stand in the header" {
    test_set "message" text:
X-Score: no, score=4.0 needs 5.0
X-Stars: ***
X-Virus: Clean

.
;
    if not spamtest "0" { test_fail "nobody looked"; }
    test_config_set "sieve_spamtest_status_header" "X-Score: .*score=([0-9.]+) ";
    test_config_set "sieve_spamtest_max_header" "X-Score: .*needs ([0-9.]+)";
    if not allof (spamtest "8", spamtest :percent "80") { test_fail "four of five is another share"; }
    test_config_unset "sieve_spamtest_max_header";
    test_config_set "sieve_spamtest_max_value" "3";
    test_config_set "sieve_spamtest_status_type" "strlen";
    test_config_set "sieve_spamtest_status_header" "X-Stars";
    if not spamtest "10" { test_fail "three stars of three are not all"; }
    test_config_set "sieve_virustest_status_header" "X-Virus";
    test_config_set "sieve_virustest_text_value1" "Clean";
    if not virustest "1" { test_fail "it is clean"; }
}
test "a script begins with what the one before made of the message" {
    if not test_multiscript ["mark.sieve", "marked.sieve"] { test_fail "they do not run"; }
    if not test_message :folder "Marked" 0 { test_fail "the mark is gone"; }
    if not test_script_compile "mark.sieve" { test_fail "it does not compile"; }
    if not allof (test_script_run, test_result_execute) { test_fail "it does not run"; }
    if not allof (test_message :folder "INBOX" 4, exists "X-Mark") { test_fail "it is kept as it came"; }
}
"#;

#[test]
fn what_servers_do_is_played() {
    let report = run(PLAYED);
    let failed: Vec<_> = report.tests.iter().filter(|test| test.failure.is_some()).collect();
    assert!(failed.is_empty() && report.trouble.is_none(), "{failed:?} {:?}", report.trouble);
}

fn run(source: &str) -> SuiteReport {
    let files = [
        ("bills.sieve", BILLS),
        ("wrong.sieve", "frobnicate;\nkeep :now;"),
        ("mark.sieve", "require \"editheader\"; addheader \"X-Mark\" \"yes\";"),
        (
            "marked.sieve",
            "require [\"fileinto\", \"mailbox\"]; if exists \"X-Mark\" { fileinto :create \"Marked\"; }",
        ),
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
