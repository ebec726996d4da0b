//! offlineimap: a server's mailboxes and a local Maildir kept alike, both ways, by a program that knows nothing of CONDSTORE.

use super::program::Program;
use super::twin::{add, after_both, change_far, far, find, near, set_flags};
use super::{Demo, Door, deliver};
use std::fs;
use std::path::PathBuf;

struct Twin {
    rc: PathBuf,
    home: PathBuf,
}

impl Twin {
    fn new(demo: &Demo) -> Twin {
        let home = demo.scratch("offlineimap");
        let rc = home.join("rc");
        let text = format!(
            "[general]\naccounts = box\nmetadata = {home}/metadata\nui = basic\nsocktimeout = 60\n\n\
             [Account box]\nlocalrepository = near\nremoterepository = far\n\n\
             [Repository near]\ntype = Maildir\nlocalfolders = {home}/mail\nsep = .\nsync_deletes = yes\n\n\
             [Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {port}\nremoteuser = ana@home.test\n\
             remotepass = demo-password\nssl = yes\nsslcacertfile = {ca}\nmaxconnections = 3\n",
            port = demo.port(Door::Imaps),
            ca = demo.ca_file().display(),
            home = home.display(),
        );
        fs::write(&rc, text).unwrap();
        Twin { rc, home }
    }

    fn sync(&self) {
        let outcome = Program::new("offlineimap", "offlineimap3")
            .env("HOME", &self.home)
            .arg("-o")
            .arg("-c")
            .arg(&self.rc)
            .succeed();
        assert!(!outcome.stderr.contains("ERROR"), "{outcome:?}");
    }

    fn mail(&self) -> PathBuf {
        self.home.join("mail")
    }
}

#[test]
fn both_sides_are_alike_after_changes_on_both() {
    let demo = Demo::start();
    let twin = Twin::new(&demo);
    for number in 0..6 {
        deliver(&demo, &format!("Subject: number {number}\n\nhello {number}\n"));
    }
    twin.sync();
    assert_eq!(near(&twin.mail()), far(&demo));
    assert_eq!(near(&twin.mail()).len(), 6);

    set_flags(&find(&twin.mail().join("INBOX"), "number 0"), "FS");
    fs::remove_file(find(&twin.mail().join("INBOX"), "number 1")).unwrap();
    add(&twin.mail().join("INBOX"), "written near");
    add(&twin.mail().join("Made here"), "in a new folder");
    change_far(&demo);

    twin.sync();
    assert_eq!(far(&demo), after_both());
    assert_eq!(near(&twin.mail()), after_both());

    // Nothing is left to do, once and twice.
    for _ in 0..2 {
        let before = near(&twin.mail());
        twin.sync();
        assert_eq!((near(&twin.mail()), far(&demo)), (before.clone(), before));
    }
}
