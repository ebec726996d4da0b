//! curl: mail as URLs, inside TLS, with the certificate checked.

use super::program::Program;
use super::{Demo, Door, deliver, subjects};

fn curl(demo: &Demo) -> Program {
    Program::new("curl", "curl")
        .args(["--silent", "--show-error", "--user", "ana@home.test:demo-password", "--cacert"])
        .arg(demo.ca_file())
}

fn imaps(demo: &Demo, rest: &str) -> String {
    format!("imaps://127.0.0.1:{}/{rest}", demo.port(Door::Imaps))
}

#[test]
fn a_message_goes_out_over_smtps() {
    let demo = Demo::start();
    let letter = demo.scratch("curl").join("letter");
    std::fs::write(&letter, "From: ana@home.test\r\nSubject: by curl\r\n\r\nhello\r\n").unwrap();
    curl(&demo)
        .arg(format!("smtps://127.0.0.1:{}", demo.port(Door::Submissions)))
        .args(["--mail-from", "ana@home.test", "--mail-rcpt", "ben@home.test", "--upload-file"])
        .arg(letter)
        .succeed();
    assert_eq!(subjects(&demo, "ben@home.test", "INBOX"), ["by curl"]);
}

#[test]
fn a_message_goes_out_over_starttls() {
    let demo = Demo::start();
    curl(&demo)
        .arg("--ssl-reqd")
        .arg(format!("smtp://127.0.0.1:{}", demo.port(Door::Submission)))
        .args(["--mail-from", "ana@home.test", "--mail-rcpt", "ben@home.test", "--upload-file", "-"])
        .input("From: ana@home.test\r\nSubject: upgraded\r\n\r\nhello\r\n")
        .succeed();
    assert_eq!(subjects(&demo, "ben@home.test", "INBOX"), ["upgraded"]);
}

#[test]
fn mail_is_read_and_searched_over_imaps() {
    let demo = Demo::start();
    deliver(&demo, "Subject: apples\n\nred\n");
    deliver(&demo, "Subject: pears\n\ngreen\n");
    let message = curl(&demo).arg(imaps(&demo, "INBOX;MAILINDEX=2")).succeed().stdout;
    assert!(message.contains("Subject: pears\r\n") && message.ends_with("\r\n\r\ngreen\r\n"), "{message:?}");
    let found = curl(&demo).arg(imaps(&demo, "INBOX?SUBJECT%20apples")).succeed().stdout;
    assert_eq!(found.trim_end(), "* SEARCH 1");
    let folders = curl(&demo).arg(imaps(&demo, "")).succeed().stdout;
    for folder in ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"] {
        assert!(folders.contains(folder), "{folders}");
    }
}

#[test]
fn a_message_is_appended_over_imaps() {
    let demo = Demo::start();
    let letter = demo.scratch("curl").join("draft");
    std::fs::write(&letter, "From: ana@home.test\r\nSubject: a draft\r\n\r\nnot yet\r\n").unwrap();
    curl(&demo).arg(imaps(&demo, "Drafts")).arg("--upload-file").arg(letter).succeed();
    assert_eq!(subjects(&demo, "ana@home.test", "Drafts"), ["a draft"]);
}

#[test]
fn imap_is_upgraded_with_starttls() {
    let demo = Demo::start();
    deliver(&demo, "Subject: upgraded\n\nhello\n");
    let url = format!("imap://127.0.0.1:{}/INBOX;MAILINDEX=1", demo.port(Door::Imap));
    let message = curl(&demo).arg("--ssl-reqd").arg(url).succeed().stdout;
    assert!(message.contains("Subject: upgraded"), "{message}");
}
