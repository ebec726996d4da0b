//! fetchmail: takes every message away, deleting it from the server.

use super::program::Program;
use super::{Demo, Door, deliver, subjects};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn every_message_is_fetched_and_removed() {
    let demo = Demo::start();
    for number in 0..5 {
        deliver(&demo, &format!("From: friend@example.org\nSubject: number {number}\n\nhello {number}\n"));
    }
    let home = demo.scratch("fetchmail");
    let (rc, taken) = (home.join("rc"), home.join("taken"));
    let text = format!(
        "poll localhost protocol IMAP port {port}\n  user \"ana@home.test\" password \"demo-password\"\n  \
         ssl sslcertck sslcertfile \"{ca}\"\n  mda \"cat >> {taken}\"\n",
        port = demo.port(Door::Imaps),
        ca = demo.ca_file().display(),
        taken = taken.display(),
    );
    fs::write(&rc, text).unwrap();
    fs::set_permissions(&rc, fs::Permissions::from_mode(0o600)).unwrap();
    Program::new("fetchmail", "fetchmail")
        .env("FETCHMAILHOME", &home)
        .args(["--nodetach", "--nosyslog", "--verbose", "--fetchmailrc"])
        .arg(rc)
        .succeed();
    let taken = fs::read_to_string(taken).unwrap();
    for number in 0..5 {
        assert!(taken.contains(&format!("Subject: number {number}\n")), "{taken}");
        assert!(taken.contains(&format!("\nhello {number}\n")), "{taken}");
    }
    assert!(subjects(&demo, "ana@home.test", "INBOX").is_empty());
}
