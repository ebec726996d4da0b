//! Making, renaming and removing folders.

use super::{AccountMail, SpecialUses, Subscriptions, current, tree_of};
use crate::disk::{FileKind, remove_tree};
use crate::error::StoreError;
use crate::index::Index;
use crate::journal::MailboxChange;
use crate::locked;
use crate::mailbox::Mailbox;
use crate::state::{State, StateFile};
use crate::store::Core;
use std::path::Path;
use std::sync::Arc;
use types::{Address, MailboxName, SequenceSet, SpecialUse};

/// What a deleted folder is called until it is empty.
const DELETED: &str = "..deleted-";
/// What a message being written is called where it cannot be nameless.
const SPOOL: &str = "spool-";

impl AccountMail {
    /// Makes the tree of a new account, or what an interrupted attempt left out. The file that says it is complete comes last.
    pub(super) fn make(&self) -> Result<(), StoreError> {
        self.core.committer.check()?;
        let disk = &self.core.disk;
        for dir in ["cur", "new", "tmp"] {
            disk.create_dir_all(&self.root.join(dir))?;
        }
        let _ledger = locked(&self.ledger);
        let mut generations = self.generations()?;
        self.make_state(&self.root, || self.next_generation(&mut generations))?;
        for special in SpecialUse::ALL {
            let folder = self.folder(&special.default_name())?;
            self.make_folder(&folder, || self.next_generation(&mut generations))?;
        }
        let mut subscriptions = Subscriptions::read(&**disk, &self.root)?;
        if subscriptions.0.is_empty() {
            subscriptions.0.push(MailboxName::inbox());
            subscriptions.0.extend(SpecialUse::ALL.map(SpecialUse::default_name));
            subscriptions.0.sort_unstable();
            subscriptions.write(&**disk, &self.root)?;
        }
        self.sync_everything()?;
        generations.write(&**disk, &self.root)?;
        self.sync_root()
    }

    /// Removes what an interrupted run left: nobody was told of it.
    pub(super) fn clean(&self) {
        let disk = &self.core.disk;
        let mut deleted = Vec::new();
        let _ = disk.read_dir(&self.root, &mut |name, _| {
            if name.to_string_lossy().starts_with(DELETED) {
                deleted.push(self.root.join(name));
            }
        });
        // What cannot be removed now is tried again by the next start.
        for dir in deleted {
            let _ = remove_tree(&**disk, &dir);
        }
        let tmp = self.root.join("tmp");
        let mut spools = Vec::new();
        let _ = disk.read_dir(&tmp, &mut |name, kind| {
            if kind == FileKind::File && name.to_string_lossy().starts_with(SPOOL) {
                spools.push(tmp.join(name));
            }
        });
        for path in spools {
            let _ = disk.remove_file(&path);
        }
    }

    /// Makes a mailbox; durable on return.
    pub fn create(&self, name: &MailboxName, special_use: Option<SpecialUse>) -> Result<(), StoreError> {
        self.core.committer.check()?;
        if name.is_inbox() {
            return Err(StoreError::MailboxExists);
        }
        let _mailboxes = locked(&self.mailboxes);
        let folder = self.folder(name)?;
        if self.core.disk.stat(&folder).is_ok() {
            return Err(StoreError::MailboxExists);
        }
        if self.names()?.len() >= self.core.options.mailboxes_max {
            return Err(StoreError::TooManyMailboxes);
        }
        let made = self.make_folder(&folder, || self.new_uid_validity());
        let made = made.and_then(|()| self.inherit_acl(name, &folder)).and_then(|()| match special_use {
            None => Ok(()),
            Some(special) => self.change_uses(|uses| uses.push((special, name.clone()))),
        });
        self.core.sharing.forget(&self.address);
        made.and_then(|()| self.sync_everything()).inspect_err(|_| {
            // Half a mailbox would be found again as a whole one.
            let _ = remove_tree(&*self.core.disk, &folder);
        })?;
        self.note(|| MailboxChange::Created(name.clone()));
        Ok(())
    }

    fn make_folder(
        &self,
        folder: &Path,
        uid_validity: impl FnOnce() -> Result<u32, StoreError>,
    ) -> Result<(), StoreError> {
        let disk = &self.core.disk;
        for dir in ["cur", "new", "tmp"] {
            disk.create_dir_all(&folder.join(dir))?;
        }
        // Tells Maildir++ programs that this is a folder and not an account.
        disk.open_update(&folder.join("maildirfolder"), true)?;
        self.make_state(folder, uid_validity)
    }

    fn make_state(
        &self,
        folder: &Path,
        uid_validity: impl FnOnce() -> Result<u32, StoreError>,
    ) -> Result<(), StoreError> {
        let path = folder.join(StateFile::NAME);
        if StateFile::open(&*self.core.disk, &path, 0, 0)?.is_some() {
            return Ok(());
        }
        let is_used = ["cur", "new"].iter().any(|dir| {
            let mut is_used = false;
            let _ = self.core.disk.read_dir(&folder.join(dir), &mut |_, _| is_used = true);
            is_used
        });
        if is_used {
            // An imported folder gets its state from what is in it, when it is opened.
            return Ok(());
        }
        let generation = uid_validity()?;
        StateFile::create(&*self.core.disk, &path, State::new(generation, 1, self.place_sum(folder)))?;
        Ok(())
    }

    /// What a mailbox is for.
    pub fn special_use(&self, name: &MailboxName) -> Result<Option<SpecialUse>, StoreError> {
        Ok(SpecialUses::read(&*self.core.disk, &self.root)?.of(name))
    }

    /// Says what a mailbox is for, and takes that use from whichever has it; durable on return, with the names of those.
    pub fn set_special_use(
        &self,
        name: &MailboxName,
        special: Option<SpecialUse>,
    ) -> Result<Vec<MailboxName>, StoreError> {
        self.core.committer.check()?;
        let mut without = Vec::new();
        self.change_uses(|uses| {
            uses.retain(|(other_use, other)| {
                let loses = Some(*other_use) == special && other != name;
                if loses {
                    without.push(other.clone());
                }
                !loses && other != name
            });
            uses.extend(special.map(|special| (special, name.clone())));
        })?;
        self.sync_root()?;
        without.retain(|name| self.exists(name));
        for changed in without.iter().chain([name]) {
            self.note(|| MailboxChange::Use(changed.clone()));
        }
        Ok(without)
    }

    fn change_uses(
        &self,
        change: impl FnOnce(&mut Vec<(SpecialUse, MailboxName)>),
    ) -> Result<(), StoreError> {
        let _ledger = locked(&self.ledger);
        let before = SpecialUses::read(&*self.core.disk, &self.root)?;
        let mut uses = before.clone();
        change(&mut uses.0);
        match uses == before {
            true => Ok(()),
            false => uses.write(&*self.core.disk, &self.root),
        }
    }

    fn give_up(&self, name: &MailboxName, uid_validity: u32) -> Result<(), StoreError> {
        let _ledger = locked(&self.ledger);
        let mut generations = self.generations()?;
        generations.give_up(name, uid_validity);
        generations.write(&*self.core.disk, &self.root)
    }

    /// Deletes a mailbox with its messages; those below it stay (RFC 9051 section 6.3.5). Durable on return.
    pub fn delete(&self, name: &MailboxName) -> Result<(), StoreError> {
        self.core.committer.check()?;
        if name.is_inbox() {
            return Err(StoreError::InboxStays);
        }
        let mut mailboxes = locked(&self.mailboxes);
        let folder = match self.existing_folder(name) {
            Err(StoreError::NoSuchMailbox) if self.names()?.iter().any(|other| other.is_below(name)) => {
                return Err(StoreError::HasChildren);
            }
            folder => folder?,
        };
        let uid_validity = self.uid_validity_of(&folder).unwrap_or(0);
        self.give_up(name, uid_validity)?;
        let aside = self.root.join(format!("{DELETED}{uid_validity:08x}"));
        let remove = || self.core.disk.rename(&folder, &aside);
        match current(&mailboxes, name) {
            Some(mailbox) => mailbox.delete(remove)?,
            None if self.is_shared(name, uid_validity)? => remove()?,
            None => {
                remove()?;
                Index::load(Arc::clone(&self.core.disk), &self.index_dir(), uid_validity).0.remove();
            }
        }
        mailboxes.remove(name);
        self.core.closed.forget(&self.address, name);
        drop(mailboxes);
        self.core.sharing.forget(&self.address);
        self.core.close_recent(Mailbox::is_deleted);
        self.change_uses(|uses| uses.retain(|(_, other)| other != name))?;
        self.sync_everything()?;
        self.note(|| MailboxChange::Deleted(name.clone()));
        // Its name is gone for good; what cannot be removed now is removed by the next start.
        let _ = remove_tree(&*self.core.disk, &aside);
        Ok(())
    }

    /// Renames a mailbox and all below it; renaming INBOX moves its messages and leaves it empty (RFC 9051 section 6.3.6).
    /// Durable on return.
    pub fn rename(self: &Arc<Self>, from: &MailboxName, to: &MailboxName) -> Result<(), StoreError> {
        self.core.committer.check()?;
        if from.is_inbox() {
            return self.rename_inbox(to);
        }
        let mut mailboxes = locked(&self.mailboxes);
        let names = self.names()?;
        let mut moves = Vec::new();
        for name in &names {
            if let Some(renamed) = name.renamed(from, to) {
                let renamed = renamed.map_err(|_| StoreError::NameUnfit)?;
                if renamed.is_inbox() || names.contains(&renamed) {
                    return Err(StoreError::MailboxExists);
                }
                moves.push((name.clone(), self.folder(&renamed)?, renamed));
            }
        }
        if moves.is_empty() {
            return Err(StoreError::NoSuchMailbox);
        }
        if names.contains(to) {
            return Err(StoreError::MailboxExists);
        }
        for (name, folder, renamed) in &moves {
            let mailbox = current(&mailboxes, name);
            let slot = mailboxes.remove(name);
            let is_regenerated = self.rename_folder(name, folder, renamed, mailbox.as_deref())?;
            for changed in [name, renamed] {
                self.core.closed.forget(&self.address, changed);
            }
            if let (Some(slot), false) = (slot, is_regenerated) {
                mailboxes.insert(renamed.clone(), slot);
            }
        }
        drop(mailboxes);
        self.core.sharing.forget(&self.address);
        self.core.close_recent(Mailbox::is_deleted);
        self.change_uses(|uses| {
            for (_, name) in uses {
                if let Some((_, _, renamed)) = moves.iter().find(|(old, _, _)| old == name) {
                    *name = renamed.clone();
                }
            }
        })?;
        self.sync_everything()?;
        self.note(|| MailboxChange::Renamed { from: from.clone(), to: to.clone() });
        Ok(())
    }

    /// Renames one folder. Whether it got a new generation of UIDs, because its new name had a later one before.
    fn rename_folder(
        &self,
        name: &MailboxName,
        to: &Path,
        renamed: &MailboxName,
        mailbox: Option<&Mailbox>,
    ) -> Result<bool, StoreError> {
        let disk = &self.core.disk;
        let from = self.folder(name)?;
        let uid_validity = self.uid_validity_of(&from).unwrap_or(0);
        self.give_up(name, uid_validity)?;
        if self.generations()?.fits(renamed, uid_validity) {
            disk.rename(&from, to)?;
            if let Some(mailbox) = mailbox {
                mailbox.moved(renamed, to);
            }
            return Ok(false);
        }
        let new_generation = self.new_uid_validity()?;
        let rename = || -> Result<(), StoreError> {
            let path = from.join(StateFile::NAME);
            if let Some(file) = StateFile::open(&**disk, &path, 0, 0)? {
                let place_sum = self.place_sum(to);
                let state = State { uid_validity: new_generation, place_sum, ..file.state() };
                StateFile::create(&**disk, &path, state)?;
            }
            Ok(disk.rename(&from, to)?)
        };
        match mailbox {
            // For those who look at it, it is deleted.
            Some(mailbox) => mailbox.delete(rename)?,
            None => rename()?,
        }
        Ok(true)
    }

    fn rename_inbox(self: &Arc<Self>, to: &MailboxName) -> Result<(), StoreError> {
        self.create(to, None)?;
        self.copy_annotations(&MailboxName::inbox(), to)?;
        let (inbox, target) = (self.mailbox(&MailboxName::inbox())?, self.mailbox(to)?);
        let everything = SequenceSet::all();
        inbox.move_to(&everything, &target)?.ticket.wait()
    }

    /// Moves an account's tree aside and forgets its index.
    pub(crate) fn remove(
        core: &Arc<Core>,
        address: &Address,
        account: Option<&AccountMail>,
    ) -> Result<(), StoreError> {
        core.committer.check()?;
        core.sharing.forget(address);
        core.closed.forget_account(address);
        let (disk, root) = (&core.disk, tree_of(core, "mail", address));
        if let Some(account) = account {
            let mailboxes = locked(&account.mailboxes);
            for name in mailboxes.keys() {
                if let Some(mailbox) = current(&mailboxes, name) {
                    mailbox.delete(|| Ok::<(), StoreError>(()))?;
                }
            }
        }
        if disk.stat(&root).is_err() {
            return Ok(());
        }
        let removed = core.state_dir.join("removed").join(address.domain.as_str());
        disk.create_dir_all(&removed)?;
        let name = format!("{}-{}", address.local.as_str(), disk.now_ns());
        disk.rename(&root, &removed.join(name))?;
        core.committer.run(|| disk.sync_file_system(&core.state_dir))?;
        let index = tree_of(core, "index", address);
        if disk.stat(&index).is_ok() {
            remove_tree(&**disk, &index)?;
        }
        Ok(())
    }
}
