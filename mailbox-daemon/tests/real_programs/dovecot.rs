//! Dovecot reads the Maildir tree we wrote, with every message, flag and keyword, and nothing in it to complain of.

use super::program::Program;
use super::{Demo, ImapClient, deliver};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn dovecot_finds_every_message_and_flag() {
    let mut demo = Demo::start();
    for number in 0..6 {
        deliver(&demo, &format!("From: friend@example.org\nSubject: number {number}\n\nhello {number}\n"));
    }
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("SELECT INBOX").unwrap().ok();
    for command in [
        "STORE 1 +FLAGS (\\Seen)",
        "STORE 2 +FLAGS (\\Answered \\Flagged)",
        "STORE 3 +FLAGS (\\Seen $Forwarded Holiday)",
        "COPY 2:3 Archive",
        "CREATE Work/Projects",
        "MOVE 4 Work/Projects",
        "STORE 4 +FLAGS (\\Deleted)",
        "EXPUNGE",
        "CREATE Gr&APwA3w-e",
    ] {
        imap.command(command).unwrap().ok();
    }
    imap.append("Drafts", "\\Draft \\Seen", "Subject: a draft\r\n\r\nnot yet\r\n").unwrap().ok();
    imap.append("Gr&APwA3w-e", "", "Subject: far away\r\n\r\nhello\r\n").unwrap().ok();
    let ours = our_view(&mut imap);
    demo.terminate();

    // Dovecot writes files of its own; it gets a copy, as somebody moving house would give it.
    let tree = demo.scratch("dovecot").join("Maildir");
    copy_tree(&demo.maildir("ana"), &tree);
    let theirs = dovecot_view(&demo, &tree);
    assert_eq!(theirs, ours);
    assert_eq!(ours.len(), 9);
}

/// What Dovecot left behind, we take over: its flags, keywords and files.
#[test]
fn we_find_what_dovecot_changed() {
    let mut demo = Demo::start();
    for number in 0..3 {
        deliver(&demo, &format!("From: friend@example.org\nSubject: number {number}\n\nhello {number}\n"));
    }
    demo.terminate();
    let tree = demo.maildir("ana");
    doveadm(&demo, &tree, &["flags", "add", "\\Flagged Urgent", "mailbox", "INBOX", "subject", "number 1"]);
    doveadm(&demo, &tree, &["expunge", "mailbox", "INBOX", "subject", "number 2"]);
    demo.start_again();
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("SELECT INBOX").unwrap().ok();
    let fetched = imap.command("FETCH 1:* FLAGS").unwrap().ok();
    let lines: Vec<_> = fetched.untagged.iter().filter(|line| line.contains(" FETCH ")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].contains("\\Flagged") && lines[1].contains("Urgent"), "{lines:?}");
}

/// Mailbox, subject, size and flags of every message.
type View = BTreeSet<(String, String, String, BTreeSet<String>)>;

fn our_view(imap: &mut ImapClient) -> View {
    let mut view = View::new();
    for mailbox in ["INBOX", "Archive", "Drafts", "Work/Projects", "Gr&APwA3w-e"] {
        imap.command(&format!("EXAMINE {mailbox}")).unwrap().ok();
        let command = "FETCH 1:* (RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])";
        for response in imap.command(command).unwrap().ok().untagged {
            let Some(rest) = response.split_once("RFC822.SIZE ").map(|(_, rest)| rest) else { continue };
            let size: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let flags = response.split_once("FLAGS (").unwrap().1.split(')').next().unwrap();
            let flags =
                flags.split_whitespace().filter(|flag| *flag != "\\Recent").map(str::to_owned).collect();
            let subject = response.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
            let mailbox = if mailbox.starts_with("Gr") { "Grüße" } else { mailbox };
            view.insert((mailbox.to_owned(), subject.to_owned(), size, flags));
        }
    }
    view
}

fn dovecot_view(demo: &Demo, tree: &Path) -> View {
    let fields = "mailbox hdr.subject size.virtual flags";
    let text = doveadm(demo, tree, &["-f", "tab", "fetch", fields, "mailbox", "*", "ALL"]);
    let row = |line: &str| {
        let mut columns = line.split('\t').map(str::to_owned);
        let mut next = || columns.next().unwrap_or_default();
        let (mailbox, subject, size) = (next(), next(), next());
        let flags = next().split_whitespace().filter(|flag| *flag != "\\Recent").map(str::to_owned).collect();
        (mailbox, subject, size, flags)
    };
    text.lines().skip(1).map(row).collect()
}

/// Runs one doveadm command on a tree as its owner, without any server.
fn doveadm(demo: &Demo, tree: &Path, arguments: &[&str]) -> String {
    let home = demo.scratch("dovecot");
    let (config, log) = (home.join("dovecot.conf"), home.join("log"));
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().expect("this user has a name");
    let (user, group) = (user.name, user.gid);
    let text = format!(
        "mail_location = maildir:{tree}\nmail_home = {home}\nlog_path = {log}\nssl = no\nbase_dir = {home}/run\n\
         default_internal_user = {user}\ndefault_login_user = {user}\nfirst_valid_uid = 0\nfirst_valid_gid = 0\n\
         mail_uid = {user}\nmail_gid = {group}\n\
         namespace inbox {{\n  inbox = yes\n  separator = /\n}}\n",
        tree = tree.display(),
        home = home.display(),
        log = log.display(),
    );
    fs::write(&config, text).unwrap();
    let outcome = Program::new("doveadm", "dovecot-imapd")
        .env("HOME", &home)
        .env("USER", &user)
        .arg("-c")
        .arg(config)
        .args(arguments)
        .succeed();
    let complaints = fs::read_to_string(&log).unwrap_or_default() + &outcome.stderr;
    assert!(
        !complaints.contains("Error") && !complaints.contains("Warning"),
        "Dovecot complains: {complaints}"
    );
    outcome.stdout
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
