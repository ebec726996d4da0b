//! What is wrong with mail on disk, seen without opening it as a store. Nothing here is needed for mail to be readable: opening a
//! mailbox copes with all of it. This tells a person what was coped with, and mends what would otherwise stay as it is.

mod folder;
mod repair;

use crate::disk::{Disk, FileKind};
use crate::error::StoreError;
use crate::maildir::folder as spelling;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::{Address, MailboxName};

pub use repair::prepare;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whose mail.
    pub account: Address,
    /// In which mailbox; `None` when it is about the account as a whole.
    pub mailbox: Option<MailboxName>,
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub trouble: Trouble,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A damaged message that was set aside earlier.
    SetAside,
    /// The file is shorter than its name says: its end is lost.
    Cut {
        /// Bytes the name tells of.
        told: u64,
        /// Bytes that are there.
        there: u64,
    },
    /// The file is longer than its name says: another program changed it.
    Grown {
        /// Bytes the name tells of.
        told: u64,
        /// Bytes that are there.
        there: u64,
    },
    /// Another file of the mailbox has the same UID.
    DoubledUid(u32),
    /// The file cannot be read.
    Unreadable,
    /// Something in the folder that is no file.
    Foreign,
    /// Messages bear keywords whose names are lost; these are the letters.
    NamelessKeywords(String),
    /// The file of keywords has lines that make no sense.
    KeywordsDamaged,
    /// The file that remembers which UIDs were given is missing though the folder has mail, or cannot be believed.
    StateLost,
    /// Another mailbox of the account has the same generation of UIDs, as if one folder were a copy of the other.
    SameGeneration(MailboxName),
    /// The index is damaged or says something else than the files.
    IndexWrong,
}

impl Trouble {
    /// Whether [`prepare`] and the next opening put it right.
    pub fn can_be_mended(&self) -> bool {
        match self {
            Trouble::Cut { .. }
            | Trouble::Grown { .. }
            | Trouble::DoubledUid(_)
            | Trouble::KeywordsDamaged
            | Trouble::StateLost
            | Trouble::SameGeneration(_)
            | Trouble::IndexWrong => true,
            Trouble::SetAside | Trouble::Unreadable | Trouble::Foreign | Trouble::NamelessKeywords(_) => {
                false
            }
        }
    }
}

/// Looks at all mail below a state directory, changing nothing. A running daemon may change things meanwhile; what it is just
/// doing can look like trouble.
pub fn examine(disk: &Arc<dyn Disk>, state_dir: &Path) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for account in accounts(&**disk, state_dir)? {
        Examined { disk, state_dir, account }.examine(&mut findings)?;
    }
    Ok(findings)
}

/// The accounts that have mail on disk.
fn accounts(disk: &dyn Disk, state_dir: &Path) -> Result<Vec<Address>, StoreError> {
    let mail = state_dir.join("mail");
    let mut accounts = Vec::new();
    for domain in directories(disk, &mail)? {
        for local in directories(disk, &mail.join(&domain))? {
            accounts.extend(Address::parse_own(&format!("{local}@{domain}")));
        }
    }
    accounts.sort_unstable_by_key(Address::to_string);
    Ok(accounts)
}

fn directories(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let read = disk.read_dir(dir, &mut |name, kind| {
        names.extend(name.to_str().filter(|_| kind == FileKind::Directory).map(str::to_owned));
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(names),
        read => read.map(|()| names),
    }
}

/// One account being looked at.
struct Examined<'a> {
    disk: &'a Arc<dyn Disk>,
    state_dir: &'a Path,
    account: Address,
}

impl Examined<'_> {
    fn tree(&self, tree: &str) -> PathBuf {
        self.state_dir.join(tree).join(self.account.domain.as_str()).join(self.account.local.as_str())
    }

    fn finding(&self, mailbox: Option<&MailboxName>, path: &Path, trouble: Trouble) -> Finding {
        Finding { account: self.account.clone(), mailbox: mailbox.cloned(), path: path.to_owned(), trouble }
    }

    fn examine(&self, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        let root = self.tree("mail");
        let mut generations = HashMap::new();
        let decoded = directories(&**self.disk, &root)?.into_iter().filter_map(|directory| {
            let name = spelling::decode(&directory)?;
            Some((name, root.join(directory)))
        });
        let mut folders: Vec<_> =
            std::iter::once((MailboxName::inbox(), root.clone())).chain(decoded).collect();
        folders.sort_unstable();
        for (name, path) in folders {
            let generation = folder::examine(self, &name, &path, findings)?;
            if let Some(other) =
                generation.and_then(|generation| generations.insert(generation, name.clone()))
            {
                findings.push(self.finding(Some(&name), &path, Trouble::SameGeneration(other)));
            }
        }
        let quarantine = root.join("quarantine");
        let set_aside = self.disk.read_dir(&quarantine, &mut |name, _| {
            findings.push(self.finding(None, &quarantine.join(name), Trouble::SetAside));
        });
        match set_aside {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
