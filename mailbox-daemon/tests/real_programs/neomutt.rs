//! neomutt: a mail program people really use, once without a terminal to send, once in one to read and sort.
//!
//! Its login is set to PLAIN: Debian 12's neomutt asks GNU SASL for the strongest mechanism offered, which is
//! SCRAM-SHA-256-PLUS, and cannot give it the channel binding. mbsync logs in with SCRAM.

use super::program::Program;
use super::{Demo, Door, ImapClient, deliver, subjects, whole_message};
use std::fs;
use std::path::PathBuf;

/// Writes its configuration and returns its home and the file.
fn configure(demo: &Demo) -> (PathBuf, PathBuf) {
    let home = demo.scratch("neomutt");
    let rc = home.join("rc");
    let text = format!(
        "set from=ana@home.test realname=Ana send_charset=utf-8\nset ssl_force_tls ssl_starttls\n\
         set certificate_file={ca} ssl_ca_certificates_file={ca}\n\
         set smtp_url=smtp://ana@home.test@127.0.0.1:{submission} smtp_pass=demo-password smtp_authenticators=plain\n\
         set imap_user=ana@home.test imap_pass=demo-password imap_authenticators=plain\n\
         set folder=imaps://127.0.0.1:{imaps}/ spoolfile=+INBOX\nset header_cache=\"\" message_cachedir=\"\"\n\
         set quit=yes delete=yes move=no confirmappend=no confirmcreate=no wait_key=no\n",
        ca = demo.ca_file().display(),
        submission = demo.port(Door::Submission),
        imaps = demo.port(Door::Imaps),
    );
    fs::write(&rc, text).unwrap();
    (home, rc)
}

#[test]
fn a_mail_is_written_and_submitted() {
    let demo = Demo::start();
    let (home, rc) = configure(&demo);
    Program::new("neomutt", "neomutt")
        .env("HOME", &home)
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8")
        .args(["-n", "-F"])
        .arg(rc)
        .args(["-s", "by neomutt", "--", "ben@home.test"])
        .input("Grüße aus dem Testlauf.\n")
        .succeed();
    let message = whole_message(&demo, "ben@home.test", "by neomutt");
    assert!(message.contains("\r\nReceived: "), "{message}");
    assert!(message.contains("Grüße") || message.contains("Gr=C3=BC=C3=9Fe"), "{message}");
}

#[test]
fn mail_is_flagged_and_filed_away() {
    let demo = Demo::start();
    for number in 1..=3 {
        deliver(&demo, &format!("From: friend@example.org\nSubject: number {number}\n\nhello\n"));
    }
    let (home, rc) = configure(&demo);
    let keys = "<first-entry><flag-message><last-entry><save-message>=Archive<enter><sync-mailbox><quit>";
    let command = format!("neomutt -n -F {} -e 'push {keys}'", rc.display());
    // `script` gives it the terminal it wants.
    Program::new("script", "bsdutils")
        .env("HOME", &home)
        .env("TERM", "xterm")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .succeed();
    assert_eq!(subjects(&demo, "ana@home.test", "INBOX"), ["number 1", "number 2"]);
    assert_eq!(subjects(&demo, "ana@home.test", "Archive"), ["number 3"]);
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("EXAMINE INBOX").unwrap().ok();
    let flagged = imap.command("SEARCH FLAGGED").unwrap().ok();
    assert!(flagged.untagged.contains(&"* SEARCH 1".to_owned()), "{flagged:?}");
}
