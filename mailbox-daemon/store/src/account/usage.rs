//! How much mail an account holds: what open mailboxes say, and for the others what they said when they were closed.

use super::AccountMail;
use crate::error::StoreError;
use crate::locked;
use crate::mailbox::Mailbox;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use types::{Address, MailboxName, Usage};

/// What closed mailboxes hold, since the start. What another program puts into one counts when it is opened again.
#[derive(Default)]
pub(crate) struct ClosedUsage(Mutex<HashMap<Address, HashMap<MailboxName, Usage>>>);

impl ClosedUsage {
    /// A mailbox is closed.
    pub(crate) fn record(&self, mailbox: &Mailbox) {
        let (name, usage) = (mailbox.name(), of(mailbox));
        let mut accounts = locked(&self.0);
        accounts.entry(mailbox.account().address().clone()).or_default().insert(name, usage);
    }

    /// A name means another mailbox from now on, or none.
    pub(super) fn forget(&self, account: &Address, name: &MailboxName) {
        if let Some(mailboxes) = locked(&self.0).get_mut(account) {
            mailboxes.remove(name);
        }
    }

    pub(super) fn forget_account(&self, account: &Address) {
        locked(&self.0).remove(account);
    }

    fn get(&self, account: &Address, name: &MailboxName) -> Option<Usage> {
        locked(&self.0).get(account)?.get(name).copied()
    }
}

fn of(mailbox: &Mailbox) -> Usage {
    let status = mailbox.status();
    Usage { messages: u64::from(status.messages), bytes: status.bytes }
}

impl AccountMail {
    /// What all mailboxes hold together. A mailbox that was never opened since the start is opened.
    pub fn usage(self: &Arc<Self>) -> Result<Usage, StoreError> {
        let mut total = Usage::default();
        for name in self.names()? {
            let usage = match self.usage_of(&name) {
                Err(StoreError::NoSuchMailbox) => continue,
                usage => usage?,
            };
            total.messages += usage.messages;
            total.bytes = total.bytes.saturating_add(usage.bytes);
        }
        Ok(total)
    }

    fn usage_of(self: &Arc<Self>, name: &MailboxName) -> Result<Usage, StoreError> {
        let open = locked(&self.mailboxes).get(name).and_then(|slot| slot.mailbox.upgrade());
        if let Some(mailbox) = open {
            return Ok(of(&mailbox));
        }
        match self.core.closed_usage.get(&self.address, name) {
            Some(usage) => Ok(usage),
            None => Ok(of(&*self.mailbox(name)?)),
        }
    }
}
