//! Python's imaplib and smtplib: what scripts use.

use super::program::Program;
use super::{Demo, Door, deliver};

#[test]
fn a_script_tours_the_mailbox() {
    let demo = Demo::start();
    deliver(&demo, "From: friend@example.org\nSubject: first\n\nhello\n");
    let outcome = Program::new("python3", "python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_programs/tour.py"))
        .arg(demo.ca_file())
        .args([Door::Imap, Door::Imaps, Door::Submission].map(|door| demo.port(door).to_string()))
        .succeed();
    assert!(outcome.stdout.ends_with("the tour is over\n"), "{outcome:?}");
}
