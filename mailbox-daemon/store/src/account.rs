use crate::error::StoreError;
use crate::mailbox::Mailbox;
use crate::message::NewMessage;
use std::sync::Arc;
use types::{Address, MailboxName, SpecialUse};

/// One line of a mailbox list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxEntry {
    /// Its name.
    pub name: MailboxName,
    /// Whether it is a mailbox; otherwise only a name, with mailboxes below it or a subscription (RFC 9051: `\NonExistent`).
    pub exists: bool,
    /// Whether mailboxes lie below it.
    pub has_children: bool,
    /// Whether the user subscribed to it.
    pub subscribed: bool,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
}

/// One account's mailboxes.
pub struct AccountMail {}

impl AccountMail {
    /// Whose mail it is.
    pub fn address(&self) -> &Address {
        unimplemented!()
    }

    /// All mailboxes, the names above them and subscribed names, sorted with INBOX first.
    pub fn list(&self) -> Result<Vec<MailboxEntry>, StoreError> {
        unimplemented!()
    }

    /// Opens a mailbox, once for everybody.
    pub fn mailbox(&self, _name: &MailboxName) -> Result<Arc<Mailbox>, StoreError> {
        unimplemented!()
    }

    /// Makes a mailbox; durable on return.
    pub fn create(&self, _name: &MailboxName, _use: Option<SpecialUse>) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Deletes a mailbox with its messages; those below it stay (RFC 9051 section 6.3.5). Durable on return.
    pub fn delete(&self, _name: &MailboxName) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Renames a mailbox and all below it; renaming INBOX moves its messages and leaves it empty (RFC 9051 section 6.3.6).
    /// Durable on return.
    pub fn rename(&self, _from: &MailboxName, _to: &MailboxName) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Subscribes to a name or ends that; the mailbox need not exist. Durable on return.
    pub fn subscribe(&self, _name: &MailboxName, _subscribed: bool) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// A new message on this account's file system.
    pub fn new_message(&self) -> Result<NewMessage, StoreError> {
        unimplemented!()
    }
}
