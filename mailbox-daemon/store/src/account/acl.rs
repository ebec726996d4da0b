//! Who may do what with a mailbox: a file in each shared folder, in the format of Dovecot's `dovecot-acl`.

use super::AccountMail;
use crate::disk::{Disk, read_small, replace_small};
use crate::error::StoreError;
use crate::journal::MailboxChange;
use crate::locked;
use std::fmt::Write;
use std::io;
use std::path::Path;
use std::sync::Arc;
use types::{Address, MailboxName, Right, Rights};

/// No sane file is longer.
const BYTES_MAX: usize = 64 * 1024;
/// Whom one mailbox can be shared with.
const ENTRIES_MAX: usize = 200;

/// Whom an entry is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody with an account here.
    Anyone,
    /// One account.
    Account(Address),
    /// Whose mailbox it is.
    Owner,
    /// Something another program wrote, kept as it is; it gives no right here.
    Other(String),
}

/// One line: rights that are given, or taken away from whoever has them by another line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclEntry {
    /// About whom.
    pub who: Who,
    /// Whether the rights are taken away (RFC 4314 section 2, "negative rights").
    pub is_negative: bool,
    /// Which rights.
    pub rights: Rights,
}

/// The access control list of one mailbox. Without one it is its owner's alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl(pub Vec<AclEntry>);

impl Acl {
    const FILE_NAME: &'static str = "dovecot-acl";

    /// The rights nobody can take from an owner: he sees the mailbox and can give himself the others back.
    pub fn owner_keeps() -> Rights {
        Rights::of(&[Right::Lookup, Right::Administer])
    }

    /// What somebody may do: the most specific entry counts, negative ones are taken off it.
    pub fn rights_of(&self, who: &Address, owner: &Address) -> Rights {
        let is_owner = who == owner;
        let about = |wanted: &Who| match wanted {
            Who::Account(address) => address == who,
            Who::Owner => is_owner,
            Who::Anyone => true,
            Who::Other(_) => false,
        };
        let positive = |wanted: fn(&Who) -> bool| {
            self.0.iter().find(|entry| !entry.is_negative && wanted(&entry.who) && about(&entry.who))
        };
        let given = positive(|who| matches!(who, Who::Account(_)))
            .or_else(|| positive(|who| matches!(who, Who::Owner)))
            .map(|entry| entry.rights);
        let given = match (given, is_owner) {
            (Some(rights), _) => rights,
            (None, true) => Rights::ALL,
            (None, false) => {
                positive(|who| matches!(who, Who::Anyone)).map_or(Rights::NONE, |entry| entry.rights)
            }
        };
        let negative = self.0.iter().filter(|entry| entry.is_negative && about(&entry.who));
        let left = negative.fold(given, |rights, entry| rights - entry.rights);
        if is_owner { left | Acl::owner_keeps() } else { left }
    }

    /// The rights of one entry as it stands.
    pub fn entry(&self, who: &Who, is_negative: bool) -> Option<Rights> {
        let found = self.0.iter().find(|entry| entry.who == *who && entry.is_negative == is_negative);
        found.map(|entry| entry.rights)
    }

    /// Replaces one entry, or removes it.
    pub fn set(&mut self, who: &Who, is_negative: bool, rights: Option<Rights>) {
        self.0.retain(|entry| entry.who != *who || entry.is_negative != is_negative);
        self.0.extend(rights.map(|rights| AclEntry { who: who.clone(), is_negative, rights }));
    }

    /// The list of a folder; an empty one where there is no file.
    pub(super) fn read(disk: &dyn Disk, folder: &Path) -> Result<Acl, StoreError> {
        let contents = match read_small(disk, &folder.join(Self::FILE_NAME), BYTES_MAX) {
            Ok(contents) => contents,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Acl::default()),
            Err(error) => return Err(error.into()),
        };
        let contents = String::from_utf8_lossy(&contents);
        Ok(Acl(contents.lines().take(ENTRIES_MAX).filter_map(read_line).collect()))
    }

    pub(super) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), StoreError> {
        let path = folder.join(Self::FILE_NAME);
        if self.0.is_empty() {
            return match disk.remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        let contents: String = self.0.iter().map(write_line).collect();
        Ok(replace_small(disk, &path, contents.as_bytes())?)
    }
}

fn read_line(line: &str) -> Option<AclEntry> {
    let (is_negative, rest) = match line.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let known = || {
        let (who, letters) = rest.split_once(' ').unwrap_or((rest, ""));
        // Dovecot may write names of rights behind the letters; those are its own.
        let rights = Rights::parse(letters.split([' ', ':']).next().unwrap_or("")).ok()?;
        let who = match who {
            "anyone" => Who::Anyone,
            "owner" => Who::Owner,
            _ => Who::Account(Address::parse(who.strip_prefix("user=")?).ok()?),
        };
        Some(AclEntry { who, is_negative, rights })
    };
    let other = || AclEntry { who: Who::Other(line.to_owned()), is_negative, rights: Rights::NONE };
    (!line.is_empty() && !line.starts_with('#')).then(|| known().unwrap_or_else(other))
}

fn write_line(entry: &AclEntry) -> String {
    let mut line = String::from(if entry.is_negative { "-" } else { "" });
    // Writing to a String cannot fail.
    let _ = match &entry.who {
        Who::Anyone => writeln!(line, "anyone {}", entry.rights),
        Who::Owner => writeln!(line, "owner {}", entry.rights),
        Who::Account(address) => writeln!(line, "user={address} {}", entry.rights),
        Who::Other(verbatim) => return format!("{verbatim}\n"),
    };
    line
}

impl AccountMail {
    /// Who may do what with a mailbox.
    pub fn acl(&self, name: &MailboxName) -> Result<Acl, StoreError> {
        Acl::read(&*self.core.disk, &self.existing_folder(name)?)
    }

    /// What somebody may do with a mailbox: for an owner's name without a mailbox everything, for others nothing.
    pub fn rights(&self, name: &MailboxName, who: &Address) -> Result<Rights, StoreError> {
        // One look for a file that is mostly not there; the folder itself need not be asked for.
        match self.folder(name) {
            Ok(folder) => Ok(Acl::read(&*self.core.disk, &folder)?.rights_of(who, &self.address)),
            Err(_) if *who == self.address => Ok(Rights::ALL),
            Err(_) => Ok(Rights::NONE),
        }
    }

    /// Changes who may do what; durable on return.
    pub fn change_acl(&self, name: &MailboxName, change: impl FnOnce(&mut Acl)) -> Result<(), StoreError> {
        self.core.committer.check()?;
        let _mailboxes = locked(&self.mailboxes);
        let folder = self.existing_folder(name)?;
        let mut acl = Acl::read(&*self.core.disk, &folder)?;
        let before = acl.clone();
        change(&mut acl);
        if acl.0.len() > ENTRIES_MAX {
            return Err(StoreError::TooManyAclEntries);
        }
        acl.write(&*self.core.disk, &folder)?;
        self.core.sharing.forget(&self.address);
        self.core.committer.run(|| self.core.disk.sync_dir(&folder))?;
        self.note(|| MailboxChange::Shared { mailbox: name.clone(), before, after: acl });
        Ok(())
    }

    /// A mailbox made below a shared one is shared with the same people (RFC 4314 section 4).
    pub(super) fn inherit_acl(&self, name: &MailboxName, folder: &Path) -> Result<(), StoreError> {
        let mut above = name.parent();
        while let Some(parent) = above {
            if let Ok(parent_folder) = self.existing_folder(&parent) {
                let acl = Acl::read(&*self.core.disk, &parent_folder)?;
                return if acl.0.is_empty() { Ok(()) } else { acl.write(&*self.core.disk, folder) };
            }
            above = parent.parent();
        }
        Ok(())
    }

    /// Every mailbox that has a list, by name.
    pub(crate) fn read_acls(&self) -> Result<super::sharing::SharedFolders, StoreError> {
        let mut shared = Vec::new();
        for name in self.names()? {
            let acl = Acl::read(&*self.core.disk, &self.folder(&name)?)?;
            if !acl.0.is_empty() {
                shared.push((name, acl));
            }
        }
        shared.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Arc::new(shared))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::crash::CrashDisk;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn acl(lines: &str) -> Acl {
        Acl(lines.lines().filter_map(read_line).collect())
    }

    #[test]
    fn the_most_specific_entry_counts() {
        let (ana, ben, eve) = (address("ana@home.test"), address("ben@home.test"), address("eve@home.test"));
        for (lines, of_ana, of_ben, of_eve) in [
            ("", "lrswipkxtea", "", ""),
            ("anyone lr\n", "lrswipkxtea", "lr", "lr"),
            ("anyone lrs\nuser=ben@home.test l\n", "lrswipkxtea", "l", "lrs"),
            ("owner r\nanyone lrs\n-user=ben@home.test s\n", "lra", "lr", "lrs"),
            ("user=ana@home.test lrt\n-anyone t\n", "lra", "", ""),
            ("group=staff lr\nuser=ben@home.test\n", "lrswipkxtea", "", ""),
        ] {
            let acl = acl(lines);
            let rights = [&ana, &ben, &eve].map(|who| acl.rights_of(who, &ana).to_string());
            assert_eq!(rights, [of_ana, of_ben, of_eve], "{lines}");
        }
    }

    #[test]
    fn the_file_keeps_what_it_does_not_know() {
        let (disk, root) = (CrashDisk::new(), Path::new("/"));
        let lines = "group=staff lr\n-group-override=x lrw\nuser=ben@home.test lrs\n";
        disk.put_file(Path::new("/dovecot-acl"), lines.as_bytes()).unwrap();
        let mut acl = Acl::read(&disk, root).unwrap();
        let ben = Who::Account(address("ben@home.test"));
        assert_eq!(acl.entry(&ben, false).unwrap().to_string(), "lrs");
        acl.set(&ben, false, None);
        acl.set(&Who::Anyone, true, Some(Rights::parse("t").unwrap()));
        acl.write(&disk, root).unwrap();
        let written = String::from_utf8(disk.contents(Path::new("/dovecot-acl")).unwrap()).unwrap();
        assert_eq!(written, "group=staff lr\n-group-override=x lrw\n-anyone t\n");
        Acl::default().write(&disk, root).unwrap();
        assert_eq!(Acl::read(&disk, root).unwrap(), Acl::default());
    }
}
