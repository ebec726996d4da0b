//! How much mail an account holds: what open mailboxes say, and for the others what they said when they were closed.

use super::AccountMail;
use crate::error::StoreError;
use crate::locked;
use crate::mailbox::Status;
use std::sync::Arc;
use types::{MailboxName, Usage};

fn of(status: &Status) -> Usage {
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
            return Ok(of(&mailbox.status()));
        }
        // What another program puts into a closed one counts when it is opened again.
        match self.core.closed.get(&self.address, name) {
            Some((status, _)) => Ok(of(&status)),
            None => Ok(of(&self.mailbox(name)?.status())),
        }
    }
}
