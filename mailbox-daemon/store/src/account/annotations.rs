//! Annotations: small named values of a mailbox or an account, in one small file beside the messages. Shared ones are the same
//! for everybody, private ones each person's own.

use super::AccountMail;
use crate::disk::{Disk, read_small, replace_small};
use crate::error::StoreError;
use crate::journal::MailboxChange;
use crate::locked;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use types::{Address, MailboxName};

/// All annotations of a mailbox together, names included.
const BYTES_MAX: usize = 1024 * 1024;
/// Shared annotations of one mailbox, and private ones of one person.
const ENTRIES_MAX: usize = 100;

/// Annotations by name.
pub type Annotations = BTreeMap<String, Vec<u8>>;

/// All annotations of one mailbox: the first of the key is whose it is, empty where it is everybody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct AnnotationFile(BTreeMap<(String, String), Vec<u8>>);

impl AnnotationFile {
    const LABEL: &'static [u8] = b"annotations 1\n";

    /// What a file holds; nothing where there is none. What makes no sense, after a fault of the disk, is passed over.
    fn read(disk: &dyn Disk, path: &Path) -> Result<AnnotationFile, StoreError> {
        match read_small(disk, path, 2 * BYTES_MAX) {
            Ok(contents) => Ok(AnnotationFile::parse(&contents)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(AnnotationFile::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// A line of who, name and length for each, then the value and a line end.
    fn parse(contents: &[u8]) -> AnnotationFile {
        let mut entries = BTreeMap::new();
        let mut rest = contents.strip_prefix(Self::LABEL).unwrap_or_default();
        while let Some((key, value, after)) = next_entry(rest) {
            entries.insert(key, value.to_vec());
            rest = after;
        }
        AnnotationFile(entries)
    }

    fn write(&self, disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
        let mut contents = Self::LABEL.to_vec();
        for ((who, name), value) in &self.0 {
            contents.extend_from_slice(format!("{who}\t{name}\t{}\n", value.len()).as_bytes());
            contents.extend_from_slice(value);
            contents.push(b'\n');
        }
        Ok(replace_small(disk, path, &contents)?)
    }

    fn seen_by(self, who: &Address) -> Annotations {
        let who = who.to_string();
        let entries = self.0.into_iter().filter(|((owner, _), _)| owner.is_empty() || *owner == who);
        entries.map(|((_, name), value)| (name, value)).collect()
    }

    fn is_within_limits(&self) -> bool {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut bytes = 0;
        for ((who, name), value) in &self.0 {
            *counts.entry(who).or_default() += 1;
            bytes += who.len() + name.len() + value.len();
        }
        bytes <= BYTES_MAX && counts.values().all(|count| *count <= ENTRIES_MAX)
    }
}

type Entry<'a> = ((String, String), &'a [u8], &'a [u8]);

fn next_entry(contents: &[u8]) -> Option<Entry<'_>> {
    let line_end = memchr::memchr(b'\n', contents)?;
    let mut fields = std::str::from_utf8(&contents[..line_end]).ok()?.split('\t');
    let key = (fields.next()?.to_owned(), fields.next()?.to_owned());
    let bytes: usize = fields.next()?.parse().ok()?;
    let rest = &contents[line_end + 1..];
    Some((key, rest.get(..bytes)?, rest.get(bytes..)?.strip_prefix(b"\n")?))
}

/// One change: the name, whether it is everybody's, and its new value or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationChange {
    /// The name; without tabs and line ends.
    pub name: String,
    /// Whether everybody sees it.
    pub is_shared: bool,
    /// The value; `None` removes it.
    pub value: Option<Vec<u8>>,
}

impl AccountMail {
    /// What somebody sees: of a mailbox, or of the account as a whole.
    pub fn annotations(&self, of: Option<&MailboxName>, who: &Address) -> Result<Annotations, StoreError> {
        let path = self.annotations_path(of)?;
        Ok(AnnotationFile::read(&*self.core.disk, &path)?.seen_by(who))
    }

    /// Changes annotations, all or none; durable on return.
    pub fn annotate(
        &self,
        of: Option<&MailboxName>,
        who: &Address,
        changes: Vec<AnnotationChange>,
    ) -> Result<(), StoreError> {
        self.core.committer.check()?;
        let _mailboxes = locked(&self.mailboxes);
        let path = self.annotations_path(of)?;
        let mut file = AnnotationFile::read(&*self.core.disk, &path)?;
        let before = file.clone();
        let names: Vec<(bool, String)> =
            changes.iter().map(|change| (change.is_shared, change.name.clone())).collect();
        for AnnotationChange { name, is_shared, value } in changes {
            let key = (if is_shared { String::new() } else { who.to_string() }, name);
            match value {
                Some(value) => drop(file.0.insert(key, value)),
                None => drop(file.0.remove(&key)),
            }
        }
        if file == before {
            return Ok(());
        }
        if !file.is_within_limits() {
            return Err(StoreError::TooManyAnnotations);
        }
        file.write(&*self.core.disk, &path)?;
        let folder = path.parent().unwrap_or(&self.root);
        self.core.committer.run(|| self.core.disk.sync_dir(folder))?;
        for seen_by in [None, Some(who)] {
            let entries: Vec<String> = names
                .iter()
                .filter(|(is_shared, _)| *is_shared == seen_by.is_none())
                .map(|(_, name)| name.clone())
                .collect();
            if !entries.is_empty() {
                let (mailbox, seen_by) = (of.cloned(), seen_by.cloned());
                self.note(|| MailboxChange::Annotated { mailbox, seen_by, entries });
            }
        }
        Ok(())
    }

    /// Gives a mailbox the annotations of another: a renamed INBOX takes its own along and keeps them (RFC 5464 section 4.1).
    pub(super) fn copy_annotations(&self, from: &MailboxName, to: &MailboxName) -> Result<(), StoreError> {
        let file = AnnotationFile::read(&*self.core.disk, &self.annotations_path(Some(from))?)?;
        match file.0.is_empty() {
            true => Ok(()),
            false => {
                let path = self.annotations_path(Some(to))?;
                file.write(&*self.core.disk, &path)?;
                self.core.committer.run(|| self.core.disk.sync_dir(path.parent().unwrap_or(&self.root)))
            }
        }
    }

    /// Those of the account lie beside those of INBOX, whose folder is the account's.
    fn annotations_path(&self, of: Option<&MailboxName>) -> Result<PathBuf, StoreError> {
        match of {
            Some(name) => Ok(self.existing_folder(name)?.join("annotations")),
            None => Ok(self.root.join("account-annotations")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::crash::CrashDisk;

    #[test]
    fn any_value_comes_back_and_each_sees_his_own() {
        let (disk, path) = (CrashDisk::new(), Path::new("/annotations"));
        let [ana, ben] = ["ana@home.test", "ben@home.test"].map(|text| Address::parse(text).unwrap());
        let key = |who: &str, name: &str| (who.to_owned(), name.to_owned());
        let mut file = AnnotationFile::default();
        file.0.insert(key("", "/shared/comment"), b"one\ntwo\t\n".to_vec());
        file.0.insert(key("ana@home.test", "/private/a b"), vec![0, 255, b'\n']);
        file.0.insert(key("ana@home.test", "/private/empty"), Vec::new());
        file.write(&disk, path).unwrap();
        assert_eq!(AnnotationFile::read(&disk, path).unwrap(), file);
        assert_eq!(file.clone().seen_by(&ana).len(), 3);
        assert_eq!(file.seen_by(&ben).into_keys().collect::<Vec<_>>(), ["/shared/comment"]);
    }

    #[test]
    fn a_cut_file_gives_what_is_whole() {
        let whole = b"annotations 1\n\t/shared/a\t2\nhi\n\t/shared/b\t2\nho\n";
        for (cut, count) in [(whole.len(), 2), (whole.len() - 1, 1), (35, 1), (20, 0), (0, 0)] {
            assert_eq!(AnnotationFile::parse(&whole[..cut]).0.len(), count, "{cut}");
        }
        assert_eq!(AnnotationFile::parse(b"annotations 1\n\t/a\t99999999999\nx\n").0.len(), 0);
    }
}
