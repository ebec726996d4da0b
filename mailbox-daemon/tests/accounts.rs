//! Accounts as the command line changes them while the box runs: limits that count at once, and what a removed account leaves.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use support::demo::{Demo, Door};
use support::imap::ImapClient;
use support::smtp::SmtpClient;

#[test]
fn a_quota_counts_at_once_and_is_shown() {
    let demo = Demo::start();
    let mut ana = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    ana.append("INBOX", "", "Subject: one\r\n\r\nhello\r\n").unwrap().ok();
    let said = demo.told(&["account", "quota", "ana@home.test", "1", "--messages", "1", "--json"], "");
    assert!(said.contains(r#""quota": "1, 1 messages""#) && said.contains(r#""messages": 1"#), "{said}");
    assert!(!ana.append("INBOX", "", "Subject: two\r\n\r\nhello\r\n").unwrap().is_ok());
    let mut sender = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    assert_eq!(sender.command("MAIL FROM:<friend@example.org>").unwrap().code, 250);
    assert_eq!(sender.command("RCPT TO:<ana@home.test>").unwrap().code, 452);

    demo.told(&["account", "quota", "ana@home.test", "5G", "--messages", "none"], "");
    assert_eq!(sender.command("RCPT TO:<ana@home.test>").unwrap().code, 250);
    demo.told(
        &["account", "add", "carl@home.test", "--password-stdin", "--quota", "500M"],
        "a good password\n",
    );
    let said = demo.told(&["account", "list", "--json"], "");
    for (address, quota) in
        [("ana@home.test", "5G"), ("ben@home.test", "default"), ("carl@home.test", "500M")]
    {
        let row = said.split('}').find(|line| line.contains(address)).unwrap_or(&said);
        assert!(row.contains(&format!(r#""quota": "{quota}""#)), "{said}");
    }
    demo.told(&["account", "quota", "ana@home.test", "default"], "");
    assert!(demo.told(&["account", "list"], "").contains("default"));
}

#[test]
fn a_removed_account_takes_what_was_shared_with_it_along() {
    let demo = Demo::start();
    let mut ana = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    ana.command("SETACL INBOX ben@home.test lr").unwrap().ok();
    ana.command("SETACL INBOX anyone l").unwrap().ok();
    demo.told(&["account", "remove", "ben@home.test"], "");
    let rights = ana.command("GETACL INBOX").unwrap().ok();
    let rights = format!("{rights:?}");
    assert!(rights.contains("anyone l") && !rights.contains("ben@home.test"), "{rights}");
}
