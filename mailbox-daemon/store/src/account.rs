//! One account: a Maildir++ tree whose root is INBOX.

mod acl;
mod annotations;
mod closed;
mod copied;
mod ledger;
mod list;
mod scripts;
mod sharing;
mod special;
mod tree;
mod usage;

pub use acl::{Acl, AclEntry, Who};
pub use annotations::{AnnotationChange, Annotations};
pub(crate) use closed::ClosedMailboxes;
pub use list::MailboxEntry;
#[cfg(test)]
pub(crate) use scripts::{LOG_BYTES_MAX, ROWS_MAX};
pub use scripts::{MemoryRow, ScriptEntry, ScriptError, ScriptLimits, ScriptMemory, ScriptVersion};
pub(crate) use sharing::{Sharing, rights_in};

use crate::disk::FileKind;
use crate::error::StoreError;
use crate::journal::{MailboxChange, MailboxEvent};
use crate::locked;
use crate::mailbox::{Closed, Mailbox};
use crate::maildir::folder;
use crate::message::NewMessage;
use crate::state::StateFile;
use crate::store::Core;
use ledger::{Generations, SpecialUses, Subscriptions};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use types::{Address, MailboxName, UidValidity};

/// One account's mailboxes.
pub struct AccountMail {
    core: Arc<Core>,
    address: Address,
    root: PathBuf,
    /// Held while mailboxes are opened, made, renamed and deleted.
    mailboxes: Mutex<HashMap<MailboxName, Slot>>,
    /// Held while the small files at the root change.
    ledger: Mutex<()>,
    /// The list of mailboxes as last read.
    listing: Mutex<Option<list::Listing>>,
    /// Held while the full-text index is open.
    pub(crate) full_text: Mutex<()>,
}

/// A mailbox that is open, or was.
struct Slot {
    mailbox: Weak<Mailbox>,
    uid_validity: UidValidity,
    closed: Arc<Closed>,
}

impl AccountMail {
    pub(crate) fn open(core: &Arc<Core>, address: &Address) -> Result<Arc<AccountMail>, StoreError> {
        let account = AccountMail {
            core: Arc::clone(core),
            address: address.clone(),
            root: tree_of(core, "mail", address),
            mailboxes: Mutex::default(),
            ledger: Mutex::default(),
            listing: Mutex::default(),
            full_text: Mutex::default(),
        };
        match account.core.disk.stat(&account.root.join(Generations::FILE_NAME)) {
            Ok(_) => account.clean(),
            Err(_) => account.make()?,
        }
        Ok(Arc::new(account))
    }

    /// Whose mail it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn index_dir(&self) -> PathBuf {
        tree_of(&self.core, "index", &self.address)
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// Tells whoever listens what happened to a mailbox.
    pub(crate) fn note(&self, change: impl FnOnce() -> MailboxChange) {
        self.core.journal.note(|| MailboxEvent { account: self.address.clone(), change: change() });
    }

    /// A new message on this account's file system.
    pub fn new_message(&self) -> Result<NewMessage, StoreError> {
        self.core.committer.check()?;
        NewMessage::create(Arc::clone(&self.core.disk), &self.root.join("tmp"))
    }

    /// Opens a mailbox, once for everybody.
    pub fn mailbox(self: &Arc<Self>, name: &MailboxName) -> Result<Arc<Mailbox>, StoreError> {
        let mut mailboxes = locked(&self.mailboxes);
        if let Some(mailbox) = current(&mailboxes, name) {
            drop(mailboxes);
            self.core.keep_open(&mailbox);
            return Ok(mailbox);
        }
        let folder = self.existing_folder(name)?;
        let closed = Arc::<Closed>::default();
        let is_copied = |state| self.is_copied(&mailboxes, name, state);
        let mailbox = Mailbox::open(self, name, &folder, &is_copied, Arc::clone(&closed))?;
        let uid_validity = mailbox.uid_validity();
        mailboxes.insert(name.clone(), Slot { mailbox: Arc::downgrade(&mailbox), uid_validity, closed });
        drop(mailboxes);
        self.core.keep_open(&mailbox);
        Ok(mailbox)
    }

    /// Subscribes to a name or ends that; the mailbox need not exist. Durable on return.
    pub fn subscribe(&self, name: &MailboxName, subscribed: bool) -> Result<(), StoreError> {
        self.core.committer.check()?;
        folder::encode(name).ok_or(StoreError::NameUnfit)?;
        let _ledger = locked(&self.ledger);
        let mut subscriptions = Subscriptions::read(&*self.core.disk, &self.root)?;
        let found = subscriptions.0.binary_search(name);
        match (found, subscribed) {
            (Ok(_), true) | (Err(_), false) => return Ok(()),
            (Ok(at), false) => drop(subscriptions.0.remove(at)),
            (Err(_), true) if subscriptions.0.len() >= self.core.options.mailboxes_max => {
                return Err(StoreError::TooManyMailboxes);
            }
            (Err(at), true) => subscriptions.0.insert(at, name.clone()),
        }
        subscriptions.write(&*self.core.disk, &self.root)?;
        self.sync_root()?;
        self.note(|| MailboxChange::Subscribed(name.clone()));
        Ok(())
    }

    /// The mailboxes that are open.
    pub(crate) fn open_mailboxes(&self) -> Vec<Weak<Mailbox>> {
        let is_open = |slot: &&Slot| slot.mailbox.strong_count() > 0;
        locked(&self.mailboxes).values().filter(is_open).map(|slot| slot.mailbox.clone()).collect()
    }

    /// The generations of UIDs of all mailboxes there are.
    pub fn generations_in_use(&self) -> Result<Vec<UidValidity>, StoreError> {
        let mut generations = Vec::new();
        for name in self.names()? {
            generations.extend(self.uid_validity_of(&self.folder(&name)?).and_then(UidValidity::new));
        }
        Ok(generations)
    }

    /// Writes the indexes of all open mailboxes.
    pub(crate) fn flush(&self) {
        let open: Vec<_> =
            locked(&self.mailboxes).values().filter_map(|slot| slot.mailbox.upgrade()).collect();
        for mailbox in open {
            mailbox.flush();
        }
    }

    /// A generation of UIDs no mailbox of the account ever had, larger than all before. Durable with the next sync of everything.
    pub(crate) fn new_uid_validity(&self) -> Result<u32, StoreError> {
        let _ledger = locked(&self.ledger);
        let mut generations = self.generations()?;
        let generation = self.next_generation(&mut generations)?;
        generations.write(&*self.core.disk, &self.root)?;
        Ok(generation)
    }

    /// Larger than all before, whatever the clock says.
    fn next_generation(&self, generations: &mut Generations) -> Result<u32, StoreError> {
        let now = u32::try_from(self.core.disk.now_ns() / 1_000_000_000).unwrap_or(0);
        generations.last = now.max(generations.last.checked_add(1).ok_or(StoreError::UidsExhausted)?);
        Ok(generations.last)
    }

    /// What is known of generations; when the file is lost, what the folders say.
    fn generations(&self) -> Result<Generations, StoreError> {
        if let Some(generations) = Generations::read(&*self.core.disk, &self.root)? {
            return Ok(generations);
        }
        let mut generations = Generations::default();
        for name in self.names()? {
            generations.last = generations.last.max(self.uid_validity_of(&self.folder(&name)?).unwrap_or(0));
        }
        Ok(generations)
    }

    fn uid_validity_of(&self, folder: &Path) -> Option<u32> {
        let state = StateFile::open(&*self.core.disk, &folder.join(StateFile::NAME), 0, 0).ok()??;
        Some(state.state().uid_validity)
    }

    /// Where a mailbox of that name lies or would lie.
    fn folder(&self, name: &MailboxName) -> Result<PathBuf, StoreError> {
        match name.is_inbox() {
            true => Ok(self.root.clone()),
            false => Ok(self.root.join(folder::encode(name).ok_or(StoreError::NameUnfit)?)),
        }
    }

    /// Whether there is a mailbox of that name.
    pub fn exists(&self, name: &MailboxName) -> bool {
        self.existing_folder(name).is_ok()
    }

    fn existing_folder(&self, name: &MailboxName) -> Result<PathBuf, StoreError> {
        let folder = self.folder(name).map_err(|_| StoreError::NoSuchMailbox)?;
        match self.core.disk.stat(&folder) {
            Ok(stat) if stat.kind == FileKind::Directory => Ok(folder),
            Ok(_) => Err(StoreError::NoSuchMailbox),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(StoreError::NoSuchMailbox),
            Err(error) => Err(error.into()),
        }
    }

    fn sync_root(&self) -> Result<(), StoreError> {
        self.core.committer.run(|| self.core.disk.sync_dir(&self.root))
    }

    fn sync_everything(&self) -> Result<(), StoreError> {
        self.core.committer.run(|| self.core.disk.sync_file_system(&self.root))
    }
}

/// The mailbox if it is open; if it is just closing, waits until it has.
fn current(mailboxes: &HashMap<MailboxName, Slot>, name: &MailboxName) -> Option<Arc<Mailbox>> {
    let slot = mailboxes.get(name)?;
    let mailbox = slot.mailbox.upgrade();
    if mailbox.is_none() {
        slot.closed.wait();
    }
    mailbox
}

/// An account's directory in one of the store's trees.
fn tree_of(core: &Core, tree: &str, address: &Address) -> PathBuf {
    core.state_dir.join(tree).join(address.domain.as_str()).join(address.local.as_str())
}
