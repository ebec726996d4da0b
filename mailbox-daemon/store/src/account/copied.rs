//! Folders with one generation of UIDs between them: somebody copied one by hand, or put back one that was renamed since.

use super::{AccountMail, Slot};
use crate::checksum;
use crate::error::StoreError;
use crate::state::State;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use types::MailboxName;

impl AccountMail {
    /// What the state of a folder says about where it belongs.
    pub(crate) fn place_sum(&self, folder: &Path) -> u64 {
        match folder.file_name() {
            Some(directory) if folder != self.root => checksum::of(directory.as_bytes()),
            _ => checksum::of(MailboxName::inbox().as_str().as_bytes()),
        }
    }

    /// Whether the state in a mailbox's folder is a copy of another mailbox's. All folders are looked at only when it does not
    /// say that it belongs there: RENAME leaves it as it is, and the next opening writes the new place down.
    pub(super) fn is_copied(
        &self,
        mailboxes: &HashMap<MailboxName, Slot>,
        name: &MailboxName,
        state: State,
    ) -> Result<bool, StoreError> {
        let generation = state.uid_validity;
        let opened = mailboxes.iter().filter(|(_, slot)| slot.uid_validity.get() == generation);
        let mut others = opened.map(|(other, _)| other).filter(|other| *other != name);
        let is_copied = others.any(|other| self.is_of_generation(other, generation))
            || (state.place_sum != self.place_sum(&self.folder(name)?)
                && self.is_shared(name, generation)?);
        // A link to another mailbox's folder is in no list of mailboxes; that mailbox must not lose its state.
        match is_copied && !self.names()?.contains(name) {
            true => Err(StoreError::NoSuchMailbox),
            false => Ok(is_copied),
        }
    }

    /// Whether a mailbox of another name has the generation too.
    pub(super) fn is_shared(&self, name: &MailboxName, generation: u32) -> Result<bool, StoreError> {
        let names = self.names()?;
        Ok(names.iter().any(|other| other != name && self.is_of_generation(other, generation)))
    }

    fn is_of_generation(&self, name: &MailboxName, generation: u32) -> bool {
        self.folder(name).is_ok_and(|folder| self.uid_validity_of(&folder) == Some(generation))
    }
}
