//! Aliases, groups, the catch-all and the postmaster: made on the command line, seen by mail that comes in.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use support::demo::{Demo, DemoOptions, Door};
use support::imap::ImapClient;
use support::smtp::SmtpClient;

/// A box whose mail for others waits in the queue.
fn demo() -> Demo {
    let demo = Demo::start_with(DemoOptions::set(&["outbound.relay=127.0.0.1:9"]));
    for command in [
        &["domain", "add", "stray.test"][..],
        &["domain", "catch-all", "stray.test", "ben@home.test"],
        &["alias", "add", "info@home.test", "ana@home.test"],
        &["alias", "add", "help@home.test", "info@home.test"],
        &["alias", "add", "away@home.test", "someone@elsewhere.test"],
        &["alias", "add", "ping@home.test", "pong@home.test"],
        &["alias", "add", "pong@home.test", "ping@home.test"],
        &["group", "add", "family@home.test", "ana@home.test", "ben@home.test", "aunt@elsewhere.test"],
    ] {
        let output = demo.cli(command).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    demo
}

fn send(demo: &Demo, to: &[&str], subject: &str) -> u16 {
    let message = format!("From: friend@example.org\r\nSubject: {subject}\r\n\r\ntext\r\n");
    SmtpClient::connect(demo, Door::Smtp).unwrap().send_mail("friend@example.org", to, &message).unwrap().code
}

/// A header field of every message of an account's INBOX.
fn inbox(demo: &Demo, account: &str, field: &str) -> Vec<String> {
    let mut client = ImapClient::log_in(demo, account).unwrap();
    client.command("SELECT INBOX").unwrap().ok();
    client.fetch_field(field).unwrap().into_iter().map(|fetched| fetched.field).collect()
}

fn queue(demo: &Demo) -> String {
    let output = demo.cli(&["queue", "list"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn names_lead_where_the_directory_says() {
    let demo = demo();
    for (to, subject) in [
        ("info+shop@home.test", "alias"),
        ("help@home.test", "alias of an alias"),
        ("whoever@stray.test", "stray"),
        ("postmaster@home.test", "postmaster"),
        ("family@home.test", "family"),
    ] {
        assert_eq!(send(&demo, &[to], subject), 250, "{to}");
    }
    for to in ["nobody@home.test", "ping@home.test"] {
        assert!(send(&demo, &[to], "refused") >= 500, "{to}");
    }
    assert_eq!(
        inbox(&demo, "ana@home.test", "Subject"),
        ["alias", "alias of an alias", "postmaster", "family"]
    );
    assert_eq!(inbox(&demo, "ben@home.test", "Subject"), ["stray", "family"]);
    assert_eq!(inbox(&demo, "ana@home.test", "Delivered-To"), ["ana@home.test"; 4]);
    assert!(queue(&demo).contains("aunt@elsewhere.test"), "{}", queue(&demo));
}

#[test]
fn an_alias_to_elsewhere_is_queued_for_strangers_too() {
    let demo = demo();
    assert_eq!(send(&demo, &["away@home.test"], "onward"), 250);
    assert!(queue(&demo).contains("someone@elsewhere.test"), "{}", queue(&demo));
    assert_eq!(send(&demo, &["someone@elsewhere.test"], "relayed"), 550);
}

#[test]
fn one_copy_for_each_mailbox_however_often_it_is_named() {
    let demo = demo();
    let to = ["family@home.test", "ana+again@home.test", "help@home.test", "ben@home.test"];
    assert_eq!(send(&demo, &to, "once"), 250);
    assert_eq!(inbox(&demo, "ana@home.test", "Subject"), ["once"]);
    assert_eq!(inbox(&demo, "ben@home.test", "Subject"), ["once"]);
}

#[test]
fn people_send_as_their_aliases_and_not_as_their_groups() {
    let demo = demo();
    for (from, code) in [
        ("info@home.test", 250),
        ("help+x@home.test", 250),
        ("family@home.test", 550),
        ("whoever@stray.test", 550),
        ("postmaster@home.test", 550),
    ] {
        let mut client = SmtpClient::connect(&demo, Door::Submission).unwrap();
        assert_eq!(client.log_in("ana@home.test").unwrap().code, 235);
        let message = format!("From: {from}\r\n\r\ntext\r\n");
        assert_eq!(client.send_mail(from, &["ben@home.test"], &message).unwrap().code, code, "{from}");
        if code != 250 {
            let reply = client.send_mail("ana@home.test", &["ben@home.test"], &message).unwrap();
            assert_eq!(reply.code, 550, "From: {from}");
        }
    }
}
