//! Small files with secrets: keys to sign with. Each is written whole and is durable when the call returns; whoever looks
//! after a power cut finds the old contents or the new.

use crate::disk::{Disk, FileKind, make_dir, read_small, replace_small};
use crate::error::StoreError;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

/// A secret is no longer than this; of a longer file the rest is not read.
const SECRET_BYTES_MAX: usize = 16 * 1024;

/// A folder of secrets that only its owner can open.
#[derive(Clone)]
pub struct Secrets {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Secrets {
    /// The secrets in a folder, which is made with the first of them.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Secrets {
        Secrets { disk, dir }
    }

    /// Where a secret lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The names of all files that end in `suffix`, sorted.
    pub fn names(&self, suffix: &str) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        let mut keep = |name: &std::ffi::OsStr, kind| match name.to_str() {
            Some(name) if kind != FileKind::Directory && name.ends_with(suffix) => {
                names.push(name.to_owned());
            }
            _ => {}
        };
        match self.disk.read_dir(&self.dir, &mut keep) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => {
                names.sort();
                Ok(names)
            }
        }
    }

    /// The contents of a secret; `None` where there is none of that name.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match read_small(&*self.disk, &self.path(name), SECRET_BYTES_MAX) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            contents => Ok(Some(contents?)),
        }
    }

    /// Writes a secret in place of what was there.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), StoreError> {
        make_dir(&*self.disk, &self.dir)?;
        replace_small(&*self.disk, &self.path(name), contents)?;
        Ok(self.disk.sync_dir(&self.dir)?)
    }

    /// Removes a secret.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.disk.remove_file(&self.path(name))?;
        Ok(self.disk.sync_dir(&self.dir)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::crash::{CrashDisk, Survival};
    use std::path::Path;

    fn disk() -> CrashDisk {
        let disk = CrashDisk::new();
        disk.create_dir_all(Path::new("/state")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        disk
    }

    fn secrets(disk: &CrashDisk) -> Secrets {
        Secrets::new(disk.shared(), PathBuf::from("/state/dkim"))
    }

    #[test]
    fn secrets_are_found_by_name_until_they_are_removed() {
        let disk = disk();
        let secrets = secrets(&disk);
        assert_eq!(secrets.names(".pem").unwrap(), Vec::<String>::new());
        assert_eq!(secrets.read("a.pem").unwrap(), None);
        secrets.write("b.pem", b"two").unwrap();
        secrets.write("a.pem", b"one").unwrap();
        secrets.write("a.txt", b"other").unwrap();
        assert_eq!(secrets.names(".pem").unwrap(), ["a.pem", "b.pem"]);
        secrets.remove("a.pem").unwrap();
        let after = Secrets::new(disk.survive(Survival::Strict).shared(), PathBuf::from("/state/dkim"));
        assert_eq!(after.names(".pem").unwrap(), ["b.pem"]);
        assert_eq!(after.read("b.pem").unwrap().unwrap(), b"two");
    }

    /// The power is cut before every single operation of a first write and of a change, and what was not synced is lost,
    /// kept, or kept in part.
    #[test]
    fn a_power_cut_leaves_the_old_or_the_new_contents() {
        let (old, new) = (vec![b'o'; 3000], vec![b'n'; 2000]);
        let total = {
            let disk = disk();
            let secrets = secrets(&disk);
            secrets.write("a.pem", &old).unwrap();
            secrets.write("a.pem", &new).unwrap();
            disk.operations()
        };
        for cut in 0..=total {
            let disk = disk();
            disk.fail_from(cut, libc::EIO);
            let secrets = secrets(&disk);
            let first = secrets.write("a.pem", &old).is_ok();
            let second = first && secrets.write("a.pem", &new).is_ok();
            for survival in (0..20).map(Survival::Chance).chain([Survival::Strict]) {
                let after = Secrets::new(disk.survive(survival).shared(), PathBuf::from("/state/dkim"));
                let left = after.read("a.pem").unwrap();
                let may_be_left = [first.then(|| old.clone()), Some(old.clone()), Some(new.clone())];
                match (first, second) {
                    (_, true) => assert_eq!(left.as_ref(), Some(&new)),
                    (true, false) => assert!(may_be_left.contains(&left) && left.is_some(), "cut {cut}"),
                    (false, _) => assert!(left.is_none() || left.as_ref() == Some(&old), "cut {cut}"),
                }
            }
        }
    }
}
