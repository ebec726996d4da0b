use super::AccountMail;
use crate::error::StoreError;
use crate::mailbox::Mailbox;
use std::sync::Arc;
use types::{MailboxName, SpecialUse};

impl AccountMail {
    /// The mailbox with a special use: the one marked with it, else the one of that name, which is made where it is missing.
    pub fn special_mailbox(
        self: &Arc<Self>,
        special_use: SpecialUse,
        name: &MailboxName,
    ) -> Result<Arc<Mailbox>, StoreError> {
        let list = self.list()?;
        let marked = list.iter().find(|entry| entry.exists && entry.special_use == Some(special_use));
        if let Some(entry) = marked {
            return self.mailbox(&entry.name);
        }
        if !self.exists(name) {
            match self.create(name, Some(special_use)) {
                // Somebody was faster.
                Ok(()) | Err(StoreError::MailboxExists) => self.subscribe(name, true)?,
                Err(error) => return Err(error),
            }
        }
        self.mailbox(name)
    }
}
