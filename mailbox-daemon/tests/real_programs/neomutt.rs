//! neomutt: writes a mail, submits it and keeps its copy in Sent.
//!
//! Its login is set to PLAIN: Debian 12's neomutt asks GNU SASL for the strongest mechanism offered, which is
//! SCRAM-SHA-256-PLUS, and cannot give it the channel binding. mbsync logs in with SCRAM.

use super::program::Program;
use super::{Demo, Door, subjects, whole_message};
use std::fs;

fn send(demo: &Demo, subject: &str) {
    let home = demo.scratch("neomutt");
    let rc = home.join("rc");
    let text = format!(
        "set from=ana@home.test realname=Ana\nset ssl_force_tls ssl_starttls\nset certificate_file={ca}\n\
         set ssl_ca_certificates_file={ca}\n\
         set smtp_url=smtp://ana@home.test@127.0.0.1:{submission} smtp_pass=demo-password smtp_authenticators=plain\n\
         set imap_user=ana@home.test imap_pass=demo-password imap_authenticators=plain\n\
         set record=imaps://ana@home.test@127.0.0.1:{imaps}/Sent copy=yes\n",
        ca = demo.ca_file().display(),
        submission = demo.port(Door::Submission),
        imaps = demo.port(Door::Imaps),
    );
    fs::write(&rc, text).unwrap();
    Program::new("neomutt", "neomutt")
        .env("HOME", &home)
        .env("TERM", "dumb")
        .arg("-n")
        .arg("-F")
        .arg(rc)
        .args(["-s", subject, "--", "ben@home.test"])
        .input("Grüße aus dem Testlauf.\n")
        .succeed();
}

#[test]
fn a_mail_is_sent_and_its_copy_kept() {
    let demo = Demo::start();
    let expected = ["the first", "the second"];
    expected.iter().for_each(|subject| send(&demo, subject));
    assert_eq!(subjects(&demo, "ben@home.test", "INBOX"), expected);
    assert_eq!(subjects(&demo, "ana@home.test", "Sent"), expected);
    let message = whole_message(&demo, "ben@home.test", expected[0]);
    assert!(message.contains("\r\nReceived: "), "{message}");
    assert!(message.contains("Grüße") || message.contains("Gr=C3=BC=C3=9Fe"), "{message}");
}
