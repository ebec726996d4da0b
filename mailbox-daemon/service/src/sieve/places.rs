//! Which mailbox a script means.

use policy::sieve::{Filing, Target};
use proto::imap::object_id::ObjectId;
use std::sync::Arc;
use store::{AccountMail, Mailbox, StoreError};
use types::{Flags, MailboxName};

/// The system flags a copy gets.
pub(crate) fn flags_of(filing: &Filing) -> Flags {
    filing.flags.iter().fold(Flags::NONE, |flags, flag| flags.with(Flags::system(*flag)))
}

/// The mailbox that is meant, or the one of the implicit keep and why.
pub(crate) fn place_of(
    account: &Arc<AccountMail>,
    target: &Target,
    keep_in: &MailboxName,
) -> Result<(Arc<Mailbox>, Option<String>), StoreError> {
    match meant(account, target) {
        Ok(mailbox) => Ok((mailbox, None)),
        Err(error @ (StoreError::NoSuchMailbox | StoreError::TooManyMailboxes | StoreError::NameUnfit)) => {
            let trouble = format!("mail for the mailbox \"{}\" is in {keep_in}: {error}", target.mailbox);
            let kept = account.mailbox(keep_in).or_else(|_| account.mailbox(&MailboxName::inbox()));
            Ok((kept?, Some(trouble)))
        }
        Err(error) => Err(error),
    }
}

fn meant(account: &Arc<AccountMail>, target: &Target) -> Result<Arc<Mailbox>, StoreError> {
    let Target { mailbox: name, special_use, id, create } = target;
    if let Some(id) = id {
        for entry in account.list()?.iter().filter(|entry| entry.exists) {
            let mailbox = account.mailbox(&entry.name)?;
            if ObjectId::Mailbox(mailbox.id()).to_string() == *id {
                return Ok(mailbox);
            }
        }
    }
    if let Some(special_use) = special_use {
        let list = account.list()?;
        let marked = list.iter().find(|entry| entry.exists && entry.special_use == Some(*special_use));
        if let Some(entry) = marked {
            return account.mailbox(&entry.name);
        }
    }
    match account.mailbox(name) {
        Err(StoreError::NoSuchMailbox) if *create => {
            match account.create(name, *special_use) {
                // Somebody was faster.
                Ok(()) | Err(StoreError::MailboxExists) => account.subscribe(name, true)?,
                Err(error) => return Err(error),
            }
            account.mailbox(name)
        }
        found => found,
    }
}
