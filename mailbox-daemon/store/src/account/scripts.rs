//! The scripts of an account: plain files in its folder `sieve`, any `<name>.sieve` is one, whoever made it. The file `active`
//! holds the name of the one that is run. What they mean is not known here.

mod file_name;
mod log;
mod memory;

#[cfg(test)]
pub(crate) use log::LOG_BYTES_MAX;
#[cfg(test)]
pub(crate) use memory::ROWS_MAX;
pub use memory::{MemoryRow, ScriptMemory};

use super::AccountMail;
use crate::disk::{FileKind, FileStat, read_small, replace_small};
use crate::error::StoreError;
use crate::locked;
use file_name::{FileName, NAME_BYTES_MAX, made_by_hand, name_of};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use thiserror::Error;

/// The folder.
const FOLDER: &str = "sieve";
/// The file with the active script's name.
const ACTIVE: &str = "active";

/// How many scripts an account may have, and how large.
#[derive(Clone, Copy, Debug)]
pub struct ScriptLimits {
    /// Scripts.
    pub count_max: usize,
    /// Octets of one.
    pub bytes_max: usize,
    /// Octets of all.
    pub total_bytes_max: u64,
}

/// One line of a list of scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptEntry {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Whether it is the one that is run.
    pub is_active: bool,
}

/// Tells one state of a script's file from another, so that what was made of its contents can be kept as long as it is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScriptVersion {
    /// Files of others change within one step of the file system's clock; ours do not go unnoticed even then.
    changes: u64,
    modified_ns: i64,
    bytes: u64,
}

/// Why something could not be done with a script.
#[derive(Debug, Error)]
pub enum ScriptError {
    /// The script that is run cannot be deleted.
    #[error("the script is active")]
    Active,
    /// There is a script of that name.
    #[error("there is a script of that name already")]
    Exists,
    /// The name is empty or too long.
    #[error("that cannot be the name of a script")]
    NameUnfit,
    /// There is no script of that name.
    #[error("there is no script of that name")]
    NotThere,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The script is longer than one may be.
    #[error("the script is too long")]
    TooLong,
    /// The account has as many scripts as it may.
    #[error("there are too many scripts")]
    TooMany,
    /// All scripts together are longer than they may be.
    #[error("all scripts together are too long")]
    TooLongTogether,
}

impl From<io::Error> for ScriptError {
    fn from(error: io::Error) -> ScriptError {
        ScriptError::Store(error.into())
    }
}

impl AccountMail {
    /// All scripts, sorted by name.
    pub fn scripts(&self) -> Result<Vec<ScriptEntry>, StoreError> {
        let (disk, folder) = (&*self.core.disk, self.scripts_folder());
        let mut files = Vec::new();
        let read = disk.read_dir(&folder, &mut |name, kind| {
            files.extend(name.to_str().filter(|_| kind != FileKind::Directory).map(str::to_owned));
        });
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            read => read?,
        }
        let whole_name = |file: &str| self.small_text(&folder.join(file)).ok().flatten();
        let active = self.active_name()?;
        let mut scripts = Vec::new();
        for file in files {
            // One that was removed meanwhile is none.
            let (Some(name), Ok(stat)) = (name_of(&file, whole_name), disk.stat(&folder.join(&file))) else {
                continue;
            };
            let is_active = active.as_deref() == Some(name.as_str());
            scripts.push(ScriptEntry { name, bytes: stat.bytes, is_active });
        }
        scripts.sort_by(|one, other| one.name.cmp(&other.name));
        // A file made by hand can have the name of one of ours, which goes first.
        scripts.dedup_by(|one, other| one.name == other.name);
        Ok(scripts)
    }

    /// The script that is run, if there is one: two looks at the disk.
    pub fn active_script(&self) -> Result<Option<(String, ScriptVersion)>, StoreError> {
        let Some(name) = self.active_name()? else { return Ok(None) };
        Ok(self.script_version(&name)?.map(|version| (name, version)))
    }

    /// Which state a script is in; `None` where there is none of that name.
    pub fn script_version(&self, name: &str) -> Result<Option<ScriptVersion>, StoreError> {
        let changes = self.core.script_changes.load(Ordering::Acquire);
        let version = |(_, stat): (_, FileStat)| ScriptVersion {
            changes,
            modified_ns: stat.modified_ns,
            bytes: stat.bytes,
        };
        Ok(self.find_script(name)?.map(version))
    }

    /// A script's contents; `bytes_max` guards against files others made.
    pub fn script(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, ScriptError> {
        let (path, _) = self.find_script(name)?.ok_or(ScriptError::NotThere)?;
        let contents = read_small(&*self.core.disk, &path, bytes_max.saturating_add(1))?;
        match contents.len() <= bytes_max {
            true => Ok(contents),
            false => Err(ScriptError::TooLong),
        }
    }

    /// Whether a script of that length could be put under that name.
    pub fn has_space_for_script(
        &self,
        name: &str,
        bytes: u64,
        limits: ScriptLimits,
    ) -> Result<(), ScriptError> {
        FileName::of(name).ok_or(ScriptError::NameUnfit)?;
        if bytes > limits.bytes_max as u64 {
            return Err(ScriptError::TooLong);
        }
        let others = self.scripts()?.into_iter().filter(|script| script.name != name);
        let (count, others_bytes) =
            others.fold((0, 0u64), |(count, sum), script| (count + 1, sum.saturating_add(script.bytes)));
        if count >= limits.count_max {
            return Err(ScriptError::TooMany);
        }
        match others_bytes.saturating_add(bytes) <= limits.total_bytes_max {
            true => Ok(()),
            false => Err(ScriptError::TooLongTogether),
        }
    }

    /// Makes a script or replaces it: whoever looks, even after a power cut, finds the old or the new contents. Durable on return.
    pub fn put_script(&self, name: &str, contents: &[u8], limits: ScriptLimits) -> Result<(), ScriptError> {
        self.core.committer.check()?;
        let _ledger = locked(&self.ledger);
        self.has_space_for_script(name, contents.len() as u64, limits)?;
        self.make_scripts_folder()?;
        self.write_script(name, contents)
    }

    /// Deletes a script that is not active. Durable on return.
    pub fn delete_script(&self, name: &str) -> Result<(), ScriptError> {
        self.core.committer.check()?;
        let _ledger = locked(&self.ledger);
        let (path, _) = self.find_script(name)?.ok_or(ScriptError::NotThere)?;
        match self.active_name()?.as_deref() == Some(name) {
            true => Err(ScriptError::Active),
            false => self.remove_script(name, &path),
        }
    }

    /// Renames a script; the active one stays active, after a power cut too. Durable on return.
    pub fn rename_script(&self, from: &str, to: &str) -> Result<(), ScriptError> {
        self.core.committer.check()?;
        let _ledger = locked(&self.ledger);
        let (path, _) = self.find_script(from)?.ok_or(ScriptError::NotThere)?;
        let file = FileName::of(to).ok_or(ScriptError::NameUnfit)?;
        if self.find_script(to)?.is_some() {
            return Err(ScriptError::Exists);
        }
        // The new name is there before the old one goes, and `active` always names one that is.
        self.write_whole_name(to, &file)?;
        self.core.disk.hard_link(&path, &self.scripts_folder().join(file.script()))?;
        self.scripts_changed()?;
        if self.active_name()?.as_deref() == Some(from) {
            self.write_active(to)?;
        }
        self.remove_script(from, &path)
    }

    /// Says which script is run from now on, or that none is. Durable on return.
    pub fn activate_script(&self, name: Option<&str>) -> Result<(), ScriptError> {
        self.core.committer.check()?;
        let _ledger = locked(&self.ledger);
        let Some(name) = name else {
            return match self.core.disk.remove_file(&self.scripts_folder().join(ACTIVE)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed.map_err(ScriptError::from).and_then(|()| self.scripts_changed()),
            };
        };
        self.find_script(name)?.ok_or(ScriptError::NotThere)?;
        self.write_active(name)
    }

    fn write_active(&self, name: &str) -> Result<(), ScriptError> {
        let path = self.scripts_folder().join(ACTIVE);
        replace_small(&*self.core.disk, &path, format!("{name}\n").as_bytes())?;
        self.scripts_changed()
    }

    fn write_script(&self, name: &str, contents: &[u8]) -> Result<(), ScriptError> {
        let (disk, folder) = (&*self.core.disk, self.scripts_folder());
        let file = FileName::of(name).ok_or(ScriptError::NameUnfit)?;
        self.write_whole_name(name, &file)?;
        let path = match self.find_script(name)? {
            Some((path, _)) => path,
            None => folder.join(file.script()),
        };
        replace_small(disk, &path, contents)?;
        self.scripts_changed()
    }

    fn write_whole_name(&self, name: &str, file: &FileName) -> Result<(), ScriptError> {
        match file.whole_name() {
            Some(path) => {
                Ok(replace_small(&*self.core.disk, &self.scripts_folder().join(path), name.as_bytes())?)
            }
            None => Ok(()),
        }
    }

    fn remove_script(&self, name: &str, path: &Path) -> Result<(), ScriptError> {
        self.core.disk.remove_file(path)?;
        if let Some(whole_name) = FileName::of(name).and_then(|file| file.whole_name()) {
            // Left alone it says nothing.
            let _ = self.core.disk.remove_file(&self.scripts_folder().join(whole_name));
        }
        self.scripts_changed()
    }

    /// Makes a change durable and old versions known as such.
    fn scripts_changed(&self) -> Result<(), ScriptError> {
        let folder = self.scripts_folder();
        let synced = self.core.committer.run(|| self.core.disk.sync_dir(&folder));
        self.core.script_changes.fetch_add(1, Ordering::AcqRel);
        Ok(synced?)
    }

    fn make_scripts_folder(&self) -> Result<(), StoreError> {
        let (disk, folder) = (&*self.core.disk, self.scripts_folder());
        match disk.stat(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // An account that was removed meanwhile is not made again by its scripts.
                disk.stat(&self.root)?;
                disk.create_dir_all(&folder)?;
                self.sync_root()
            }
            stat => Ok(stat.map(|_| ())?),
        }
    }

    /// Where a script lies: under the name we would give its file, or under one given by hand.
    fn find_script(&self, name: &str) -> Result<Option<(PathBuf, FileStat)>, StoreError> {
        let folder = self.scripts_folder();
        let ours = FileName::of(name).map(|file| file.script());
        for file in [ours, made_by_hand(name)].into_iter().flatten() {
            let path = folder.join(file);
            match self.core.disk.stat(&path) {
                Ok(stat) if stat.kind == FileKind::File => return Ok(Some((path, stat))),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn active_name(&self) -> Result<Option<String>, StoreError> {
        let contents = self.small_text(&self.scripts_folder().join(ACTIVE))?;
        let line = contents.as_deref().and_then(|contents| contents.lines().next());
        Ok(line.filter(|line| !line.is_empty()).map(str::to_owned))
    }

    /// A file with a name in it; `None` where there is none or it holds no text.
    fn small_text(&self, path: &Path) -> Result<Option<String>, StoreError> {
        match read_small(&*self.core.disk, path, NAME_BYTES_MAX + b"\r\n".len()) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            contents => Ok(String::from_utf8(contents?).ok()),
        }
    }

    fn scripts_folder(&self) -> PathBuf {
        self.root.join(FOLDER)
    }
}
