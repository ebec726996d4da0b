//! A full house: five hundred sessions that sleep, half of them under TLS, while fifty work; nobody is forgotten and nobody waits
//! for ever (every step ends within the patience of the test's clients).

#![allow(clippy::unwrap_used)]

mod support;

use std::io;
use std::thread;
use support::demo::{Demo, Door, PASSWORD};
use support::imap::ImapClient;
use support::smtp::SmtpClient;

const SLEEPING: usize = 500;
const WORKING: usize = 50;
const MESSAGES: usize = 200;
const TURNS: usize = 3;

#[test]
fn five_hundred_sleep_while_fifty_work() {
    let demo = Demo::start();
    fill(&demo).unwrap();
    let mut sleeping: Vec<ImapClient> = (0..SLEEPING).map(|number| sleep(&demo, number).unwrap()).collect();

    thread::scope(|scope| {
        let house = &demo;
        let working: Vec<_> = (0..WORKING).map(|number| scope.spawn(move || work(house, number))).collect();
        // Somebody who only asks shortly is answered meanwhile, and mail comes in.
        let mut guest = ImapClient::log_in(&demo, "ben@home.test").unwrap();
        for _ in 0..20 {
            guest.command("STATUS INBOX (MESSAGES)").unwrap().ok();
        }
        let mut friend = SmtpClient::connect(&demo, Door::Smtp).unwrap();
        let reply =
            friend.send_mail("friend@example.org", &["ana@home.test"], "Subject: news\n\nhello\n").unwrap();
        assert_eq!(reply.code, 250, "{reply:?}");
        for worker in working {
            worker.join().unwrap().unwrap();
        }
    });

    let expected = format!("* {} EXISTS", MESSAGES + 1);
    for session in &mut sleeping {
        while session.read_response().unwrap() != expected {}
    }
}

/// Puts the messages that are searched into ana's INBOX and Archive.
fn fill(demo: &Demo) -> io::Result<()> {
    let mut imap = ImapClient::log_in(demo, "ana@home.test")?;
    for number in 0..MESSAGES {
        let text = format!("Subject: number {number}\r\n\r\n{}\r\n", "some words in a row ".repeat(100));
        imap.append("INBOX", "\\Seen", &text)?.ok();
    }
    imap.command("SELECT INBOX")?.ok();
    imap.command("COPY 1:* Archive")?.ok();
    Ok(())
}

fn sleep(demo: &Demo, number: usize) -> io::Result<ImapClient> {
    let mut imap = ImapClient::connect(demo, [Door::Imap, Door::Imaps][number % 2])?;
    imap.command(&format!("LOGIN ana@home.test {PASSWORD}"))?.ok();
    imap.command("SELECT INBOX")?.ok();
    imap.send("IDLE")?;
    while !imap.read_response()?.starts_with('+') {}
    Ok(imap)
}

/// Searches, fetches and marks in a mailbox nobody sleeps on.
fn work(demo: &Demo, number: usize) -> io::Result<()> {
    let mut imap = ImapClient::log_in(demo, "ana@home.test")?;
    imap.command("SELECT Archive")?.ok();
    for turn in 0..TURNS {
        let found = imap.command("SEARCH NOT TEXT \"nobody wrote this\"")?.ok();
        let hits = found.untagged.iter().find_map(|line| line.strip_prefix("* SEARCH ")).unwrap_or_default();
        assert_eq!(hits.split(' ').count(), MESSAGES);
        imap.command("FETCH 1:20 (FLAGS ENVELOPE BODY.PEEK[])")?.ok();
        imap.command(&format!("STORE {} +FLAGS.SILENT (mark{})", number + 1, turn))?.ok();
    }
    Ok(())
}
