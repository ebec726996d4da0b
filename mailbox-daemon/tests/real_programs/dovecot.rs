//! Dovecot reads the Maildir tree we wrote, with every message, flag and keyword, and nothing in it to complain of.

use super::program::{Conversation, Program};
use super::{Demo, ImapClient, deliver};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use tempfile::TempDir;

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

    let theirs = Dovecot::moved_in(&demo.maildir("ana")).view();
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
    let dovecot = Dovecot::moved_in(&demo.maildir("ana"));
    dovecot.doveadm(&["flags", "add", "\\Flagged Urgent", "mailbox", "INBOX", "subject", "number 1"]);
    dovecot.doveadm(&["expunge", "mailbox", "INBOX", "subject", "number 2"]);
    dovecot.move_out(&demo.maildir("ana"));
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

/// Dovecot's tools on a copy of a tree, as somebody moving house would give it; no server runs.
pub struct Dovecot {
    folder: TempDir,
}

impl Dovecot {
    /// Takes over a copy of the tree.
    pub fn moved_in(tree: &Path) -> Dovecot {
        let folder = tempfile::Builder::new().prefix("dovecot-").tempdir().unwrap();
        copy_tree(tree, &folder.path().join("Maildir"));
        let dovecot = Dovecot { folder };
        // Dovecot serves nobody's mail as root; run by root it becomes `nobody`, who must own the mail.
        if nix::unistd::geteuid().is_root() {
            let path = dovecot.folder.path();
            Program::new("chown", "coreutils").arg("--recursive").arg("nobody:nogroup").arg(path).succeed();
        }
        dovecot
    }

    fn move_out(self, tree: &Path) {
        fs::remove_dir_all(tree).unwrap();
        copy_tree(&self.folder.path().join("Maildir"), tree);
    }

    fn view(&self) -> View {
        let fields = "mailbox hdr.subject size.virtual flags";
        let text = self.doveadm(&["-f", "tab", "fetch", fields, "mailbox", "*", "ALL"]);
        let row = |line: &str| {
            let mut columns = line.split('\t').map(str::to_owned);
            let mut next = || columns.next().unwrap_or_default();
            let (mailbox, subject, size) = (next(), next(), next());
            let flags =
                next().split_whitespace().filter(|flag| *flag != "\\Recent").map(str::to_owned).collect();
            (mailbox, subject, size, flags)
        };
        text.lines().skip(1).map(row).collect()
    }

    /// An IMAP session of somebody who is logged in.
    pub fn imap(&self) -> Conversation {
        self.program().args(["exec", "imap"]).converse()
    }

    /// Runs one doveadm command; a complaint of Dovecot's about the tree is a failure.
    fn doveadm(&self, arguments: &[&str]) -> String {
        let outcome = self.program().args(arguments).succeed();
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let complaints = log + &outcome.stderr;
        assert!(
            !complaints.contains("Error") && !complaints.contains("Warning"),
            "Dovecot complains: {complaints}"
        );
        outcome.stdout
    }

    /// `doveadm` with a configuration for this tree.
    fn program(&self) -> Program {
        let home = self.folder.path();
        let (config, log) = (home.join("dovecot.conf"), home.join("log"));
        let owner = match nix::unistd::geteuid().is_root() {
            true => nix::unistd::User::from_name("nobody"),
            false => nix::unistd::User::from_uid(nix::unistd::geteuid()),
        };
        let owner = owner.unwrap().expect("the owner of the mail has a name");
        let text = format!(
            "mail_location = maildir:{home}/Maildir\nmail_home = {home}\nlog_path = {log}\nssl = no\n\
             base_dir = {home}/run\ndefault_internal_user = {user}\ndefault_login_user = {user}\n\
             first_valid_uid = 1\nfirst_valid_gid = 1\nmail_uid = {uid}\nmail_gid = {gid}\n\
             namespace inbox {{\n  inbox = yes\n  separator = /\n}}\n",
            home = home.display(),
            log = log.display(),
            user = owner.name,
            uid = owner.uid,
            gid = owner.gid,
        );
        fs::write(&config, text).unwrap();
        Program::new("doveadm", "dovecot-imapd")
            .env("HOME", home)
            .env("USER", &owner.name)
            .arg("-c")
            .arg(config)
    }
}

/// Copies folders and files with the times the files were changed, which IMAP tells.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => {
                fs::copy(entry.path(), &target).unwrap();
                let changed = entry.metadata().unwrap().modified().unwrap();
                File::options().write(true).open(target).unwrap().set_modified(changed).unwrap();
            }
        }
    }
}
