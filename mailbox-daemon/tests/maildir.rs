//! The Maildir tree as other programs see and change it while the daemon runs.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;
use support::demo::{Demo, Door};
use support::imap::ImapClient;
use support::smtp::SmtpClient;

#[test]
fn a_file_dropped_into_new_reaches_a_waiting_client() {
    let demo = Demo::start();
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("SELECT INBOX").unwrap().ok();
    let tag = imap.send("IDLE").unwrap();
    assert!(imap.read_response().unwrap().starts_with('+'));
    // Bare line feeds, as every local program writes.
    drop_file(&demo.maildir("ana"), "new", "1700000000.foreign.host", "Subject: foreign\n\nhello\n");
    let news = imap.read_response().unwrap();
    assert_eq!(news, "* 1 EXISTS");
    imap.wire().send_line("DONE").unwrap();
    imap.finish(&tag).unwrap().ok();
    let fetched = imap.command("FETCH 1 (UID RFC822.SIZE BODY.PEEK[])").unwrap().ok();
    let response = fetched.untagged.iter().find(|line| line.contains("BODY[]")).unwrap();
    assert!(response.contains("Subject: foreign\r\n\r\nhello\r\n"), "{response:?}");
    assert!(response.contains("RFC822.SIZE 27"), "{response:?}");
}

#[test]
fn a_file_dropped_into_cur_keeps_its_flags() {
    let demo = Demo::start();
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    drop_file(&demo.maildir("ana"), "cur", "1700000001.foreign.host:2,FS", "Subject: seen\n\nhello\n");
    imap.command("SELECT INBOX").unwrap().ok();
    let fetched = imap.command("FETCH 1 FLAGS").unwrap().ok();
    assert!(
        fetched.untagged.iter().any(|line| line.contains("\\Flagged") && line.contains("\\Seen")),
        "{fetched:?}"
    );
}

#[test]
fn a_foreign_file_keeps_its_uid_over_a_restart_without_the_index() {
    let mut demo = Demo::start();
    for name in ["1700000002.a.host", "1700000003.b.host", "1700000004.c.host"] {
        drop_file(&demo.maildir("ana"), "new", name, &format!("Subject: {name}\n\nhello\n"));
    }
    let look = |demo: &Demo| {
        let mut imap = ImapClient::log_in(demo, "ana@home.test").unwrap();
        imap.command("SELECT INBOX").unwrap().ok();
        imap.fetch_field("SUBJECT").unwrap()
    };
    let before = look(&demo);
    assert_eq!(before.len(), 3);
    demo.kill();
    fs::remove_dir_all(demo.state_dir().join("index")).unwrap();
    demo.start_again();
    assert_eq!(look(&demo), before);
}

#[test]
fn a_torn_file_goes_aside_and_takes_nobody_with_it() {
    let mut demo = Demo::start();
    for subject in ["whole", "torn", "also whole"] {
        deliver(&demo, subject);
    }
    demo.terminate();
    let torn = find_file(&demo.maildir("ana"), "Subject: torn");
    let length = fs::metadata(&torn).unwrap().len();
    fs::File::options().write(true).open(&torn).unwrap().set_len(length / 2).unwrap();
    fs::remove_dir_all(demo.state_dir().join("index")).unwrap();
    demo.start_again();
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("SELECT INBOX").unwrap().ok();
    let subjects: Vec<String> = imap.fetch_field("SUBJECT").unwrap().into_iter().map(|m| m.field).collect();
    assert_eq!(subjects, ["whole", "also whole"]);
    let aside = fs::read_dir(demo.maildir("ana").join("quarantine")).unwrap().count();
    assert_eq!(aside, 1);
    support::wait_for("the report", || demo.log().contains("quarantine").then_some(()));
}

#[test]
fn a_file_removed_by_another_program_is_gone_for_the_client() {
    let demo = Demo::start();
    deliver(&demo, "stays");
    deliver(&demo, "goes");
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("SELECT INBOX").unwrap().ok();
    fs::remove_file(find_file(&demo.maildir("ana"), "Subject: goes")).unwrap();
    support::wait_for("the message to go", || {
        let news = imap.command("NOOP").unwrap().ok();
        news.untagged.iter().any(|line| line == "* 2 EXPUNGE").then_some(())
    });
    assert_eq!(imap.fetch_field("SUBJECT").unwrap().len(), 1);
}

#[test]
fn a_folder_made_by_another_program_is_a_mailbox() {
    let demo = Demo::start();
    let folder = demo.maildir("ana").join(".Elsewhere.Deep");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    drop_file(&folder, "new", "1700000005.x.host", "Subject: deep\n\nhello\n");
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    let listed = imap.command("LIST \"\" *").unwrap().ok();
    assert!(listed.untagged.iter().any(|line| line.contains("Elsewhere/Deep")), "{listed:?}");
    imap.command("SELECT Elsewhere/Deep").unwrap().ok();
    assert_eq!(imap.fetch_field("SUBJECT").unwrap()[0].field, "deep");
}

fn drop_file(folder: &Path, part: &str, name: &str, text: &str) {
    let spool = folder.join("tmp").join(name);
    fs::create_dir_all(folder.join("tmp")).unwrap();
    fs::write(&spool, text).unwrap();
    fs::rename(spool, folder.join(part).join(name)).unwrap();
}

fn find_file(folder: &Path, text: &str) -> std::path::PathBuf {
    let files = ["new", "cur"].into_iter().flat_map(|part| fs::read_dir(folder.join(part)).unwrap());
    let mut paths = files.map(|entry| entry.unwrap().path());
    paths
        .find(|path| fs::read_to_string(path).unwrap().contains(text))
        .expect("the message lies in the folder")
}

fn deliver(demo: &Demo, subject: &str) {
    let mut client = SmtpClient::connect(demo, Door::Smtp).unwrap();
    let message = format!("Subject: {subject}\n\nhello\n");
    let reply = client.send_mail("friend@example.org", &["ana@home.test"], &message).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
}
