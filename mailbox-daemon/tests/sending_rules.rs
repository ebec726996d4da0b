//! As whom and how much the people who live here may send, as the command line says it while the box runs.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use data_encoding::BASE64;
use support::demo::{Demo, DemoOptions, Door, PASSWORD};
use support::imap::ImapClient;
use support::smtp::{Reply, SmtpClient};
use support::wait_for;
use support::wire::Wire;

/// A message from somebody to one or more.
fn send(client: &mut SmtpClient, from: &str, header: &str, to: &[&str]) -> Reply {
    client.send_mail(from, to, &format!("{header}\nSubject: hello\n\nhello\n")).unwrap()
}

fn logged_in(demo: &Demo, account: &str, password: &str) -> SmtpClient {
    let mut client = SmtpClient::connect(demo, Door::Submission).unwrap();
    assert_eq!(client.log_in_with(account, password).unwrap().code, 235);
    client
}

/// Makes an app password and gives it.
fn app_password(demo: &Demo, name: &str, more: &[&str]) -> String {
    let arguments = [&["app-password", "add", "ana@home.test", name, "--json"], more].concat();
    let said = demo.told(&arguments, "");
    let rows: serde_json::Value = serde_json::from_str(&said).unwrap();
    rows[0]["password"].as_str().unwrap().to_owned()
}

fn line(wire: &mut Wire) -> String {
    String::from_utf8(wire.read_line().unwrap().unwrap()).unwrap()
}

fn subjects(demo: &Demo, account: &str) -> Vec<String> {
    let mut imap = ImapClient::log_in(demo, account).unwrap();
    imap.command("EXAMINE INBOX").unwrap().ok();
    imap.fetch_field("SUBJECT").unwrap().into_iter().map(|message| message.field).collect()
}

/// How often the owner was told.
fn letters(demo: &Demo) -> usize {
    let subjects = subjects(demo, "ana@home.test");
    subjects.iter().filter(|subject| *subject == "Somebody here sends unusually much").count()
}

#[test]
fn an_account_sends_as_its_own_and_as_it_was_allowed_to() {
    let demo = Demo::start();
    demo.told(&["domain", "add", "club.test"], "");
    demo.told(&["alias", "add", "office@home.test", "ana@home.test"], "");
    demo.told(&["alias", "add", "away@home.test", "ana@elsewhere.test"], "");
    demo.told(&["group", "add", "both@home.test", "ana@home.test", "ben@home.test"], "");
    demo.told(&["domain", "masquerade", "club.test", "ana@home.test", "on"], "");
    let mut ana = logged_in(&demo, "ana@home.test", PASSWORD);
    let to = ["ben@home.test"];
    for (from, header, code) in [
        ("ana@home.test", "From: ana@home.test", 250),
        ("ana+list@home.test", "From: Ana+other@home.test", 250),
        ("office@home.test", "From: office@home.test", 250),
        ("anybody@club.test", "From: chair@club.test", 250),
        ("ana@home.test", "From: ana@home.test\nSender: office@home.test", 250),
        ("", "From: ana@home.test", 250),
        ("ana@home.test", "From: ana@home.test\nSender: ben@home.test", 550),
        ("ana@home.test", "From: ana@home.test\nSender: ana@home.test\nSender: ana@home.test", 554),
        ("away@home.test", "From: ana@home.test", 550),
        ("both@home.test", "From: ana@home.test", 550),
        ("ana@home.test", "From: both@home.test", 550),
        ("ana@home.test", "From: ana@home.test, ben@home.test", 550),
        ("x@sub.club.test", "From: ana@home.test", 550),
        ("ana@elsewhere.test", "From: ana@home.test", 550),
    ] {
        let reply = send(&mut ana, from, header, &to);
        assert_eq!(reply.code, code, "{from} {header}: {reply:?}");
        ana.command("RSET").unwrap();
    }
    assert_eq!(subjects(&demo, "ben@home.test").len(), 6);
    let mut ben = logged_in(&demo, "ben@home.test", PASSWORD);
    assert_eq!(send(&mut ben, "chair@club.test", "From: chair@club.test", &to).code, 550);

    // What is taken back counts for the very next message.
    demo.told(&["domain", "masquerade", "club.test", "ana@home.test", "off"], "");
    assert_eq!(send(&mut ana, "chair@club.test", "From: chair@club.test", &to).code, 550);
    demo.told(&["domain", "masquerade", "club.test", "ana@home.test", "on"], "");
    demo.told(&["domain", "remove", "club.test"], "");
    demo.told(&["domain", "add", "club.test"], "");
    assert_eq!(send(&mut ana, "chair@club.test", "From: chair@club.test", &to).code, 550);
    let (done, said) = demo.tell(&["domain", "masquerade", "gmail.com", "ana@home.test", "on"], "");
    assert!(!done && said.contains("there is no domain gmail.com"), "{said}");
}

#[test]
fn a_password_for_a_machine_is_good_for_no_more_than_it_needs() {
    let demo = Demo::start();
    demo.told(&["alias", "add", "printer@home.test", "ana@home.test"], "");
    let all = app_password(&demo, "laptop", &[]);
    let rules = ["--send-only", "--from", "printer@home.test", "--per-hour", "2"];
    let printer = app_password(&demo, "printer", &rules);
    let (done, said) =
        demo.tell(&["app-password", "add", "ana@home.test", "x", "--from", "ben@home.test"], "");
    assert!(!done && said.contains("none of its addresses"), "{said}");
    let list = demo.told(&["app-password", "list", "ana@home.test", "--json"], "");
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let shown = |row: usize| {
        let row = &list[row];
        (row["name"].clone(), row["good_for"].clone(), row["from"].clone(), row["per_hour"].clone())
    };
    assert_eq!(shown(0), ("laptop".into(), "all".into(), ().into(), ().into()));
    assert_eq!(shown(1), ("printer".into(), "sending".into(), "printer@home.test".into(), 2.into()));

    // No mail is read with it, however it is shown; the laptop's reads.
    let mut imap = demo.connect(Door::Imaps);
    line(&mut imap);
    imap.send_line(&format!("a LOGIN ana@home.test {printer}")).unwrap();
    let refused = "a NO [NOPERM] this password is for sending only, mail is not read with it";
    assert_eq!(line(&mut imap), refused);
    let plain = BASE64.encode(format!("\0ana@home.test\0{printer}").as_bytes());
    imap.send_line(&format!("a AUTHENTICATE PLAIN {plain}")).unwrap();
    assert_eq!(line(&mut imap), refused);
    imap.send_line(&format!("b LOGIN ana@home.test {all}")).unwrap();
    assert!(line(&mut imap).starts_with("b OK"));

    let mut machine = logged_in(&demo, "ana@home.test", &printer);
    let to = ["ben@home.test"];
    let reply = send(&mut machine, "ana@home.test", "From: ana@home.test", &to);
    assert_eq!(
        (reply.code, reply.text.as_str()),
        (550, "5.7.1 this password sends as printer@home.test only")
    );
    assert_eq!(send(&mut machine, "printer@home.test", "From: ana@home.test", &to).code, 550);
    for expected in [250, 250, 452] {
        let reply = send(&mut machine, "printer@home.test", "From: Printer <printer@home.test>", &to);
        assert_eq!(reply.code, expected, "{reply:?}");
    }
    // Its rate is its own.
    assert_eq!(
        send(&mut logged_in(&demo, "ana@home.test", &all), "ana@home.test", "From: ana@home.test", &to).code,
        250
    );
    demo.told(&["app-password", "revoke", "ana@home.test", "printer"], "");
    let mut gone = SmtpClient::connect(&demo, Door::Submission).unwrap();
    assert_eq!(gone.log_in_with("ana@home.test", &printer).unwrap().code, 535);
}

#[test]
fn a_stolen_password_does_not_cost_the_good_name() {
    let limits = ["submission.messages_per_day=3", "submission.recipients_per_day=5"];
    let mut demo = Demo::start_with(DemoOptions::set(&limits));
    let mut ben = logged_in(&demo, "ben@home.test", PASSWORD);
    let many = ["a@home.test", "b@home.test", "c@home.test", "d@home.test", "e@home.test", "f@home.test"];
    for name in many {
        demo.told(&["alias", "add", name, &name.replace("home.test", "elsewhere.test")], "");
    }
    let mut send = |to: &[&str]| send(&mut ben, "ben@home.test", "From: ben@home.test", to);
    let reply = send(&many);
    let text = "5.7.1 no more than 5 recipients a day may be sent";
    assert_eq!((reply.code, reply.text.as_str()), (550, text));
    assert_eq!(send(&many[..4]).code, 250);
    let reply = send(&many[..2]);
    let text = "4.7.1 5 recipients a day are sent already, try again later";
    assert_eq!((reply.code, reply.text.as_str()), (452, text));
    assert_eq!(send(&many[..1]).code, 250);
    wait_for("the letter to the owner", || (letters(&demo) == 1).then_some(()));

    // Counts outlive the daemon; the owner hears of it once.
    assert!(demo.terminate().success());
    demo.start_again();
    let mut ben = logged_in(&demo, "ben@home.test", PASSWORD);
    let mut send = |to: &[&str]| self::send(&mut ben, "ben@home.test", "From: ben@home.test", to);
    assert_eq!(send(&many[..1]).code, 452);
    let shown = demo.told(&["account", "sending", "ben@home.test", "--recipients", "10", "--json"], "");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown[0]["messages_sent"], &shown[0]["recipients_sent"]), (&2.into(), &5.into()));
    assert_eq!(shown[0]["recipients_per_day"], "10");
    assert_eq!(send(&many[..1]).code, 250);
    assert_eq!(send(&many[..1]).code, 452, "the third message was the last");
    demo.told(&["account", "sending", "ben@home.test", "--messages", "0"], "");
    assert_eq!(send(&many[..1]).code, 550);
    demo.told(&["account", "sending", "ben@home.test", "--messages", "default"], "");
    assert_eq!(send(&many[..1]).code, 452);
    assert_eq!(letters(&demo), 1);
    // Others send as before.
    let mut ana = logged_in(&demo, "ana@home.test", PASSWORD);
    assert_eq!(self::send(&mut ana, "ana@home.test", "From: ana@home.test", &["ben@home.test"]).code, 250);
}
