//! mbsync: keeps a server's mailboxes and a local Maildir alike, both ways, and would rather stop than guess.

use super::program::Program;
use super::twin::{add, after_both, change_far, far, find, near, set_flags};
use super::{Demo, Door, ImapClient, deliver, subjects};
use std::fs;
use std::path::PathBuf;

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

    fn mail(&self) -> PathBuf {
        self.home.join("mail")
    }

    fn folder(&self, mailbox: &str) -> PathBuf {
        self.mail().join(mailbox)
    }
}

#[test]
fn both_sides_are_alike_after_changes_on_both() {
    let demo = Demo::start();
    let twin = Twin::new(&demo, "SCRAM-SHA-256");
    for number in 0..6 {
        deliver(&demo, &format!("Subject: number {number}\n\nhello {number}\n"));
    }
    twin.sync();
    assert_eq!(near(&twin.mail()), far(&demo));
    assert_eq!(near(&twin.mail()).len(), 6);

    // Changes near: a flag, a removal, a new message, a new folder.
    set_flags(&find(&twin.folder("INBOX"), "number 0"), "FS");
    set_flags(&find(&twin.folder("INBOX"), "number 1"), "ST");
    add(&twin.folder("INBOX"), "written near");
    add(&twin.folder("Made here"), "in a new folder");
    change_far(&demo);

    twin.sync();
    let (near_now, far_now) = (near(&twin.mail()), far(&demo));
    assert_eq!(near_now, far_now);
    assert_eq!(near_now, after_both());

    // Nothing is left to do, once and twice.
    for _ in 0..2 {
        twin.sync();
        assert_eq!(near(&twin.mail()), near_now);
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
    let before = near(&twin.mail());
    demo.terminate();
    fs::remove_dir_all(demo.state_dir().join("index")).unwrap();
    demo.start_again();
    // A changed UIDVALIDITY or UID would make mbsync refuse, or fetch everything once more.
    twin.sync();
    assert_eq!(near(&twin.mail()), before);
    assert_eq!(subjects(&demo, "ana@home.test", "INBOX").len(), 4);
}

/// Many folders, each changed on both sides at once.
#[test]
fn many_folders_changed_on_both_sides() {
    const FOLDERS: usize = 40;
    let demo = Demo::start();
    let twin = Twin::new(&demo, "PLAIN");
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    for number in 0..FOLDERS {
        imap.command(&format!("CREATE folder{number}")).unwrap().ok();
        for letter in ["a", "b", "c", "d"] {
            let text = format!("Subject: {letter}\r\n\r\nhello\r\n");
            imap.append(&format!("folder{number}"), "", &text).unwrap().ok();
        }
    }
    twin.sync();
    assert_eq!(near(&twin.mail()), far(&demo));
    assert_eq!(near(&twin.mail()).len(), 4 * FOLDERS);

    for number in 0..FOLDERS {
        let folder = twin.folder(&format!("folder{number}"));
        set_flags(&find(&folder, "a"), "FRS");
        set_flags(&find(&folder, "b"), "T");
        add(&folder, "near");
        imap.command(&format!("SELECT folder{number}")).unwrap().ok();
        imap.command("STORE 3 +FLAGS.SILENT (\\Draft)").unwrap().ok();
        imap.command("STORE 4 +FLAGS.SILENT (\\Deleted)").unwrap().ok();
        imap.command("EXPUNGE").unwrap().ok();
        imap.append(&format!("folder{number}"), "\\Seen", "Subject: far\r\n\r\nhello\r\n").unwrap().ok();
    }
    twin.sync();
    let alike = near(&twin.mail());
    assert_eq!(alike, far(&demo));
    for number in 0..FOLDERS {
        let here = alike.iter().filter(|((folder, _), _)| *folder == format!("folder{number}"));
        let here: Vec<(&str, &str)> =
            here.map(|((_, subject), flags)| (subject.as_str(), flags.as_str())).collect();
        assert_eq!(here, [("a", "FRS"), ("c", "D"), ("far", "S"), ("near", "")], "folder{number}");
    }
    twin.sync();
    assert_eq!((near(&twin.mail()), far(&demo)), (alike.clone(), alike));
}
