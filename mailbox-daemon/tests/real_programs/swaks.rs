//! swaks: the SMTP client that can do everything a mail program does, and show it.

use super::program::{Outcome, Program};
use super::{Demo, Door, subjects, whole_message};

fn swaks(demo: &Demo, door: Door) -> Program {
    Program::new("swaks", "swaks").arg("--server").arg(format!("127.0.0.1:{}", demo.port(door)))
}

/// As swaks spells the protection each door wants, with the CA checked.
fn protected(demo: &Demo, door: Door) -> Program {
    let start = if door.is_tls() { "--tls-on-connect" } else { "--tls" };
    swaks(demo, door).arg(start).arg("--tls-verify").arg("--tls-ca-path").arg(demo.ca_file())
}

fn stranger(program: Program, to: &str, subject: &str) -> Outcome {
    program
        .args(["--from", "friend@example.org", "--to", to])
        .arg("--header")
        .arg(format!("Subject: {subject}"))
        .args(["--body", "a line\n.a line with a dot\n..two dots\n\nthe end\n"])
        .run()
}

fn ana(program: Program, mechanism: &str, to: &str, subject: &str) -> Outcome {
    program
        .args(["--auth", mechanism, "--auth-user", "ana@home.test", "--auth-password", "demo-password"])
        .args(["--from", "ana@home.test", "--to", to])
        .arg("--header")
        .arg(format!("Subject: {subject}"))
        .run()
}

#[test]
fn mail_from_outside_comes_in_with_and_without_tls() {
    let demo = Demo::start();
    let plain = stranger(swaks(&demo, Door::Smtp), "ana@home.test", "plain");
    assert!(plain.success, "{plain:?}");
    let protected = stranger(protected(&demo, Door::Smtp), "ana@home.test", "protected");
    assert!(protected.success, "{protected:?}");
    assert_eq!(subjects(&demo, "ana@home.test", "INBOX"), ["plain", "protected"]);
    let message = whole_message(&demo, "ana@home.test", "plain");
    for line in ["\r\n.a line with a dot\r\n", "\r\n..two dots\r\n", "\r\nthe end\r\n"] {
        assert!(message.contains(line), "{message}");
    }
}

#[test]
fn pipelined_mail_comes_in() {
    let demo = Demo::start();
    let outcome =
        stranger(swaks(&demo, Door::Smtp).arg("--pipeline"), "ana@home.test,ben@home.test", "at once");
    assert!(outcome.success, "{outcome:?}");
    for account in ["ana@home.test", "ben@home.test"] {
        assert_eq!(subjects(&demo, account, "INBOX"), ["at once"]);
    }
}

#[test]
fn strangers_are_not_relayed_and_unknown_names_are_refused() {
    let demo = Demo::start();
    let relay = stranger(swaks(&demo, Door::Smtp), "somebody@example.net", "relay");
    assert!(!relay.success && relay.stdout.contains("<** 550 5.7.1"), "{relay:?}");
    let unknown = stranger(swaks(&demo, Door::Smtp), "nobody@home.test", "unknown");
    assert!(!unknown.success && unknown.stdout.contains("<** 550 5.1.1"), "{unknown:?}");
}

#[test]
fn both_submission_doors_take_every_login() {
    let demo = Demo::start();
    let mut expected = Vec::new();
    for door in [Door::Submission, Door::Submissions] {
        for mechanism in ["PLAIN", "LOGIN"] {
            let subject = format!("{door:?} {mechanism}");
            let outcome = ana(protected(&demo, door), mechanism, "ben@home.test", &subject);
            assert!(outcome.success, "{outcome:?}");
            expected.push(subject);
        }
    }
    assert_eq!(subjects(&demo, "ben@home.test", "INBOX"), expected);
}

#[test]
fn a_wrong_password_and_no_login_at_all_are_refused() {
    let demo = Demo::start();
    let wrong = protected(&demo, Door::Submissions)
        .args(["--auth", "PLAIN", "--auth-user", "ana@home.test", "--auth-password", "guess"])
        .args(["--from", "ana@home.test", "--to", "ben@home.test"])
        .run();
    assert!(!wrong.success && wrong.stdout.contains("535 5.7.8"), "{wrong:?}");
    let none = stranger(protected(&demo, Door::Submissions), "ben@home.test", "no login");
    assert!(!none.success && none.stdout.contains("530 5.7.0"), "{none:?}");
}

#[test]
fn nobody_sends_as_somebody_else() {
    let demo = Demo::start();
    let login = ["--auth", "PLAIN", "--auth-user", "ana@home.test", "--auth-password", "demo-password"];
    let envelope = protected(&demo, Door::Submissions)
        .args(login)
        .args(["--from", "ben@home.test", "--to", "ana@home.test"])
        .run();
    assert!(!envelope.success, "{envelope:?}");
    let header = protected(&demo, Door::Submissions)
        .args(login)
        .args(["--from", "ana@home.test", "--to", "ben@home.test", "--header", "From: Ben <ben@home.test>"])
        .run();
    assert!(!header.success, "{header:?}");
    assert!(subjects(&demo, "ben@home.test", "INBOX").is_empty());
}
