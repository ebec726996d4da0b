//! A disk that is nearly full: mail from outside waits at its senders, the people who live here read and send, and the owner
//! is told.

#![allow(clippy::unwrap_used)]

mod support;

use nix::sys::signal::Signal;
use support::demo::{Demo, DemoOptions, Door};
use support::imap::ImapClient;
use support::smtp::SmtpClient;
use support::wait_for;

/// No disk has as much free as this asks for.
const NEVER_ENOUGH: [&str; 3] = [
    "limits.disk_free_bytes_min=1000000000000000",
    "limits.disk_free_percent_min=100",
    "notices.letters=true",
];

#[test]
fn mail_from_outside_waits_and_the_owner_goes_on() {
    let demo = Demo::start_with(DemoOptions::set(&NEVER_ENOUGH));
    let mut friend = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    let news = "Subject: news\n\nhello\n";
    let reply = friend.send_mail("friend@example.org", &["ana@home.test"], news).unwrap();
    assert_eq!((reply.code, &reply.text[..5]), (452, "4.3.1"), "{reply:?}");

    let mut ben = SmtpClient::connect(&demo, Door::Submission).unwrap();
    ben.log_in("ben@home.test").unwrap();
    let letter = "From: ben@home.test\nSubject: still here\n\nhello\n";
    assert_eq!(ben.send_mail("ben@home.test", &["ana@home.test"], letter).unwrap().code, 250);

    let subjects = wait_for("the box's own letter", || {
        let mut ana = ImapClient::log_in(&demo, "ana@home.test").unwrap();
        ana.command("EXAMINE INBOX").unwrap().ok();
        let found: Vec<String> =
            ana.fetch_field("SUBJECT").unwrap().into_iter().map(|message| message.field).collect();
        (found.len() == 2).then_some(found)
    });
    assert!(subjects.contains(&"Your mail box needs attention".to_owned()), "{subjects:?}");
    let status = demo.cli(&["status"]).output().unwrap();
    assert!(String::from_utf8_lossy(&status.stdout).contains("The disk is nearly full"));

    // Enough again, by another measure.
    let config = demo.dir().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("disk_free_percent_min = 100", "disk_free_percent_min = 0"))
        .unwrap();
    demo.signal(Signal::SIGHUP);
    wait_for("mail from outside to come in again", || {
        let mut friend = SmtpClient::connect(&demo, Door::Smtp).unwrap();
        let reply = friend.send_mail("friend@example.org", &["ana@home.test"], news).unwrap();
        (reply.code == 250).then_some(())
    });
}
