//! NOTIFY under load: whatever several sessions do at once, what a listening client was told last of each mailbox is how it is.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::io;
use std::thread;
use support::demo::Demo;
use support::imap::ImapClient;

const MAILBOXES: [&str; 4] = ["Archive", "Drafts", "Junk", "Sent"];
const CLIENTS: usize = 4;
const TURNS: usize = 60;

#[test]
fn what_was_told_last_is_how_it_is() {
    let demo = Demo::start();
    let mut listener = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    listener.command("ENABLE CONDSTORE").unwrap().ok();
    let events = "(MessageNew MessageExpunge FlagChange MailboxName)";
    let first = listener.command(&format!("NOTIFY SET STATUS (personal {events})")).unwrap().ok();
    let mut told = BTreeMap::new();
    first.untagged.iter().for_each(|line| note(line, &mut told));

    thread::scope(|scope| {
        let house = &demo;
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || work(house, number))).collect();
        for client in clients {
            client.join().unwrap().unwrap();
        }
    });
    let mut other = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    other.command("CREATE the-end").unwrap().ok();
    loop {
        let line = listener.read_response().unwrap();
        note(&line, &mut told);
        if line.ends_with(" the-end") {
            break;
        }
    }
    let items = ["MESSAGES", "UIDNEXT", "UNSEEN", "HIGHESTMODSEQ"];
    for mailbox in MAILBOXES {
        let status = other.command(&format!("STATUS {mailbox} ({})", items.join(" "))).unwrap().ok();
        let mut actual = BTreeMap::new();
        status.untagged.iter().for_each(|line| note(line, &mut actual));
        for item in items {
            let key = (mailbox.to_owned(), item.to_owned());
            assert_eq!(told.get(&key), actual.get(&key), "{item} of {mailbox}");
        }
    }
}

/// Remembers what a STATUS line says.
fn note(line: &str, told: &mut BTreeMap<(String, String), u64>) {
    let Some((mailbox, items)) = line.strip_prefix("* STATUS ").and_then(|rest| rest.split_once(" (")) else {
        return;
    };
    let words: Vec<&str> = items.trim_end_matches(')').split(' ').collect();
    for pair in words.chunks_exact(2) {
        told.insert((mailbox.to_owned(), pair[0].to_owned()), pair[1].parse().unwrap());
    }
}

/// Adds, marks, copies and removes, in an order that differs from client to client.
fn work(demo: &Demo, number: usize) -> io::Result<()> {
    let mut imap = ImapClient::log_in(demo, "ana@home.test")?;
    for turn in 0..TURNS {
        let (here, there) = (MAILBOXES[(turn + number) % 4], MAILBOXES[(turn * 3 + number + 1) % 4]);
        match (turn * 7 + number) % 5 {
            0 | 1 => drop(imap.append(here, "", "Subject: x\r\n\r\nx\r\n")?.ok()),
            2 => {
                imap.command(&format!("SELECT {here}"))?.ok();
                imap.command("UID STORE 1:* +FLAGS.SILENT (\\Seen)")?.ok();
            }
            3 => {
                imap.command(&format!("SELECT {here}"))?.ok();
                imap.command(&format!("UID COPY 1:2 {there}"))?;
            }
            _ => {
                imap.command(&format!("SELECT {here}"))?.ok();
                imap.command("UID STORE * +FLAGS.SILENT (\\Deleted)")?;
                imap.command("EXPUNGE")?.ok();
            }
        }
    }
    Ok(())
}
