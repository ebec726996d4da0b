use super::{AccountMail, SpecialUses, Subscriptions};
use crate::disk::FileKind;
use crate::error::StoreError;
use crate::locked;
use crate::maildir::folder;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
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

/// A list of mailboxes and the times it was true at.
pub(super) struct Listing {
    times: [Option<i64>; 3],
    entries: Arc<Vec<MailboxEntry>>,
}

impl AccountMail {
    /// All mailboxes, the names above them and subscribed names, sorted with INBOX first. Three looks at times tell whether the
    /// list of before still holds, whoever changed something.
    pub fn list(&self) -> Result<Arc<Vec<MailboxEntry>>, StoreError> {
        let now = self.core.disk.now_ns();
        let times = self.list_times()?;
        if let Some(listing) = &*locked(&self.listing)
            && listing.times == times
        {
            return Ok(Arc::clone(&listing.entries));
        }
        let entries = Arc::new(self.read_list()?);
        let settled = now - self.core.disk.times_settle_ns(&self.root);
        let is_settled = times.iter().flatten().all(|time| *time < settled);
        *locked(&self.listing) = is_settled.then(|| Listing { times, entries: Arc::clone(&entries) });
        Ok(entries)
    }

    /// When the folder's names and the two files behind a list last changed.
    fn list_times(&self) -> Result<[Option<i64>; 3], StoreError> {
        let time = |path: &Path| -> Result<Option<i64>, StoreError> {
            match self.core.disk.stat(path) {
                Ok(stat) => Ok(Some(stat.modified_ns)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        let [uses, subscriptions] = [SpecialUses::FILE_NAME, Subscriptions::FILE_NAME];
        Ok([time(&self.root)?, time(&self.root.join(uses))?, time(&self.root.join(subscriptions))?])
    }

    fn read_list(&self) -> Result<Vec<MailboxEntry>, StoreError> {
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
