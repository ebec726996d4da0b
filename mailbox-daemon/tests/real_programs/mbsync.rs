//! mbsync: keeps a server's mailboxes and a local Maildir alike, both ways, and would rather stop than guess.

use super::program::Program;
use super::{Demo, Door, ImapClient, deliver, subjects};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

struct Twin {
    rc: PathBuf,
    home: PathBuf,
}

impl Twin {
    fn new(demo: &Demo, mechanism: &str) -> Twin {
        let home = demo.scratch("mbsync");
        let rc = home.join("rc");
        let text = format!(
            "IMAPAccount box\nHost localhost\nPort {port}\nUser ana@home.test\nPass demo-password\n\
             AuthMechs {mechanism}\nSSLType IMAPS\nCertificateFile {ca}\n\n\
             IMAPStore far\nAccount box\n\n\
             MaildirStore near\nPath {home}/mail/\nInbox {home}/mail/INBOX\nSubFolders Verbatim\n\n\
             Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\n\
             SyncState *\nCopyArrivalDate yes\n",
            port = demo.port(Door::Imaps),
            ca = demo.ca_file().display(),
            home = home.display(),
        );
        fs::write(&rc, text).unwrap();
        fs::create_dir_all(home.join("mail")).unwrap();
        Twin { rc, home }
    }

    fn sync(&self) -> String {
        let outcome = Program::new("mbsync", "isync")
            .env("HOME", &self.home)
            .arg("-V")
            .arg("-c")
            .arg(&self.rc)
            .arg("-a")
            .succeed();
        assert!(!outcome.stderr.contains("Error"), "{outcome:?}");
        outcome.stdout
    }

    fn folder(&self, mailbox: &str) -> PathBuf {
        self.home.join("mail").join(mailbox)
    }

    /// Every message of the twin: folder, subject, flag letters.
    fn near(&self) -> BTreeMap<(String, String), String> {
        let mut found = BTreeMap::new();
        for folder in fs::read_dir(self.home.join("mail")).unwrap() {
            let folder = folder.unwrap();
            for part in ["cur", "new"] {
                for file in fs::read_dir(folder.path().join(part)).into_iter().flatten() {
                    let path = file.unwrap().path();
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    let flags = name.split_once(":2,").map_or(String::new(), |(_, flags)| flags.to_owned());
                    let mailbox = folder.file_name().to_string_lossy().into_owned();
                    found.insert((mailbox, subject_of(&path)), flags);
                }
            }
        }
        found
    }
}

/// The same of the server.
fn far(demo: &Demo) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    let mut imap = ImapClient::log_in(demo, "ana@home.test").unwrap();
    for mailbox in ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive", "Made here", "Made there"] {
        if !imap.command(&format!("EXAMINE \"{mailbox}\"")).unwrap().is_ok() {
            continue;
        }
        let fetched = imap.command("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])").unwrap();
        for response in fetched.untagged.iter().filter(|line| line.contains(" FETCH ")) {
            let flags = [
                ("\\Draft", 'D'),
                ("\\Flagged", 'F'),
                ("\\Answered", 'R'),
                ("\\Seen", 'S'),
                ("\\Deleted", 'T'),
            ];
            let letters =
                flags.iter().filter(|(flag, _)| response.contains(flag)).map(|(_, letter)| *letter).collect();
            let subject =
                response.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default();
            found.insert((mailbox.to_owned(), subject.to_owned()), letters);
        }
    }
    found
}

#[test]
fn both_sides_are_alike_after_changes_on_both() {
    let demo = Demo::start();
    let twin = Twin::new(&demo, "SCRAM-SHA-256");
    for number in 0..6 {
        deliver(&demo, &format!("Subject: number {number}\n\nhello {number}\n"));
    }
    twin.sync();
    assert_eq!(twin.near(), far(&demo));
    assert_eq!(twin.near().len(), 6);

    // Changes near: a flag, a removal, a new message, a new folder.
    set_flags(&find(&twin.folder("INBOX"), "number 0"), "FS");
    set_flags(&find(&twin.folder("INBOX"), "number 1"), "ST");
    add(&twin.folder("INBOX"), "written near");
    add(&twin.folder("Made here"), "in a new folder");
    // Changes far: a flag, a removal, a move, a new folder.
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("SELECT INBOX").unwrap().ok();
    imap.command("STORE 3 +FLAGS (\\Answered)").unwrap().ok();
    imap.command("STORE 4 +FLAGS (\\Deleted)").unwrap().ok();
    imap.command("EXPUNGE").unwrap().ok();
    imap.command("CREATE \"Made there\"").unwrap().ok();
    imap.command("MOVE 4 \"Made there\"").unwrap().ok();
    imap.append("Archive", "\\Seen", "Subject: written far\r\n\r\nhello\r\n").unwrap().ok();

    twin.sync();
    let (near, far_now) = (twin.near(), far(&demo));
    assert_eq!(near, far_now);
    let expected = [
        ("Archive", "written far", "S"),
        ("INBOX", "number 0", "FS"),
        ("INBOX", "number 2", "R"),
        ("INBOX", "number 5", ""),
        ("INBOX", "written near", ""),
        ("Made here", "in a new folder", ""),
        ("Made there", "number 4", ""),
    ];
    let expected =
        expected.map(|(folder, subject, flags)| ((folder.to_owned(), subject.to_owned()), flags.to_owned()));
    assert_eq!(near, BTreeMap::from(expected));

    // Nothing is left to do, once and twice.
    for _ in 0..2 {
        twin.sync();
        assert_eq!(twin.near(), near);
        assert_eq!(far(&demo), far_now);
    }
}

#[test]
fn a_twin_survives_the_loss_of_the_index() {
    let mut demo = Demo::start();
    let twin = Twin::new(&demo, "PLAIN");
    for number in 0..4 {
        deliver(&demo, &format!("Subject: number {number}\n\nhello {number}\n"));
    }
    twin.sync();
    let before = twin.near();
    demo.terminate();
    fs::remove_dir_all(demo.state_dir().join("index")).unwrap();
    demo.start_again();
    // A changed UIDVALIDITY or UID would make mbsync refuse, or fetch everything once more.
    twin.sync();
    assert_eq!(twin.near(), before);
    assert_eq!(subjects(&demo, "ana@home.test", "INBOX").len(), 4);
}

fn subject_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().to_owned()
}

fn find(folder: &Path, subject: &str) -> PathBuf {
    let files = ["cur", "new"].into_iter().flat_map(|part| fs::read_dir(folder.join(part)).unwrap());
    files
        .map(|file| file.unwrap().path())
        .find(|path| subject_of(path) == subject)
        .expect("mbsync brought it")
}

fn set_flags(path: &Path, letters: &str) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let base = name.split(":2,").next().unwrap();
    let folder = path.parent().unwrap().parent().unwrap();
    fs::rename(path, folder.join("cur").join(format!("{base}:2,{letters}"))).unwrap();
}

fn add(folder: &Path, subject: &str) {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    let name = format!("1700000000.{}.near", subject.replace(' ', "-"));
    fs::write(folder.join("cur").join(name + ":2,"), format!("Subject: {subject}\n\nhello\n")).unwrap();
}
