//! Writing a big Maildir by hand, faster than any server would.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use crate::fault::{Doing, Outcome};
use crate::message;

/// Every fifth message is unread.
pub const UNSEEN_ONE_IN: u64 = 5;

/// How a server stores mail.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Lines end with CRLF on disk, not with LF.
    pub crlf: bool,
    /// User and group that must own the files, where they are not those of the bench.
    pub owner: Option<(u32, u32)>,
}

/// Writes the letters 1 to `messages` into `maildir/cur`.
pub fn fill(maildir: &Path, messages: u64, form: Form) -> Outcome<()> {
    for folder in ["", "cur", "new", "tmp"] {
        let path = maildir.join(folder);
        fs::create_dir_all(&path).doing(format!("creating {}", path.display()))?;
        give(&path, form)?;
    }
    for serial in 1..=messages {
        let wire = message::letter(serial);
        let wire_bytes = wire.len();
        let disk = if form.crlf { wire } else { wire.into_iter().filter(|byte| *byte != b'\r').collect() };
        let seen = if serial.is_multiple_of(UNSEEN_ONE_IN) { "" } else { "S" };
        let name = format!(
            "{}.M{serial}P1Q{serial}.bench,S={},W={wire_bytes}:2,{seen}",
            1_761_998_400 + serial * 600,
            disk.len(),
        );
        let path = maildir.join("cur").join(name);
        fs::write(&path, disk).doing("writing a message")?;
        give(&path, form)?;
    }
    // What the measured server writes must not wait behind this.
    nix::unistd::sync();
    Ok(())
}

fn give(path: &Path, form: Form) -> Outcome<()> {
    match form.owner {
        Some((user, group)) => {
            chown(path, Some(user), Some(group)).doing(format!("giving away {}", path.display()))
        }
        None => Ok(()),
    }
}
