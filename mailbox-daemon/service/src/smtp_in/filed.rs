//! Which mailboxes an account's copies lie in.

use super::errands::Errand;
use crate::sieve::Mishap;
use policy::sieve::{Content, Filing, Target};
use proto::imap::object_id::ObjectId;
use std::sync::Arc;
use store::{AccountMail, Mailbox, StoreError};
use types::{Flags, Keyword, MailboxName};

/// A message in one mailbox.
pub(super) struct Filed {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) flags: Flags,
    pub(super) keywords: Vec<Keyword>,
    pub(super) content: Content,
}

/// Where an account's copies lie, each mailbox and content once (RFC 5228 section 2.10.3). Places that cannot be had are those
/// of the implicit keep.
pub(super) fn filed(errand: &mut Errand) -> Result<Vec<Filed>, StoreError> {
    let mut all: Vec<Filed> = Vec::with_capacity(errand.plan.filings.len());
    for filing in std::mem::take(&mut errand.plan.filings) {
        let (mailbox, trouble) = place_of(&errand.account, &filing.target, &errand.keep_in)?;
        errand.mishaps.extend(trouble.map(|what| Mishap { kind: "mailbox", what }));
        let flags = flags_of(&filing);
        let same = all
            .iter_mut()
            .find(|other| Arc::ptr_eq(&other.mailbox, &mailbox) && other.content == filing.content);
        match same {
            Some(other) => {
                other.flags = other.flags.with(flags);
                let more = filing.keywords.into_iter().filter(|word| !other.keywords.contains(word));
                let more: Vec<Keyword> = more.collect();
                other.keywords.extend(more);
            }
            None => all.push(Filed { mailbox, flags, keywords: filing.keywords, content: filing.content }),
        }
    }
    Ok(all)
}

pub(super) fn flags_of(filing: &Filing) -> Flags {
    filing.flags.iter().fold(Flags::NONE, |flags, flag| flags.with(Flags::system(*flag)))
}

/// The mailbox that is meant, or the one of the implicit keep and why.
pub(super) fn place_of(
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
