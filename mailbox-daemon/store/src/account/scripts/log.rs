//! What an account's scripts said and why they failed: lines for their owner, none of which anything depends on.

use crate::account::AccountMail;
use crate::disk::{read_small, replace_small};
use crate::error::StoreError;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The file grows to this, then its older half goes.
pub(crate) const LOG_BYTES_MAX: usize = 64 * 1024;

impl AccountMail {
    /// Adds lines to the log of the account's scripts.
    pub fn log_script(&self, lines: &[String]) -> Result<(), StoreError> {
        self.core.committer.check()?;
        self.make_scripts_folder()?;
        let disk = &*self.core.disk;
        let path = log_path(self);
        let mut added: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        added.truncate(added.floor_char_boundary(LOG_BYTES_MAX / 2));
        let file = disk.open_update(&path, true)?;
        let end = file.bytes()?;
        if end as usize + added.len() <= LOG_BYTES_MAX {
            return Ok(file.write_at(added.as_bytes(), end)?);
        }
        drop(file);
        let before = self.script_log()?;
        let half = before.floor_char_boundary(before.len().saturating_sub(LOG_BYTES_MAX / 2));
        let kept = before[half..].split_once('\n').map_or("", |(_, kept)| kept);
        Ok(replace_small(disk, &path, (kept.to_owned() + &added).as_bytes())?)
    }

    /// The log of the account's scripts, oldest lines first.
    pub fn script_log(&self) -> Result<String, StoreError> {
        match read_small(&*self.core.disk, &log_path(self), 2 * LOG_BYTES_MAX) {
            Ok(contents) => Ok(String::from_utf8_lossy(&contents).into_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error.into()),
        }
    }
}

fn log_path(account: &AccountMail) -> PathBuf {
    account.scripts_folder().join("log")
}
