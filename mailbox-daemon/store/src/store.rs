use crate::account::AccountMail;
use crate::commit::Committer;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::message::NewMessage;
use std::path::Path;
use std::sync::Arc;
use types::Address;

/// What the store is told when it opens.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Mailboxes one account may have.
    pub mailboxes_max: usize,
}

/// All mail of the box. Clones are handles to the same store.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens the mail below `state_dir`; opening is recovery. `host` goes into the names of message files.
    pub fn open(_disk: Arc<dyn Disk>, _state_dir: &Path, _host: &str, _options: StoreOptions) -> Result<Store, StoreError> {
        unimplemented!()
    }

    /// The thread that makes things durable.
    pub fn committer(&self) -> &Committer {
        unimplemented!()
    }

    /// One account's mail, by its folded address; the tree and its usual mailboxes are made at the first use.
    pub fn account(&self, _address: &Address) -> Result<Arc<AccountMail>, StoreError> {
        unimplemented!()
    }

    /// A new message on the account's file system.
    pub fn new_message(&self, _account: &Address) -> Result<NewMessage, StoreError> {
        unimplemented!()
    }

    /// Moves the account's mail aside, to `removed/` below the state directory.
    pub fn remove_account(&self, _account: &Address) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Whether the committing thread runs and every sync so far has succeeded.
    pub fn is_alive(&self) -> bool {
        unimplemented!()
    }

    /// Writes the indexes and stops the threads.
    pub fn close(&self) {
        unimplemented!()
    }
}
