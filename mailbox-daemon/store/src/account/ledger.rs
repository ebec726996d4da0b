//! Small files at the root of an account: generations of UIDs given, subscriptions, special uses. Each is replaced as a whole.

use crate::disk::{Disk, read_small, replace_small};
use crate::error::StoreError;
use crate::maildir::folder;
use std::fmt::Write;
use std::io;
use std::path::Path;
use types::{MailboxName, SpecialUse};

/// No sane file here is longer.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Names whose earlier generation is remembered.
const GIVEN_UP_MAX: usize = 500;

/// What an account remembers about generations of UIDs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Generations {
    /// The last one given.
    pub(super) last: u32,
    /// The last generation under names that were deleted or renamed, oldest first.
    given_up: Vec<(u32, MailboxName)>,
}

impl Generations {
    pub(super) const FILE_NAME: &'static str = "account-state";
    const LABEL: &'static str = "account-state 1";

    /// `None` when there is no file or it makes no sense.
    pub(super) fn read(disk: &dyn Disk, root: &Path) -> Result<Option<Generations>, StoreError> {
        let Some(contents) = read(disk, &root.join(Self::FILE_NAME))? else { return Ok(None) };
        let mut lines = contents.lines();
        if lines.next() != Some(Self::LABEL) {
            return Ok(None);
        }
        let Some(last) = lines.next().and_then(|line| line.strip_prefix("uidvalidity-last=")?.parse().ok())
        else {
            return Ok(None);
        };
        let given_up = lines.filter_map(|line| {
            let (generation, name) = line.strip_prefix("given-up=")?.split_once(' ')?;
            Some((generation.parse().ok()?, MailboxName::parse(name).ok()?))
        });
        Ok(Some(Generations { last, given_up: given_up.collect() }))
    }

    pub(super) fn write(&self, disk: &dyn Disk, root: &Path) -> Result<(), StoreError> {
        let mut contents = format!("{}\nuidvalidity-last={}\n", Self::LABEL, self.last);
        for (generation, name) in &self.given_up {
            // Writing to a String cannot fail.
            let _ = writeln!(contents, "given-up={generation} {name}");
        }
        Ok(replace_small(disk, &root.join(Self::FILE_NAME), contents.as_bytes())?)
    }

    /// A name loses its mailbox.
    pub(super) fn give_up(&mut self, name: &MailboxName, generation: u32) {
        self.given_up.retain(|(_, other)| other != name);
        self.given_up.push((generation, name.clone()));
        if self.given_up.len() > GIVEN_UP_MAX {
            self.given_up.remove(0);
        }
    }

    /// Whether a mailbox of this generation may bear the name: generations under one name must rise (RFC 9051 section 2.3.1.1).
    pub(super) fn fits(&self, name: &MailboxName, generation: u32) -> bool {
        self.given_up.iter().all(|(earlier, other)| other != name || *earlier < generation)
    }
}

/// Names subscribed to, in the format of Dovecot's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subscriptions(pub(super) Vec<MailboxName>);

impl Subscriptions {
    pub(super) const FILE_NAME: &'static str = "subscriptions";
    const HEADER: &'static str = "V\t2\n\n";

    pub(super) fn read(disk: &dyn Disk, root: &Path) -> Result<Subscriptions, StoreError> {
        let contents = read(disk, &root.join(Self::FILE_NAME))?.unwrap_or_default();
        let lines = contents.strip_prefix(Self::HEADER).unwrap_or(&contents).lines();
        let names = lines.filter_map(|line| match line.eq_ignore_ascii_case("INBOX") {
            true => Some(MailboxName::inbox()),
            false => folder::decode(&format!(".{}", line.replace('\t', "."))),
        });
        let mut names: Vec<MailboxName> = names.collect();
        names.sort_unstable();
        names.dedup();
        Ok(Subscriptions(names))
    }

    pub(super) fn write(&self, disk: &dyn Disk, root: &Path) -> Result<(), StoreError> {
        let mut contents = Self::HEADER.to_owned();
        for name in &self.0 {
            if let Some(directory) = folder::encode(name) {
                contents.push_str(&directory[1..].replace('.', "\t"));
                contents.push('\n');
            }
        }
        Ok(replace_small(disk, &root.join(Self::FILE_NAME), contents.as_bytes())?)
    }
}

/// What mailboxes are for: a line each, `\Drafts<TAB>name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpecialUses(pub(super) Vec<(SpecialUse, MailboxName)>);

impl SpecialUses {
    pub(super) const FILE_NAME: &'static str = "special-use";

    /// Without a file, the usual names are for the usual uses.
    pub(super) fn read(disk: &dyn Disk, root: &Path) -> Result<SpecialUses, StoreError> {
        let Some(contents) = read(disk, &root.join(Self::FILE_NAME))? else {
            return Ok(SpecialUses(
                SpecialUse::ALL.map(|special| (special, special.default_name())).to_vec(),
            ));
        };
        let uses = contents.lines().filter_map(|line| {
            let (attribute, name) = line.split_once('\t')?;
            let special = SpecialUse::ALL.into_iter().find(|special| special.attribute() == attribute)?;
            Some((special, MailboxName::parse(name).ok()?))
        });
        Ok(SpecialUses(uses.collect()))
    }

    pub(super) fn write(&self, disk: &dyn Disk, root: &Path) -> Result<(), StoreError> {
        let line = |(special, name): &(SpecialUse, MailboxName)| format!("{}\t{name}\n", special.attribute());
        let contents: String = self.0.iter().map(line).collect();
        Ok(replace_small(disk, &root.join(Self::FILE_NAME), contents.as_bytes())?)
    }

    pub(super) fn of(&self, name: &MailboxName) -> Option<SpecialUse> {
        self.0.iter().find(|(_, other)| other == name).map(|(special, _)| *special)
    }
}

fn read(disk: &dyn Disk, path: &Path) -> Result<Option<String>, StoreError> {
    match read_small(disk, path, BYTES_MAX) {
        Ok(contents) => Ok(Some(String::from_utf8_lossy(&contents).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::crash::CrashDisk;

    fn name(text: &str) -> MailboxName {
        MailboxName::parse(text).unwrap()
    }

    #[test]
    fn subscriptions_are_dovecots() {
        let (disk, root) = (CrashDisk::new(), Path::new("/"));
        disk.put_file(Path::new("/subscriptions"), b"V\t2\n\nWork\tProjects\nEntw&APw-rfe\nINBOX\n").unwrap();
        let mut subscriptions = Subscriptions::read(&disk, root).unwrap();
        assert_eq!(subscriptions.0, [name("Entwürfe"), name("INBOX"), name("Work/Projects")]);
        subscriptions.0.push(name("v1.2"));
        subscriptions.write(&disk, root).unwrap();
        assert_eq!(Subscriptions::read(&disk, root).unwrap().0, subscriptions.0);
        disk.put_file(Path::new("/subscriptions"), b"Work.Projects\n\x00\n").unwrap();
        assert_eq!(Subscriptions::read(&disk, root).unwrap().0, [name("Work/Projects")]);
    }

    #[test]
    fn generations_and_uses_come_back() {
        let (disk, root) = (CrashDisk::new(), Path::new("/"));
        assert_eq!(Generations::read(&disk, root).unwrap(), None);
        let mut generations = Generations { last: 9, ..Generations::default() };
        generations.give_up(&name("a b/c"), 8);
        generations.write(&disk, root).unwrap();
        assert_eq!(Generations::read(&disk, root).unwrap().as_ref(), Some(&generations));
        assert!(!generations.fits(&name("a b/c"), 8) && generations.fits(&name("a b/c"), 9));
        assert!(generations.fits(&name("other"), 1));

        let uses = SpecialUses::read(&disk, root).unwrap();
        assert_eq!(uses.of(&name("Sent")), Some(SpecialUse::Sent));
        let uses = SpecialUses(vec![(SpecialUse::Junk, name("Spam stuff"))]);
        uses.write(&disk, root).unwrap();
        assert_eq!(SpecialUses::read(&disk, root).unwrap(), uses);
    }
}
