//! What lies on both sides of a program that keeps a server and a local Maildir alike.

use super::{Demo, ImapClient};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Flag letters by folder and subject.
pub type Messages = BTreeMap<(String, String), String>;

/// Every message in the Maildir folders below `mail`.
pub fn near(mail: &Path) -> Messages {
    let mut found = BTreeMap::new();
    for folder in fs::read_dir(mail).unwrap() {
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

/// The same of the server.
pub fn far(demo: &Demo) -> Messages {
    let mut found = BTreeMap::new();
    let mut imap = ImapClient::log_in(demo, "ana@home.test").unwrap();
    for mailbox in mailboxes(&mut imap) {
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
            found.insert((mailbox.clone(), subject.to_owned()), letters);
        }
    }
    found
}

/// The names of all mailboxes, none of which needs quoting inside.
fn mailboxes(imap: &mut ImapClient) -> Vec<String> {
    let listed = imap.command("LIST \"\" *").unwrap().ok();
    let name = |line: &String| Some(line.split_once("\"/\" ")?.1.trim_matches('"').to_owned());
    listed.untagged.iter().filter_map(name).collect()
}

fn subject_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().to_owned()
}

/// The file of the message with that subject.
pub fn find(folder: &Path, subject: &str) -> PathBuf {
    let files = ["cur", "new"].into_iter().flat_map(|part| fs::read_dir(folder.join(part)).unwrap());
    files
        .map(|file| file.unwrap().path())
        .find(|path| subject_of(path) == subject)
        .expect("mbsync brought it")
}

/// Gives a message flags as a mail program does it.
pub fn set_flags(path: &Path, letters: &str) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let base = name.split(":2,").next().unwrap();
    let folder = path.parent().unwrap().parent().unwrap();
    fs::rename(path, folder.join("cur").join(format!("{base}:2,{letters}"))).unwrap();
}

/// Puts a message into a folder, which is made if need be.
pub fn add(folder: &Path, subject: &str) {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    let name = format!("1700000000.{}.near", subject.replace(' ', "-"));
    fs::write(folder.join("cur").join(name + ":2,"), format!("Subject: {subject}\n\nhello\n")).unwrap();
}

/// Changes on the server: a flag, a removal, a move, a new folder, a new message.
pub fn change_far(demo: &Demo) {
    let mut imap = ImapClient::log_in(demo, "ana@home.test").unwrap();
    imap.command("SELECT INBOX").unwrap().ok();
    imap.command("STORE 3 +FLAGS (\\Answered)").unwrap().ok();
    imap.command("STORE 4 +FLAGS (\\Deleted)").unwrap().ok();
    imap.command("EXPUNGE").unwrap().ok();
    imap.command("CREATE \"Made there\"").unwrap().ok();
    imap.command("MOVE 4 \"Made there\"").unwrap().ok();
    imap.append("Archive", "\\Seen", "Subject: written far\r\n\r\nhello\r\n").unwrap().ok();
}

/// What both sides hold after [`change_far`] and its counterpart on the near side.
pub fn after_both() -> Messages {
    let expected = [
        ("Archive", "written far", "S"),
        ("INBOX", "number 0", "FS"),
        ("INBOX", "number 2", "R"),
        ("INBOX", "number 5", ""),
        ("INBOX", "written near", ""),
        ("Made here", "in a new folder", ""),
        ("Made there", "number 4", ""),
    ];
    expected
        .map(|(folder, subject, flags)| ((folder.to_owned(), subject.to_owned()), flags.to_owned()))
        .into()
}
