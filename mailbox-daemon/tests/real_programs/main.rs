//! The programs people really use, from Debian, against a demo box. A program that is missing is a failure that names its
//! package; `make test` installs them all first.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod curl;
mod dovecot;
mod exim;
mod fetch_alike;
mod fetchmail;
mod imaplib;
mod mail_server;
mod mbsync;
mod neomutt;
mod offlineimap;
mod opensmtpd;
mod openssl;
mod postfix;
mod program;
mod search_alike;
mod sieve_alike;
mod sieve_programs;
mod swaks;
mod tls_scan;
mod twin;
mod unpacked;

use support::demo::{Demo, Door};
use support::imap::ImapClient;
use support::smtp::SmtpClient;

/// Delivers a message to ana as another server would.
fn deliver(demo: &Demo, message: &str) {
    let mut client = SmtpClient::connect(demo, Door::Smtp).unwrap();
    let reply = client.send_mail("friend@example.org", &["ana@home.test"], message).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
}

/// The subjects in a mailbox, in the order of their arrival.
fn subjects(demo: &Demo, account: &str, mailbox: &str) -> Vec<String> {
    let mut imap = ImapClient::log_in(demo, account).unwrap();
    imap.command(&format!("EXAMINE {mailbox}")).unwrap().ok();
    imap.fetch_field("SUBJECT").unwrap().into_iter().map(|message| message.field).collect()
}

/// The text of the message with that subject, header and all, in wire form.
fn whole_message(demo: &Demo, account: &str, subject: &str) -> String {
    let mut imap = ImapClient::log_in(demo, account).unwrap();
    imap.command("EXAMINE INBOX").unwrap().ok();
    let found = imap.fetch_field("SUBJECT").unwrap().into_iter().find(|message| message.field == subject);
    let uid = found.unwrap_or_else(|| panic!("no message {subject:?} in the INBOX of {account}")).uid;
    let fetched = imap.command(&format!("UID FETCH {uid} BODY.PEEK[]")).unwrap().ok();
    fetched.untagged.into_iter().find(|line| line.contains("BODY[]")).expect("the body comes with the answer")
}
