use super::{AccountMail, SpecialUses, Subscriptions};
use crate::disk::FileKind;
use crate::error::StoreError;
use crate::maildir::folder;
use std::collections::BTreeMap;
use types::{MailboxName, SpecialUse};

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

impl AccountMail {
    /// All mailboxes, the names above them and subscribed names, sorted with INBOX first.
    pub fn list(&self) -> Result<Vec<MailboxEntry>, StoreError> {
        let uses = SpecialUses::read(&*self.core.disk, &self.root)?;
        let subscriptions = Subscriptions::read(&*self.core.disk, &self.root)?;
        let mut entries = BTreeMap::new();
        for name in self.names()? {
            let entry = entry_of(&mut entries, &name);
            entry.exists = true;
            entry.special_use = uses.of(&name);
            let mut below = name;
            while let Some(above) = below.parent() {
                entry_of(&mut entries, &above).has_children = true;
                below = above;
            }
        }
        for name in &subscriptions.0 {
            entry_of(&mut entries, name).subscribed = true;
        }
        let mut entries: Vec<MailboxEntry> = entries.into_values().collect();
        entries.sort_by_key(|entry| !entry.name.is_inbox());
        Ok(entries)
    }

    /// The names of all mailboxes, whoever made them, in no order.
    pub(super) fn names(&self) -> Result<Vec<MailboxName>, StoreError> {
        let mut names = vec![MailboxName::inbox()];
        self.core.disk.read_dir(&self.root, &mut |name, kind| {
            if kind == FileKind::Directory
                && let Some(name) = name.to_str().and_then(folder::decode)
            {
                names.push(name);
            }
        })?;
        Ok(names)
    }
}

impl MailboxEntry {
    /// A name and nothing more.
    pub fn level(name: &MailboxName) -> MailboxEntry {
        MailboxEntry {
            name: name.clone(),
            exists: false,
            has_children: false,
            subscribed: false,
            special_use: None,
        }
    }
}

fn entry_of<'a>(
    entries: &'a mut BTreeMap<MailboxName, MailboxEntry>,
    name: &MailboxName,
) -> &'a mut MailboxEntry {
    entries.entry(name.clone()).or_insert_with_key(MailboxEntry::level)
}
