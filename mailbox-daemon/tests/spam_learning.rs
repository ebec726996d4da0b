//! The spam filter learns what people do with their mail, as mail programs do it.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::fs;
use std::process::{Command, Stdio};
use support::demo::{Demo, DemoOptions, Door, PASSWORD};
use support::imap::ImapClient;
use support::smtp::SmtpClient;
use support::wait_for;

const ANA: &str = "ana@home.test";
const BEN: &str = "ben@home.test";
/// Messages of each kind after which messages of that kind are known again.
const LESSONS: usize = 25;

/// A message like no other, like many of its kind.
fn message(kind: &str, number: usize) -> String {
    let text = match kind {
        "spam" => "Cheap pills and watches, buy now! Winner of the lottery, click http://pills.example/win",
        _ => "Shall we have dinner on Sunday with the children? The garden is full of apples this year.",
    };
    format!(
        "From: {kind}{number}@far.example\r\nTo: ana@home.test\r\nSubject: {kind} {number}\r\n\
         Message-ID: <{kind}{number}@far.example>\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n\r\n{text}\r\n"
    )
}

fn demo() -> Demo {
    Demo::start_with(DemoOptions::set(&["spam.spam_learnt_min=3", "spam.ham_learnt_min=3"]))
}

/// Spam and wanted messages an account has learnt.
fn seen(demo: &Demo, account: &str) -> (u64, u64) {
    let rows: Value = serde_json::from_str(&demo.told(&["spam", "stats", account, "--json"], "")).unwrap();
    (rows[0]["spam"].as_u64().unwrap(), rows[0]["ham"].as_u64().unwrap())
}

/// Lessons are learnt soon after the answer, not before it.
#[track_caller]
fn assert_learns(demo: &Demo, account: &str, expected: (u64, u64)) {
    wait_for(&format!("{account} to have learnt {expected:?}"), || {
        (seen(demo, account) == expected).then_some(())
    });
}

/// A session in INBOX with so many messages of a kind in it.
fn inbox(demo: &Demo, account: &str, kind: &str, count: usize) -> ImapClient {
    let mut client = ImapClient::log_in(demo, account).unwrap();
    for number in 0..count {
        client.append("INBOX", "", &message(kind, number)).unwrap().ok();
    }
    client.command("SELECT INBOX").unwrap().ok();
    client
}

#[test]
fn moving_copying_appending_and_marking_teach() {
    let demo = demo();
    let mut client = inbox(&demo, ANA, "spam", 3);
    client.command("MOVE 1 Junk").unwrap().ok();
    client.command("COPY 1 Junk").unwrap().ok();
    client.command("STORE 2 +FLAGS ($Junk)").unwrap().ok();
    client.append("Junk", "", &message("spam", 10)).unwrap().ok();
    client.append("INBOX", "Junk", &message("spam", 11)).unwrap().ok();
    assert_learns(&demo, ANA, (5, 0));
    // Answering and filing.
    for number in 0..3 {
        client.append("INBOX", "", &message("ham", number)).unwrap().ok();
    }
    client.command("CREATE Family").unwrap().ok();
    client.command("UID SEARCH RETURN (SAVE) SUBJECT ham").unwrap().ok();
    client.command("STORE 4 +FLAGS (\\Answered)").unwrap().ok();
    client.command("MOVE 5 Family").unwrap().ok();
    client.command("COPY 5 Archive").unwrap().ok();
    assert_learns(&demo, ANA, (5, 3));
    assert_eq!(seen(&demo, BEN), (0, 0));
    // What teaches nothing.
    client.append("Sent", "$Junk", &message("ham", 20)).unwrap().ok();
    client.append("Drafts", "", &message("ham", 21)).unwrap().ok();
    client.append("INBOX", "\\Seen", &message("ham", 22)).unwrap().ok();
    client.append("INBOX", "$Junk $NotJunk", &message("ham", 23)).unwrap().ok();
    client.command("MOVE * Trash").unwrap().ok();
    // One more that does, so that the others had their turn.
    client.append("Junk", "", &message("spam", 30)).unwrap().ok();
    assert_learns(&demo, ANA, (6, 3));
}

#[test]
fn a_message_counts_once_and_goes_over_when_somebody_thinks_again() {
    let demo = demo();
    let mut client = inbox(&demo, ANA, "spam", 1);
    client.command("STORE 1 +FLAGS ($Junk)").unwrap().ok();
    client.command("STORE 1 -FLAGS ($Junk)").unwrap().ok();
    client.command("STORE 1 +FLAGS (Junk \\Answered)").unwrap().ok();
    client.command("COPY 1 Junk").unwrap().ok();
    client.command("STORE 1 +FLAGS (\\Deleted)").unwrap().ok();
    client.command("EXPUNGE").unwrap().ok();
    client.append("Junk", "\\Seen", &message("spam", 0)).unwrap().ok();
    assert_learns(&demo, ANA, (1, 0));
    // The same message in somebody else's hands counts for him, and once for the household.
    let mut ben = inbox(&demo, BEN, "spam", 1);
    ben.command("MOVE 1 Junk").unwrap().ok();
    assert_learns(&demo, BEN, (1, 0));
    let all: Value = serde_json::from_str(&demo.told(&["spam", "stats", "--json"], "")).unwrap();
    assert_eq!(all[2]["spam"], 1, "{all}");
    // Out of Junk it is wanted, into Trash it is what it was.
    client.command("SELECT Junk").unwrap().ok();
    client.command("MOVE 1 INBOX").unwrap().ok();
    assert_learns(&demo, ANA, (0, 1));
    client.command("MOVE 1 Trash").unwrap().ok();
    client.command("SELECT INBOX").unwrap().ok();
    client.command("STORE 1 +FLAGS (\\Answered)").unwrap().ok();
    client.command("COPY 1 Archive").unwrap().ok();
    client.append("Junk", "", &message("spam", 1)).unwrap().ok();
    assert_learns(&demo, ANA, (1, 1));
}

/// Sends a message from elsewhere.
fn send(demo: &Demo, to: &[&str], message: &str) {
    let mut client = SmtpClient::connect(demo, Door::Smtp).unwrap();
    assert_eq!(client.send_mail("someone@far.example", to, message).unwrap().code, 250);
}

/// The header of the message of that subject, if it lies in that mailbox.
fn header(demo: &Demo, account: &str, mailbox: &str, subject: &str) -> Option<String> {
    let mut client = ImapClient::log_in(demo, account).unwrap();
    client.command(&format!("EXAMINE {mailbox}")).unwrap().ok();
    let found = client.command("UID FETCH 1:* BODY.PEEK[HEADER]").unwrap();
    let wanted = format!("Subject: {subject}\r\n");
    found.untagged.into_iter().find(|response| response.contains(&wanted))
}

fn teach_both(demo: &Demo, account: &str) {
    let mut client = ImapClient::log_in(demo, account).unwrap();
    for number in 0..LESSONS {
        client.append("Junk", "", &message("spam", number)).unwrap().ok();
        client.append("INBOX", "$NotJunk", &message("ham", number)).unwrap().ok();
    }
    assert_learns(demo, account, (LESSONS as u64, LESSONS as u64));
}

#[test]
fn what_was_learnt_decides_about_the_next_message() {
    let mut demo = Demo::start_with(DemoOptions::set(&[
        "spam.spam_learnt_min=5",
        "spam.ham_learnt_min=5",
        "inbound.authentication=false",
    ]));
    send(&demo, &[ANA], &message("spam", 50));
    let before = header(&demo, ANA, "INBOX", "spam 50").expect("nothing is learnt yet");
    assert!(
        before.contains("X-Mailbox-Spam: no, still learning (0 of 5 spam and 0 of 5 wanted messages)"),
        "{before}"
    );
    teach_both(&demo, ANA);
    let forged = message("spam", 51).replace("\r\n\r\n", "\r\nX-Mailbox-Spam: no, score=0\r\n\r\n");
    send(&demo, &[ANA, BEN], &forged);
    send(&demo, &[ANA], &message("ham", 52));
    let spam = header(&demo, ANA, "Junk", "spam 51").expect("it is like what was taught");
    assert!(spam.contains("X-Mailbox-Spam: yes, score=9") && !spam.contains("score=0"), "{spam}");
    assert!(spam.contains("pills"), "the strongest evidence is told: {spam}");
    assert!(header(&demo, BEN, "Junk", "spam 51").is_some(), "the household knows");
    let ham = header(&demo, ANA, "INBOX", "ham 52").expect("it is like what was taught");
    assert!(ham.contains("X-Mailbox-Spam: no, score="), "{ham}");
    assert_eq!(seen(&demo, ANA), (LESSONS as u64, LESSONS as u64), "the verdict teaches nothing");

    // Mail within the house is not judged.
    let mut client = SmtpClient::connect(&demo, Door::Submissions).unwrap();
    client.log_in(BEN).unwrap();
    let within = message("spam", 53).replace("spam53@far.example", BEN);
    assert_eq!(client.send_mail(BEN, &[ANA], &within).unwrap().code, 250);
    let within = header(&demo, ANA, "INBOX", "spam 53").expect("people here write what they like");
    assert!(!within.contains("X-Mailbox-Spam"), "{within}");

    // Whoever is away from Junk again is wanted again, at once.
    let mut client = ImapClient::log_in(&demo, ANA).unwrap();
    client.command("SELECT Junk").unwrap().ok();
    client.command("MOVE 1:* INBOX").unwrap().ok();
    assert_learns(&demo, ANA, (0, 2 * LESSONS as u64 + 1));
    send(&demo, &[ANA], &message("spam", 54));
    assert!(header(&demo, ANA, "INBOX", "spam 54").is_some());
    drop(client);

    // Switched off it says what it thinks and does nothing.
    teach_both(&demo, BEN);
    demo.terminate();
    demo.set("spam.enabled", "false");
    demo.start_again();
    send(&demo, &[BEN], &message("spam", 55));
    let off = header(&demo, BEN, "INBOX", "spam 55").expect("the filter is off");
    assert!(off.contains("X-Mailbox-Spam: no, score="), "{off}");
}

#[test]
fn many_messages_are_learnt_at_once_and_survive() {
    let mut demo = demo();
    let mut client = ImapClient::log_in(&demo, ANA).unwrap();
    let literals: Vec<String> = (0..400).map(|number| message("spam", number)).collect();
    for message in &literals {
        client.append("INBOX", "", message).unwrap().ok();
    }
    client.command("SELECT INBOX").unwrap().ok();
    client.command("MOVE 1:* Junk").unwrap().ok();
    assert_learns(&demo, ANA, (400, 0));
    // What a stop writes, a kill does not take.
    assert!(demo.terminate().success());
    demo.start_again();
    assert_eq!(seen(&demo, ANA), (400, 0));
    demo.kill();
    // Without a daemon the command line reads and teaches the same.
    assert_eq!(seen(&demo, ANA), (400, 0));
    let folder = demo.scratch("wanted");
    for number in 0..70 {
        fs::write(folder.join(format!("{number}.eml")), message("ham", number)).unwrap();
    }
    let folder = folder.to_str().unwrap().to_owned();
    let train = |demo: &Demo| demo.told(&["spam", "train", "--account", ANA, "--ham", &folder], "");
    assert!(train(&demo).starts_with("70 messages learnt as wanted; 0 counted"));
    demo.start_again();
    assert_eq!(seen(&demo, ANA), (400, 70));
    assert!(train(&demo).starts_with("0 messages learnt as wanted; 70 counted"));
    let one = ["spam", "train", "--account", ANA, "--spam", "-"];
    assert!(demo.told(&one, &message("spam", 400)).starts_with("1 messages learnt as spam"));
    // What was taught by the command line is durable when it answers.
    demo.kill();
    demo.start_again();
    assert_eq!(seen(&demo, ANA), (401, 70));
}

#[test]
fn damaged_files_are_set_aside_and_mail_flows() {
    let mut demo = demo();
    demo.told(&["spam", "train", "--account", ANA, "--spam", "-"], &message("spam", 1));
    assert!(demo.terminate().success());
    let folder = demo.state_dir().join("spam");
    for (name, contents) in
        [("knowledge", &b"mailknow nonsense"[..]), ("lessons", &[0xff; 5000]), ("knowledge", b"")]
    {
        fs::write(folder.join(name), contents).unwrap();
        demo.start_again();
        let mut client = inbox(&demo, ANA, "spam", 1);
        client.command("MOVE 1 Junk").unwrap().ok();
        wait_for("something to be learnt", || (seen(&demo, ANA).0 > 0).then_some(()));
        assert!(demo.terminate().success());
        assert!(folder.join(name).with_extension("damaged").exists(), "{name}");
    }
}

#[test]
fn what_was_learnt_is_explained_taken_along_and_forgotten() {
    let demo = demo();
    for (class, kind) in [("--spam", "spam"), ("--ham", "ham")] {
        for number in 0..LESSONS {
            demo.told(&["spam", "train", "--account", ANA, class, "-"], &message(kind, number));
        }
    }
    let stats = demo.told(&["spam", "stats"], "");
    assert!(stats.contains("acts"), "{stats}");
    let explain = |account: &str, kind: &str| {
        let words = ["spam", "explain", "-", "--account", account];
        let json = [&words[..], &["--json"]].concat();
        let whole: Value = serde_json::from_str(&demo.told(&json, &message(kind, 77))).unwrap();
        (demo.told(&words, &message(kind, 77)), whole)
    };
    let (words, whole) = explain(ANA, "spam");
    assert!(words.contains("By its content it is spam") && words.contains("pills"), "{words}");
    assert_eq!(whole["is_junk"], true, "{whole}");
    let (words, _) = explain(ANA, "ham");
    assert!(words.contains("not taken for spam"), "{words}");
    let known = demo.told(&["spam", "explain", "-", "--account", ANA], &message("spam", 1));
    assert!(known.contains("Somebody taught that it is spam."), "{known}");

    let export = demo.cli(&["spam", "export", "--account", ANA]).output().unwrap().stdout;
    assert!(!export.is_empty());
    let import = |bytes: &[u8]| {
        let mut child = demo
            .cli(&["spam", "import", "--account", BEN])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), bytes).unwrap();
        child.wait_with_output().unwrap()
    };
    let refused = import(&export[..export.len() / 2]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("damaged"));
    assert_eq!(seen(&demo, BEN), (0, 0));
    assert!(import(&export).status.success());
    assert_eq!(seen(&demo, BEN), (LESSONS as u64, LESSONS as u64));
    demo.told(&["spam", "forget", "--account", ANA], "");
    assert_eq!(seen(&demo, ANA), (0, 0));
    assert_eq!(seen(&demo, BEN), (LESSONS as u64, LESSONS as u64));
    demo.told(&["spam", "train", "--account", ANA, "--spam", "-"], &message("spam", 1));
    assert_eq!(seen(&demo, ANA), (1, 0), "what is forgotten may be taught again");
    assert!(!demo.tell(&["spam", "stats", "nobody@home.test"], "").0);
}

/// Python's imaplib does it as mail programs do.
#[test]
fn a_real_client_teaches() {
    const SCRIPT: &str = r#"
import imaplib, sys
box = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
box.login("ana@home.test", sys.argv[2])
box.select("INBOX")
for number in range(4):
    text = f"From: s{number}@far.example\r\nMessage-ID: <{number}@far.example>\r\nSubject: s {number}\r\n\r\npills\r\n"
    box.append("INBOX", None, None, text.encode())
box.noop()
assert box.copy("1", "Junk")[0] == "OK"
box.store("1", "+FLAGS", "\\Deleted")
box.expunge()
assert box.uid("MOVE", "2", "Junk")[0] == "OK"
assert box.store("1", "+FLAGS", "($Junk)")[0] == "OK"
assert box.store("2", "+FLAGS", "(\\Answered)")[0] == "OK"
box.logout()
"#;
    let demo = demo();
    let port = demo.port(Door::Imap).to_string();
    let run = Command::new("/usr/bin/python3").args(["-c", SCRIPT, &port, PASSWORD]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_learns(&demo, ANA, (3, 1));
}

#[test]
fn what_lies_in_junk_for_long_goes() {
    let mut demo = demo();
    let mut client = inbox(&demo, ANA, "spam", 1);
    client.command("MOVE 1 Junk").unwrap().ok();
    drop(client);
    assert!(demo.terminate().success());
    // Named as a mail program names them that put them there a good month and a week ago.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let put = |demo: &Demo, days: u64, name: &str, flags: &str| {
        let file = format!("{}.M1P{days}Q1.elsewhere:2,{flags}", now - days * 24 * 3600);
        let text = format!("Subject: {name}\r\n\r\ntext\r\n");
        fs::write(demo.maildir("ana").join(".Junk/cur").join(file), text).unwrap();
    };
    put(&demo, 31, "old", "S");
    put(&demo, 32, "flagged", "FS");
    put(&demo, 7, "young", "S");
    demo.start_again();
    let subjects = || {
        let mut client = ImapClient::log_in(&demo, ANA).unwrap();
        client.command("SELECT Junk").unwrap().ok();
        let mut subjects: Vec<_> =
            client.fetch_field("Subject").unwrap().into_iter().map(|one| one.field).collect();
        subjects.sort();
        subjects
    };
    wait_for("what is old to go", || (subjects() == ["flagged", "spam 0", "young"]).then_some(()));
}
