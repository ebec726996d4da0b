//! Which mailboxes are shared, remembered per account: one look through its folders after a start, none until somebody changes a list.

use super::{AccountMail, Acl, Who};
use crate::error::StoreError;
use crate::locked;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use types::{Address, MailboxName, Rights};

/// The mailboxes of one account that have a list.
pub(crate) type SharedFolders = Arc<Vec<(MailboxName, Acl)>>;

/// What is remembered of all accounts. A list another program changes is obeyed at once where a mailbox is used; in lists of
/// mailboxes it shows after the next change here or the next start.
#[derive(Default)]
pub(crate) struct Sharing {
    known: Mutex<HashMap<Address, SharedFolders>>,
    /// Counts changes, so that what was read before one is not remembered after it.
    changes: Mutex<u64>,
}

impl Sharing {
    /// A list of the account changed.
    pub(crate) fn forget(&self, account: &Address) {
        *locked(&self.changes) += 1;
        locked(&self.known).remove(account);
    }

    /// How often anything changed.
    pub(crate) fn changes(&self) -> u64 {
        *locked(&self.changes)
    }

    pub(crate) fn known(&self, account: &Address) -> Option<SharedFolders> {
        locked(&self.known).get(account).cloned()
    }

    fn remember(&self, account: &Address, folders: &SharedFolders, changes_before: u64) {
        let changes = locked(&self.changes);
        if *changes == changes_before {
            locked(&self.known).insert(account.clone(), Arc::clone(folders));
        }
    }
}

impl AccountMail {
    /// The mailboxes that have a list, by name.
    pub(crate) fn shared_folders(&self) -> Result<SharedFolders, StoreError> {
        if let Some(known) = self.core.sharing.known(&self.address) {
            return Ok(known);
        }
        let changes_before = self.core.sharing.changes();
        let folders = self.read_acls()?;
        self.core.sharing.remember(&self.address, &folders, changes_before);
        Ok(folders)
    }

    /// Takes away all rights somebody was given by name; durable on return.
    pub fn withdraw(&self, who: &Address) -> Result<(), StoreError> {
        let who = Who::Account(who.clone());
        for (name, acl) in self.shared_folders()?.iter() {
            if acl.0.iter().any(|entry| entry.who == who) {
                self.change_acl(name, |acl| acl.0.retain(|entry| entry.who != who))?;
            }
        }
        Ok(())
    }

    /// What `who` may do with the mailboxes that are not simply their owner's.
    pub fn shared_rights(&self, who: &Address) -> Result<Vec<(MailboxName, Rights)>, StoreError> {
        Ok(rights_in(&self.shared_folders()?, who, &self.address))
    }
}

/// What `who` may do with an owner's folders.
pub(crate) fn rights_in(
    folders: &SharedFolders,
    who: &Address,
    owner: &Address,
) -> Vec<(MailboxName, Rights)> {
    let rights = folders.iter().map(|(name, acl)| (name.clone(), acl.rights_of(who, owner)));
    rights.filter(|(_, rights)| !rights.is_empty()).collect()
}
