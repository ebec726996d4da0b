//! Letters the box writes to the people who live here.

use crate::host::Host;
use crate::issues::Issue;
use crate::{directory, disk};
use proto::mime::{Scanner, date};
use std::sync::Arc;
use store::{Arrival, StoreError, Subject, Ticket};
use types::{Address, Flags, MailboxName, UnixSeconds};

/// One letter about an issue in so much time, however often it comes and goes.
const LETTER_INTERVAL_S: i64 = 24 * 3600;
/// When the last letter about an issue was written.
const LETTERS: Subject = Subject { name: "issue-letters", rows_max: 200 };

/// Writes to the owner about what has gone wrong, until the daemon stops.
pub(crate) async fn run(host: Arc<Host>) {
    loop {
        tokio::select! {
            () = host.issues.raised() => {}
            () = host.stop.stopping() => return,
        }
        if !host.settings.load().notices.letters {
            continue;
        }
        for issue in host.issues.list() {
            if let Err(error) = write_about(&host, &issue).await {
                tracing::warn!(issue = issue.name, %error, "the owner could not be told");
            }
        }
    }
}

async fn write_about(host: &Host, issue: &Issue) -> Result<(), StoreError> {
    let now = host.now();
    let last: Option<UnixSeconds> = disk(|| host.notes.get(LETTERS, &issue.name))?;
    if last.is_some_and(|last| now < last + LETTER_INTERVAL_S) {
        return Ok(());
    }
    tell_owner(host, "Your mail box needs attention", &issue.text).await?;
    disk(|| host.notes.put(LETTERS, &issue.name, &now, now))
}

/// Tells the owner, whose account is the oldest; durable when this returns. Nobody is told on a box without accounts.
pub(crate) async fn tell_owner(host: &Host, subject: &str, text: &str) -> Result<(), StoreError> {
    match disk(|| directory::first_account(host))? {
        Some(owner) => tell(host, &owner, subject, text).await,
        None => Ok(()),
    }
}

/// Puts a letter from the box into somebody's INBOX; durable when this returns. `subject` is ASCII, `text` has LF line ends.
pub(crate) async fn tell(
    host: &Host,
    account: &Address,
    subject: &str,
    text: &str,
) -> Result<(), StoreError> {
    let now = host.now();
    let letter = letter(host, account, subject, text, now);
    disk(|| put_into_inbox(host, account, &[letter.as_bytes()], now))?.await
}

fn letter(host: &Host, account: &Address, subject: &str, text: &str, now: UnixSeconds) -> String {
    let hostname = &host.settings.load().hostname;
    let id = crate::smtp_in::trace_id::new(now);
    let head = format!(
        "From: Your mail box <postmaster@{hostname}>\nTo: {account}\nSubject: {subject}\nDate: {}\n\
         Message-ID: <{id}.notice@{hostname}>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n",
        date::format_rfc5322(now, 0)
    );
    (head + text.trim_end() + "\n").replace('\n', "\r\n")
}

/// Puts a message the box wrote into an INBOX. The ticket resolves when it is on disk.
pub(crate) fn put_into_inbox(
    host: &Host,
    account: &Address,
    parts: &[&[u8]],
    now: UnixSeconds,
) -> Result<Ticket, StoreError> {
    let mail = host.store.account(account)?;
    let inbox = mail.mailbox(&MailboxName::inbox())?;
    let mut message = mail.new_message()?;
    let mut scanner = Scanner::new(crate::smtp_in::scan_limits(&host.settings.load().limits));
    let own_lines = format!("Return-Path: <>\r\nDelivered-To: {account}\r\n");
    for part in [own_lines.as_bytes()].iter().chain(parts) {
        scanner.feed(part);
        message.write(part)?;
    }
    let digest = scanner.finish().into_bytes();
    let arrival = Arrival { flags: Flags::NONE, keywords: Vec::new(), internal_date: now, digest };
    Ok(inbox.add(message, arrival)?.ticket)
}
